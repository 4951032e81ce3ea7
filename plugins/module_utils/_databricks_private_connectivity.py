# Copyright (c) 2026 The lakehouse.onprem_tunnel authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What Databricks documents of private connectivity on AWS. For modules and filters: it imports no SDK."""

from __future__ import annotations

import re

NCC_NAME = re.compile(r"[0-9A-Za-z_-]{3,30}")  # as the account API's reference has it
ENDPOINT_SERVICE = re.compile(r"com\.amazonaws\.vpce\.([a-z0-9-]+)\.vpce-svc-[0-9a-f]+")
MOST_DOMAIN_NAMES = 10  # of a private endpoint rule
_ROLE = "role/private-connectivity-role"


def principals(region):
    """Return the principals as which Databricks makes the endpoints of a region: the one, or GovCloud's and DoD's."""
    if region.startswith("us-gov-"):
        return [f"arn:aws-us-gov:iam::{account}:{_ROLE}-us-gov-west-1" for account in ("347038500609", "347034940029")]
    return [f"arn:aws:iam::565502421330:{_ROLE}-{region}"]
