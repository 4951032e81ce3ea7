# Copyright (c) 2026 The lakehouse.onprem_tunnel authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Connections of Lakehouse Federation: the workspace's API for them, and what is decided about them apart from it.

Databricks never returns credentials: what is wanted is kept in two parts, options that it shows and hidden ones.
"""

from __future__ import annotations

import re

from ._databricks import Problem, quoted
from ._databricks_foreign_catalog import ForeignCatalogs
from ._databricks_unity_catalog import (
    ROOT,
    as_stored,
    full_name_problems,
    immutable_problem,
    make_anew,
    map_problems,
    name_problems,
    needs,
    to_strings,
)

PATH = f"{ROOT}/connections"
FIELDS = (
    "name",
    "connection_id",
    "connection_type",
    "options",
    "secrets",
    "comment",
    "properties",
    "read_only",
    "owner",
    "url",
    "credential_type",
    "created_at",
    "updated_at",
    "metastore_id",
)
IMMUTABLE = ("connection_type", "comment", "properties", "read_only")
# Options that hold a secret, by the end of their names: password, client_secret, personalAccessToken, OAuthPvtKey …
SECRET_OPTION = re.compile(
    r"(password|passphrase|secret|token|access_?key|private_?key|pvtkey|key_?json)$", re.IGNORECASE
)
NOT_RETURNED = {"user"}  # an option that is no secret, and that Databricks returns as little as one
LOST = "its owner and its grants are lost"


def problems(params):
    """Return what is wrong with the module's parameters."""
    wrong = name_problems("name", params["name"])
    if params["state"] == "absent":
        return wrong
    wrong += [
        f"{field}: is empty; write the connection's" for field in ("connection_type", "options") if not params[field]
    ]
    if (params["connection_type"] or "").upper() == "MARIADB":
        wrong.append("connection_type: Databricks has no MARIADB; write MYSQL")
    if params["password"] == "":
        wrong.append("password: is empty; write the password, or leave it out")
    for field in ("options", "secret_options", "secrets", "properties"):
        wrong += map_problems(field, params[field])
    wrong += [
        f"options.{key}: does not belong in options, which are shown; write it in "
        + ("password" if key == "password" else "secret_options")
        for key in misplaced_secrets(params)
    ]
    for key, reference in to_strings(params["secrets"]).items():
        if reference:
            wrong += full_name_problems(f"secrets.{key}", reference, "catalog.schema.secret")
    places = {field: set(params[field] or {}) for field in ("options", "secret_options", "secrets")}
    places["password"] = set() if params["password"] is None else {"password"}
    for key in sorted(set().union(*places.values())):
        given = [field for field, keys in places.items() if key in keys]
        if len(given) > 1:
            wrong.append(f"{key}: is given in {' and in '.join(given)}; write it in one of them")
    return wrong


def misplaced_secrets(params):
    """Return the options that look like secrets and are not given as such, with their values."""
    return {str(key): value for key, value in (params["options"] or {}).items() if SECRET_OPTION.search(str(key))}


class Connections:
    """The connections of a metastore."""

    def __init__(self, workspace):
        self.workspace = workspace

    def all(self):
        return [to_result(item) for item in self.workspace.pages(PATH, "connections", max_results=0)]

    def get(self, name):
        with needs("USE CONNECTION on the connection, or to own it"):
            found = self._find(name)
        return to_result(found) if found else None

    def _find(self, name):
        return self.workspace.find(f"{PATH}/{quoted(name)}")

    def create(self, wanted):
        body = {key: wanted[key] for key in ("name", *IMMUTABLE) if wanted[key] is not None}
        body["options"] = {**wanted["options"], **wanted["hidden"]}
        if wanted["secrets"]:
            body["secrets"] = wanted["secrets"]
        with needs("CREATE CONNECTION on the metastore"):
            made = to_result(self.workspace.create(PATH, body, lambda: self._find(wanted["name"])))
        # The owner cannot be given when a connection is made.
        if wanted["owner"] not in (None, made["owner"]):
            made = self.update(made["name"], dict(owner=wanted["owner"]))
        return made

    def update(self, name, body):
        with needs("MANAGE on the connection, or to own it"):
            return to_result(self.workspace.patch(f"{PATH}/{quoted(name)}", body))

    def delete(self, name):
        with needs("MANAGE on the connection, or to own it"):
            self.workspace.delete(f"{PATH}/{quoted(name)}")

    def make_anew(self, wanted):
        name = wanted["name"]
        return make_anew(f"The connection '{name}'", lambda: self.delete(name), lambda: self.create(wanted))

    def must_be_unused(self, name):
        """Fail if foreign catalogs use the connection."""
        catalogs = ForeignCatalogs(self.workspace).all()
        using = sorted(one["name"] for one in catalogs if as_stored(one["connection_name"] or "") == name)
        if using:
            raise Problem(
                f"The connection '{name}' is used by the foreign catalogs {', '.join(using)}, "
                "and is not deleted while it is",
                hint="delete them first, with databricks_foreign_catalog and state: absent",
            )


