"""What moto lacks of peered VPCs, and of private zones that are shown to VPCs of other accounts.

A zone keeps who may be associated with it. Its VPCs may be of any account, and so moto's list of them is all it takes.
"""

from moto.core.errors import COMMON_ERROR_CODES
from moto.core.responses import ActionResult, EmptyResult
from moto.core.utils import utcnow
from moto.ec2.exceptions import EC2ClientError
from moto.ec2.models import ec2_backends
from moto.ec2.models.route_tables import Route, RouteBackend
from moto.ec2.models.vpc_peering_connections import VPCPeeringConnection
from moto.ec2.responses.vpc_peering_connections import VPCPeeringConnections
from moto.ec2.utils import generic_filter
from moto.route53.exceptions import (
    InvalidVPCId,
    LastVPCAssociation,
    NoSuchHostedZone,
    PublicZoneVPCAssociation,
    Route53ClientError,
)
from moto.route53.models import route53_backends
from moto.route53.responses import Route53
from moto.route53.urls import url_paths

from .patching import put

OVER = ("deleted", "rejected", "failed", "expired")

# Taken when this file is imported, so that installing twice is the same as once.
moto_get_filter_value = VPCPeeringConnection.get_filter_value
moto_modify_options = VPCPeeringConnections.modify_vpc_peering_connection_options
moto_create_route = RouteBackend.create_route
moto_replace_route = RouteBackend.replace_route
moto_get_hosted_zone = Route53.get_hosted_zone


def install():
    """Put the functions below into moto's classes."""
    put(
        {
            VPCPeeringConnection: [get_filter_value],
            VPCPeeringConnections: [describe_vpc_peering_connections, modify_vpc_peering_connection_options],
            RouteBackend: [create_route, replace_route],
            Route53: [
                get_hosted_zone,
                list_hosted_zones_by_vpc,
                associate_vpc_with_hosted_zone,
                disassociate_vpc_from_hosted_zone,
                create_vpc_association_authorization,
                delete_vpc_association_authorization,
                list_vpc_association_authorizations,
            ],
        }
    )
    Route.state = property(route_state)
    if AccessDenied.code not in COMMON_ERROR_CODES:
        COMMON_ERROR_CODES.append(AccessDenied.code)  # any service has it; Route 53's model does not say so
    for action in ("authorizevpcassociation", "deauthorizevpcassociation"):
        url_paths["{0}/(?P<api_version>[\\d_-]+)/hostedzone/(?P<zone_id>[^/]+)/" + action + "$"] = Route53.dispatch


# --- peering connections -----------------------------------------------------------------------------------------


def describe_vpc_peering_connections(self):
    """DescribeVpcPeeringConnections: with its filters, and an error for an id that does not exist."""
    ids = self._get_param("VpcPeeringConnectionIds", [])
    for connection_id in ids:
        if connection_id not in self.ec2_backend.vpc_pcxs:
            raise EC2ClientError(
                "InvalidVpcPeeringConnectionID.NotFound",
                f"The vpcPeeringConnection ID '{connection_id}' does not exist",
            )
    found = self.ec2_backend.describe_vpc_peering_connections(vpc_peering_ids=ids)
    return ActionResult({"VpcPeeringConnections": generic_filter(self._filters_from_querystring(), found)})


def get_filter_value(self, filter_name, method_name=None):
    names = {
        "vpc-peering-connection-id": self.id,
        "status-code": self.status["Code"],
        "status-message": self.status["Message"],
    }
    for side, info in (("requester", self.requester_vpc_info), ("accepter", self.accepter_vpc_info)):
        names[f"{side}-vpc-info.vpc-id"] = info["VpcId"]
        names[f"{side}-vpc-info.owner-id"] = info["OwnerId"]
        names[f"{side}-vpc-info.cidr-block"] = info["CidrBlock"]
    if filter_name in names:
        return names[filter_name]
    return moto_get_filter_value(self, filter_name, method_name)


