"""What moto lacks of PrivateLink: who may connect to an endpoint service, and the connections that its owner decides on.

An endpoint's state stays where moto keeps it, on the endpoint in its owner's account. A service's connections are the
endpoints of all accounts that name it.
"""

from moto.core.responses import ActionResult
from moto.ec2.exceptions import EC2ClientError, InvalidServiceName
from moto.ec2.models import ec2_backends
from moto.ec2.models.vpc_service_configuration import VPCServiceConfigurationBackend
from moto.ec2.models.vpcs import VPCEndPoint
from moto.ec2.responses.vpc_service_configuration import VPCEndpointServiceConfiguration
from moto.ec2.responses.vpcs import VPCs
from moto.ec2.utils import generic_filter
from moto.elbv2.models import elbv2_backends
from moto.sts.models import sts_backends

from .patching import put

CUSTOM_SERVICE = "com.amazonaws.vpce."  # what the names of all endpoint services that are not AWS's own begin with
MOST_RESULTS = 1000  # on a page
CONNECTED = ("pendingAcceptance", "pending", "available")

# Taken when this file is imported, so that installing twice is the same as once.
moto_get_filter_value = VPCEndPoint.get_filter_value
moto_create_vpc_endpoint = VPCs.create_vpc_endpoint
moto_describe_vpc_endpoints = VPCs.describe_vpc_endpoints
moto_create_service = VPCServiceConfigurationBackend.create_vpc_endpoint_service_configuration
moto_modify_service = VPCServiceConfigurationBackend.modify_vpc_endpoint_service_configuration
moto_delete_services = VPCServiceConfigurationBackend.delete_vpc_endpoint_service_configurations


def install():
    """Put the functions below into moto's classes."""
    put(
        {
            VPCEndPoint: [get_filter_value],
            VPCs: [create_vpc_endpoint, describe_vpc_endpoints],
            VPCEndpointServiceConfiguration: [
                describe_vpc_endpoint_connections,
                accept_vpc_endpoint_connections,
                reject_vpc_endpoint_connections,
                describe_vpc_endpoint_service_configurations,
                describe_vpc_endpoint_service_permissions,
                delete_vpc_endpoint_service_configurations,
            ],
            VPCServiceConfigurationBackend: [
                create_vpc_endpoint_service_configuration,
                modify_vpc_endpoint_service_configuration,
            ],
        }
    )


# --- the consumer's side -----------------------------------------------------------------------------------------


def create_vpc_endpoint(self):
    """CreateVpcEndpoint: to an endpoint service only if its owner allows the caller, and not available before that."""
    name = self._get_param("ServiceName")
    if not name.startswith(CUSTOM_SERVICE):
        return moto_create_vpc_endpoint(self)
    service = find_service(self.region, name)
    if service is None or not may_connect(self, service):
        raise InvalidServiceName(name)
    if (self._get_param("VpcEndpointType") or "Gateway") != "Interface":
        raise EC2ClientError("InvalidParameter", f"The VPC endpoint service {name} needs an endpoint of type Interface")
    for subnet_id in self._get_param("SubnetIds", []):
        if self.ec2_backend.get_subnet(subnet_id).availability_zone not in service.availability_zones:
            raise EC2ClientError(
                "InvalidParameter",
                f"The VPC endpoint service {name} does not support the availability zone of the subnet: {subnet_id}.",
            )
    result = moto_create_vpc_endpoint(self)
    result.result["VpcEndpoint"].state = "pendingAcceptance" if service.acceptance_required else "available"
    return result


def describe_vpc_endpoints(self):
    """DescribeVpcEndpoints: an accepted endpoint becomes available some time after it was accepted."""
    for endpoint in self.ec2_backend.vpc_end_points.values():
        settle(endpoint)
    return moto_describe_vpc_endpoints(self)


def find_service(region, name):
    """Return the endpoint service of this name, whichever account owns it, or None."""
    for _account, its_region, backend in list(ec2_backends.iter_backends()):
        for service in list(backend.configurations.values()):
            if its_region == region and service.service_name == name:
                return service
    return None


def may_connect(response, service):
    """Return whether the service's owner allows the caller. Its own account need not be on the list."""
    account = response.current_account
    if account == service.ec2_backend.account_id:
        return True
    sts = sts_backends[account][response.partition]
    role = sts.get_assumed_role_from_access_key(response.access_key)
    caller = {"*", account, f"arn:{response.partition}:iam::{account}:root"}
    caller.add(role.role_arn if role else sts.get_caller_identity(response.access_key, response.region)[1])
    return not caller.isdisjoint(service.principals)


def get_filter_value(self, filter_name, method_name=None):
    """The filters of DescribeVpcEndpointConnections, besides those that moto has."""
    names = {
        "vpc-endpoint-id": self.id,
        "vpc-endpoint-owner": self.owner_id,
        "service-id": self.service_name.rsplit(".", 1)[-1],
    }
    if filter_name in names:
        return names[filter_name]
    return moto_get_filter_value(self, filter_name, method_name)


# --- the owner's side --------------------------------------------------------------------------------------------


def connections_of(service):
    """Return the endpoints of all accounts that are connected to the service, or want to be, or were."""
    return [
        endpoint
        for _account, region, backend in list(ec2_backends.iter_backends())
        if region == service.ec2_backend.region_name
        for endpoint in list(backend.vpc_end_points.values())
        if endpoint.service_name == service.service_name and endpoint.state != "deleted"
    ]


def settle(endpoint):
    """Make an accepted endpoint available when it is looked at for the second time: AWS takes a while, too."""
    if endpoint.state == "pending":
        if getattr(endpoint, "seen_pending", False):
            endpoint.state = "available"
        endpoint.seen_pending = True


