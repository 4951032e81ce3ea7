"""Connections. No answer has their credentials."""

from __future__ import annotations

from flask import Flask

from ..api import body, no_query
from ..errors import invalid
from ..state.connections import Connection
from ..state.grants import PRIVILEGES
from ..strict import check_fields, without_none
from .caller import ROOT, Callers

CONNECTIONS = f"{ROOT}/connections"
ANY = PRIVILEGES["connection"]
FIELDS = {
    "name": "string",
    "connection_type": "string",
    "options": "map of strings",
    "secrets": "map of strings",
    "comment": "string",
    "properties": "map of strings",
    "read_only": "boolean",
    "environment_settings": "object",
}
CHANGES = {
    "options": "map of strings",
    "owner": "string",
    "new_name": "string",
    "secrets": "map of strings",
    "environment_settings": "object",
}
ENVIRONMENT = {"environment_version": "string", "java_dependencies": "list of strings"}


def to_answer(connection: Connection, metastore_id: str) -> dict:
    return without_none(
        {
            "name": connection.name,
            "connection_type": connection.connection_type,
            "options": connection.visible_options,
            "secrets": connection.secrets or None,
            "comment": connection.comment,
            "properties": connection.properties,
            "environment_settings": connection.environment_settings,
            "full_name": connection.name,
            "connection_id": connection.id,
            "metastore_id": metastore_id,
            "owner": connection.owner,
            "created_at": connection.created_at,
            "updated_at": connection.updated_at,
            "created_by": connection.created_by,
            "updated_by": connection.updated_by,
            "credential_type": "USERNAME_PASSWORD" if connection.url else None,
            "securable_type": "CONNECTION",
            "read_only": connection.read_only,
            "url": connection.url,
            "provisioning_info": {"state": "ACTIVE"},
        }
    )


def connection_body(types, required=()) -> dict:
    given = body(types, required)
    check_fields(given.get("environment_settings", {}), ENVIRONMENT, what="environment_settings")
    return given


def add_routes(app: Flask, callers: Callers):
    metastore = callers.metastore

    @app.post(CONNECTIONS)
    def create_connection():
        no_query()
        caller = callers.current()
        caller.need("CREATE_CONNECTION")
        given = connection_body(FIELDS, required=("name", "connection_type", "options"))
        return to_answer(metastore.connections.create(owner=caller.id, **given), metastore.id)

    @app.get(CONNECTIONS)
    def list_connections():
        caller = callers.current()
        visible = [one for one in metastore.connections.by_name.values() if caller.may(ANY, "connection", one.name)]
        return callers.pages([to_answer(one, metastore.id) for one in visible], "connections")

    @app.get(f"{CONNECTIONS}/<name>")
    def get_connection(name):
        no_query()
        callers.current().need_on(ANY, "connection", name)
        return to_answer(metastore.connections.get(name), metastore.id)

    @app.patch(f"{CONNECTIONS}/<name>")
    def update_connection(name):
        no_query()
        caller = callers.current()
        caller.need_on({"MANAGE"}, "connection", name)
        given = connection_body(CHANGES)
        if not given:
            raise invalid("UpdateConnection Nothing to update.")
        if "owner" in given:
            callers.need_principal(given["owner"])
        connection = metastore.connections.get(name)
        metastore.connections.update(connection, caller.id, given)
        return to_answer(connection, metastore.id)

    @app.delete(f"{CONNECTIONS}/<name>")
    def delete_connection(name):
        no_query()
        callers.current().need_on({"MANAGE"}, "connection", name)
        connection = metastore.connections.get(name)
        metastore.connections.delete(connection, metastore.catalogs.using(connection))
        metastore.grants.forget(connection.id)
        return {}