def modify_vpc_peering_connection_options(self):
    """ModifyVpcPeeringConnectionOptions: of an active connection, each side by its own account and in its own region."""
    connection = self.ec2_backend.get_vpc_peering_connection(self._get_param("VpcPeeringConnectionId"))
    if connection.status["Code"] != "active":
        raise EC2ClientError(
            "InvalidStateTransition", f"{connection.id} is {connection.status['Code']}; its options cannot be modified"
        )
    for side, vpc in (("requester", connection.vpc), ("accepter", connection.peer_vpc)):
        if not self._get_param(f"{side.capitalize()}PeeringConnectionOptions", {}):
            continue
        if vpc.owner_id != self.current_account:
            raise EC2ClientError(
                "OperationNotPermitted",
                f"User {self.current_account} does not have permission to modify the {side} side peering options",
            )
        if vpc.region != self.region:
            raise EC2ClientError(
                "OperationNotPermitted",
                f"Incorrect region ({self.region}) specified for this request. The {side} side peering options of "
                f"{connection.id} must be modified in region {vpc.region}",
            )
    return moto_modify_options(self)


# --- routes ------------------------------------------------------------------------------------------------------


def route_state(self):
    """A route to what is not there any more is a blackhole."""
    lost_peering = self.vpc_pcx is not None and self.vpc_pcx.status["Code"] != "active"
    gateways = self.route_table.ec2_backend.transit_gateways
    lost_gateway = self.transit_gateway is not None and self.transit_gateway.id not in gateways
    return "blackhole" if lost_peering or lost_gateway else "active"


def create_route(self, *args, vpc_peering_connection_id=None, **target):
    refuse_a_peering_that_is_over(self, vpc_peering_connection_id)
    return moto_create_route(self, *args, vpc_peering_connection_id=vpc_peering_connection_id, **target)


def replace_route(self, *args, vpc_peering_connection_id=None, **target):
    refuse_a_peering_that_is_over(self, vpc_peering_connection_id)
    return moto_replace_route(self, *args, vpc_peering_connection_id=vpc_peering_connection_id, **target)


def refuse_a_peering_that_is_over(ec2, connection_id):
    connection = ec2.vpc_pcxs.get(connection_id)
    if connection_id and (connection is None or connection.status["Code"] in OVER):
        raise EC2ClientError(
            "InvalidVpcPeeringConnectionID.NotFound", f"The vpcPeeringConnection ID '{connection_id}' does not exist"
        )


# --- private zones and VPCs --------------------------------------------------------------------------------------


class AccessDenied(Route53ClientError):
    code = "AccessDenied"


class NotAuthorized(Route53ClientError):
    def __init__(self, vpc_id):
        super().__init__(
            "NotAuthorizedException", f"The VPC: {vpc_id} has not authorized to associate with your hosted zone."
        )


class ConflictingDomain(Route53ClientError):
    def __init__(self, vpc_id, region, name):
        super().__init__(
            "ConflictingDomainExists",
            f"The VPC {vpc_id} in region {region} has already been associated with the hosted zone {name} or one with "
            "the same domain name.",
        )


class AssociationNotFound(Route53ClientError):
    def __init__(self):
        super().__init__("VPCAssociationNotFound", "The VPC is not associated with the hosted zone.")


class AuthorizationNotFound(Route53ClientError):
    def __init__(self):
        super().__init__("VPCAssociationAuthorizationNotFound", "The VPC is not authorized for the hosted zone.")


def zones_of_all_accounts():
    """Yield (account, zone)."""
    for account, _partition, backend in list(route53_backends.iter_backends()):
        for zone in list(backend.zones.values()):
            yield account, zone


def find_zone(zone_id):
    """Return (account, zone), whichever account owns it."""
    bare = zone_id.replace("/hostedzone/", "")
    for account, zone in zones_of_all_accounts():
        if zone.resource_id == bare:
            return account, zone
    raise NoSuchHostedZone(zone_id)


def own_zone(response, zone_id):
    """Return the caller's zone. AWS tells others no more than that they may not."""
    account, zone = find_zone(zone_id)
    if account != response.current_account:
        raise AccessDenied("User is not authorized to access this resource")
    return zone


def asked_vpc(response):
    return response._get_param("VPC.VPCId"), response._get_param("VPC.VPCRegion")


def vpc_owner(vpc_id, vpc_region):
    """Return the account that the VPC belongs to."""
    for account, region, backend in list(ec2_backends.iter_backends()):
        if region == vpc_region and vpc_id in backend.vpcs:
            return account
    raise InvalidVPCId()


