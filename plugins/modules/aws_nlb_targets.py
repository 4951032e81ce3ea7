#!/usr/bin/python
# Copyright (c) 2026 The lakehouse.onprem_tunnel authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: aws_nlb_targets
short_description: Manage which targets are registered in target groups of AWS network load balancers
version_added: 0.1.0
author:
  - The lakehouse.onprem_tunnel authors (@lakehouse)
description:
  - Registers targets in target groups or deregisters them, and waits for the outcome if asked to.
  - All groups are handled in one call, with one request for each change of a group.
  - Targets are the same if both their id and their port are.
notes:
  - Needs the permissions C(elasticloadbalancing:DescribeTargetHealth),
    C(elasticloadbalancing:DescribeTargetGroups), C(elasticloadbalancing:RegisterTargets) and
    C(elasticloadbalancing:DeregisterTargets).
extends_documentation_fragment:
  - amazon.aws.common.modules
  - amazon.aws.region.modules
  - amazon.aws.boto3
attributes:
  check_mode:
    description: Can run in check mode and return what would change, without changing anything.
    support: full
    details: A group's O(target_groups[].arn) may be empty there, for a group that would be made before.
  diff_mode:
    description: Returns the registered targets of each group before and after.
    support: full
options:
  target_groups:
    description: The target groups, each once. The targets of other groups are not touched.
    type: list
    elements: dict
    required: true
    suboptions:
      arn:
        description: ARN of the target group. Needed, except in check mode.
        type: str
      targets:
        description: The targets.
        type: list
        elements: dict
        required: true
        suboptions:
          id:
            description: Private address of the target, or its instance id, as the group's type has it.
            type: str
            required: true
          port:
            description: Its port. Left out, the group's.
            type: int
          availability_zone:
            description: Availability zone, or V(all) for an address outside of the group's VPC. Used to register.
            type: str
  state:
    description:
      - Whether the listed targets are registered.
      - A listed target that is draining is registered again, and draining targets count as deregistered.
    type: str
    choices: [present, absent]
    default: present
  purge:
    description: Whether targets of the named groups that are not listed are deregistered. Only with O(state=present).
    type: bool
    default: false
  wait:
    description:
      - Whether to wait until each listed target is healthy.
      - With O(purge), also until those that are not listed are gone, and with O(state=absent), until the listed ones
        are, which is when their connections have ended or their time to drain is over.
    type: bool
    default: false
  wait_timeout:
    description: Seconds to wait at most, for all groups together.
    type: int
    default: 300
seealso:
  - module: lakehouse.onprem_tunnel.aws_nlb_target_groups
"""

EXAMPLES = r"""
- name: Send connections to exactly these two proxies
  lakehouse.onprem_tunnel.aws_nlb_targets:
    region: eu-central-1
    target_groups:
      - arn: "{{ orders.arn }}"
        targets:
          - id: 10.40.1.10
          - id: 10.40.2.10
    purge: true
    wait: true

- name: Take one of them out, and wait until its connections have ended
  lakehouse.onprem_tunnel.aws_nlb_targets:
    region: eu-central-1
    target_groups:
      - arn: "{{ orders.arn }}"
        targets:
          - id: 10.40.1.10
    state: absent
    wait: true
    wait_timeout: 3900
"""

RETURN = r"""
target_groups:
  description: The listed target groups in their order.
  returned: success
  type: list
  elements: dict
  contains:
    arn:
      description: ARN of the target group.
      returned: always
      type: str
    registered:
      description: Targets that were registered, or in check mode would be.
      returned: always
      type: list
      elements: dict
      contains:
        id:
          description: Address or instance id.
          returned: always
          type: str
        port:
          description: Port.
          returned: always
          type: int
    deregistered:
      description: Targets that were deregistered, or in check mode would be.
      returned: always
      type: list
      elements: dict
      contains:
        id:
          description: Address or instance id.
          returned: always
          type: str
        port:
          description: Port.
          returned: always
          type: int
    targets:
      description: All targets that AWS knows of the group then. In check mode, as they are before.
      returned: always
      type: list
      elements: dict
      contains:
        id:
          description: Address or instance id.
          returned: always
          type: str
        port:
          description: Port.
          returned: always
          type: int
        state:
          description: Such as V(healthy), V(initial), V(unhealthy), V(unused) or V(draining).
          returned: always
          type: str
        reason:
          description: AWS's code for why it is not healthy. Null where it is.
          returned: always
          type: str
        description:
          description: AWS's sentence for why it is not healthy. Null where it is.
          returned: always
          type: str
