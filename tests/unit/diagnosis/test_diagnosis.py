# Copyright (c) 2026 The lakehouse.onprem_tunnel authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import copy

import pytest
from ansible_collections.lakehouse.onprem_tunnel.plugins.filter.diagnosis import diagnosis
from ansible_collections.lakehouse.onprem_tunnel.plugins.plugin_utils._diagnosis import (
    JOURNAL_REMEDIES,
    diagnose,
    parse_units,
    report,
)
from hypothesis import given
from hypothesis import strategies as st

PROXY, HOST, UNIT = "proxy-a", "fra-tunnel", "onprem-tunnel@proxy-a-1.service"
RESOURCES = {"orders": ("mysql01.corp.example", 3306), "billing": ("pg01.corp.example", 5432)}
PLAN = {
    "proxies": {
        PROXY: {
            "tunnels": [{"host": HOST, "address": "127.0.0.1"}],
            "listeners": [
                {
                    "name": name,
                    "probe": "tcp",
                    "listen_port": port,
                    "tunnel_port": port + 10000,
                    "addresses": ["127.0.0.1"],
                }
                for name, (_host, port) in RESOURCES.items()
            ],
            "health": {"port": 8405},
        }
    },
    "tunnel_hosts": {
        HOST: {
            "tunnels": [
                {
                    "name": "proxy-a-1",
                    "proxy": PROXY,
                    "hostname": "10.40.1.10",
                    "ssh_port": 22,
                    "address": "127.0.0.1",
                    "forwards": [
                        {"name": name, "listen": f"127.0.0.1:{port + 10000}", "host": host, "port": port}
                        for name, (host, port) in RESOURCES.items()
                    ],
                }
            ],
            "probes": [],
        }
    },
}
UP = {"verdict": "up", "milliseconds": 1.5, "detail": "8.0.40"}
CLOSED = {
    "verdict": "closed",
    "milliseconds": 2.0,
    "detail": "the connection was accepted and closed without a greeting",
}


class World:
    """What a doctor sees where everything works; the tests break it."""

    def __init__(self):
        resources = {
            name: {
                "status": "ok",
                "forwarder": {"address": f"10.40.1.10:{port}", "listening": True},
                "listeners": [{"address": f"127.0.0.1:{port + 10000}", "listening": True}],
            }
            for name, (_host, port) in RESOURCES.items()
        }
        self.body = {"status": "ok", "draining": False, "resources": resources}
        self.proxies = {
            PROXY: {
                "address": "10.40.1.10",
                "health": {"status": 200, "body": self.body},
                "greetings": {name: dict(UP) for name in RESOURCES},
            }
        }
        self.unit = {"ActiveState": "active", "SubState": "running", "NRestarts": "0"}
        self.tunnel_hosts = {
            HOST: {"units": {"proxy-a-1": self.unit}, "greetings": {name: dict(UP) for name in RESOURCES}}
        }

    @property
    def proxy(self):
        return self.proxies[PROXY]

    @property
    def host(self):
        return self.tunnel_hosts[HOST]

    def through(self, verdict, detail="seen"):
        """The greeting of orders through the forwarder."""
        self.proxy["greetings"]["orders"] = {"verdict": verdict, "milliseconds": 1.0, "detail": detail}

    def straight(self, verdict, detail="seen"):
        """The greeting of orders as the tunnel host gets it."""
        self.host["greetings"]["orders"] = {"verdict": verdict, "milliseconds": 1.0, "detail": detail}

    def lose_listener(self):
        self.body["resources"]["orders"]["listeners"][0]["listening"] = False
        self.body["resources"]["orders"]["status"] = "failing"
        self.proxy["health"]["status"] = 503
        self.proxy["greetings"]["orders"] = dict(CLOSED)

    def stop_unit(self, *journal, state="activating", sub="auto-restart", restarts="12"):
        self.unit.update(ActiveState=state, SubState=sub, NRestarts=restarts, journal=list(journal))

    def findings(self):
        return {finding["resource"]: finding for finding in diagnose(PLAN, self.proxies, self.tunnel_hosts)}

    def orders(self):
        """The finding of orders, after a look at whether billing is left out of it."""
        findings = self.findings()
        assert findings["billing"]["ok"], findings["billing"]
        return findings["orders"]


