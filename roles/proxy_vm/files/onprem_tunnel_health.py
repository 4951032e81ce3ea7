#!/usr/bin/env python3
# Copyright (c) 2026 The lakehouse.onprem_tunnel authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""HTTP health check of a proxy VM: tells a load balancer whether the path to each resource is whole.

It looks at the VM's listening sockets once a second and answers every request from memory, so no request can make it
open a connection or wait. A resource is healthy while its forwarder listens and at least one of its listeners, the
tunnels' ends, is open. A look that is older than MAX_AGE seconds counts as a failure of its own.

  GET /healthz             200 if all resources are healthy, else 503
  GET /healthz/<resource>  200 or 503 for this resource, 404 if the proxy does not carry it

Standard library only, Python 3.9 or later: a proxy may have no way to a package index.
"""

import argparse
import asyncio
import ipaddress
import json
import signal
import sys
import time

LOOK_INTERVAL = 1.0  # seconds between two looks at the sockets
MAX_AGE = 3.0  # seconds after which a look is no longer believed
REQUEST_TIMEOUT = 5.0  # seconds that a client has for its request, and to take the answer
MAX_REQUEST = 8192  # bytes of a request line with its headers
MAX_CLIENTS = 256  # connections at a time; further ones are closed at once
LISTEN_STATE = "0A"  # TCP_LISTEN in /proc/net/tcp

REASONS = {200: "OK", 400: "Bad Request", 404: "Not Found", 405: "Method Not Allowed", 503: "Service Unavailable"}


class SettingsError(Exception):
    """The settings file is not usable; the message says why."""


def parse_endpoint(text):
    """('10.40.1.10', 3306) of '10.40.1.10:3306'; an IPv6 address may stand in brackets."""
    host, _, port = str(text).rpartition(":")
    try:
        endpoint = (ipaddress.ip_address(host.strip("[]")).compressed, int(port))
    except ValueError:
        raise SettingsError(f"'{text}' is not an IP address and a port, such as 127.0.0.1:13306") from None
    if not 0 < endpoint[1] < 65536:
        raise SettingsError(f"'{text}': a port is a number from 1 to 65535")
    return endpoint


def read_settings(path):
    """The settings: address and port to answer on, and each resource's forwarder and listeners."""
    try:
        with open(path, encoding="utf-8") as handle:
            raw = json.load(handle)
        return {
            "bind": parse_endpoint("{}:{}".format(raw["address"], raw["port"])),
            "resources": {
                name: {
                    "forwarder": parse_endpoint(entry["forwarder"]),
                    "listeners": [parse_endpoint(listener) for listener in entry["listeners"]],
                }
                for name, entry in raw["resources"].items()
            },
        }
    except OSError as error:
        raise SettingsError(f"{path}: {error.strerror}") from None
    except (ValueError, TypeError, AttributeError) as error:
        raise SettingsError(f"{path}: {error}") from None
    except KeyError as error:
        raise SettingsError(f"{path}: {error} is missing") from None


def decode_address(text):
    """The address and port of a '0100007F:344A' in /proc/net/tcp or tcp6 (32-bit words in host byte order)."""
    digits, port = text.split(":")
    packed = b"".join(
        int(digits[start : start + 8], 16).to_bytes(4, sys.byteorder) for start in range(0, len(digits), 8)
    )
    return ipaddress.ip_address(packed).compressed, int(port, 16)


def listening_sockets(tables=("/proc/self/net/tcp", "/proc/self/net/tcp6")):
    """All (address, port) on which this host listens."""
    found = set()
    for table in tables:
        try:
            with open(table, encoding="ascii") as handle:
                next(handle)
                for line in handle:
                    fields = line.split()
                    if fields[3] == LISTEN_STATE:
                        found.add(decode_address(fields[1]))
        except FileNotFoundError:  # a kernel without IPv6
            continue
    return found


def is_listening(endpoint, sockets):
    """Whether a connection to the endpoint would be accepted, by its own socket or one on all addresses."""
    address, port = endpoint
    everywhere = "0.0.0.0" if "." in address else "::"
    return (address, port) in sockets or (everywhere, port) in sockets


def show_endpoint(endpoint):
    return ("[{0}]:{1}" if ":" in endpoint[0] else "{0}:{1}").format(*endpoint)


def judge(resource, sockets):
    """What stands and what is missing on this proxy's part of one resource's path."""
    forwarder = is_listening(resource["forwarder"], sockets)
    listeners = [
        {"address": show_endpoint(listener), "listening": listener in sockets} for listener in resource["listeners"]
    ]
    whole = forwarder and any(listener["listening"] for listener in listeners)
    return {
        "status": "ok" if whole else "failing",
        "forwarder": {"address": show_endpoint(resource["forwarder"]), "listening": forwarder},
        "listeners": listeners,
    }


