#!/usr/bin/python
# Copyright (c) 2026 The lakehouse.onprem_tunnel authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: aws_nlb_target_groups
short_description: Manage a set of target groups of AWS network load balancers
version_added: 0.1.0
author:
  - The lakehouse.onprem_tunnel authors (@lakehouse)
description:
  - Makes target groups with their health checks, attributes and tags, changes what differs, or deletes them.
  - All are handled in one call, so the time does not grow with the start of a module for each of them.
  - Which targets are in them is not touched. That is what M(lakehouse.onprem_tunnel.aws_nlb_targets) is for.
  - Everything that can be known to be impossible is said before anything changes.
notes:
  - Needs the permissions C(elasticloadbalancing:DescribeTargetGroups),
    C(elasticloadbalancing:DescribeTargetGroupAttributes), C(elasticloadbalancing:DescribeListeners),
    C(elasticloadbalancing:DescribeTags), and those of the calls that change something.
extends_documentation_fragment:
  - amazon.aws.common.modules
  - amazon.aws.region.modules
  - amazon.aws.boto3
attributes:
  check_mode:
    description: Can run in check mode and return what would change, without changing anything.
    support: full
    details: A group that is to be deleted and is in use is a warning there, since an earlier task would release it.
  diff_mode:
    description: Returns the target groups before and after.
    support: full
options:
  target_groups:
    description: The target groups.
    type: list
    elements: dict
    required: true
    suboptions:
      name:
        description:
          - Name of the target group, which is unique in its account and region.
          - At most 32 letters, digits and hyphens. It neither starts nor ends with a hyphen.
        type: str
        required: true
      port:
        description:
          - Port of targets that are registered without one. Needed with O(state=present). Cannot be changed later.
        type: int
      protocol:
        description: Protocol to the targets. Cannot be changed later.
        type: str
        choices: [TCP, UDP, TCP_UDP]
        default: TCP
      health_check:
        description: How the load balancer asks a target for its health. Left out, it stays as it is.
        type: dict
        suboptions:
          protocol:
            description: Protocol of the question.
            type: str
            choices: [HTTP, HTTPS, TCP]
            default: HTTP
          port:
            description: Port that is asked. Left out, the target's own.
            type: int
          path:
            description:
              - Path that is asked for. Left out, V(/).
              - Only with O(target_groups[].health_check.protocol=HTTP) or V(HTTPS).
            type: str
          interval:
            description: Seconds between two questions, 5 to 300.
            type: int
            default: 5
          timeout:
            description: Seconds that the answer may take, 2 to 120, and no longer than the interval.
            type: int
            default: 2
          healthy_threshold:
            description: Good answers in a row that make a target healthy, 2 to 10.
            type: int
            default: 2
          unhealthy_threshold:
            description: Bad answers in a row that make a target unhealthy, 2 to 10.
            type: int
            default: 2
          matcher:
            description: HTTP status codes that are good, such as V(200) or V(200-399). Not used with V(TCP).
            type: str
            default: "200"
      attributes:
        description:
          - Attributes of the target group, by the keys of the API. Those that are not named stay as they are.
          - See U(https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_TargetGroupAttribute.html).
        type: dict
      tags:
        description: Further tags of this target group. They go before those of O(tags).
        type: dict
  owner_tags:
    description:
      - Tags that mark what is yours. A target group of a listed name that is there without all of them is somebody
        else's, and the module fails before it changes anything.
      - The tags of a group have to include them where it is made, or its tags are purged.
    type: dict
    default: {}
  vpc_id:
    description: Id of the VPC of the targets. Needed to make a target group. Cannot be changed later.
    type: str
  target_type:
    description: Whether targets are given by address or by instance id. Cannot be changed later.
    type: str
    choices: [ip, instance]
    default: ip
  state:
    description: Whether the target groups are there.
    type: str
    choices: [present, absent]
    default: present
  tags:
    description: Tags of all the target groups. Where no tags are given, they stay as they are.
    type: dict
  purge_tags:
    description: Whether other tags are removed, where tags are given. Those that start with C(aws:) always stay.
    type: bool
    default: true
  purge_tagged:
    description:
      - Deletes the target groups of this account and region that have all of these tags and are not listed.
      - Fails, before anything changes, if one of them is still used by a load balancer. Repoint its listener first.
      - The tags of all target groups of the region are read for it, with one call for each 20 of them.
    type: dict