def describe_vpc_endpoint_connections(self):
    filters = self._filters_from_querystring()
    found = []
    for service in list(self.ec2_backend.configurations.values()):
        connections = connections_of(service)
        for endpoint in connections:
            settle(endpoint)
        for endpoint in generic_filter(filters, connections):
            found.append(
                {
                    "ServiceId": service.id,
                    "VpcEndpointId": endpoint.id,
                    "VpcEndpointOwner": endpoint.owner_id,
                    "VpcEndpointState": endpoint.state,
                    "CreationTimestamp": endpoint.creation_timestamp,
                    "DnsEntries": endpoint.dns_entries,
                    "NetworkLoadBalancerArns": service.network_load_balancer_arns,
                    "IpAddressType": "ipv4",
                    "VpcEndpointRegion": self.region,
                }
            )
    return page(self, "VpcEndpointConnections", found)


def page(response, key, found):
    """Return the page that is asked for of a list; the token is the position at which the next one begins."""
    start = int(response._get_param("NextToken") or 0)
    end = start + (response._get_int_param("MaxResults") or MOST_RESULTS)
    return ActionResult({key: found[start:end], "NextToken": str(end) if end < len(found) else None})


def accept_vpc_endpoint_connections(self):
    return decide(self, ("pendingAcceptance", "rejected"), "pending")


def reject_vpc_endpoint_connections(self):
    return decide(self, CONNECTED, "rejected")


def decide(response, allowed_states, new_state):
    """Move each named connection to the new state; what cannot be moved is reported, with HTTP 200."""
    service_id = response._get_param("ServiceId")
    service = response.ec2_backend.describe_vpc_endpoint_service_configurations([service_id])[0]
    connections = {endpoint.id: endpoint for endpoint in connections_of(service)}
    unsuccessful = []
    for endpoint_id in response._get_param("VpcEndpointIds", []):
        endpoint = connections.get(endpoint_id)
        if endpoint is None:
            message = f"The Vpc Endpoint Id '{endpoint_id}' does not exist"
            unsuccessful.append(failed_item(endpoint_id, "InvalidVpcEndpointId.NotFound", message))
        elif endpoint.state not in allowed_states:
            message = f"The Vpc Endpoint '{endpoint_id}' is in the state {endpoint.state}"
            unsuccessful.append(failed_item(endpoint_id, "InvalidState", message))
        else:
            endpoint.state = new_state
            endpoint.seen_pending = False
    return ActionResult({"Unsuccessful": unsuccessful})


def failed_item(resource_id, code, message):
    return {"ResourceId": resource_id, "Error": {"Code": code, "Message": message}}


# --- the service itself ------------------------------------------------------------------------------------------


def describe_vpc_endpoint_service_configurations(self):
    found = self.ec2_backend.describe_vpc_endpoint_service_configurations(self._get_param("ServiceIds", []))
    return page(self, "ServiceConfigurations", generic_filter(self._filters_from_querystring(), found))


def describe_vpc_endpoint_service_permissions(self):
    principals = self.ec2_backend.describe_vpc_endpoint_service_permissions(self._get_param("ServiceId"))
    return page(self, "AllowedPrincipals", [{"Principal": principal} for principal in sorted(principals)])


def delete_vpc_endpoint_service_configurations(self):
    """DeleteVpcEndpointServiceConfigurations: services that are in use stay, and are reported with HTTP 200."""
    unsuccessful, unused = [], []
    for service_id in self._get_param("ServiceIds", []):
        service = self.ec2_backend.get_vpc_endpoint_service(service_id)
        if service is not None and is_connected(service):
            message = f"Service {service_id} has existing active VPC Endpoint connections!"
            unsuccessful.append(failed_item(service_id, "ExistingVpcEndpointConnections", message))
        else:
            unused.append(service_id)
    for service_id in moto_delete_services(self.ec2_backend, unused):
        message = f"The VpcEndpointService Id '{service_id}' does not exist"
        unsuccessful.append(failed_item(service_id, "InvalidVpcEndpointService.NotFound", message))
    return ActionResult({"Unsuccessful": unsuccessful})


def is_connected(service):
    return any(endpoint.state in CONNECTED for endpoint in connections_of(service))


def create_vpc_endpoint_service_configuration(self, *args, **kwargs):
    service = moto_create_service(self, *args, **kwargs)
    follow_load_balancers(service)
    return service


def modify_vpc_endpoint_service_configuration(self, service_id, **changes):
    """ModifyVpcEndpointServiceConfiguration: a load balancer that endpoints may be using cannot be taken away."""
    service = self.describe_vpc_endpoint_service_configurations([service_id])[0]
    added, removed = changes["add_network_lbs"], changes["remove_network_lbs"]
    if removed and is_connected(service):
        raise EC2ClientError(
            "ExistingVpcEndpointConnections",
            f"Service {service_id} has existing active VPC Endpoint connections, so its load balancers must stay",
        )
    if removed and not set(service.network_load_balancer_arns) - set(removed) | set(added):
        raise EC2ClientError("InvalidParameter", f"Service {service_id} needs at least one load balancer")
    moto_modify_service(self, service_id, **changes)
    follow_load_balancers(service)


def follow_load_balancers(service):
    """A service is offered in the zones of its load balancers, each named once."""
    backend = elbv2_backends[service.ec2_backend.account_id][service.ec2_backend.region_name]
    arns = service.network_load_balancer_arns
    zones = {
        subnet.availability_zone
        for balancer in backend.load_balancers.values()
        if balancer.arn in arns
        for subnet in balancer.subnets
    }
    service.availability_zones = sorted(zones)
