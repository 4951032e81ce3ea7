# Copyright (c) 2026 The lakehouse.onprem_tunnel authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The calls to AWS that the modules for endpoint services and their connections share."""

from __future__ import annotations

from ansible_collections.amazon.aws.plugins.module_utils.tagging import boto3_tag_list_to_ansible_dict
from ansible_collections.amazon.aws.plugins.module_utils.transformation import ansible_dict_to_boto3_filter_list

from ._aws_service import Problem, Service
from ._waiting import look_until

SERVICE_NOT_FOUND = ("InvalidVpcEndpointServiceId.NotFound", "InvalidVpcEndpointService.NotFound")
ENDPOINT_NOT_FOUND = ("InvalidVpcEndpointId.NotFound", "InvalidVpcEndpoint.NotFound")
STILL_CONNECTED = "ExistingVpcEndpointConnections"
PAUSE = 3  # seconds between two looks at what AWS is working on


class EndpointServices(Service):
    """EC2's calls for endpoint services and the connections to them."""

    def __init__(self, module):
        super().__init__(module, "ec2")

    def service(self, service_id):
        """Return the endpoint service as AWS describes it, or None if there is none or it is being deleted."""
        try:
            found = self.read(
                "describe_vpc_endpoint_service_configurations", "ServiceConfigurations", ServiceIds=[service_id]
            )
        except Problem as problem:
            if problem.code in SERVICE_NOT_FOUND:
                return None
            raise
        return next(iter(existing(found)), None)

    def services_named(self, name):
        """Return the endpoint services whose tag Name is exactly this."""
        found = self.read(
            "describe_vpc_endpoint_service_configurations",
            "ServiceConfigurations",
            Filters=ansible_dict_to_boto3_filter_list({"tag:Name": name}),
        )
        # In a filter, * and ? stand for other characters.
        return [one for one in existing(found) if boto3_tag_list_to_ansible_dict(one.get("Tags")).get("Name") == name]

    def allowed_principals(self, service_id):
        found = self.read("describe_vpc_endpoint_service_permissions", "AllowedPrincipals", ServiceId=service_id)
        return sorted(permission["Principal"] for permission in found)

    def connections(self, service_id, **filters):
        """Return the service's connections, sorted, as the modules return them."""
        found = self.read(
            "describe_vpc_endpoint_connections",
            "VpcEndpointConnections",
            Filters=ansible_dict_to_boto3_filter_list({"service-id": service_id, **filters}),
        )
        return sorted((to_connection(one) for one in found), key=lambda one: one["vpc_endpoint_id"])

    def decide(self, method, service_id, endpoint_ids):
        """Accept or reject the endpoints by the client's method. AWS reports failures in an answer of HTTP 200."""
        answer = self.call(method, ServiceId=service_id, VpcEndpointIds=endpoint_ids)
        return failures(answer)


def existing(services):
    return [one for one in services if first_lower(one.get("ServiceState", "")) not in ("deleting", "deleted")]


def first_lower(state):
    """Return a state as AWS documents it: its answers say both pendingAcceptance and PendingAcceptance."""
    return state[:1].lower() + state[1:]


def failures(answer):
    """Return {id: (error code, message)} of what AWS could not do."""
    return {
        item["ResourceId"]: (item.get("Error", {}).get("Code", ""), item.get("Error", {}).get("Message", ""))
        for item in answer.get("Unsuccessful", [])
    }


def to_connection(described):
    connection = dict(
        vpc_endpoint_id=described["VpcEndpointId"],
        owner=described.get("VpcEndpointOwner", ""),
        state=first_lower(described.get("VpcEndpointState", "")),
        creation_timestamp=None,
        dns_entries=[
            dict(dns_name=entry.get("DnsName"), hosted_zone_id=entry.get("HostedZoneId"))
            for entry in described.get("DnsEntries", [])
        ],
    )
    if "CreationTimestamp" in described:
        connection["creation_timestamp"] = described["CreationTimestamp"].isoformat()
    return connection


def wait_until(look, timeout, unfinished):
    """Call look until it does not return None, and return that. After the timeout, unfinished() tells the problem."""
    seen = look_until(look, timeout, PAUSE)
    if seen is None:
        raise Problem(unfinished())
    return seen


def describe_failures(failed):
    """Return 'id: message (code)' of each failure, in one line."""
    return "; ".join(f"{name}: {message} ({code})" for name, (code, message) in sorted(failed.items()))
