"""Where moto's network load balancers are unlike AWS's: their ARN, addresses, limits, and what AWS refuses."""

import ipaddress
import re

from moto.core.responses import ActionResult
from moto.elbv2.exceptions import (
    DuplicateListenerError,
    DuplicateLoadBalancerName,
    ELBClientError,
    InvalidConfigurationRequest,
    LoadBalancerNotFoundError,
    ResourceInUseError,
    SubnetNotFoundError,
    ValidationError,
)
from moto.elbv2.models import AvailabilityZone, ELBv2Backend, FakeLoadBalancer
from moto.elbv2.responses import ELBV2Response

from .patching import put

NAME = re.compile(r"(?!internal-)[A-Za-z0-9](?:[A-Za-z0-9-]{0,30}[A-Za-z0-9])?")
MOST_LISTENERS = 50

# Taken when this file is imported, so that installing twice is the same as once.
moto_create_load_balancer = ELBv2Backend.create_load_balancer
moto_delete_load_balancer = ELBv2Backend.delete_load_balancer
moto_set_subnets = ELBv2Backend.set_subnets
moto_create_listener = ELBv2Backend.create_listener
moto_modify_listener = ELBv2Backend.modify_listener
moto_delete_listener = ELBv2Backend.delete_listener
moto_describe_target_groups = ELBv2Backend.describe_target_groups
moto_modify_target_group = ELBv2Backend.modify_target_group
moto_set_security_groups = ELBV2Response.set_security_groups


def install():
    """Put the functions below into moto's classes."""
    put(
        {
            ELBv2Backend: [
                create_load_balancer,
                delete_load_balancer,
                set_subnets,
                create_listener,
                modify_listener,
                delete_listener,
                describe_target_groups,
                modify_target_group,
            ],
            ELBV2Response: [set_security_groups],
        }
    )
    FakeLoadBalancer.availability_zones = property(availability_zones)


# --- load balancers ----------------------------------------------------------------------------------------------


def create_load_balancer(
    self, name, security_groups, subnet_ids, subnet_mappings=None, loadbalancer_type=None, tags=None, **options
):
    if not NAME.fullmatch(name):
        raise ValidationError(
            f"The load balancer name '{name}' must have at most 32 characters, letters, digits and hyphens, "
            "must not begin or end with a hyphen, and must not begin with 'internal-'"
        )
    if any(balancer.name == name for balancer in self.load_balancers.values()):
        raise DuplicateLoadBalancerName()
    options["loadbalancer_type"] = loadbalancer_type
    if loadbalancer_type != "network":
        return moto_create_load_balancer(self, name, security_groups, subnet_ids, subnet_mappings, tags=tags, **options)

    mappings = subnet_mappings or [{"SubnetId": subnet_id} for subnet_id in subnet_ids]
    addresses = choose_addresses(self.ec2_backend, mappings, {})
    balancer = moto_create_load_balancer(self, name, security_groups, [], mappings, tags=None, **options)
    del self.load_balancers[balancer.arn]
    balancer.arn = balancer.arn.replace(":loadbalancer/app/", ":loadbalancer/net/")
    self.load_balancers[balancer.arn] = balancer
    self.tagging_service.tag_resource(balancer.arn, tags)
    if security_groups:
        balancer.enforce_security_group_inbound_rules_on_private_link_traffic = "on"
    take_addresses(self.ec2_backend, balancer, mappings, addresses)
    return balancer


def delete_load_balancer(self, arn):
    balancer = self.load_balancers.get(arn)
    if balancer is None:
        return
    if balancer.attrs["deletion_protection.enabled"] == "true":
        raise ELBClientError(
            "OperationNotPermitted",
            f"Load balancer '{arn}' cannot be deleted because deletion protection is enabled",
        )
    if any(arn in service.network_load_balancer_arns for service in self.ec2_backend.configurations.values()):
        raise ResourceInUseError(
            f"Load balancer '{arn}' cannot be deleted because it is currently associated with another service"
        )
    for subnet_id in list(getattr(balancer, "interfaces", {})):
        give_back_address(self.ec2_backend, balancer, subnet_id)
    moto_delete_load_balancer(self, arn)
    update_users(self)