seealso:
  - module: lakehouse.onprem_tunnel.aws_nlb
  - module: lakehouse.onprem_tunnel.aws_nlb_targets
"""

EXAMPLES = r"""
- name: Make a target group for each resource
  lakehouse.onprem_tunnel.aws_nlb_target_groups:
    region: eu-central-1
    vpc_id: vpc-0a1b2c3d4e5f60001
    target_groups:
      - name: prod-orders-3306
        port: 3306
        health_check:
          port: 8405
          path: /healthz/orders
        attributes:
          target_health_state.unhealthy.connection_termination.enabled: false
          target_health_state.unhealthy.draining_interval_seconds: 3600
          preserve_client_ip.enabled: false
      - name: prod-crm-5432
        port: 5432
        health_check:
          port: 8405
          path: /healthz/crm
    tags:
      environment: prod
  register: target_groups

- name: Delete those of this environment that are not listed any more, after the listeners point elsewhere
  lakehouse.onprem_tunnel.aws_nlb_target_groups:
    region: eu-central-1
    vpc_id: vpc-0a1b2c3d4e5f60001
    target_groups:
      - name: prod-orders-3306
        port: 3306
    purge_tagged:
      environment: prod
"""

RETURN = r"""
target_groups:
  description:
    - The listed target groups in their order, as they are, or in check mode as they would be.
    - Empty with O(state=absent).
  returned: success
  type: list
  elements: dict
  contains:
    name:
      description: Name of the target group.
      returned: always
      type: str
    arn:
      description: ARN of the target group. Null in check mode for one that would be made.
      returned: always
      type: str
    port:
      description: Port of targets that are registered without one.
      returned: always
      type: int
    protocol:
      description: Protocol to the targets.
      returned: always
      type: str
    vpc_id:
      description: Id of the VPC of the targets.
      returned: always
      type: str
    target_type:
      description: Either V(ip) or V(instance).
      returned: always
      type: str
    health_check:
      description: How the load balancer asks a target for its health. In check mode, what is known of it.
      returned: always
      type: dict
      contains:
        protocol:
          description: Protocol of the question.
          returned: when AWS says
          type: str
        port:
          description: Port that is asked, or V(traffic-port) for the target's own.
          returned: when AWS says
          type: str
        path:
          description: Path that is asked for. Null for a TCP check.
          returned: when AWS says
          type: str
        interval:
          description: Seconds between two questions.
          returned: when AWS says
          type: int
        timeout:
          description: Seconds that the answer may take.
          returned: when AWS says
          type: int
        healthy_threshold:
          description: Good answers in a row that make a target healthy.
          returned: when AWS says
          type: int
        unhealthy_threshold:
          description: Bad answers in a row that make a target unhealthy.
          returned: when AWS says
          type: int
        matcher:
          description: HTTP status codes that are good. Null for a TCP check.
          returned: when AWS says
          type: str
    attributes:
      description:
        - Attributes of the target group, by the keys of the API. All values are strings.
        - Empty where O(target_groups[].attributes) names none, to save the call.
      returned: always
      type: dict
    tags:
      description: Tags of the target group.
      returned: always
      type: dict
    load_balancer_arns:
      description: ARNs of the load balancers that use it, as far as AWS has noticed.
      returned: always
      type: list
      elements: str
purged:
  description: Names of the target groups that O(purge_tagged) deleted.
  returned: success
  type: list
  elements: str
