"""The health check: what it calls healthy, what it answers, and what it believes of a heartbeat."""

import asyncio
import json
import math
import os
import subprocess
import sys

import pytest
from prometheus_client.parser import text_string_to_metric_families

TUNNEL_USER, FORWARDER_USER, STRANGER = 990, 991, 1000
FORWARDER_ORDERS, FORWARDER_CRM = ("10.40.1.10", 3306), ("10.40.1.10", 5432)
ORDERS_FRA, CRM_FRA, CRM_MUC = ("127.0.0.1", 13306), ("127.0.0.1", 15432), ("127.0.0.2", 15432)
HEART_FRA, HEART_MUC = ("127.0.0.1", 13999), ("127.0.0.2", 13999)
OWNERS = {
    FORWARDER_ORDERS: {FORWARDER_USER},
    FORWARDER_CRM: {FORWARDER_USER},
    **{endpoint: {TUNNEL_USER} for endpoint in [ORDERS_FRA, CRM_FRA, CRM_MUC, HEART_FRA, HEART_MUC]},
}


class Scene:
    """A health check with two tunnels and two resources, whose sockets, heartbeats and clock the test holds."""

    def __init__(self, health, heartbeat, flag):
        self.now = 1000.0
        self.owners = dict(OWNERS)
        self.connections = {}
        self.hearts = dict.fromkeys(
            [HEART_FRA, HEART_MUC],
            heartbeat({"orders": {"verdict": "up", "milliseconds": 1.5, "age": 3.0, "detail": "MariaDB"}}),
        )
        self.asked = []
        self.flag = flag
        self.module = health
        settings = {
            "version": "0.1.0",
            "tunnel_uid": TUNNEL_USER,
            "forwarder_uid": FORWARDER_USER,
            "drain_flag": str(flag),
            "tunnels": {"fra": HEART_FRA, "muc": HEART_MUC},
            "resources": {
                "orders": {"forwarder": FORWARDER_ORDERS, "listeners": {"fra": ORDERS_FRA}},
                "crm": {"forwarder": FORWARDER_CRM, "listeners": {"fra": CRM_FRA, "muc": CRM_MUC}},
            },
            "peers": {"proxy-b": ("10.40.2.10", 8405)},
        }
        self.health = health.Health(settings, look=self.look, fetch=self.fetch, clock=lambda: self.now)

    def look(self, _endpoints):
        return self.module.Sockets(dict(self.owners), dict(self.connections))

    async def fetch(self, endpoint):
        self.asked.append(endpoint)
        if self.hearts.get(endpoint) is None:
            raise ConnectionResetError
        return self.hearts[endpoint]

    def tick(self):
        """One tick, and the answers of the heartbeats to it."""

        async def scenario():
            await self.health.tick()
            await asyncio.gather(*self.health.questions)

        asyncio.run(scenario())
        return self

    def status(self, path="/healthz"):
        return self.health.answer(path)[0]

    def body(self, path="/healthz"):
        return json.loads(self.health.answer(path)[2])


@pytest.fixture(name="scene")
def _scene(health, heartbeat, tmp_path):
    return Scene(health, heartbeat, tmp_path / "draining")


@pytest.mark.parametrize(
    ("missing", "orders", "crm"),
    [
        pytest.param([], 200, 200, id="all is there"),
        pytest.param([FORWARDER_ORDERS], 503, 200, id="a forwarder is gone"),
        pytest.param([ORDERS_FRA], 503, 200, id="the only listener is gone"),
        pytest.param([CRM_FRA], 200, 200, id="one of two listeners is gone"),
        pytest.param([CRM_FRA, CRM_MUC], 200, 503, id="both listeners are gone"),
        pytest.param([HEART_FRA], 503, 200, id="one of two tunnels has no heartbeat"),
        pytest.param([HEART_FRA, HEART_MUC], 503, 503, id="no tunnel has a heartbeat"),
        pytest.param([HEART_FRA, CRM_MUC], 503, 503, id="a listener and the heartbeat are of different tunnels"),
    ],
)
def test_a_resource_needs_its_forwarder_and_one_listener_with_a_heartbeat(scene, missing, orders, crm):
    for endpoint in missing:
        del scene.owners[endpoint]
    scene.tick()
    assert scene.status("/healthz/orders") == orders
    assert scene.status("/healthz/crm") == crm
    assert scene.status() == max(orders, crm)


