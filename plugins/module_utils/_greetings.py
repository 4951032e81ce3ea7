# Copyright (c) 2026 The lakehouse.onprem_tunnel authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Ask services for the greeting of their protocol, in a way that they tolerate."""

from __future__ import annotations

import errno
import socket
import struct
import threading
import time
from concurrent.futures import ThreadPoolExecutor

try:
    import ssl
except ImportError:  # a Python built without it only costs the server a log line
    ssl = None

PROBE_USER = "onprem_tunnel_probe"
LONGEST_DETAIL = 160
TIMEOUTS = (TimeoutError, socket.timeout)  # one class since Python 3.10
TCP_WAIT = 1.0  # how long a service of unknown protocol may take to hang up again


class Answer(Exception):
    """The verdict that ends a probe."""

    def __init__(self, verdict, detail=""):
        super().__init__(verdict, detail)
        self.verdict = verdict
        self.detail = detail


def greet_all(targets, timeout, workers):
    """Return {name: {verdict, milliseconds, detail}} of every target, asked at once."""
    with ThreadPoolExecutor(max_workers=max(1, min(workers, len(targets)))) as pool:
        asked = {
            each["name"]: pool.submit(greet, each["host"], each["port"], each["probe"], timeout) for each in targets
        }
    return {name: answer.result() for name, answer in asked.items()}


def greet(host, port, probe, timeout):
    """Return {verdict, milliseconds, detail} of one service. It takes no longer than the timeout, and never raises."""
    started = time.monotonic()
    conversation = Conversation(started + timeout)
    try:
        conversation.connect(host, port)
        PROBES[probe](conversation)
        answer = Answer("unexpected", "the probe came to no verdict")
    except Answer as verdict:
        answer = verdict
    except TIMEOUTS:
        answer = Answer("timeout", f"{conversation.waiting_for} within {timeout:g} s")
    except OSError as error:
        answer = Answer("closed", f"{conversation.waiting_for}: {error.strerror or error}")
    finally:
        conversation.close()
    ended = conversation.answered or time.monotonic()
    return {
        "verdict": answer.verdict,
        "milliseconds": round((ended - started) * 1000, 1),
        "detail": printable(answer.detail),
    }


def printable(text):
    """Return foreign text as one short line of ASCII in which no terminal and no template finds a command."""
    if isinstance(text, bytes):
        text = text.decode("latin-1")
    line = "".join(char if " " <= char <= "~" and char not in "{}" else " " if char.isspace() else "?" for char in text)
    line = " ".join(line.split())
    return line if len(line) <= LONGEST_DETAIL else line[: LONGEST_DETAIL - 3] + "..."


class Conversation:
    """One TCP connection under one deadline, however slowly the other side drips."""

    def __init__(self, deadline):
        self.deadline = deadline
        self.socket = None
        self.received = b""
        self.answered = None
        self.reset = False
        self.waiting_for = "no connection"

    def remaining(self):
        """Return the seconds left, or raise the timeout."""
        seconds = self.deadline - time.monotonic()
        if seconds <= 0:
            raise TimeoutError
        return seconds

    def connect(self, host, port):
        """Connect to the first address of the host that accepts."""
        addresses = self._resolve(host, port)
        for index, (family, kind, protocol, _name, address) in enumerate(addresses):
            share = self.remaining() / (len(addresses) - index)
            try:
                self.socket = socket.socket(family, kind, protocol)
                self.socket.settimeout(share)
                self.socket.connect(address)
                self.waiting_for = "connected, but no greeting"
                return
            except OSError as error:
                self.close()
                refusal = connect_verdict(error, address[0])
        raise refusal

    def read(self, size):
        """Return exactly so many bytes."""
        while len(self.received) < size:
            self.socket.settimeout(self.remaining())
            piece = self.socket.recv(4096)
            if not piece:
                raise Answer("closed", self._hung_up())
            self.received += piece
        wanted, self.received = self.received[:size], self.received[size:]
        return wanted

    def read_available(self, seconds):
        """Return the bytes that come first, none if the other side hung up, None if it stayed silent for so long."""
        if self.received:
            return self.received
        end = min(self.deadline, time.monotonic() + seconds)
        try:
            self.socket.settimeout(max(end - time.monotonic(), 0.001))
            self.received = self.socket.recv(4096)
        except TIMEOUTS:
            return None
        return self.received

    def send(self, data):
        """Send it all."""
        self.socket.settimeout(self.remaining())
        self.socket.sendall(data)

    def mark(self):
        """The answer is here: what follows is politeness, and not counted."""
        self.answered = time.monotonic()

    def close(self):
        """Hang up, with a reset where that does the service less harm than a plain close."""
        if self.socket is None:
            return
        try:
            if self.reset:
                self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        except OSError:
            pass
        self.socket.close()
        self.socket = None

    def unexpected(self, start):
        """Return the verdict on something else that answers here, with what it says."""
        try:
            said = start + (self.read_available(0.1) or b"")
        except OSError:
            said = start
        return Answer("unexpected", f"answers with something else: {printable(said[:LONGEST_DETAIL])}")

    def _hung_up(self):
        if self.received:
            return f"the connection was closed after {len(self.received)} bytes: {printable(self.received)}"
        return "the connection was accepted and closed without a greeting"

    def _resolve(self, host, port):
        """Return getaddrinfo's answer. A name server may outlast any deadline, so the wait for it is a thread's."""
        found = []

        def look_up():
            try:
                found.append(socket.getaddrinfo(host, port, 0, socket.SOCK_STREAM))
            except (OSError, UnicodeError, ValueError) as error:
                found.append(error)

        thread = threading.Thread(target=look_up, daemon=True)
        thread.start()
        thread.join(self.remaining())
        if not found:
            raise Answer("unresolved", f"the look-up of {host} took too long")
        if isinstance(found[0], Exception):
            raise Answer("unresolved", f"{host}: {getattr(found[0], 'strerror', None) or found[0]}")
        return found[0]


