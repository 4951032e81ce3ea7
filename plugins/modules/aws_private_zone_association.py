#!/usr/bin/python
# Copyright (c) 2026 The lakehouse.onprem_tunnel authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: aws_private_zone_association
short_description: Show a private hosted zone to a VPC, in the same or another account
version_added: 0.1.0
author:
  - The lakehouse.onprem_tunnel authors (@lakehouse)
description:
  - Associates a VPC with a private hosted zone of Route 53, so that the VPC resolves the zone's names, or ends that.
    The zone's other VPCs and its records stay as they are.
  - For a VPC of another account, the zone's owner first allows it by O(state=authorized), and then the VPC's owner
    makes it by O(state=associated), each with credentials of its own. C(amazon.aws.route53_zone) cannot do that.
notes:
  - The calls that the credentials must be allowed are, for the zone's owner, C(route53:GetHostedZone),
    C(route53:ListVPCAssociationAuthorizations), C(route53:CreateVPCAssociationAuthorization),
    C(route53:DeleteVPCAssociationAuthorization) and C(route53:DisassociateVPCFromHostedZone); for the VPC's owner,
    C(route53:ListHostedZonesByVPC), C(route53:AssociateVPCWithHostedZone), C(route53:DisassociateVPCFromHostedZone)
    and C(ec2:DescribeVpcs).
  - Route 53 is global. O(region) is the connection's only, and O(vpc_region) says where the VPC is.
  - A change takes effect within a minute or so. The module does not wait for it, as AWS does not let every account look.
options:
  zone_id:
    description:
      - The private hosted zone, with or without V(/hostedzone/) before it.
    type: str
    required: true
  vpc_id:
    description:
      - The VPC.
    type: str
    required: true
  vpc_region:
    description:
      - The region that the VPC is in.
    type: str
    required: true
  state:
    description:
      - V(associated) shows the zone to the VPC. To be run by the VPC's owner.
      - V(authorized) lets the owner of the VPC do that, who has another account. To be run by the zone's owner.
        Nothing is done if the VPC is associated already.
      - V(absent) hides the zone from the VPC, and takes an authorization back. Either owner can do the former, and
        only the zone's owner the latter. If the zone does not exist, that is fine.
      - The last VPC of a zone has to stay.
    type: str
    choices: [associated, authorized, absent]
    default: associated
attributes:
  check_mode:
    description: Can run in check mode and return what would change, without changing anything.
    support: full
    details:
      - Cannot tell whether the VPC exists, nor whether the owner of a zone in another account authorized it.
  diff_mode:
    description: Returns the association before and after.
    support: full
extends_documentation_fragment:
  - amazon.aws.common.modules
  - amazon.aws.region.modules
  - amazon.aws.boto3
"""

EXAMPLES = r"""
- name: Let the workspace's account show the zone to its VPC
  lakehouse.onprem_tunnel.aws_private_zone_association:
    region: eu-west-1
    zone_id: Z0123456789ABCDEFGHIJ
    vpc_id: vpc-0123456789abcdef0
    vpc_region: eu-central-1
    state: authorized

- name: Show the zone to the VPC
  lakehouse.onprem_tunnel.aws_private_zone_association:
    profile: workspace
    region: eu-central-1
    zone_id: Z0123456789ABCDEFGHIJ
    vpc_id: vpc-0123456789abcdef0
    vpc_region: eu-central-1
"""

RETURN = r"""
association:
  description: What there is between the zone and the VPC. In check mode as it would be.
  returned: success
  type: dict
  contains:
    zone_id:
      description: The hosted zone.
      type: str
      returned: always
      sample: Z0123456789ABCDEFGHIJ
    vpc_id:
      description: The VPC.
      type: str
      returned: always
      sample: vpc-0123456789abcdef0
    vpc_region:
      description: The region that the VPC is in.
      type: str
      returned: always
      sample: eu-central-1
    associated:
      description: Whether the VPC resolves the zone's names.
      type: bool
      returned: always
      sample: true
    authorized:
      description:
        - Whether another account's VPC is allowed to be associated.
        - Null where it was not looked at, which is so for O(state=associated) and for a zone of another account.
      type: bool
      returned: always
      sample: false
