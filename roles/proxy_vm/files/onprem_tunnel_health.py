#!/usr/bin/env python3
# Copyright (c) 2026 The lakehouse.onprem_tunnel authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""HTTP health check of a proxy VM: tells a load balancer whether the path to each resource is whole.

Twice a second it looks at the VM's sockets and asks each tunnel's heartbeat. It answers every request from memory, so
no request can make it open a connection or wait. A resource is healthy while all of this is true:

  - the proxy is not draining (the flag file is not there);
  - its forwarder listens, and is the forwarders' user;
  - one of its listeners is there, belongs to the tunnel user, and its tunnel's heartbeat answered within 2.1 seconds;
  - the last look is at most 3 seconds old.

  GET /healthz             200 if all resources are healthy, else 503
  GET /healthz/<resource>  200 or 503 for this resource, 404 if the proxy does not carry it
  GET /status              everything it knows, as JSON
  GET /metrics             the same for Prometheus

How the databases are is in the bodies and never turns an answer to 503: all proxies would leave at once.

Standard library only, Python 3.9 or later: a proxy may have no way to a package index.
"""

import argparse
import asyncio
import functools
import ipaddress
import json
import math
import os
import pwd
import re
import signal
import socket
import sys
import time

TICK = 0.5  # seconds between two looks at the sockets, and between two questions to a heartbeat
MAX_AGE = 3.0  # seconds after which a look is no longer believed
HEARTBEAT_TIMEOUT = 2.1  # seconds without any answer after which a tunnel counts as dead; also each question's deadline
MAX_OUTSTANDING = 4  # questions to one heartbeat at a time; a slow tunnel is not given more to carry
MAX_HEARTBEAT = 256 * 1024  # bytes of a heartbeat's answer
HEARTBEAT_REQUEST = b"GET / HTTP/1.1\r\nHost: heartbeat\r\nConnection: close\r\n\r\n"
VERDICTS = ("up", "refused", "timeout", "unresolved", "closed", "unreachable", "unexpected")

CLIENT_TIMEOUT = 5.0  # seconds that a client has in all: for its request, and to take the answer
MAX_LINE = 4096  # bytes of a request line
MAX_REQUEST = 8192  # bytes of a request line with its headers
MAX_CLIENTS = 256  # connections at a time; one more, and the oldest is dropped
MAX_UNSENT = 1024 * 1024  # bytes of answers that clients have not taken yet; more, and the oldest is dropped
BACKLOG = 128  # accepted in one go; four times as many and MAX_CLIENTS are fewer than the usual 1024 descriptors
QUEUE = 1024  # wait in the kernel to be accepted; who finds it full tries again after a second only
SOCKET_BUFFER = 16 * 1024  # bytes the kernel holds for a client; its memory is the service's memory too

LISTEN, ESTABLISHED = "0A", "01"  # states in /proc/net/tcp
REASONS = {
    200: "OK",
    400: "Bad Request",
    404: "Not Found",
    405: "Method Not Allowed",
    414: "URI Too Long",
    431: "Request Header Fields Too Large",
    503: "Service Unavailable",
    505: "HTTP Version Not Supported",
}
JSON = "application/json"
PROMETHEUS = "text/plain; version=0.0.4; charset=utf-8"


class SettingsError(Exception):
    """The settings file is not usable; the message says why."""


class HeartbeatError(ValueError):
    """What came is no heartbeat; the message says why."""


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


def show_endpoint(endpoint):
    return ("[{0}]:{1}" if ":" in endpoint[0] else "{0}:{1}").format(*endpoint)


def parse_settings(raw):
    tunnels = {name: parse_endpoint(entry["heartbeat"]) for name, entry in raw["tunnels"].items()}
    resources = {}
    for name, entry in raw["resources"].items():
        listeners = {tunnel: parse_endpoint(listener) for tunnel, listener in entry["listeners"].items()}
        for tunnel in listeners:
            if tunnel not in tunnels:
                raise SettingsError(f"resource {name} has a listener of '{tunnel}', which is not among the tunnels")
        resources[name] = {"forwarder": parse_endpoint(entry["forwarder"]), "listeners": listeners}
    if not os.path.isabs(raw["drain_flag"]):
        raise SettingsError(f"drain_flag '{raw['drain_flag']}' is not an absolute path")
    uids = {}
    for setting in ("tunnel_user", "forwarder_user"):
        name = raw[setting]
        try:
            uids[setting] = pwd.getpwnam(name).pw_uid
        except KeyError:
            raise SettingsError(f"there is no user '{name}' ({setting})") from None
    return {
        "bind": parse_endpoint("{}:{}".format(raw["address"], raw["port"])),
        "version": str(raw["version"]),
        "tunnel_uid": uids["tunnel_user"],
        "forwarder_uid": uids["forwarder_user"],
        "drain_flag": raw["drain_flag"],
        "tunnels": tunnels,
        "resources": resources,
        "peers": {name: parse_endpoint(peer) for name, peer in raw["peers"].items()},
    }


def read_settings(path):
    """The settings with parsed endpoints, and the uid of the tunnel user."""
    try:
        with open(path, encoding="utf-8") as handle:
            return parse_settings(json.load(handle))
    except SettingsError as error:
        raise SettingsError(f"{path}: {error}") from None
    except OSError as error:
        raise SettingsError(f"{path}: {error.strerror}") from None
    except (ValueError, TypeError, AttributeError) as error:
        raise SettingsError(f"{path}: {error}") from None
    except KeyError as error:
        raise SettingsError(f"{path}: {error} is missing") from None


# --- the sockets of this host


@functools.lru_cache(maxsize=None)
def spell_as_the_kernel(endpoint):
    """'0100007F:344A' of ('127.0.0.1', 13386), as in /proc/net/tcp and tcp6: 32-bit words in host byte order."""
    address, port = endpoint
    packed = ipaddress.ip_address(address).packed
    words = [int.from_bytes(packed[start : start + 4], sys.byteorder) for start in range(0, len(packed), 4)]
    return "".join(f"{word:08X}" for word in words) + f":{port:04X}"


class Sockets:
    """What one look at this host's sockets found at the endpoints of interest."""

    def __init__(self, owners=None, connections=None):
        self.owners = owners or {}  # endpoint: uids of its listening sockets
        self.connections = connections or {}  # endpoint: number of established connections

    def is_listening(self, endpoint):
        return endpoint in self.owners

    def is_owned_by(self, uid, endpoint):
        return self.owners.get(endpoint) == {uid}

    def is_accepting_for(self, uid, endpoint):
        """Whether this user accepts connections to the endpoint, by its own socket or one on all addresses."""
        return self.is_owned_by(uid, endpoint) or (
            not self.is_listening(endpoint) and self.is_owned_by(uid, everywhere(endpoint))
        )


