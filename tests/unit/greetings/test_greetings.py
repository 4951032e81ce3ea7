# Copyright (c) 2026 The lakehouse.onprem_tunnel authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import errno
import socket
import struct
import threading
import time

import pytest
from ansible_collections.lakehouse.onprem_tunnel.plugins.module_utils import _greetings
from ansible_collections.lakehouse.onprem_tunnel.plugins.module_utils._greetings import (
    PROBE_USER,
    PROBES,
    greet,
    greet_all,
    printable,
)
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

pytestmark = pytest.mark.measures

TIMEOUT = 0.5


def packet(sequence, payload):
    return struct.pack("<I", len(payload))[:3] + bytes([sequence]) + payload


def greeting(version=b"8.0.40", method=b"caching_sha2_password"):
    salt = struct.pack("<I8sxHBHHB10x12sx", 7, b"12345678", 0xFFFF, 33, 2, 0xDFFF, 21, b"123456789012")
    return packet(0, b"\x0a" + version + b"\0" + salt + method + b"\0")


def refusal(sequence, code=1045, text=b"Access denied for user"):
    return packet(sequence, b"\xff" + struct.pack("<H", code) + b"#28000" + text)


def read(connection, size):
    data = b""
    while len(data) < size:
        piece = connection.recv(size - len(data))
        if not piece:
            return data
        data += piece
    return data


def read_packet(connection):
    head = read(connection, 4)
    return read(connection, int.from_bytes(head[:3], "little"))


def say(data):
    """Send it, then wait for the other side to hang up."""

    def behave(connection, _stopped):
        connection.sendall(data)
        return connection.recv(4096)

    return behave


def hang_up(connection, _stopped):
    return None


def stay_silent(connection, stopped):
    stopped.wait(5)


def drip(data, pause=0.05):
    def behave(connection, stopped):
        for byte in data:
            connection.sendall(bytes([byte]))
            if stopped.wait(pause):
                return

    return behave


def reset(connection, _stopped):
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


def ask(server, probe, timeout=TIMEOUT):
    return greet("127.0.0.1", server.port, probe, timeout)


def wait_for(server):
    """Return what the server's function returned for its first connection."""
    end = time.monotonic() + 3
    while not server.saw and time.monotonic() < end:
        time.sleep(0.01)
    return server.saw[0]


# --- MySQL -------------------------------------------------------------------------------------------------------


def mysql(*rounds):
    """Greet, then for each round read a packet and answer; return what was read and how the connection ended."""

    def behave(connection, _stopped):
        connection.sendall(greeting())
        read_packets = []
        for answer in rounds:
            read_packets.append(read_packet(connection))
            connection.sendall(answer)
        try:
            return read_packets, connection.recv(100)
        except ConnectionResetError:
            return read_packets, "reset"

    return behave


def test_mysql_is_refused_as_an_unknown_user(serve):
    server = serve(mysql(refusal(2)))
    answer = ask(server, "mysql")
    assert answer["verdict"] == "up"
    assert answer["detail"] == "8.0.40"
    (login,), end = wait_for(server)
    assert end == b"", "the probe hangs up politely after the refusal, without a reset"
    capabilities, _packet_size, _charset = struct.unpack("<IIB", login[:9])
    assert capabilities & 0x200 and capabilities & 0x8000 and capabilities & 0x80000
    assert login[32:] == PROBE_USER.encode() + b"\0" + b"\0" + b"caching_sha2_password\0"


def test_mysql_other_errors_after_the_greeting_are_up_and_quoted(serve):
    answer = ask(serve(mysql(refusal(2, 3159, b"Insecure transport"))), "mysql")
    assert (answer["verdict"], answer["detail"]) == ("up", "8.0.40, login answered: error 3159, Insecure transport")


def test_mysql_login_counts_up_from_the_greeting(serve):
    def behave(connection, _stopped):
        connection.sendall(greeting())
        head = read(connection, 4)
        connection.sendall(refusal(2))
        return head[3]

    server = serve(behave)
    ask(server, "mysql")
    assert wait_for(server) == 1


@pytest.mark.parametrize(
    ("method", "empty_password"),
    [(b"mysql_native_password", b""), (b"caching_sha2_password", b"\0"), (b"sha256_password", b"\0")],
)
def test_mysql_finishes_a_switch_of_the_method(serve, method, empty_password):
    server = serve(mysql(packet(2, b"\xfe" + method + b"\0" + b"s" * 20 + b"\0"), refusal(4)))
    assert ask(server, "mysql")["verdict"] == "up"
    (_login, answer), _end = wait_for(server)
    assert answer == empty_password


