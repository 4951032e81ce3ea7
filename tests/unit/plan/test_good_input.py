# Copyright (c) 2026 The lakehouse.onprem_tunnel authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Right input: what gets through, the defaults, and what the plan makes of it."""

import copy

import pytest
from ansible_collections.lakehouse.onprem_tunnel.plugins.plugin_utils._plan import plan

GOOD_FIELDS = {
    "name of one letter": {"name": "a"},
    "name of 31": {"name": "a" * 31},
    "name with digits and _": {"name": "orders_2_"},
    "host with one label": {"host": "mysql01"},
    "host with _": {"host": "my_sql.corp.example"},
    "host with upper case": {"host": "MySQL01.Corp.Example"},
    "host with final dot": {"host": "mysql01.corp.example."},
    "host with digits in front": {"host": "1db.corp.example"},
    "host is the tunnel host": {"host": "localhost"},
    "host is its loopback": {"host": "127.0.0.1"},
    "host IPv4": {"host": "10.10.5.30"},
    "host IPv6": {"host": "2001:db8::1"},
    "listen port below 1024": {"listen_port": 80},
    "listen port 22 is free on a proxy with another ssh port": {"listen_port": 22, "proxies": ["proxy-b"]},
    "listen port is the heartbeat's: another address": {"listen_port": 13999, "tunnel_port": 20000},
    "tunnel port is the health check's: another address": {"tunnel_port": 8405},
    "tunnel port is a listen port: another address": {"tunnel_port": 3306},
    "first tunnel port": {"tunnel_port": 1024},
    "last tunnel port": {"tunnel_port": 65535},
    "last listen port with a default": {"listen_port": 55535},
    "last listen port": {"listen_port": 65535, "tunnel_port": 20000},
    "proxies": {"proxies": ["proxy-b", "proxy-a"]},
    "server name": {"server_name": "mysql01.corp.example"},
    "databricks": {"databricks": {"user": "reader", "grants": {"a b": ["Use connection"]}, "options": {"ssl": "true"}}},
    "catalog": {"databricks": {"user": "reader", "catalog": "orders", "grants": {"a": ["SELECT"], "gone": []}}},
}

GOOD_SETTINGS = {
    "name is empty": {"name": ""},
    "no clients": {"clients": []},
    "IPv6 clients": {"clients": ["fd00::/8"]},
    "anybody": {"clients": ["0.0.0.0/0"]},
    "health and heartbeat on one port: other addresses": {"health_port": 9000, "heartbeat_port": 9000},
    "more listeners": {"max_listeners": 2},
}


@pytest.mark.parametrize("fields", GOOD_FIELDS.values(), ids=GOOD_FIELDS)
def test_good_fields(valid, fields):
    valid["resources"][0].update(fields)
    assert plan(**valid)


@pytest.mark.parametrize("settings", GOOD_SETTINGS.values(), ids=GOOD_SETTINGS)
def test_good_settings(valid, settings):
    valid["settings"].update(settings)
    assert plan(**valid)


def test_the_input_is_not_changed(valid):
    before = copy.deepcopy(valid)
    plan(**valid)
    assert valid == before


def test_what_each_role_consumes(valid, public_key):
    valid["resources"][1]["proxies"] = ["proxy-a"]
    planned = plan(**valid)
    assert planned["proxies"]["proxy-a"] == {
        "tunnels": [
            {
                "host": "fra-tunnel",
                "address": "127.0.0.1",
                "keys": [public_key(3, "fra-tunnel")],
                "source_addresses": ["10.10.5.20"],
                "heartbeat": "127.0.0.1:13999",
                "permitlisten": ["127.0.0.1:15432", "127.0.0.1:13306"],
            }
        ],
        "listeners": [
            {
                "name": "crm",
                "engine": "postgresql",
                "probe": "postgresql",
                "listen_port": 5432,
                "tunnel_port": 15432,
                "addresses": ["127.0.0.1"],
            },
            {
                "name": "orders",
                "engine": "mysql",
                "probe": "mysql",
                "listen_port": 3306,
                "tunnel_port": 13306,
                "addresses": ["127.0.0.1"],
            },
        ],
        "health": {"port": 8405},
        "firewall": {
            "ssh_from": ["10.10.5.20", "10.70.0.0/24"],
            "resources_from": ["10.60.0.0/16", "10.40.0.5", "10.40.2.10"],
            "health_from": ["10.40.0.5", "10.40.2.10", "10.70.8.0/24"],
        },
        "peers": {"proxy-b": "10.40.2.10:8405"},
    }
    assert planned["proxies"]["proxy-b"]["tunnels"][0]["permitlisten"] == ["127.0.0.1:13306"]
    assert [tunnel["name"] for tunnel in planned["tunnel_hosts"]["fra-tunnel"]["tunnels"]] == ["proxy-a-1", "proxy-b-1"]
    assert planned["tunnel_hosts"]["fra-tunnel"]["tunnels"][1] == {
        "name": "proxy-b-1",
        "proxy": "proxy-b",
        "hostname": "10.40.2.10",
        "ssh_port": 2022,
        "address": "127.0.0.1",
        "host_keys": [public_key(2, "proxy-b")],
        "heartbeat": "127.0.0.1:13999",
        "forwards": [{"name": "orders", "listen": "127.0.0.1:13306", "host": "mysql01.corp.example", "port": 3306}],
    }
    assert planned["tunnel_hosts"]["fra-tunnel"]["heartbeat"] == {"port": 13999}
    assert planned["tunnel_hosts"]["fra-tunnel"]["probes"] == [
        {"name": "crm", "probe": "postgresql", "host": "10.10.5.31", "port": 5432},
        {"name": "orders", "probe": "mysql", "host": "mysql01.corp.example", "port": 3306},
    ]
    assert planned["hub"] == {
        "name": "onprem.aws.corp.example",
        "names": ["onprem.aws.corp.example"],
        "proxies": {"proxy-a": "10.40.1.10", "proxy-b": "10.40.2.10"},
        "ssh_from": ["10.10.5.20", "10.70.0.0/24"],
        "monitoring": ["10.70.8.0/24"],
        "clients": ["10.60.0.0/16"],
        "load_balancers": ["10.40.0.5"],
        "health": {"port": 8405, "path": "/healthz"},
        "listeners": [
            {"name": "crm", "port": 5432, "health_path": "/healthz/crm", "proxies": ["proxy-a"]},
            {"name": "orders", "port": 3306, "health_path": "/healthz/orders", "proxies": ["proxy-a", "proxy-b"]},
        ],
    }
    assert planned["databricks"] == planned["cdc"] == planned["warnings"] == []