class Health:
    """The verdicts of the last look."""

    def __init__(self, resources, look=listening_sockets, clock=time.monotonic):
        self.resources = resources
        self.look = look
        self.clock = clock
        self.verdicts = {}
        self.looked_at = None

    def update(self):
        sockets = self.look()
        self.verdicts = {name: judge(resource, sockets) for name, resource in self.resources.items()}
        self.looked_at = self.clock()

    def age(self):
        return None if self.looked_at is None else self.clock() - self.looked_at

    def answer(self, path):
        """HTTP status and body for a path."""
        age = self.age()
        stale = age is None or age > MAX_AGE
        parts = path.split("?", 1)[0].strip("/").split("/")
        if parts == ["healthz"]:
            chosen = self.verdicts
        elif len(parts) == 2 and parts[0] == "healthz" and parts[1] in self.resources:
            chosen = {parts[1]: self.verdicts.get(parts[1], {"status": "failing"})}
        else:
            return 404, {"error": "no such path", "paths": ["/healthz"] + ["/healthz/" + n for n in self.resources]}
        whole = not stale and all(verdict["status"] == "ok" for verdict in chosen.values())
        body = {"status": "ok" if whole else "failing", "draining": False, "resources": chosen}
        if stale:
            body["error"] = "the last look at the sockets is {}".format(
                "still to come" if age is None else f"{age:.1f} s old"
            )
        return (200 if whole else 503), body


def respond(health, request):
    """The bytes that answer a request's bytes."""
    words = request.split(b"\r\n", 1)[0].split(b"\n", 1)[0].decode("latin-1").split()
    if len(words) != 3 or not words[2].startswith("HTTP/1."):
        status, body = 400, {"error": "not an HTTP/1 request"}
    elif words[0] not in ("GET", "HEAD"):
        status, body = 405, {"error": "only GET and HEAD"}
    else:
        status, body = health.answer(words[1])
    content = (json.dumps(body) + "\n").encode()
    head = (
        f"HTTP/1.1 {status} {REASONS[status]}\r\nContent-Type: application/json\r\nContent-Length: {len(content)}\r\n"
    )
    head += "Cache-Control: no-store\r\nConnection: close\r\n"
    head += "Allow: GET, HEAD\r\n\r\n" if status == 405 else "\r\n"
    return head.encode() + (b"" if words and words[0] == "HEAD" else content)


async def read_request(reader):
    """The request up to its empty line, or None when the client sends no such thing."""
    try:
        return await reader.readuntil(b"\r\n\r\n")
    except asyncio.IncompleteReadError as error:
        # A bare request line, then end of input, is an answerable question; silence is not.
        return error.partial or None
    except (asyncio.LimitOverrunError, ConnectionError):
        return b"too long"


async def serve_client(health, reader, writer, clients):
    if len(clients) >= MAX_CLIENTS:
        writer.transport.abort()
        return
    clients.add(writer)
    try:
        request = await asyncio.wait_for(read_request(reader), REQUEST_TIMEOUT)
        if request is not None:
            writer.write(respond(health, request))
            await asyncio.wait_for(writer.drain(), REQUEST_TIMEOUT)
            writer.close()
            await asyncio.wait_for(writer.wait_closed(), REQUEST_TIMEOUT)
    except (asyncio.TimeoutError, OSError):
        pass
    finally:
        clients.discard(writer)
        writer.transport.abort()


async def keep_looking(health):
    while True:
        try:
            health.update()
        except (OSError, ValueError, IndexError, StopIteration) as error:
            # The verdicts grow stale, and the answer turns to 503 by itself.
            print(f"cannot read the sockets: {error!r}", file=sys.stderr, flush=True)
        await asyncio.sleep(LOOK_INTERVAL)


async def run(settings):
    health = Health(settings["resources"])
    clients = set()
    looking = asyncio.ensure_future(keep_looking(health))
    address, port = settings["bind"]
    server = await asyncio.start_server(
        lambda reader, writer: serve_client(health, reader, writer, clients),
        host=address,
        port=port,
        limit=MAX_REQUEST,
        backlog=512,
        reuse_address=True,
    )
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    print(f"answering on {address}:{port} for {len(health.resources)} resources", flush=True)
    await stop.wait()
    server.close()
    looking.cancel()


def main(arguments=None):
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("settings", help="JSON file with address, port and resources")
    parser.add_argument("--check", action="store_true", help="only say whether the settings are usable")
    options = parser.parse_args(arguments)
    try:
        settings = read_settings(options.settings)
    except SettingsError as error:
        print(error, file=sys.stderr)
        return 1
    if not options.check:
        try:
            asyncio.run(run(settings))
        except OSError as error:  # systemd tries again, for instance when the address is not there yet
            print("cannot answer on {}:{}: {}".format(*settings["bind"], error.strerror), file=sys.stderr)
            return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