@pytest.mark.parametrize("owners", [{STRANGER}, {TUNNEL_USER, STRANGER}])
def test_a_listener_of_somebody_else_does_not_count(scene, owners):
    scene.owners[ORDERS_FRA] = owners
    assert scene.tick().status("/healthz/orders") == 503
    listener = scene.body("/healthz/orders")["resources"]["orders"]["listeners"][0]
    assert listener["listening"] and not listener["owner_is_tunnel_user"]


@pytest.mark.parametrize("address", [FORWARDER_ORDERS[0], "0.0.0.0"])
def test_somebody_else_on_the_forwarder_s_port_gets_no_clients(scene, address):
    """A local user who takes it before the forwarder does would be handed their logins."""
    del scene.owners[FORWARDER_ORDERS]
    scene.owners[address, 3306] = {STRANGER}
    assert scene.tick().status("/healthz/orders") == 503
    assert scene.body("/healthz/orders")["resources"]["orders"]["forwarder"]["listening"] is False


def test_a_heartbeat_of_somebody_else_is_not_even_asked(scene):
    scene.owners[HEART_FRA] = {STRANGER}
    assert scene.tick().status("/healthz/orders") == 503
    assert scene.asked == [HEART_MUC]


def test_a_heartbeat_that_somebody_else_took_over_counts_no_longer(scene):
    assert scene.tick().status("/healthz/orders") == 200
    scene.owners[HEART_FRA] = {STRANGER}
    assert scene.tick().status("/healthz/orders") == 503


def test_a_forwarder_on_all_addresses_counts_and_a_listener_on_all_addresses_does_not(scene):
    """The sshd opens its listeners on loopback; a socket on all addresses is somebody else's."""
    del scene.owners[FORWARDER_ORDERS], scene.owners[CRM_FRA], scene.owners[CRM_MUC]
    scene.owners["0.0.0.0", 3306] = {FORWARDER_USER}
    scene.owners["0.0.0.0", 15432] = {TUNNEL_USER}
    scene.tick()
    assert scene.status("/healthz/orders") == 200
    assert scene.status("/healthz/crm") == 503


@pytest.mark.parametrize(("silence", "status"), [(0.0, 200), (2.0, 200), (2.1, 503), (60.0, 503)])
def test_a_tunnel_lives_two_seconds_from_its_last_answer(scene, silence, status):
    scene.tick()
    scene.hearts = {}
    scene.now += silence
    scene.tick()
    assert scene.status() == status


def test_the_age_of_a_heartbeat_counts_when_the_answer_is_given_not_at_the_tick(scene):
    scene.tick()
    assert scene.status() == 200
    scene.now += 2.1
    assert scene.status() == 503


@pytest.mark.parametrize(("age", "status"), [(0.0, 200), (3.0, 200), (3.1, 503)])
def test_a_stale_look_is_not_believed(scene, age, status):
    scene.tick()
    scene.now += age
    for tunnel in scene.health.tunnels.values():
        tunnel.answered_at = scene.now
    assert scene.status() == status
    assert scene.status("/healthz/orders") == status
    assert ("error" in scene.body()) == (status == 503)


def test_before_the_first_look_nothing_is_healthy(scene):
    assert scene.status() == scene.status("/healthz/orders") == 503
    assert scene.status("/status") == scene.status("/metrics") == 200


def test_a_failing_look_goes_on_to_be_tried_and_grows_stale(health, scene, monkeypatch, capsys):
    monkeypatch.setattr(health, "TICK", 0.01)
    looks = []

    def broken(_endpoints):
        looks.append(1)
        raise OSError(24, "Too many open files")

    scene.health.look = broken

    async def scenario():
        ticking = asyncio.ensure_future(health.keep_ticking(scene.health))
        await asyncio.sleep(0.2)
        ticking.cancel()

    asyncio.run(scenario())
    assert len(looks) > 3 and scene.status() == 503
    assert capsys.readouterr().err.count("\n") == 1, "one line for one complaint"


