"""What is given by id is used, and neither changed nor deleted; fifty resources cost little more than one."""

import pytest
from stand_in import REGION, listener, settings

THEIRS = {443, 6379, 8443}  # ports of listeners of somebody else: a plain one, one of two target groups, a TLS one


@pytest.fixture(scope="module", name="given")
def _given(aws):
    """A VPC with subnets, a machine and a load balancer of somebody else."""
    ec2, elbv2 = aws.client("ec2"), aws.client("elbv2")
    vpc = ec2.create_vpc(CidrBlock="10.50.0.0/16")["Vpc"]["VpcId"]
    subnets = [
        ec2.create_subnet(VpcId=vpc, CidrBlock=f"10.50.{n}.0/24", AvailabilityZone=f"{REGION}{zone}")["Subnet"][
            "SubnetId"
        ]
        for n, zone in ((1, "a"), (2, "b"))
    ]
    machine = ec2.run_instances(
        ImageId="ami-1e749f67", MinCount=1, MaxCount=1, SubnetId=subnets[0], PrivateIpAddress="10.50.1.10"
    )["Instances"][0]["InstanceId"]
    group = ec2.create_security_group(GroupName="theirs", Description="theirs", VpcId=vpc)["GroupId"]
    balancer = elbv2.create_load_balancer(
        Name="theirs", Type="network", Scheme="internal", Subnets=subnets, SecurityGroups=[group]
    )["LoadBalancers"][0]["LoadBalancerArn"]
    mark = [{"Key": "OnpremTunnelHub", "Value": "another"}]
    made = [
        elbv2.create_target_group(Name=name, Protocol="TCP", Port=443, VpcId=vpc, Tags=mark)
        for name in ("theirs", "theirs-too")
    ]
    groups = [answer["TargetGroups"][0]["TargetGroupArn"] for answer in made]
    certificate = aws.client("acm").request_certificate(DomainName="theirs.corp.example")["CertificateArn"]
    encrypted = {"Protocol": "TLS", "Certificates": [{"CertificateArn": certificate}]}
    shared = {"ForwardConfig": {"TargetGroups": [{"TargetGroupArn": arn, "Weight": 1} for arn in groups]}}
    for port, action, options in (
        (443, {"TargetGroupArn": groups[0]}, {}),
        (8443, {"TargetGroupArn": groups[0]}, encrypted),
        (6379, shared, {}),
    ):
        actions = [{"Type": "forward", **action}]
        elbv2.create_listener(
            LoadBalancerArn=balancer, Port=port, DefaultActions=actions, **{"Protocol": "TCP", **options}
        )
    # One subnet has a route table of its own, and the other uses the VPC's main one.
    main = ec2.describe_route_tables(Filters=[{"Name": "vpc-id", "Values": [vpc]}])["RouteTables"][0]["RouteTableId"]
    table = ec2.create_route_table(VpcId=vpc)["RouteTable"]["RouteTableId"]
    ec2.associate_route_table(RouteTableId=table, SubnetId=subnets[0])
    return {
        "vpc": vpc,
        "subnets": subnets,
        "tables": [main, table],
        "machine": machine,
        "balancer": balancer,
        "workspace": ec2.create_vpc(CidrBlock="10.80.0.0/16")["Vpc"]["VpcId"],
    }


def hub(given, resources, peerings=()):
    return settings(
        vpc_cidrs=[],
        vpc_id=given["vpc"],
        subnets=[{"id": subnet} for subnet in given["subnets"]],
        proxies={"proxy-a": "10.50.1.10", "proxy-b": "10.50.2.10"},
        instance_ids={"proxy-a": given["machine"]},
        load_balancer_arn=given["balancer"],
        listeners=[listener(f"r{n}", 4000 + 2 * n) for n in resources],
        healthy_proxies=["proxy-a", "proxy-b"],
        endpoint_service=True,
        peerings=list(peerings),
    )


def ports(aws, given):
    found = aws.client("elbv2").describe_listeners(LoadBalancerArn=given["balancer"])["Listeners"]
    return {entry["Port"] for entry in found}


