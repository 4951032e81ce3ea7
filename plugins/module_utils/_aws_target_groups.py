# Copyright (c) 2026 The lakehouse.onprem_tunnel authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the module aws_nlb_target_groups decides, apart from AWS: the target groups that are there and those that are
wanted in, problems and what is to be done out.

A target group is a dict as the module returns it."""

from __future__ import annotations

import re
from copy import deepcopy

from ._aws_elbv2 import attribute_problems, attribute_values
from ._aws_tags import differing, mark_problems, missing_marks, tag_problems, tags_after, tags_to_remove

NAME = re.compile(r"^[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?$")
MAX_NAME = 32
# A listener of a network load balancer is the only thing that can use a group of these protocols.
NETWORK_PROTOCOLS = ("TCP", "UDP", "TCP_UDP", "TLS", "QUIC", "TCP_QUIC")
IMMUTABLE = ("port", "protocol", "vpc_id", "target_type")
WEB = ("HTTP", "HTTPS")
# What AWS allows of a health check.
LIMITS = dict(interval=(5, 300), timeout=(2, 120), healthy_threshold=(2, 10), unhealthy_threshold=(2, 10))


def parameter_problems(parameters):
    """Return what is wrong with the parameters by themselves."""
    found = []
    names = [group["name"] for group in parameters["target_groups"]]
    for name in sorted({name for name in names if names.count(name) > 1}):
        found.append(f"target_groups: the name '{name}' occurs more than once; give each group its own")
    for group in parameters["target_groups"]:
        found += _group_problems(group, parameters["state"])
    if parameters["purge_tagged"] == {}:
        found.append("purge_tagged: it is empty, and so would mean every target group; name at least one tag")
    for option in ("purge_tagged", "owner_tags"):
        found += tag_problems(option, parameters[option])
    return found


def _group_problems(group, state):
    name = group["name"]
    place = f"target_groups: '{name}'"
    found = []
    if len(name) > MAX_NAME:
        found.append(f"{place} has {len(name)} characters; AWS allows {MAX_NAME}")
    if not NAME.match(name):
        found.append(f"{place} may hold letters, digits and hyphens, and a hyphen is neither first nor last")
    if group["port"] is None and state == "present":
        found.append(f"{place}: port is missing")
    if group["port"] is not None and not 1 <= group["port"] <= 65535:
        found.append(f"{place}: port is {group['port']}; write one from 1 to 65535")
    found += attribute_problems(place, group["attributes"])
    if group["health_check"]:
        found += _health_check_problems(f"{place}: health_check", group["health_check"])
    return found


def _health_check_problems(place, check):
    found = []
    for field, (least, most) in LIMITS.items():
        if not least <= check[field] <= most:
            found.append(f"{place}: {field} is {check[field]}; AWS allows {least} to {most}")
    if check["timeout"] > check["interval"]:
        found.append(
            f"{place}: timeout {check['timeout']} is longer than interval {check['interval']}; make it shorter"
        )
    if check["port"] is not None and not 1 <= check["port"] <= 65535:
        found.append(f"{place}: port is {check['port']}; write one from 1 to 65535")
    if check["path"] is not None and not check["path"].startswith("/"):
        found.append(f"{place}: path '{check['path']}' does not start with a slash")
    if check["path"] is not None and check["protocol"] not in WEB:
        found.append(f"{place}: a check of protocol {check['protocol']} has no path; leave it out")
    return found


def from_api(found, attributes, tags):
    """Return a target group of the API as the module does."""
    return dict(
        name=found["TargetGroupName"],
        arn=found["TargetGroupArn"],
        port=found.get("Port"),
        protocol=found.get("Protocol"),
        vpc_id=found.get("VpcId"),
        target_type=found["TargetType"],
        health_check=dict(
            protocol=found.get("HealthCheckProtocol"),
            port=found.get("HealthCheckPort"),
            path=found.get("HealthCheckPath"),
            interval=found.get("HealthCheckIntervalSeconds"),
            timeout=found.get("HealthCheckTimeoutSeconds"),
            healthy_threshold=found.get("HealthyThresholdCount"),
            unhealthy_threshold=found.get("UnhealthyThresholdCount"),
            matcher=found.get("Matcher", {}).get("HttpCode"),
        ),
        attributes=attributes,
        tags=tags,
        load_balancer_arns=sorted(set(found.get("LoadBalancerArns", []))),
    )


HEALTH_CHECK_KEYS = dict(
    protocol="HealthCheckProtocol",
    port="HealthCheckPort",
    path="HealthCheckPath",
    interval="HealthCheckIntervalSeconds",
    timeout="HealthCheckTimeoutSeconds",
    healthy_threshold="HealthyThresholdCount",
    unhealthy_threshold="UnhealthyThresholdCount",
)


def health_check_to_api(check):
    answer = {HEALTH_CHECK_KEYS[field]: value for field, value in check.items() if field != "matcher"}
    if "matcher" in check:
        answer["Matcher"] = {"HttpCode": check["matcher"]}
    return answer


def wanted_health_check(check):
    """Return what is wanted of a health check as the API has it, null for what its protocol does not know."""
    if check is None:
        return {}
    wanted = dict(check, port="traffic-port" if check["port"] is None else str(check["port"]))
    if check["protocol"] in WEB:
        return dict(wanted, path=check["path"] or "/")
    return dict(wanted, path=None, matcher=None)


def reconcile(present, parameters):
    """Return problems, the listed groups as they will be, what is to be done on each, and those to be deleted.

    present: name -> group, of all groups that can be meant. parameters: the module's.
    What is to be done: create (the whole group), or health_check, attributes, tags, remove_tags.
    """
    listed = [group["name"] for group in parameters["target_groups"]]
    doomed = [group for name, group in sorted(present.items()) if name not in listed and _is_purged(group, parameters)]
    if parameters["state"] == "absent":
        return [], [], {}, [present[name] for name in listed if name in present] + doomed
    problems, after, steps = [], [], {}
    for wanted in parameters["target_groups"]:
        before = present.get(wanted["name"])
        if before is None and not parameters["vpc_id"]:
            problems.append(f"vpc_id: the target group '{wanted['name']}' has to be made, and needs a VPC")
        if before is not None:
            problems += _immutable_problems(before, wanted, parameters)
        after.append(_expected(before, wanted, parameters))
        place = f"tags: the target group '{wanted['name']}'"
        problems += mark_problems(place, after[-1]["tags"], parameters["owner_tags"])
        steps[wanted["name"]] = _steps(before, after[-1])
    return problems, after, steps, doomed


def _is_purged(group, parameters):
    marks = parameters["purge_tagged"]
    return bool(marks) and not missing_marks(group["tags"], marks)


def _immutable_problems(before, wanted, parameters):
    asked = dict(wanted, vpc_id=parameters["vpc_id"] or before["vpc_id"], target_type=parameters["target_type"])
    return [
        f"target_groups: '{before['name']}' has {field} {before[field]}, and {asked[field]} is wanted; that cannot be "
        "changed, so give the new one another name"
        for field in IMMUTABLE
        if asked[field] != before[field]
    ]


def _expected(before, wanted, parameters):
    after = deepcopy(before) or dict(
        name=wanted["name"],
        arn=None,
        port=wanted["port"],
        protocol=wanted["protocol"],
        vpc_id=parameters["vpc_id"],
        target_type=parameters["target_type"],
        health_check={},
        attributes={},
        tags={},
        load_balancer_arns=[],
    )
    after["health_check"].update(wanted_health_check(wanted["health_check"]))
    after["attributes"].update(attribute_values(wanted["attributes"]))
    common, own = parameters["tags"], wanted["tags"]
    tags = None if common is None and own is None else dict(common or {}, **(own or {}))
    after["tags"] = tags_after(after["tags"], tags, parameters["purge_tags"])
    return after


def _steps(before, after):
    if before is None:
        return dict(create=True, health_check={}, attributes=after["attributes"], tags={}, remove_tags=[])
    check = differing(before["health_check"], after["health_check"])
    return dict(
        create=False,
        health_check={field: value for field, value in check.items() if value is not None},
        attributes=differing(before["attributes"], after["attributes"]),
        tags=differing(before["tags"], after["tags"]),
        remove_tags=tags_to_remove(before["tags"], after["tags"]),
    )