"""

from ansible.module_utils.common.warnings import warn
from ansible_collections.amazon.aws.plugins.module_utils.modules import AnsibleAWSModule
from ansible_collections.amazon.aws.plugins.module_utils.tagging import ansible_dict_to_boto3_tag_list

from ..module_utils._aws_elbv2 import Api, from_attribute_list, poll, target_group_arns, to_attribute_list
from ..module_utils._aws_tags import missing_marks
from ..module_utils._aws_target_groups import (
    NETWORK_PROTOCOLS,
    from_api,
    health_check_to_api,
    parameter_problems,
    reconcile,
)

ARGUMENTS = dict(
    target_groups=dict(
        type="list",
        elements="dict",
        required=True,
        options=dict(
            name=dict(type="str", required=True),
            port=dict(type="int"),
            protocol=dict(type="str", choices=["TCP", "UDP", "TCP_UDP"], default="TCP"),
            health_check=dict(
                type="dict",
                options=dict(
                    protocol=dict(type="str", choices=["HTTP", "HTTPS", "TCP"], default="HTTP"),
                    port=dict(type="int"),
                    path=dict(type="str"),
                    interval=dict(type="int", default=5),
                    timeout=dict(type="int", default=2),
                    healthy_threshold=dict(type="int", default=2),
                    unhealthy_threshold=dict(type="int", default=2),
                    matcher=dict(type="str", default="200"),
                ),
            ),
            attributes=dict(type="dict"),
            tags=dict(type="dict"),
        ),
    ),
    vpc_id=dict(type="str"),
    target_type=dict(type="str", choices=["ip", "instance"], default="ip"),
    state=dict(type="str", choices=["present", "absent"], default="present"),
    owner_tags=dict(type="dict", default={}),
    tags=dict(type="dict"),
    purge_tags=dict(type="bool", default=True),
    purge_tagged=dict(type="dict"),
)
GONE = ["TargetGroupNotFound"]
SETTLING_SECONDS = 60  # until every server of AWS knows what is new
IN_USE = {"ResourceInUse": "a load balancer still uses it; repoint or delete its listener first"}


def subject(name):
    return f"target group '{name}'"


class TargetGroups:
    """The target groups of the task, in AWS."""

    def __init__(self, module):
        self.module = module
        self.params = module.params
        self.api = Api(module, "elbv2")
        self.listed = {group["name"]: group for group in self.params["target_groups"]}

    def read(self):
        """Return the listed groups that are there, and with purge_tagged all others too: name -> group."""
        # Asked by name, AWS refuses the whole question when one of them is not there.
        every = self.api.call("describe_target_groups", "target groups")["TargetGroups"]
        found = [group for group in every if self.params["purge_tagged"] or group["TargetGroupName"] in self.listed]
        self.refuse_doubles(found)
        tags = self.api.tags([group["TargetGroupArn"] for group in found], "tags of target groups")
        groups = {}
        for group in found:
            attributes = self.attributes(group)
            arn = group["TargetGroupArn"]
            if arn in tags and attributes is not None:  # else it was deleted meanwhile
                groups[group["TargetGroupName"]] = from_api(group, attributes, tags[arn])
        self.refuse_foreign(groups)
        return groups

    def read_all(self, names):
        """Return the groups of these names, which were just made or changed, as they are now."""
        present, complete = poll(self.read, lambda present: set(names) <= set(present), SETTLING_SECONDS)
        if not complete:
            missing = ", ".join(sorted(set(names) - set(present)))
            self.module.fail_json(
                msg=f"target groups: AWS does not list {missing}; has somebody else deleted them meanwhile? "
                "Run this again"
            )
        return [present[name] for name in names]

    def refuse_foreign(self, groups):
        for name in self.listed:
            missing = missing_marks(groups[name]["tags"], self.params["owner_tags"]) if name in groups else ""
            if missing:
                self.module.fail_json(
                    msg=f"{subject(name)}: {groups[name]['arn']} has no tag {missing}, and so is somebody else's; "
                    "choose another name, or tag it if it is yours"
                )

    def refuse_doubles(self, found):
        names = [group["TargetGroupName"] for group in found]
        for name in sorted({name for name in names if names.count(name) > 1}):
            arns = [group["TargetGroupArn"] for group in found if group["TargetGroupName"] == name]
            self.module.fail_json(
                msg=f"{subject(name)}: AWS knows several of that name: {', '.join(arns)}; delete all but one"
            )

    def attributes(self, group):
        """Return the attributes of a group of which the task names some (each costs a call); None if it is gone."""
        name = group["TargetGroupName"]
        if self.params["state"] == "absent" or not self.listed.get(name, {}).get("attributes"):
            return {}
        answer = self.api.call(
            "describe_target_group_attributes", subject(name), accept=GONE, TargetGroupArn=group["TargetGroupArn"]
        )
        return from_attribute_list(answer["Attributes"]) if answer else None

    def users(self, groups):
        """Return the load balancer that uses each of the groups that are in use: group's name -> ARN."""
        used, listeners = {}, {}
        for group in groups:
            for arn in group["load_balancer_arns"]:
                if group["protocol"] not in NETWORK_PROTOCOLS:
                    used[group["name"]] = arn
                    continue
                # The list lags behind: only the listeners tell whether one still points there.
                if arn not in listeners:
                    answer = self.api.call(
                        "describe_listeners",
                        f"load balancer {arn}",
                        accept=["LoadBalancerNotFound"],
                        LoadBalancerArn=arn,
                    )
                    listeners[arn] = answer["Listeners"] if answer else []
                if any(group["arn"] in target_group_arns(listener) for listener in listeners[arn]):
                    used[group["name"]] = arn
        return used

    def apply(self, after, steps):
        for group in after:
            todo = steps[group["name"]]
            arn = self.create(group) if todo["create"] else group["arn"]
            about = subject(group["name"])
            if todo["health_check"]:
                self.api.call(
                    "modify_target_group", about, TargetGroupArn=arn, **health_check_to_api(todo["health_check"])
                )
            if todo["attributes"]:
                self.api.call(
                    "modify_target_group_attributes",
                    about,
                    retry=GONE if todo["create"] else (),  # not every server of AWS knows a new one at once
                    TargetGroupArn=arn,
                    Attributes=to_attribute_list(todo["attributes"]),
                )
            self.api.change_tags(arn, about, todo["tags"], todo["remove_tags"])

    def create(self, group):
        check = {field: value for field, value in group["health_check"].items() if value is not None}
        tags = {"Tags": ansible_dict_to_boto3_tag_list(group["tags"])} if group["tags"] else {}
        answer = self.api.call(
            "create_target_group",
            subject(group["name"]),
            Name=group["name"],
            Port=group["port"],
            Protocol=group["protocol"],
            VpcId=group["vpc_id"],
            TargetType=group["target_type"],
            **health_check_to_api(check),
            **tags,
        )
        return answer["TargetGroups"][0]["TargetGroupArn"]

    def delete(self, groups):
        for group in groups:
            # A listener that was just repointed or deleted keeps its group for some seconds.
            self.api.call(
                "delete_target_group",
                subject(group["name"]),
                accept=GONE,
                retry=["ResourceInUse"],
                advice=IN_USE,
                TargetGroupArn=group["arn"],
            )