"""

from ansible_collections.amazon.aws.plugins.module_utils.modules import AnsibleAWSModule

from ..module_utils._aws_private_zone_association import after, bare_zone_id, problems, reconcile
from ..module_utils._aws_service import DENIED, Problem, Service

ARGUMENTS = dict(
    zone_id=dict(type="str", required=True),
    vpc_id=dict(type="str", required=True),
    vpc_region=dict(type="str", required=True),
    state=dict(type="str", choices=["associated", "authorized", "absent"], default="associated"),
)
METHODS = {
    "authorize": "create_vpc_association_authorization",
    "associate": "associate_vpc_with_hosted_zone",
    "deauthorize": "delete_vpc_association_authorization",
    "disassociate": "disassociate_vpc_from_hosted_zone",
}
# What somebody else did meanwhile, and is what was wanted.
DONE_ALREADY = {
    "deauthorize": ("VPCAssociationAuthorizationNotFound", "NoSuchHostedZone"),
    "disassociate": ("VPCAssociationNotFound", "NoSuchHostedZone"),
}


class Association:
    """A zone and a VPC, as the module's account sees them."""

    def __init__(self, module):
        self.route53 = Service(module, "route53")
        self.zone_id = bare_zone_id(module.params["zone_id"])
        self.vpc_id = module.params["vpc_id"]
        self.vpc_region = module.params["vpc_region"]
        self.vpc = {"VPCId": self.vpc_id, "VPCRegion": self.vpc_region}
        self.state = module.params["state"]
        self.advice = {
            "NoSuchHostedZone": f"There is no hosted zone {self.zone_id}. Correct zone_id, or make the zone first",
            "InvalidVPCId": (
                f"There is no VPC {self.vpc_id} in {self.vpc_region}, or not in this account. Correct vpc_id and "
                "vpc_region"
            ),
            "NotAuthorizedException": (
                f"The zone {self.zone_id} and the VPC {self.vpc_id} are of two accounts, and the zone's has not allowed "
                "it. With credentials of the zone's account set state: authorized; then, with those of the VPC's "
                "account, state: associated"
            ),
            "ConflictingDomainExists": (
                f"The VPC {self.vpc_id} is associated with another zone of the same name as {self.zone_id}. "
                "Disassociate it from that one first"
            ),
            "PublicZoneVPCAssociation": self.public_zone(),
            "LastVPCAssociation": self.last_vpc(),
        }

    def public_zone(self):
        return f"The zone {self.zone_id} is public, and VPCs are for private ones. Give a private zone's id"

    def last_vpc(self):
        return (
            f"The VPC {self.vpc_id} is the last one of the zone {self.zone_id}, and a private zone needs one. Associate "
            "another first, or delete the zone"
        )

    def read(self):
        """Return what there is: associated, and authorized."""
        try:
            answer = self.route53.call("get_hosted_zone", self.advice, Id=self.zone_id)
        except Problem as problem:
            if problem.code == "NoSuchHostedZone" and self.state == "absent":
                return dict(associated=False, authorized=False)
            if problem.code in DENIED and self.state != "authorized":
                return dict(associated=self.seen_by_vpc(), authorized=None)
            if problem.code in DENIED:
                raise Problem(
                    f"{problem}, or the zone {self.zone_id} belongs to another account; only its owner can set state: "
                    "authorized",
                    problem.cause,
                ) from problem
            raise
        vpcs = [vpc["VPCId"] for vpc in answer.get("VPCs", [])]
        if not answer["HostedZone"].get("Config", {}).get("PrivateZone"):
            if self.state != "absent":
                raise Problem(f"{self.public_zone()}.")
            return dict(associated=False, authorized=False)
        if self.state == "absent" and vpcs == [self.vpc_id]:
            raise Problem(f"{self.last_vpc()}.")
        authorized = None if self.state == "associated" else self.is_authorized()
        return dict(associated=self.vpc_id in vpcs, authorized=authorized)

    def is_authorized(self):
        found = self.route53.read("list_vpc_association_authorizations", "VPCs", self.advice, HostedZoneId=self.zone_id)
        return self.vpc_id in [vpc["VPCId"] for vpc in found]

    def seen_by_vpc(self):
        """Return whether the VPC is associated, as only its owner is told of a zone that belongs to another account."""
        page = {}
        while True:
            try:
                answer = self.route53.call("list_hosted_zones_by_vpc", self.advice, **self.vpc, **page)
            except Problem as problem:
                if problem.code in DENIED:
                    raise Problem(
                        f"{problem}. GetHostedZone was denied, too. Use credentials of the account that has the zone "
                        f"{self.zone_id} or the VPC {self.vpc_id}",
                        problem.cause,
                    ) from problem
                raise
            if self.zone_id in [bare_zone_id(zone["HostedZoneId"]) for zone in answer["HostedZoneSummaries"]]:
                return True
            if not answer.get("NextToken"):
                return False
            page = {"NextToken": answer["NextToken"]}

    def apply(self, steps):
        for step in steps:
            try:
                self.route53.call(METHODS[step], self.advice, HostedZoneId=self.zone_id, VPC=self.vpc)
            except Problem as problem:
                if problem.code not in DONE_ALREADY.get(step, ()):
                    raise

    def result(self, seen):
        return dict(zone_id=self.zone_id, vpc_id=self.vpc_id, vpc_region=self.vpc_region, **seen)


def main():
    module = AnsibleAWSModule(argument_spec=ARGUMENTS, supports_check_mode=True)
    try:
        wrong = problems(module.params)
        if wrong:
            raise Problem("; ".join(wrong))
        association = Association(module)
        present = association.read()
        steps = reconcile(present, module.params["state"])
        if not module.check_mode:
            association.apply(steps)
    except Problem as problem:
        problem.report(module)
    before, now = association.result(present), association.result(after(present, steps))
    module.exit_json(changed=bool(steps), association=now, diff=dict(before=before, after=now))


if __name__ == "__main__":
    main()
