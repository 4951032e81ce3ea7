"""Peerings that the other side requests, with another region and another account; and a removal that goes on where one was killed."""

import boto3
import pytest
from stand_in import CREDENTIALS, REGION, settings

OTHER_REGION = "eu-west-1"
OTHER_ACCOUNT = "210987654321"


@pytest.fixture(name="other_account")
def _other_account(aws):
    """Credentials of another account."""
    role = f"arn:aws:iam::{OTHER_ACCOUNT}:role/workspace"
    return aws.client("sts").assume_role(RoleArn=role, RoleSessionName="tests")["Credentials"]


@pytest.fixture(name="profile")
def _profile(other_account, tmp_path):
    """A file of credentials with the profile `workspace`, of the other account."""
    options = {"access_key_id": "AccessKeyId", "secret_access_key": "SecretAccessKey", "session_token": "SessionToken"}
    lines = [f"aws_{option} = {other_account[key]}" for option, key in options.items()]
    path = tmp_path / "credentials"
    path.write_text("\n".join(["[workspace]", *lines, ""]))
    return path


def workspace(ec2, cidr):
    """A VPC of classic compute with a route table of its own."""
    vpc = ec2.create_vpc(CidrBlock=cidr)["Vpc"]["VpcId"]
    return {"vpc_id": vpc, "route_table_ids": [ec2.create_route_table(VpcId=vpc)["RouteTable"]["RouteTableId"]]}


def through_peerings(ec2, table):
    routes = ec2.describe_route_tables(RouteTableIds=[table])["RouteTables"][0]["Routes"]
    return {route["DestinationCidrBlock"] for route in routes if "VpcPeeringConnectionId" in route}


def test_they_stand_and_go_also_after_a_removal_that_was_killed(aws, other_account, profile):
    keys = (other_account[key] for key in ("AccessKeyId", "SecretAccessKey", "SessionToken"))
    foreign_session = boto3.Session(*keys, region_name=REGION)
    ec2, far_ec2 = aws.client("ec2"), aws.client("ec2", OTHER_REGION)
    foreign_ec2, foreign_route53 = (foreign_session.client(s, endpoint_url=aws.url) for s in ("ec2", "route53"))
    near = workspace(ec2, "10.80.0.0/16")
    far = workspace(far_ec2, "10.81.0.0/16")
    foreign = workspace(foreign_ec2, "10.82.0.0/16")
    sides = {"near": (ec2, near), "far": (far_ec2, far), "foreign": (foreign_ec2, foreign)}
    # In a VPC that is given there is another hub.
    vpc = ec2.create_vpc(CidrBlock="10.40.0.0/22")["Vpc"]["VpcId"]
    another = [
        ec2.create_route_table(VpcId=vpc)["RouteTable"]["RouteTableId"],
        ec2.create_subnet(VpcId=vpc, CidrBlock="10.40.3.0/24")["Subnet"]["SubnetId"],
        ec2.create_security_group(GroupName="another-proxies", Description="another's", VpcId=vpc)["GroupId"],
    ]
    ec2.create_tags(Resources=another, Tags=[{"Key": "OnpremTunnelHub", "Value": "another"}])
    before = aws.everything()
    hub = settings(
        vpc_cidrs=[],
        vpc_id=vpc,
        endpoint_service=False,
        environment={**CREDENTIALS, "AWS_SHARED_CREDENTIALS_FILE": str(profile)},
        peerings=[
            {"name": "near", "requester": "peer", **near},
            {"name": "far", "region": OTHER_REGION, **far},
            {"name": "foreign", "account_id": OTHER_ACCOUNT, "profile": "workspace", **foreign},
        ],
    )
    built = aws.run("main", "register", **hub)
    assert not built.failed, built.output
    found = {
        next(tag["Value"] for tag in entry["Tags"] if tag["Key"] == "OnpremTunnelPeering"): entry
        for entry in ec2.describe_vpc_peering_connections()["VpcPeeringConnections"]
    }
    assert {name: entry["Status"]["Code"] for name, entry in found.items()} == dict.fromkeys(sides, "active")
    assert found["near"]["RequesterVpcInfo"]["VpcId"] == near["vpc_id"]
    assert found["far"]["AccepterVpcInfo"]["VpcId"] == far["vpc_id"]
    assert found["foreign"]["AccepterVpcInfo"]["OwnerId"] == OTHER_ACCOUNT
    for client, side in sides.values():
        assert through_peerings(client, side["route_table_ids"][0]) == {"10.40.0.0/22"}
    own = ec2.describe_route_tables(Filters=[{"Name": "tag:OnpremTunnelHub", "Values": ["prod"]}])["RouteTables"]
    assert through_peerings(ec2, own[0]["RouteTableId"]) == {"10.80.0.0/16", "10.81.0.0/16", "10.82.0.0/16"}
    zones = foreign_route53.list_hosted_zones_by_vpc(VPCId=foreign["vpc_id"], VPCRegion=REGION)["HostedZoneSummaries"]
    assert [zone["Name"].rstrip(".") for zone in zones] == ["onprem.corp.example"]

    again = aws.run("main", "register", **hub)
    assert not again.failed and again.changed == 0, again.output

    killed = aws.run("absent", confirm="prod", killed_at="ec2:TerminateInstances", **hub)
    assert killed.failed and aws.client("elbv2").describe_load_balancers()["LoadBalancers"] == []
    for client, side in sides.values():
        assert through_peerings(client, side["route_table_ids"][0]) == {"10.40.0.0/22"}
    removed = aws.run("absent", confirm="prod", **hub)
    assert not removed.failed, removed.output
    for client, side in sides.values():
        assert through_peerings(client, side["route_table_ids"][0]) == set()
    after = aws.everything()
    assert {kind for kind in {**before, **after} if after.get(kind) != before.get(kind)} == set()
