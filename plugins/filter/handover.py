# Copyright (c) 2026 The lakehouse.onprem_tunnel authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: handover
short_description: Say what other teams need to know of the plan
version_added: 0.1.0
author:
  - The lakehouse.onprem_tunnel authors (@lakehouse)
description:
  - Writes the plan for people. For a network team with its own load balancer and firewall, the listen ports, health
    checks, targets and what to open. For the team on the other side of the tunnel, the keys, as YAML to paste.
options:
  _input:
    description: The plan, from P(lakehouse.onprem_tunnel.plan#filter).
    type: dict
    required: true
"""

EXAMPLES = r"""
- name: Print the hand-over
  ansible.builtin.debug:
    msg: "{{ onprem_tunnel_plan | lakehouse.onprem_tunnel.handover }}"
"""

RETURN = r"""
_value:
  description: The text, of several lines.
  type: str
"""

import json

import yaml


def handover(plan):
    tunnels = [(host, tunnel) for host, part in plan["tunnel_hosts"].items() for tunnel in part["tunnels"]]
    addresses = {tunnel["proxy"]: tunnel["hostname"] for _, tunnel in tunnels}
    sections = [
        ["HAND-OVER" + (f" of {plan['hub']['name']}" if plan["hub"]["name"] else "")],
        _load_balancer(plan["hub"], addresses),
        _firewall(plan, tunnels, addresses),
        _on_premises(plan["tunnel_hosts"]),
        ["WARNINGS", *(f"  - {warning}" for warning in plan["warnings"])] if plan["warnings"] else [],
        _keys(plan, tunnels),
    ]
    return "\n\n".join("\n".join(section) for section in sections if section)


def _load_balancer(hub, addresses):
    rows = [("resource", "listen port (TCP)", "health check of a target", "targets")]
    for listener in hub["listeners"]:
        rows.append(
            (
                listener["name"],
                str(listener["port"]),
                f"HTTP GET :{hub['health']['port']}{listener['health_path']}",
                ", ".join(f"{proxy} {_at(addresses[proxy], listener['port'])}" for proxy in listener["proxies"]),
            )
        )
    return [
        "LOAD BALANCER: one listener for each resource",
        *_table(rows),
        "  200 takes a target in, all else takes it out: ask every 5 seconds, two answers decide.",
        f"  HTTP GET :{hub['health']['port']}{hub['health']['path']} answers for all resources of a proxy together.",
    ]


def _firewall(plan, tunnels, addresses):
    hub = plan["hub"]
    listen_ports = ", ".join(map(str, sorted({listener["port"] for listener in hub["listeners"]})))
    clients = ", ".join(hub["clients"]) or "clients (onprem_tunnel_clients is empty)"
    balancer = _machine("load balancer", hub["load_balancers"] or [])
    rows = [("from", "to", "TCP port", "why")]
    for host, tunnel in tunnels:
        rows.append(
            (
                _machine(host, _sources(plan, tunnel["proxy"], host)),
                _machine(tunnel["proxy"], [tunnel["hostname"]]),
                str(tunnel["ssh_port"]),
                "the tunnel, outbound only",
            )
        )
    rows.append((clients, "load balancer", listen_ports, "the resources"))
    for proxy, address in addresses.items():
        listeners = plan["proxies"][proxy]["listeners"]
        ports = [*sorted(listener["listen_port"] for listener in listeners), hub["health"]["port"]]
        rows.append(
            (
                balancer,
                _machine(proxy, [address]),
                ", ".join(map(str, ports)),
                "the resources and the health check",
            )
        )
    if len(addresses) > 1:
        rows.append(
            ("each proxy", "the other proxies", str(hub["health"]["port"]), "draining asks their health checks")
        )
    return [
        "FIREWALL: what to open; nothing is opened towards the on-premises network",
        *_table(rows),
        "  A load balancer that keeps the clients' addresses: open the proxies' listen ports to the clients as well.",
    ]


def _on_premises(tunnel_hosts):
    rows = [("from", "to", "TCP port", "resource")]
    for host, part in tunnel_hosts.items():
        rows.extend((host, probe["host"], str(probe["port"]), probe["name"]) for probe in part["probes"])
    return ["ON-PREMISES: what the tunnel host must reach", *_table(rows)]


def _keys(plan, tunnels):
    """Ends the text, starts at the margin and is valid YAML, so that it can be copied as it stands."""
    public_keys = {tunnel["host"]: tunnel["keys"] for proxy in plan["proxies"].values() for tunnel in proxy["tunnels"]}
    host_keys = {tunnel["proxy"]: tunnel["host_keys"] for _, tunnel in tunnels}
    return [
        "# FOR THE TEAM ON THE OTHER SIDE: paste this into inventories/<environment>/group_vars/all/keys.yml",
        *_key_block("onprem_tunnel_public_keys", public_keys, "onprem_tunnel_hosts"),
        *_key_block("onprem_tunnel_host_keys", host_keys, "proxy_vms"),
    ]


def _key_block(variable, keys_by_machine, group):
    known = {name: keys for name, keys in keys_by_machine.items() if keys}
    lines = [f"{variable}:" if known else f"{variable}: {{}}"]
    lines += [f"  {_yaml_key(name)}: {json.dumps([str(key) for key in keys])}" for name, keys in known.items()]
    lines += [
        f"  # {name}: not known yet; run playbooks/tunnels.yml --limit {group} --tags keys"
        for name in keys_by_machine
        if name not in known
    ]
    return lines


def _yaml_key(name):
    """A name such as 'on' or '1' needs quotes."""
    return name if yaml.safe_load(name) == name else json.dumps(name)


def _sources(plan, proxy, host):
    return [
        address
        for tunnel in plan["proxies"][proxy]["tunnels"]
        if tunnel["host"] == host
        for address in tunnel["source_addresses"]
    ]


def _machine(name, addresses):
    others = [address for address in addresses if address != name]
    return f"{name} ({', '.join(others)})" if others else name


def _at(address, port):
    return f"[{address}]:{port}" if ":" in address else f"{address}:{port}"


def _table(rows):
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return [
        "  " + "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows
    ]


class FilterModule:
    def filters(self):
        return {"handover": handover}