def refuse_used(module, used):
    """A used group cannot be deleted. In a check, the task that would have released it has not done so."""
    for name, arn in sorted(used.items()):
        text = f"{subject(name)} is to be deleted, and {arn} still uses it"
        if not module.check_mode:
            module.fail_json(msg=f"{text}; repoint or delete its listener first. Nothing was changed")
        # AnsibleAWSModule.warn hands the warning on in a way that ansible-core 2.19 calls deprecated.
        warn(f"{text}; this fails unless an earlier task releases it")


def main():
    module = AnsibleAWSModule(argument_spec=ARGUMENTS, supports_check_mode=True)
    wrong = parameter_problems(module.params)
    if wrong:
        module.fail_json(msg="; ".join(wrong))

    groups = TargetGroups(module)
    present = groups.read()
    wrong, after, steps, doomed = reconcile(present, module.params)
    if wrong:
        module.fail_json(msg="; ".join(wrong))
    refuse_used(module, groups.users(doomed))

    before = [present[name] for name in groups.listed if name in present]
    gone = [group for group in doomed if group["name"] not in groups.listed]
    changed = bool(doomed) or any(any(todo.values()) for todo in steps.values())
    result = after
    if changed and not module.check_mode:
        groups.apply(after, steps)
        groups.delete(doomed)
        result = groups.read_all([group["name"] for group in after])
    module.exit_json(
        changed=changed,
        target_groups=result,
        purged=[group["name"] for group in gone],
        diff=dict(before=by_name(before + gone), after=by_name(after)),
    )


def by_name(groups):
    return {group["name"]: group for group in groups}


if __name__ == "__main__":
    main()
