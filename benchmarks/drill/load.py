"""Clients in the cloud: new connections at a steady rate, long-lived sessions, logins at one address, bulk queries.

Runs in a machine's network, is told what to do by lines on its standard input, and writes one JSON record a line.
Every connection logs in and says goodbye: MySQL blocks a host whose connections stop in the middle of the handshake.
"""

from __future__ import annotations

import json
import os
import select
import socket
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import psycopg
import pymysql

TIMEOUT = 5  # of a new connection, from connecting to the answer
SESSION_TIMEOUT = 60
PAUSE = 0.2  # between two queries of a session

_output = threading.Lock()


def emit(kind: str, **fields) -> None:
    with _output:
        print(json.dumps({"kind": kind, **fields}), flush=True)


class MySQL:
    """No TLS: its cost on the lab's few cores would be taken for the path's."""

    bulk = "SELECT REPEAT('x', 65000) FROM seq_1_to_100000000"

    def __init__(self, resource: dict, address: str, timeout: float):
        self.connection = pymysql.connect(
            host=address,
            port=resource["listen_port"],
            user=resource["user"],
            password=resource["password"],
            database=resource["database"],
            connect_timeout=timeout,
            read_timeout=timeout,
            write_timeout=timeout,
            ssl_disabled=True,
        )

    def ask(self) -> None:
        with self.connection.cursor() as cursor:
            cursor.execute("SELECT 1")
            assert cursor.fetchone() == (1,)

    def stream(self):
        with self.connection.cursor(pymysql.cursors.SSCursor) as cursor:
            cursor.execute(self.bulk)
            for row in cursor:
                yield len(row[0])

    def port(self) -> int:
        return self.connection._sock.getsockname()[1]

    def close(self) -> None:
        self.connection.close()


class PostgreSQL:
    bulk = "COPY (SELECT repeat('x', 65000) FROM generate_series(1, 100000000)) TO STDOUT"

    def __init__(self, resource: dict, address: str, timeout: float):
        self.timeout = timeout
        self.connection = psycopg.connect(
            host=address,
            port=resource["listen_port"],
            user=resource["user"],
            password=resource["password"],
            dbname=resource["database"],
            connect_timeout=max(2, round(timeout)),
            sslmode="disable",
            gssencmode="disable",
            autocommit=True,
        )

    def ask(self) -> None:
        """One query with a deadline, which the driver's own interface does not have."""
        connection = self.connection.pgconn
        connection.send_query(b"SELECT 1")
        deadline = time.monotonic() + self.timeout
        while connection.is_busy():
            if not select.select([connection.socket], [], [], max(0, deadline - time.monotonic()))[0]:
                raise TimeoutError("no answer")
            connection.consume_input()
        result = connection.get_result()
        assert result and result.get_value(0, 0) == b"1", result and result.error_message
        while connection.get_result():
            pass

    def stream(self):
        with self.connection.cursor() as cursor, cursor.copy(self.bulk) as copy:
            for block in copy:
                yield len(block)

    def port(self) -> int:
        with socket.socket(fileno=os.dup(self.connection.fileno())) as own:
            return own.getsockname()[1]

    def close(self) -> None:
        self.connection.close()


ENGINES = {"mysql": MySQL, "postgresql": PostgreSQL}


def log_in(resource: dict, address: str, timeout: float = TIMEOUT):
    return ENGINES[resource["engine"]](resource, address, timeout)


def visit(resource: dict, address: str, timeout: float = TIMEOUT) -> str | None:
    """Connect, log in, ask, leave. Returns what went wrong."""
    start = time.monotonic()
    try:
        connection = log_in(resource, address, timeout)
        try:
            connection.ask()
        finally:
            connection.close()
    except (OSError, AssertionError, pymysql.Error, psycopg.Error) as error:
        return f"{type(error).__name__}: {error}".splitlines()[0][:200]
    return None if time.monotonic() - start <= timeout else "too late"


def at_intervals(seconds: float, call) -> None:
    """Calls that neither wait for each other nor drift."""
    start, number = time.monotonic(), 0
    with ThreadPoolExecutor(200) as pool:
        while True:
            pool.submit(call, number)
            number += 1
            time.sleep(max(0, start + number * seconds - time.monotonic()))


def keep_session(name: str, connection) -> None:
    while True:
        start = time.monotonic()
        try:
            connection.ask()
        except (OSError, AssertionError, pymysql.Error, psycopg.Error) as error:
            emit("lost", session=name, t=time.monotonic(), error=str(error)[:200])
            return
        emit("answer", session=name, start=start, end=time.monotonic())
        time.sleep(PAUSE)


class Client:
    def __init__(self, options: dict):
        self.options = options
        self.resources = options["resources"]
        self.balancer = options["load_balancer"]

    def start(self, target, *arguments) -> None:
        threading.Thread(target=target, args=arguments, daemon=True).start()

    def sessions(self) -> None:
        """One after another, so that a round-robin load balancer gives each proxy one of each engine."""
        opened = []
        for name, resource in self.resources.items():
            for number in range(self.options["sessions"]):
                connection = log_in(resource, self.balancer, SESSION_TIMEOUT)
                opened.append((f"{name}-{number + 1}", connection))
                emit("opened", session=opened[-1][0], resource=name, port=connection.port())
        for session in opened:
            self.start(keep_session, *session)
        emit("sessions")

    def load(self) -> None:
        names = list(self.resources)

        def connect(number: int) -> None:
            name, start = names[number % len(names)], time.monotonic()
            error = visit(self.resources[name], self.balancer)
            emit("connection", resource=name, start=start, end=time.monotonic(), ok=not error, error=error)

        self.start(at_intervals, 1 / self.options["rate"], connect)

    def probes(self) -> None:
        for probe in self.options["probes"]:
            self.start(self.probe, probe)

    def probe(self, probe: dict) -> None:
        def look(_number: int) -> None:
            start = time.monotonic()
            error = visit(self.resources[probe["resource"]], probe["address"], probe["timeout"])
            emit("probe", resource=probe["resource"], start=start, end=time.monotonic(), ok=not error, error=error)

        at_intervals(probe["interval"], look)

    def check(self) -> None:
        """Does every resource answer through every proxy?"""
        paths = [(name, address) for name in self.resources for address in self.options["proxies"]]
        with ThreadPoolExecutor(8) as pool:
            errors = list(pool.map(lambda path: visit(self.resources[path[0]], path[1]), paths))
        failed = [f"{name} at {where}: {error}" for (name, where), error in zip(paths, errors, strict=True) if error]
        emit("check", ok=not failed, errors=failed)

    def bulk(self) -> None:
        """Each engine half of the streams; what comes is counted and thrown away."""
        names = list(self.resources)
        for number in range(self.options["streams"]):
            self.start(self.stream, self.resources[names[number % len(names)]])

    def stream(self, resource: dict) -> None:
        connection = log_in(resource, self.balancer, SESSION_TIMEOUT)
        count, told = 0, time.monotonic()
        try:
            for size in connection.stream():
                count += size
                if time.monotonic() - told > 1:
                    emit("bulk", bytes=count, t=time.monotonic())
                    count, told = 0, time.monotonic()
        except (OSError, pymysql.Error, psycopg.Error) as error:
            emit("cut", t=time.monotonic(), error=str(error)[:200])


def main() -> None:
    client = Client(json.loads(sys.argv[1]))
    for line in sys.stdin:
        getattr(client, line.strip())()
    # Connections under way need no end.
    os._exit(0)


if __name__ == "__main__":
    main()