def everywhere(endpoint):
    return ("::" if ":" in endpoint[0] else "0.0.0.0", endpoint[1])


def look_at_sockets(endpoints, tables=("/proc/self/net/tcp", "/proc/self/net/tcp6")):
    wanted = {spell_as_the_kernel(endpoint): endpoint for endpoint in endpoints}
    found = Sockets()
    for table in tables:
        try:
            with open(table, encoding="ascii") as handle:
                next(handle, None)
                for line in handle:
                    _, local, _, state, _, _, _, uid, _ = line.split(None, 8)
                    endpoint = wanted.get(local)
                    if endpoint is None:
                        continue
                    if state == LISTEN:
                        found.owners.setdefault(endpoint, set()).add(int(uid))
                    elif state == ESTABLISHED:
                        found.connections[endpoint] = found.connections.get(endpoint, 0) + 1
        except FileNotFoundError:  # a kernel without IPv6
            continue
    return found


# --- the heartbeat: everything in it is foreign


def printable(text, longest=160):
    return "".join(char if char.isprintable() else " " for char in text[:longest])


def number(value):
    """The value if it is a sensible measurement, else None."""
    is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
    return float(value) if is_number and math.isfinite(value) and value >= 0 else None


def parse_heartbeat(answer, names):
    """Who answers, and its verdicts on the resources of these names; ValueError if it is no heartbeat."""
    head, separator, body = answer.partition(b"\r\n\r\n")
    if not separator or not re.match(rb"HTTP/1\.[01] 200[ \r]", head + b"\r"):
        raise HeartbeatError("not an HTTP answer with status 200")
    length = announced_length(head)
    if length is not None and length != len(body):
        raise HeartbeatError("its length is not the announced one")
    try:
        # As floats, because a long integer takes long to read.
        raw = json.loads(body.decode("utf-8"), parse_int=float)
    except RecursionError:
        raise HeartbeatError("nested too deeply") from None
    if not isinstance(raw, dict) or not isinstance(raw.get("host"), str) or not isinstance(raw.get("resources"), dict):
        raise HeartbeatError("not a heartbeat")
    if number(raw.get("time")) is None:
        raise HeartbeatError("it has no time")
    databases = {}
    for name in names:
        entry = raw["resources"].get(name)
        if isinstance(entry, dict):
            verdict, detail = entry.get("verdict"), entry.get("detail")
            databases[name] = {
                "verdict": verdict if verdict in VERDICTS else "unknown",
                "milliseconds": number(entry.get("milliseconds")),
                "age": number(entry.get("age")),
                "detail": printable(detail) if isinstance(detail, str) else "",
            }
    return {"host": printable(raw["host"]), "databases": databases}


