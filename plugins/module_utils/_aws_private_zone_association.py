# Copyright (c) 2026 The lakehouse.onprem_tunnel authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the module aws_private_zone_association decides, apart from AWS: what there is in, what to do out."""

from __future__ import annotations

import re

# What can be done: which key it sets, and to what.
STEPS = {
    "authorize": ("authorized", True),
    "associate": ("associated", True),
    "deauthorize": ("authorized", False),
    "disassociate": ("associated", False),
}


def problems(parameters):
    """Return what is wrong with the parameters beyond their types."""
    forms = {
        "zone_id": (r"(/hostedzone/)?[A-Z0-9]{1,32}", "Z0123456789ABCDEFGHIJ"),
        "vpc_id": (r"vpc-[0-9a-f]+", "vpc-0123456789abcdef0"),
        "vpc_region": (r"[a-z]+(-[a-z]+)+-[0-9]+", "eu-west-1"),
    }
    return [
        f"{name}: '{parameters[name]}' is not one; write it like {sample}"
        for name, (form, sample) in forms.items()
        if not re.fullmatch(form, parameters[name])
    ]


def bare_zone_id(zone_id):
    """Return the id alone; Route 53 writes /hostedzone/ before it in some answers."""
    return zone_id.rsplit("/", 1)[-1]


def reconcile(present, state):
    """Return the steps to take.

    present: associated, and authorized: None for a zone that belongs to another account.
    """
    if state == "associated":
        return [] if present["associated"] else ["associate"]
    if state == "authorized":
        # What the authorization is for is done already, and AWS advises to take it back then.
        return [] if present["associated"] or present["authorized"] else ["authorize"]
    # The authorization goes first, so that nobody associates the VPC again in between.
    steps = []
    if present["authorized"]:
        steps.append("deauthorize")
    if present["associated"]:
        steps.append("disassociate")
    return steps


def after(present, steps):
    return {**present, **dict(STEPS[step] for step in steps)}
