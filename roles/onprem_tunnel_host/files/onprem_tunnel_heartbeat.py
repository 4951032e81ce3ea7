#!/usr/bin/env python3
# Copyright (c) 2026 The lakehouse.onprem_tunnel authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Heartbeat of a tunnel host: answers each fetch that comes through a tunnel, which proves the tunnel alive.

Every tunnel has one more forward, from the proxy's loopback to here; the proxy's health check fetches through it. The
answer says who answers and when, and what the probe last saw of each resource. Nothing else is done here, and nothing
is waited for: a database or a name service that hangs can silence the probe, never the heartbeat.

Standard library only, Python 3.9 or later.
"""

import argparse
import asyncio
import json
import os
import signal
import socket
import sys
import time

REQUEST_TIMEOUT = 2.0  # seconds that a client has for its request, and to take the answer
MAX_REQUEST = 4096  # bytes
MAX_CLIENTS = 256  # connections at a time, many more than the proxies' fetches


class Verdicts:
    """What the probe has written. The file is read again when it has changed."""

    def __init__(self, path, clock=time.time):
        self.path = path
        self.clock = clock
        self.version = None
        self.resources = {}

    def current(self):
        """name -> verdict, milliseconds, detail, and the age in seconds; nothing while there is no probe."""
        try:
            status = os.stat(self.path)
            version = (status.st_ino, status.st_mtime_ns)
            if version != self.version:
                with open(self.path, encoding="utf-8") as handle:
                    self.resources = json.load(handle)["resources"]
                self.version = version
            now = self.clock()
            return {name: aged(entry, now) for name, entry in self.resources.items()}
        except FileNotFoundError:
            return {}
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
            print(f"{self.path}: {error!r}", file=sys.stderr, flush=True)
            return {}


def aged(entry, now):
    age = round(max(0.0, now - entry["time"]), 1)
    return {**{key: value for key, value in entry.items() if key != "time"}, "age": age}


def answer(host, verdicts, clock=time.time):
    """The bytes that answer any request."""
    beat = {"host": host, "time": round(clock(), 3), "resources": verdicts.current()}
    content = json.dumps(beat, separators=(",", ":")).encode() + b"\n"
    head = f"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {len(content)}\r\n"
    return (head + "Cache-Control: no-store\r\nConnection: close\r\n\r\n").encode() + content


async def serve_client(reader, writer, clients, make_answer):
    if len(clients) >= MAX_CLIENTS:
        next(iter(clients)).transport.abort()  # the oldest: a fetch takes milliseconds, so it is not one
    clients[writer] = True
    try:
        await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), REQUEST_TIMEOUT)
        writer.write(make_answer())
        await asyncio.wait_for(writer.drain(), REQUEST_TIMEOUT)
        writer.close()
        await asyncio.wait_for(writer.wait_closed(), REQUEST_TIMEOUT)
    except (asyncio.TimeoutError, asyncio.IncompleteReadError, asyncio.LimitOverrunError, OSError):
        pass
    finally:
        clients.pop(writer, None)
        writer.transport.abort()


async def run(host, port, verdicts):
    clients = {}
    server = await asyncio.start_server(
        lambda reader, writer: serve_client(reader, writer, clients, lambda: answer(host, verdicts)),
        host="127.0.0.1",
        port=port,
        limit=MAX_REQUEST,
        backlog=512,
    )
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    print(f"answering on 127.0.0.1:{port} as {host}", flush=True)
    await stop.wait()
    server.close()


def main(arguments=None):
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--port", type=int, required=True, help="port on 127.0.0.1 that the tunnels forward to")
    parser.add_argument("--verdicts", required=True, help="JSON file that the probe writes")
    parser.add_argument("--name", default=socket.gethostname(), help="who answers; default: the host's name")
    options = parser.parse_args(arguments)
    try:
        asyncio.run(run(options.name, options.port, Verdicts(options.verdicts)))
    except OSError as error:
        print(f"cannot answer on 127.0.0.1:{options.port}: {error.strerror}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
