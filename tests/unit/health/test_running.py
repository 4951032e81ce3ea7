"""The health check as a process: it follows what happens, and no client gets it out of step."""

import asyncio
import contextlib
import json
import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

import pytest

pytestmark = pytest.mark.measures

HALF_REQUEST = b"GET /healthz HTTP/1.1\r\nHost: x\r\n"
GARBAGE = [
    b"\x16\x03\x01\x02\x00\x01",
    b"G" * 20000,
    b"\r\n\r\n",
    b"SSH-2.0-x\r\n",
    b"GET / HTTP/1.1\r\nX: " + b"y" * 20000,
]


class Running:
    """The program as a process, with one tunnel and one resource whose sockets the test holds."""

    def __init__(self, program, settings, folder, heart):
        self.heart = heart
        self.forwarder = socket.create_server(("127.0.0.1", 0))
        self.listener = socket.create_server(("127.0.0.1", 0))
        show = "{0}:{1}".format
        settings["tunnels"] = {"fra-tunnel": {"heartbeat": show(*heart.endpoint)}}
        settings["resources"] = {
            "orders": {
                "forwarder": show(*self.forwarder.getsockname()),
                "listeners": {"fra-tunnel": show(*self.listener.getsockname())},
            }
        }
        self.port = settings["port"]
        self.flag = Path(settings["drain_flag"])
        path = folder / "health.json"
        path.write_text(json.dumps(settings))
        self.started_at = time.monotonic()
        self.process = subprocess.Popen(
            [sys.executable, "-I", program, path], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        assert "answering" in self.process.stdout.readline()

    def stop(self):
        self.process.terminate()
        _, said = self.process.communicate(timeout=5)
        self.forwarder.close()
        self.listener.close()
        assert (self.process.returncode, said) == (0, "")

    def status(self, path="/healthz"):
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}{path}", timeout=5) as answer:
                return answer.status
        except urllib.error.HTTPError as error:
            return error.code

    def body(self, path):
        with urllib.request.urlopen(f"http://127.0.0.1:{self.port}{path}", timeout=5) as answer:
            return json.load(answer)

    def seconds_until(self, status, patience=5.0):
        started = time.monotonic()
        while self.status() != status:
            assert time.monotonic() - started < patience, f"no {status} within {patience} s"
            time.sleep(0.02)
        return time.monotonic() - started

    def connect(self):
        return socket.create_connection(("127.0.0.1", self.port), timeout=8)

    def memory(self):
        """Resident memory in MB."""
        lines = Path(f"/proc/{self.process.pid}/status").read_text(encoding="ascii").splitlines()
        return next(int(line.split()[1]) for line in lines if line.startswith("VmRSS")) / 1024


@pytest.fixture(name="running")
def _running(program, raw_settings, tmp_path, new_heart):
    running = Running(program, raw_settings, tmp_path, new_heart())
    yield running
    running.stop()


def test_it_follows_the_heartbeat_the_flag_and_the_sockets(running):
    running.seconds_until(200)
    with socket.create_connection(running.forwarder.getsockname()):
        time.sleep(0.7)
        assert running.body("/status")["resources"]["orders"]["connections"] == 1
    running.flag.touch()
    assert running.status() == 503
    running.flag.unlink()
    assert running.status() == 200
    # A half-open tunnel takes connections and answers nothing.
    running.heart.is_silent = True
    assert 1.0 < running.seconds_until(503) <= 2.5
    running.heart.is_silent = False
    assert running.seconds_until(200) <= 1.0
    running.listener.close()
    assert running.seconds_until(503) <= 1.0


def test_a_saturated_tunnel_that_answers_late_stays_alive(running):
    running.heart.delay = 1.7
    running.seconds_until(200)
    ends, worst = time.monotonic() + 2.5, 0
    while time.monotonic() < ends:
        assert running.status() == 200
        worst = max(worst, running.body("/status")["tunnels"]["fra-tunnel"]["heartbeat"]["age"])
        time.sleep(0.05)
    assert worst < 1.2, "each question is asked without waiting for the answer to the one before"


def test_half_requests_and_garbage_get_their_answer(running):
    with running.connect() as half, running.connect() as tls, running.connect() as flood:
        half.sendall(HALF_REQUEST)
        half.shutdown(socket.SHUT_WR)
        assert half.recv(4096).startswith(b"HTTP/1.1 400 ")
        tls.sendall(GARBAGE[0])
        assert tls.recv(4096).startswith(b"HTTP/1.1 400 ")
        flood.sendall(b"G" * 200_000)
        assert flood.recv(4096).startswith(b"HTTP/1.1 414 "), "the answer survives what the client still sends"
        assert running.status("/status") == 200


