# Copyright (c) 2026 The lakehouse.onprem_tunnel authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the module aws_vpc_peering_options decides, apart from AWS: a described connection in, options to set out."""

from __future__ import annotations

import re

# The module's options: the side, its key in a described connection, and its key in a request.
SIDES = {
    "requester_dns_resolution": ("requester", "RequesterVpcInfo", "RequesterPeeringConnectionOptions"),
    "accepter_dns_resolution": ("accepter", "AccepterVpcInfo", "AccepterPeeringConnectionOptions"),
}
BECOMING = ("initiating-request", "pending-acceptance", "provisioning")
ADVICE = {
    "initiating-request": "Run again in a moment",
    "pending-acceptance": "Have it accepted with the credentials of account {accepter}",
    "provisioning": "Run again in a moment",
    "expired": "Nobody accepted it in a week; request it again, and have it accepted",
    "rejected": "Its accepter, account {accepter}, did not want it; agree with them, and request it again",
    "failed": "Its request was refused, maybe since the ranges of the VPCs overlap; correct that, and request it again",
}


def problems(parameters):
    """Return what is wrong with the parameters beyond their types."""
    found = []
    connection_id = parameters["vpc_peering_connection_id"]
    if not re.fullmatch(r"pcx-[0-9a-f]+", connection_id):
        found.append(f"vpc_peering_connection_id: '{connection_id}' is not one; write it like pcx-0123456789abcdef0")
    if all(parameters[option] is None for option in SIDES):  # given, and null
        found.append(f"{', '.join(SIDES)}: none has a value; write true or false for one side or both")
    return found


def state(connection):
    return connection.get("Status", {}).get("Code", "unknown")


def why_not_active(connection):
    """Return what keeps a connection from being active and what to do; None for one that is active."""
    code = state(connection)
    if code == "active":
        return None
    accepter = connection.get("AccepterVpcInfo", {}).get("OwnerId", "")
    advice = ADVICE.get(code, "Request a new one, and have it accepted").format(accepter=accepter)
    return (
        f"The peering connection {connection['VpcPeeringConnectionId']} is {code}, and only the options of an active "
        f"one can be set. {advice}."
    )


def present_options(connection):
    """Return the options as they are; None where AWS does not show them, which may be so for the other account's side.

    Before a connection is active, it has none.
    """
    return {
        option: connection.get(info, {}).get("PeeringOptions", {}).get("AllowDnsResolutionFromRemoteVpc")
        for option, (_side, info, _request) in SIDES.items()
    }


def reconcile(present, wanted):
    """Return {option: value} of what is to be set; None stands for what is not wanted otherwise, or not known."""
    return {
        option: wanted[option] for option in SIDES if wanted[option] is not None and wanted[option] != present[option]
    }


def elsewhere(connection, changes, region):
    """Return which sides cannot be set from this region, in words. A side is set in the region of its own VPC."""
    found = []
    for option in changes:
        side, info, _request = SIDES[option]
        its_region = connection.get(info, {}).get("Region", region)
        if its_region != region:
            found.append(
                f"{option}: the {side}'s VPC is in {its_region}, and this is {region}; set it with that region"
            )
    return found


def owners(connection, changes):
    """Return whose sides are to be set, in words."""
    return " and ".join(
        f"{SIDES[option][0]}'s, account {connection.get(SIDES[option][1], {}).get('OwnerId', 'unknown')}"
        for option in changes
    )


def request(changes):
    """Return the parameters for AWS. Only this option: AWS refuses the others between regions."""
    return {SIDES[option][2]: {"AllowDnsResolutionFromRemoteVpc": value} for option, value in changes.items()}