def test_mysql_quits_when_an_anonymous_account_lets_it_in(serve):
    server = serve(mysql(packet(2, b"\0\0\0\2\0\0\0")))
    answer = ask(server, "mysql")
    assert (answer["verdict"], answer["detail"]) == ("up", "8.0.40, login accepted")
    _packets, end = wait_for(server)
    assert end == packet(0, b"\x01")


def test_mysql_that_never_stops_asking_is_left(serve):
    rounds = [packet(sequence, b"\x01more") for sequence in (2, 4, 6, 8)]
    answer = ask(serve(mysql(*rounds)), "mysql")
    assert (answer["verdict"], answer["detail"]) == ("up", "8.0.40, login not finished")


def test_mysql_fast_authentication_is_not_answered(serve):
    server = serve(mysql(packet(2, b"\x01\x03") + refusal(3)))
    assert ask(server, "mysql")["verdict"] == "up"
    assert wait_for(server)[1] == b""


@pytest.mark.parametrize(
    ("code", "text"),
    [(1129, b"Host '10.0.0.1' is blocked"), (1130, b"Host is not allowed"), (1040, b"Too many connections")],
)
@pytest.mark.parametrize("state", [b"", b"#08004"])
def test_mysql_that_turns_away_is_quoted(serve, code, text, state):
    server = serve(say(packet(0, b"\xff" + struct.pack("<H", code) + state + text)))
    answer = ask(server, "mysql")
    assert answer["verdict"] == "unexpected"
    assert answer["detail"] == f"turned away: error {code}, {text.decode()}"


def test_mysql_mariadb_version_has_no_replication_prefix(serve):
    def behave(connection, _stopped):
        connection.sendall(greeting(b"5.5.5-10.11.14-MariaDB"))
        read_packet(connection)
        connection.sendall(refusal(2))

    assert ask(serve(behave), "mysql")["detail"] == "10.11.14-MariaDB"


def test_mysql_that_greets_and_then_falls_silent_times_out(serve):
    answer = ask(serve(lambda connection, stopped: connection.sendall(greeting()) or stopped.wait(5)), "mysql")
    assert answer["verdict"] == "timeout"
    assert answer["detail"].startswith("greeted by 8.0.40, but no answer to the login within")
    assert answer["milliseconds"] >= TIMEOUT * 1000


def test_mysql_that_does_not_greet_in_time_is_reset(serve):
    def behave(connection, _stopped):
        try:
            return connection.recv(100)
        except ConnectionResetError:
            return "reset"

    server = serve(behave)
    assert ask(server, "mysql")["verdict"] == "timeout"
    assert wait_for(server) == "reset", "a plain close here counts towards a blocked host"


def test_mysql_closing_in_the_middle_of_the_greeting_is_closed(serve):
    def behave(connection, _stopped):
        connection.sendall(greeting()[:20])

    answer = ask(serve(behave), "mysql")
    assert answer["verdict"] == "closed"
    assert "after 16 bytes" in answer["detail"]


@pytest.mark.parametrize("half", [b"\x0a", b"\x0a8.0.40", b"\x0a8.0.40\0", b"\x0a8.0.40\0" + b"x" * 14, b"\x0a\0"])
def test_mysql_half_greeting_in_a_whole_packet_is_unexpected(serve, half):
    assert ask(serve(say(packet(0, half))), "mysql")["verdict"] == "unexpected"


@pytest.mark.parametrize("first", [b"abc\0" + b"x" * 20, packet(7, greeting()[4:]), packet(0, b"")])
def test_mysql_first_packet_that_cannot_be_one_is_unexpected(serve, first):
    assert ask(serve(say(first)), "mysql")["verdict"] == "unexpected"


# --- PostgreSQL --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("letter", "detail"), [(b"N", "without TLS"), (b"S", "with TLS")])
def test_postgresql_answers_with_one_letter(serve, letter, detail):
    def behave(connection, _stopped):
        request = read(connection, 8)
        connection.sendall(letter)
        return request, connection.recv(1)

    server = serve(behave)
    answer = ask(server, "postgresql")
    assert (answer["verdict"], answer["detail"]) == ("up", detail)
    request, next_byte = wait_for(server)
    assert request == b"\0\0\0\x08\x04\xd2\x16\x2f"
    # Where TLS is offered, the handshake (record type 22) follows: PostgreSQL logs a hang-up there.
    assert next_byte == (b"" if letter == b"N" else b"\x16")


