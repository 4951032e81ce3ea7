"""What the tests of the health check share: its code, settings, and a heartbeat on loopback."""

import getpass
import importlib.util
import json
import socket
import socketserver
import threading
import time
from pathlib import Path

import pytest

PROGRAM = Path(__file__).parents[3] / "roles/proxy_vm/files/onprem_tunnel_health.py"


@pytest.fixture(scope="session", name="program")
def _program():
    return PROGRAM


@pytest.fixture(scope="session", name="health")
def _health():
    spec = importlib.util.spec_from_file_location("onprem_tunnel_health", PROGRAM)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def write_heartbeat(resources=None, host="fra-tunnel", **more):
    body = json.dumps({"host": host, "time": 1764000000.1, "resources": resources or {}, **more}).encode()
    return b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n" % len(body) + body


@pytest.fixture(scope="session", name="heartbeat")
def _heartbeat():
    """Return the bytes of a heartbeat's answer."""
    return write_heartbeat


class Heart(socketserver.ThreadingTCPServer):
    """A heartbeat on loopback that can be late, or silent with its connections open, as behind a half-open tunnel."""

    daemon_threads = True
    allow_reuse_address = True
    request_queue_size = 64

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Beat)
        self.delay = 0.0
        self.is_silent = False
        self.asked = 0
        self.content = write_heartbeat(
            {"orders": {"verdict": "up", "milliseconds": 1.2, "age": 3.2, "detail": "MariaDB 11"}}
        )
        threading.Thread(target=self.serve_forever, args=(0.05,), daemon=True).start()

    @property
    def endpoint(self):
        return self.server_address

    def close(self):
        self.shutdown()
        self.server_close()


class Beat(socketserver.BaseRequestHandler):
    def handle(self):
        self.server.asked += 1
        self.request.recv(4096)
        time.sleep(self.server.delay)
        while self.server.is_silent:
            time.sleep(0.05)
        try:
            self.request.sendall(self.server.content)
        except OSError:
            pass


@pytest.fixture(name="new_heart")
def _new_heart():
    hearts = []

    def make():
        hearts.append(Heart())
        return hearts[-1]

    yield make
    for heart in hearts:
        heart.is_silent = False
        heart.close()


@pytest.fixture(name="raw_settings")
def _raw_settings(tmp_path):
    """Return settings as the role writes them, for the user who runs the tests."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    return {
        "address": "127.0.0.1",
        "port": port,
        "version": "0.1.0",
        "tunnel_user": getpass.getuser(),
        "forwarder_user": getpass.getuser(),
        "drain_flag": str(tmp_path / "draining"),
        "tunnels": {"fra-tunnel": {"heartbeat": "127.0.0.1:13999"}},
        "resources": {"orders": {"forwarder": "10.40.1.10:3306", "listeners": {"fra-tunnel": "127.0.0.1:13306"}}},
        "peers": {"proxy-b": "10.40.2.10:8405"},
    }
