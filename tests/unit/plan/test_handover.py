# Copyright (c) 2026 The lakehouse.onprem_tunnel authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The hand-over: what the other teams read, and the block of keys that they paste."""

import re

import pytest
import yaml
from ansible_collections.lakehouse.onprem_tunnel.plugins.filter.handover import handover
from ansible_collections.lakehouse.onprem_tunnel.plugins.plugin_utils._plan import plan


def key_block(text):
    """What a reader would select: from the first variable to the end."""
    return text[text.index("onprem_tunnel_public_keys:") :]


def rows(text, section):
    body = text.split(section)[1].split("\n\n")[0]
    return [re.split(r"\s{2,}", line.strip()) for line in body.splitlines()[1:]]


def test_load_balancer(valid):
    valid["resources"][1]["proxies"] = ["proxy-a"]
    text = handover(plan(**valid))
    assert text.startswith("HAND-OVER of onprem.aws.corp.example\n")
    assert rows(text, "LOAD BALANCER")[:3] == [
        ["resource", "listen port (TCP)", "health check of a target", "targets"],
        ["crm", "5432", "HTTP GET :8405/healthz/crm", "proxy-a 10.40.1.10:5432"],
        ["orders", "3306", "HTTP GET :8405/healthz/orders", "proxy-a 10.40.1.10:3306, proxy-b 10.40.2.10:3306"],
    ]


def test_firewall(valid):
    valid["resources"][1]["proxies"] = ["proxy-a"]
    valid["settings"]["health_port"] = 9000
    assert rows(handover(plan(**valid)), "FIREWALL")[:-1] == [
        ["from", "to", "TCP port", "why"],
        ["fra-tunnel (10.10.5.20)", "proxy-a (10.40.1.10)", "22", "the tunnel, outbound only"],
        ["fra-tunnel (10.10.5.20)", "proxy-b (10.40.2.10)", "2022", "the tunnel, outbound only"],
        ["10.60.0.0/16", "load balancer", "3306, 5432", "the resources"],
        ["load balancer (10.40.0.5)", "proxy-a (10.40.1.10)", "3306, 5432, 9000", "the resources and the health check"],
        ["load balancer (10.40.0.5)", "proxy-b (10.40.2.10)", "3306, 9000", "the resources and the health check"],
        ["each proxy", "the other proxies", "9000", "draining asks their health checks"],
    ]


def test_what_the_tunnel_host_reaches(valid):
    assert rows(handover(plan(**valid)), "ON-PREMISES") == [
        ["from", "to", "TCP port", "resource"],
        ["fra-tunnel", "10.10.5.31", "5432", "crm"],
        ["fra-tunnel", "mysql01.corp.example", "3306", "orders"],
    ]


def test_ipv6_targets_have_brackets(valid):
    valid["proxies"]["proxy-a"]["address"] = "fd00::a"
    assert "proxy-a [fd00::a]:3306" in handover(plan(**valid))


def test_unknown_clients_are_said_to_be_unknown(valid):
    valid["settings"]["clients"] = []
    text = handover(plan(**valid))
    assert "clients (onprem_tunnel_clients is empty)  load balancer" in text
    assert "  - onprem_tunnel_clients is empty" in text


def test_warnings_only_where_there_are_some(valid):
    assert "WARNINGS" not in handover(plan(**valid))
    valid["resources"][0]["engine"] = "oracle"
    assert "\nWARNINGS\n  - orders: oracle: a RAC SCAN" in handover(plan(**valid))


def test_known_keys(valid):
    text = handover(plan(**valid))
    keys = {name: proxy["host_keys"] for name, proxy in valid["proxies"].items()}
    assert yaml.safe_load(key_block(text)) == {
        "onprem_tunnel_public_keys": {"fra-tunnel": valid["tunnel_hosts"]["fra-tunnel"]["public_keys"]},
        "onprem_tunnel_host_keys": keys,
    }
    assert f'  proxy-a: ["{keys["proxy-a"][0]}"]\n' in text
    assert "not known yet" not in text


def test_unknown_keys(valid):
    valid["tunnel_hosts"]["fra-tunnel"]["public_keys"] = []
    valid["proxies"]["proxy-b"]["host_keys"] = []
    block = key_block(handover(plan(**valid)))
    assert yaml.safe_load(block) == {
        "onprem_tunnel_public_keys": {},
        "onprem_tunnel_host_keys": {"proxy-a": valid["proxies"]["proxy-a"]["host_keys"]},
    }
    remedy = "not known yet; run playbooks/tunnels.yml --limit"
    assert f"  # fra-tunnel: {remedy} onprem_tunnel_hosts --tags keys" in block
    assert f"  # proxy-b: {remedy} proxy_vms --tags keys" in block
    assert block.count("not known yet") == 2


@pytest.mark.parametrize("name", ["on", "no", "1", "1e3", "null", "2026-01-01", "10.40.1.10", "a.b-c_d"])
def test_names_stay_names_in_yaml(valid, name):
    valid["proxies"][name] = {**valid["proxies"].pop("proxy-a")}
    assert name in yaml.safe_load(key_block(handover(plan(**valid))))["onprem_tunnel_host_keys"]


def test_it_prints_as_a_block(example):
    """YAML output falls back to one quoted line where a line ends in a space or has a tab."""
    text = handover(plan(**example))
    assert not re.search(r"[ \t]$|\t", text, flags=re.MULTILINE)


def test_each_tunnel_host_has_its_own_addresses(valid):
    """Several tunnel hosts are for later; the text is ready for them."""
    planned = plan(**valid)
    planned["proxies"]["proxy-a"]["tunnels"].append(
        {"host": "muc-tunnel", "keys": [], "source_addresses": ["10.9.9.9"]}
    )
    assert ["fra-tunnel (10.10.5.20)", "proxy-a (10.40.1.10)"] == rows(handover(planned), "FIREWALL")[1][:2]
