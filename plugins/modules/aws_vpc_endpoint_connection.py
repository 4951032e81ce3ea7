#!/usr/bin/python
# Copyright (c) 2026 The lakehouse.onprem_tunnel authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: aws_vpc_endpoint_connection
short_description: Accept or reject an endpoint's connection to a VPC endpoint service
version_added: 0.1.0
author:
  - The lakehouse.onprem_tunnel authors (@lakehouse)
description:
  - Accepts or rejects the connection of exactly one endpoint, or of one account's endpoints, to an endpoint service.
  - There is no way to accept whatever is pending, since anybody whom the service allows can ask for a connection.
notes:
  - The calls that the credentials must be allowed are C(ec2:DescribeVpcEndpointConnections),
    C(ec2:AcceptVpcEndpointConnections), C(ec2:RejectVpcEndpointConnections) and
    C(ec2:DescribeVpcEndpointServiceConfigurations).
options:
  service_id:
    description:
      - The endpoint service.
    type: str
    required: true
  vpc_endpoint_id:
    description:
      - The endpoint that is meant. Databricks returns it as C(vpc_endpoint_id) of a private endpoint rule.
      - One of O(vpc_endpoint_id) and O(owner_id) is required.
    type: str
  owner_id:
    description:
      - The account whose endpoints are meant, all of them. Write its 12 digits in quotation marks.
      - To be used for an account that is trusted as a whole. Databricks makes the endpoints of all its customers in
        accounts of its own, so one of those endpoints is to be named by O(vpc_endpoint_id).
      - An owner's endpoints that were rejected before stay rejected.
    type: str
  state:
    description:
      - V(accepted) lets the endpoint connect. A rejected one is accepted again if O(vpc_endpoint_id) names it.
      - V(rejected) refuses the connection, or ends it. That there is none is fine.
    type: str
    choices: [accepted, rejected]
    default: accepted
  wait:
    description:
      - Whether to wait until the connections are as wanted. For V(accepted) until they are available, first for the
        endpoint, or the owner's first one, to appear.
      - Without it, an endpoint that O(vpc_endpoint_id) names has to be there already.
    type: bool
    default: true
  wait_timeout:
    description:
      - Seconds to wait at most.
    type: int
    default: 300
attributes:
  check_mode:
    description: Can run in check mode and return what would change, without changing anything.
    support: full
    details:
      - Does not wait. An endpoint that is not there yet is taken to appear and to need acceptance, with a warning.
  diff_mode:
    description: Returns the connections' states before and after.
    support: full
extends_documentation_fragment:
  - amazon.aws.common.modules
  - amazon.aws.region.modules
  - amazon.aws.boto3
"""

EXAMPLES = r"""
- name: Accept the endpoint of our private endpoint rule, and no other
  lakehouse.onprem_tunnel.aws_vpc_endpoint_connection:
    region: eu-west-1
    service_id: "{{ endpoint_service.service.service_id }}"
    vpc_endpoint_id: vpce-0123456789abcdef0

- name: Cut off the endpoints of an account
  lakehouse.onprem_tunnel.aws_vpc_endpoint_connection:
    region: eu-west-1
    service_id: "{{ endpoint_service.service.service_id }}"
    owner_id: "123456789012"
    state: rejected
"""

RETURN = r"""
connections:
  description:
    - The connections that are meant, sorted by endpoint. Empty if there are none.
    - In check mode as they would be.
  returned: success
  type: list
  elements: dict
  contains:
    vpc_endpoint_id:
      description: The endpoint.
      type: str
      returned: always
      sample: vpce-0123456789abcdef0
    owner:
      description: The account that the endpoint belongs to.
      type: str
      returned: always
      sample: "123456789012"
    state:
      description: >-
        V(pendingAcceptance), V(pending), V(available), V(rejected), V(failed), V(expired), V(deleting), V(deleted),
        or another that AWS knows.
      type: str
      returned: always
      sample: available
    creation_timestamp:
      description: When the endpoint was made, in ISO 8601; null if AWS does not say.
      type: str
      returned: always
      sample: "2026-11-23T20:14:44+00:00"
    dns_entries:
      description: The endpoint's DNS names.
      type: list
      elements: dict
      returned: always
      contains:
        dns_name:
          description: The name.
          type: str
          returned: always
        hosted_zone_id:
          description: The hosted zone that holds it.
          type: str
          returned: always