def announced_length(head):
    found = re.search(rb"(?im)^content-length:[ \t]*(\d{1,9})[ \t]*\r?$", head)
    return int(found[1]) if found else None


async def fetch_heartbeat(endpoint):
    reader, writer = await asyncio.open_connection(*endpoint)
    try:
        writer.write(HEARTBEAT_REQUEST)
        answer = b""
        while True:
            chunk = await reader.read(65536)
            answer += chunk
            if len(answer) > MAX_HEARTBEAT:
                raise HeartbeatError("longer than a heartbeat may be")
            head, separator, body = answer.partition(b"\r\n\r\n")
            if not chunk or (separator and len(body) == announced_length(head)):
                return answer
    finally:
        writer.transport.abort()


class Tunnel:
    """One tunnel, as its heartbeat shows it."""

    def __init__(self, name, heartbeat):
        self.name = name
        self.heartbeat = heartbeat
        self.outstanding = 0
        self.answered_at = None
        self.round_trip = None
        self.host = None
        self.databases = {}


# --- what is known, and what follows from it


class Health:
    """What the last look and the last heartbeats showed, and the answers to requests."""

    def __init__(self, settings, look=look_at_sockets, fetch=fetch_heartbeat, clock=time.monotonic):
        self.settings = settings
        self.resources = settings["resources"]
        self.tunnels = {name: Tunnel(name, heartbeat) for name, heartbeat in settings["tunnels"].items()}
        self.endpoints = set(settings["tunnels"].values())
        for resource in self.resources.values():
            forwarder = resource["forwarder"]
            self.endpoints.update([forwarder, everywhere(forwarder), *resource["listeners"].values()])
        self.look = look
        self.fetch = fetch
        self.clock = clock
        self.started_at = clock()
        self.sockets = Sockets()
        self.looked_at = None
        self.questions = set()  # asyncio keeps no reference to its tasks
        self.news = 0  # counts what was learned, so that nothing is written twice for the same state
        self.written = {}
        self.written_for = None
        paths = ["/healthz", *("/healthz/" + name for name in self.resources), "/status", "/metrics"]
        self.not_found = encode({"error": "no such path", "paths": paths})

    # what is learned

    async def tick(self):
        """Look at the sockets, and ask each heartbeat whose listener is the tunnel user's, without waiting for it."""
        started = self.clock()
        # In a thread: with thousands of connections a look takes a while, and clients are not to wait for it.
        self.sockets = await asyncio.get_running_loop().run_in_executor(None, self.look, self.endpoints)
        self.looked_at = started
        self.news += 1
        for tunnel in self.tunnels.values():
            if self.is_own(tunnel.heartbeat) and tunnel.outstanding < MAX_OUTSTANDING:
                tunnel.outstanding += 1
                question = asyncio.ensure_future(self.ask(tunnel))
                self.questions.add(question)
                question.add_done_callback(self.questions.discard)

    async def ask(self, tunnel):
        started = self.clock()
        try:
            answer = await asyncio.wait_for(self.fetch(tunnel.heartbeat), HEARTBEAT_TIMEOUT)
            heartbeat = parse_heartbeat(answer, self.resources)
        except (asyncio.TimeoutError, OSError, ValueError):
            return  # No answer: the age of the last one tells.
        finally:
            tunnel.outstanding -= 1
        tunnel.answered_at = self.clock()
        tunnel.round_trip = tunnel.answered_at - started
        tunnel.host, tunnel.databases = heartbeat["host"], heartbeat["databases"]
        self.news += 1

    # what follows

    def since(self, moment):
        return None if moment is None else self.clock() - moment

    def is_stale(self):
        age = self.since(self.looked_at)
        return age is None or age > MAX_AGE

    def is_own(self, endpoint):
        """Whether the endpoint's listener is the tunnel user's, and not somebody else's who took the port."""
        return self.sockets.is_owned_by(self.settings["tunnel_uid"], endpoint)

    def is_forwarding(self, resource):
        """Whether the resource's forwarder listens, and not somebody else who would get its clients' logins."""
        return self.sockets.is_accepting_for(self.settings["forwarder_uid"], resource["forwarder"])

    def is_alive(self, tunnel):
        age = self.since(tunnel.answered_at)
        return self.is_own(tunnel.heartbeat) and age is not None and age <= HEARTBEAT_TIMEOUT

    def is_whole(self, name):
        """Whether the resource's path is whole; draining is about the proxy, and not asked here."""
        resource = self.resources[name]
        return (
            not self.is_stale()
            and self.is_forwarding(resource)
            and any(
                self.is_own(listener) and self.is_alive(self.tunnels[tunnel])
                for tunnel, listener in resource["listeners"].items()
            )
        )

    def drain_mark(self):
        """A value that changes with the drain flag; None while the proxy is not draining."""
        try:
            return os.stat(self.settings["drain_flag"]).st_mtime_ns
        except (FileNotFoundError, NotADirectoryError):
            return None
        except OSError:
            return -1  # Who cannot see the flag must not send clients to a proxy that is about to leave.

    def databases(self, name):
        """How the tunnel hosts see the resource: {tunnel: report}."""
        found = {}
        for tunnel in self.tunnels.values():
            if name in tunnel.databases:
                report = dict(tunnel.databases[name])
                if report["age"] is not None:
                    report["age"] = round(report["age"] + self.since(tunnel.answered_at), 3)
                found[tunnel.name] = report
        return found

    # answers

    def answer(self, path):
        """HTTP status, content type and content for a path."""
        draining = self.drain_mark()
        stale = self.is_stale()
        route = path.split("?", 1)[0].strip("/")
        key = (self.news, draining, stale, tuple(self.is_alive(tunnel) for tunnel in self.tunnels.values()))
        if stale or key != self.written_for:  # A stale answer tells its age anew each time.
            self.written, self.written_for = {}, key
        if route not in self.written:
            answer = self.write(route, draining is not None, stale)
            if answer is None:
                return 404, JSON, self.not_found
            self.written[route] = answer
        return self.written[route]

    def write(self, route, draining, stale):
        if route == "healthz":
            return self.write_verdict(list(self.resources), draining, stale)
        if route == "status":
            return 200, JSON, encode(self.status(draining, stale))
        if route == "metrics":
            return 200, PROMETHEUS, self.metrics(draining).encode()
        first, _, name = route.partition("/")
        if first == "healthz" and name in self.resources:
            return self.write_verdict([name], draining, stale)
        return None

    def write_verdict(self, names, draining, stale):
        resources = {name: self.verdict(name) for name in names}
        whole = not stale and all(verdict["status"] == "ok" for verdict in resources.values())
        status = "draining" if draining else "ok" if whole else "failing"
        body = {"status": status, "draining": draining, "resources": resources}
        if stale:
            body["error"] = self.explain_staleness()
        return (200 if status == "ok" else 503), JSON, encode(body)

    def explain_staleness(self):
        age = self.since(self.looked_at)
        return "the last look at the sockets is " + ("still to come" if age is None else f"{age:.1f} s old")

    def verdict(self, name):
        """What stands and what is missing on this proxy's part of one resource's path."""
        resource = self.resources[name]
        return {
            "status": "ok" if self.is_whole(name) else "failing",
            "forwarder": {
                "address": show_endpoint(resource["forwarder"]),
                "listening": self.is_forwarding(resource),
            },
            "listeners": [
                {
                    "tunnel": tunnel,
                    "address": show_endpoint(listener),
                    "listening": self.sockets.is_listening(listener),
                    "owner_is_tunnel_user": self.is_own(listener),
                    "heartbeat": {
                        "alive": self.is_alive(self.tunnels[tunnel]),
                        "age": rounded(self.since(self.tunnels[tunnel].answered_at)),
                    },
                }
                for tunnel, listener in resource["listeners"].items()
            ],
            "database": self.databases(name),
        }

    def status(self, draining, stale):
        found = {
            "version": self.settings["version"],
            "uptime": rounded(self.since(self.started_at)),
            "look_age": rounded(self.since(self.looked_at)),
            "draining": draining,
            "draining_since": read_flag(self.settings["drain_flag"]).get("since") if draining else None,
            "tunnels": {
                tunnel.name: {
                    "alive": self.is_alive(tunnel),
                    "heartbeat": {
                        "address": show_endpoint(tunnel.heartbeat),
                        "listening": self.sockets.is_listening(tunnel.heartbeat),
                        "owner_is_tunnel_user": self.is_own(tunnel.heartbeat),
                        "round_trip": rounded(tunnel.round_trip, 6),
                        "age": rounded(self.since(tunnel.answered_at)),
                    },
                    "host": tunnel.host,
                }
                for tunnel in self.tunnels.values()
            },
            "resources": {
                name: {**self.verdict(name), "connections": self.sockets.connections.get(resource["forwarder"], 0)}
                for name, resource in self.resources.items()
            },
            "peers": {name: show_endpoint(peer) for name, peer in self.settings["peers"].items()},
        }
        if stale:
            found["error"] = self.explain_staleness()
        return found

    def metrics(self, draining):
        text = Exposition()
        tunnels = self.tunnels.values()
        text.add(
            "up",
            "Whether the tunnel's heartbeat answers in time.",
            [({"tunnel": tunnel.name}, self.is_alive(tunnel)) for tunnel in tunnels],
        )
        text.add(
            "heartbeat_seconds",
            "Round trip of the tunnel's last heartbeat.",
            [({"tunnel": tunnel.name}, tunnel.round_trip) for tunnel in tunnels],
        )
        text.add(
            "forwarder_up",
            "Whether the resource's forwarder listens.",
            [({"resource": name}, self.is_forwarding(r)) for name, r in self.resources.items()],
        )
        text.add(
            "listener_up",
            "Whether the tunnel's listener for the resource is there and belongs to the tunnel user.",
            [
                ({"resource": name, "tunnel": tunnel}, self.is_own(listener))
                for name, resource in self.resources.items()
                for tunnel, listener in resource["listeners"].items()
            ],
        )
        text.add(
            "healthy",
            "Whether a load balancer is told to use this proxy for the resource.",
            [({"resource": name}, not draining and self.is_whole(name)) for name in self.resources],
        )
        # What a dead tunnel said last is no longer news, neither good nor bad.
        reports = [
            ({"resource": name, "tunnel": tunnel}, report)
            for name in self.resources
            for tunnel, report in self.databases(name).items()
            if self.is_alive(self.tunnels[tunnel])
        ]
        text.add(
            "resource_up",
            "Whether the resource answers the tunnel host's probe.",
            [(labels, report["verdict"] == "up") for labels, report in reports],
        )
        text.add(
            "resource_probe_seconds",
            "Duration of the tunnel host's last probe of the resource.",
            [
                (labels, None if report["milliseconds"] is None else report["milliseconds"] / 1000)
                for labels, report in reports
            ],
        )
        text.add(
            "resource_probe_age_seconds",
            "Time since the tunnel host's last probe of the resource.",
            [(labels, report["age"]) for labels, report in reports],
        )
        text.add(
            "connections",
            "Established connections of clients to the resource's forwarder.",
            [({"resource": n}, self.sockets.connections.get(r["forwarder"], 0)) for n, r in self.resources.items()],
        )
        text.add("draining", "Whether the proxy is draining.", [({}, draining)])
        text.add("look_age_seconds", "Time since the last look at the sockets.", [({}, self.since(self.looked_at))])
        text.add("build_info", "The version that runs.", [({"version": self.settings["version"]}, 1)])
        return text.content


