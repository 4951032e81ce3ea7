"""A region's metastore, which all its workspaces share."""

from __future__ import annotations

from ..errors import missing
from .catalogs import Catalogs
from .common import new_id
from .connections import Connections
from .grants import Grants


class Metastore:
    def __init__(self, unity_secrets: dict[str, str], keeps_omitted_options: bool):
        self.id = new_id()
        self.connections = Connections(unity_secrets, keeps_omitted_options)
        self.catalogs = Catalogs()
        self.grants = Grants()
        self.allowlists: dict[str, dict] = {}
        """Artifact type -> artifact_matchers, created_by, created_at."""

    def securable(self, kind: str, full_name: str) -> tuple[tuple, object]:
        """Return the key of what grants are on, and the connection or catalog that it is or is in."""
        if kind == "connection":
            connection = self.connections.get(full_name)
            return (kind, connection.id, ""), connection
        name, _dot, below = full_name.lower().partition(".")
        catalog = self.catalogs.get(name)
        depth = {"catalog": 0, "schema": 1, "table": 2}[kind]
        if len(full_name.split(".")) != depth + 1 or (below and below not in catalog.contents):
            raise missing(f"{kind.capitalize()} '{full_name}' does not exist.", f"{kind.upper()}_DOES_NOT_EXIST")
        return (kind, catalog.id, below), catalog
