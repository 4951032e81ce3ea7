# Copyright (c) 2026 The lakehouse.onprem_tunnel authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A Databricks workspace: from the role's settings to its connections, foreign catalogs, grants and allowlist.

Asks nothing of Databricks.
"""

from __future__ import annotations

import hashlib
import json
import re

from ansible_collections.lakehouse.onprem_tunnel.plugins.module_utils._databricks_private_connectivity import (
    ENDPOINT_SERVICE,
    MOST_DOMAIN_NAMES,
    NCC_NAME,
)
from ansible_collections.lakehouse.onprem_tunnel.plugins.plugin_utils._fields import as_address

SERVERLESS, CLASSIC = "serverless", "classic"
WAYS = (SERVERLESS, CLASSIC)
ACCOUNT_ID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
# The property by which a later run knows connections and catalogs as the role's own.
MARK = "onprem_tunnel"

ACCESS_MODE = (
    "Access modes: foreign catalogs work on SQL warehouses, on serverless compute, and on classic compute in the access "
    "modes Standard (once Shared) and Dedicated (once Single User); not on clusters without isolation."
)
DRIVERS = (
    "A notebook that reads through JDBC brings the driver itself: in Standard access mode it has to be on the metastore's "
    "allowlist, in Dedicated it has not."
)


def layout(settings: dict) -> dict:
    """Checks the settings together, and computes what the role's tasks need."""
    problems = _problems(settings)
    if problems:
        return {"problems": problems}
    connections = [_connection(item, way, settings) for item in settings["connections"] for way in _ways(settings)]
    in_metastore = {
        "connections": connections,
        "catalogs": [_catalog(connection, settings) for connection in connections if connection["catalog"]],
        "grants": [grant for connection in connections for grant in _grants(connection)],
        # The colon ends the artifact's name: without it, other artifacts whose names begin the same would be allowed, too.
        "artifacts": [f"{driver}:" for driver in settings["drivers"]] if settings["allow_drivers"] else [],
    }
    return {
        "problems": [],
        "region": _region(settings),
        **in_metastore,
        # Workspaces that share a metastore are compared by it.
        "fingerprint": hashlib.sha256(json.dumps(in_metastore, sort_keys=True).encode()).hexdigest(),
        "advice": [text for text, applies in ((ACCESS_MODE, connections), (DRIVERS, settings["drivers"])) if applies],
    }


# --- what is wrong -----------------------------------------------------------------------------------------------


def _problems(settings: dict) -> list[str]:
    found = []
    unknown = sorted(set(settings["compute"]) - set(WAYS))
    if unknown or not settings["compute"]:
        found.append(
            f"compute: {', '.join(unknown) or 'an empty list'} is no kind of compute; write {' and/or '.join(WAYS)}"
        )
    if SERVERLESS in settings["compute"]:
        found += _serverless_problems(settings)
    found += _connection_problems(settings)
    return found


def _serverless_problems(settings: dict) -> list[str]:
    found = []
    if not ACCOUNT_ID.fullmatch(settings["account_id"]):
        found.append(
            f"account_id: {settings['account_id']!r} is not an account's id; write the UUID of the account console, or "
            "leave serverless out of compute"
        )
    if not re.fullmatch(r"[0-9]+", settings["id"]):
        found.append(
            f"id: {settings['id']!r} is not a workspace's id; write the number after o= in the workspace's URL, or leave "
            "serverless out of compute"
        )
    if not settings["ncc_id"] and not NCC_NAME.fullmatch(settings["ncc_name"]):
        found.append(
            f"ncc_name: {settings['ncc_name']!r} is no NCC's name; write 3 to 30 letters, digits, '-' and '_', or ncc_id of "
            "one that is there"
        )
    service = ENDPOINT_SERVICE.fullmatch(settings["endpoint_service"])
    if settings["endpoint_service"] and not service:
        found.append(
            f"endpoint_service: {settings['endpoint_service']!r} is no endpoint service's name; write "
            "com.amazonaws.vpce.<region>.vpce-svc-<id>"
        )
    if not settings["endpoint_service"] and not settings["hub_to_come"]:
        found.append(
            "endpoint_service: is empty, and no hub of the inventory gives it; write the name of the endpoint service before "
            "your load balancer, or leave serverless out of compute"
        )
    if service and settings["region"] not in ("", service.group(1)):
        found.append(
            f"region: the endpoint service is in {service.group(1)}, and region says {settings['region']}; the NCC, its "
            "workspaces and the service are in one region"
        )
    names = settings["domain_names"]
    if not names:
        found.append(
            "domain_names: is empty, and serverless compute needs a name to connect to; write onprem_tunnel_name, or "
            "server_name in the resources"
        )
    if len(names) > MOST_DOMAIN_NAMES:
        found.append(
            f"domain_names: {len(names)} names ({', '.join(names)}), and a private endpoint rule can have "
            f"{MOST_DOMAIN_NAMES}; let resources whose certificates are not verified go without server_name"
        )
    for item in settings["connections"]:
        if as_address(item["host"]):
            found.append(
                f"connection {item['connection']}: its host is the address {item['host']}, and serverless compute needs a "
                "name; write onprem_tunnel_name, or leave serverless out of compute"
            )
        elif item["host"] not in names:
            found.append(
                f"connection {item['connection']}: its host {item['host']} is not in domain_names, and serverless compute "
                "reaches no other; add it"
            )
    return found


