# Copyright (c) 2026 The lakehouse.onprem_tunnel authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the module aws_vpc_routes decides, apart from AWS: route tables in, routes to add, replace and remove out."""

from __future__ import annotations

import ipaddress
import re

# The module's options for a route's target: the API's name, the form of an id, and how to write one.
TARGETS = {
    "vpc_peering_connection_id": ("VpcPeeringConnectionId", r"pcx-[0-9a-f]+", "pcx-0123456789abcdef0"),
    "transit_gateway_id": ("TransitGatewayId", r"tgw-[0-9a-f]+", "tgw-0123456789abcdef0"),
    "gateway_id": ("GatewayId", r"(igw|vgw)-[0-9a-f]+", "igw-0123456789abcdef0 or vgw-0123456789abcdef0"),
}
# Where a described route says what it leads to. An instance's interface names it better than the instance.
TARGET_KEYS = (
    "GatewayId",
    "NatGatewayId",
    "TransitGatewayId",
    "VpcPeeringConnectionId",
    "NetworkInterfaceId",
    "InstanceId",
    "EgressOnlyInternetGatewayId",
    "LocalGatewayId",
    "CarrierGatewayId",
    "CoreNetworkArn",
    "OdbNetworkArn",
)


def problems(parameters):
    """Return what is wrong with the parameters beyond their types."""
    found = [
        f"route_table_ids: '{table}' is not one; write it like rtb-0123456789abcdef0"
        for table in parameters["route_table_ids"]
        if not re.fullmatch(r"rtb-[0-9a-f]+", table)
    ]
    for destination in parameters["destinations"]:
        try:
            canonical(destination)
        except ValueError:
            found.append(f"destinations: '{destination}' is not a range; write it like 10.40.0.0/16 or 2001:db8::/56")
    if all(parameters[option] is None for option in TARGETS):  # given, and null
        found.append(f"{', '.join(TARGETS)}: none has a value; give the routes a target")
    for option, (_key, form, sample) in TARGETS.items():
        if parameters[option] is not None and not re.fullmatch(form, parameters[option]):
            found.append(f"{option}: '{parameters[option]}' is not one; write it like {sample}")
    return found


def canonical(destination):
    """Return a range as AWS keeps it, without host bits. A lone address is refused: its prefix was likely forgotten."""
    if "/" not in destination:
        raise ValueError(destination)
    return str(ipaddress.ip_network(destination.strip(), strict=False))


def once(items):
    return list(dict.fromkeys(items))


def routes_by_destination(described):
    """Return {range: route} of a route table as AWS describes it. Prefix lists are none of the module's business."""
    routes = {}
    for entry in described.get("Routes", []):
        destination = entry.get("DestinationCidrBlock") or entry.get("DestinationIpv6CidrBlock")
        if destination is None:
            continue
        route = dict(
            target=next((entry[key] for key in TARGET_KEYS if entry.get(key)), "an unknown target"),
            blackhole=entry.get("State") == "blackhole",
            local=entry.get("Origin") == "CreateRouteTable",
            propagated=entry.get("Origin") in ("EnableVgwRoutePropagation", "Advertisement"),
        )
        # A static route goes before a propagated one to the same destination.
        if not (route["propagated"] and canonical(destination) in routes):
            routes[canonical(destination)] = route
    return routes


def reconcile(tables, destinations, target, state, replace):
    """Return (todo, conflicts).

    tables: route table id -> its routes by destination.
    todo: added, replaced and removed, each a list of dicts with route_table_id and destination.
    conflicts: other people's routes that are in the way, in words.
    """
    todo = dict(added=[], replaced=[], removed=[])
    conflicts = []
    for table, routes in tables.items():
        for destination in destinations:
            place = dict(route_table_id=table, destination=destination)
            route = routes.get(destination)
            ours = route is not None and route["target"] == target
            if state == "absent":
                # A propagated route is the gateway's, and cannot be deleted.
                if ours and not route["propagated"]:
                    todo["removed"].append(place)
            elif route is None:
                todo["added"].append(place)
            elif ours:
                continue
            elif route["local"]:
                conflicts.append(f"{destination} in {table} is the VPC's own range; no peer can have it")
            elif not (replace or route["blackhole"]):
                conflicts.append(f"{destination} in {table} leads to {route['target']}")
            elif route["propagated"]:
                todo["added"].append(place)
            else:
                todo["replaced"].append(dict(place, former_target=route["target"]))
    return todo, conflicts


def blackholes(tables, destinations, target):
    """Return our routes that lead nowhere, in words."""
    return [
        f"{destination} in {table}"
        for table, routes in tables.items()
        for destination in destinations
        if destination in routes and routes[destination]["blackhole"] and routes[destination]["target"] == target
    ]


def targets(tables, destinations):
    """Return {route table id: {destination: target}} of the given destinations, for the diff."""
    return {
        table: {destination: routes[destination]["target"] for destination in destinations if destination in routes}
        for table, routes in tables.items()
    }


def targets_after(before, todo, target):
    """Return what targets() would return once the work is done."""
    after = {table: dict(routes) for table, routes in before.items()}
    for place in todo["added"] + todo["replaced"]:
        after[place["route_table_id"]][place["destination"]] = target
    for place in todo["removed"]:
        after[place["route_table_id"]].pop(place["destination"], None)
    return after