@pytest.fixture
def world():
    return World()


def test_all_is_well(world):
    assert world.findings()["orders"] == {
        "proxy": PROXY,
        "resource": "orders",
        "ok": True,
        "hop": "",
        "what": "8.0.40",
        "remedy": "",
        "milliseconds": 1.5,
    }


def test_tunnel_host_that_is_not_in_this_run_is_no_fault_while_the_path_answers(world):
    world.tunnel_hosts.clear()
    assert world.orders()["ok"] is True


# --- proxy and health check --------------------------------------------------------------------------------------


def test_proxy_that_was_not_asked_is_neither_good_nor_bad(world):
    world.proxies.clear()
    assert [finding["ok"] for finding in world.findings().values()] == [None, None]


def test_unreachable_proxy_comes_before_everything(world):
    world.proxy.update(unreachable="Connection timed out", health={}, greetings={})
    finding = world.findings()["orders"]
    assert (finding["ok"], finding["hop"]) == (False, "proxy")
    assert "Connection timed out" in finding["what"]


@pytest.mark.parametrize("health", [{}, {"status": -1, "error": "refused"}, {"status": 404, "error": "refused"}, None])
def test_health_check_that_does_not_answer(world, health):
    world.proxy["health"] = health
    world.through("refused")
    findings = world.findings()
    assert {finding["hop"] for finding in findings.values()} == {"health check"}
    assert "the path itself answers" in findings["billing"]["what"]
    assert "the path itself answers" not in findings["orders"]["what"]
    assert "on proxy-a: systemctl restart onprem-tunnel-health.service" in findings["orders"]["remedy"]


@pytest.mark.parametrize("body", [None, "<html>", [], {}, {"resources": []}, {"resources": None}])
def test_something_else_on_the_health_port(world, body):
    world.proxy["health"]["body"] = body
    finding = world.findings()["orders"]
    assert finding["hop"] == "health check"
    assert "something else answers on port 8405" in finding["what"]


def test_health_check_that_does_not_know_the_resource(world):
    del world.body["resources"]["orders"]
    finding = world.orders()
    assert (finding["hop"], finding["what"]) == ("health check", "it does not know orders (the path itself answers)")


def test_health_check_that_calls_a_good_path_failing(world):
    world.body["resources"]["orders"]["status"] = "failing"
    finding = world.orders()
    assert (finding["ok"], finding["hop"]) == (False, "health check")
    assert "calls orders failing, though the path answers" in finding["what"]


def test_draining_is_told(world):
    world.body["draining"] = True
    assert {finding["hop"] for finding in world.findings().values()} == {"health check"}
    assert "draining" in world.findings()["orders"]["what"]


def test_a_broken_path_is_told_before_draining(world):
    world.body["draining"] = True
    world.lose_listener()
    assert world.findings()["orders"]["hop"] == "tunnel"


def test_proxy_without_greetings(world):
    world.proxy.update(greetings={}, greetings_error="No module named selectors")
    finding = world.findings()["orders"]
    assert (finding["ok"], finding["hop"]) == (False, "proxy")
    assert "No module named selectors" in finding["what"]


# --- forwarder ---------------------------------------------------------------------------------------------------


def test_forwarder_that_does_not_listen(world):
    world.through("refused")
    finding = world.orders()
    assert (finding["hop"], finding["what"]) == ("forwarder", "nothing listens on 10.40.1.10:3306")
    assert "on proxy-a: systemctl restart onprem-tunnel-forward@orders.service" in finding["remedy"]


def test_forwarder_comes_before_the_tunnel(world):
    world.lose_listener()
    world.body["resources"]["orders"]["forwarder"]["listening"] = False
    assert world.orders()["hop"] == "forwarder"


@pytest.mark.parametrize("verdict", ["unreachable", "unresolved"])
def test_address_that_the_proxy_does_not_have(world, verdict):
    world.through(verdict, "no route")
    finding = world.orders()
    assert finding["hop"] == "forwarder"
    assert "proxy_vm_bind_address" in finding["remedy"]


# --- tunnel ------------------------------------------------------------------------------------------------------