def test_it_is_used_and_left_as_it_was_and_fifty_resources_take_at_most_three_times_as_long_as_one(aws, given):
    before = aws.everything()
    single = hub(given, range(1), [{"name": "analytics", "vpc_id": given["workspace"]}])
    one = aws.run("main", "register", **single)
    assert not one.failed, one.output
    assert ports(aws, given) == THEIRS | {4000}
    for table in aws.client("ec2").describe_route_tables(RouteTableIds=given["tables"])["RouteTables"]:
        assert "10.80.0.0/16" in {route["DestinationCidrBlock"] for route in table["Routes"]}
    now = aws.everything()
    changed = {kind for kind, entries in before.items() if not set(entries) <= set(now[kind])}
    assert changed == {"describe_route_tables"}, "by the peering's routes, and nothing else"
    one = aws.run("main", "register", **single)
    assert not one.failed and one.changed == 0, one.output

    many = range(1, 48)  # the first one and the peering leave, and three listeners are theirs
    fifty = aws.run("main", "register", **hub(given, many))
    assert not fifty.failed and ports(aws, given) == THEIRS | {4000 + 2 * n for n in many}, fifty.output
    assert set(before["listeners of theirs"]) <= set(aws.everything()["listeners of theirs"])
    fifty = aws.run("main", "register", **hub(given, many))
    assert not fifty.failed and fifty.changed == 0, fifty.output
    print(
        f"\nunchanged, 1 resource: {one.seconds:.1f} s; 47: {fifty.seconds:.1f} s; ratio {fifty.seconds / one.seconds:.2f}"
    )
    assert fifty.seconds < 3 * one.seconds

    ec2 = aws.client("ec2")
    machine = ec2.describe_instances(InstanceIds=[given["machine"]])["Reservations"][0]["Instances"][0]
    assert machine["State"]["Name"] == "running" and "Tags" not in machine

    cloudwatch = aws.client("cloudwatch")  # all but one, as one call each takes its time
    alarms = [alarm["AlarmName"] for alarm in cloudwatch.describe_alarms()["MetricAlarms"]]
    cloudwatch.delete_alarms(AlarmNames=alarms[1:])
    removed = aws.run("absent", confirm="prod", **hub(given, many))
    assert not removed.failed, removed.output
    after = aws.everything()
    assert {kind for kind in {**before, **after} if after.get(kind) != before.get(kind)} == set()


@pytest.mark.parametrize(
    ("name", "words"),
    [
        (
            "facing",
            ["faces the internet, and would offer the databases there", "leads to targets of that VPC only"]
            + ["has listeners of somebody else on port 5432;"],
        ),
        ("application", ["is of type application; give a Network Load Balancer"]),
        ("nobodys", ["is not in eu-central-1 of this account"]),
    ],
)
def test_a_given_load_balancer_that_cannot_carry_the_hub_is_refused(aws, given, name, words):
    elbv2 = aws.client("elbv2")
    kind = name if name == "application" else "network"
    made = elbv2.create_load_balancer(Name=name, Type=kind, Scheme="internet-facing", Subnets=given["subnets"][:1])
    arn = made["LoadBalancers"][0]["LoadBalancerArn"]
    if name == "facing":
        group = elbv2.create_target_group(Name="facing", Protocol="TCP", Port=5432, VpcId=given["vpc"])
        actions = [{"Type": "forward", "TargetGroupArn": group["TargetGroups"][0]["TargetGroupArn"]}]
        elbv2.create_listener(LoadBalancerArn=arn, Protocol="TCP", Port=5432, DefaultActions=actions)
    if name == "nobodys":
        elbv2.delete_load_balancer(LoadBalancerArn=arn)
    before = aws.everything()
    run = aws.run("main", **settings(load_balancer_arn=arn))
    assert run.failed and run.says(arn, *words), run.output
    if name == "nobodys":
        removed = aws.run("absent", confirm="prod", **settings(load_balancer_arn=arn))
        assert not removed.failed and removed.changed == 0, removed.output
    assert aws.everything() == before
