# Copyright (c) 2026 The lakehouse.onprem_tunnel authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Network connectivity configurations (NCCs): the account's API for them, and what is decided about them without it."""

from __future__ import annotations

import re

from ._databricks import Problem, quoted
from ._databricks_private_connectivity import NCC_NAME

PATH = "/network-connectivity-configs"
REGION = re.compile(r"[a-z]{2}(-[a-z]+)+-[0-9]+")
ID = re.compile(r"[0-9A-Fa-f]{8}(-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}")
MOST_PER_REGION = 10  # limits that Databricks documents for AWS
MOST_WORKSPACES = 50


def problems(params):
    """Return what is wrong with the options that say which NCC is meant, those of them that a module has."""
    wrong = []
    name, region = params.get("name"), params.get("region")
    if name is not None and not NCC_NAME.fullmatch(name):
        wrong.append(f"name: '{name}' is no NCC's name; write 3 to 30 letters, digits, '-' and '_'")
    if region is not None and not REGION.fullmatch(region):
        wrong.append(f"region: '{region}' is no AWS region; write it as in eu-central-1")
    ncc_id = params.get("network_connectivity_config_id")
    if ncc_id is not None and not ID.fullmatch(ncc_id):
        wrong.append(
            f"network_connectivity_config_id: '{ncc_id}' is no NCC's id; write the one that databricks_ncc returns"
        )
    return wrong


class Nccs:
    """The NCCs of an account."""

    def __init__(self, account):
        self.account = account

    def all(self):
        return [to_result(item) for item in self.account.pages(PATH, "items")]

    def get(self, ncc_id):
        found = self.account.find(f"{PATH}/{quoted(ncc_id)}")
        return to_result(found) if found else None

    def must_get(self, ncc_id):
        found = self.get(ncc_id)
        if found is None:
            raise Problem(
                f"There is no NCC {ncc_id} in this account",
                hint="correct the id, which databricks_ncc returns as network_connectivity_config_id",
            )
        return found

    def create(self, name, region):
        """Make an NCC. Somebody may have made one of the name at the same moment, which Databricks need not refuse."""

        def find():
            return choose(self.all(), name, region)

        made = to_result(self.account.create(PATH, dict(name=name, region=region), find))
        find()  # fails where there are two
        return made

    def delete(self, ncc_id):
        try:
            self.account.delete(f"{PATH}/{quoted(ncc_id)}")
        except Problem as problem:
            if problem.code == "INVALID_STATE":
                problem.hint = "Databricks keeps a deleted rule for up to 7 days, and may keep its NCC: run again then"
            raise


def to_result(item):
    """Return an NCC as the modules return it. Its egress_config repeats the rules, and is left out."""
    return {
        key: item.get(key)
        for key in ("network_connectivity_config_id", "name", "region", "creation_time", "updated_time")
    }


def choose(nccs, name, region):
    """Return the NCC with the name in the region, or None. An NCC cannot be moved, so one elsewhere is a problem."""
    named = [ncc for ncc in nccs if ncc["name"] == name]
    here = [ncc for ncc in named if region is None or ncc["region"] == region]
    if len(here) > 1:
        ids = ", ".join(f"{ncc['network_connectivity_config_id']} ({ncc['region']})" for ncc in here)
        raise Problem(
            f"Several NCCs have the name '{name}': {ids}",
            hint="give the network_connectivity_config_id of the one that is meant, or delete the others",
        )
    if named and not here:
        ncc = named[0]
        raise Problem(
            f"The NCC '{name}' ({ncc['network_connectivity_config_id']}) is in {ncc['region']}, not in {region}, and "
            "cannot be moved",
            hint="correct region, or choose another name",
        )
    return here[0] if here else None


def room_problem(nccs, region):
    """Return what is wrong with making one more in the region, or None."""
    there = sorted(ncc["name"] for ncc in nccs if ncc["region"] == region)
    if len(there) < MOST_PER_REGION:
        return None
    return Problem(
        f"{region} has {len(there)} NCCs ({', '.join(there)}), and an account can have {MOST_PER_REGION} in a region",
        hint="use one of them, or delete one",
    )