class Exposition:
    """Metrics in Prometheus' text format."""

    def __init__(self):
        self.content = ""

    def add(self, name, explanation, samples):
        """Add a gauge; samples without a value are left out."""
        name = "onprem_tunnel_" + name
        lines = [f"# HELP {name} {explanation}", f"# TYPE {name} gauge"]
        for labels, value in samples:
            if value is not None:
                shown = ",".join(f'{label}="{escape(content)}"' for label, content in labels.items())
                lines.append(name + (f"{{{shown}}}" if shown else "") + f" {round(float(value), 6)}")
        self.content += "\n".join(lines) + "\n"


def escape(label):
    return label.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")


def rounded(value, digits=3):
    return None if value is None else round(value, digits)


def encode(body):
    return (json.dumps(body) + "\n").encode()


def read_flag(path):
    """What the drain flag says: {since, by}; empty if there is none, or none that can be read."""
    try:
        with open(path, encoding="utf-8") as handle:
            content = json.loads(handle.read(4096))
        return {key: printable(content[key]) for key in ("since", "by") if isinstance(content.get(key), str)}
    except (OSError, ValueError, AttributeError):
        return {}


# --- HTTP


def parse_request(received, ended=False):
    """(status, method, path) of what a client has sent so far; None while it is not complete."""
    line, newline, _ = received.partition(b"\n")
    if received and not received[:1].isalpha():
        return 400, "", ""  # not HTTP at all; a TLS client, for instance, would wait for our turn
    if len(line) > MAX_LINE:
        return 414, "", ""
    if newline:
        words = re.fullmatch(rb"([A-Za-z]+) ([!-~]+) HTTP/(\d)\.\d\r?", line)
        if not words:
            return 400, "", ""
        method, path = words[1].decode(), words[2].decode()
        if words[3] != b"1":
            return 505, method, path
        if method not in ("GET", "HEAD"):
            return 405, method, path
        if re.search(rb"\n\r?\n", received):
            return 200, method, path
    if len(received) > MAX_REQUEST:
        return 431, "", ""
    return (400, "", "") if ended else None