def test_draining_is_a_503_at_once_and_says_nothing_bad_about_the_resources(scene):
    assert scene.tick().status() == 200
    scene.flag.write_text('{"since": "2026-01-02T03:04:05+00:00", "by": "ada"}\n')
    assert scene.status() == scene.status("/healthz/orders") == 503
    body = scene.body()
    assert body["status"] == "draining" and body["draining"] is True
    assert body["resources"]["orders"]["status"] == "ok"
    assert scene.body("/status")["draining_since"] == "2026-01-02T03:04:05+00:00"
    scene.flag.unlink()
    assert scene.status() == 200 and scene.body()["draining"] is False


@pytest.mark.parametrize("content", ["", "[]", "{", '{"since": 3}', "\x00"])
def test_a_damaged_flag_is_a_flag(scene, content):
    scene.tick().flag.write_text(content)
    assert scene.status() == 503
    assert scene.body("/status")["draining_since"] is None


def test_a_flag_that_cannot_be_seen_counts_as_set(scene, monkeypatch):
    scene.tick()

    def forbidden(_path):
        raise PermissionError

    monkeypatch.setattr(os, "stat", forbidden)
    assert scene.status() == 503


@pytest.mark.parametrize(
    "verdict", ["refused", "timeout", "unresolved", "closed", "unreachable", "unexpected", "unknown"]
)
def test_a_database_that_is_down_is_told_and_turns_no_answer_to_503(scene, heartbeat, verdict):
    scene.hearts[HEART_FRA] = heartbeat({"orders": {"verdict": verdict, "detail": "no", "age": 7}})
    assert scene.tick().status() == 200
    report = {"verdict": verdict, "milliseconds": None, "age": 7.0, "detail": "no"}
    assert scene.body()["resources"]["orders"]["database"]["fra"] == report
    assert (
        'onprem_tunnel_resource_up{resource="orders",tunnel="fra"} 0.0' in scene.health.answer("/metrics")[2].decode()
    )


def test_the_age_of_a_database_verdict_goes_on(scene):
    scene.tick()
    scene.hearts = {}
    scene.now += 30
    assert scene.tick().body()["resources"]["orders"]["database"]["fra"]["age"] == 33.0


def test_the_body_names_what_is_missing(scene):
    del scene.owners[ORDERS_FRA]
    body = scene.tick().body()
    assert body["status"] == "failing" and body["draining"] is False
    assert body["resources"]["crm"]["status"] == "ok"
    orders = body["resources"]["orders"]
    assert orders["status"] == "failing"
    assert orders["forwarder"] == {"address": "10.40.1.10:3306", "listening": True}
    assert orders["listeners"] == [
        {
            "tunnel": "fra",
            "address": "127.0.0.1:13306",
            "listening": False,
            "owner_is_tunnel_user": False,
            "heartbeat": {"alive": True, "age": 0.0},
        }
    ]


def test_status_tells_everything_and_is_always_200(scene):
    scene.connections = {FORWARDER_ORDERS: 7}
    status = scene.tick().body("/status")
    assert status["version"] == "0.1.0" and status["uptime"] == 0 and status["look_age"] == 0
    assert status["tunnels"]["fra"]["alive"] and status["tunnels"]["fra"]["host"] == "fra-tunnel"
    assert status["tunnels"]["fra"]["heartbeat"]["round_trip"] == 0
    assert status["resources"]["orders"]["connections"] == 7 and status["resources"]["crm"]["connections"] == 0
    assert status["draining"] is False and status["peers"] == {"proxy-b": "10.40.2.10:8405"}
    scene.owners, scene.hearts = {}, {}
    scene.now += 10
    assert scene.status("/status") == 200


# --- metrics


