"""The heartbeat answers every fetch, whatever the probe and other clients do."""

import json
import socket
import subprocess
import sys
import time
import urllib.request

import pytest

pytestmark = pytest.mark.measures

VERDICTS = {
    "orders": {"verdict": "up", "milliseconds": 1.2, "time": 990.0},
    "crm": {"verdict": "refused", "milliseconds": 0.3, "time": 998.5, "detail": "10.0.0.1 refuses the connection"},
}


def write(path, resources):
    path.write_text(json.dumps({"resources": resources}))


def test_verdicts_are_handed_on_with_their_age(heartbeat, tmp_path):
    write(tmp_path / "verdicts.json", VERDICTS)
    verdicts = heartbeat.Verdicts(str(tmp_path / "verdicts.json"), clock=lambda: 1000.0)
    head, _, body = heartbeat.answer("fra", verdicts, clock=lambda: 1000.0).partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 200 OK\r\n")
    assert f"Content-Length: {len(body)}" in head.decode()
    assert json.loads(body) == {
        "host": "fra",
        "time": 1000.0,
        "resources": {
            "orders": {"verdict": "up", "milliseconds": 1.2, "age": 10.0},
            "crm": {
                "verdict": "refused",
                "milliseconds": 0.3,
                "detail": "10.0.0.1 refuses the connection",
                "age": 1.5,
            },
        },
    }


def test_a_probe_that_stopped_writing_shows_as_age(heartbeat, tmp_path):
    write(tmp_path / "v", VERDICTS)
    now = [1000.0]
    verdicts = heartbeat.Verdicts(str(tmp_path / "v"), clock=lambda: now[0])
    assert verdicts.current()["orders"]["age"] == 10.0
    now[0] = 5000.0
    assert verdicts.current()["orders"]["age"] == 4010.0


def test_new_verdicts_are_seen(heartbeat, tmp_path):
    path = tmp_path / "v"
    write(path, VERDICTS)
    verdicts = heartbeat.Verdicts(str(path), clock=lambda: 1000.0)
    verdicts.current()
    (tmp_path / "v.new").write_text(json.dumps({"resources": {"orders": {"verdict": "timeout", "time": 1000.0}}}))
    (tmp_path / "v.new").replace(path)
    assert verdicts.current() == {"orders": {"verdict": "timeout", "age": 0.0}}


@pytest.mark.parametrize("text", [None, "", "{", "[]", '{"resources": 3}', '{"resources": {"a": 1}}'])
def test_without_usable_verdicts_the_heart_beats_on(heartbeat, tmp_path, text):
    path = tmp_path / "v"
    if text is not None:
        path.write_text(text)
    body = heartbeat.answer("fra", heartbeat.Verdicts(str(path))).partition(b"\r\n\r\n")[2]
    assert json.loads(body)["resources"] == {}


@pytest.fixture
def running(heartbeat, tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    write(tmp_path / "v", VERDICTS)
    command = [sys.executable, heartbeat.__file__, "--port", str(port), "--verdicts", str(tmp_path / "v")]
    with subprocess.Popen([*command, "--name", "fra"], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout.readline() == f"answering on 127.0.0.1:{port} as fra\n"
        yield port
        process.terminate()


def test_the_program_answers_while_others_hold_connections_open(running):
    idle = [socket.create_connection(("127.0.0.1", running)) for _ in range(300)]
    try:
        for _ in range(20):
            started = time.monotonic()
            with urllib.request.urlopen(f"http://127.0.0.1:{running}/", timeout=2) as response:
                assert json.load(response)["host"] == "fra"
            assert time.monotonic() - started < 1
    finally:
        for connection in idle:
            connection.close()


def test_a_taken_port_is_said_in_one_line(heartbeat, tmp_path, capsys):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        assert heartbeat.main(["--port", str(port), "--verdicts", str(tmp_path / "v")]) == 1
    assert f"cannot answer on 127.0.0.1:{port}" in capsys.readouterr().err