def connect_verdict(error, address):
    """Return the verdict on a connection that did not come about."""
    if isinstance(error, TIMEOUTS) or error.errno == errno.ETIMEDOUT:
        return Answer("timeout", f"{address} does not answer")
    if error.errno == errno.ECONNREFUSED:
        return Answer("refused", f"{address} refuses the connection")
    if error.errno == errno.ECONNRESET:
        return Answer("closed", f"{address} reset the connection")
    return Answer("unreachable", f"{address}: {error.strerror or error}")


# --- MySQL and MariaDB -------------------------------------------------------------------------------------------

PROTOCOL_41, SECURE_CONNECTION, PLUGIN_AUTH = 0x200, 0x8000, 0x80000
LONG_PASSWORD, LONGEST_PACKET = 0x1, 0xFFFF
MEANT_REFUSALS = (1045, 1698)  # access denied
# Methods to which an account without a password answers nothing at all; the rest want one zero byte.
EMPTY_ANSWER = ("mysql_native_password", "mysql_old_password")


def greet_mysql(conversation):
    """Read the greeting and fail to log in: that, unlike hanging up, does not count towards a blocked host."""
    conversation.reset = True
    sequence, greeting = read_packet(conversation)
    if greeting[:1] == b"\xff":
        raise Answer("unexpected", f"turned away: {server_error(greeting)}")
    if greeting[:1] != b"\x0a":
        raise conversation.unexpected(greeting)
    conversation.mark()
    version, method = parse_greeting(greeting)
    send_packet(conversation, sequence + 1, login(method))
    conversation.waiting_for = f"greeted by {printable(version)}, but no answer to the login"
    try:
        outcome = finish_login(conversation)
    except TIMEOUTS:
        conversation.answered = None
        raise
    raise Answer("up", ", ".join(filter(None, (printable(version), outcome))))


def finish_login(conversation):
    """Follow the server through the failing login to its end, and return how it ended if not as meant."""
    for _round in range(4):
        sequence, packet = read_packet(conversation)
        kind = packet[:1]
        if kind == b"\xff":
            conversation.reset = False
            return "" if error_code(packet) in MEANT_REFUSALS else f"login answered: {server_error(packet)}"
        if kind == b"\x00":
            send_packet(conversation, 0, b"\x01")  # an anonymous account let us in: quit
            conversation.reset = False
            return "login accepted"
        if packet == b"\x01\x03":
            continue  # the verdict follows by itself
        if kind not in (b"\xfe", b"\x01"):
            break
        method = packet[1:].split(b"\0")[0].decode("latin-1") if kind == b"\xfe" else ""
        send_packet(conversation, sequence + 1, b"" if method in EMPTY_ANSWER else b"\0")
    return "login not finished"


def parse_greeting(packet):
    """Return (server version, authentication method) of a protocol 10 greeting."""
    version, found, rest = packet[1:].partition(b"\0")
    if not found or len(rest) < 15:
        raise Answer("unexpected", f"answers with half a MySQL greeting: {printable(packet[1:])}")
    # thread id 4, salt 8, filler 1, flags 2, charset 1, status 2, flags 2, salt length 1, reserved 10, salt >= 13
    salt = max(13, rest[20] - 8) if len(rest) > 20 else 13
    method = rest[31 + salt :].split(b"\0")[0].decode("latin-1")
    return version.decode("latin-1").removeprefix("5.5.5-"), method  # MariaDB 10 prefixes it for old replicas