def test_ports_follow_each_other(valid):
    valid["resources"] = [
        {"name": "a", "engine": "tcp", "host": "a.example", "port": 7000},
        {"name": "b", "engine": "mysql", "host": "a.example", "listen_port": 7001},
        {"name": "c", "engine": "mysql", "host": "a.example", "port": 1, "listen_port": 2, "tunnel_port": 3000},
    ]
    planned = plan(**valid)
    listeners = planned["proxies"]["proxy-a"]["listeners"]
    assert [(one["listen_port"], one["tunnel_port"]) for one in listeners] == [(7000, 17000), (7001, 17001), (2, 3000)]
    probes = planned["tunnel_hosts"]["fra-tunnel"]["probes"]
    assert [probe["port"] for probe in probes] == [7000, 3306, 1]


def test_order_of_the_input_does_not_matter(valid):
    turned = {
        **valid,
        "resources": valid["resources"][::-1],
        "proxies": dict(reversed(valid["proxies"].items())),
    }
    assert str(plan(**turned)) == str(plan(**valid))


def test_databricks_and_cdc_are_carried(valid):
    orders, crm = valid["resources"]
    orders["databricks"] = {"user": "reader", "secret": "a.b.c", "catalog": "shop", "options": {"ssl": "true"}}
    orders["databricks"]["grants"] = {"analysts": ["use catalog", "SELECT", "use connection"], "gone": []}
    orders["cdc"] = {"user": "cdc", "tables": ["shop.orders"], "destination": "bronze.orders"}
    crm["databricks"] = {"user": "reader", "connection": "crm_prod", "catalog": "crm", "database": "sales"}
    crm["server_name"] = "crm.corp.example"
    planned = plan(**valid)
    assert planned["databricks"] == [
        {
            "name": "crm",
            "type": "POSTGRESQL",
            "host": "crm.corp.example",
            "port": 5432,
            "user": "reader",
            "secret": "",
            "options": {},
            "connection": "crm_prod",
            "connection_grants": {},
            "catalog": "crm",
            "catalog_options": {"database": "sales"},
            "catalog_grants": {},
        },
        {
            "name": "orders",
            "type": "MYSQL",
            "host": "onprem.aws.corp.example",
            "port": 3306,
            "user": "reader",
            "secret": "a.b.c",
            "options": {"ssl": "true"},
            "connection": "orders",
            "connection_grants": {"analysts": ["USE_CONNECTION"], "gone": []},
            "catalog": "shop",
            "catalog_options": {},
            "catalog_grants": {"analysts": ["SELECT", "USE_CATALOG"], "gone": []},
        },
    ]
    assert planned["drivers"] == ["com.mysql:mysql-connector-j", "org.postgresql:postgresql"]
    assert planned["cdc"] == [
        {
            "name": "orders",
            "engine": "mysql",
            "user": "cdc",
            "tables": ["shop.orders"],
            "destination": "bronze.orders",
        }
    ]


def test_a_catalog_may_be_called_as_another_resource(valid):
    orders, crm = valid["resources"]
    orders["databricks"] = {"user": "reader", "catalog": "crm", "grants": {"analysts": ["USE CONNECTION"]}}
    crm["databricks"] = {"user": "reader", "grants": {"analysts": ["USE CONNECTION"]}}
    crm, orders = plan(**valid)["databricks"]
    assert (orders["catalog"], orders["catalog_grants"]) == ("crm", {"analysts": []})
    assert (crm["catalog"], crm["catalog_grants"]) == ("", {}), "there is nothing to take anything away from"


