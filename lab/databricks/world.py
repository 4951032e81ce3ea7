"""What there is before anybody calls: the account, its principals, its workspaces; and how slow Databricks is."""

from __future__ import annotations

from dataclasses import dataclass, field, fields, replace
from pathlib import Path

import yaml

METASTORE_ADMIN = "metastore admin"
ACCOUNT_USERS = "account users"  # the group that everybody in the account is in


@dataclass
class Workspace:
    id: int
    region: str = ""
    """Empty: the world's."""
    port: int = 0
    """0: a free one."""
    members: dict[str, set[str] | str] = field(default_factory=dict)
    """Client id -> its privileges on the metastore, such as CREATE_CONNECTION, or METASTORE_ADMIN."""


def default_workspaces():
    return {"analytics": Workspace(1234567890, members={"admin-client": METASTORE_ADMIN, "plain-client": set()})}


@dataclass
class World:
    account_id: str = "11111111-2222-3333-4444-555555555555"
    region: str = "eu-central-1"
    account_port: int = 0
    lab_port: int = 0
    """Of the stand-in's own routes, which compute uses."""

    account_admins: dict[str, str] = field(default_factory=lambda: {"admin-client": "admin-secret-of-the-stand-in"})
    """Client id -> secret."""
    principals: dict[str, str] = field(default_factory=lambda: {"plain-client": "plain-secret-of-the-stand-in"})
    """The account's other service principals: client id -> secret."""
    personal_access_tokens: dict[str, str] = field(default_factory=dict)
    """Token -> client id. The account API takes none."""
    groups: dict[str, set[str]] = field(default_factory=lambda: {"data-eng": set(), "analysts": set()})
    """Name -> members, besides ACCOUNT_USERS."""
    workspaces: dict[str, Workspace] = field(default_factory=default_workspaces)
    unity_secrets: dict[str, str] = field(default_factory=dict)
    """catalog.schema.name -> value, in each metastore."""

    rule_states_per_look: int = 2
    """A rule is CREATING until it is looked at for the n-th time."""
    provisioning_looks: int = 0
    """A workspace is PROVISIONING for so many looks after a change."""
    page_size: int = 100

    # Unconfirmed, so each can be had both ways. The default is what hurts more.
    patch_keeps_omitted_options: bool = False
    deactivated_rules_hold_ncc: bool = True

    def __post_init__(self):
        for workspace in self.workspaces.values():
            strangers = set(workspace.members) - set(self.secrets)
            if strangers:
                raise ValueError(f"members that are no principals of the account: {', '.join(sorted(strangers))}")
        self.workspaces = {
            name: replace(workspace, region=workspace.region or self.region)
            for name, workspace in self.workspaces.items()
        }

    @property
    def secrets(self) -> dict[str, str]:
        return self.principals | self.account_admins

    def groups_of(self, client_id: str) -> set[str]:
        return {ACCOUNT_USERS} | {name for name, members in self.groups.items() if client_id in members}

    def knows(self, principal: str) -> bool:
        return principal in self.secrets or principal in self.groups or principal == ACCOUNT_USERS


def read(path: Path) -> World:
    """Return the world that a YAML file describes; its keys are the fields above."""
    given = yaml.safe_load(path.read_text()) or {}
    unknown = set(given) - {one.name for one in fields(World)}
    if unknown:
        raise ValueError(f"{path}: unknown: {', '.join(sorted(unknown))}")
    if "workspaces" in given:
        given["workspaces"] = {name: Workspace(**entry) for name, entry in given["workspaces"].items()}
        for workspace in given["workspaces"].values():
            workspace.members = {
                client: what if what == METASTORE_ADMIN else set(what) for client, what in workspace.members.items()
            }
    if "groups" in given:
        given["groups"] = {name: set(members) for name, members in given["groups"].items()}
    return World(**given)