def login(method):
    """Return a login (HandshakeResponse41) of a user that no database has, with an empty password."""
    flags = LONG_PASSWORD | PROTOCOL_41 | SECURE_CONNECTION | PLUGIN_AUTH
    head = struct.pack("<IIB23x", flags, 1 << 24, 33)
    if method not in ("mysql_native_password", "caching_sha2_password", "sha256_password"):
        method = "mysql_native_password"
    return head + PROBE_USER.encode() + b"\0" + b"\0" + method.encode() + b"\0"


def read_packet(conversation):
    """Return (sequence number, payload)."""
    head = conversation.read(4)
    size = int.from_bytes(head[:3], "little")
    if not 0 < size <= LONGEST_PACKET:
        raise conversation.unexpected(head)
    if conversation.answered is None and head[3] > 1:
        raise conversation.unexpected(head)
    return head[3], conversation.read(size)


def send_packet(conversation, sequence, payload):
    conversation.send(struct.pack("<I", len(payload))[:3] + struct.pack("B", sequence % 256) + payload)


def error_code(packet):
    return int.from_bytes(packet[1:3], "little")


def server_error(packet):
    """Return number and text of an ERR packet; before the login it carries no SQL state."""
    text = packet[9:] if packet[3:4] == b"#" else packet[3:]
    return f"error {error_code(packet)}, {printable(text)}"


# --- the others --------------------------------------------------------------------------------------------------


def greet_postgresql(conversation):
    """Ask whether TLS is spoken: the answer is one byte, and after it PostgreSQL forgives a hang-up."""
    conversation.send(struct.pack("!II", 8, 80877103))
    answer = conversation.read(1)
    if answer == b"E":
        said = conversation.read_available(0.1) or b""
        raise Answer("unexpected", f"turned away: {printable(said)}")
    if answer not in (b"S", b"N") or conversation.received:  # an SSH server's first letter is an S, too
        raise conversation.unexpected(answer)
    conversation.mark()
    if answer == b"S":
        finish_tls(conversation)
    raise Answer("up", "with TLS" if answer == b"S" else "without TLS")


def finish_tls(conversation):
    """Shake hands and say goodbye: a hang-up between the offer of TLS and its end is worth a log line to the server."""
    if ssl is None:
        return
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE  # nothing is sent that needs a trusted peer
    try:
        context.minimum_version = ssl.TLSVersion.MINIMUM_SUPPORTED
        conversation.socket.settimeout(conversation.remaining())
        conversation.socket = context.wrap_socket(conversation.socket)
        conversation.socket.settimeout(conversation.remaining())
        conversation.socket.unwrap()
    except (OSError, ValueError):
        pass


def greet_tds(conversation):
    """Send SQL Server's PRELOGIN, and read its version from the answer."""
    conversation.send(prelogin())
    head = conversation.read(8)
    kind, _status, size = struct.unpack("!BBH", head[:4])
    if kind != 0x04 or not 8 < size <= 4096:
        raise conversation.unexpected(head)
    raise Answer("up", tds_version(conversation.read(size - 8)))


def prelogin():
    """Return a PRELOGIN packet: version, encryption not supported, instance, thread, no MARS."""
    values = [(0, b"\0" * 6), (1, b"\x02"), (2, b"\0"), (3, b"\0" * 4), (4, b"\0")]
    offset = 5 * len(values) + 1
    table = body = b""
    for token, value in values:
        table += struct.pack("!BHH", token, offset + len(body), len(value))
        body += value
    payload = table + b"\xff" + body
    return struct.pack("!BBHHBB", 0x12, 0x01, 8 + len(payload), 0, 1, 0) + payload


def tds_version(payload):
    """Return SQL Server's version from its PRELOGIN answer, empty if it has none."""
    if len(payload) < 5 or payload[0] != 0:
        return ""
    offset, size = struct.unpack("!HH", payload[1:5])
    version = payload[offset : offset + size]
    if len(version) < 4:
        return ""
    major, minor, build = struct.unpack("!BBH", version[:4])
    return f"SQL Server {major}.{minor}.{build}"


def greet_tcp(conversation):
    """Connect, and see whether it lasts: all there is to see of an unknown protocol."""
    conversation.mark()
    said = conversation.read_available(TCP_WAIT)
    if said == b"":
        raise Answer("closed", "the connection was accepted and closed at once")
    raise Answer("up", "connected" if said is None else f"greets with: {printable(said)}")


PROBES = {"mysql": greet_mysql, "postgresql": greet_postgresql, "tds": greet_tds, "tcp": greet_tcp}
