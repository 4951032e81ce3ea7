"""Grants on connections, catalogs, schemas and tables."""

from __future__ import annotations

from flask import Flask, request

from ..api import body, no_query
from ..errors import invalid
from ..state.grants import PRIVILEGES, check
from ..strict import check_fields
from .caller import ROOT, Callers

PERMISSIONS = f"{ROOT}/permissions/<securable_type>/<full_name>"
SMALLEST_PAGE = 150  # so that an assignment is never cut
BODY = {"changes": "list of objects", "omit_permissions_in_response": "boolean"}
CHANGE = {"principal": "string", "add": "list of strings", "remove": "list of strings"}


def kind_of(securable_type: str) -> str:
    kind = securable_type.lower()
    if kind not in PRIVILEGES:
        raise invalid(f"'{securable_type}' is no type of securable; here: {', '.join(PRIVILEGES)}.")
    return kind


def add_routes(app: Flask, callers: Callers):
    metastore = callers.metastore

    def assignments(key, principal=None) -> list[dict]:
        return [
            {"principal": name, "privileges": sorted(held)}
            for name, held in metastore.grants.on(key).items()
            if principal in (None, name)
        ]

    @app.get(PERMISSIONS)
    def get_grants(securable_type, full_name):
        kind, caller = kind_of(securable_type), callers.current()
        principal = request.args.get("principal")
        if principal not in caller.names:
            caller.need_on({"MANAGE"}, kind, full_name)
        key, _owned = metastore.securable(kind, full_name)
        return callers.pages(assignments(key, principal), "privilege_assignments", SMALLEST_PAGE, principal=str)

    @app.patch(PERMISSIONS)
    def update_grants(securable_type, full_name):
        no_query()
        kind = kind_of(securable_type)
        callers.current().need_on({"MANAGE"}, kind, full_name)
        given = body(BODY, required=("changes",))
        for change in given["changes"]:
            check_fields(change, CHANGE, ("principal",), "change")
            callers.need_principal(change["principal"])
            check(kind, change.get("add", []), change.get("remove", []))
        key, _owned = metastore.securable(kind, full_name)
        for change in given["changes"]:
            metastore.grants.change(key, change["principal"], change.get("add", []), change.get("remove", []))
        shown = [] if given.get("omit_permissions_in_response") else assignments(key)
        return {"privilege_assignments": shown} if shown else {}
