#!/usr/bin/python
# Copyright (c) 2026 The lakehouse.onprem_tunnel authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: aws_vpc_routes
short_description: Add given routes to route tables, or take them away, and touch no other
version_added: 0.1.0
author:
  - The lakehouse.onprem_tunnel authors (@lakehouse)
description:
  - Adds routes to one target to route tables that may belong to somebody else, or takes them away again.
  - Every other route, the tables' tags and their associations stay as they are. For route tables of your own,
    M(amazon.aws.ec2_vpc_route_table) does more.
notes:
  - The calls that the credentials must be allowed are C(ec2:DescribeRouteTables), C(ec2:CreateRoute),
    C(ec2:ReplaceRoute) and C(ec2:DeleteRoute).
options:
  route_table_ids:
    description:
      - The route tables. An empty list is fine, and nothing is done.
      - For O(state=absent), a table that does not exist has no routes; there is a warning.
    type: list
    elements: str
    required: true
  destinations:
    description:
      - The ranges that the routes lead to, IPv4 or IPv6, each with its prefix length.
      - As AWS does, host bits are ignored, so V(10.40.1.1/16) is V(10.40.0.0/16).
    type: list
    elements: str
    required: true
  vpc_peering_connection_id:
    description:
      - The peering connection that the routes lead to.
      - Exactly one of O(vpc_peering_connection_id), O(transit_gateway_id) and O(gateway_id) is required.
    type: str
  transit_gateway_id:
    description:
      - The transit gateway that the routes lead to.
    type: str
  gateway_id:
    description:
      - The internet gateway or virtual private gateway that the routes lead to.
    type: str
  state:
    description:
      - V(present) adds the routes that are missing. A route to the same destination whose target is gone
        (a blackhole) is replaced. One that leads elsewhere makes the module fail, before anything is changed.
      - V(absent) removes the routes that lead to the target. Routes that lead elsewhere, and propagated ones, stay.
    type: str
    choices: [present, absent]
    default: present
  replace:
    description:
      - Whether a route to the same destination that leads elsewhere is replaced.
      - A VPC's own range cannot be routed elsewhere, whatever this is.
    type: bool
    default: false
attributes:
  check_mode:
    description: Can run in check mode and return what would change, without changing anything.
    support: full
  diff_mode:
    description: Returns the targets of the given destinations before and after, for each route table.
    support: full
extends_documentation_fragment:
  - amazon.aws.common.modules
  - amazon.aws.region.modules
  - amazon.aws.boto3
"""

EXAMPLES = r"""
- name: Let the workspace's subnets reach the hub
  lakehouse.onprem_tunnel.aws_vpc_routes:
    region: eu-west-1
    route_table_ids: [rtb-0123456789abcdef0, rtb-0fedcba9876543210]
    destinations: [10.40.0.0/16]
    vpc_peering_connection_id: pcx-0123456789abcdef0

- name: Take these routes away again, and no other
  lakehouse.onprem_tunnel.aws_vpc_routes:
    region: eu-west-1
    route_table_ids: [rtb-0123456789abcdef0, rtb-0fedcba9876543210]
    destinations: [10.40.0.0/16]
    vpc_peering_connection_id: pcx-0123456789abcdef0
    state: absent
"""

RETURN = r"""
added:
  description: The routes that were missing, and were added.
  returned: success
  type: list
  elements: dict
  contains:
    route_table_id:
      description: The route table.
      type: str
      returned: always
      sample: rtb-0123456789abcdef0
    destination:
      description: The range that the route leads to, without host bits.
      type: str
      returned: always
      sample: 10.40.0.0/16
replaced:
  description: The routes that led elsewhere, or nowhere, and were replaced.
  returned: success
  type: list
  elements: dict
  contains:
    route_table_id:
      description: The route table.
      type: str
      returned: always
      sample: rtb-0123456789abcdef0
    destination:
      description: The range that the route leads to, without host bits.
      type: str
      returned: always
      sample: 10.40.0.0/16
    former_target:
      description: What the route led to before.
      type: str
      returned: always
      sample: nat-0123456789abcdef0
removed:
  description: The routes that were removed.
  returned: success
  type: list
  elements: dict
  contains:
    route_table_id:
      description: The route table.
      type: str
      returned: always
      sample: rtb-0123456789abcdef0
    destination:
      description: The range that the route leads to, without host bits.
      type: str
      returned: always
      sample: 10.40.0.0/16
