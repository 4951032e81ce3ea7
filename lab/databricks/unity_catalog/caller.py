"""Who calls a workspace, and what that one may do in its metastore."""

from __future__ import annotations

from flask import g

from ..api import Context, query
from ..errors import denied, invalid, missing
from ..strict import integer, page
from ..world import METASTORE_ADMIN

ROOT = "/api/2.1/unity-catalog"


class Callers:
    """What the parts of a workspace's API need of it."""

    def __init__(self, context: Context, workspace: str):
        self.world = context.world
        self.members = context.world.workspaces[workspace].members
        self.metastore = context.state.metastore(workspace)

    def current(self) -> Caller:
        if g.client_id not in self.members:
            raise denied(f"{g.client_id} is no member of this workspace.")
        return Caller(g.client_id, self.members[g.client_id], self.world.groups_of(g.client_id), self.metastore)

    def need_principal(self, name: str):
        if not self.world.knows(name):
            raise missing(f"Could not find principal with name {name}.", "PRINCIPAL_DOES_NOT_EXIST")

    def pages(self, items: list, key: str, smallest: int = 1, **readers) -> dict:
        """Return the page that is asked for: all that there is where max_results is not given, as Databricks does."""
        given = query({"max_results": integer, "page_token": str, **readers})
        size = given.get("max_results")
        if size is None:
            size = max(len(items), 1)
        elif size < 0 or 0 < size < smallest:
            raise invalid(f"max_results {size} is not allowed.")
        else:
            size = min(size or self.world.page_size, self.world.page_size)
        return page(items, key, size, given.get("page_token"))


class Caller:
    def __init__(self, client_id: str, privileges: set[str] | str, groups: set[str], metastore):
        self.id, self.privileges, self.metastore = client_id, privileges, metastore
        self.names = {client_id} | groups

    @property
    def is_admin(self) -> bool:
        return self.privileges == METASTORE_ADMIN

    def need(self, privilege: str):
        """Refuse one who lacks a privilege on the metastore."""
        if not self.is_admin and privilege not in self.privileges:
            raise denied(f"User does not have {words(privilege)} on Metastore '{self.metastore.id}'.")

    def may(self, privileges: set[str], kind: str, full_name: str) -> bool:
        """Whether the caller has one of the privileges on it, or owns it."""
        key, owned = self.metastore.securable(kind, full_name)
        held = self.metastore.grants.held(key, self.names)
        return self.is_admin or owned.owner in self.names or not held.isdisjoint(privileges)

    def need_on(self, privileges: set[str], kind: str, full_name: str):
        if not self.may(privileges, kind, full_name):
            one_of = " or ".join(words(privilege) for privilege in sorted(privileges))
            raise denied(f"User does not have {one_of} on {kind.capitalize()} '{full_name}'.")


def words(privilege: str) -> str:
    return privilege.replace("_", " ")