def test_slow_clients_are_cut(health, monkeypatch):
    """Those who say nothing, those who say one byte after the other, and those who do not leave."""
    assert health.CLIENT_TIMEOUT == 5
    monkeypatch.setattr(health, "CLIENT_TIMEOUT", 0.4)
    clients = {}

    async def scenario():
        server = await asyncio.get_running_loop().create_server(
            lambda: health.Client(None, clients), sock=health.open_socket(("127.0.0.1", 0))
        )
        address = server.sockets[0].getsockname()
        writers = [(await asyncio.open_connection(*address))[1] for _ in range(3)]
        writers[0].write(b"POST / HTTP/1.1\r\n\r\n")
        for _ in range(6):
            writers[1].write(b"G")
            await asyncio.sleep(0.05)
        assert len(clients) == 3
        await asyncio.sleep(0.3)
        left = len(clients)
        for writer in writers:
            writer.transport.abort()
        server.close()
        return left

    assert asyncio.run(scenario()) == 0


def test_silent_clients_do_not_keep_others_out(running):
    running.seconds_until(200)
    silent = [running.connect() for _ in range(700)]
    try:
        started = time.monotonic()
        assert running.status() == 200
        assert time.monotonic() - started < 1
        silent[0].settimeout(1)
        with contextlib.suppress(ConnectionResetError):
            assert silent[0].recv(1) == b"", "the oldest is dropped"
    finally:
        for client in silent:
            client.close()


def test_answers_that_nobody_takes_need_no_memory(health, program, raw_settings, tmp_path, new_heart):
    """Clients who ask for a long answer and do not read it."""
    endpoint = {"forwarder": "127.0.0.1:1", "listeners": {"fra-tunnel": "127.0.0.1:2"}}
    heart = new_heart()
    raw_settings["tunnels"] = {"fra-tunnel": {"heartbeat": "{}:{}".format(*heart.endpoint)}}
    raw_settings["resources"] = {f"resource_{number:03}": endpoint for number in range(200)}
    path = tmp_path / "health.json"
    path.write_text(json.dumps(raw_settings))
    process = subprocess.Popen([sys.executable, "-I", program, path], stdout=subprocess.PIPE, text=True)
    clients = []
    try:
        process.stdout.readline()
        memory = Path(f"/proc/{process.pid}/statm")
        for _ in range(250):
            client = socket.socket()
            client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            client.connect(("127.0.0.1", raw_settings["port"]))
            client.sendall(b"GET /status HTTP/1.1\r\n\r\n")
            clients.append(client)
        time.sleep(0.3)
        resident = int(memory.read_text(encoding="ascii").split()[1]) * os.sysconf("SC_PAGE_SIZE")
        assert resident < 56e6, "the unit's MemoryMax is 64M"
    finally:
        for client in clients:
            client.close()
        process.terminate()
        process.communicate(timeout=5)


RATE, SECONDS = 600, 3


def test_it_keeps_answering_under_load_and_abuse(running):
    """More than 500 good requests a second, beside slow clients, half requests and garbage."""
    running.seconds_until(200)
    asyncio.run(load(running.port, 300))  # what an interpreter takes once
    memory_before = running.memory()
    started = time.monotonic()
    answered = asyncio.run(load_and_abuse(running.port))
    took = time.monotonic() - started
    memory_after = running.memory()
    assert answered == RATE * SECONDS, "every good request is answered"
    assert answered / took >= 500
    assert memory_after < 40 and memory_after - memory_before < 5
    assert running.status() == 200
    ticks = (time.monotonic() - running.started_at) / 0.5
    assert running.heart.asked <= ticks + 1, "no client causes a connection"


async def load(port, count):
    """So many good requests, evenly spread; the number that was answered well."""
    loop = asyncio.get_running_loop()
    started = loop.time()
    paths = ["/healthz", "/healthz/orders", "/metrics", "/status"]

    async def ask(number):
        await asyncio.sleep(started + number / RATE - loop.time())
        method = "HEAD" if number % 7 == 0 else "GET"
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(f"{method} {paths[number % 4]} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
        answer = await asyncio.wait_for(reader.read(), 5)
        writer.close()
        return answer.startswith(b"HTTP/1.1 200 ") and (method == "HEAD") == answer.endswith(b"\r\n\r\n")

    return sum(await asyncio.gather(*(ask(number) for number in range(count))))


async def load_and_abuse(port):
    async def abuse(content):
        while True:
            with contextlib.suppress(OSError):
                _, writer = await asyncio.open_connection("127.0.0.1", port)
                writer.write(content)
                abused.append(writer)
                if len(abused) > 400:
                    abused.pop(0).transport.abort()
            await asyncio.sleep(0.1)

    abused = []
    abusers = [asyncio.ensure_future(abuse(content)) for content in [b"", HALF_REQUEST, b"G", *GARBAGE] * 2]
    try:
        return await load(port, RATE * SECONDS)
    finally:
        for abuser in abusers:
            abuser.cancel()
        for writer in abused:
            writer.transport.abort()
