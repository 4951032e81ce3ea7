#!/usr/bin/python
# Copyright (c) 2026 The lakehouse.onprem_tunnel authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: aws_vpc_endpoint_service
short_description: Offer a network load balancer to other accounts as a VPC endpoint service
version_added: 0.1.0
author:
  - The lakehouse.onprem_tunnel authors (@lakehouse)
description:
  - Makes, changes or deletes one VPC endpoint service (AWS PrivateLink), with the principals that may connect to it.
  - Connections to it are accepted or rejected by M(lakehouse.onprem_tunnel.aws_vpc_endpoint_connection).
notes:
  - The calls that the credentials must be allowed are C(ec2:DescribeVpcEndpointServiceConfigurations),
    C(ec2:DescribeVpcEndpointServicePermissions), C(ec2:CreateVpcEndpointServiceConfiguration),
    C(ec2:ModifyVpcEndpointServiceConfiguration), C(ec2:ModifyVpcEndpointServicePermissions), C(ec2:CreateTags) and
    C(ec2:DeleteTags); to delete a service C(ec2:DeleteVpcEndpointServiceConfigurations),
    C(ec2:DescribeVpcEndpointConnections) and C(ec2:RejectVpcEndpointConnections).
options:
  name:
    description:
      - The service's tag C(Name), by which it is found. If two services have it, the module fails.
      - Together with O(service_id), the tag that the service gets.
      - One of O(name) and O(service_id) is required.
    type: str
  service_id:
    description:
      - The id of an existing service, for example V(vpce-svc-0123456789abcdef0).
    type: str
  state:
    description:
      - V(present) makes the service if there is none, and changes it where it differs.
      - V(absent) deletes it.
    type: str
    choices: [present, absent]
    default: present
  owner_tags:
    description:
      - Tags that mark what is yours. An endpoint service that is there without all of them is somebody else's, and the module
        fails before it changes anything.
      - O(tags) has to include them where the service is made, or its tags are purged.
    type: dict
    default: {}
  network_load_balancer_arns:
    description:
      - The network load balancers behind the service. Required to make one.
      - Others that the service has are taken away, which AWS refuses while endpoints are connected.
      - If left out, those of an existing service stay.
    type: list
    elements: str
  acceptance_required:
    description:
      - Whether each endpoint has to be accepted before it can be used.
      - An endpoint service that needs no acceptance and allows V(*) can be used by everyone who has an AWS account.
    type: bool
    default: true
  allowed_principals:
    description:
      - The ARNs of the accounts, roles and users that may make endpoints to the service, or V(*) for everyone.
      - If left out, those of an existing service stay.
    type: list
    elements: str
  purge_allowed_principals:
    description:
      - Whether principals that O(allowed_principals) does not list lose the permission. Their endpoints stay connected.
    type: bool
    default: true
  tags:
    description:
      - The service's tags besides C(Name). If left out, they stay as they are.
    type: dict
  purge_tags:
    description:
      - Whether tags that O(tags) does not list are removed.
      - C(Name) and tags that begin with C(aws:) are never removed.
    type: bool
    default: true
  reject_connections:
    description:
      - AWS deletes no service to which endpoints are connected, or want to be. With O(state=absent), whether those
        connections are rejected first. Without it the module fails and tells which they are.
    type: bool
    default: false
  wait:
    description:
      - Whether to wait until the service is available or, with O(state=absent), gone.
    type: bool
    default: true
  wait_timeout:
    description:
      - Seconds to wait at most, also for rejected connections to let go of a service that is to be deleted.
    type: int
    default: 300
attributes:
  check_mode:
    description: Can run in check mode and return what would change, without changing anything.
    support: full
  diff_mode:
    description: Returns the service before and after.
    support: full
extends_documentation_fragment:
  - amazon.aws.common.modules
  - amazon.aws.region.modules
  - amazon.aws.boto3
"""

EXAMPLES = r"""
- name: Offer the load balancer to the roles that make Databricks' endpoints
  lakehouse.onprem_tunnel.aws_vpc_endpoint_service:
    region: eu-west-1
    name: onprem-tunnel-prod
    network_load_balancer_arns:
      - "{{ nlb.load_balancer.arn }}"
    allowed_principals:
      - arn:aws:iam::565502421330:role/private-connectivity-role-eu-west-1
    tags:
      Environment: prod
  register: endpoint_service