"""

from ansible_collections.amazon.aws.plugins.module_utils.modules import AnsibleAWSModule
from ansible_collections.amazon.aws.plugins.module_utils.transformation import ansible_dict_to_boto3_filter_list

from ..module_utils._aws_service import Problem, Service
from ..module_utils._aws_vpc_routes import (
    TARGETS,
    blackholes,
    canonical,
    once,
    problems,
    reconcile,
    routes_by_destination,
    targets,
    targets_after,
)

ARGUMENTS = dict(
    route_table_ids=dict(type="list", elements="str", required=True),
    destinations=dict(type="list", elements="str", required=True),
    vpc_peering_connection_id=dict(type="str"),
    transit_gateway_id=dict(type="str"),
    gateway_id=dict(type="str"),
    state=dict(type="str", choices=["present", "absent"], default="present"),
    replace=dict(type="bool", default=False),
)
ADVICE = {
    "RouteAlreadyExists": "somebody added another meanwhile; look at it, and run again",
    "RouteLimitExceeded": "the table is full; give fewer, larger destinations, or have the quota raised",
}


class Routes:
    """Routes in the module's account and region."""

    def __init__(self, module):
        self.ec2 = Service(module, "ec2")

    def tables(self, ids):
        """Return the routes of those tables that exist: id -> routes by destination, in the order of the ids."""
        if not ids:  # an empty filter would let AWS return every table
            return {}
        # A filter, rather than ids, so that every table that is missing can be named, not only the first.
        found = self.ec2.read(
            "describe_route_tables",
            "RouteTables",
            Filters=ansible_dict_to_boto3_filter_list({"route-table-id": ids}),
        )
        described = {table["RouteTableId"]: table for table in found}
        return {id: routes_by_destination(described[id]) for id in ids if id in described}

    def apply(self, todo, target):
        for place in todo["added"]:
            self.write("create_route", place, target)
        for place in todo["replaced"]:
            self.write("replace_route", place, target)
        for place in todo["removed"]:
            self.write("delete_route", place, {}, gone_is_fine=True)

    def write(self, method, place, target, gone_is_fine=False):
        destination = place["destination"]
        key = "DestinationIpv6CidrBlock" if ":" in destination else "DestinationCidrBlock"
        try:
            self.ec2.call(method, ADVICE, RouteTableId=place["route_table_id"], **{key: destination}, **target)
        except Problem as problem:
            if gone_is_fine and problem.code == "InvalidRoute.NotFound":
                return
            raise Problem(
                f"The route to {destination} in {place['route_table_id']}: {problem}", problem.cause
            ) from problem


def missing(ids, tables, region):
    """Return which tables do not exist, in words; empty if all do."""
    names = [id for id in ids if id not in tables]
    return f"There is no route table {', '.join(names)} in {region}" if names else ""


def main():
    module = AnsibleAWSModule(
        argument_spec=ARGUMENTS,
        required_one_of=[list(TARGETS)],
        mutually_exclusive=[list(TARGETS)],
        supports_check_mode=True,
    )
    params = module.params
    try:
        wrong = problems(params)
        if wrong:
            raise Problem("; ".join(wrong))
        ids = once(params["route_table_ids"])
        destinations = once(canonical(destination) for destination in params["destinations"])
        option = next(option for option in TARGETS if params[option] is not None)
        target = params[option]

        routes = Routes(module)
        tables = routes.tables(ids)
        absent_tables = missing(ids, tables, routes.ec2.region)
        if absent_tables and params["state"] == "present":
            raise Problem(f"{absent_tables}. Correct route_table_ids, the region, or the account.")
        if absent_tables:
            module.warn(f"{absent_tables}, so there are no routes in it to remove.")

        todo, conflicts = reconcile(tables, destinations, target, params["state"], params["replace"])
        if conflicts:
            raise Problem(
                f"Other routes are in the way of {target}: {'; '.join(conflicts)}. Nothing was changed. "
                "Correct destinations, remove those routes, or set replace: true where they are yours to replace."
            )
        if params["state"] == "present":
            for route in blackholes(tables, destinations, target):
                module.warn(f"The route to {route} leads nowhere, as {target} is not active.")
        if not module.check_mode:
            routes.apply(todo, {TARGETS[option][0]: target})
    except Problem as problem:
        problem.report(module)
    before = targets(tables, destinations)
    module.exit_json(
        changed=any(todo.values()),
        diff=dict(before=before, after=targets_after(before, todo, target)),
        **todo,
    )


if __name__ == "__main__":
    main()
