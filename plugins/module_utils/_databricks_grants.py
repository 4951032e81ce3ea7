# Copyright (c) 2026 The lakehouse.onprem_tunnel authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Grants in Unity Catalog: the workspace's API for them, and what is decided about them apart from it."""

from __future__ import annotations

import re

from ._databricks import Problem, quoted
from ._databricks_unity_catalog import ROOT, as_stored, full_name_problems, needs

PATH = f"{ROOT}/permissions"
ALL = "ALL_PRIVILEGES"
# What ALL PRIVILEGES does not include, as Databricks documents it.
NOT_IN_ALL = {"MANAGE", "EXTERNAL_USE_LOCATION", "EXTERNAL_USE_SCHEMA"}
PRIVILEGE = re.compile(r"[A-Z]+(_[A-Z]+)*")
# How the full name of each kind is written.
LEVELS = {
    "catalog": "catalog",
    "connection": "connection",
    "function": "catalog.schema.function",
    "metastore": "the metastore's id",
    "schema": "catalog.schema",
    "table": "catalog.schema.table",
    "volume": "catalog.schema.volume",
}


def problems(params):
    """Return what is wrong with the module's parameters."""
    wrong = full_name_problems("name", params["name"] or "", LEVELS[params["securable_type"]])
    if not (params["principal"] or "").strip():
        wrong.append(
            "principal: is empty; write a user's address, a group's name or a service principal's application id"
        )
    if not params["privileges"] and (params["state"] == "present" or params["privileges"] is not None):
        wrong.append(
            "privileges: is empty; write at least one"
            + ("" if params["state"] == "present" else ", or leave it out to remove all that the principal has")
        )
    if params["exclusive"] and params["state"] == "absent":
        wrong.append("exclusive: is for state: present; with state: absent leave privileges out to remove all")
    for privilege in params["privileges"] or []:
        spelled = as_privilege(privilege)
        if spelled == "ALL":
            wrong.append(f"privileges: '{privilege}' is no privilege; write {ALL}")
        elif not PRIVILEGE.fullmatch(spelled):
            wrong.append(f"privileges: '{privilege}' is no privilege; write one as USE_CONNECTION or USE CONNECTION")
    return wrong


def as_privilege(text):
    """Return a privilege as the API spells it, which in SQL is written with spaces."""
    return "_".join(text.upper().replace("_", " ").split())


class Grants:
    """What is granted on one object itself, and not on what it is in."""

    def __init__(self, workspace, securable_type, name):
        self.workspace = workspace
        self.what = f"{securable_type} '{name}'"
        self.path = f"{PATH}/{securable_type}/{quoted(as_stored(name))}"

    def of(self, principal):
        """Return the principal's privileges, sorted; None if there is no such object."""
        with needs(f"MANAGE on the {self.what}, or to own it"):
            try:
                assignments = self.workspace.pages(self.path, "privilege_assignments", max_results=0)
            except Problem as problem:
                if problem.is_absence():
                    return None
                raise
        return privileges_of(assignments, principal)

    def change(self, principal, add, remove):
        """Change the principal's privileges, and return them."""
        change = dict(principal=principal)
        if add:
            change["add"] = add
        if remove:
            change["remove"] = remove
        with needs(f"MANAGE on the {self.what}, or to own it"):
            answer = self.workspace.patch(self.path, dict(changes=[change]))
        return privileges_of(answer.get("privilege_assignments") or [], principal)


def privileges_of(assignments, principal):
    return sorted(
        {
            as_privilege(privilege)
            for assignment in assignments
            if assignment.get("principal") == principal
            for privilege in assignment.get("privileges") or []
        }
    )


def covers(held, privilege):
    """Whether the privileges give one: ALL PRIVILEGES gives most of the others."""
    return privilege in held or (ALL in held and privilege not in NOT_IN_ALL)


def to_add_and_remove(held, privileges, state, exclusive=False):
    """Return the privileges to add and those to remove, each sorted.

    privileges: None for all that the principal has.
    """
    if state == "absent":
        gone = set(held) if privileges is None else set(privileges)
        left = set(held) - gone
        remain = sorted(privilege for privilege in gone if covers(left, privilege))
        if remain:
            raise Problem(
                f"The principal has {ALL}, and with it {', '.join(remain)}, which cannot be taken out of it",
                hint=f"remove {ALL}, and grant what the principal is to keep",
            )
        return [], sorted(gone & set(held))
    wanted = set(privileges)
    kept = {privilege for privilege in held if not exclusive or covers(wanted, privilege)}
    everything = {ALL} & wanted
    add = {privilege for privilege in wanted if not covers(kept | everything, privilege)} | everything - kept
    return sorted(add), sorted(set(held) - kept)
