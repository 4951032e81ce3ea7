# Copyright (c) 2026 The lakehouse.onprem_tunnel authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the module aws_nlb_targets decides, apart from AWS: registered and wanted targets in, those to register and to
deregister out."""

from __future__ import annotations

# Deregistered, and kept until its connections have ended. "unhealthy.draining" is another thing: still registered.
LEAVING = "draining"


def parameter_problems(parameters, check_mode):
    """Return what is wrong with the parameters by themselves."""
    found = []
    arns = [group["arn"] for group in parameters["target_groups"]]
    for arn in sorted({arn for arn in arns if arn and arns.count(arn) > 1}):
        found.append(f"target_groups: {arn} occurs more than once; list all its targets in one place")
    for group in parameters["target_groups"]:
        # In a check the group may be one that an earlier task would have made.
        if not group["arn"] and not check_mode:
            found.append("target_groups: arn is missing")
        for target in group["targets"]:
            if target["port"] is not None and not 1 <= target["port"] <= 65535:
                found.append(f"target_groups: {target['id']} has port {target['port']}; write one from 1 to 65535")
    return found


def group_name(arn):
    return arn.split(":targetgroup/", 1)[1].split("/")[0] if ":targetgroup/" in arn else arn


def from_api(descriptions):
    """Return what DescribeTargetHealth tells as a list of targets."""
    return sorted(
        (
            dict(
                id=entry["Target"]["Id"],
                port=entry["Target"].get("Port"),
                state=entry["TargetHealth"]["State"],
                reason=entry["TargetHealth"].get("Reason"),
                description=entry["TargetHealth"].get("Description"),
            )
            for entry in descriptions
        ),
        key=key,
    )


def key(target):
    """Return what tells targets of one group apart. A target without a port is registered with the group's."""
    return target["id"], target["port"] or 0


def with_ports(targets, group_port):
    """Return the listed targets with their effective port, each once."""
    listed = {}
    for target in targets:
        effective = dict(target, port=target["port"] or group_port)
        listed.setdefault(key(effective), effective)
    return list(listed.values())


def reconcile(present, wanted, state, purge):
    """Return the targets of one group to register and those to deregister.

    present: as from_api gives them. wanted: listed ones, with ports.
    """
    registered = {key(target): target for target in present if target["state"] != LEAVING}
    listed = {key(target): target for target in wanted}
    if state == "absent":
        return [], [target for name, target in registered.items() if name in listed]
    register = [target for name, target in listed.items() if name not in registered]
    deregister = [target for name, target in registered.items() if purge and name not in listed]
    return register, deregister


def unfinished(present, wanted, state, purge):
    """Return the targets of one group that are not as they shall be in the end."""
    listed = {key(target) for target in wanted}
    by_key = {key(target): target for target in present}
    missing = dict(state="unused", reason="Target.NotRegistered", description="Target is not registered")
    waiting = []
    if state == "present":
        waiting += [
            target
            for target in (by_key.get(name, dict(missing, id=name[0], port=name[1])) for name in sorted(listed))
            if target["state"] != "healthy"
        ]
    for name, target in by_key.items():
        if name in listed if state == "absent" else purge and name not in listed:
            waiting.append(target)
    return waiting


def describe(target, arn):
    """Return one target's state as a sentence of a failure."""
    details = [target[field] for field in ("reason", "description") if target[field]]
    text = f"{target['id']}:{target['port']} of {group_name(arn)} is {target['state']}"
    return f"{text} ({': '.join(details)})" if details else text


def names(targets):
    """Return the targets that are registered, for the diff."""
    return [f"{target['id']}:{target['port']}" for target in sorted(targets, key=key)]


def registered_after(present, register, deregister):
    """Return the targets that are registered when all is done."""
    gone = {key(target) for target in deregister}
    kept = [target for target in present if target["state"] != LEAVING and key(target) not in gone]
    return kept + register