ERRORS = {
    400: "not a complete HTTP/1 request",
    405: "only GET and HEAD",
    414: f"the request line is longer than {MAX_LINE} bytes",
    431: f"the request is longer than {MAX_REQUEST} bytes",
    505: "only HTTP/1.0 and HTTP/1.1",
}


def respond(health, status, method, path):
    """The bytes that answer a parsed request."""
    if status == 200:
        status, content_type, content = health.answer(path)
    else:
        content_type, content = JSON, encode({"error": ERRORS[status]})
    head = (
        f"HTTP/1.1 {status} {REASONS[status]}\r\nContent-Type: {content_type}\r\nContent-Length: {len(content)}\r\n"
        "Cache-Control: no-store\r\nConnection: close\r\n"
    )
    head += "Allow: GET, HEAD\r\n\r\n" if status == 405 else "\r\n"
    return head.encode() + (b"" if method == "HEAD" else content)


class Client(asyncio.Protocol):
    """One connection: one request, one answer."""

    def __init__(self, health, clients):
        self.health = health
        self.clients = clients  # all of them, the oldest first
        self.received = b""
        self.is_answered = False

    def connection_made(self, transport):
        self.transport = transport
        self.deadline = asyncio.get_running_loop().call_later(CLIENT_TIMEOUT, transport.abort)
        self.clients[self] = None
        # The oldest goes, not the newest: silent clients must not keep a load balancer out.
        if len(self.clients) > MAX_CLIENTS:
            self.drop_oldest()

    def connection_lost(self, _error):
        self.deadline.cancel()
        self.clients.pop(self, None)

    def data_received(self, data):
        if not self.is_answered:
            self.received += data
            self.answer(parse_request(self.received))

    def eof_received(self):
        if not self.is_answered and self.received:
            self.answer(parse_request(self.received, ended=True))

    def answer(self, request):
        if request is None:
            return
        self.is_answered = True
        self.received = b""
        self.transport.write(respond(self.health, *request))
        if request[0] == 200:
            self.transport.close()
        else:
            # The rest of a wrong request is read and thrown away: a close at once would cancel the answer on its way.
            self.transport.write_eof()
        if self.transport.get_write_buffer_size():
            while sum(client.transport.get_write_buffer_size() for client in self.clients) > MAX_UNSENT:
                self.drop_oldest()

    def drop_oldest(self):
        oldest = next(iter(self.clients))
        del self.clients[oldest]
        oldest.transport.abort()