def test_unit_that_restarts_is_named_with_its_last_line(world):
    world.lose_listener()
    world.stop_unit("first", "ssh exited with error status 255")
    finding = world.orders()
    assert finding["hop"] == "tunnel"
    assert finding["what"] == (
        f"{UNIT} on fra-tunnel is activating (auto-restart) after 12 restarts; it says: ssh exited with error status 255"
    )
    assert f"on fra-tunnel: systemctl restart {UNIT}" in finding["remedy"]


@pytest.mark.parametrize("mark", JOURNAL_REMEDIES)
def test_line_with_a_known_remedy_is_preferred_to_the_last(world, mark):
    world.lose_listener()
    world.stop_unit("start", f"ssh: {mark.capitalize()}", "ssh exited with error status 255")
    finding = world.orders()
    assert finding["what"].endswith(f"it says: ssh: {mark.capitalize()}")
    assert finding["remedy"] == JOURNAL_REMEDIES[mark].format(
        proxy=PROXY, host=HOST, hostname="10.40.1.10", ssh_port=22
    )


def test_unit_that_is_not_there(world):
    world.lose_listener()
    world.stop_unit(state="inactive", sub="dead", restarts="0")
    world.unit["LoadState"] = "not-found"
    finding = world.orders()
    assert finding["what"] == f"{UNIT} on fra-tunnel is inactive"
    assert finding["remedy"] == "run tunnels.yml on fra-tunnel: the unit is not there"


def test_active_unit_without_its_listener(world):
    world.lose_listener()
    finding = world.orders()
    assert finding["hop"] == "tunnel"
    assert "is active on fra-tunnel, but holds no 127.0.0.1:13306 on proxy-a" in finding["what"]


def test_listener_that_the_plan_does_not_know(world):
    world.lose_listener()
    world.body["resources"]["orders"]["listeners"][0]["address"] = "127.0.0.9:13306"
    finding = world.orders()
    assert (finding["hop"], finding["remedy"]) == ("tunnel", "run tunnels.yml")
    assert finding["what"] == "no tunnel of the plan holds 127.0.0.9:13306 on proxy-a"


def test_stale_listener_of_a_stopped_unit(world):
    world.through("timeout")
    world.straight("refused")
    world.stop_unit("Connection timed out")
    assert world.orders()["hop"] == "tunnel", "the unit is nearer to the client than the database"


@pytest.mark.parametrize(
    ("host", "what"),
    [
        (None, "fra-tunnel was not asked in this run"),
        ({"unreachable": "no way"}, "fra-tunnel cannot be reached either: no way"),
        ({"units": {}, "greetings": {}}, f"fra-tunnel did not tell of {UNIT}"),
    ],
)
def test_absent_listener_and_nothing_known_of_the_unit(world, host, what):
    world.lose_listener()
    world.tunnel_hosts = {HOST: host} if host else {}
    finding = world.orders()
    assert finding["hop"] == "tunnel"
    assert finding["what"] == f"the tunnel from fra-tunnel does not stand on proxy-a, and {what}"
    assert "fra-tunnel" in finding["remedy"]


def test_one_of_two_tunnels_down_is_told_though_the_path_answers(world):
    plan = copy.deepcopy(PLAN)
    second = copy.deepcopy(plan["tunnel_hosts"][HOST])
    second["tunnels"][0].update(name="proxy-a-2", address="127.0.0.2")
    for forward in second["tunnels"][0]["forwards"]:
        forward["listen"] = forward["listen"].replace("127.0.0.1", "127.0.0.2")
    plan["tunnel_hosts"]["ams-tunnel"] = second
    for name, (_host, port) in RESOURCES.items():
        world.body["resources"][name]["listeners"].append({"address": f"127.0.0.2:{port + 10000}", "listening": False})
    world.tunnel_hosts["ams-tunnel"] = {"units": {"proxy-a-2": {"ActiveState": "failed"}}, "greetings": {}}
    findings = diagnose(plan, world.proxies, world.tunnel_hosts)
    assert {finding["what"] for finding in findings} == {"onprem-tunnel@proxy-a-2.service on ams-tunnel is failed"}


def test_a_listener_of_somebody_else_is_told_though_it_answers(world):
    world.body["resources"]["orders"]["listeners"][0]["owner_is_tunnel_user"] = False
    finding = world.orders()
    assert finding["hop"] == "tunnel"
    assert finding["what"] == "somebody else than the tunnel user listens on 127.0.0.1:13306 of proxy-a"
    assert finding["remedy"].endswith("on proxy-a: ss -ltnp src 127.0.0.1:13306")


