# Copyright (c) 2026 The lakehouse.onprem_tunnel authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Any right list gives listeners that never collide; any wrong one names what is wrong, never a traceback."""

import copy
import json

from ansible_collections.lakehouse.onprem_tunnel.plugins.filter.handover import handover
from ansible_collections.lakehouse.onprem_tunnel.plugins.plugin_utils import _fields
from ansible_collections.lakehouse.onprem_tunnel.plugins.plugin_utils._engines import ENGINES
from ansible_collections.lakehouse.onprem_tunnel.plugins.plugin_utils._plan import PlanError, plan
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

BOUNDED = settings(deadline=None, max_examples=150, suppress_health_check=list(HealthCheck), database=None)

NAMES = st.from_regex(r"[a-z][a-z0-9_]{0,30}", fullmatch=True)
# Half of them are taken, or close to it.
PORTS = st.one_of(
    st.sampled_from([21, 22, 23, 2022, 3306, 3998, 3999, 4000, 8404, 8405, 9999, 12022, 13306, 13999, 55536]),
    st.integers(1, 65535),
)
HOSTS = st.one_of(
    st.sampled_from(["db", "my_sql.corp.example", "DB.example.", "localhost"]),
    st.ip_addresses(v=4).filter(lambda address: not (address.is_unspecified or address.is_multicast)).map(str),
    st.ip_addresses(v=6).filter(lambda address: not (address.is_unspecified or address.is_multicast)).map(str),
)
PROXIES = {
    "proxy-a": {"address": "10.40.1.10"},
    "proxy-b": {"address": "fd00::b", "ssh_port": 2022},
    "proxy-c": {"address": "proxy-c.corp.example"},
}
RESOURCES = st.fixed_dictionaries(
    {"name": NAMES, "engine": st.sampled_from(list(ENGINES)), "host": HOSTS, "port": PORTS},
    optional={
        "listen_port": PORTS,
        "tunnel_port": PORTS.filter(lambda port: port >= 1024),
        "proxies": st.lists(st.sampled_from(list(PROXIES)), min_size=1),
        "tunnel_hosts": st.just(["fra-tunnel"]),
    },
)
SETTINGS = st.fixed_dictionaries(
    {},
    optional={
        "name": st.sampled_from(["", "onprem.aws.corp.example"]),
        "clients": st.lists(st.sampled_from(["10.60.0.0/16", "fd00::/8"])),
        "health_port": st.sampled_from([2023, 8405, 3306]),
        "heartbeat_port": st.sampled_from([2023, 13999, 13306]),
    },
)
INPUTS = st.fixed_dictionaries(
    {
        "resources": st.lists(RESOURCES, min_size=1, max_size=6, unique_by=lambda resource: resource["name"]),
        "proxies": st.just(PROXIES),
        "tunnel_hosts": st.just({"fra-tunnel": {}}),
        "settings": SETTINGS,
    }
)

SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.text(max_size=8),
    st.binary(max_size=4),
    st.sampled_from(["3306", "\ud800", "a\nb", "10.0.0.0/8", "::1%x", "ssh-ed25519 AAAA", ("tuple",)]),
)
KEYS = st.one_of(
    st.sampled_from(
        [*_fields.RESOURCE, *_fields.DATABRICKS, *_fields.CDC, *_fields.PROXY, *_fields.TUNNEL_HOST, *_fields.SETTINGS]
    ),
    st.text(max_size=4),
    st.integers(),
    st.none(),
)
JUNK = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=3),
    max_leaves=8,
)


def sockets(proxy_name, planned, chosen):
    """Every address and port that something listens on; sshd has all addresses."""
    proxy = planned["proxies"][proxy_name]
    ssh_port = PROXIES[proxy_name].get("ssh_port", 22)
    nic = [listener["listen_port"] for listener in proxy["listeners"]] + [proxy["health"]["port"], ssh_port]
    loopback = [
        *(listener["tunnel_port"] for listener in proxy["listeners"]),
        chosen.get("heartbeat_port", 13999),
        ssh_port,
    ]
    return nic, loopback


def check_plan(planned, chosen):
    for name, proxy in planned["proxies"].items():
        for ports in sockets(name, planned, chosen):
            assert len(ports) == len(set(ports)), (name, ports)
        assert all(1024 <= listener["tunnel_port"] <= 65535 for listener in proxy["listeners"])

        listened = [
            f"{address}:{listener['tunnel_port']}"
            for listener in proxy["listeners"]
            for address in listener["addresses"]
        ]
        forwarded = [
            forward["listen"]
            for host in planned["tunnel_hosts"].values()
            for tunnel in host["tunnels"]
            if tunnel["proxy"] == name
            for forward in tunnel["forwards"]
        ]
        permitted = [listen for tunnel in proxy["tunnels"] for listen in tunnel["permitlisten"]]
        assert permitted == forwarded == listened

    ports = [listener["port"] for listener in planned["hub"]["listeners"]]
    assert len(ports) == len(set(ports)) > 0
    assert handover(planned)
    assert json.loads(json.dumps(planned)) == planned


