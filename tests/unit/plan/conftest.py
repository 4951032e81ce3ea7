# Copyright (c) 2026 The lakehouse.onprem_tunnel authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

import base64
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[3]
EXAMPLE = ROOT / "inventories" / "example"


def _public_key(seed, comment):
    parts = [b"ssh-ed25519", bytes([seed]) * 32]
    blob = b"".join(len(part).to_bytes(4, "big") + part for part in parts)
    return f"ssh-ed25519 {base64.b64encode(blob).decode()} {comment}"


@pytest.fixture
def root():
    return ROOT


@pytest.fixture
def public_key():
    return _public_key


@pytest.fixture
def valid():
    """A right input of every kind, as the arguments of plan(). Tests change what they are about."""
    return {
        "resources": [
            {"name": "orders", "engine": "mysql", "host": "mysql01.corp.example"},
            {"name": "crm", "engine": "postgresql", "host": "10.10.5.31"},
        ],
        "proxies": {
            "proxy-a": {
                "address": "10.40.1.10",
                "host_keys": [_public_key(1, "proxy-a")],
                "admin_ranges": ["10.70.0.0/24"],
                "monitoring_ranges": ["10.70.8.0/24"],
            },
            "proxy-b": {
                "address": "10.40.2.10",
                "ssh_port": 2022,
                "host_keys": [_public_key(2, "proxy-b")],
                "admin_ranges": ["10.70.0.0/24"],
            },
        },
        "tunnel_hosts": {
            "fra-tunnel": {"public_keys": [_public_key(3, "fra-tunnel")], "source_addresses": ["10.10.5.20"]}
        },
        "settings": {
            "name": "onprem.aws.corp.example",
            "clients": ["10.60.0.0/16"],
            "load_balancers": ["10.40.0.5"],
        },
    }


@pytest.fixture
def example():
    """inventories/example as the arguments of plan(), read as plain YAML."""
    variables = {}
    for path in sorted((EXAMPLE / "group_vars" / "all").glob("*.yml")):
        variables |= yaml.safe_load(path.read_text())
    groups = yaml.safe_load((EXAMPLE / "hosts.yml").read_text())
    return {
        "resources": variables["onprem_tunnel_resources"],
        "proxies": {
            name: {
                "address": host.get("proxy_vm_bind_address", host["ansible_host"]),
                "host_keys": variables["onprem_tunnel_host_keys"].get(name, []),
            }
            for name, host in groups["proxy_vms"]["hosts"].items()
        },
        "tunnel_hosts": {
            name: {
                "public_keys": variables["onprem_tunnel_public_keys"].get(name, []),
                "source_addresses": host.get("onprem_tunnel_host_source_addresses", []),
            }
            for name, host in groups["onprem_tunnel_hosts"]["hosts"].items()
        },
        "settings": {
            "name": variables["onprem_tunnel_name"],
            "clients": variables["onprem_tunnel_clients"],
            "load_balancers": variables["onprem_tunnel_load_balancers"],
            "health_port": variables["onprem_tunnel_health_port"],
            "heartbeat_port": variables["onprem_tunnel_heartbeat_port"],
            "connections": variables["onprem_tunnel_connections"],
            "max_listeners": variables["onprem_tunnel_max_listeners"],
            "forwarder": variables["proxy_vm_forwarder"],
        },
    }
