"""The drain command: when it refuses, what it waits for, and what it leaves behind."""

import contextlib
import getpass
import http.server
import json
import os
import resource
import signal
import socket
import stat
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

pytestmark = pytest.mark.measures

PROGRAM = Path(__file__).parents[3] / "roles/proxy_vm/files/onprem_tunnel_drain.py"
NO_WAIT = ("--settle", "0")


class HealthCheck(http.server.ThreadingHTTPServer):
    """A health check on loopback that calls the given resources healthy or not."""

    daemon_threads = True

    def __init__(self, statuses):
        super().__init__(("127.0.0.1", 0), Answer)
        self.statuses = statuses
        self.asked = 0
        self.on_ask = lambda: None
        threading.Thread(target=self.serve_forever, args=(0.05,), daemon=True).start()

    @property
    def shown(self):
        return "{}:{}".format(*self.server_address)


class Answer(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.server.asked += 1
        self.server.on_ask()
        self.send_response(self.server.statuses.get(self.path.removeprefix("/healthz/"), 404))
        self.end_headers()

    def log_message(self, *_):
        pass


class Proxy:
    """A proxy with two resources, and one other proxy."""

    def __init__(self, folder):
        self.forwarders = {name: socket.create_server(("127.0.0.1", 0)) for name in ("orders", "crm")}
        self.own = HealthCheck({"orders": 200, "crm": 200})
        self.peer = HealthCheck({"orders": 200, "crm": 200})
        self.flag = folder / "state/draining"
        self.settings = {
            "address": "127.0.0.1",
            "port": self.own.server_address[1],
            "version": "0.1.0",
            "tunnel_user": getpass.getuser(),
            "forwarder_user": getpass.getuser(),
            "drain_flag": str(self.flag),
            "tunnels": {},
            "resources": {
                name: {"forwarder": "{}:{}".format(*forwarder.getsockname()), "listeners": {}}
                for name, forwarder in self.forwarders.items()
            },
            "peers": {"proxy-b": self.peer.shown},
        }
        self.path = folder / "health.json"
        self.write_settings()

    def write_settings(self):
        self.path.write_text(json.dumps(self.settings))

    def start(self, *arguments, **options):
        return subprocess.Popen(
            [sys.executable, PROGRAM, "--settings", self.path, *arguments],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            **options,
        )

    def run(self, *arguments, **options):
        """Exit code and what was said."""
        process = self.start(*arguments, **options)
        said = "".join(process.communicate(timeout=20))
        assert "Traceback" not in said, said
        return process.returncode, said

    @contextlib.contextmanager
    def client(self, name="orders"):
        with socket.create_connection(self.forwarders[name].getsockname()) as connection:
            accepted, _ = self.forwarders[name].accept()
            with accepted:
                yield connection

    def wait_for_flag(self):
        deadline = time.monotonic() + 5
        while not self.flag.exists():
            assert time.monotonic() < deadline
            time.sleep(0.01)

    def close(self):
        for server in (self.own, self.peer):
            server.shutdown()
            server.server_close()
        for forwarder in self.forwarders.values():
            forwarder.close()


@pytest.fixture(name="proxy")
def _proxy(tmp_path):
    proxy = Proxy(tmp_path)
    yield proxy
    proxy.close()


def test_it_sets_a_flag_that_the_health_check_can_read_and_is_done_without_connections(proxy):
    code, said = proxy.run(*NO_WAIT, umask=0o077)
    assert code == 0 and "Draining" in said and "no connection is left" in said
    assert stat.S_IMODE(proxy.flag.stat().st_mode) == 0o644
    assert stat.S_IMODE(proxy.flag.parent.stat().st_mode) == 0o755
    content = json.loads(proxy.flag.read_text())
    assert content["by"] and content["since"].endswith("+00:00")
    assert [path.name for path in proxy.flag.parent.iterdir()] == ["draining"]


@pytest.mark.parametrize(
    ("peer", "lacks"),
    [
        pytest.param({"orders": 200, "crm": 503}, "crm", id="unhealthy there"),
        pytest.param({"orders": 200}, "crm", id="not carried there"),
        pytest.param({"orders": 503, "crm": 503}, "orders, crm", id="nothing healthy there"),
    ],
)
def test_it_refuses_to_drain_the_last_healthy_proxy_unless_forced(proxy, peer, lacks):
    proxy.peer.statuses = peer
    for arguments in ([], ["--dry-run"]):
        code, said = proxy.run(*NO_WAIT, *arguments)
        assert code == 1 and f"healthy path to {lacks} (" in said and "--force" in said and said.count("\n") == 1
        assert not proxy.flag.exists()
    assert proxy.run(*NO_WAIT, "--force")[0] == 0
    assert proxy.flag.exists()


def test_it_refuses_without_another_proxy_and_with_one_that_does_not_answer(proxy):
    proxy.settings["peers"] = {}
    proxy.write_settings()
    assert proxy.run(*NO_WAIT)[0] == 1
    with socket.create_server(("127.0.0.1", 0)) as silent:
        proxy.settings["peers"] = {"proxy-b": "{}:{}".format(*silent.getsockname())}
        proxy.write_settings()
        started = time.monotonic()
        assert proxy.run(*NO_WAIT)[0] == 1
        assert time.monotonic() - started < 3, "a silent peer is not asked for each resource"
    assert not proxy.flag.exists()


def test_what_is_not_healthy_here_either_is_no_reason_to_refuse(proxy):
    proxy.own.statuses = {"orders": 200, "crm": 503}
    proxy.peer.statuses = {"orders": 200, "crm": 503}
    assert proxy.run(*NO_WAIT)[0] == 0


def test_another_proxy_that_drains_at_the_same_moment_is_noticed(proxy):
    """Both ask, both are healthy, both set their flag: asking once more afterwards shows it."""

    def drain_the_peer_meanwhile():
        if proxy.peer.asked > 2:
            proxy.peer.statuses = {"orders": 503, "crm": 503}

    proxy.peer.on_ask = drain_the_peer_meanwhile
    code, said = proxy.run(*NO_WAIT)
    assert code == 1 and "Not drained" in said and not proxy.flag.exists()


def test_already_draining_is_not_refused_and_not_changed(proxy):
    proxy.run(*NO_WAIT)
    content = proxy.flag.read_text()
    proxy.peer.statuses = proxy.own.statuses = {}
    code, said = proxy.run(*NO_WAIT)
    assert code == 0 and said.startswith("Already draining, since 20") and proxy.flag.read_text() == content
    code, said = proxy.run("--dry-run")
    assert code == 0 and said.startswith("Already draining")


def test_a_dry_run_changes_nothing(proxy):
    code, said = proxy.run("--dry-run")
    assert (code, said) == (0, "Would be draining.\n") and not proxy.flag.parent.exists()
    proxy.run(*NO_WAIT)
    code, said = proxy.run("--undo", "--dry-run")
    assert (code, said) == (0, "Would be undrained.\n") and proxy.flag.exists()


def test_undo_says_whether_it_was_draining(proxy):
    assert proxy.run("--undo") == (0, "Was not draining.\n")
    proxy.run(*NO_WAIT)
    code, said = proxy.run("--undo")
    assert code == 0 and said.startswith("Undrained") and not proxy.flag.exists()
    assert proxy.run("--undo") == (0, "Was not draining.\n")


def test_status_counts_the_connections_and_changes_nothing(proxy):
    assert proxy.run("--status") == (0, "Not draining.\nConnections: none\n")
    proxy.run(*NO_WAIT)
    with proxy.client(), proxy.client(), proxy.client("crm"):
        code, said = proxy.run("--status")
    assert code == 0 and said.startswith("Draining, since 20") and "orders: 2, crm: 1" in said


def test_it_waits_until_the_connections_are_gone_and_touches_none(proxy):
    with proxy.client() as connection:
        process = proxy.start(*NO_WAIT, "--timeout", "15")
        proxy.wait_for_flag()
        time.sleep(0.7)
        assert process.poll() is None
        connection.sendall(b"still there")
    assert process.wait(5) == 0
    assert "orders: 1" in process.communicate()[0]


def test_at_the_deadline_it_says_what_is_left_and_stays_draining(proxy):
    with proxy.client():
        code, said = proxy.run(*NO_WAIT, "--timeout", "0.6")
    assert code == 3 and "(orders: 1)" in said and "stays draining" in said and proxy.flag.exists()


def test_it_gives_load_balancers_time_to_notice_but_only_once(proxy):
    started = time.monotonic()
    assert proxy.run("--settle", "1.2")[0] == 0
    assert time.monotonic() - started >= 1.2
    os.utime(proxy.flag, (time.time() - 60,) * 2)
    started = time.monotonic()
    assert proxy.run("--settle", "30")[0] == 0
    assert time.monotonic() - started < 2


def test_interrupted_it_stays_draining_and_says_so(proxy):
    with proxy.client():
        # A test run in the background of a shell would have it ignore the signal.
        process = proxy.start(*NO_WAIT, preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL))
        proxy.wait_for_flag()
        process.stdout.readline()
        process.send_signal(signal.SIGINT)
        _, said = process.communicate(timeout=5)
    assert process.returncode == 130 and "stays draining" in said and said.count("\n") == 1
    assert proxy.flag.exists()


def test_undone_meanwhile_it_does_not_call_itself_drained(proxy):
    with proxy.client():
        process = proxy.start(*NO_WAIT)
        proxy.wait_for_flag()
        process.stdout.readline()
        proxy.run("--undo")
        assert process.wait(5) == 1
        assert "ended the draining" in process.communicate()[1]


def no_space():
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))


def test_a_full_disk_is_one_clear_message_and_nothing_half_done(proxy):
    code, said = proxy.run(*NO_WAIT, preexec_fn=no_space)
    assert code == 1 and said.startswith("Not drained: cannot write") and said.count("\n") == 1
    assert list(proxy.flag.parent.iterdir()) == []


def test_without_settings_it_says_so(proxy):
    proxy.path.unlink()
    code, said = proxy.run()
    assert code == 1 and "health.json: No such file" in said and said.count("\n") == 1


@pytest.mark.parametrize("arguments", [["--timeout", "-1"], ["--timeout", "nan"], ["--undo", "--status"]])
def test_wrong_arguments_are_a_usage_error(proxy, arguments):
    assert proxy.run(*arguments)[0] == 2 and not proxy.flag.exists()
