"""The account's workspaces, and which NCC each is attached to."""

from __future__ import annotations

from dataclasses import dataclass

from ..errors import invalid, limit_reached, missing
from .common import now

MOST_PER_NCC = 50


@dataclass
class Workspace:
    id: int
    name: str
    region: str
    creation_time: int
    ncc_id: str | None = None
    provisioning: int = 0
    """For so many looks it is not RUNNING."""

    @property
    def status(self) -> str:
        return "PROVISIONING" if self.provisioning else "RUNNING"


class Workspaces:
    def __init__(self, workspaces: dict, provisioning_looks: int):
        self.provisioning_looks = provisioning_looks
        self.by_name = {name: Workspace(one.id, name, one.region, now()) for name, one in workspaces.items()}

    def get(self, workspace_id: int) -> Workspace:
        for workspace in self.by_name.values():
            if workspace.id == workspace_id:
                return workspace
        raise missing(f"Workspace {workspace_id} does not exist.")

    def attached_to(self, ncc_id: str) -> list[Workspace]:
        return [workspace for workspace in self.by_name.values() if workspace.ncc_id == ncc_id]

    def attach(self, workspace: Workspace, ncc):
        """Attach it, also where another NCC is: that one is silently replaced."""
        if ncc.region != workspace.region:
            raise invalid(
                f"Workspace {workspace.id} is in {workspace.region}, and network connectivity config {ncc.id} in {ncc.region}."
            )
        others = [one for one in self.attached_to(ncc.id) if one is not workspace]
        if len(others) >= MOST_PER_NCC:
            raise limit_reached(
                f"Network connectivity config {ncc.id} is attached to {MOST_PER_NCC} workspaces already."
            )
        workspace.ncc_id, workspace.provisioning = ncc.id, self.provisioning_looks

    @staticmethod
    def look(workspace: Workspace):
        """Somebody has read the workspace."""
        workspace.provisioning = max(0, workspace.provisioning - 1)