def attempt(arguments):
    """The plan, or None with its problems looked at. Anything but PlanError fails the test."""
    try:
        return plan(**arguments)
    except PlanError as error:
        assert error.problems
        assert all(isinstance(problem, str) and problem.isprintable() for problem in error.problems)
        assert max(map(len, error.problems)) < 600
        return None


@BOUNDED
@given(INPUTS)
def test_listeners_never_collide(arguments):
    planned = attempt(arguments)
    if planned is not None:
        check_plan(planned, arguments["settings"])


@BOUNDED
@given(st.lists(RESOURCES, min_size=1, max_size=40, unique_by=lambda resource: resource["name"]))
def test_a_list_with_ports_of_its_own_is_right(resources):
    for number, resource in enumerate(resources):
        resource.update(listen_port=23 + 3 * number, tunnel_port=20000 + number)
    planned = plan(resources, PROXIES, {"fra-tunnel": {}}, {})
    assert len(planned["hub"]["listeners"]) == len(resources)
    check_plan(planned, {})


@BOUNDED
@given(INPUTS, st.data())
def test_a_repeated_port_is_always_named(arguments, data):
    resources = arguments["resources"]
    assume(len(resources) > 1)
    field = data.draw(st.sampled_from(["listen_port", "tunnel_port"]))
    for resource in resources[:2]:
        resource[field] = 4321
    assert attempt(arguments) is None
    try:
        plan(**arguments)
    except PlanError as error:
        named = [problem for problem in error.problems if f"{field}: all use 4321" in problem]
        assert len(named) == 1
        assert "resource 1 " in named[0]
        assert "resource 2 " in named[0]


@BOUNDED
@given(JUNK, JUNK, JUNK, JUNK)
def test_junk_is_named(resources, proxies, tunnel_hosts, chosen):
    attempt({"resources": resources, "proxies": proxies, "tunnel_hosts": tunnel_hosts, "settings": chosen})


FULL = {
    "resources": [
        {
            "name": "orders",
            "engine": "postgresql",
            "host": "db.example",
            "port": 3306,
            "listen_port": 3306,
            "tunnel_port": 13306,
            "server_name": "db.example",
            "proxies": ["proxy-a"],
            "tunnel_hosts": ["fra-tunnel"],
            "databricks": {
                "user": "reader",
                "secret": "a.b.c",
                "connection": "orders",
                "catalog": "orders",
                "database": "shop",
                "grants": {"analysts": ["SELECT"]},
                "options": {"ssl": "true"},
            },
            "cdc": {"user": "cdc", "secret": "a.b.c", "tables": ["shop.orders"], "destination": "bronze.orders"},
        },
        {"name": "crm", "engine": "redis", "host": "10.10.5.31"},
    ],
    "proxies": {"proxy-a": {"address": "10.40.1.10", "ssh_port": 22, "host_keys": []}},
    "tunnel_hosts": {"fra-tunnel": {"public_keys": [], "source_addresses": ["10.10.5.20"]}},
    "settings": {
        "name": "onprem.aws.corp.example",
        "clients": ["10.60.0.0/16"],
        "load_balancers": ["10.40.0.5"],
        "health_port": 8405,
        "heartbeat_port": 13999,
        "forwarder": "socat",
        "connections": 1,
        "max_listeners": 50,
    },
}


def places(value, path=()):
    yield path
    if isinstance(value, dict):
        for key, item in value.items():
            yield from places(item, (*path, key))
    elif isinstance(value, list):
        for position, item in enumerate(value):
            yield from places(item, (*path, position))


def test_the_full_input_is_right():
    assert FULL["resources"][0].keys() == _fields.RESOURCE.keys()
    assert FULL["resources"][0]["databricks"].keys() == _fields.DATABRICKS.keys()
    assert FULL["resources"][0]["cdc"].keys() == _fields.CDC.keys()
    check_plan(plan(**FULL), {})


@settings(BOUNDED, max_examples=400)
@given(st.sampled_from([path for path in places(FULL) if path]), JUNK)
def test_junk_anywhere_in_a_right_input_is_named(path, junk):
    arguments = copy.deepcopy(FULL)
    holder = arguments
    for step in path[:-1]:
        holder = holder[step]
    holder[path[-1]] = junk
    attempt(arguments)


@BOUNDED
@given(st.sampled_from([(), (0,), (0, "databricks"), (0, "cdc")]), KEYS, JUNK)
def test_unknown_fields_are_always_wrong(path, key, junk):
    arguments = copy.deepcopy(FULL)
    holder = arguments["resources"] if path else arguments["settings"]
    for step in path:
        holder = holder[step]
    assume(key not in holder)
    holder[key] = junk
    assert attempt(arguments) is None
