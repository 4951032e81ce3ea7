"""Peerings that the other side requests, and those with another region; and a removal that goes on where one broke off."""

from stand_in import settings

OTHER_REGION = "eu-west-1"


def workspace(aws, region, cidr):
    """A VPC of classic compute with a route table of its own."""
    ec2 = aws.client("ec2", region)
    vpc = ec2.create_vpc(CidrBlock=cidr)["Vpc"]["VpcId"]
    return {"vpc_id": vpc, "route_table_ids": [ec2.create_route_table(VpcId=vpc)["RouteTable"]["RouteTableId"]]}


def through_peerings(aws, region, table):
    routes = aws.client("ec2", region).describe_route_tables(RouteTableIds=[table])["RouteTables"][0]["Routes"]
    return {route["DestinationCidrBlock"] for route in routes if "VpcPeeringConnectionId" in route}


def test_both_stand_and_go_also_after_a_removal_that_broke_off(aws):
    near = workspace(aws, "eu-central-1", "10.80.0.0/16")
    far = workspace(aws, OTHER_REGION, "10.81.0.0/16")
    before = aws.everything()
    hub = settings(
        endpoint_service=False,
        peerings=[
            {"name": "near", "requester": "peer", **near},
            {"name": "far", "region": OTHER_REGION, **far},
        ],
    )
    built = aws.run("main", "register", **hub)
    assert not built.failed, built.output
    ec2 = aws.client("ec2")
    found = {
        next(tag["Value"] for tag in entry["Tags"] if tag["Key"] == "OnpremTunnelPeering"): entry
        for entry in ec2.describe_vpc_peering_connections()["VpcPeeringConnections"]
    }
    assert {name: entry["Status"]["Code"] for name, entry in found.items()} == {"near": "active", "far": "active"}
    assert found["near"]["RequesterVpcInfo"]["VpcId"] == near["vpc_id"]
    assert found["far"]["AccepterVpcInfo"]["VpcId"] == far["vpc_id"]
    assert through_peerings(aws, "eu-central-1", near["route_table_ids"][0]) == {"10.40.0.0/22"}
    assert through_peerings(aws, OTHER_REGION, far["route_table_ids"][0]) == {"10.40.0.0/22"}
    own = ec2.describe_route_tables(Filters=[{"Name": "tag:OnpremTunnelHub", "Values": ["prod"]}])["RouteTables"]
    assert through_peerings(aws, "eu-central-1", own[0]["RouteTableId"]) == {"10.80.0.0/16", "10.81.0.0/16"}

    again = aws.run("main", "register", **hub)
    assert not again.failed and again.changed == 0, again.output

    # As a removal leaves it that broke off after the load balancer and the machines.
    elbv2 = aws.client("elbv2")
    balancer = elbv2.describe_load_balancers()["LoadBalancers"][0]["LoadBalancerArn"]
    unprotected = [{"Key": "deletion_protection.enabled", "Value": "false"}]
    elbv2.modify_load_balancer_attributes(LoadBalancerArn=balancer, Attributes=unprotected)
    elbv2.delete_load_balancer(LoadBalancerArn=balancer)
    machines = [m["InstanceId"] for r in ec2.describe_instances()["Reservations"] for m in r["Instances"]]
    ec2.terminate_instances(InstanceIds=machines)
    removed = aws.run("absent", confirm="prod", **hub)
    assert not removed.failed, removed.output
    assert through_peerings(aws, OTHER_REGION, far["route_table_ids"][0]) == set()
    after = aws.everything()
    assert {kind for kind in {**before, **after} if after.get(kind) != before.get(kind)} == set()