def is_associated(zone, vpc_id):
    return any(vpc["vpc_id"] == vpc_id for vpc in zone.vpcs)


def authorized_vpcs(zone):
    """Return the zone's {VPC: its region} that others may associate."""
    if not hasattr(zone, "authorized_vpcs"):
        zone.authorized_vpcs = {}
    return zone.authorized_vpcs


def get_hosted_zone(self):
    own_zone(self, self._get_param("Id"))
    return moto_get_hosted_zone(self)


def list_hosted_zones_by_vpc(self):
    """ListHostedZonesByVPC: the zones of all accounts, for the VPC's owner only."""
    vpc_id, vpc_region = self._get_param("VPCId"), self._get_param("VPCRegion")
    if vpc_owner(vpc_id, vpc_region) != self.current_account:
        raise AccessDenied(f"The VPC {vpc_id} in region {vpc_region} that you provided is not owned by you")
    found = [
        {"HostedZoneId": zone.resource_id, "Name": zone.name, "Owner": {"OwningAccount": account}}
        for account, zone in zones_of_all_accounts()
        if zone.private_zone and is_associated(zone, vpc_id)
    ]
    return ActionResult({"HostedZoneSummaries": found, "MaxItems": "100"})


def associate_vpc_with_hosted_zone(self):
    """AssociateVPCWithHostedZone: by the VPC's owner, to whom a zone of another account has to be open."""
    account, zone = find_zone(self._get_param("HostedZoneId"))
    vpc_id, vpc_region = asked_vpc(self)
    if not zone.private_zone:
        raise PublicZoneVPCAssociation()
    owner = vpc_owner(vpc_id, vpc_region)
    if owner != self.current_account or (account != owner and vpc_id not in authorized_vpcs(zone)):
        raise NotAuthorized(vpc_id)
    if any(other.name == zone.name and is_associated(other, vpc_id) for _account, other in zones_of_all_accounts()):
        raise ConflictingDomain(vpc_id, vpc_region, zone.name)
    zone.add_vpc(vpc_id, vpc_region)
    return change_of_zone(self)


def disassociate_vpc_from_hosted_zone(self):
    """DisassociateVPCFromHostedZone: by either owner."""
    account, zone = find_zone(self._get_param("HostedZoneId"))
    vpc_id, vpc_region = asked_vpc(self)
    if self.current_account not in (account, vpc_owner(vpc_id, vpc_region)):
        raise AccessDenied("User is not authorized to access this resource")
    if not is_associated(zone, vpc_id):
        raise AssociationNotFound()
    if len(zone.vpcs) == 1:
        raise LastVPCAssociation()
    zone.delete_vpc(vpc_id)
    return change_of_zone(self)


def change_of_zone(response):
    return ActionResult(
        {
            "ChangeInfo": {
                "Id": "/change/C2682N5HXP0BZ4",
                "Status": "INSYNC",
                "SubmittedAt": utcnow(),
                "Comment": response._get_param("Comment"),
            }
        }
    )


def create_vpc_association_authorization(self):
    zone = own_zone(self, self._get_param("HostedZoneId"))
    vpc_id, vpc_region = asked_vpc(self)
    if not zone.private_zone:
        raise PublicZoneVPCAssociation()
    vpc_owner(vpc_id, vpc_region)
    authorized_vpcs(zone)[vpc_id] = vpc_region
    return ActionResult({"HostedZoneId": zone.resource_id, "VPC": to_vpc(vpc_id, vpc_region)})


def delete_vpc_association_authorization(self):
    zone = own_zone(self, self._get_param("HostedZoneId"))
    vpc_id, _vpc_region = asked_vpc(self)
    if vpc_id not in authorized_vpcs(zone):
        raise AuthorizationNotFound()
    del authorized_vpcs(zone)[vpc_id]
    return EmptyResult()


def list_vpc_association_authorizations(self):
    zone = own_zone(self, self._get_param("HostedZoneId"))
    vpcs = [to_vpc(vpc_id, vpc_region) for vpc_id, vpc_region in authorized_vpcs(zone).items()]
    return ActionResult({"HostedZoneId": zone.resource_id, "VPCs": vpcs})


def to_vpc(vpc_id, vpc_region):
    return {"VPCId": vpc_id, "VPCRegion": vpc_region}
