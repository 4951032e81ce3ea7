# Copyright (c) 2026 The lakehouse.onprem_tunnel authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The three modules' requests against botocore's Stubber, which checks requests and answers by AWS's own model."""

from datetime import UTC, datetime

import boto3
import pytest
from ansible_collections.amazon.aws.plugins.module_utils.modules import AnsibleAWSModule
from botocore.exceptions import EndpointConnectionError, NoCredentialsError
from botocore.stub import Stubber

TABLE = "rtb-0123"
PCX = "pcx-0123"
ZONE = "Z0123456789ABCDEFGHIJ"
VPC = {"VPCId": "vpc-0123", "VPCRegion": "eu-central-1"}


@pytest.fixture
def stub(monkeypatch):
    """Return a function that makes the modules' client of a service, which answers exactly what a test says."""
    stubs = []

    def make(service):
        client = boto3.client(service, "eu-west-1")
        monkeypatch.setattr(AnsibleAWSModule, "client", lambda _module, name: {service: client}[name])
        stubs.append(Stubber(client))
        stubs[-1].activate()
        return stubs[-1]

    yield make
    for made in stubs:
        made.assert_no_pending_responses()


@pytest.fixture
def route_changes(stub, routes_module):
    """The module on a table that is described in two pages."""
    ec2 = stub("ec2")
    asked = {"Filters": [{"Name": "route-table-id", "Values": [TABLE, "rtb-4567"]}]}
    theirs = {"DestinationCidrBlock": "10.41.0.0/16", "NatGatewayId": "nat-1", "State": "blackhole"}
    ours = {"DestinationIpv6CidrBlock": "2001:db8::/56", "VpcPeeringConnectionId": PCX, "State": "active"}
    first = {"RouteTables": [{"RouteTableId": TABLE, "Routes": [theirs]}], "NextToken": "more"}
    second = {"RouteTables": [{"RouteTableId": "rtb-4567", "Routes": [ours]}]}
    ec2.add_response("describe_route_tables", first, asked)
    ec2.add_response("describe_route_tables", second, {**asked, "NextToken": "more"})

    def run(destinations, **parameters):
        return routes_module(
            route_table_ids=[TABLE, "rtb-4567"],
            destinations=destinations,
            vpc_peering_connection_id=PCX,
            **parameters,
        )

    return ec2, run


def test_routes_are_created_and_replaced(route_changes):
    ec2, run = route_changes
    target = {"VpcPeeringConnectionId": PCX}
    v4, v6 = {"DestinationCidrBlock": "10.41.0.0/16"}, {"DestinationIpv6CidrBlock": "2001:db8::/56"}
    ec2.add_response("create_route", {"Return": True}, {"RouteTableId": TABLE, **v6, **target})
    ec2.add_response("create_route", {"Return": True}, {"RouteTableId": "rtb-4567", **v4, **target})
    ec2.add_response("replace_route", {}, {"RouteTableId": TABLE, **v4, **target})
    result = run(["10.41.0.0/16", "2001:db8::/56"])
    assert len(result["added"]) == 2 and len(result["replaced"]) == 1


def test_routes_are_deleted_by_table_and_destination_alone(route_changes):
    ec2, run = route_changes
    ec2.add_response("delete_route", {}, {"RouteTableId": "rtb-4567", "DestinationIpv6CidrBlock": "2001:db8::/56"})
    assert len(run(["10.41.0.0/16", "2001:db8::/56"], state="absent")["removed"]) == 1


def test_check_mode_asks_for_no_change_of_routes(route_changes):
    _ec2, run = route_changes
    assert run(["10.41.0.0/16", "2001:db8::/56"], check=True)["changed"]


def described(code="active", accepter=None):
    accepter_info = {"OwnerId": "210987654321", "VpcId": "vpc-2", "Region": "eu-central-1"}
    return {
        "VpcPeeringConnections": [
            {
                "VpcPeeringConnectionId": PCX,
                "Status": {"Code": code},
                "RequesterVpcInfo": {
                    "OwnerId": "123456789012",
                    "VpcId": "vpc-1",
                    "Region": "eu-west-1",
                    "PeeringOptions": {"AllowDnsResolutionFromRemoteVpc": False},
                },
                "AccepterVpcInfo": accepter or accepter_info,
            }
        ]
    }


def test_only_the_given_side_and_only_its_dns_option_is_set(stub, options_module):
    ec2 = stub("ec2")
    ec2.add_response("describe_vpc_peering_connections", described(), {"VpcPeeringConnectionIds": [PCX]})
    ec2.add_response(
        "modify_vpc_peering_connection_options",
        {},
        {
            "VpcPeeringConnectionId": PCX,
            "RequesterPeeringConnectionOptions": {"AllowDnsResolutionFromRemoteVpc": True},
        },
    )
    result = options_module(vpc_peering_connection_id=PCX, requester_dns_resolution=True)
    # What AWS does not show of the other side is not made up.
    assert result["options"] == dict(requester_dns_resolution=True, accepter_dns_resolution=None)


