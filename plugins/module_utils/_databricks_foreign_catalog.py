# Copyright (c) 2026 The lakehouse.onprem_tunnel authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Foreign catalogs: the workspace's API for them, and what is decided about them apart from it."""

from __future__ import annotations

from ._databricks import Problem, quoted
from ._databricks_unity_catalog import (
    ROOT,
    as_stored,
    immutable_problem,
    make_anew,
    map_problems,
    name_problems,
    needs,
    to_strings,
)

PATH = f"{ROOT}/catalogs"
KIND = "FOREIGN_CATALOG"
FIELDS = (
    "name",
    "catalog_type",
    "connection_name",
    "options",
    "comment",
    "properties",
    "owner",
    "isolation_mode",
    "created_at",
    "updated_at",
)
AT_CREATION = ("name", "connection_name", "options", "comment", "properties")  # the others are set by an update
CHANGEABLE = ("comment", "properties", "owner", "isolation_mode")
LOST = "its owner and its grants are lost, and so are those of all that is in it"


def problems(params):
    """Return what is wrong with the module's parameters."""
    wrong = name_problems("name", params["name"])
    if params["state"] == "absent":
        return wrong
    wrong += name_problems("connection_name", params["connection_name"])
    return wrong + map_problems("options", params["options"]) + map_problems("properties", params["properties"])


class ForeignCatalogs:
    """The foreign catalogs of a metastore. A catalog of another kind is somebody else's."""

    def __init__(self, workspace):
        self.workspace = workspace

    def all(self):
        found = self.workspace.pages(PATH, "catalogs", max_results=0, include_unbound="true")
        return [to_result(item) for item in found if item.get("catalog_type") == KIND]

    def get(self, name):
        with needs("USE CATALOG on the catalog, or to own it"):
            found = self._find(name)
        return to_result(found) if found else None

    def _find(self, name):
        found = self.workspace.find(f"{PATH}/{quoted(name)}")
        if found and found.get("catalog_type") != KIND:
            raise Problem(
                f"The catalog '{name}' is a {found.get('catalog_type')}, no {KIND}, and so is somebody else's",
                hint="choose another name",
            )
        return found

    def create(self, wanted):
        body = {field: wanted[field] for field in AT_CREATION if wanted[field]}
        with needs("CREATE CATALOG on the metastore and CREATE FOREIGN CATALOG on the connection"):
            made = to_result(self.workspace.create(PATH, body, lambda: self._find(wanted["name"])))
        rest = changes(made, wanted)
        return self.update(made["name"], rest) if rest else made

    def update(self, name, body):
        with needs("MANAGE on the catalog, or to own it"):
            return to_result(self.workspace.patch(f"{PATH}/{quoted(name)}", body))

    def delete(self, name, force):
        try:
            with needs("MANAGE on the catalog, or to own it"):
                self.workspace.delete(f"{PATH}/{quoted(name)}", **(dict(force="true") if force else {}))
        except Problem as problem:
            if problem.status in (400, 409) and not force:
                problem.hint = "if it is not empty, force: true deletes what is in it, too; the database keeps its data"
            raise

    def make_anew(self, wanted, force):
        name = wanted["name"]
        return make_anew(f"The catalog '{name}'", lambda: self.delete(name, force), lambda: self.create(wanted))


def to_result(item):
    """Return a foreign catalog as the module returns it."""
    result = {field: item.get(field) for field in FIELDS}
    for field in ("options", "properties"):
        result[field] = dict(result[field] or {})
    return result


def to_wanted(params):
    """Return the catalog that the module's parameters describe; None is what they leave open."""
    return dict(
        name=as_stored(params["name"]),
        connection_name=as_stored(params["connection_name"]),
        options=to_strings(params["options"]),
        comment=params["comment"],
        properties=to_strings(params["properties"]),
        owner=params["owner"],
        isolation_mode=params["isolation_mode"],
    )


def reconcile(existing, wanted, recreate=False):
    """Return what is to be done, as (action, body, after).

    action: create, recreate, update or None. body: of the update. after: the catalog as it will be.
    """
    if existing is None:
        return "create", None, as_made(wanted)
    immutable = immutable_differences(existing, wanted)
    if immutable and not recreate:
        raise immutable_problem(f"The catalog '{wanted['name']}'", immutable, LOST)
    if immutable:
        return "recreate", None, as_made(wanted)
    body = changes(existing, wanted)
    return ("update" if body else None), body, {**existing, **body}


def immutable_differences(existing, wanted):
    """Return (field, before, after) of what differs and cannot be changed.

    Unconfirmed: whether Databricks always returns the options of a catalog. If it returns none, they are not compared.
    """
    found = []
    if as_stored(existing["connection_name"] or "") != wanted["connection_name"]:
        found.append(("connection_name", existing["connection_name"], wanted["connection_name"]))
    if existing["options"]:
        found += [
            (f"options.{key}", existing["options"].get(key), value)
            for key, value in wanted["options"].items()
            if existing["options"].get(key) != value
        ]
    return found


def changes(existing, wanted):
    """Return the body of the update, with nothing that is as it should be: Databricks refuses some of it."""
    body = {}
    for field in CHANGEABLE:
        value = wanted[field]
        if field == "properties":
            value = {**existing["properties"], **value}  # those of others stay
        if value is not None and (value or None) != (existing[field] or None):
            body[field] = value
    return body


def as_made(wanted):
    """Return a catalog as it will be when it has been made; null is what Databricks chooses."""
    return to_result({**wanted, "catalog_type": KIND})