def set_security_groups(self):
    """SetSecurityGroups: not for a network load balancer that was made without any, and with the PrivateLink switch."""
    balancer = self.elbv2_backend.load_balancers.get(self._get_param("LoadBalancerArn"))
    if balancer is None:
        raise LoadBalancerNotFoundError()
    if balancer.type != "network":
        return moto_set_security_groups(self)
    if not balancer.security_groups:
        raise InvalidConfigurationRequest(
            "You cannot set security groups on a Network Load Balancer that was created without security groups"
        )
    result = moto_set_security_groups(self)
    enforce = self._get_param("EnforceSecurityGroupInboundRulesOnPrivateLinkTraffic")
    if enforce:
        balancer.enforce_security_group_inbound_rules_on_private_link_traffic = enforce
    return ActionResult(
        {
            "SecurityGroupIds": result.result["SecurityGroups"],
            "EnforceSecurityGroupInboundRulesOnPrivateLinkTraffic": (
                balancer.enforce_security_group_inbound_rules_on_private_link_traffic
            ),
        }
    )


def set_subnets(self, arn, subnets, subnet_mappings):
    """SetSubnets: one zone is enough for a network load balancer, and the addresses that it has stay."""
    balancer = self.load_balancers.get(arn)
    if balancer is None or balancer.type != "network":
        return moto_set_subnets(self, arn, subnets, subnet_mappings)
    mappings = subnet_mappings or [{"SubnetId": subnet_id} for subnet_id in subnets]
    addresses = choose_addresses(self.ec2_backend, mappings, balancer.interfaces)
    wanted = [mapping["SubnetId"] for mapping in mappings]
    for subnet_id in set(balancer.interfaces) - set(wanted):
        give_back_address(self.ec2_backend, balancer, subnet_id)
    balancer.subnets = [self.ec2_backend.get_subnet(subnet_id) for subnet_id in wanted]
    take_addresses(self.ec2_backend, balancer, mappings, addresses)
    return balancer.availability_zones


# --- the addresses of a load balancer ----------------------------------------------------------------------------


def choose_addresses(ec2, mappings, present):
    """Return the address in each subnet: the present one, the one asked for, or the first that is free."""
    addresses, zones = {}, set()
    for mapping in mappings:
        subnet = find_subnet(ec2, mapping["SubnetId"])
        if subnet.availability_zone in zones:
            raise InvalidConfigurationRequest(
                "A load balancer cannot be attached to multiple subnets in the same Availability Zone"
            )
        zones.add(subnet.availability_zone)
        asked_for = mapping.get("PrivateIPv4Address")
        if subnet.id in present:
            has = present[subnet.id].private_ip_address
            if asked_for not in (None, has):
                raise InvalidConfigurationRequest(f"The private IPv4 address {has} of {subnet.id} cannot be changed")
            addresses[subnet.id] = has
            continue
        free = free_addresses(ec2, subnet)
        if asked_for and asked_for not in free:
            raise InvalidConfigurationRequest(
                f"The private IPv4 address {asked_for} is not in {subnet.id} ({subnet.cidr_block}), or is in use"
            )
        addresses[subnet.id] = asked_for or next(iter(free))
    return addresses


def find_subnet(ec2, subnet_id):
    for subnets in ec2.subnets.values():
        if subnet_id in subnets:
            return subnets[subnet_id]
    raise SubnetNotFoundError()


def free_addresses(ec2, subnet):
    """Return the addresses that nothing has; the first four and the last of a subnet are AWS's own."""
    interfaces = [eni for eni in ec2.enis.values() if eni.subnet.id == subnet.id]
    taken = {address["PrivateIpAddress"] for eni in interfaces for address in eni.private_ip_addresses}
    taken |= set(subnet._subnet_ips)
    network = ipaddress.ip_network(subnet.cidr_block)
    possible = (str(network[number]) for number in range(4, network.num_addresses - 1))
    return {address: None for address in possible if address not in taken}


