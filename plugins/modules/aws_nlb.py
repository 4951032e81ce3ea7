#!/usr/bin/python
# Copyright (c) 2026 The lakehouse.onprem_tunnel authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: aws_nlb
short_description: Manage an AWS network load balancer with security groups and static private addresses
version_added: 0.1.0
author:
  - The lakehouse.onprem_tunnel authors (@lakehouse)
description:
  - Makes one network load balancer, with its subnets, security groups, attributes, listeners and tags, changes what
    differs, or deletes it.
  - What a task leaves out stays as it is.
  - A listener whose target group changes is repointed in place, without an interval in which its port is closed.
notes:
  - Needs the permissions C(elasticloadbalancing:DescribeLoadBalancers), C(elasticloadbalancing:DescribeListeners),
    C(elasticloadbalancing:DescribeLoadBalancerAttributes), C(elasticloadbalancing:DescribeListenerAttributes),
    C(elasticloadbalancing:DescribeTags), C(ec2:DescribeSubnets), and those of the calls that change something.
    To wait for a deletion it needs C(ec2:DescribeNetworkInterfaces).
extends_documentation_fragment:
  - amazon.aws.common.modules
  - amazon.aws.region.modules
  - amazon.aws.boto3
attributes:
  check_mode:
    description: Can run in check mode and return what would change, without changing anything.
    support: full
    details: A listener's O(listeners[].target_group_arn) may be empty there, for a group that would be made before.
  diff_mode:
    description: Returns the load balancer before and after.
    support: full
options:
  name:
    description:
      - Name of the load balancer, which is unique in its account and region.
      - At most 32 letters, digits and hyphens. It neither starts nor ends with a hyphen, and does not start with
        V(internal-).
    type: str
    required: true
  state:
    description: Whether the load balancer is there.
    type: str
    choices: [present, absent]
    default: present
  owner_tags:
    description:
      - Tags that mark what is yours. A load balancer of this name that is there without all of them is somebody
        else's, and the module fails before it changes anything.
      - O(tags) has to include them where the load balancer is made, or its tags are purged.
    type: dict
    default: {}
  scheme:
    description: Whether it has private addresses only. Cannot be changed later.
    type: str
    choices: [internal, internet-facing]
    default: internal
  subnet_mappings:
    description:
      - The subnets that it is in, one of each availability zone, all of one VPC. Needed to make it.
      - Subnets can be added later. AWS removes none, and changes no address.
    type: list
    elements: dict
    suboptions:
      subnet_id:
        description: Id of the subnet.
        type: str
        required: true
      private_ipv4_address:
        description: The load balancer's address in the subnet. Left out, AWS chooses one.
        type: str
  security_groups:
    description:
      - Ids of its security groups.
      - A load balancer that was made without any can never get one, and one that has some keeps at least one.
    type: list
    elements: str
  enforce_private_link_security_groups:
    description:
      - Whether the inbound rules of the security groups hold for traffic that comes through AWS PrivateLink too.
      - AWS's default is V(true). It has to be V(false) for clients whose addresses are not known, such as Databricks
        serverless compute.
    type: bool
  attributes:
    description:
      - Attributes of the load balancer, by the keys of the API. Those that are not named stay as they are.
      - See U(https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_LoadBalancerAttribute.html).
    type: dict
  listeners:
    description:
      - The listeners, at most 50, each on a port of its own. Left out, they stay as they are.
    type: list
    elements: dict
    suboptions:
      port:
        description: Port that it listens on.
        type: int
        required: true
      state:
        description:
          - Whether the listener is there.
          - V(absent) deletes the one of this port, whatever its protocol, also without O(purge_listeners). On somebody
            else's load balancer that takes one's own away, and leaves all others.
        type: str
        choices: [present, absent]
        default: present
      protocol:
        description: Its protocol. Means nothing with O(listeners[].state=absent).
        type: str
        choices: [TCP, UDP, TCP_UDP]
        default: TCP
      target_group_arn:
        description:
          - ARN of the target group that it forwards to. Needed with O(listeners[].state=present), except in check mode.
          - With O(listeners[].state=absent), the group that the listener has to lead to, and to no other. If it does not,
            the listener is somebody else's, and the module fails before it changes anything. Left out, the listener is
            deleted wherever it leads to.
        type: str
      attributes:
        description:
          - Attributes of the listener, by the keys of the API. Those that are not named stay as they are. Cannot be given
            with O(listeners[].state=absent).
          - See U(https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_ListenerAttribute.html).
        type: dict
  purge_listeners:
    description: Whether listeners on ports that are not listed are deleted, where O(listeners) is given.
    type: bool
    default: true
  tags:
    description: Tags of the load balancer. Left out, they stay as they are.
    type: dict
  purge_tags:
    description: Whether other tags are removed, where O(tags) is given. Those that start with C(aws:) always stay.
    type: bool
    default: true
  force:
    description: Whether deletion protection is turned off before the load balancer is deleted.
    type: bool
    default: false
  wait:
    description:
      - Whether to wait until the load balancer is active.
      - With O(state=absent), until it is gone and its network interfaces, which hold on to the subnets and
        security groups, are gone too.
    type: bool
    default: true
  wait_timeout:
    description: Seconds to wait at most.
    type: int
    default: 600
