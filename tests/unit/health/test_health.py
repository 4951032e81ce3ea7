"""The health check: what it calls whole, what it answers, and what a hostile client can do to it."""

import asyncio
import importlib.util
import json
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

import pytest

PROGRAM = Path(__file__).parents[3] / "roles/proxy_vm/files/onprem_tunnel_health.py"
_spec = importlib.util.spec_from_file_location("onprem_tunnel_health", PROGRAM)
health = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(health)

RESOURCES = {
    "orders": {"forwarder": ("10.40.1.10", 3306), "listeners": [("127.0.0.1", 13306)]},
    "crm": {"forwarder": ("10.40.1.10", 5432), "listeners": [("127.0.0.1", 15432), ("127.0.0.2", 15432)]},
}
WHOLE = {("10.40.1.10", 3306), ("127.0.0.1", 13306), ("10.40.1.10", 5432), ("127.0.0.1", 15432), ("127.0.0.2", 15432)}


def looked(sockets, age=0.0):
    """A health check that has looked at these sockets, so many seconds ago."""
    now = [1000.0]
    subject = health.Health(RESOURCES, look=lambda: sockets, clock=lambda: now[0])
    subject.update()
    now[0] += age
    return subject


@pytest.mark.parametrize(
    ("missing", "orders", "crm"),
    [
        pytest.param(set(), 200, 200, id="all is there"),
        pytest.param({("10.40.1.10", 3306)}, 503, 200, id="a forwarder is gone"),
        pytest.param({("127.0.0.1", 13306)}, 503, 200, id="the only listener is gone"),
        pytest.param({("127.0.0.1", 15432)}, 200, 200, id="one of two listeners is gone"),
        pytest.param({("127.0.0.1", 15432), ("127.0.0.2", 15432)}, 200, 503, id="both listeners are gone"),
    ],
)
def test_a_resource_is_whole_with_its_forwarder_and_one_listener(missing, orders, crm):
    subject = looked(WHOLE - missing)
    assert subject.answer("/healthz/orders")[0] == orders
    assert subject.answer("/healthz/crm")[0] == crm
    assert subject.answer("/healthz")[0] == max(orders, crm)


def test_a_forwarder_on_all_addresses_counts_and_a_listener_on_all_addresses_does_not():
    """sshd opens its listeners on loopback; a socket on all addresses is somebody else's."""
    assert looked((WHOLE - {("10.40.1.10", 3306)}) | {("0.0.0.0", 3306)}).answer("/healthz/orders")[0] == 200
    assert looked((WHOLE - {("127.0.0.1", 13306)}) | {("0.0.0.0", 13306)}).answer("/healthz/orders")[0] == 503


@pytest.mark.parametrize(("age", "status"), [(0.0, 200), (health.MAX_AGE, 200), (health.MAX_AGE + 0.1, 503)])
def test_a_stale_look_is_not_believed(age, status):
    assert looked(WHOLE, age).answer("/healthz")[0] == status


def test_before_the_first_look_nothing_is_healthy():
    subject = health.Health(RESOURCES)
    assert subject.answer("/healthz")[0] == 503
    assert subject.answer("/healthz/orders")[0] == 503


def test_the_body_names_what_is_missing():
    body = looked(WHOLE - {("127.0.0.1", 13306)}).answer("/healthz")[1]
    assert body["status"] == "failing"
    assert body["resources"]["crm"]["status"] == "ok"
    assert body["resources"]["orders"] == {
        "status": "failing",
        "forwarder": {"address": "10.40.1.10:3306", "listening": True},
        "listeners": [{"address": "127.0.0.1:13306", "listening": False}],
    }


