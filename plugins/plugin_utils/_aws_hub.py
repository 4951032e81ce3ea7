# Copyright (c) 2026 The lakehouse.onprem_tunnel authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The AWS hub: from its settings to the subnet of each machine, the security groups' rules and the target groups.

Asks nothing of AWS. What the settings leave out (the CIDR of a subnet given by its id) is filled in by the caller where
it is known, and is not checked where it is not.

Limits and their sources:

- 50 listeners a load balancer, 60 rules a security group (each range and port range is one): AWS's default quotas for
  Network Load Balancers and Amazon VPC.
- 32 characters for the names of load balancers and target groups: the API references of CreateLoadBalancer and
  CreateTargetGroup.
- A subnet is a /16 to a /28, and AWS keeps its first four addresses and its last one: Amazon VPC user guide, "Subnet
  CIDR blocks".
"""

from __future__ import annotations

import hashlib
import ipaddress
import re
from dataclasses import dataclass, field

from ansible_collections.lakehouse.onprem_tunnel.plugins.module_utils._databricks_private_connectivity import principals

MAX_LISTENERS = 50
MAX_RULES = 60
SSH = 22
NAME = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")
MAX_NAME = 32


@dataclass
class Subnet:
    place: str
    zone: str | None
    cidr: ipaddress.IPv4Network | None
    load_balancer_address: ipaddress.IPv4Address | None


@dataclass
class Hub:
    """What was understood of the settings, and what is wrong with them."""

    settings: dict
    problems: list[str] = field(default_factory=list)
    subnets: list[Subnet] = field(default_factory=list)
    vpc_ranges: list[ipaddress.IPv4Network] = field(default_factory=list)
    proxies: dict[str, ipaddress.IPv4Address] = field(default_factory=dict)

    def wrong(self, place: str, text: str) -> None:
        self.problems.append(f"{place}: {text}")

    def network(self, value: object, place: str) -> ipaddress.IPv4Network | None:
        try:
            return ipaddress.IPv4Network(str(value))
        except ValueError as error:
            self.wrong(place, f"{value!r} is not an IPv4 range ({error}); write one such as 10.40.0.0/22")
        return None

    def address(self, value: object, place: str) -> ipaddress.IPv4Address | None:
        try:
            return ipaddress.IPv4Address(str(value))
        except ValueError:
            self.wrong(place, f"{value!r} is not an IPv4 address; write one such as 10.40.1.10")
        return None


def read(settings: dict) -> Hub:
    """Checks the settings and keeps what is right of them."""
    hub = Hub(settings)
    _read_names(hub)
    _read_network(hub)
    _read_proxies(hub)
    _read_peerings(hub)
    if len(settings["listeners"]) > MAX_LISTENERS:
        hub.wrong(
            "onprem_tunnel_resources",
            f"{len(settings['listeners'])} listeners are more than the {MAX_LISTENERS} that an NLB can have (AWS does not raise "
            "this quota); put some resources into an environment of their own",
        )
    if not hub.settings["ssh_from"]:
        hub.wrong(
            "aws_hub_ssh_from",
            "no tunnel could be opened; write onprem_tunnel_host_source_addresses of the tunnel hosts, and proxy_vm_admin_ranges "
            "for Ansible's own logins",
        )
    if not hub.settings["clients"] and not hub.settings["peerings"] and not hub.settings["endpoint_service"]:
        hub.wrong(
            "aws_hub_clients",
            "nobody could reach the load balancer; list the clients' ranges, a peering, or turn aws_hub_endpoint_service on",
        )
    if not hub.problems:
        _check_rules(hub)
    return hub


def _read_names(hub: Hub) -> None:
    for variable, name in (
        ("aws_hub_name", hub.settings["name"]),
        ("aws_hub_load_balancer_name", hub.settings["load_balancer_name"]),
    ):
        if not isinstance(name, str) or not NAME.fullmatch(name):
            hub.wrong(
                variable, f"{name!r} is no name; write lower-case letters, digits and single hyphens, a letter first"
            )
        elif len(name) > MAX_NAME:
            hub.wrong(variable, f"{name} has {len(name)} characters; AWS names load balancers with {MAX_NAME} at most")
        elif name.startswith("internal-"):
            hub.wrong(variable, f"{name} starts with internal-, which AWS keeps for itself; choose another name")
    if not hub.settings["region"]:
        hub.wrong("aws_hub_region", "is missing; write the AWS region, such as eu-central-1")


def _read_network(hub: Hub) -> None:
    settings = hub.settings
    hub.vpc_ranges = [r for value in settings["vpc_cidrs"] if (r := hub.network(value, "aws_hub_vpc_cidrs"))]
    if not settings["vpc_cidrs"] and not settings["vpc_id"]:
        hub.wrong("aws_hub_vpc_cidrs", "is missing; write the new VPC's range, or aws_hub_vpc_id of one that is there")
    for position, entry in enumerate(settings["subnets"], 1):
        subnet = _read_subnet(hub, entry, f"aws_hub_subnets {position}")
        if subnet:
            hub.subnets.append(subnet)
    if len(hub.subnets) == len(settings["subnets"]) and len(hub.subnets) < 2:
        hub.wrong(
            "aws_hub_subnets", "write at least two subnets, in two availability zones: a zone can fail as a whole"
        )
    zones = [subnet.zone for subnet in hub.subnets if subnet.zone]
    for zone in sorted({zone for zone in zones if zones.count(zone) > 1}):
        hub.wrong(
            "aws_hub_subnets",
            f"{zones.count(zone)} subnets are in {zone}; an NLB has one in each zone, so give each its own",
        )
    for one, other in _pairs(hub.subnets):
        if one.cidr and other.cidr and one.cidr.overlaps(other.cidr):
            hub.wrong(one.place, f"{one.cidr} overlaps {other.cidr} of {other.place}")


def _read_subnet(hub: Hub, entry: dict, place: str) -> Subnet | None:
    unknown = sorted(set(entry) - {"id", "zone", "cidr", "vpc_id", "load_balancer_address"})
    if unknown:
        hub.wrong(
            place,
            f"{', '.join(unknown)} is not a field; write zone and cidr of a new subnet, or id of one that is there",
        )
    if not entry.get("id") and not (entry.get("zone") and entry.get("cidr")):
        hub.wrong(place, "write zone and cidr of a new subnet, or id of one that is there")
        return None
    cidr = hub.network(entry["cidr"], f"{place}: cidr") if entry.get("cidr") else None
    if cidr and not 16 <= cidr.prefixlen <= 28:
        hub.wrong(f"{place}: cidr", f"{cidr} is a /{cidr.prefixlen}, and AWS has subnets from /16 to /28")
    if cidr and hub.vpc_ranges and not any(cidr.subnet_of(r) for r in hub.vpc_ranges):
        hub.wrong(f"{place}: cidr", f"{cidr} is not inside the VPC's {_joined(hub.vpc_ranges)}")
    wanted_vpc = hub.settings["vpc_id"]
    if entry.get("vpc_id") and wanted_vpc and entry["vpc_id"] != wanted_vpc:
        hub.wrong(
            f"{place}: id",
            f"{entry['id']} is in {entry['vpc_id']}, not in {wanted_vpc} (aws_hub_vpc_id); give a subnet of that VPC",
        )
    if entry.get("id") and not wanted_vpc:
        hub.wrong(f"{place}: id", "a subnet that is there is in a VPC that is there: give aws_hub_vpc_id too")
    fixed = entry.get("load_balancer_address")
    address = hub.address(fixed, f"{place}: load_balancer_address") if fixed else None
    if address and cidr:
        _check_usable(hub, address, cidr, f"{place}: load_balancer_address")
    return Subnet(place, entry.get("zone"), cidr, address)


def _check_usable(hub: Hub, address: ipaddress.IPv4Address, cidr: ipaddress.IPv4Network, place: str) -> None:
    if address not in cidr:
        hub.wrong(place, f"{address} is not in {cidr}")
    elif address in [*list(cidr.hosts())[:3], cidr.network_address, cidr.broadcast_address]:
        hub.wrong(
            place, f"AWS keeps {address} of {cidr} for itself (the first four addresses and the last one); take another"
        )


def _read_proxies(hub: Hub) -> None:
    taken = {subnet.load_balancer_address: subnet.place for subnet in hub.subnets if subnet.load_balancer_address}
    ranges_known = hub.subnets and all(subnet.cidr for subnet in hub.subnets)
    for name, value in sorted(hub.settings["proxies"].items()):
        place = f"proxy {name}"
        address = hub.address(value, f"{place}: address")
        if address is None:
            continue
        hub.proxies[name] = address
        if address in taken:
            hub.wrong(place, f"{address} is taken by {taken[address]}; give it another address")
        taken[address] = place
        subnet = subnet_of(hub, name)
        if subnet:
            _check_usable(hub, address, subnet.cidr, place)
        elif ranges_known and name not in hub.settings["instance_ids"]:
            ranges = _joined(subnet.cidr for subnet in hub.subnets)
            hub.wrong(
                place,
                f"{address} is in none of the hub's subnets ({ranges}); change its ansible_host (or proxy_vm_bind_address)",
            )
    unknown = sorted(set(hub.settings["instance_ids"]) - set(hub.settings["proxies"]))
    if unknown:
        hub.wrong(
            "aws_hub_instance_ids",
            f"{', '.join(unknown)} is no proxy; write one of {', '.join(sorted(hub.settings['proxies']))}",
        )


def _read_peerings(hub: Hub) -> None:
    names = [peering["name"] for peering in hub.settings["peerings"]]
    for name in sorted({name for name in names if names.count(name) > 1}):
        hub.wrong("aws_hub_peerings", f"{names.count(name)} are called {name}; give each its own name")
    known = [("the hub's VPC", own) for own in hub.vpc_ranges]
    for peering in hub.settings["peerings"]:
        place = f"peering {peering['name']}"
        for value in peering.get("ranges") or []:
            ranges = hub.network(value, f"{place}: ranges")
            for owner, other in known if ranges else []:
                if ranges.overlaps(other) and owner != place:
                    hub.wrong(
                        place,
                        f"its {ranges} overlaps {other} of {owner}, and AWS routes between ranges that do not overlap only; "
                        "use the endpoint service for it, or another range for the hub",
                    )
            if ranges:
                known.append((place, ranges))


def _check_rules(hub: Hub) -> None:
    for group, rules in rules_of(hub).items():
        if len(rules) > MAX_RULES:
            hub.wrong(
                "aws_hub_clients",
                f"the security group of the {group.replace('_', ' ')} would have {len(rules)} rules, more than the {MAX_RULES} that AWS allows; "
                "write fewer and wider ranges",
            )


def subnet_of(hub: Hub, proxy: str) -> Subnet | None:
    return next((s for s in hub.subnets if s.cidr and hub.proxies[proxy] in s.cidr), None)


def rules_of(hub: Hub) -> dict[str, list[dict]]:
    """The inbound rules of both security groups. Ports beside each other are one rule; where AWS's quota would not do
    otherwise, the rules span from the lowest to the highest port, behind which only the forwarders listen."""
    ports = sorted({listener["port"] for listener in hub.settings["listeners"]})
    rules = _rules(hub, port_ranges(ports))
    if any(len(group) > MAX_RULES for group in rules.values()):
        rules = _rules(hub, [(ports[0], ports[-1])])
    return rules


def _rules(hub: Hub, spans: list[tuple[int, int]]) -> dict[str, list[dict]]:
    settings = hub.settings
    health = [(settings["health_port"], settings["health_port"])]
    clients = _unique(
        [*settings["clients"], *(r for peering in settings["peerings"] for r in peering.get("ranges") or [])]
    )
    return {
        "load_balancer": _from_ranges(clients, spans, "clients"),
        "proxies": [
            *_from_ranges(settings["ssh_from"], [(SSH, SSH)], "tunnel hosts and administrators"),
            *_from_group("load_balancer", spans + health, "load balancer"),
            *_from_ranges(clients, spans, "clients, past the load balancer"),
            *_from_group("proxies", spans + health, "the other proxies"),
            *_from_ranges(settings["monitoring"], health, "monitoring"),
        ],
    }


def _from_ranges(ranges: list[str], spans: list[tuple[int, int]], why: str) -> list[dict]:
    found = []
    for value in _unique(ranges):
        family = "cidr_ipv6" if ":" in value else "cidr_ip"
        text = value if "/" in value else f"{value}/{128 if ':' in value else 32}"
        found += [{"proto": "tcp", "from_port": a, "to_port": b, family: text, "rule_desc": why} for a, b in spans]
    return found


def _from_group(group: str, spans: list[tuple[int, int]], why: str) -> list[dict]:
    return [{"proto": "tcp", "from_port": a, "to_port": b, "group": group, "rule_desc": why} for a, b in spans]


def port_ranges(ports: list[int]) -> list[tuple[int, int]]:
    """Sorted ports as (first, last) of each unbroken row."""
    found: list[tuple[int, int]] = []
    for port in ports:
        if found and port == found[-1][1] + 1:
            found[-1] = (found[-1][0], port)
        else:
            found.append((port, port))
    return found


def target_groups(hub: Hub, vpc_id: str) -> list[dict]:
    return [
        {
            "name": target_group_name(hub.settings["name"], listener["name"], listener["port"], vpc_id),
            "resource": listener["name"],
            "port": listener["port"],
            "path": listener["health_path"],
            "targets": [{"id": str(hub.proxies[proxy]), "proxy": proxy} for proxy in listener["proxies"]],
        }
        for listener in hub.settings["listeners"]
    ]


def target_group_name(hub: str, resource: str, port: int, vpc_id: str) -> str:
    """Never the same for two environments, and another one for another port or VPC, which AWS cannot change."""
    digest = hashlib.sha256(f"{hub}/{resource}/{port}/{vpc_id}".encode()).hexdigest()[:8]
    stem = resource.replace("_", "-")[: MAX_NAME - len(digest) - 1].strip("-")
    return f"{stem}-{digest}"


def layout(settings: dict) -> dict:
    """Everything that the role's tasks consume, and the list of problems."""
    hub = read(settings)
    result = {"problems": hub.problems}
    if hub.problems:
        return result
    return {
        **result,
        "rules": rules_of(hub),
        "proxies": {
            name: {
                "address": str(address),
                "subnet": hub.subnets.index(subnet) if (subnet := subnet_of(hub, name)) else None,
            }
            for name, address in hub.proxies.items()
        },
        "target_groups": target_groups(hub, settings["vpc_id"]),
        "principal": principals(settings["region"])[0],
    }


def _pairs(items: list) -> list[tuple]:
    return [(one, other) for position, one in enumerate(items) for other in items[position + 1 :]]


def _unique(values: list[str]) -> list[str]:
    return list(dict.fromkeys(values))


def _joined(values) -> str:
    return ", ".join(map(str, values))