def test_a_silent_heartbeat_on_a_path_that_answers(world):
    world.body["resources"]["orders"]["listeners"][0]["heartbeat"] = {"alive": False, "age": 9.0}
    world.body["resources"]["orders"]["status"] = "failing"
    finding = world.orders()
    assert finding["hop"] == "heartbeat"
    assert "on fra-tunnel: systemctl restart onprem-tunnel-heartbeat.service" in finding["remedy"]


def test_a_silent_heartbeat_on_a_path_that_does_not_answer_is_a_dead_tunnel(world):
    world.body["resources"]["orders"]["listeners"][0]["heartbeat"] = {"alive": False, "age": 9.0}
    world.through("timeout")
    finding = world.orders()
    assert finding["hop"] == "tunnel"
    assert finding["what"] == "the tunnel from fra-tunnel stands on proxy-a, but no heartbeat comes through it"
    assert f"on fra-tunnel by: systemctl restart {UNIT}" in finding["remedy"]


# --- database and the path as a whole ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("verdict", "detail", "remedy"),
    [
        ("refused", "10.0.0.1 refuses the connection", "start the database on mysql01.corp.example"),
        ("timeout", "10.0.0.1 does not answer", "permit fra-tunnel to reach mysql01.corp.example:3306"),
        ("unresolved", "Name or service not known", "getent hosts mysql01.corp.example"),
        ("unreachable", "No route to host", "ip route get mysql01.corp.example"),
        ("closed", "closed", "see in the log of the database on mysql01.corp.example"),
        ("unexpected", "answers with something else: SSH-2.0", "correct engine, host and port of orders"),
        ("unexpected", "turned away: error 1129, Host is blocked", "flush-hosts"),
        ("unexpected", "turned away: error 1130, Host is not allowed", "connect from fra-tunnel"),
        ("unexpected", "turned away: error 1040, Too many connections", "raise max_connections"),
        ("new", "a verdict of a later version", "correct engine, host and port of orders"),
    ],
)
def test_database_as_the_tunnel_host_sees_it(world, verdict, detail, remedy):
    world.through("closed")
    world.straight(verdict, detail)
    finding = world.orders()
    assert finding["hop"] == "database"
    assert finding["what"] == f"fra-tunnel asks mysql01.corp.example:3306: {verdict}, {detail}"
    assert remedy in finding["remedy"]


def test_database_that_answers_through_the_path_is_good_whatever_the_tunnel_host_saw(world):
    world.straight("timeout")
    assert world.orders()["ok"] is True


def test_each_hop_looks_right_but_the_greeting_is_wrong(world):
    world.through("unexpected", "answers with something else: SSH-2.0")
    finding = world.orders()
    assert (finding["ok"], finding["hop"]) == (False, "path")
    assert "answers with something else: SSH-2.0" in finding["what"]
    assert f"on fra-tunnel: systemctl restart {UNIT}" in finding["remedy"]


def test_nothing_known_of_the_database(world):
    world.through("closed")
    world.tunnel_hosts.clear()
    finding = world.orders()
    assert finding["hop"] == "path"
    assert "fra-tunnel did not tell whether the database answers" in finding["what"]
    assert finding["remedy"] == "run the doctor with fra-tunnel included"


# --- the report --------------------------------------------------------------------------------------------------


def test_resources_with_one_fault_share_a_line(world):
    world.proxy.update(unreachable="Connection timed out.")
    lines = report(diagnose(PLAN, world.proxies, world.tunnel_hosts))
    assert len(lines["failing"]) == 1
    assert lines["failing"][0].startswith(
        "proxy-a, orders, billing: proxy: proxy-a cannot be reached: Connection timed out. "
    )


def test_report_of_a_good_and_a_bad_path(world):
    world.through("refused")
    lines = report(diagnose(PLAN, world.proxies, world.tunnel_hosts))
    assert lines["answering"] == ["proxy-a, billing: 1.5 ms, 8.0.40"]
    assert len(lines["failing"]) == 1
    assert lines["not_asked"] == []