@pytest.mark.parametrize(
    ("request_bytes", "status"),
    [
        (b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n", 200),
        (b"GET /healthz?from=lb HTTP/1.0\r\n\r\n", 200),
        (b"GET /healthz/ HTTP/1.0\r\n\r\n", 200),
        (b"GET / HTTP/1.1\r\n\r\n", 404),
        (b"GET /healthz/nobody HTTP/1.1\r\n\r\n", 404),
        (b"GET /healthz/orders/x HTTP/1.1\r\n\r\n", 404),
        (b"POST /healthz HTTP/1.1\r\n\r\n", 405),
        (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", 400),
        (b"\r\n\r\n", 400),
        (b"GET /healthz\r\n\r\n", 400),
    ],
)
def test_every_request_gets_its_status(request_bytes, status):
    assert health.respond(looked(WHOLE), request_bytes).startswith(f"HTTP/1.1 {status} ".encode())


def test_head_has_the_headers_of_get_and_no_body():
    get = health.respond(looked(WHOLE), b"GET /healthz HTTP/1.1\r\n\r\n")
    head = health.respond(looked(WHOLE), b"HEAD /healthz HTTP/1.1\r\n\r\n")
    assert head.endswith(b"\r\n\r\n") and get.startswith(head) and len(get) > len(head)


def test_sockets_are_read_as_the_kernel_writes_them(tmp_path):
    table4, table6 = tmp_path / "tcp", tmp_path / "tcp6"
    header = "  sl  local_address rem_address   st\n"
    table4.write_text(header + "   0: 0100007F:33FA 00000000:0000 0A\n   1: 0A01280A:0CEA 0B01280A:9C40 01\n")
    table6.write_text(header + "   0: " + "0" * 32 + ":0016 " + "0" * 32 + ":0000 0A\n")
    assert health.listening_sockets((str(table4), str(table6))) == {("127.0.0.1", 13306), ("::", 22)}


def test_a_real_listener_is_seen():
    with socket.create_server(("127.0.0.1", 0)) as server:
        assert server.getsockname() in health.listening_sockets()
    assert server.fileno() == -1


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"port": 8405, "resources": {}}, "address"),
        ({"address": "proxy.example", "port": 8405, "resources": {}}, "not an IP address"),
        ({"address": "127.0.0.1", "port": 84050, "resources": {}}, "65535"),
        ({"address": "127.0.0.1", "port": 8405, "resources": {"orders": {"forwarder": "x"}}}, "not an IP address"),
        ({"address": "127.0.0.1", "port": 8405, "resources": []}, "items"),
    ],
)
def test_unusable_settings_are_named_in_one_line(tmp_path, settings, says):
    path = tmp_path / "health.json"
    path.write_text(json.dumps(settings))
    done = subprocess.run([sys.executable, PROGRAM, "--check", path], capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert says in done.stderr and "Traceback" not in done.stderr and done.stderr.count("\n") == 1


@pytest.fixture(name="running")
def _running(tmp_path):
    """The program as a process, with one resource whose two sockets this test holds."""
    with socket.create_server(("127.0.0.1", 0)) as forwarder, socket.create_server(("127.0.0.1", 0)) as listener:
        with socket.create_server(("127.0.0.1", 0)) as free:
            port = free.getsockname()[1]
        settings = {
            "address": "127.0.0.1",
            "port": port,
            "resources": {
                "orders": {
                    "forwarder": f"127.0.0.1:{forwarder.getsockname()[1]}",
                    "listeners": [f"127.0.0.1:{listener.getsockname()[1]}"],
                }
            },
        }
        path = tmp_path / "health.json"
        path.write_text(json.dumps(settings))
        process = subprocess.Popen([sys.executable, PROGRAM, path], stdout=subprocess.PIPE, text=True)
        try:
            assert "answering" in process.stdout.readline()
            yield f"http://127.0.0.1:{port}/healthz", port, listener
        finally:
            process.terminate()
            assert process.wait(5) == 0


def status(url):
    try:
        with urllib.request.urlopen(url, timeout=5) as answer:
            return answer.status
    except urllib.error.HTTPError as error:
        return error.code


def test_the_running_program_follows_the_sockets(running):
    url, _, listener = running
    assert status(url) == 200
    listener.close()
    deadline = time.monotonic() + 3
    while status(url) == 200:
        assert time.monotonic() < deadline, "still 200 although the listener is gone"
        time.sleep(0.1)
    assert status(url + "/orders") == 503


def test_silent_and_flooding_clients_do_not_silence_it(running):
    url, port, _ = running
    silent = [socket.create_connection(("127.0.0.1", port)) for _ in range(50)]
    flood = socket.create_connection(("127.0.0.1", port))
    try:
        flood.sendall(b"G" * 3 * health.MAX_REQUEST)
        started = time.monotonic()
        assert status(url) == 200
        assert time.monotonic() - started < 1
    finally:
        for client in [*silent, flood]:
            client.close()


def test_more_clients_than_it_serves_are_turned_away_at_once():
    async def scenario():
        class Transport:
            aborted = False

            def abort(self):
                self.aborted = True

        class Writer:
            transport = Transport()

        writer = Writer()
        await health.serve_client(looked(WHOLE), None, writer, set(range(health.MAX_CLIENTS)))
        return writer.transport.aborted

    assert asyncio.run(scenario())
