"""The VPC endpoints that Databricks makes for its rules, here in memory alone. Those of AWS are in private_link.py."""

from __future__ import annotations

import uuid


class NotAllowed(Exception):
    """The endpoint service does not exist, or does not allow Databricks to connect."""


class InMemoryEndpoints:
    """States are EC2's."""

    def __init__(self):
        self.services: set[str] | None = None
        """The names of the endpoint services that exist. None: each name."""
        self.states: dict[str, str] = {}

    def create(self, endpoint_service: str) -> str:
        if self.services is not None and endpoint_service not in self.services:
            raise NotAllowed(f"The Vpc Endpoint Service '{endpoint_service}' does not exist")
        made = f"vpce-{uuid.uuid4().hex[:17]}"
        self.states[made] = "pendingAcceptance"
        return made

    def state(self, vpc_endpoint_id: str) -> str:
        return self.states.get(vpc_endpoint_id, "deleted")

    def delete(self, vpc_endpoint_id: str):
        self.states.pop(vpc_endpoint_id, None)

    def accept(self, vpc_endpoint_id: str):
        """What the service's owner does."""
        self._decide(vpc_endpoint_id, "available")

    def reject(self, vpc_endpoint_id: str):
        self._decide(vpc_endpoint_id, "rejected")

    def _decide(self, vpc_endpoint_id, state):
        if vpc_endpoint_id not in self.states:
            raise KeyError(f"there is no VPC endpoint {vpc_endpoint_id}")
        self.states[vpc_endpoint_id] = state
