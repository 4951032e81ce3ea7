# Copyright (c) 2026 The lakehouse.onprem_tunnel authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the objects of Unity Catalog have in common: names, maps of strings, the privileges that calls need."""

from __future__ import annotations

import re
from contextlib import contextmanager

from ._databricks import Problem

ROOT = "/api/2.1/unity-catalog"
LONGEST_NAME = 255
NOT_IN_A_NAME = re.compile(r"[./\x00-\x20\x7f]")


def name_problems(field, name):
    """Return what is wrong with the name of one object, without those that it is in."""
    if not name:
        return [f"{field}: is empty; write a name"]
    if len(name) > LONGEST_NAME:
        return [f"{field}: has {len(name)} characters; write at most {LONGEST_NAME}"]
    if NOT_IN_A_NAME.search(name):
        return [
            f"{field}: '{name}' is no name in Unity Catalog; write it without '.', '/', spaces and control characters"
        ]
    return []


def full_name_problems(field, name, levels):
    """Return what is wrong with a name of several levels, such as catalog.schema.secret."""
    parts = name.split(".")
    if len(parts) != levels.count(".") + 1 or any(name_problems(field, part) for part in parts):
        return [f"{field}: '{name}' is not such a name; write {levels}"]
    return []


def as_stored(name):
    """Return a name as Unity Catalog keeps it, which knows lower case only."""
    return name.lower()


def map_problems(field, values):
    """Return what is wrong with a dict that becomes a map of strings."""
    wrong = []
    for key, value in (values or {}).items():
        if value is None or value == "":
            wrong.append(f"{field}.{key}: is empty; write a value, or leave the key out")
        elif not isinstance(value, (str, bool, int, float)):
            wrong.append(f"{field}.{key}: is a {type(value).__name__}; write a string, number or boolean")
    return wrong


def to_strings(values):
    """Return a dict as the API takes it, whose values are strings."""
    return {str(key): _to_string(value) for key, value in (values or {}).items()}


def _to_string(value):
    return str(value).lower() if isinstance(value, bool) else str(value)


@contextmanager
def needs(privilege):
    """Where Databricks refuses a call within, say which privilege it needs."""
    try:
        yield
    except Problem as problem:
        if problem.status == 403:
            problem.hint = f"the service principal needs {privilege}, and has to be a member of this workspace"
        raise


def immutable_problem(what, differences, consequences):
    """Return the problem of fields that can only be changed by making the object anew.

    differences: a list of (field, before, after)
    """
    fields = "; ".join(f"{field} is {before!r}, and {after!r} is asked for" for field, before, after in differences)
    return Problem(
        f"{what} differs in what Databricks cannot change: {fields}",
        hint=f"correct the task; or recreate: true deletes it and makes it anew, and then {consequences}",
    )


def make_anew(what, delete, create):
    """Delete an object and make it again. That it is gone is said where it cannot be made."""
    delete()
    try:
        return create()
    except Problem as problem:
        problem.args = (f"{what} has been deleted, and could not be made anew: {problem}",)
        raise
