# Copyright (c) 2026 The lakehouse.onprem_tunnel authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the module aws_vpc_endpoint_service decides, apart from AWS: what there is and what is wanted in, changes out."""

from __future__ import annotations

from ansible_collections.amazon.aws.plugins.module_utils.tagging import compare_aws_tags

from ._aws_tags import tag_problems

# While a connection is in one of these states, AWS does not let the service be deleted.
BLOCKING_STATES = ("pendingAcceptance", "pending", "available", "partial")


def problems(wanted):
    """Return what is wrong with the parameters beyond their types."""
    found = []
    balancers = wanted["network_load_balancer_arns"]
    if balancers is not None and not balancers:
        found.append("network_load_balancer_arns: a service needs at least one network load balancer")
    for arn in balancers or []:
        if ":loadbalancer/net/" not in arn:
            found.append(
                f"network_load_balancer_arns: '{arn}' is not a network load balancer's ARN, which reads "
                "arn:aws:elasticloadbalancing:<region>:<account>:loadbalancer/net/<name>/<id>"
            )
    for principal in wanted["allowed_principals"] or []:
        if principal != "*" and not principal.startswith("arn:"):
            found.append(
                f"allowed_principals: '{principal}' is not an ARN; for an account, write arn:aws:iam::<account>:root"
            )
    for option in ("owner_tags", "tags"):
        found += tag_problems(option, wanted[option])
    if wanted["name"] and (wanted["tags"] or {}).get("Name", wanted["name"]) != wanted["name"]:
        found.append(
            f"tags: Name is '{wanted['tags']['Name']}' and name is '{wanted['name']}'; they are the same tag, leave out one"
        )
    return found


def reconcile(existing, wanted):
    """Return (what is to be done, the service afterwards).

    existing: the service as the module returns it, or None. wanted: the module's parameters; None leaves things alone.
    """
    before = existing or dict(
        service_id=None,
        service_name=None,
        state=None,
        acceptance_required=None,
        network_load_balancer_arns=[],
        allowed_principals=[],
        availability_zones=[],
        base_endpoint_dns_names=[],
        tags={},
    )
    add_balancers, remove_balancers = difference(
        before["network_load_balancer_arns"], wanted["network_load_balancer_arns"], purge=True
    )
    add_principals, remove_principals = difference(
        before["allowed_principals"], wanted["allowed_principals"], wanted["purge_allowed_principals"]
    )
    set_tags, remove_tags = tag_changes(before["tags"], wanted)
    todo = dict(
        create=existing is None,
        acceptance=before["acceptance_required"] != wanted["acceptance_required"],
        add_balancers=add_balancers,
        remove_balancers=remove_balancers,
        add_principals=add_principals,
        remove_principals=remove_principals,
        set_tags=set_tags,
        remove_tags=remove_tags,
    )
    after = dict(
        before,
        acceptance_required=wanted["acceptance_required"],
        network_load_balancer_arns=changed_list(before["network_load_balancer_arns"], add_balancers, remove_balancers),
        allowed_principals=changed_list(before["allowed_principals"], add_principals, remove_principals),
        tags={**{key: value for key, value in before["tags"].items() if key not in remove_tags}, **set_tags},
    )
    return todo, after


def difference(present, wanted, purge):
    """Return (to add, to remove), both sorted."""
    if wanted is None:
        return [], []
    return sorted(set(wanted) - set(present)), sorted(set(present) - set(wanted)) if purge else []


def changed_list(present, added, removed):
    return sorted((set(present) | set(added)) - set(removed))


def tag_changes(present, wanted):
    """Return (tags to set, keys to remove). The tag Name, by which the service is found, is never removed."""
    tags = {key: str(value) for key, value in (wanted["tags"] or {}).items()}
    if wanted["name"]:
        tags["Name"] = wanted["name"]
    elif "Name" in present:
        tags.setdefault("Name", present["Name"])
    return compare_aws_tags(present, tags, purge_tags=wanted["purge_tags"] and wanted["tags"] is not None)


def blocking(connections):
    """Return the connections that keep AWS from deleting their service."""
    return [connection for connection in connections if connection["state"] in BLOCKING_STATES]