seealso:
  - module: lakehouse.onprem_tunnel.aws_nlb_target_groups
  - module: lakehouse.onprem_tunnel.aws_nlb_targets
"""

EXAMPLES = r"""
- name: Make an internal load balancer for two databases
  lakehouse.onprem_tunnel.aws_nlb:
    region: eu-central-1
    name: onprem-tunnel
    subnet_mappings:
      - subnet_id: subnet-0a1b2c3d4e5f60001
        private_ipv4_address: 10.40.1.100
      - subnet_id: subnet-0a1b2c3d4e5f60002
        private_ipv4_address: 10.40.2.100
    security_groups:
      - sg-0a1b2c3d4e5f60001
    enforce_private_link_security_groups: false
    attributes:
      deletion_protection.enabled: true
      load_balancing.cross_zone.enabled: true
      dns_record.client_routing_policy: any_availability_zone
    listeners:
      - port: 3306
        target_group_arn: "{{ target_groups.target_groups[0].arn }}"
      - port: 5432
        target_group_arn: "{{ target_groups.target_groups[1].arn }}"
        attributes:
          tcp.idle_timeout.seconds: 6000
    tags:
      environment: prod

- name: Take a listener from somebody else's load balancer, if it leads to the own target group
  lakehouse.onprem_tunnel.aws_nlb:
    region: eu-central-1
    name: theirs
    listeners:
      - port: 1433
        state: absent
        target_group_arn: "{{ target_groups.target_groups[2].arn }}"
    purge_listeners: false

- name: Delete it, although it is protected
  lakehouse.onprem_tunnel.aws_nlb:
    region: eu-central-1
    name: onprem-tunnel
    state: absent
    force: true
"""

RETURN = r"""
load_balancer:
  description: The load balancer as it is, or in check mode as it would be. Empty when it is absent.
  returned: success
  type: dict
  contains:
    arn:
      description: ARN of the load balancer. Null in check mode for one that would be made.
      returned: when it is present
      type: str
    name:
      description: Name of the load balancer.
      returned: when it is present
      type: str
    dns_name:
      description: DNS name of the load balancer.
      returned: when it is present
      type: str
    canonical_hosted_zone_id:
      description: Id of the hosted zone of O(name)'s DNS name, for alias records.
      returned: when it is present
      type: str
    scheme:
      description: Either V(internal) or V(internet-facing).
      returned: when it is present
      type: str
    state:
      description: What AWS says of it, such as V(provisioning) or V(active).
      returned: when it is present
      type: str
    vpc_id:
      description: Id of its VPC.
      returned: when it is present
      type: str
    security_groups:
      description: Ids of its security groups.
      returned: when it is present
      type: list
      elements: str
    enforce_private_link_security_groups:
      description: Whether its security groups hold for PrivateLink traffic. Null where AWS does not say.
      returned: when it is present
      type: bool
    availability_zones:
      description: The subnets that it is in.
      returned: when it is present
      type: list
      elements: dict
      contains:
        zone_name:
          description: Name of the availability zone.
          returned: always
          type: str
        subnet_id:
          description: Id of the subnet.
          returned: always
          type: str
        addresses:
          description: Its private addresses there. Empty where AWS chose them.
          returned: always
          type: list
          elements: str
    attributes:
      description: Attributes of the load balancer, by the keys of the API. All values are strings.
      returned: when it is present
      type: dict
    listeners:
      description: Its listeners, by port.
      returned: when it is present
      type: list
      elements: dict
      contains:
        arn:
          description: ARN of the listener. Null in check mode for one that would be made.
          returned: always
          type: str
        port:
          description: Port that it listens on.
          returned: always
          type: int
        protocol:
          description: Its protocol.
          returned: always
          type: str
        target_group_arn:
          description: ARN of its target group. Null for one that shares its connections among several.
          returned: always
          type: str
        attributes:
          description: Attributes of the listener. Empty where O(listeners[].attributes) names none, to save the call.
          returned: always
          type: dict
    tags:
      description: Tags of the load balancer.
      returned: when it is present
      type: dict