def take_addresses(ec2, balancer, mappings, addresses):
    """Give the load balancer a network interface in each new subnet, as AWS does; that is where the address shows."""
    balancer.static_addresses = getattr(balancer, "static_addresses", {})
    balancer.interfaces = getattr(balancer, "interfaces", {})
    for mapping in mappings:
        subnet = find_subnet(ec2, mapping["SubnetId"])
        if subnet.id in balancer.interfaces:
            continue
        if mapping.get("PrivateIPv4Address"):
            balancer.static_addresses[subnet.id] = mapping["PrivateIPv4Address"]
        interface = ec2.create_network_interface(
            subnet,
            addresses[subnet.id],
            group_ids=balancer.security_groups,
            description="ELB " + balancer.arn.split(":loadbalancer/")[1],
        )
        interface.requester_managed = True
        subnet.request_ip(addresses[subnet.id], interface)  # so that moto gives it to no instance
        balancer.interfaces[subnet.id] = interface


def give_back_address(ec2, balancer, subnet_id):
    interface = balancer.interfaces.pop(subnet_id)
    balancer.static_addresses.pop(subnet_id, None)
    interface.subnet.del_subnet_ip(interface.private_ip_address)
    ec2.enis.pop(interface.id, None)


def availability_zones(self):
    """The zones of a load balancer. AWS lists an address only where one was asked for."""
    zones = []
    for subnet in self.subnets:
        zone = AvailabilityZone(subnet)
        address = getattr(self, "static_addresses", {}).get(subnet.id)
        zone.load_balancer_addresses = [{"PrivateIPv4Address": address}] if address else []
        zones.append(zone)
    return zones


# --- listeners and target groups ---------------------------------------------------------------------------------


def create_listener(self, load_balancer_arn, protocol, port, *args, **options):
    balancer = self.load_balancers.get(load_balancer_arn)
    if balancer is not None and any(listener.port == port for listener in balancer.listeners.values()):
        raise DuplicateListenerError()
    if balancer is not None and len(balancer.listeners) >= MOST_LISTENERS:
        raise ELBClientError("TooManyListeners", "You've reached the limit on the number of listeners")
    listener = moto_create_listener(self, load_balancer_arn, protocol, port, *args, **options)
    update_users(self)
    return listener


def modify_listener(self, *args, **options):
    listener = moto_modify_listener(self, *args, **options)
    update_users(self)
    return listener


def delete_listener(self, listener_arn):
    listener = moto_delete_listener(self, listener_arn)
    update_users(self)
    return listener


def update_users(backend):
    """Each target group knows the load balancers whose listeners use it now, and each of them once."""
    users = {arn: set() for arn in backend.target_groups}
    for balancer in backend.load_balancers.values():
        for listener in balancer.listeners.values():
            for rule in listener.rules.values():
                for action in rule.actions:
                    for arn in backend._get_target_group_arns_from(action_data=action.data):
                        users.setdefault(arn, set()).add(balancer.arn)
    for arn, group in backend.target_groups.items():
        group.load_balancer_arns = sorted(users[arn])


def describe_target_groups(self, load_balancer_arn, target_group_arns, names):
    """DescribeTargetGroups: a load balancer that uses none has an empty list of them, which is an error in moto."""
    used = any(load_balancer_arn in group.load_balancer_arns for group in self.target_groups.values())
    if load_balancer_arn in self.load_balancers and not used and not target_group_arns and not names:
        return []
    return moto_describe_target_groups(self, load_balancer_arn, target_group_arns, names)


def modify_target_group(self, *args, **options):
    """ModifyTargetGroup: moto takes a new matcher for groups of protocol HTTP only, not for HTTP health checks."""
    group = moto_modify_target_group(self, *args, **options)
    http_codes = options.get("http_codes", args[8] if len(args) > 8 else None)
    if http_codes is not None and group.health_check_protocol in ("HTTP", "HTTPS"):
        group.matcher = {"HttpCode": http_codes}
    return group