"""

from ansible.module_utils.common.warnings import warn
from ansible_collections.amazon.aws.plugins.module_utils.modules import AnsibleAWSModule

from ..module_utils._aws_service import Problem
from ..module_utils._aws_vpc_endpoint import (
    ENDPOINT_NOT_FOUND,
    EndpointServices,
    describe_failures,
    wait_until,
)
from ..module_utils._aws_vpc_endpoint_connection import ACCEPTED, OVER, concerned, problems, reconcile, states

ARGUMENTS = dict(
    service_id=dict(type="str", required=True),
    vpc_endpoint_id=dict(type="str"),
    owner_id=dict(type="str"),
    state=dict(type="str", choices=["accepted", "rejected"], default="accepted"),
    wait=dict(type="bool", default=True),
    wait_timeout=dict(type="int", default=300),
)


class Connections:
    """The connections that the module's parameters name."""

    def __init__(self, module):
        self.module = module
        self.params = module.params
        self.aws = EndpointServices(module)
        self.service_id = self.params["service_id"]
        self.by_id = self.params["vpc_endpoint_id"] is not None
        if self.by_id:
            self.filters = {"vpc-endpoint-id": self.params["vpc_endpoint_id"]}
            self.name = f"endpoint {self.params['vpc_endpoint_id']}"
        else:
            self.filters = {"vpc-endpoint-owner": self.params["owner_id"]}
            self.name = f"endpoint of account {self.params['owner_id']}"

    def read(self):
        return self.aws.connections(self.service_id, **self.filters)

    def accept(self):
        """Return (changed, states before, states after, connections)."""
        connections = self.read()
        before = states(connections)
        if not concerned(connections, self.by_id):
            self.must_exist()
            if self.module.check_mode and self.params["wait"]:
                # AnsibleAWSModule.warn hands the warning on in a way that ansible-core 2.19 calls deprecated.
                warn(f"No {self.name} is connected to {self.service_id} yet; a real run waits for it.")
                expected = {self.params["vpc_endpoint_id"]: "available"} if self.by_id else {}
                return True, before, {**before, **expected}, connections
            connections = self.wait_until_there() if self.params["wait"] else connections
        self.must_not_be_over(connections)
        todo = reconcile(connections, "accepted", self.by_id)
        after = {**states(connections), **dict.fromkeys(todo, "available")}
        if not self.module.check_mode:
            if todo:
                self.decide("accept_vpc_endpoint_connections", "accept", todo)
            meant = [one["vpc_endpoint_id"] for one in concerned(connections, self.by_id)]
            connections = self.wait_until_available(meant) if self.params["wait"] else self.read()
        return bool(todo), before, after, connections

    def reject(self):
        """Return (changed, states before, states after, connections)."""
        connections = self.read()
        todo = reconcile(connections, "rejected", self.by_id)
        before = states(connections)
        if todo and not self.module.check_mode:
            self.decide("reject_vpc_endpoint_connections", "reject", todo, gone_is_fine=True)
            connections = self.wait_until_rejected(todo) if self.params["wait"] else self.read()
        return bool(todo), before, {**before, **dict.fromkeys(todo, "rejected")}, connections

    def must_exist(self):
        """Nothing is there to accept: fail where waiting for it is of no use, or not wanted."""
        if self.aws.service(self.service_id) is None:
            raise Problem(
                f"There is no endpoint service {self.service_id} in {self.aws.region}. "
                "Correct service_id or the region."
            )
        if self.by_id and not self.params["wait"]:
            raise Problem(
                f"No {self.name} is connected to {self.service_id}. Make it first, correct its id, or set wait: true."
            )

    def must_not_be_over(self, connections):
        for connection in connections if self.by_id else []:
            if connection["state"] in OVER:
                raise Problem(
                    f"The {self.name} is {connection['state']}, and AWS accepts no such endpoint. Have its owner, "
                    f"account {connection['owner']}, delete it and make a new one (for Databricks, a new private "
                    "endpoint rule), and accept that."
                )

    def decide(self, method, verb, endpoint_ids, gone_is_fine=False):
        failed = self.aws.decide(method, self.service_id, endpoint_ids)
        if gone_is_fine:
            failed = {name: reason for name, reason in failed.items() if reason[0] not in ENDPOINT_NOT_FOUND}
        if failed:
            raise Problem(
                f"AWS did not {verb} connections to {self.service_id}: {describe_failures(failed)}. "
                "Look at the endpoints' states, and run again."
            )

    def wait_until_there(self):
        def look():
            found = self.read()
            return found if concerned(found, self.by_id) else None

        def unfinished():
            return (
                f"No {self.name} asked for a connection to {self.service_id} in {self.params['wait_timeout']} s. "
                "Make it, or see whether it was made for another service or is not allowed by this one."
            )

        return wait_until(look, self.params["wait_timeout"], unfinished)

    def wait_until_available(self, endpoint_ids):
        seen = {}

        def look():
            connections = self.read()
            present = states(connections)
            seen.update({name: present.get(name, "deleted") for name in endpoint_ids})
            lost = {name: state for name, state in seen.items() if state in ("rejected", *OVER)}
            if lost:
                raise Problem(
                    f"Connections to {self.service_id} were accepted and are not available: {listed(lost)}. "
                    "Somebody else decided otherwise, or the endpoints' owner has to make new ones."
                )
            ready = all(state in ACCEPTED and state != "pending" for state in seen.values())
            return connections if ready else None

        def unfinished():
            return (
                f"Connections to {self.service_id} are not available after {self.params['wait_timeout']} s: "
                f"{listed(seen)}. Run again to wait on, or raise wait_timeout."
            )

        return wait_until(look, self.params["wait_timeout"], unfinished)

    def wait_until_rejected(self, endpoint_ids):
        seen = {}

        def look():
            connections = self.read()
            left = set(reconcile(connections, "rejected", self.by_id)) & set(endpoint_ids)
            seen.update({name: state for name, state in states(connections).items() if name in left})
            return None if left else connections

        def unfinished():
            return (
                f"Connections to {self.service_id} are not rejected after {self.params['wait_timeout']} s: "
                f"{listed(seen)}. Run again to wait on, or raise wait_timeout."
            )

        return wait_until(look, self.params["wait_timeout"], unfinished)


def listed(by_id):
    return ", ".join(f"{name} is {state}" for name, state in sorted(by_id.items()))


def main():
    module = AnsibleAWSModule(
        argument_spec=ARGUMENTS,
        required_one_of=[("vpc_endpoint_id", "owner_id")],
        mutually_exclusive=[("vpc_endpoint_id", "owner_id")],
        supports_check_mode=True,
    )
    try:
        wrong = problems(module.params)
        if wrong:
            raise Problem("; ".join(wrong))
        found = Connections(module)
        accepting = module.params["state"] == "accepted"
        changed, before, after, connections = found.accept() if accepting else found.reject()
    except Problem as problem:
        problem.report(module)
    if module.check_mode:
        connections = [dict(one, state=after[one["vpc_endpoint_id"]]) for one in connections]
    module.exit_json(changed=changed, connections=connections, diff=dict(before=before, after=after))


if __name__ == "__main__":
    main()