# --- the program


async def keep_ticking(health):
    complaint = None
    due = time.monotonic()
    while True:
        try:
            await health.tick()
            complaint = None
        except (OSError, ValueError) as error:
            # The look grows stale, and the answer turns to 503 by itself.
            if repr(error) != complaint:
                complaint = repr(error)
                print(f"cannot read the sockets: {complaint}", file=sys.stderr, flush=True)
        due = max(due + TICK, time.monotonic())  # after a pause it does not catch up
        await asyncio.sleep(due - time.monotonic())


def open_socket(endpoint):
    family = socket.AF_INET6 if ":" in endpoint[0] else socket.AF_INET
    opened = socket.socket(family, socket.SOCK_STREAM)
    opened.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    # Accepted sockets inherit these.
    opened.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SOCKET_BUFFER)
    opened.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, SOCKET_BUFFER)
    try:
        opened.bind(endpoint)
    except OSError:
        opened.close()
        raise
    return opened


async def run(settings):
    loop = asyncio.get_running_loop()
    health = Health(settings)
    clients = {}
    ticking = asyncio.ensure_future(keep_ticking(health))
    listener = open_socket(settings["bind"])
    server = await loop.create_server(lambda: Client(health, clients), sock=listener, backlog=BACKLOG)
    listener.listen(QUEUE)
    stop = asyncio.Event()
    for number_of_signal in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number_of_signal, stop.set)
    print(f"answering on {show_endpoint(settings['bind'])} for {len(health.resources)} resources", flush=True)
    await stop.wait()
    server.close()
    ticking.cancel()


def main(arguments=None):
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("settings", help="JSON file with address, port, tunnels and resources")
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
            print(f"cannot answer on {show_endpoint(settings['bind'])}: {error.strerror}", file=sys.stderr)
            return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
