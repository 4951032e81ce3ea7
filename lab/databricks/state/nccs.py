"""Network connectivity configurations (NCCs)."""

from __future__ import annotations

import re
from dataclasses import dataclass

from ..errors import invalid, invalid_state, limit_reached, missing
from .common import new_id, now

NAME = re.compile(r"[0-9a-zA-Z-_]{3,30}")
REGION = re.compile(r"[a-z]{2}(-[a-z]+)+-[0-9]")
MOST_PER_REGION = 10
STABLE_ADDRESSES = ["198.51.100.0/28"]  # of serverless compute; for documentation, RFC 5737


@dataclass
class Ncc:
    name: str
    region: str
    id: str
    creation_time: int


class Nccs:
    def __init__(self):
        self.by_id: dict[str, Ncc] = {}

    def create(self, name: str, region: str) -> Ncc:
        """Make one. That a second one may have the same name and region is unconfirmed."""
        if not NAME.fullmatch(name):
            raise invalid(f"The name '{name}' does not match ^[0-9a-zA-Z-_]{{3,30}}$.")
        if not REGION.fullmatch(region):
            raise invalid(f"'{region}' is no region.")
        if sum(ncc.region == region for ncc in self.by_id.values()) >= MOST_PER_REGION:
            raise limit_reached(
                f"The account has reached the limit of {MOST_PER_REGION} network connectivity configs in {region}."
            )
        made = Ncc(name, region, new_id(), now())
        self.by_id[made.id] = made
        return made

    def get(self, ncc_id: str) -> Ncc:
        if ncc_id not in self.by_id:
            raise missing(f"Network connectivity config {ncc_id} does not exist.")
        return self.by_id[ncc_id]

    def delete(self, ncc_id: str, rules: list, workspaces: list):
        """Delete one that has none of these rules and workspaces."""
        self.get(ncc_id)
        if rules:
            raise invalid_state(f"Network connectivity config {ncc_id} has one or more private endpoint rules")
        if workspaces:
            raise invalid_state(f"Network connectivity config {ncc_id} is attached to one or more workspaces")
        del self.by_id[ncc_id]