"""

from ansible_collections.amazon.aws.plugins.module_utils.modules import AnsibleAWSModule
from ansible_collections.amazon.aws.plugins.module_utils.tagging import ansible_dict_to_boto3_tag_list

from ..module_utils._aws_elbv2 import Api, from_attribute_list, poll, to_attribute_list
from ..module_utils._aws_nlb import (
    PROTECTION,
    from_api,
    parameter_problems,
    reconcile,
    subnet_problems,
)
from ..module_utils._aws_tags import missing_marks

ARGUMENTS = dict(
    name=dict(type="str", required=True),
    state=dict(type="str", choices=["present", "absent"], default="present"),
    scheme=dict(type="str", choices=["internal", "internet-facing"], default="internal"),
    subnet_mappings=dict(
        type="list",
        elements="dict",
        options=dict(subnet_id=dict(type="str", required=True), private_ipv4_address=dict(type="str")),
    ),
    security_groups=dict(type="list", elements="str"),
    enforce_private_link_security_groups=dict(type="bool"),
    attributes=dict(type="dict"),
    listeners=dict(
        type="list",
        elements="dict",
        options=dict(
            port=dict(type="int", required=True),
            state=dict(type="str", choices=["present", "absent"], default="present"),
            protocol=dict(type="str", choices=["TCP", "UDP", "TCP_UDP"], default="TCP"),
            target_group_arn=dict(type="str"),
            attributes=dict(type="dict"),
        ),
    ),
    purge_listeners=dict(type="bool", default=True),
    owner_tags=dict(type="dict", default={}),
    tags=dict(type="dict"),
    purge_tags=dict(type="bool", default=True),
    force=dict(type="bool", default=False),
    wait=dict(type="bool", default=True),
    wait_timeout=dict(type="int", default=600),
)
ENFORCE = "EnforceSecurityGroupInboundRulesOnPrivateLinkTraffic"
GONE = ["LoadBalancerNotFound"]
READY = ("active", "active_impaired")
IN_USE = {"ResourceInUse": "another service uses it; delete its VPC endpoint service first"}


class LoadBalancer:
    """The load balancer of the task, in AWS."""

    def __init__(self, module):
        self.module = module
        self.params = module.params
        self.api = Api(module, "elbv2")
        self.subject = f"load balancer '{self.params['name']}'"

    def call(self, operation, **parameters):
        return self.api.call(operation, self.subject, **parameters)

    def read(self):
        """Return the load balancer, or None."""
        answer = self.call("describe_load_balancers", accept=GONE, Names=[self.params["name"]])
        found = answer["LoadBalancers"] if answer else []
        if len(found) > 1:
            arns = ", ".join(entry["LoadBalancerArn"] for entry in found)
            self.module.fail_json(msg=f"{self.subject}: AWS knows several of that name: {arns}; delete all but one")
        if not found:
            return None
        if found[0]["Type"] != "network":
            self.module.fail_json(
                msg=f"{self.subject}: {found[0]['LoadBalancerArn']} has that name, and is of type {found[0]['Type']}; "
                "choose another name"
            )
        return self.own(self.read_parts(found[0]))

    def own(self, present):
        """Return the load balancer if it carries the owner's tags, and fail if it is somebody else's."""
        missing = missing_marks(present["tags"], self.params["owner_tags"]) if present else ""
        if missing:
            self.module.fail_json(
                msg=f"{self.subject}: {present['arn']} has no tag {missing}, and so is somebody else's; choose another "
                "name, or tag it if it is yours"
            )
        return present

    def read_parts(self, found, new=False):
        """Return the load balancer that DescribeLoadBalancers gives, with its parts; None if it has gone meanwhile."""
        arn = found["LoadBalancerArn"]
        unknown = dict(retry=GONE) if new else dict(accept=GONE)  # as in described()
        attributes = self.call("describe_load_balancer_attributes", LoadBalancerArn=arn, **unknown)
        listeners = self.call("describe_listeners", LoadBalancerArn=arn, **unknown)
        if attributes is None or listeners is None:
            return None
        return from_api(
            found,
            from_attribute_list(attributes["Attributes"]),
            [(listener, self.listener_attributes(listener)) for listener in listeners["Listeners"]],
            self.api.tags([arn], self.subject).get(arn, {}),
            self.params["subnet_mappings"],
        )

    def listener_attributes(self, listener):
        """Return the attributes of a listener of which the task names some: each costs a call."""
        named = {entry["port"] for entry in self.params["listeners"] or [] if entry["attributes"]}
        if self.params["state"] == "absent" or listener["Port"] not in named:
            return {}
        arn = listener["ListenerArn"]
        answer = self.call("describe_listener_attributes", accept=["ListenerNotFound"], ListenerArn=arn)
        return from_attribute_list(answer["Attributes"]) if answer else {}

    def look_at_new_subnets(self, present):
        """Return what is wrong with the subnets that the load balancer is not in yet, and what AWS says of each."""
        zones = {zone["zone_name"]: zone["subnet_id"] for zone in present["availability_zones"]} if present else {}
        new = [entry for entry in self.params["subnet_mappings"] or [] if entry["subnet_id"] not in zones.values()]
        if not new:
            return [], {}
        ids = [entry["subnet_id"] for entry in new]
        answer = Api(self.module, "ec2").call(
            "describe_subnets", self.subject, Filters=[{"Name": "subnet-id", "Values": ids}]
        )
        subnets = {subnet["SubnetId"]: subnet for subnet in answer["Subnets"]}
        problems = subnet_problems(new, subnets, zones, present["vpc_id"] if present else None)
        return problems, subnets

    def create(self):
        """Make it, as far as one call does. Return its ARN and what is still to be done."""
        optional = {}
        if self.params["security_groups"]:
            optional["SecurityGroups"] = self.params["security_groups"]
        if self.params["tags"]:
            optional["Tags"] = ansible_dict_to_boto3_tag_list(self.params["tags"])
        answer = self.call(
            "create_load_balancer",
            Name=self.params["name"],
            Type="network",
            Scheme=self.params["scheme"],
            SubnetMappings=to_api_mappings(self.params["subnet_mappings"]),
            **optional,
        )
        made = self.read_parts(answer["LoadBalancers"][0], new=True)
        return made["arn"], reconcile(made, self.params)[2]

    def apply(self, arn, steps):
        if steps["subnet_mappings"]:
            self.call("set_subnets", LoadBalancerArn=arn, SubnetMappings=to_api_mappings(steps["subnet_mappings"]))
        if steps["security_groups"]:
            enforce = {None: {}, True: {ENFORCE: "on"}, False: {ENFORCE: "off"}}[steps["security_groups"]["enforce"]]
            groups = steps["security_groups"]["groups"]
            self.call("set_security_groups", LoadBalancerArn=arn, SecurityGroups=groups, **enforce)
        if steps["attributes"]:
            attributes = to_attribute_list(steps["attributes"])
            self.call("modify_load_balancer_attributes", LoadBalancerArn=arn, Attributes=attributes)
        self.api.change_tags(arn, self.subject, steps["tags"], steps["remove_tags"])
        self.apply_listeners(arn, steps)

    def apply_listeners(self, arn, steps):
        # Deleted before others are made, so that the quota is not passed on the way.
        for listener in steps["modify_listeners"]:
            self.call("modify_listener", ListenerArn=listener["arn"], **to_api_routing(listener))
        for listener in steps["delete_listeners"]:
            self.call("delete_listener", accept=["ListenerNotFound"], ListenerArn=listener["arn"])
        for listener in steps["create_listeners"]:
            made = self.call("create_listener", LoadBalancerArn=arn, Port=listener["port"], **to_api_routing(listener))
            self.modify_listener_attributes(made["Listeners"][0]["ListenerArn"], listener["attributes"])
        for listener_arn, attributes in steps["listener_attributes"].items():
            self.modify_listener_attributes(listener_arn, attributes)

    def modify_listener_attributes(self, arn, attributes):
        if attributes:
            self.call("modify_listener_attributes", ListenerArn=arn, Attributes=to_attribute_list(attributes))

    def delete(self, present):
        if present["attributes"].get(PROTECTION) == "true":
            unprotected = to_attribute_list({PROTECTION: "false"})
            self.call("modify_load_balancer_attributes", LoadBalancerArn=present["arn"], Attributes=unprotected)
        self.call("delete_load_balancer", accept=GONE, advice=IN_USE, LoadBalancerArn=present["arn"])

    def described(self, arn):
        # Not every server of AWS knows a new one at once.
        return self.call("describe_load_balancers", retry=GONE, LoadBalancerArns=[arn])["LoadBalancers"][0]

    def wait_until_active(self, arn):
        """Return it as DescribeLoadBalancers gives it then."""

        def settled(found):
            return found["State"]["Code"] in (*READY, "failed")

        found = poll(lambda: self.described(arn), settled, self.params["wait_timeout"])[0]
        code = found["State"]["Code"]
        if code not in READY:
            reason = found["State"].get("Reason", "AWS gives no reason")
            self.module.fail_json(
                msg=f"{self.subject} is {code} after at most {self.params['wait_timeout']} s: {reason}; "
                "look at it in AWS, or raise wait_timeout"
            )
        return found

    def wait_until_gone(self, arn):
        ec2 = Api(self.module, "ec2")
        of_this = [{"Name": "description", "Values": ["ELB " + arn.split(":loadbalancer/", 1)[1]]}]

        def look():
            if self.call("describe_load_balancers", accept=GONE, LoadBalancerArns=[arn]):
                return ["the load balancer"]
            answer = ec2.call("describe_network_interfaces", self.subject, Filters=of_this)
            return [entry["NetworkInterfaceId"] for entry in answer["NetworkInterfaces"]]

        left, gone = poll(look, lambda left: not left, self.params["wait_timeout"])
        if not gone:
            self.module.fail_json(
                msg=f"{self.subject} was deleted, and after {self.params['wait_timeout']} s these are still there: "
                f"{', '.join(left)}; wait for them to go, or raise wait_timeout"
            )


def to_api_mappings(mappings):
    names = {"subnet_id": "SubnetId", "private_ipv4_address": "PrivateIPv4Address"}
    return [{names[key]: value for key, value in mapping.items() if value} for mapping in mappings]


def to_api_routing(listener):
    return {
        "Protocol": listener["protocol"],
        "DefaultActions": [{"Type": "forward", "TargetGroupArn": listener["target_group_arn"]}],
    }


def ensure_present(load_balancer):
    """Return whether it changes, and the load balancer before, as planned, and as it is then."""
    module = load_balancer.module
    present = load_balancer.read()
    wrong_subnets, subnets = load_balancer.look_at_new_subnets(present)
    problems, planned, steps = reconcile(present, module.params, subnets)
    fail_with(module, problems + wrong_subnets)
    changed = planned != present
    if module.check_mode:
        return changed, present, planned, planned
    if present is None:
        arn, steps = load_balancer.create()
    else:
        arn = present["arn"]
    load_balancer.apply(arn, steps)
    if not changed and present["state"] in READY:
        return changed, present, planned, present
    found = load_balancer.wait_until_active(arn) if module.params["wait"] else load_balancer.described(arn)
    return changed, present, planned, load_balancer.read_parts(found, new=True)


def ensure_absent(load_balancer):
    """Return the same as ensure_present."""
    module = load_balancer.module
    present = load_balancer.read()
    if present is None:
        return False, None, None, None
    if present["attributes"].get(PROTECTION) == "true" and not module.params["force"]:
        fail_with(module, [f"{load_balancer.subject} is protected from deletion; set force to delete it all the same"])
    if not module.check_mode:
        load_balancer.delete(present)
        if module.params["wait"]:
            load_balancer.wait_until_gone(present["arn"])
    return True, present, None, None


def fail_with(module, problems):
    if problems:
        module.fail_json(msg="; ".join(problems))


def main():
    module = AnsibleAWSModule(argument_spec=ARGUMENTS, supports_check_mode=True)
    fail_with(module, parameter_problems(module.params, module.check_mode))
    ensure = ensure_present if module.params["state"] == "present" else ensure_absent
    changed, before, planned, actual = ensure(LoadBalancer(module))
    module.exit_json(
        changed=changed,
        load_balancer=actual or {},
        diff=dict(before=before or {}, after=planned or {}),
    )


if __name__ == "__main__":
    main()