def test_an_empty_name_is_enough_where_each_resource_has_its_own(valid):
    valid["settings"]["name"] = ""
    valid["resources"][0].update(server_name="mysql01.corp.example", databricks={"user": "reader"})
    assert plan(**valid)["databricks"][0]["host"] == "mysql01.corp.example"


def test_keys_lose_what_surrounds_the_line(valid, public_key):
    valid["tunnel_hosts"]["fra-tunnel"]["public_keys"] = [public_key(3, "") + "\n"]
    assert plan(**valid)["proxies"]["proxy-a"]["tunnels"][0]["keys"] == [public_key(3, "").strip()]


def test_what_is_repeated_counts_once(valid):
    valid["resources"][0]["proxies"] = ["proxy-a", "proxy-a"]
    valid["settings"]["clients"] = ["10.60.0.0/16", "10.60.0.0/255.255.0.0"]
    planned = plan(**valid)
    assert planned["hub"]["listeners"][1]["proxies"] == ["proxy-a"]
    assert planned["hub"]["clients"] == ["10.60.0.0/16"]


def test_fifty_listeners_are_right(valid):
    valid["resources"] = [
        {"name": f"r{number}", "engine": "tcp", "host": "db.example", "port": 4000 + number} for number in range(50)
    ]
    assert len(plan(**valid)["hub"]["listeners"]) == 50


def test_the_least_for_development_is_one_proxy_by_its_address(valid):
    """No load balancer and no name: for classic compute alone, and said."""
    valid["proxies"].pop("proxy-b")
    valid["settings"].update(name="", load_balancers=[])
    valid["resources"][0]["databricks"] = {"user": "reader"}
    planned = plan(**valid)
    assert planned["databricks"][0]["host"] == "10.40.1.10"
    assert any(
        warning.startswith("orders: Databricks connects to the proxy's own address") for warning in planned["warnings"]
    )


def test_warnings(valid):
    orders, crm = valid["resources"]
    del valid["proxies"]["proxy-b"]
    valid["settings"]["clients"] = []
    orders["engine"] = "redis"
    crm["engine"] = "redis"
    crm["port"] = 6380
    warnings = plan(**valid)["warnings"]
    assert len(warnings) == 3
    assert warnings[0].startswith("crm, orders: redis: Redis Cluster")
    assert "onprem_tunnel_clients is empty" in warnings[1]
    assert "proxy-a is the only proxy" in warnings[2]


def test_a_proxy_without_resources_is_named(valid):
    for resource in valid["resources"]:
        resource["proxies"] = ["proxy-a"]
    planned = plan(**valid)
    assert planned["warnings"] == ["proxy-b carries no resource."]
    assert planned["proxies"]["proxy-b"]["tunnels"] == planned["proxies"]["proxy-b"]["listeners"] == []
    assert [tunnel["proxy"] for tunnel in planned["tunnel_hosts"]["fra-tunnel"]["tunnels"]] == ["proxy-a"]


def test_what_nobody_declared_is_not_filtered_and_warned_of(valid):
    del valid["settings"]["load_balancers"]
    del valid["proxies"]["proxy-a"]["admin_ranges"]
    valid["tunnel_hosts"]["fra-tunnel"]["source_addresses"] = ["10.10.5.20"]
    planned = plan(**valid)
    anywhere = ["0.0.0.0/0", "::/0"]
    assert planned["proxies"]["proxy-a"]["firewall"] == {
        "ssh_from": anywhere,
        "resources_from": anywhere,
        "health_from": anywhere,
    }
    assert planned["proxies"]["proxy-b"]["firewall"]["ssh_from"] == ["10.10.5.20", "10.70.0.0/24"]
    warnings = " ".join(planned["warnings"])
    assert (
        "onprem_tunnel_load_balancers is not given" in warnings
        and "proxy_vm_admin_ranges of proxy-a is empty" in warnings
    )


def test_without_a_load_balancer_the_clients_come_in_and_nobody_else(valid):
    valid["settings"]["load_balancers"] = []
    del valid["proxies"]["proxy-b"]
    firewall = plan(**valid)["proxies"]["proxy-a"]["firewall"]
    assert firewall["resources_from"] == ["10.60.0.0/16"]
    assert firewall["health_from"] == ["10.70.8.0/24"]


def test_a_key_that_is_accepted_from_anywhere_is_warned_of(valid):
    for proxy in valid["proxies"].values():
        proxy.pop("admin_ranges")
    valid["tunnel_hosts"]["fra-tunnel"]["source_addresses"] = []
    warnings = " ".join(plan(**valid)["warnings"])
    assert "onprem_tunnel_host_source_addresses of fra-tunnel is empty: its key is accepted from anywhere" in warnings