def test_report_of_a_proxy_that_was_not_asked():
    assert report(diagnose(PLAN, {}, {})) == {
        "failing": [],
        "answering": [],
        "not_asked": ["proxy-a was not asked in this run"],
    }


# --- what Ansible registered -------------------------------------------------------------------------------------

SHOWN = """Id=onprem-tunnel@proxy-a-1.service
LoadState=loaded
ActiveState=activating
SubState=auto-restart
NRestarts=3

Id=onprem-tunnel@proxy-b-1.service
LoadState=loaded
ActiveState=active
SubState=running
NRestarts=0
== onprem-tunnel@proxy-a-1.service
tunnel@10.40.1.10: Permission denied (publickey).

a=b
"""


def test_units_and_their_journal():
    units = parse_units(SHOWN)
    assert list(units) == ["proxy-a-1", "proxy-b-1"]
    assert units["proxy-a-1"]["NRestarts"] == "3"
    assert units["proxy-a-1"]["journal"] == ["tunnel@10.40.1.10: Permission denied (publickey).", "a=b"]
    assert "journal" not in units["proxy-b-1"]
    assert units["proxy-b-1"]["ActiveState"] == "active"


@pytest.mark.parametrize("text", ["", "\n", "System has not been booted with systemd", "== ", f"== {UNIT}\nline"])
def test_units_of_a_host_that_tells_nothing(text):
    assert parse_units(text) == {}


def test_filter_takes_registered_results(world):
    world.lose_listener()
    found = diagnosis(
        PLAN,
        {
            PROXY: {
                "address": "10.40.1.10",
                "health": {"status": 503, "json": world.body, "msg": "HTTP Error 503"},
                "greetings": {"changed": False, "greetings": world.proxy["greetings"]},
            }
        },
        {HOST: {"units": {"stdout": SHOWN}, "greetings": {"greetings": world.host["greetings"]}}},
    )
    assert [finding["ok"] for finding in found["findings"]] == [False, True]
    assert "Permission denied (publickey)" in found["failing"][0]
    assert found["answering"] == ["proxy-a, billing: 1.5 ms, 8.0.40"]


def test_filter_takes_unreachable_and_failed_hosts():
    unreachable = {"greetings": {"unreachable": True, "msg": "Failed to connect"}}
    assert "Failed to connect" in diagnosis(PLAN, {PROXY: unreachable}, {HOST: unreachable})["failing"][0]
    failed = {
        "greetings": {"failed": True, "msg": "python3: not found"},
        "health": {"failed": True, "msg": "python3: not found"},
    }
    assert diagnosis(PLAN, {PROXY: failed}, {})["failing"][0].startswith(
        "proxy-a, orders, billing: proxy: proxy-a could not ask its forwarders: python3: not found."
    )


def test_filter_takes_a_health_check_that_refuses(world):
    refusing = {
        "greetings": {"greetings": world.proxy["greetings"]},
        "health": {"status": -1, "msg": "Request failed: Connection refused"},
    }
    assert "Connection refused" in diagnosis(PLAN, {PROXY: refusing}, {})["failing"][0]


def test_foreign_text_cannot_become_a_template(world):
    world.lose_listener()
    world.stop_unit("{{ lookup('pipe', 'id') }}\x1b[31m")
    what = world.orders()["what"]
    assert "{{" not in what and "\x1b" not in what


ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                ["resources", "orders", "status", "forwarder", "listeners", "address", "listening", "x"]
                + ["owner_is_tunnel_user", "heartbeat", "alive"]
            ),
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)


@given(body=ANYTHING, verdict=st.sampled_from(["up", "closed", "refused"]))
def test_no_health_body_raises(body, verdict):
    """Anything may listen on the health check's port."""
    world = World()
    world.proxy["health"]["body"] = body
    world.through(verdict)
    findings = diagnose(PLAN, world.proxies, world.tunnel_hosts)
    assert all(finding["ok"] or finding["remedy"] for finding in findings)


@given(resource=ANYTHING, verdict=st.sampled_from(["up", "closed", "refused"]))
def test_no_resource_in_the_health_body_raises(resource, verdict):
    world = World()
    world.body["resources"]["orders"] = resource
    world.through(verdict)
    findings = diagnose(PLAN, world.proxies, world.tunnel_hosts)
    assert all(finding["ok"] or finding["remedy"] for finding in findings)
