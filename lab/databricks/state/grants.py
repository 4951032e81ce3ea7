"""Who has which privileges on what."""

from __future__ import annotations

from ..errors import invalid

ALL = "ALL_PRIVILEGES"
IN_SCHEMAS = {
    "APPLY_TAG",
    "CREATE_FUNCTION",
    "CREATE_MATERIALIZED_VIEW",
    "CREATE_MODEL",
    "CREATE_TABLE",
    "CREATE_VOLUME",
    "EXECUTE",
    "EXTERNAL_USE_SCHEMA",
    "MODIFY",
    "READ_VOLUME",
    "REFRESH",
    "SELECT",
    "USE_SCHEMA",
    "WRITE_VOLUME",
}
PRIVILEGES = {
    "connection": {ALL, "MANAGE", "CREATE_FOREIGN_CATALOG", "USE_CONNECTION"},
    "catalog": {ALL, "MANAGE", "BROWSE", "CREATE_SCHEMA", "USE_CATALOG"} | IN_SCHEMAS,
    "schema": {ALL, "MANAGE"} | IN_SCHEMAS,
    "table": {ALL, "MANAGE", "APPLY_TAG", "MODIFY", "SELECT"},
}


class Grants:
    """By what is granted on: (kind, id, name below that) -> principal -> privileges."""

    def __init__(self):
        self.given: dict[tuple, dict[str, set[str]]] = {}

    def on(self, securable: tuple) -> dict[str, set[str]]:
        return {principal: held for principal, held in sorted(self.given.get(securable, {}).items()) if held}

    def held(self, securable: tuple, principals: set[str]) -> set[str]:
        """Return the privileges of one who is all these principals, with those that ALL_PRIVILEGES stands for."""
        held = set().union(*(held for principal, held in self.on(securable).items() if principal in principals))
        return held | (PRIVILEGES[securable[0]] - {"MANAGE"} if ALL in held else set())

    def change(self, securable: tuple, principal: str, add: list[str], remove: list[str]):
        check(securable[0], add, remove)
        held = self.given.setdefault(securable, {}).setdefault(principal, set())
        held -= set(remove)
        held |= set(add)

    def forget(self, securable_id: str):
        """What it was granted on is deleted."""
        self.given = {key: value for key, value in self.given.items() if key[1] != securable_id}


def check(kind: str, add: list[str], remove: list[str]):
    for privilege in [*add, *remove]:
        if privilege not in PRIVILEGES[kind]:
            raise invalid(f"Privilege {privilege} is not applicable to this entity [{kind.upper()}].")
    both = sorted(set(add) & set(remove))
    if both:
        raise invalid(f"Added and removed at once: {', '.join(both)}.")
