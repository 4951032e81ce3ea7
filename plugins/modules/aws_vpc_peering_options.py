#!/usr/bin/python
# Copyright (c) 2026 The lakehouse.onprem_tunnel authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: aws_vpc_peering_options
short_description: Set whether peered VPCs resolve each other's public DNS names to private addresses
version_added: 0.1.0
author:
  - The lakehouse.onprem_tunnel authors (@lakehouse)
description:
  - Sets the option C(AllowDnsResolutionFromRemoteVpc) of a VPC peering connection's sides, which
    M(amazon.aws.ec2_vpc_peering) cannot.
  - A side can be set only with credentials of the account, and in the region, that its VPC belongs to. For a connection
    between accounts or regions, run the module once for each side.
notes:
  - The calls that the credentials must be allowed are C(ec2:DescribeVpcPeeringConnections) and
    C(ec2:ModifyVpcPeeringConnectionOptions).
  - Both VPCs need DNS hostnames and DNS resolution enabled.
options:
  vpc_peering_connection_id:
    description:
      - The peering connection. It has to be active.
    type: str
    required: true
  requester_dns_resolution:
    description:
      - Whether the accepter's VPC resolves public DNS names of the requester's to private addresses.
      - At least one of O(requester_dns_resolution) and O(accepter_dns_resolution) is required. The one that is not given
        stays as it is.
    type: bool
  accepter_dns_resolution:
    description:
      - Whether the requester's VPC resolves public DNS names of the accepter's to private addresses.
    type: bool
  wait:
    description:
      - Whether to wait for a connection that is not active yet. After its acceptance, that can take a while to be seen
        in another region or account.
    type: bool
    default: true
  wait_timeout:
    description:
      - Seconds to wait at most.
    type: int
    default: 60
attributes:
  check_mode:
    description: Can run in check mode and return what would change, without changing anything.
    support: full
    details:
      - Does not wait. A connection that is not active yet is taken to become so, with a warning.
      - Cannot tell whether a side belongs to another account than the credentials.
  diff_mode:
    description: Returns the options before and after.
    support: full
extends_documentation_fragment:
  - amazon.aws.common.modules
  - amazon.aws.region.modules
  - amazon.aws.boto3
"""

EXAMPLES = r"""
- name: Both sides in one account and region
  lakehouse.onprem_tunnel.aws_vpc_peering_options:
    region: eu-west-1
    vpc_peering_connection_id: pcx-0123456789abcdef0
    requester_dns_resolution: true
    accepter_dns_resolution: true

- name: The accepter's side, in another account
  lakehouse.onprem_tunnel.aws_vpc_peering_options:
    profile: workspace
    region: eu-central-1
    vpc_peering_connection_id: pcx-0123456789abcdef0
    accepter_dns_resolution: true
"""

RETURN = r"""
options:
  description: The options of both sides. In check mode as they would be.
  returned: success
  type: dict
  contains:
    requester_dns_resolution:
      description:
        - Whether the accepter's VPC resolves public DNS names of the requester's to private addresses.
        - Null if AWS does not show it, which may be so for a side in another account or region.
      type: bool
      returned: always
      sample: true
    accepter_dns_resolution:
      description:
        - Whether the requester's VPC resolves public DNS names of the accepter's to private addresses.
        - Null if AWS does not show it, which may be so for a side in another account or region.
      type: bool
      returned: always
      sample: true
"""

from ansible_collections.amazon.aws.plugins.module_utils.modules import AnsibleAWSModule

from ..module_utils._aws_service import Problem, Service
from ..module_utils._aws_vpc_peering_options import (
    BECOMING,
    SIDES,
    elsewhere,
    owners,
    present_options,
    problems,
    reconcile,
    request,
    state,
    why_not_active,
)
from ..module_utils._waiting import look_until

ARGUMENTS = dict(
    vpc_peering_connection_id=dict(type="str", required=True),
    requester_dns_resolution=dict(type="bool"),
    accepter_dns_resolution=dict(type="bool"),
    wait=dict(type="bool", default=True),
    wait_timeout=dict(type="int", default=60),
)
# AWS documents the first; both are seen.
NOT_FOUND = ("InvalidVpcPeeringConnectionID.NotFound", "InvalidVpcPeeringConnectionId.NotFound")
PAUSE = 3  # seconds between two looks


class Peering:
    """A peering connection, as the module's account and region see it."""

    def __init__(self, module):
        self.ec2 = Service(module, "ec2")
        self.id = module.params["vpc_peering_connection_id"]

    def describe(self):
        nowhere = (
            f"There is no peering connection {self.id} in {self.ec2.region}. Correct vpc_peering_connection_id, the "
            "region, or the account"
        )
        found = self.ec2.read(
            "describe_vpc_peering_connections",
            "VpcPeeringConnections",
            dict.fromkeys(NOT_FOUND, nowhere),
            VpcPeeringConnectionIds=[self.id],
        )
        if not found:
            raise Problem(nowhere)
        return found[0]

    def wait_while_becoming(self, timeout):
        """Return the connection when it is active or cannot become so, or when the time is over."""
        return look_until(self.describe, timeout, PAUSE, lambda connection: state(connection) not in BECOMING)

    def set(self, connection, changes):
        refused = (
            f"AWS refuses to set options of {self.id}. These are the {owners(connection, changes)}: use credentials of "
            "that account, and see that both VPCs have DNS hostnames and DNS resolution enabled"
        )
        self.ec2.call(
            "modify_vpc_peering_connection_options",
            {"OperationNotPermitted": refused},
            VpcPeeringConnectionId=self.id,
            **request(changes),
        )


def main():
    module = AnsibleAWSModule(
        argument_spec=ARGUMENTS,
        required_one_of=[list(SIDES)],
        supports_check_mode=True,
    )
    params = module.params
    try:
        wrong = problems(params)
        if wrong:
            raise Problem("; ".join(wrong))
        peering = Peering(module)
        waits = params["wait"] and not module.check_mode
        connection = peering.wait_while_becoming(params["wait_timeout"] if waits else 0)
        why_not = why_not_active(connection)
        if why_not and module.check_mode and state(connection) in BECOMING:
            module.warn(f"{why_not} It is taken to become active, as this is check mode.")
        elif why_not:
            raise Problem(why_not)

        before = present_options(connection)
        changes = reconcile(before, params)
        unreachable = elsewhere(connection, changes, peering.ec2.region)
        if unreachable:
            raise Problem("; ".join(unreachable))
        if changes and not module.check_mode:
            peering.set(connection, changes)
    except Problem as problem:
        problem.report(module)
    after = {**before, **changes}
    module.exit_json(changed=bool(changes), options=after, diff=dict(before=before, after=after))


if __name__ == "__main__":
    main()
