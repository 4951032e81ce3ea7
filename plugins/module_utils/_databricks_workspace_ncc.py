# Copyright (c) 2026 The lakehouse.onprem_tunnel authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A workspace's NCC: the account's API for it, and what is decided about it without it."""

from __future__ import annotations

import difflib
import re

from ._databricks import Problem, quoted, seconds_problems
from ._databricks_ncc import MOST_WORKSPACES
from ._databricks_ncc import problems as ncc_problems

ID = re.compile("[0-9]+")
KEYS = ("workspace_id", "workspace_name", "aws_region", "workspace_status", "network_connectivity_config_id")
FAILED = ("FAILED", "BANNED", "CANCELLING", "CANCELLED")
MOST_NAMED = 10


def problems(params):
    """Return what is wrong with the options."""
    wrong = ncc_problems(params)
    workspace_id = params["workspace_id"]
    if workspace_id is not None and not ID.fullmatch(workspace_id):
        wrong.append(
            f"workspace_id: '{workspace_id}' is no workspace's id; write the number after ?o= in the workspace's URL, "
            "or give workspace_name"
        )
    return wrong + seconds_problems(params, wait_timeout=0)


class Workspaces:
    """The workspaces of an account."""

    def __init__(self, account):
        self.account = account

    def all(self):
        return [to_result(item) for item in self.account.get_list("/workspaces")]

    def get(self, workspace_id):
        return to_result(self.account.get(path(workspace_id)))

    def attach(self, workspace_id, ncc_id):
        """Attach an NCC. The answer may be empty."""
        self.account.patch(
            path(workspace_id),
            dict(network_connectivity_config_id=ncc_id),
            update_mask="network_connectivity_config_id",
        )


def attached_to(workspaces, ncc_id):
    """Return those of the workspaces that have the NCC."""
    return [one for one in workspaces if one["network_connectivity_config_id"] == ncc_id]


def path(workspace_id):
    return f"/workspaces/{quoted(workspace_id)}"


def to_result(item):
    workspace = {key: item.get(key) for key in KEYS}
    workspace["workspace_id"] = str(workspace["workspace_id"])
    return workspace


def choose(workspaces, workspace_id, workspace_name):
    """Return the workspace that is meant."""
    key, wanted = ("workspace_id", workspace_id) if workspace_id else ("workspace_name", workspace_name)
    found = [one for one in workspaces if one[key] == wanted]
    if len(found) == 1:
        return found[0]
    if found:
        raise Problem(
            f"Several workspaces have the name '{workspace_name}': {named(found)}",
            hint="give the workspace_id of the one that is meant",
        )
    near = difflib.get_close_matches(wanted, [one[key] or "" for one in workspaces], n=3)
    shown = [one for one in workspaces if one[key] in near] or workspaces[:MOST_NAMED]
    raise Problem(
        f"There is no workspace {wanted} in this account",
        hint=f"did you mean {named(shown)}?" if shown else "the account has none that the service principal sees",
    )


def named(workspaces):
    return ", ".join(f"{one['workspace_name']} ({one['workspace_id']})" for one in workspaces)


def reconcile(workspace, ncc, nccs, attached, force):
    """Return the workspace as it is to be.

    nccs: all that there are. attached: the workspaces that have the NCC.
    """
    ncc_id = ncc["network_connectivity_config_id"]
    present = workspace["network_connectivity_config_id"]
    if present == ncc_id:
        return workspace
    who = f"The workspace {named([workspace])}"
    if workspace["aws_region"] != ncc["region"]:
        raise Problem(
            f"{who} is in {workspace['aws_region']}, and the NCC '{ncc['name']}' in {ncc['region']}",
            hint="attach an NCC of the workspace's region",
        )
    if present and not force:
        names = [f"'{one['name']}'" for one in nccs if one["network_connectivity_config_id"] == present]
        raise Problem(
            f"{who} has the NCC {', '.join(names)} ({present}), which would be replaced",
            hint="its serverless compute would lose what that NCC's rules lead to; if this is meant, set force: true",
        )
    if len(attached) >= MOST_WORKSPACES:
        raise Problem(
            f"The NCC '{ncc['name']}' is attached to {len(attached)} workspaces, and one can be to {MOST_WORKSPACES}",
            hint="make another NCC in the region, with a rule of its own",
        )
    return dict(workspace, network_connectivity_config_id=ncc_id)


def failure(workspace):
    """Return what is wrong with a workspace that will not run, or None."""
    if workspace["workspace_status"] not in FAILED:
        return None
    return Problem(
        f"The workspace {named([workspace])} is {workspace['workspace_status']}",
        hint="look at it in the account console",
    )
