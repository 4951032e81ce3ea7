# Copyright (c) 2026 The lakehouse.onprem_tunnel authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the module aws_vpc_endpoint_connection decides, apart from AWS: connections in, what to do with each out."""

from __future__ import annotations

import re

ACCEPTED = ("pending", "available", "partial")
OVER = ("failed", "expired", "deleting", "deleted")


def problems(parameters):
    """Return what is wrong with the parameters beyond their types."""
    forms = {
        "service_id": (r"vpce-svc-[0-9a-f]+", "vpce-svc-0123456789abcdef0"),
        "vpc_endpoint_id": (r"vpce-[0-9a-f]+", "vpce-0123456789abcdef0"),
        "owner_id": (r"[0-9]{12}", "'012345678901', an account's 12 digits, in quotation marks"),
    }
    return [
        f"{name}: '{parameters[name]}' is not one; write it like {sample}"
        for name, (form, sample) in forms.items()
        if parameters[name] is not None and not re.fullmatch(form, parameters[name])
    ]


def reconcile(connections, state, by_id):
    """Return the ids of the connections to accept or reject.

    One that was rejected is accepted again only where it is named: an owner's others were rejected for a reason.
    """
    if state == "rejected":
        changing = ("pendingAcceptance", *ACCEPTED)
    else:
        changing = ("pendingAcceptance", "rejected") if by_id else ("pendingAcceptance",)
    return [connection["vpc_endpoint_id"] for connection in connections if connection["state"] in changing]


def concerned(connections, by_id):
    """Return the connections that acceptance is about: for an owner, those that are not over or rejected."""
    if by_id:
        return connections
    return [connection for connection in connections if connection["state"] in ("pendingAcceptance", *ACCEPTED)]


def states(connections):
    return {connection["vpc_endpoint_id"]: connection["state"] for connection in connections}