def _connection_problems(settings: dict) -> list[str]:
    found = []
    for item in settings["connections"]:
        name = item["name"]
        if not item["secret"] and name not in settings["password_names"]:
            found.append(
                f"connection {item['connection']}: no password is known; write databricks.secret (catalog.schema.secret) in "
                f"the resource, or a password for {name} in onprem_tunnel_passwords"
            )
        if item["secret"] and name in settings["password_names"]:
            found.append(
                f"connection {item['connection']}: has both databricks.secret and a password in onprem_tunnel_passwords; take "
                "one of them out"
            )
    unknown = sorted(set(settings["password_names"]) - {item["name"] for item in settings["connections"]})
    if unknown:
        found.append(
            f"passwords: {', '.join(unknown)} is no resource with a connection; correct the name, or take the line out"
        )
    if _separate(settings) and not settings["classic_host"] and not settings["hub_to_come"]:
        found.append(
            "classic_host: is empty, and with separate_connections classic compute connects to it; write the load balancer's "
            "name or address"
        )
    return found


# --- what is to be there -----------------------------------------------------------------------------------------


def _separate(settings: dict) -> bool:
    return bool(settings["separate_connections"] and len(set(settings["compute"])) > 1)


def _ways(settings: dict) -> tuple:
    """None: one connection for all kinds of compute."""
    return WAYS if _separate(settings) else (None,)


def _region(settings: dict) -> str:
    service = ENDPOINT_SERVICE.fullmatch(settings["endpoint_service"])
    return settings["region"] or (service.group(1) if service else "")


def _named(name: str, way: str | None) -> str:
    """Unity Catalog keeps names in lower case."""
    return (f"{name}_{way}" if way and name else name).lower()


def _connection(item: dict, way: str | None, settings: dict) -> dict:
    host = settings["classic_host"] if way == CLASSIC else item["host"]
    return {
        "resource": item["name"],
        "name": _named(item["connection"], way),
        "type": item["type"],
        "options": {"host": host, "port": str(item["port"]), "user": item["user"], **item["options"]},
        "secrets": {"password": item["secret"]} if item["secret"] else {},
        "properties": {MARK: settings["mark"]},
        "grants": item["connection_grants"],
        "catalog": _named(item["catalog"], way),
        "catalog_options": item["catalog_options"],
        "catalog_grants": item["catalog_grants"],
    }


def _catalog(connection: dict, settings: dict) -> dict:
    return {
        "name": connection["catalog"],
        "connection_name": connection["name"],
        "options": connection["catalog_options"],
        "properties": {MARK: settings["mark"]},
    }


def _grants(connection: dict) -> list[dict]:
    kinds = [("connection", connection["name"], connection["grants"])]
    if connection["catalog"]:
        kinds.append(("catalog", connection["catalog"], connection["catalog_grants"]))
    return [
        {"securable_type": kind, "name": name, "principal": principal, "privileges": privileges}
        for kind, name, grants in kinds
        for principal, privileges in grants.items()
    ]
