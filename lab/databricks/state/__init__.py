"""All that the stand-in keeps, in memory. Tests look at it, and put there what others made."""

from __future__ import annotations

import threading

from ..errors import missing
from ..world import World
from .metastore import Metastore
from .nccs import Nccs
from .rules import Rules
from .workspaces import Workspaces


class State:
    def __init__(self, world: World, endpoints):
        self.lock = threading.RLock()
        """Held while a call is carried out."""
        self.nccs = Nccs()
        self.rules = Rules(endpoints, world.rule_states_per_look)
        self.workspaces = Workspaces(world.workspaces, world.provisioning_looks)
        regions = {workspace.region for workspace in world.workspaces.values()}
        self.metastores = {
            region: Metastore(world.unity_secrets, world.patch_keeps_omitted_options) for region in regions
        }

    def metastore(self, workspace: str) -> Metastore:
        """Return the metastore of a workspace, by its name."""
        return self.metastores[self._workspace(workspace).region]

    def expire(self, rule_id: str):
        """Let a PENDING rule expire, as after 14 days."""
        with self.lock:
            self.rules.expire(rule_id)

    def remove_deactivated(self):
        """Let the deactivated rules vanish, as after some days."""
        with self.lock:
            self.rules.remove_deactivated()

    def network_for_compute(self, workspace: str) -> dict:
        """Return what serverless compute of a workspace gets of its network: the NCC and its rules that carry traffic."""
        with self.lock:
            attached = self._workspace(workspace)
            rules = self.rules.of(attached.ncc_id)
            for rule in rules:
                self.rules.follow(rule)
            return {
                "workspace_id": attached.id,
                "region": attached.region,
                "network_connectivity_config_id": attached.ncc_id,
                "rules": [
                    {
                        "rule_id": rule.id,
                        "endpoint_service": rule.endpoint_service,
                        "domain_names": list(rule.domain_names),
                        "vpc_endpoint_id": rule.vpc_endpoint_id,
                    }
                    for rule in rules
                    if rule.state == "ESTABLISHED" and not rule.deactivated
                ],
            }

    def connection_for_compute(self, workspace: str, connection: str) -> dict:
        """Return what compute of a workspace connects with: secrets of Unity Catalog are resolved.

        host, port (a number), user and password are None where the connection has none; options are the others.
        """
        with self.lock:
            connections = self.metastore(workspace).connections
            found = connections.get(connection)
            options = connections.resolved(found)
            named = {key: options.pop(key, None) for key in ("host", "port", "user", "password")}
            named["port"] = int(named["port"]) if named["port"] else None
            return {"name": found.name, "connection_type": found.connection_type, **named, "options": options}

    def _workspace(self, name: str):
        if name not in self.workspaces.by_name:
            raise missing(f"There is no workspace '{name}'.")
        return self.workspaces.by_name[name]