- name: Delete it, and cut off the endpoints that are still connected
  lakehouse.onprem_tunnel.aws_vpc_endpoint_service:
    region: eu-west-1
    name: onprem-tunnel-prod
    state: absent
    reject_connections: true
"""

RETURN = r"""
service:
  description:
    - The endpoint service, empty if it is absent.
    - In check mode as it would be; what AWS would choose is null or empty for a service that would be made.
  returned: success
  type: dict
  contains:
    service_id:
      description: The id.
      type: str
      returned: when the service exists
      sample: vpce-svc-0123456789abcdef0
    service_name:
      description: The name that an endpoint, or a Databricks private endpoint rule, is given.
      type: str
      returned: when the service exists
      sample: com.amazonaws.vpce.eu-west-1.vpce-svc-0123456789abcdef0
    state:
      description: The service's state, as a rule V(available) or V(pending).
      type: str
      returned: when the service exists
      sample: available
    acceptance_required:
      description: Whether each endpoint has to be accepted.
      type: bool
      returned: when the service exists
    network_load_balancer_arns:
      description: The load balancers behind the service, sorted.
      type: list
      elements: str
      returned: when the service exists
    allowed_principals:
      description: The principals that may make endpoints to the service, sorted.
      type: list
      elements: str
      returned: when the service exists
    availability_zones:
      description: The zones in which the service is offered, sorted.
      type: list
      elements: str
      returned: when the service exists
      sample: [eu-west-1a, eu-west-1b]
    base_endpoint_dns_names:
      description: The DNS names that AWS gave the service, sorted.
      type: list
      elements: str
      returned: when the service exists
    tags:
      description: The tags.
      type: dict
      returned: when the service exists
      sample: {"Name": "onprem-tunnel-prod", "Environment": "prod"}
