"""Workspaces: what they are, and which NCC they are attached to."""

from __future__ import annotations

from flask import Flask

from ..api import Context, body, no_query, query
from ..errors import invalid
from ..state.workspaces import Workspace
from ..strict import check_mask, without_none
from .paths import WORKSPACES

REFUSAL = "Updating fields {} of a workspace is not supported."


def add_routes(app: Flask, context: Context):
    state = context.state

    def to_answer(workspace: Workspace) -> dict:
        running = workspace.status == "RUNNING"
        return without_none(
            {
                "workspace_id": workspace.id,
                "workspace_name": workspace.name,
                "account_id": context.world.account_id,
                "aws_region": workspace.region,
                "workspace_status": workspace.status,
                "workspace_status_message": "Workspace is running." if running else "Workspace is being updated.",
                "deployment_name": f"dbc-{workspace.id:x}",
                "pricing_tier": "ENTERPRISE",
                "creation_time": workspace.creation_time,
                "network_connectivity_config_id": workspace.ncc_id,
            }
        )

    def find(workspace_id: str) -> Workspace:
        if not workspace_id.isdecimal():
            raise invalid(f"'{workspace_id}' is no workspace id.")
        return state.workspaces.get(int(workspace_id))

    @app.get(WORKSPACES)
    def list_workspaces():
        no_query()
        return [to_answer(workspace) for workspace in state.workspaces.by_name.values()]

    @app.get(f"{WORKSPACES}/<workspace_id>")
    def get_workspace(workspace_id):
        no_query()
        workspace = find(workspace_id)
        answer = to_answer(workspace)
        state.workspaces.look(workspace)
        return answer

    @app.patch(f"{WORKSPACES}/<workspace_id>")
    def update_workspace(workspace_id):
        mask = query({"update_mask": str}).get("update_mask")
        workspace = find(workspace_id)
        given = body({"network_connectivity_config_id": "string"})
        check_mask(mask, given, {"network_connectivity_config_id"}, REFUSAL)
        if not given["network_connectivity_config_id"]:
            raise invalid("A network connectivity config cannot be detached from a workspace.")
        state.workspaces.attach(workspace, state.nccs.get(given["network_connectivity_config_id"]))
        return to_answer(workspace)