def metrics(scene):
    """The samples by name and labels, after a strict reading of the exposition."""
    status, content_type, content = scene.health.answer("/metrics")
    assert status == 200 and content_type.startswith("text/plain; version=0.0.4")
    samples = {}
    for family in text_string_to_metric_families(content.decode()):
        assert family.documentation and family.type == "gauge", family.name
        for sample in family.samples:
            samples[(sample.name.removeprefix("onprem_tunnel_"), *sorted(sample.labels.values()))] = sample.value
    return samples


def test_metrics_of_a_healthy_proxy(scene):
    scene.connections = {FORWARDER_ORDERS: 7}
    found = metrics(scene.tick())
    assert found == {
        ("up", "fra"): 1,
        ("up", "muc"): 1,
        ("heartbeat_seconds", "fra"): 0,
        ("heartbeat_seconds", "muc"): 0,
        ("forwarder_up", "orders"): 1,
        ("forwarder_up", "crm"): 1,
        ("listener_up", "fra", "orders"): 1,
        ("listener_up", "crm", "fra"): 1,
        ("listener_up", "crm", "muc"): 1,
        ("healthy", "orders"): 1,
        ("healthy", "crm"): 1,
        ("resource_up", "fra", "orders"): 1,
        ("resource_up", "muc", "orders"): 1,
        ("resource_probe_seconds", "fra", "orders"): 0.0015,
        ("resource_probe_seconds", "muc", "orders"): 0.0015,
        ("resource_probe_age_seconds", "fra", "orders"): 3,
        ("resource_probe_age_seconds", "muc", "orders"): 3,
        ("connections", "orders"): 7,
        ("connections", "crm"): 0,
        ("draining",): 0,
        ("look_age_seconds",): 0,
        ("build_info", "0.1.0"): 1,
    }


def test_metrics_of_a_proxy_with_faults(scene):
    scene.hearts[HEART_FRA] = None
    scene.owners[CRM_MUC] = {STRANGER}
    del scene.owners[FORWARDER_ORDERS]
    scene.flag.touch()
    found = metrics(scene.tick())
    assert found["up", "fra"] == 0 and found["up", "muc"] == 1
    assert ("heartbeat_seconds", "fra") not in found
    assert found["forwarder_up", "orders"] == 0 and found["listener_up", "crm", "muc"] == 0
    assert found["healthy", "orders"] == found["healthy", "crm"] == 0 and found["draining",] == 1


def test_metrics_tell_nothing_of_databases_behind_a_dead_tunnel(scene):
    scene.tick()
    scene.hearts = {}
    scene.now += 2.5
    assert not [key for key in metrics(scene.tick()) if key[0].startswith("resource_")]


def test_metrics_before_the_first_look_and_with_an_odd_version(scene):
    scene.health.settings["version"] = 'a"b\\c\nd'
    found = metrics(scene)
    assert ("look_age_seconds",) not in found and found["build_info", 'a"b\\c\nd'] == 1


# --- the heartbeat's content


def test_a_hostile_heartbeat_is_cut_to_what_is_known(health, heartbeat):
    answer = heartbeat(
        {
            "orders": {
                "verdict": ["up"],
                "milliseconds": -1,
                "age": math.inf,
                "detail": "a\x1b[2J\n\ud800" + "x" * 999,
            },
            "crm": {"verdict": "up", "milliseconds": True, "age": "3", "detail": {}, "more": 1},
            "web": "up",
            "somebody_elses": {"verdict": "up"},
        },
        host="f\nx",
    )
    found = health.parse_heartbeat(answer, ["orders", "crm", "web", "absent"])
    assert found["host"] == "f x"
    assert found["databases"] == {
        "orders": {"verdict": "unknown", "milliseconds": None, "age": None, "detail": "a [2J  " + "x" * 153},
        "crm": {"verdict": "up", "milliseconds": None, "age": None, "detail": ""},
    }


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"HTTP/1.1 200 OK\r\n",
        b"HTTP/1.1 500 Oops\r\n\r\n{}",
        b"SSH-2.0-OpenSSH_9.6\r\n\r\n",
        b"HTTP/1.1 200 OK\r\n\r\n",
        b"HTTP/1.1 200 OK\r\n\r\n[]",
        b"HTTP/1.1 200 OK\r\n\r\n\xff\xfe",
        b'HTTP/1.1 200 OK\r\n\r\n{"host": "x", "time": 1}',
        b'HTTP/1.1 200 OK\r\n\r\n{"host": 1, "time": 1, "resources": {}}',
        b'HTTP/1.1 200 OK\r\n\r\n{"host": "x", "time": NaN, "resources": {}}',
        b'HTTP/1.1 200 OK\r\n\r\n{"host": "x", "time": ' + b"9" * 200000 + b', "resources": {}}',
        b"HTTP/1.1 200 OK\r\n\r\n" + b"[" * 200000,
        b'HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n{"host": "x", "time": 1, "resources": {}}',
    ],
)
def test_what_is_no_heartbeat_is_no_answer(scene, health, answer):
    with pytest.raises(ValueError):
        health.parse_heartbeat(answer, ["orders"])
    scene.hearts = dict.fromkeys(scene.hearts, answer)
    assert scene.tick().status() == 503