"""

import uuid

from ansible_collections.amazon.aws.plugins.module_utils.modules import AnsibleAWSModule
from ansible_collections.amazon.aws.plugins.module_utils.tagging import (
    ansible_dict_to_boto3_tag_list,
    boto3_tag_list_to_ansible_dict,
    boto3_tag_specifications,
)

from ..module_utils._aws_service import Problem
from ..module_utils._aws_tags import mark_problems, missing_marks
from ..module_utils._aws_vpc_endpoint import (
    ENDPOINT_NOT_FOUND,
    SERVICE_NOT_FOUND,
    STILL_CONNECTED,
    EndpointServices,
    describe_failures,
    failures,
    first_lower,
    wait_until,
)
from ..module_utils._aws_vpc_endpoint_service import blocking, problems, reconcile

ARGUMENTS = dict(
    name=dict(type="str"),
    service_id=dict(type="str"),
    state=dict(type="str", choices=["present", "absent"], default="present"),
    network_load_balancer_arns=dict(type="list", elements="str"),
    acceptance_required=dict(type="bool", default=True),
    allowed_principals=dict(type="list", elements="str"),
    purge_allowed_principals=dict(type="bool", default=True),
    owner_tags=dict(type="dict", default={}),
    tags=dict(type="dict"),
    purge_tags=dict(type="bool", default=True),
    reject_connections=dict(type="bool", default=False),
    wait=dict(type="bool", default=True),
    wait_timeout=dict(type="int", default=300),
)


class EndpointService:
    """The one endpoint service that the module's parameters name."""

    def __init__(self, module):
        self.params = module.params
        self.check_mode = module.check_mode
        self.aws = EndpointServices(module)
        self.region = self.aws.region

    def find(self):
        """Return the service as the module returns it, or None."""
        if self.params["service_id"]:
            described = self.aws.service(self.params["service_id"])
        else:
            named = self.aws.services_named(self.params["name"])
            if len(named) > 1:
                ids = ", ".join(sorted(one["ServiceId"] for one in named))
                raise Problem(
                    f"Several endpoint services in {self.region} have the name '{self.params['name']}': {ids}. "
                    "Give the service_id of the one that is meant, or delete the others."
                )
            described = named[0] if named else None
        return self.own(self.to_result(described)) if described else None

    def own(self, service):
        """Return the service if it carries the owner's tags, and fail if it is somebody else's."""
        missing = missing_marks(service["tags"], self.params["owner_tags"])
        if missing:
            raise Problem(
                f"The endpoint service {service['service_id']} in {self.region} has no tag {missing}, and so is somebody "
                "else's. Choose another name, or tag it if it is yours."
            )
        return service

    def to_result(self, described):
        return dict(
            service_id=described["ServiceId"],
            service_name=described.get("ServiceName"),
            state=first_lower(described.get("ServiceState", "")),
            acceptance_required=described.get("AcceptanceRequired", False),
            network_load_balancer_arns=sorted(described.get("NetworkLoadBalancerArns", [])),
            allowed_principals=self.aws.allowed_principals(described["ServiceId"]),
            availability_zones=sorted(described.get("AvailabilityZones", [])),
            base_endpoint_dns_names=sorted(described.get("BaseEndpointDnsNames", [])),
            tags=boto3_tag_list_to_ansible_dict(described.get("Tags", [])),
        )

    def present(self):
        """Return (changed, before, after)."""
        before = self.find()
        if before is None:
            self.must_be_able_to_create()
        todo, after = reconcile(before, self.params)
        wrong = mark_problems("tags: the endpoint service", after["tags"], self.params["owner_tags"])
        if wrong:
            raise Problem("; ".join(wrong))
        changed = any(todo.values())
        if self.check_mode:
            return changed, before, after
        if todo["create"]:
            service_id = self.create(todo)
        else:
            service_id = before["service_id"]
            self.modify(service_id, todo)
        if self.params["wait"]:
            self.wait_until_available(service_id)
        if changed or before["state"] != "available":
            after = self.to_result(self.aws.service(service_id) or self.vanished(service_id))
        return changed, before, after

    def must_be_able_to_create(self):
        if self.params["service_id"]:
            raise Problem(
                f"There is no endpoint service {self.params['service_id']} in {self.region}. "
                "Correct service_id or the region; to have a new one made, give its name and no service_id."
            )
        if not self.params["network_load_balancer_arns"]:
            raise Problem(
                f"There is no endpoint service '{self.params['name']}' in {self.region}, "
                "and network_load_balancer_arns is required to make one."
            )

    def create(self, todo):
        answer = self.aws.call(
            "create_vpc_endpoint_service_configuration",
            NetworkLoadBalancerArns=todo["add_balancers"],
            AcceptanceRequired=self.params["acceptance_required"],
            TagSpecifications=boto3_tag_specifications(todo["set_tags"], types=["vpc-endpoint-service"]),
            ClientToken=str(uuid.uuid4()),  # a repeated call makes no second service
        )
        service_id = answer["ServiceConfiguration"]["ServiceId"]
        self.modify_principals_of_new(service_id, todo)
        return service_id

    def modify_principals_of_new(self, service_id, todo):
        """Modify the principals of a service that was just made: it may take AWS a moment to know it everywhere."""

        def known():
            try:
                self.modify_principals(service_id, todo)
            except Problem as problem:
                if problem.code in SERVICE_NOT_FOUND:
                    return None
                raise
            return True

        def unfinished():
            return f"AWS made the endpoint service {service_id}, and does not know it yet. Run again."

        wait_until(known, self.params["wait_timeout"], unfinished)

    def modify(self, service_id, todo):
        changes = {}
        if todo["acceptance"]:
            changes["AcceptanceRequired"] = self.params["acceptance_required"]
        if todo["add_balancers"]:
            changes["AddNetworkLoadBalancerArns"] = todo["add_balancers"]
        if todo["remove_balancers"]:
            changes["RemoveNetworkLoadBalancerArns"] = todo["remove_balancers"]
        if changes:
            advice = {
                STILL_CONNECTED: f"The load balancers of {service_id} cannot be changed while endpoints are connected. "
                "Reject their connections first, or make another service"
            }
            self.aws.call("modify_vpc_endpoint_service_configuration", advice, ServiceId=service_id, **changes)
        self.modify_principals(service_id, todo)
        if todo["remove_tags"]:
            keys = [{"Key": key} for key in todo["remove_tags"]]
            self.aws.call("delete_tags", Resources=[service_id], Tags=keys)
        if todo["set_tags"]:
            tags = ansible_dict_to_boto3_tag_list(todo["set_tags"])
            self.aws.call("create_tags", Resources=[service_id], Tags=tags)

    def modify_principals(self, service_id, todo):
        changes = {}
        if todo["add_principals"]:
            changes["AddAllowedPrincipals"] = todo["add_principals"]
        if todo["remove_principals"]:
            changes["RemoveAllowedPrincipals"] = todo["remove_principals"]
        if not changes:
            return
        answer = self.aws.call("modify_vpc_endpoint_service_permissions", ServiceId=service_id, **changes)
        if answer.get("ReturnValue") is False:
            raise Problem(f"AWS did not change the allowed principals of {service_id}; run again, or look at {changes}")

    def wait_until_available(self, service_id):
        seen = {}

        def look():
            seen["state"] = first_lower((self.aws.service(service_id) or {}).get("ServiceState", "not there yet"))
            if seen["state"] == "failed":
                raise Problem(
                    f"The endpoint service {service_id} in {self.region} has failed. Delete it with state: absent and "
                    "run again; if that fails too, look at its load balancers."
                )
            return True if seen["state"] == "available" else None

        def unfinished():
            return (
                f"The endpoint service {service_id} is {seen['state']}, and not available after "
                f"{self.params['wait_timeout']} s. Run again to wait on, or raise wait_timeout."
            )

        wait_until(look, self.params["wait_timeout"], unfinished)

    def vanished(self, service_id):
        raise Problem(
            f"The endpoint service {service_id} is gone: somebody else deletes it. Settle that, and run again."
        )

    def absent(self):
        """Return (changed, before, after)."""
        before = self.find()
        if before is None:
            return False, None, None
        service_id = before["service_id"]
        connected = blocking(self.aws.connections(service_id))
        if connected and not self.params["reject_connections"]:
            raise Problem(self.still_connected(service_id, connected))
        if not self.check_mode:
            if connected:
                self.reject(service_id, connected)
            self.delete(service_id)
        return True, before, None

    def still_connected(self, service_id, connected):
        endpoints = ", ".join(f"{one['vpc_endpoint_id']} of {one['owner']} ({one['state']})" for one in connected)
        return (
            f"The endpoint service {service_id} cannot be deleted while endpoints are connected: {endpoints}. "
            "Have their owners delete them, reject them with aws_vpc_endpoint_connection, "
            "or set reject_connections: true."
        )

    def reject(self, service_id, connected):
        failed = self.aws.decide(
            "reject_vpc_endpoint_connections", service_id, [one["vpc_endpoint_id"] for one in connected]
        )
        failed = {name: reason for name, reason in failed.items() if reason[0] not in ENDPOINT_NOT_FOUND}
        if failed:
            raise Problem(
                f"AWS did not reject endpoints of {service_id}, which therefore stays: {describe_failures(failed)}"
            )

    def delete(self, service_id):
        """Delete the service. Rejected connections take a moment to let go of it."""
        rejected = self.params["reject_connections"]

        def look():
            failed = failures(self.aws.call("delete_vpc_endpoint_service_configurations", ServiceIds=[service_id]))
            code = failed.get(service_id, ("", ""))[0]
            if code == STILL_CONNECTED and rejected:
                return None
            if code == STILL_CONNECTED:  # an endpoint came in between
                raise Problem(unfinished())
            if failed and code not in SERVICE_NOT_FOUND:
                raise Problem(f"AWS did not delete the endpoint service: {describe_failures(failed)}")
            return True

        def unfinished():
            return self.still_connected(service_id, blocking(self.aws.connections(service_id)))

        wait_until(look, self.params["wait_timeout"], unfinished)
        if self.params["wait"]:
            wait_until(
                lambda: True if self.aws.service(service_id) is None else None,
                self.params["wait_timeout"],
                lambda: (
                    f"The endpoint service {service_id} is not gone {self.params['wait_timeout']} s after its deletion. "
                    "Run again to wait on, or raise wait_timeout."
                ),
            )


def main():
    module = AnsibleAWSModule(
        argument_spec=ARGUMENTS,
        required_one_of=[("name", "service_id")],
        supports_check_mode=True,
    )
    try:
        wrong = problems(module.params)
        if wrong:
            raise Problem("; ".join(wrong))
        service = EndpointService(module)
        changed, before, after = service.present() if module.params["state"] == "present" else service.absent()
    except Problem as problem:
        problem.report(module)
    module.exit_json(changed=changed, service=after or {}, diff=dict(before=before or {}, after=after or {}))


if __name__ == "__main__":
    main()
