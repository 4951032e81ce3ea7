#!/usr/bin/env python3
# Copyright (c) 2026 The lakehouse.onprem_tunnel authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Names of a tunnel host: looks up the names that the tunnels need, and writes them down as ssh's /etc/hosts.

ssh waits for each look-up, and everything else in its tunnel waits with it: a name server that hangs would stop every
resource, and the heartbeat too. So ssh reads this file instead. A name whose look-up fails keeps its last addresses.

Standard library only, Python 3.9 or later.
"""

import argparse
import json
import os
import signal
import socket
import sys
import threading
from concurrent.futures import ThreadPoolExecutor

INTERVAL = 10.0  # seconds between two look-ups of a name
WORKERS = 16  # look-ups at a time; one that hangs delays no other
HEAD = "127.0.0.1 localhost\n::1 localhost\n"


class SettingsError(Exception):
    """The settings file is not usable; the message says why."""


def read_settings(path):
    """The names to look up."""
    try:
        with open(path, encoding="utf-8") as handle:
            names = json.load(handle)["names"]
    except OSError as error:
        raise SettingsError(f"{path}: {error.strerror}") from None
    except (ValueError, TypeError) as error:
        raise SettingsError(f"{path}: {error}") from None
    except KeyError as error:
        raise SettingsError(f"{path}: {error} is missing") from None
    for name in names:
        if not isinstance(name, str) or not name or not name.isprintable() or set(name) & set(" \t#"):
            raise SettingsError(f"{path}: {name!r} is not a name")
    return list(dict.fromkeys(names))


def look_up(name):
    """The addresses of a name, in the order in which they are to be tried."""
    answers = socket.getaddrinfo(name, None, 0, socket.SOCK_STREAM)
    return list(dict.fromkeys(address[0] for _family, _kind, _protocol, _name, address in answers))


class Hosts:
    """The file of names. It is changed in place, because ssh's view of it is a mount of this very file."""

    def __init__(self, path, names):
        self.path = path
        self.lock = threading.Lock()
        self.addresses = {name: known for name, known in self.read().items() if name in names}
        self.write()

    def read(self):
        """What the last run knew."""
        found = {}
        try:
            with open(self.path, encoding="utf-8") as handle:
                for address, name in (line.split() for line in handle if len(line.split()) == 2):
                    found.setdefault(name, []).append(address)
        except (OSError, ValueError):
            pass
        return found

    def learn(self, name, addresses):
        with self.lock:
            before = self.addresses.get(name, [])
            if set(addresses) == set(before):  # a name server may turn them round each time
                return
            self.addresses[name] = addresses
            self.write()
        print(f"{name}: {', '.join(before) or 'unknown'} -> {', '.join(addresses)}", flush=True)

    def write(self):
        lines = [f"{address} {name}\n" for name, known in sorted(self.addresses.items()) for address in known]
        content = (HEAD + "".join(lines)).encode()
        handle = os.open(self.path, os.O_RDWR | os.O_CREAT, 0o644)
        try:
            # Whoever reads it between these two calls finds empty lines at its end, and never half of an old one.
            old = os.fstat(handle).st_size
            os.pwrite(handle, content + b"\n" * max(0, old - len(content)), 0)
            os.ftruncate(handle, len(content))
        finally:
            os.close(handle)


def refresh(name, hosts, failing):
    """Look one name up, and tell when it begins and ends to fail."""
    try:
        hosts.learn(name, look_up(name))
        failing.discard(name)
    except (OSError, UnicodeError) as error:
        if name not in failing:
            failing.add(name)
            kept = ", ".join(hosts.addresses.get(name, ["none"]))
            print(
                f"{name}: {getattr(error, 'strerror', None) or error}; still taken for {kept}",
                file=sys.stderr,
                flush=True,
            )


def keep_looking(names, hosts, stop, interval=INTERVAL):
    failing = set()
    pool = ThreadPoolExecutor(max_workers=max(1, min(WORKERS, len(names))))
    running = {}
    while True:
        for name in names:
            if name not in running or running[name].done():
                running[name] = pool.submit(refresh, name, hosts, failing)
        if stop.wait(interval):
            break
    pool.shutdown(wait=False)


def main(arguments=None):
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("settings", help="JSON file with the names")
    parser.add_argument("--hosts", help="file to write, in the format of /etc/hosts")
    parser.add_argument("--check", action="store_true", help="only say whether the settings are usable")
    options = parser.parse_args(arguments)
    try:
        names = read_settings(options.settings)
    except SettingsError as error:
        print(error, file=sys.stderr)
        return 1
    if options.check:
        return 0
    if not options.hosts:
        parser.error("--hosts is missing")
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    hosts = Hosts(options.hosts, names)
    print(f"looking up {len(names)} names, each every {INTERVAL:g} s", flush=True)
    keep_looking(names, hosts, stop)
    os._exit(0)  # a look-up in progress is not waited for


if __name__ == "__main__":
    sys.exit(main())
