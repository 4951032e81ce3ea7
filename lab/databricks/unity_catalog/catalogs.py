"""Catalogs: foreign ones, and such as are there already."""

from __future__ import annotations

from flask import Flask

from ..api import body, no_query, query
from ..errors import invalid
from ..state.catalogs import Catalog
from ..state.grants import PRIVILEGES
from ..strict import boolean, without_none
from .caller import ROOT, Callers

CATALOGS = f"{ROOT}/catalogs"
ANY = PRIVILEGES["catalog"]
FIELDS = {
    "name": "string",
    "comment": "string",
    "connection_name": "string",
    "options": "map of strings",
    "properties": "map of strings",
}
CHANGES = {
    "comment": "string",
    "owner": "string",
    "properties": "map of strings",
    "isolation_mode": "string",
    "new_name": "string",
}
# Refused with a text of their own.
UNCHANGEABLE = {"options": "map of strings", "connection_name": "string"}


def to_answer(catalog: Catalog, metastore_id: str) -> dict:
    foreign = catalog.connection is not None
    return without_none(
        {
            "name": catalog.name,
            "connection_name": catalog.connection.name if foreign else None,
            "comment": catalog.comment,
            "options": catalog.options or None,
            "properties": catalog.properties,
            "full_name": catalog.name,
            "owner": catalog.owner,
            "metastore_id": metastore_id,
            "isolation_mode": catalog.isolation_mode,
            "created_at": catalog.created_at,
            "updated_at": catalog.updated_at,
            "created_by": catalog.created_by,
            "updated_by": catalog.updated_by,
            "catalog_type": "FOREIGN_CATALOG" if foreign else "MANAGED_CATALOG",
            "securable_type": "CATALOG",
        }
    )


def add_routes(app: Flask, callers: Callers):
    metastore = callers.metastore

    @app.post(CATALOGS)
    def create_catalog():
        no_query()
        caller = callers.current()
        caller.need("CREATE_CATALOG")
        given = body(FIELDS, required=("name",))
        connection = None
        if "connection_name" in given:
            name = given.pop("connection_name")
            caller.need_on({"CREATE_FOREIGN_CATALOG"}, "connection", name)
            connection = metastore.connections.get(name)
        return to_answer(metastore.catalogs.create(owner=caller.id, connection=connection, **given), metastore.id)

    @app.get(CATALOGS)
    def list_catalogs():
        caller = callers.current()
        visible = [one for one in metastore.catalogs.by_name.values() if caller.may(ANY, "catalog", one.name)]
        found = [to_answer(one, metastore.id) for one in visible]
        return callers.pages(found, "catalogs", include_browse=boolean, include_unbound=boolean)

    @app.get(f"{CATALOGS}/<name>")
    def get_catalog(name):
        query({"include_browse": boolean})
        callers.current().need_on(ANY, "catalog", name)
        return to_answer(metastore.catalogs.get(name), metastore.id)

    @app.patch(f"{CATALOGS}/<name>")
    def update_catalog(name):
        no_query()
        caller = callers.current()
        caller.need_on({"MANAGE"}, "catalog", name)
        given = body(CHANGES | UNCHANGEABLE)
        for field in UNCHANGEABLE:
            if field in given:
                raise invalid(f"UpdateCatalog {field} can not be provided.")
        if not given:
            raise invalid("UpdateCatalog Nothing to update.")
        if given.get("isolation_mode", "OPEN") not in ("OPEN", "ISOLATED"):
            raise invalid(f"'{given['isolation_mode']}' is no isolation mode.")
        if "owner" in given:
            callers.need_principal(given["owner"])
        catalog = metastore.catalogs.get(name)
        metastore.catalogs.update(catalog, caller.id, given)
        return to_answer(catalog, metastore.id)

    @app.delete(f"{CATALOGS}/<name>")
    def delete_catalog(name):
        force = query({"force": boolean}).get("force", False)
        callers.current().need_on({"MANAGE"}, "catalog", name)
        catalog = metastore.catalogs.get(name)
        metastore.catalogs.delete(catalog, force)
        metastore.grants.forget(catalog.id)
        return {}