def test_postgresql_time_ends_with_the_letter_and_not_with_tls(serve):
    answer = ask(serve(lambda connection, stopped: connection.sendall(b"S") or stopped.wait(5)), "postgresql")
    assert answer["verdict"] == "up"
    assert answer["milliseconds"] < TIMEOUT * 1000 / 2


def test_postgresql_that_turns_away_is_quoted(serve):
    answer = ask(serve(say(b"Ecould not fork new process\0")), "postgresql")
    assert answer["verdict"] == "unexpected"
    assert answer["detail"] == "turned away: could not fork new process?"


# --- SQL Server --------------------------------------------------------------------------------------------------


def tds_answer(payload):
    return struct.pack("!BBHHBB", 4, 1, 8 + len(payload), 0, 1, 0) + payload


def test_tds_answers_with_its_version(serve):
    def behave(connection, _stopped):
        head = read(connection, 8)
        payload = read(connection, struct.unpack("!H", head[2:4])[0] - 8)
        version = struct.pack("!BHH", 0, 6, 6) + b"\xff" + struct.pack("!BBHH", 16, 0, 1000, 0)
        connection.sendall(tds_answer(version))
        return head, payload

    server = serve(behave)
    answer = ask(server, "tds")
    assert (answer["verdict"], answer["detail"]) == ("up", "SQL Server 16.0.1000")
    head, payload = wait_for(server)
    assert head[:2] == b"\x12\x01"
    options, position = {}, 0
    while payload[position] != 0xFF:
        token, offset, size = struct.unpack("!BHH", payload[position : position + 5])
        options[token] = payload[offset : offset + size]
        position += 5
    assert options == {0: b"\0" * 6, 1: b"\x02", 2: b"\0", 3: b"\0" * 4, 4: b"\0"}


@pytest.mark.parametrize(
    "payload", [b"\xff", b"\0\xff\xff\xff\xff", b"\0\0", struct.pack("!BHH", 1, 6, 6) + b"\xff" + b"\x10" * 6]
)
def test_tds_without_a_version_is_up_all_the_same(serve, payload):
    answer = ask(serve(say(tds_answer(payload))), "tds")
    assert (answer["verdict"], answer["detail"]) == ("up", "")


def test_tds_empty_answer_is_unexpected(serve):
    assert ask(serve(say(tds_answer(b""))), "tds")["verdict"] == "unexpected"


# --- anything else -----------------------------------------------------------------------------------------------


def test_tcp_that_stays_open_is_up(serve, monkeypatch):
    monkeypatch.setattr(_greetings, "TCP_WAIT", 0.2)
    answer = ask(serve(stay_silent), "tcp")
    assert (answer["verdict"], answer["detail"]) == ("up", "connected")
    assert answer["milliseconds"] < 150, "the wait for a hang-up is not part of the time"


def test_tcp_that_speaks_is_up(serve):
    answer = ask(serve(say(b"220 ready\r\n")), "tcp")
    assert (answer["verdict"], answer["detail"]) == ("up", "greets with: 220 ready")


def test_tcp_closed_within_the_wait_is_closed(serve):
    assert ask(serve(lambda connection, stopped: stopped.wait(0.2) and None), "tcp", 2)["verdict"] == "closed"


# --- every probe -------------------------------------------------------------------------------------------------

ALL = sorted(PROBES)
SPEAKING = [probe for probe in ALL if probe != "tcp"]


@pytest.mark.parametrize("probe", ALL)
def test_closed_without_a_greeting(serve, probe):
    assert ask(serve(hang_up), probe)["verdict"] == "closed"


@pytest.mark.parametrize("probe", ALL)
def test_reset_without_a_greeting(serve, probe):
    assert ask(serve(reset), probe)["verdict"] == "closed"


@pytest.mark.parametrize("probe", ALL)
def test_refused(probe):
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    assert greet("127.0.0.1", port, probe, TIMEOUT)["verdict"] == "refused"


@pytest.mark.parametrize("probe", SPEAKING)
def test_silence_times_out_in_time(serve, probe):
    started = time.monotonic()
    answer = ask(serve(stay_silent), probe)
    assert answer["verdict"] == "timeout"
    assert TIMEOUT * 0.9 < time.monotonic() - started < TIMEOUT + 0.5


@pytest.mark.parametrize(
    ("probe", "data"), [("mysql", greeting() * 9), ("tds", tds_answer(b"\xff" * 300))], ids=["mysql", "tds"]
)
def test_slow_drip_ends_at_the_deadline(serve, probe, data):
    started = time.monotonic()
    answer = ask(serve(drip(data)), probe)
    assert answer["verdict"] == "timeout"
    assert time.monotonic() - started < TIMEOUT + 0.5


