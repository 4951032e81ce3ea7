"""A workspace in another account: its side is done with its own credentials, a profile."""

import boto3
from stand_in import CREDENTIALS, REGION, settings

OTHER_ACCOUNT = "210987654321"


def test_a_vpc_of_another_account_is_peered_with_its_own_credentials(aws, tmp_path):
    role = f"arn:aws:iam::{OTHER_ACCOUNT}:role/workspace"
    keys = aws.client("sts").assume_role(RoleArn=role, RoleSessionName="tests")["Credentials"]
    names = ("AccessKeyId", "SecretAccessKey", "SessionToken")
    profile = [
        f"aws_{option} = {keys[name]}"
        for option, name in zip(("access_key_id", "secret_access_key", "session_token"), names, strict=True)
    ]
    credentials = tmp_path / "credentials"
    credentials.write_text("\n".join(["[workspace]", *profile, ""]))
    session = boto3.Session(*(keys[name] for name in names), region_name=REGION)
    ec2, route53 = (session.client(service, endpoint_url=aws.url) for service in ("ec2", "route53"))
    vpc = ec2.create_vpc(CidrBlock="10.82.0.0/16")["Vpc"]["VpcId"]
    table = ec2.create_route_table(VpcId=vpc)["RouteTable"]["RouteTableId"]

    hub = settings(
        endpoint_service=False,
        alarms=False,
        environment={**CREDENTIALS, "AWS_SHARED_CREDENTIALS_FILE": str(credentials)},
        peerings=[
            {
                "name": "x",
                "vpc_id": vpc,
                "account_id": OTHER_ACCOUNT,
                "profile": "workspace",
                "route_table_ids": [table],
            }
        ],
    )
    built = aws.run("main", "register", **hub)
    assert not built.failed, built.output
    peering = ec2.describe_vpc_peering_connections()["VpcPeeringConnections"][0]
    assert peering["Status"]["Code"] == "active" and peering["AccepterVpcInfo"]["OwnerId"] == OTHER_ACCOUNT
    routes = ec2.describe_route_tables(RouteTableIds=[table])["RouteTables"][0]["Routes"]
    assert "10.40.0.0/22" in {route["DestinationCidrBlock"] for route in routes if "VpcPeeringConnectionId" in route}
    zones = route53.list_hosted_zones_by_vpc(VPCId=vpc, VPCRegion=REGION)["HostedZoneSummaries"]
    assert [zone["Name"].rstrip(".") for zone in zones] == ["onprem.corp.example"]
    again = aws.run("main", "register", **hub)
    assert not again.failed and again.changed == 0, again.output
