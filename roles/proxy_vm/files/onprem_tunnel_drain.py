#!/usr/bin/env python3
# Copyright (c) 2026 The lakehouse.onprem_tunnel authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Take this proxy out of the load balancers without touching a connection, and wait until it carries none.

The health check answers 503 at once, for all resources, also after a reboot, until --undo. Standard library only.
"""

import argparse
import datetime
import http.client
import json
import os
import pwd
import sys
import time

# The health check is installed together with this command.
sys.dont_write_bytecode = True
sys.path.append("/usr/local/lib/onprem-tunnel")
import onprem_tunnel_health as health

SETTINGS = "/etc/onprem-tunnel/health.json"
POLL = 0.5  # seconds between two counts of the connections
PROGRESS = 10  # seconds between two lines that say how many are left
PEER_TIMEOUT = 1.5  # seconds for each answer of a health check
GONE, FAILED, LEFT, INTERRUPTED = 0, 1, 3, 130

EPILOG = """\
exit codes:
  0  drained: no connection is left (or: undone, or: what --status and --dry-run had to say)
  1  refused or failed; nothing has changed
  3  the deadline has passed with connections left; the proxy stays draining
"""


class Failure(Exception):
    """What keeps the command from its work, as a message for people."""


# --- the other proxies


def healthy_there(endpoint, names):
    """Those of the resources that the health check at this endpoint calls healthy."""
    healthy = []
    for name in names:
        connection = http.client.HTTPConnection(*endpoint, timeout=PEER_TIMEOUT)
        try:
            connection.request("GET", f"/healthz/{name}")
            if connection.getresponse().status == 200:
                healthy.append(name)
        except (OSError, http.client.HTTPException):
            break  # It does not answer at all: asking for the others takes as long each.
        finally:
            connection.close()
    return healthy


def healthy_nowhere_else(settings, names):
    """Those of the resources that no peer has."""
    left = list(names)
    for peer in settings["peers"].values():
        found = healthy_there(peer, left)
        left = [name for name in left if name not in found]
    return left


def refusal(settings, names):
    peers = ", ".join(settings["peers"]) or "there is none"
    return Failure(
        f"Not drained: only this proxy has a healthy path to {', '.join(names)} (asked the other proxies: {peers}). "
        "Mend or undrain another proxy first, or cut these resources off with --force."
    )


# --- the flag


def write_flag(path):
    """Set the flag so that it is whole or not there at all, and outlives a crash of the machine."""
    content = {
        "since": datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="seconds"),
        "by": os.environ.get("SUDO_USER") or pwd.getpwuid(os.getuid()).pw_name,
    }
    unfinished = f"{path}.{os.getpid()}"
    try:
        os.makedirs(os.path.dirname(path), exist_ok=True)
        try:
            with open(unfinished, "w", encoding="utf-8") as handle:
                handle.write(json.dumps(content) + "\n")
                handle.flush()
                os.fchmod(handle.fileno(), 0o644)  # The health check reads it with a user of its own.
                os.fsync(handle.fileno())
            os.rename(unfinished, path)
        except BaseException:
            if os.path.exists(unfinished):
                os.unlink(unfinished)
            raise
        sync_folder(path)
    except OSError as error:
        raise Failure(f"Not drained: cannot write {path}: {error.strerror}{hint(error)}.") from None


def remove_flag(path):
    """Whether the flag was there."""
    try:
        os.unlink(path)
        sync_folder(path)
    except (FileNotFoundError, NotADirectoryError):
        return False
    except OSError as error:
        raise Failure(f"Still draining: cannot remove {path}: {error.strerror}{hint(error)}.") from None
    return True


def sync_folder(path):
    folder = os.open(os.path.dirname(path), os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def hint(error):
    return "; run it as root" if isinstance(error, PermissionError) else ""


def describe_flag(path):
    flag = health.read_flag(path)
    return f"since {flag.get('since', 'an unknown time')}, by {flag.get('by', 'an unknown user')}"


def flag_age(path):
    try:
        return max(0.0, time.time() - os.stat(path).st_mtime)
    except OSError:
        return 0.0


# --- the connections


def count_connections(settings):
    """{resource: number} of the forwarders that have connections; by itself, because the health check may be down."""
    forwarders = {name: resource["forwarder"] for name, resource in settings["resources"].items()}
    connections = health.look_at_sockets(forwarders.values()).connections
    return {name: connections[endpoint] for name, endpoint in forwarders.items() if connections.get(endpoint)}


def show_counts(counts):
    return ", ".join(f"{name}: {count}" for name, count in counts.items()) or "none"


def wait(settings, timeout, settle):
    """Wait until no connection is left. A load balancer needs some seconds to notice and sends new ones until then."""
    flag = settings["drain_flag"]
    started = time.monotonic()
    told = None
    while True:
        if not os.path.exists(flag):
            raise Failure("Somebody has ended the draining in the meantime; this proxy takes connections again.")
        counts = count_connections(settings)
        waited = time.monotonic() - started
        if not counts and (flag_age(flag) >= settle or waited >= timeout):
            say("Drained: no connection is left.")
            return GONE
        if waited >= timeout:
            complain(
                f"Not drained after {timeout:g} s: connections are left ({show_counts(counts)}). The proxy stays "
                "draining. Run this again to wait on, end these connections at their clients, "
                "or stop the proxy and cut them; --undo ends the draining."
            )
            return LEFT
        if told is None or waited - told >= PROGRESS:
            told = waited
            say(f"After {waited:.0f} s, connections left: {show_counts(counts)}")
        time.sleep(min(POLL, max(0.0, timeout - waited)))


# --- the command


def say(line):
    print(line, flush=True)


def complain(line):
    print(line, file=sys.stderr, flush=True)


def drain(settings, options):
    flag = settings["drain_flag"]
    if os.path.exists(flag):
        say(f"Already draining, {describe_flag(flag)}.")
        return GONE if options.dry_run else wait(settings, options.timeout, options.settle)
    needed = []
    if not options.force:
        needed = healthy_there(settings["bind"], settings["resources"])
        missing = healthy_nowhere_else(settings, needed)
        if missing:
            raise refusal(settings, missing)
    if options.dry_run:
        say("Would be draining.")
        return GONE
    write_flag(flag)
    # Asked once more, in case another proxy has begun to drain at the same moment.
    missing = healthy_nowhere_else(settings, needed)
    if missing:
        remove_flag(flag)
        raise refusal(settings, missing)
    say("Draining: the health check answers 503 from now on.")
    return wait(settings, options.timeout, options.settle)


def undo(settings, options):
    flag = settings["drain_flag"]
    was_draining = os.path.exists(flag) if options.dry_run else remove_flag(flag)
    if not was_draining:
        say("Was not draining.")
    else:
        say("Would be undrained." if options.dry_run else "Undrained: the health check tells the tunnels' state again.")
    return GONE


def show_status(settings):
    flag = settings["drain_flag"]
    say(f"Draining, {describe_flag(flag)}." if os.path.exists(flag) else "Not draining.")
    say(f"Connections: {show_counts(count_connections(settings))}")
    return GONE


def seconds(text):
    value = float(text)
    if not 0 <= value < float("inf"):
        raise ValueError(text)
    return value


def main(arguments=None):
    parser = argparse.ArgumentParser(
        prog="onprem-tunnel-drain",
        description=__doc__,
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    action = parser.add_mutually_exclusive_group()
    action.add_argument("--undo", action="store_true", help="end the draining")
    action.add_argument("--status", action="store_true", help="say whether it drains, and count its connections")
    parser.add_argument(
        "--timeout", type=seconds, default=600, metavar="SECONDS", help="how long to wait (default: %(default)s)"
    )
    parser.add_argument(
        "--settle",
        type=seconds,
        default=15,
        metavar="SECONDS",
        help="wait at least this long after the start of the draining, also without connections, "
        "because a load balancer sends new ones until it has noticed (default: %(default)s)",
    )
    parser.add_argument(
        "--force", action="store_true", help="drain even if a resource has a healthy path through this proxy only"
    )
    parser.add_argument("--dry-run", action="store_true", help="say what would happen, and change nothing")
    parser.add_argument("--settings", default=SETTINGS, metavar="FILE", help="default: %(default)s")
    options = parser.parse_args(arguments)
    os.umask(0o022)  # The health check looks for the flag with a user of its own.
    try:
        settings = health.read_settings(options.settings)
    except health.SettingsError as error:
        complain(error)
        return FAILED
    try:
        if options.status:
            return show_status(settings)
        return undo(settings, options) if options.undo else drain(settings, options)
    except Failure as error:
        complain(error)
        return FAILED
    except KeyboardInterrupt:
        is_draining = os.path.exists(settings["drain_flag"])
        complain(
            "Interrupted. The proxy stays draining; --undo ends it." if is_draining else "Interrupted; nothing changed."
        )
        return INTERRUPTED


if __name__ == "__main__":
    sys.exit(main())