def test_an_endless_heartbeat_is_no_answer(health, new_heart):
    heart = new_heart()
    heart.content = b"HTTP/1.1 200 OK\r\n\r\n" + b" " * (health.MAX_HEARTBEAT + 1)
    with pytest.raises(ValueError, match="longer"):
        asyncio.run(health.fetch_heartbeat(heart.endpoint))


def test_a_heartbeat_of_200_resources_fits(health, heartbeat, new_heart):
    names = [f"resource_with_a_long_name_{n:03}" for n in range(200)]
    entry = {"verdict": "unexpected", "milliseconds": 1234.567, "age": 12.345, "detail": "x" * 160}
    heart = new_heart()
    heart.content = heartbeat(dict.fromkeys(names, entry))
    answer = asyncio.run(health.fetch_heartbeat(heart.endpoint))
    assert len(health.parse_heartbeat(answer, names)["databases"]) == 200


# --- requests


@pytest.mark.parametrize(
    ("request_bytes", "status"),
    [
        (b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n", 200),
        (b"GET /healthz?from=lb HTTP/1.0\r\n\r\n", 200),
        (b"GET /healthz/ HTTP/1.0\n\n", 200),
        (b"GET /status HTTP/1.1\r\n\r\n", 200),
        (b"HEAD /metrics HTTP/1.1\r\n\r\n", 200),
        (b"GET / HTTP/1.1\r\n\r\n", 404),
        (b"GET /healthz/nobody HTTP/1.1\r\n\r\n", 404),
        (b"GET /healthz/orders/x HTTP/1.1\r\n\r\n", 404),
        (b"GET http://10.20.30.40/ HTTP/1.1\r\n\r\n", 404),
        (b"POST /healthz HTTP/1.1\r\n\r\n", 405),
        (b"CONNECT 10.20.30.40:3306 HTTP/1.1\r\n", 405),
        (b"GET /healthz HTTP/2.0\r\n", 505),
        (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505),
        (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", 400),
        (b"\r\n\r\n", 400),
        (b"GET /healthz\r\n", 400),
        (b"GET /healthz HTTP/x\r\n", 400),
        (b"GET /" + b"x" * 5000, 414),
        (b"GET /healthz HTTP/1.1\r\nX: " + b"x" * 9000, 431),
    ],
)
def test_every_request_gets_its_status(scene, health, request_bytes, status):
    request = health.parse_request(request_bytes)
    assert health.respond(scene.tick().health, *request).startswith(f"HTTP/1.1 {status} ".encode())


@pytest.mark.parametrize("received", [b"", b"G", b"GET /healthz HTTP/1.1", b"GET /healthz HTTP/1.1\r\nHost: x\r\n"])
def test_half_a_request_is_waited_for_and_wrong_once_the_client_is_done(health, received):
    assert health.parse_request(received) is None
    assert health.parse_request(received, ended=True)[0] == 400


def test_head_has_the_headers_of_get_and_no_body(scene, health):
    for path in ("/healthz", "/metrics", "/nowhere"):
        get = health.respond(scene.tick().health, 200, "GET", path)
        head = health.respond(scene.health, 200, "HEAD", path)
        assert head.endswith(b"\r\n\r\n") and get.startswith(head)
        assert f"Content-Length: {len(get) - len(head)}\r\n".encode() in head


def test_errors_name_what_would_be_right(scene, health):
    assert b"\r\nAllow: GET, HEAD\r\n" in health.respond(scene.health, 405, "POST", "/healthz")
    paths = ["/healthz", "/healthz/orders", "/healthz/crm", "/status", "/metrics"]
    assert scene.body("/nowhere")["paths"] == paths


# --- sockets and settings


def test_sockets_are_read_as_the_kernel_writes_them(health, tmp_path):
    end = " 00000000:00000000 00:00000000 00000000   990        0 621 1 00000000b7bda798 100 0 0 10 0\n"
    header = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n"
    table4, table6 = tmp_path / "tcp", tmp_path / "tcp6"
    table4.write_text(
        header
        + f"   0: 0100007F:33FA 00000000:0000 0A{end}   1: 0A01280A:0CEA 0B01280A:9C40 01{end}"
        + f"   2: 0A01280A:0CEA 0B01280A:9C41 01{end}   3: 0A01280A:0CEA 0B01280A:9C42 06{end}"
        + f"   4: 0100007F:33FB 00000000:0000 0A{end}"
    )
    table6.write_text(header + f"   0: {'0' * 32}:0016 {'0' * 32}:0000 0A{end}")
    wanted = [("127.0.0.1", 13306), ("10.40.1.10", 3306), ("::", 22), ("127.0.0.1", 5)]
    found = health.look_at_sockets(wanted, (str(table4), str(table6), str(tmp_path / "none")))
    assert found.owners == {("127.0.0.1", 13306): {990}, ("::", 22): {990}}
    assert found.connections == {("10.40.1.10", 3306): 2}


def test_settings_as_the_role_writes_them_are_usable(health, raw_settings, tmp_path):
    path = tmp_path / "health.json"
    path.write_text(json.dumps(raw_settings))
    settings = health.read_settings(path)
    assert settings["tunnel_uid"] == os.getuid() and settings["peers"] == {"proxy-b": ("10.40.2.10", 8405)}


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"address": None}, "not an IP address"),
        ({"address": "proxy.example"}, "not an IP address"),
        ({"port": 84050}, "65535"),
        ({"forwarder_user": "nobody-has-this-name"}, "no user 'nobody-has-this-name' (forwarder_user)"),
        ({"tunnel_user": "nobody-has-this-name"}, "no user 'nobody-has-this-name'"),
        ({"drain_flag": "draining"}, "absolute"),
        ({"tunnels": {"fra-tunnel": {}}}, "heartbeat"),
        ({"tunnels": {}}, "'fra-tunnel', which is not among the tunnels"),
        ({"resources": {"orders": {"forwarder": "x", "listeners": {}}}}, "not an IP address"),
        ({"resources": {"orders": {"forwarder": "127.0.0.1:1", "listeners": []}}}, "items"),
        ({"resources": []}, "items"),
        ({"peers": "x"}, "items"),
    ],
)
def test_unusable_settings_are_named_in_one_line(program, raw_settings, tmp_path, change, says):
    path = tmp_path / "health.json"
    path.write_text(json.dumps({**raw_settings, **change}))
    done = subprocess.run([sys.executable, program, "--check", path], capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert says in done.stderr and "Traceback" not in done.stderr and done.stderr.count("\n") == 1


def test_a_missing_setting_is_named(program, raw_settings, tmp_path):
    path = tmp_path / "health.json"
    for key in raw_settings:
        path.write_text(json.dumps({name: value for name, value in raw_settings.items() if name != key}))
        done = subprocess.run([sys.executable, program, "--check", path], capture_output=True, text=True, check=False)
        assert done.returncode == 1 and f"'{key}' is missing" in done.stderr