"""

from ansible_collections.amazon.aws.plugins.module_utils.modules import AnsibleAWSModule

from ..module_utils._aws_elbv2 import BATCH, Api, poll
from ..module_utils._aws_targets import (
    describe,
    from_api,
    group_name,
    names,
    parameter_problems,
    reconcile,
    registered_after,
    unfinished,
    with_ports,
)

ARGUMENTS = dict(
    target_groups=dict(
        type="list",
        elements="dict",
        required=True,
        options=dict(
            arn=dict(type="str"),
            targets=dict(
                type="list",
                elements="dict",
                required=True,
                options=dict(
                    id=dict(type="str", required=True),
                    port=dict(type="int"),
                    availability_zone=dict(type="str"),
                ),
            ),
        ),
    ),
    state=dict(type="str", choices=["present", "absent"], default="present"),
    purge=dict(type="bool", default=False),
    wait=dict(type="bool", default=False),
    wait_timeout=dict(type="int", default=300),
)
GONE = ["TargetGroupNotFound"]
REGISTER_ADVICE = {
    "TargetGroupNotFound": "it does not exist; make it first",
    "InvalidTarget": "AWS does not take one of these targets; is each in the group's VPC, and running",
}


class Group:
    """One target group of the task: what is in it, and what shall be."""

    def __init__(self, arn, wanted):
        self.arn = arn
        self.name = group_name(arn) if arn else "a target group that would be made"
        self.subject = f"target group '{self.name}'"
        self.wanted = wanted
        self.exists = False
        self.before = []
        self.now = []
        self.register = []
        self.deregister = []


class Targets:
    """The targets of the task's groups, in AWS."""

    def __init__(self, module):
        self.module = module
        self.params = module.params
        self.api = Api(module, "elbv2")
        self.groups = [Group(entry["arn"], entry["targets"]) for entry in self.params["target_groups"]]

    def read(self):
        """Fill in what each group has, and what is to be done."""
        for group in self.groups:
            if group.arn:
                self.look(group)
            group.before = group.now
        ports = self.ports()
        for group in self.groups:
            group.wanted = with_ports(group.wanted, ports.get(group.arn))
            state, purge = self.params["state"], self.params["purge"]
            group.register, group.deregister = reconcile(group.before, group.wanted, state, purge)

    def look(self, group):
        answer = self.api.call("describe_target_health", group.subject, accept=GONE, TargetGroupArn=group.arn)
        # A group that is gone has no targets left, which is what absent wants.
        if answer is None and self.params["state"] == "present":
            self.module.fail_json(msg=f"{group.subject} ({group.arn}) does not exist; make it first")
        group.exists = answer is not None
        group.now = from_api(answer["TargetHealthDescriptions"]) if answer else []

    def ports(self):
        """Return the port of each group that has a listed target without one: ARN -> port."""
        found = {}
        asked = [
            group.arn for group in self.groups if group.exists and any(not entry["port"] for entry in group.wanted)
        ]
        for start in range(0, len(asked), BATCH):
            answer = self.api.call(
                "describe_target_groups", "target groups", TargetGroupArns=asked[start : start + BATCH]
            )
            found.update({entry["TargetGroupArn"]: entry["Port"] for entry in answer["TargetGroups"]})
        return found

    def apply(self):
        for group in self.groups:
            # Those that come in do so before others go, so that the group is not empty in between.
            if group.register:
                self.change(group, "register_targets", group.register, advice=REGISTER_ADVICE)
            if group.deregister:
                self.change(group, "deregister_targets", group.deregister, accept=GONE)
            if group.register or group.deregister:
                self.look(group)

    def change(self, group, operation, targets, **options):
        self.api.call(
            operation,
            group.subject,
            TargetGroupArn=group.arn,
            Targets=[to_api(target) for target in targets],
            **options,
        )

    def wait(self):
        state, purge = self.params["state"], self.params["purge"]

        def waiting(group):
            return unfinished(group.now, group.wanted, state, purge)

        def look():
            for group in self.groups:
                if waiting(group):
                    self.look(group)
            return [describe(target, group.arn) for group in self.groups for target in waiting(group)]

        left, done = poll(look, lambda left: not left, self.params["wait_timeout"])
        if not done:
            wanted = "gone" if state == "absent" else "healthy, or gone where it is not listed" if purge else "healthy"
            self.module.fail_json(
                msg=f"After {self.params['wait_timeout']} s not every target is {wanted}: {'; '.join(left)}. "
                "See to these targets, or raise wait_timeout"
            )


def to_api(target):
    keys = dict(id="Id", port="Port", availability_zone="AvailabilityZone")
    return {keys[field]: target[field] for field in keys if target.get(field)}


def main():
    module = AnsibleAWSModule(argument_spec=ARGUMENTS, supports_check_mode=True)
    wrong = parameter_problems(module.params, module.check_mode)
    if wrong:
        module.fail_json(msg="; ".join(wrong))

    targets = Targets(module)
    targets.read()
    groups = targets.groups
    if not module.check_mode:
        targets.apply()
        if module.params["wait"]:
            targets.wait()
    module.exit_json(
        changed=any(group.register or group.deregister for group in groups),
        target_groups=[
            dict(
                arn=group.arn,
                registered=[dict(id=target["id"], port=target["port"]) for target in group.register],
                deregistered=[dict(id=target["id"], port=target["port"]) for target in group.deregister],
                targets=group.now,
            )
            for group in groups
        ],
        diff=dict(
            before={group.name: names(registered_after(group.before, [], [])) for group in groups},
            after={
                group.name: names(registered_after(group.before, group.register, group.deregister)) for group in groups
            },
        ),
    )


if __name__ == "__main__":
    main()