def zone(private=True, vpcs=("vpc-9",)):
    return {
        "HostedZone": {
            "Id": f"/hostedzone/{ZONE}",
            "Name": "a.example.",
            "CallerReference": "x",
            "Config": {"PrivateZone": private},
        },
        "VPCs": [{"VPCId": vpc, "VPCRegion": "eu-west-1"} for vpc in vpcs],
    }


@pytest.fixture
def associate(association_module):
    return lambda **parameters: association_module(
        zone_id=f"/hostedzone/{ZONE}", vpc_id=VPC["VPCId"], vpc_region=VPC["VPCRegion"], **parameters
    )


CHANGE = {"ChangeInfo": {"Id": "/change/C1", "Status": "PENDING", "SubmittedAt": datetime.now(UTC)}}


def test_an_authorization_is_looked_for_on_all_pages(stub, associate):
    route53 = stub("route53")
    route53.add_response("get_hosted_zone", zone(), {"Id": ZONE})
    page = {"HostedZoneId": ZONE, "VPCs": [{"VPCId": "vpc-8", "VPCRegion": "eu-west-1"}], "NextToken": "more"}
    route53.add_response("list_vpc_association_authorizations", page, {"HostedZoneId": ZONE})
    route53.add_response(
        "list_vpc_association_authorizations",
        {"HostedZoneId": ZONE, "VPCs": [VPC]},
        {"HostedZoneId": ZONE, "NextToken": "more"},
    )
    assert not associate(state="authorized")["changed"]


def test_an_authorization_is_made(stub, associate):
    route53 = stub("route53")
    route53.add_response("get_hosted_zone", zone(), {"Id": ZONE})
    page = {"HostedZoneId": ZONE, "VPCs": [{"VPCId": "vpc-8", "VPCRegion": "eu-west-1"}]}
    route53.add_response("list_vpc_association_authorizations", page)
    answer = {"HostedZoneId": ZONE, "VPC": VPC}
    route53.add_response("create_vpc_association_authorization", answer, {"HostedZoneId": ZONE, "VPC": VPC})
    assert associate(state="authorized")["association"] == dict(
        zone_id=ZONE, vpc_id="vpc-0123", vpc_region="eu-central-1", associated=False, authorized=True
    )


def test_the_vpcs_zones_are_looked_for_on_all_pages_where_the_zone_is_anothers(stub, associate):
    route53 = stub("route53")
    route53.add_client_error("get_hosted_zone", "AccessDenied")
    found = [{"HostedZoneId": name, "Name": "a.", "Owner": {"OwningAccount": "123456789012"}} for name in ("Z1", ZONE)]
    pages = [{"HostedZoneSummaries": [one], "MaxItems": "1"} for one in found]
    route53.add_response("list_hosted_zones_by_vpc", {**pages[0], "NextToken": "more"}, VPC)
    route53.add_response("list_hosted_zones_by_vpc", pages[1], {**VPC, "NextToken": "more"})
    assert not associate()["changed"]


def test_a_vpc_is_associated_and_disassociated(stub, associate):
    route53 = stub("route53")
    route53.add_response("get_hosted_zone", zone(), {"Id": ZONE})
    route53.add_response("associate_vpc_with_hosted_zone", CHANGE, {"HostedZoneId": ZONE, "VPC": VPC})
    assert associate()["changed"]

    both = {"HostedZoneId": ZONE, "VPC": VPC}
    route53.add_response("get_hosted_zone", zone(vpcs=("vpc-9", "vpc-0123")), {"Id": ZONE})
    route53.add_response("list_vpc_association_authorizations", {"HostedZoneId": ZONE, "VPCs": [VPC]})
    route53.add_response("delete_vpc_association_authorization", {}, both)
    route53.add_response("disassociate_vpc_from_hosted_zone", CHANGE, both)
    assert associate(state="absent")["changed"]


def test_a_change_that_another_one_delays_is_repeated(stub, associate, clock):
    route53 = stub("route53")
    route53.add_response("get_hosted_zone", zone())
    route53.add_client_error("associate_vpc_with_hosted_zone", "PriorRequestNotComplete")
    route53.add_response("associate_vpc_with_hosted_zone", CHANGE)
    assert associate()["changed"] and clock.now > 0


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (NoCredentialsError(), "needs AWS credentials"),
        (EndpointConnectionError(endpoint_url="https://ec2"), "check the region eu-west-1"),
    ],
)
def test_no_credentials_and_a_wrong_region(options_module, calls, error, said):
    calls.answers["DescribeVpcPeeringConnections"] = error
    result = options_module(vpc_peering_connection_id=PCX, requester_dns_resolution=True)
    assert result["failed"] and said in result["msg"]
