"""Unity Catalog's catalogs, and of their schemas and tables the names."""

from __future__ import annotations

from dataclasses import dataclass, field

from ..errors import ApiError, already_exists, invalid, missing
from .common import new_id, now
from .names import new_name

# Type of the connection -> the options that a foreign catalog needs. ORACLE's and TERADATA's are unconfirmed.
REQUIRED_OPTIONS = {
    "POSTGRESQL": ["database"],
    "SQLSERVER": ["database"],
    "REDSHIFT": ["database"],
    "SQLDW": ["database"],
    "SNOWFLAKE": ["database"],
    "TERADATA": ["database"],
    "ORACLE": ["service_name"],
}


@dataclass
class Catalog:
    name: str
    owner: str
    created_by: str
    updated_by: str
    connection: object | None = None
    """Of a foreign catalog."""
    comment: str | None = None
    options: dict[str, str] = field(default_factory=dict)
    properties: dict[str, str] | None = None
    isolation_mode: str = "OPEN"
    id: str = field(default_factory=new_id)
    created_at: int = field(default_factory=now)
    updated_at: int = field(default_factory=now)
    contents: set[str] = field(default_factory=set)
    """Schemas and tables, by what follows the catalog's name: "schema" and "schema.table"."""


class Catalogs:
    def __init__(self):
        self.by_name: dict[str, Catalog] = {}

    def create(self, name: str, owner: str, connection=None, options=None, **others) -> Catalog:
        name, options = self._free(name), options or {}
        if connection is None and options:
            raise invalid("CreateCatalog options can only be provided for a foreign catalog.")
        if connection is not None:
            absent = [key for key in REQUIRED_OPTIONS.get(connection.connection_type, []) if not options.get(key)]
            if absent:
                kind = connection.connection_type
                raise invalid(f"A foreign catalog of a {kind} connection needs the options {', '.join(absent)}.")
        made = Catalog(name, owner, owner, owner, connection, options=dict(options), **others)
        self.by_name[name] = made
        return made

    def add_table(self, full_name: str):
        """Let a table, and its schema, be there."""
        catalog, schema, table = full_name.lower().split(".")
        self.by_name[catalog].contents |= {schema, f"{schema}.{table}"}

    def get(self, name: str) -> Catalog:
        if name.lower() not in self.by_name:
            raise missing(f"Catalog '{name}' does not exist.", "CATALOG_DOES_NOT_EXIST")
        return self.by_name[name.lower()]

    def using(self, connection) -> list[Catalog]:
        return [catalog for catalog in self.by_name.values() if catalog.connection is connection]

    def update(self, catalog: Catalog, by: str, changes: dict):
        if changes.get("new_name", catalog.name).lower() != catalog.name:
            name = self._free(changes["new_name"])
            del self.by_name[catalog.name]
            catalog.name, self.by_name[name] = name, catalog
        for field_name in ("comment", "owner", "properties", "isolation_mode"):
            if field_name in changes:
                setattr(catalog, field_name, changes[field_name])
        catalog.updated_at, catalog.updated_by = now(), by

    def delete(self, catalog: Catalog, force: bool):
        if catalog.contents and not force:
            raise ApiError(400, "CATALOG_NOT_EMPTY", f"Catalog '{catalog.name}' is not empty.")
        del self.by_name[catalog.name]

    def _free(self, name: str) -> str:
        name = new_name(name)
        if name in self.by_name:
            raise already_exists("Catalog", name)
        return name
