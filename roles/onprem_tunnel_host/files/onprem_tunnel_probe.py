#!/usr/bin/env python3
# Copyright (c) 2026 The lakehouse.onprem_tunnel authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Probe of a tunnel host: looks at every resource, in the way that its engine tolerates, and writes down what it saw.

The heartbeat hands the verdicts on. Each resource is looked at once an interval; the looks are spread over it, so that
neither the databases nor this host see them all at once. A look that hangs delays no other.

Standard library only, Python 3.9 or later.
"""

import argparse
import json
import os
import signal
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor

from onprem_tunnel_greetings import PROBES, greet

MIN_INTERVAL = 30.0  # seconds; MySQL and MariaDB log a line for each look
WORKERS = 16  # looks at a time; each ends after its timeout at the latest


class SettingsError(Exception):
    """The settings file is not usable; the message says why."""


def read_settings(path):
    """interval and timeout in seconds, and the resources: name, probe, host and port of each."""
    try:
        with open(path, encoding="utf-8") as handle:
            raw = json.load(handle)
        settings = {"interval": float(raw["interval"]), "timeout": float(raw["timeout"]), "resources": []}
        for entry in raw["resources"]:
            resource = {key: str(entry[key]) for key in ("name", "probe", "host")}
            settings["resources"].append({**resource, "port": int(entry["port"])})
    except OSError as error:
        raise SettingsError(f"{path}: {error.strerror}") from None
    except (ValueError, TypeError) as error:
        raise SettingsError(f"{path}: {error}") from None
    except KeyError as error:
        raise SettingsError(f"{path}: {error} is missing") from None
    if settings["interval"] < MIN_INTERVAL:
        raise SettingsError(f"{path}: an interval of {settings['interval']:g} s is less than {MIN_INTERVAL:g} s")
    if not 0 < settings["timeout"] < settings["interval"]:
        raise SettingsError(f"{path}: the timeout must be more than 0 and less than the interval")
    for resource in settings["resources"]:
        if resource["probe"] not in PROBES:
            raise SettingsError(f"{path}: {resource['name']}: '{resource['probe']}' is none of {', '.join(PROBES)}")
    return settings


class Verdicts:
    """The last verdict on each resource, in a file that is whole whenever somebody reads it."""

    def __init__(self, path, clock=time.time):
        self.path = path
        self.clock = clock
        self.lock = threading.Lock()
        self.resources = {}

    def add(self, name, verdict):
        entry = {"verdict": verdict["verdict"], "milliseconds": verdict["milliseconds"], "time": round(self.clock(), 1)}
        if verdict["verdict"] != "up":  # a version number is nobody's business beyond this host
            entry["detail"] = verdict["detail"]
        with self.lock:
            before = self.resources.get(name, {}).get("verdict")
            self.resources[name] = entry
            beside = self.path + ".new"
            with open(beside, "w", encoding="utf-8") as handle:
                json.dump({"resources": self.resources}, handle)
            os.replace(beside, self.path)
        if before != entry["verdict"]:
            print(f"{name}: {before or 'not seen before'} -> {entry['verdict']} {entry.get('detail', '')}", flush=True)


def schedule(resources, interval):
    """(seconds after a round's start, resource) of a round; spread, so that they don't all come at once."""
    return [(index * interval / len(resources), resource) for index, resource in enumerate(resources)]


def look(resource, timeout, verdicts):
    try:
        verdicts.add(resource["name"], greet(resource["host"], resource["port"], resource["probe"], timeout))
    except (
        OSError,
        RuntimeError,
        MemoryError,
    ) as error:  # no thread or no space left: others are looked at all the same
        print(f"{resource['name']}: {error!r}", file=sys.stderr, flush=True)


def keep_looking(settings, verdicts, stop):
    """Look at everything at once, so that verdicts are there soon; then once an interval, spread over it."""
    resources, interval = settings["resources"], settings["interval"]
    pool = ThreadPoolExecutor(max_workers=max(1, min(WORKERS, len(resources))))
    running = {resource["name"]: pool.submit(look, resource, settings["timeout"], verdicts) for resource in resources}
    round_start = time.monotonic()
    while not stop.is_set():
        round_start += interval
        for offset, resource in schedule(resources, interval):
            if stop.wait(max(0.0, round_start + offset - time.monotonic())):
                break
            if running[resource["name"]].done():
                running[resource["name"]] = pool.submit(look, resource, settings["timeout"], verdicts)
        else:
            if not resources:
                stop.wait()
    pool.shutdown(wait=False)


def main(arguments=None):
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("settings", help="JSON file with interval, timeout and resources")
    parser.add_argument("--verdicts", help="JSON file to write the verdicts to")
    parser.add_argument("--check", action="store_true", help="only say whether the settings are usable")
    options = parser.parse_args(arguments)
    try:
        settings = read_settings(options.settings)
    except SettingsError as error:
        print(error, file=sys.stderr)
        return 1
    if options.check:
        return 0
    if not options.verdicts:
        parser.error("--verdicts is missing")
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    print(f"looking at {len(settings['resources'])} resources, each every {settings['interval']:g} s", flush=True)
    keep_looking(settings, Verdicts(options.verdicts), stop)
    os._exit(0)  # a look in progress is not waited for


if __name__ == "__main__":
    sys.exit(main())