def to_result(item):
    """Return a connection as the modules return it, without a secret even if Databricks should return one."""
    result = {field: item.get(field) for field in FIELDS}
    for field in ("options", "secrets", "properties"):
        result[field] = dict(result[field] or {})
    result["options"] = {key: value for key, value in result["options"].items() if not SECRET_OPTION.search(key)}
    return result


def to_wanted(params):
    """Return the connection that the module's parameters describe; None is what they leave open."""
    hidden = to_strings(params["secret_options"])
    if params["password"] is not None:
        hidden["password"] = params["password"]
    secrets = params["secrets"]
    return dict(
        name=as_stored(params["name"]),
        connection_type=params["connection_type"].upper(),
        options=to_strings(params["options"]),
        hidden=hidden,
        secrets=None if secrets is None else {key: as_stored(value) for key, value in to_strings(secrets).items()},
        comment=params["comment"],
        properties=None if params["properties"] is None else to_strings(params["properties"]),
        read_only=params["read_only"],
        owner=params["owner"],
    )


def reconcile(existing, wanted, send_secrets=False, recreate=False):
    """Return what is to be done, as (action, body, after).

    action: create, recreate, update or None. body: of the update, else empty. after: the connection as it will be.
    send_secrets: whether to send the hidden options although nothing that can be seen differs.
    """
    if existing is None:
        return "create", {}, as_made(wanted)
    immutable = immutable_differences(existing, wanted)
    if immutable and not recreate:
        raise immutable_problem(f"The connection '{wanted['name']}'", immutable, LOST)
    secrets = secrets_after(existing, wanted)
    sends_options = (
        differing_options(existing, wanted)
        or secrets != existing["secrets"]
        or (send_secrets and bool(wanted["hidden"]))
    )
    if immutable or sends_options:
        must_know_a_secret(wanted, secrets)
    if immutable:
        return "recreate", {}, as_made(wanted)
    body, after = {}, dict(existing)
    if sends_options:
        body["options"] = {**wanted["options"], **wanted["hidden"]}
        after["options"] = options_after(existing, wanted)
        if secrets or existing["secrets"]:
            body["secrets"] = after["secrets"] = secrets
    if wanted["owner"] not in (None, existing["owner"]):
        body["owner"] = after["owner"] = wanted["owner"]
    return ("update" if body else None), body, after


def sends_secrets(wanted, action, body):
    """Whether what is to be done sends the hidden options."""
    return bool(wanted["hidden"]) and (action in ("create", "recreate") or "options" in body)


def immutable_differences(existing, wanted):
    """Return (field, before, after) of what differs and cannot be changed."""
    return [
        (field, existing[field], wanted[field])
        for field in IMMUTABLE
        if wanted[field] is not None and differs(existing[field], wanted[field])
    ]


def differs(before, after):
    """Whether a field differs; of a map, the keys that are asked for count."""
    if isinstance(after, dict):
        return any(before.get(key) != value for key, value in after.items())
    return (before or None) != (after or None)


def differing_options(existing, wanted):
    """Return the options that Databricks returns with another value."""
    return [key for key, value in wanted["options"].items() if existing["options"].get(key, value) != value]


def unseen_options(existing, wanted):
    """Return the options of which it is not known whether they are set, as Databricks does not return them."""
    return sorted(set(wanted["options"]) - set(existing["options"]) - NOT_RETURNED)


def secrets_after(existing, wanted):
    """Return the references to secrets of Unity Catalog: those given, or else those there that nothing replaces."""
    if wanted["secrets"] is not None:
        return wanted["secrets"]
    given = {**wanted["options"], **wanted["hidden"]}
    return {key: value for key, value in existing["secrets"].items() if key not in given}


def must_know_a_secret(wanted, secrets):
    """Fail where the options would be sent without any secret.

    Unconfirmed: an update may drop the options that it does not send, and the password with them.
    """
    if not wanted["hidden"] and not secrets:
        raise Problem(
            f"The connection '{wanted['name']}' has to be changed, and its password is not given",
            hint="give password (or secret_options, or secrets): Databricks does not return it, and takes all options "
            "at once",
        )


def options_after(existing, wanted):
    """Return the options that Databricks will show after an update.

    Unconfirmed: an update replaces all options, so those that are not given vanish.
    """
    return {key: value for key, value in wanted["options"].items() if key in existing["options"]}


def as_made(wanted):
    """Return a connection as it will be when it has been made; null is what Databricks chooses."""
    shown = {key: value for key, value in wanted.items() if key in FIELDS}
    shown["options"] = {key: value for key, value in wanted["options"].items() if key not in NOT_RETURNED}
    return to_result(shown)
