# Copyright (c) 2026 The lakehouse.onprem_tunnel authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the module aws_nlb decides, apart from AWS: the load balancer that is there and the one that is wanted in,
problems, the load balancer as it will be, and what is to be done out.

A load balancer is a dict as the module returns it."""

from __future__ import annotations

import ipaddress
import re
from copy import deepcopy

from ._aws_elbv2 import attribute_problems, attribute_values, target_group_arns
from ._aws_tags import differing, mark_problems, tag_problems, tags_after, tags_to_remove

MAX_LISTENERS = 50  # AWS's quota for a network load balancer, which is not adjustable
NAME = re.compile(r"^[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?$")
MAX_NAME = 32
PROTECTION = "deletion_protection.enabled"
NOTHING_TO_DO = dict(
    subnet_mappings=None,
    security_groups=None,
    attributes={},
    tags={},
    remove_tags=[],
    create_listeners=[],
    modify_listeners=[],
    delete_listeners=[],
    listener_attributes={},
)


def parameter_problems(parameters, check_mode):
    """Return what is wrong with the parameters by themselves."""
    found = []
    name = parameters["name"]
    if len(name) > MAX_NAME:
        found.append(f"name: '{name}' has {len(name)} characters; AWS allows {MAX_NAME}")
    if not NAME.match(name):
        found.append(f"name: '{name}' may hold letters, digits and hyphens, and a hyphen is neither first nor last")
    if name.startswith("internal-"):
        found.append(f"name: '{name}' starts with 'internal-', which AWS reserves; choose another name")
    found += tag_problems("owner_tags", parameters["owner_tags"])
    found += attribute_problems("load balancer", parameters["attributes"])
    found += _mapping_problems(parameters)
    found += _listener_problems(parameters["listeners"] or [], check_mode)
    return found


def _mapping_problems(parameters):
    found = []
    subnets = [mapping["subnet_id"] for mapping in parameters["subnet_mappings"] or []]
    for subnet in sorted({subnet for subnet in subnets if subnets.count(subnet) > 1}):
        found.append(f"subnet_mappings: {subnet} occurs more than once")
    for mapping in parameters["subnet_mappings"] or []:
        address = mapping["private_ipv4_address"]
        if address is None:
            continue
        if parameters["scheme"] != "internal":
            found.append(f"subnet_mappings: {address}: only an internal load balancer has private addresses of its own")
        try:
            ipaddress.IPv4Address(address)
        except ValueError:
            found.append(f"subnet_mappings: '{address}' of {mapping['subnet_id']} is not an IPv4 address")
    return found


def _listener_problems(listeners, check_mode):
    found = []
    ports = [listener["port"] for listener in listeners]
    for port in sorted({port for port in ports if ports.count(port) > 1}):
        found.append(f"listeners: port {port} occurs more than once")
    for listener in listeners:
        place = f"listeners: port {listener['port']}"
        if not 1 <= listener["port"] <= 65535:
            found.append(f"{place}: write one from 1 to 65535")
        if listener["state"] == "absent":
            if listener["attributes"]:
                found.append(f"{place}: it has attributes, and state absent; leave one of them out")
            continue
        # In a check the group may be one that an earlier task would have made.
        if not listener["target_group_arn"] and not check_mode:
            found.append(f"{place}: target_group_arn is missing")
        found += attribute_problems(place, listener["attributes"])
    return found


def subnet_problems(mappings, subnets, zones, vpc_id):
    """Return why the load balancer cannot be in these subnets.

    mappings: the wanted ones that are new. subnets: id -> as DescribeSubnets gives it.
    zones: subnet by zone, where the load balancer is already. vpc_id: its VPC, if it is there.
    """
    found = []
    taken = dict(zones)
    vpcs = {vpc_id} if vpc_id else set()
    for mapping in mappings:
        subnet_id = mapping["subnet_id"]
        place = f"subnet_mappings: {subnet_id}"
        if subnet_id not in subnets:
            found.append(f"{place} does not exist in this account and region")
            continue
        subnet = subnets[subnet_id]
        vpcs.add(subnet["VpcId"])
        zone = subnet["AvailabilityZone"]
        if zone in taken:
            found.append(f"{place} is in {zone}, as {taken[zone]} is; give one subnet of each availability zone")
        taken.setdefault(zone, subnet_id)
        if mapping["private_ipv4_address"] is not None:
            found += _address_problems(place, mapping["private_ipv4_address"], subnet["CidrBlock"])
    if len(vpcs) > 1:
        found.append(f"subnet_mappings: the subnets are in several VPCs ({', '.join(sorted(vpcs))}); give those of one")
    return found


def _address_problems(place, address, cidr):
    network = ipaddress.IPv4Network(cidr)
    wanted = ipaddress.IPv4Address(address)
    if wanted not in network:
        return [f"{place}: {address} is not in the subnet's range {cidr}"]
    # AWS keeps the first four addresses of a subnet and its last one.
    if wanted in [*(network[position] for position in range(4)), network[-1]]:
        return [f"{place}: AWS keeps {address} of {cidr} for itself; take another"]
    return []


def from_api(found, attributes, listeners, tags, mappings):
    """Return a load balancer of the API as the module does. listeners: pairs of listener and attributes."""
    asked = {mapping["subnet_id"]: mapping["private_ipv4_address"] for mapping in mappings or []}
    return dict(
        arn=found["LoadBalancerArn"],
        name=found["LoadBalancerName"],
        dns_name=found.get("DNSName"),
        canonical_hosted_zone_id=found.get("CanonicalHostedZoneId"),
        scheme=found["Scheme"],
        state=found["State"]["Code"],
        vpc_id=found["VpcId"],
        security_groups=sorted(found.get("SecurityGroups", [])),
        enforce_private_link_security_groups=_enforced(found),
        availability_zones=sorted(
            (_zone_from_api(zone, asked.get(zone["SubnetId"])) for zone in found["AvailabilityZones"]),
            key=lambda zone: zone["subnet_id"],
        ),
        attributes=attributes,
        listeners=sorted((_listener_from_api(*pair) for pair in listeners), key=lambda listener: listener["port"]),
        tags=tags,
    )


def _enforced(found):
    return {"on": True, "off": False}.get(found.get("EnforceSecurityGroupInboundRulesOnPrivateLinkTraffic"))


def _zone_from_api(zone, asked):
    # AWS always gives the list, an empty one where it chose the address. A stand-in of AWS may leave it out: then
    # nothing is known, and the address that was asked for is taken to be there.
    if "LoadBalancerAddresses" in zone:
        addresses = [
            entry["PrivateIPv4Address"] for entry in zone["LoadBalancerAddresses"] if entry.get("PrivateIPv4Address")
        ]
    else:
        addresses = [asked] if asked else []
    return dict(zone_name=zone.get("ZoneName"), subnet_id=zone["SubnetId"], addresses=addresses)


def _listener_from_api(listener, attributes):
    groups = target_group_arns(listener)
    return dict(
        arn=listener["ListenerArn"],
        port=listener["Port"],
        protocol=listener["Protocol"],
        # A listener that shares its connections among several groups is none that this module makes.
        target_group_arn=groups[0] if len(groups) == 1 else None,
        attributes=attributes,
    )


def reconcile(present, parameters, subnets=None):
    """Return problems, the load balancer as it will be, and what is to be done on one that is there.

    present: the load balancer that is there, or None. parameters: the module's, state present.
    subnets: id -> as DescribeSubnets gives it, for subnets that are new.
    """
    problems = _creation_problems(parameters) if present is None else _update_problems(present, parameters)
    after = _expected(present, parameters, subnets or {})
    problems += mark_problems(f"tags: '{parameters['name']}'", after["tags"], parameters["owner_tags"])
    if len(after["listeners"]) > MAX_LISTENERS:
        problems.append(
            f"listeners: '{parameters['name']}' would have {len(after['listeners'])}, and a network load balancer has "
            f"at most {MAX_LISTENERS}; use a second one"
        )
    return problems, after, _steps(present, after, parameters) if present else dict(NOTHING_TO_DO)


def _creation_problems(parameters):
    found = []
    if not parameters["subnet_mappings"]:
        found.append(f"subnet_mappings: the load balancer '{parameters['name']}' has to be made, and needs subnets")
    if parameters["enforce_private_link_security_groups"] and not parameters["security_groups"]:
        found.append("enforce_private_link_security_groups: there are no rules to enforce without security_groups")
    return found


def _update_problems(present, parameters):
    """Return the differences that AWS has no call for."""
    name = present["name"]
    anew = "that cannot be changed; make a load balancer of another name, and delete this one"
    found = []
    if parameters["scheme"] != present["scheme"]:
        found.append(f"scheme: '{name}' is {present['scheme']}, and {parameters['scheme']} is wanted: {anew}")
    zones = {zone["subnet_id"]: zone for zone in present["availability_zones"]}
    if parameters["subnet_mappings"] is not None:
        wanted = {mapping["subnet_id"]: mapping["private_ipv4_address"] for mapping in parameters["subnet_mappings"]}
        for subnet in sorted(set(zones) - set(wanted)):
            found.append(f"subnet_mappings: '{name}' is in {subnet}, which is not listed: {anew}, or list it")
        for subnet, address in wanted.items():
            if address and subnet in zones and address not in zones[subnet]["addresses"]:
                actual = ", ".join(zones[subnet]["addresses"]) or "an address that AWS chose"
                found.append(f"subnet_mappings: '{name}' has {actual} in {subnet}, and {address} is wanted: {anew}")
    found += _foreign_listener_problems(present, parameters["listeners"] or [])
    if parameters["security_groups"] and not present["security_groups"]:
        found.append(
            f"security_groups: '{name}' was made without any, and AWS never adds the first one to a network load "
            f"balancer: {anew}"
        )
    if parameters["security_groups"] == [] and present["security_groups"]:
        found.append(f"security_groups: '{name}' has some, and AWS does not take away the last one; name at least one")
    if parameters["enforce_private_link_security_groups"] and not present["security_groups"]:
        found.append(f"enforce_private_link_security_groups: '{name}' has no security groups that could be enforced")
    return found


def _foreign_listener_problems(present, listeners):
    """Return which listeners shall be absent, and lead to something else than their target group."""
    there = {listener["port"]: listener for listener in present["listeners"]}
    found = []
    for listener in listeners:
        group = listener["target_group_arn"]
        if listener["state"] == "present" or not group or listener["port"] not in there:
            continue
        actual = there[listener["port"]]
        if actual["target_group_arn"] != group:
            leads = actual["target_group_arn"] or "several target groups, or none"
            found.append(
                f"listeners: port {listener['port']}: {actual['arn']} leads to {leads}, not to {group}, and so is somebody "
                "else's; leave the port out"
            )
    return found


def _expected(present, parameters, subnets):
    after = deepcopy(present) or dict(
        arn=None,
        name=parameters["name"],
        dns_name=None,
        canonical_hosted_zone_id=None,
        scheme=parameters["scheme"],
        state=None,
        vpc_id=next((subnet["VpcId"] for subnet in subnets.values()), None),
        security_groups=[],
        enforce_private_link_security_groups=parameters["enforce_private_link_security_groups"],
        availability_zones=[],
        attributes={},
        listeners=[],
        tags={},
    )
    if parameters["security_groups"] is not None:
        after["security_groups"] = sorted(set(parameters["security_groups"]))
    # What AWS does not tell is not known to differ: no change is reported (but see _security_group_step).
    enforce = parameters["enforce_private_link_security_groups"]
    if enforce is not None and after["enforce_private_link_security_groups"] is not None:
        after["enforce_private_link_security_groups"] = enforce
    known = {zone["subnet_id"] for zone in after["availability_zones"]}
    for mapping in parameters["subnet_mappings"] or []:
        if mapping["subnet_id"] not in known:
            address = mapping["private_ipv4_address"]
            after["availability_zones"].append(
                dict(
                    zone_name=subnets.get(mapping["subnet_id"], {}).get("AvailabilityZone"),
                    subnet_id=mapping["subnet_id"],
                    addresses=[address] if address else [],
                )
            )
    after["availability_zones"].sort(key=lambda zone: zone["subnet_id"])
    after["attributes"].update(attribute_values(parameters["attributes"]))
    if parameters["listeners"] is not None:
        after["listeners"] = _expected_listeners(after["listeners"], parameters)
    after["tags"] = tags_after(after["tags"], parameters["tags"], parameters["purge_tags"])
    return after


def _expected_listeners(present, parameters):
    by_port = {listener["port"]: listener for listener in present}
    listed = {listener["port"] for listener in parameters["listeners"]}
    after = [] if parameters["purge_listeners"] else [entry for entry in present if entry["port"] not in listed]
    for wanted in parameters["listeners"]:
        if wanted["state"] == "absent":
            continue
        before = by_port.get(wanted["port"], dict(arn=None, attributes={}))
        after.append(
            dict(
                arn=before["arn"],
                port=wanted["port"],
                protocol=wanted["protocol"],
                target_group_arn=wanted["target_group_arn"],
                attributes=dict(before["attributes"], **attribute_values(wanted["attributes"])),
            )
        )
    return sorted(after, key=lambda listener: listener["port"])


def _steps(present, after, parameters):
    """Return what makes the one that is there the one that is wanted."""
    before = {listener["port"]: listener for listener in present["listeners"]}
    wanted = {listener["port"]: listener for listener in after["listeners"]}
    common = [port for port in wanted if port in before]
    return dict(
        subnet_mappings=_subnet_step(present, after),
        security_groups=_security_group_step(present, after, parameters),
        attributes=differing(present["attributes"], after["attributes"]),
        tags=differing(present["tags"], after["tags"]),
        remove_tags=tags_to_remove(present["tags"], after["tags"]),
        create_listeners=[wanted[port] for port in wanted if port not in before],
        modify_listeners=[wanted[port] for port in common if _routes(wanted[port]) != _routes(before[port])],
        delete_listeners=[before[port] for port in before if port not in wanted],
        listener_attributes={
            before[port]["arn"]: differing(before[port]["attributes"], wanted[port]["attributes"])
            for port in common
            if before[port]["attributes"] != wanted[port]["attributes"]
        },
    )


def _routes(listener):
    return listener["protocol"], listener["target_group_arn"]


def _subnet_step(present, after):
    """Return all mappings, the present ones as they are: AWS wants them repeated."""
    if present["availability_zones"] == after["availability_zones"]:
        return None
    return [
        dict(subnet_id=zone["subnet_id"], private_ipv4_address=next(iter(zone["addresses"]), None))
        for zone in after["availability_zones"]
    ]


def _security_group_step(present, after, parameters):
    """Return the groups and whether they are enforced (None: leave that alone); None where there is nothing to set."""
    enforce = parameters["enforce_private_link_security_groups"]
    told = present["enforce_private_link_security_groups"]
    # AWS tells whether it enforces. Where it does not (a stand-in of AWS), the wish is stated on every run, so that it
    # holds, and is no change, so that the second run is unchanged.
    if present["security_groups"] == after["security_groups"] and (enforce is None or enforce == told):
        return None
    if not after["security_groups"]:
        return None
    return dict(groups=after["security_groups"], enforce=enforce)