@pytest.mark.parametrize("probe", SPEAKING)
@pytest.mark.parametrize("garbage", [b"SSH-2.0-OpenSSH_9.2\r\n", b"HTTP/1.1 400 Bad Request\r\n\r\n", b"\xf0" * 5000])
def test_something_else_is_unexpected(serve, probe, garbage):
    answer = ask(serve(say(garbage)), probe)
    assert answer["verdict"] == "unexpected"
    assert printable(garbage[:16]) in answer["detail"]


def test_something_else_that_resets_is_still_something_else(serve):
    def behave(connection, stopped):
        connection.sendall(b"\xf0" * 4)
        stopped.wait(0.05)
        reset(connection, stopped)

    assert ask(serve(behave), "mysql")["verdict"] == "unexpected"


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(probe=st.sampled_from(SPEAKING), data=st.binary(max_size=60), framed=st.booleans(), after=st.booleans())
def test_no_bytes_raise(serve, probe, data, framed, after):
    """Whatever the first bytes are, as they come, in a packet of the protocol, or after a good greeting."""
    if framed:
        data = tds_answer(data) if probe == "tds" else packet(0, data)
    if after and probe == "mysql":
        data = greeting() + data
    server = serve(lambda connection, _stopped: connection.sendall(data))
    answer = ask(server, probe)
    server.stop()
    assert answer["verdict"] in {"up", "closed", "unexpected", "timeout"}
    assert answer["detail"] == printable(answer["detail"])


def test_unresolved_name():
    answer = greet("no-such-host.invalid", 3306, "tcp", 5)
    assert answer["verdict"] == "unresolved"
    assert "no-such-host.invalid" in answer["detail"]


@pytest.mark.parametrize("host", ["a" * 70, "a..b", "nul\0host"])
def test_impossible_name_is_unresolved(host):
    answer = greet(host, 3306, "tcp", 5)
    assert answer["verdict"] == "unresolved"
    assert "took too long" not in answer["detail"]


def test_name_server_that_hangs_does_not_hold_the_probe(monkeypatch):
    release = threading.Event()
    monkeypatch.setattr(_greetings.socket, "getaddrinfo", lambda *_: release.wait(5))
    started = time.monotonic()
    answer = greet("slow.example", 3306, "tcp", 0.2)
    took = time.monotonic() - started
    release.set()
    assert answer["verdict"] == "unresolved"
    assert took < 1


def test_second_address_is_tried(serve, monkeypatch):
    server = serve(mysql(refusal(2)))
    with socket.create_server(("127.0.0.1", 0)) as closed:
        dead = closed.getsockname()
    addresses = [
        (socket.AF_INET, socket.SOCK_STREAM, 6, "", dead),
        (socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", server.port)),
    ]
    monkeypatch.setattr(_greetings.socket, "getaddrinfo", lambda *_: addresses)
    assert greet("two.example", 1, "mysql", TIMEOUT)["verdict"] == "up"


@pytest.mark.parametrize(
    ("code", "verdict"),
    [
        (errno.EHOSTUNREACH, "unreachable"),
        (errno.ENETUNREACH, "unreachable"),
        (errno.EACCES, "unreachable"),
        (errno.ETIMEDOUT, "timeout"),
        (errno.ECONNRESET, "closed"),
        (errno.ECONNREFUSED, "refused"),
    ],
)
def test_connect_errors(code, verdict):
    assert _greetings.connect_verdict(OSError(code, "x"), "10.0.0.1").verdict == verdict


def test_all_targets_are_asked_at_once(serve):
    server = serve(stay_silent)
    targets = [{"name": f"r{n}", "host": "127.0.0.1", "port": server.port, "probe": "mysql"} for n in range(40)]
    started = time.monotonic()
    answers = greet_all(targets, TIMEOUT, 50)
    assert time.monotonic() - started < 3 * TIMEOUT, "40 silent servers cost one timeout, not forty"
    assert {name: answer["verdict"] for name, answer in answers.items()} == {f"r{n}": "timeout" for n in range(40)}


def test_no_targets_are_no_error():
    assert greet_all([], 1, 50) == {}


@pytest.mark.parametrize(
    ("text", "line"),
    [
        (b"\x1b[31mred\r\nnext", "?[31mred next"),
        ("{{ 7*7 }} {% x %}", "?? 7*7 ?? ?% x %?"),
        ("x" * 500, "x" * 157 + "..."),
        ("naïve", "na?ve"),
    ],
)
def test_printable(text, line):
    assert printable(text) == line
