"""What is given by id is used, and neither changed nor deleted; fifty resources cost little more than one."""

import pytest
from stand_in import REGION, listener, settings


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
    targets = elbv2.create_target_group(Name="theirs", Protocol="TCP", Port=443, VpcId=vpc, TargetType="ip")
    elbv2.create_listener(
        LoadBalancerArn=balancer,
        Protocol="TCP",
        Port=443,
        DefaultActions=[{"Type": "forward", "TargetGroupArn": targets["TargetGroups"][0]["TargetGroupArn"]}],
    )
    certificate = aws.client("acm").request_certificate(DomainName="theirs.corp.example")["CertificateArn"]
    encrypted = elbv2.create_listener(
        LoadBalancerArn=balancer,
        Protocol="TLS",
        Port=8443,
        Certificates=[{"CertificateArn": certificate}],
        DefaultActions=[{"Type": "forward", "TargetGroupArn": targets["TargetGroups"][0]["TargetGroupArn"]}],
    )["Listeners"][0]["ListenerArn"]
    return {"vpc": vpc, "subnets": subnets, "machine": machine, "balancer": balancer, "encrypted": encrypted}


def hub(given, count):
    return settings(
        vpc_cidrs=[],
        vpc_id=given["vpc"],
        subnets=[{"id": subnet} for subnet in given["subnets"]],
        proxies={"proxy-a": "10.50.1.10", "proxy-b": "10.50.2.10"},
        instance_ids={"proxy-a": given["machine"]},
        load_balancer_arn=given["balancer"],
        listeners=[listener(f"r{n}", 4000 + 2 * n) for n in range(count)],
        healthy_proxies=["proxy-a", "proxy-b"],
        endpoint_service=True,
    )


def ports(aws, given):
    found = aws.client("elbv2").describe_listeners(LoadBalancerArn=given["balancer"])["Listeners"]
    return {entry["Port"] for entry in found}


def test_it_is_used_and_left_as_it_was_and_fifty_resources_take_at_most_three_times_as_long_as_one(aws, given):
    before = aws.everything()
    one = aws.run("main", "register", **hub(given, 1))
    assert not one.failed, one.output
    assert ports(aws, given) == {443, 8443, 4000}
    now = aws.everything()
    assert {kind for kind, entries in before.items() if not set(entries) <= set(now[kind])} == set()
    one = aws.run("main", "register", **hub(given, 1))
    assert not one.failed and one.changed == 0, one.output

    theirs = aws.run("main", **{**hub(given, 1), "listeners": [listener("r0", 443)]})
    assert theirs.failed and theirs.says("has listeners of somebody else on port 443", "another listen_port"), (
        theirs.output
    )
    assert ports(aws, given) == {443, 8443, 4000}

    fifty = aws.run("main", "register", **hub(given, 48))  # and two listeners are theirs
    assert not fifty.failed and len(ports(aws, given)) == 50, fifty.output
    fifty = aws.run("main", "register", **hub(given, 48))
    assert not fifty.failed and fifty.changed == 0, fifty.output
    print(
        f"\nunchanged, 1 resource: {one.seconds:.1f} s; 48: {fifty.seconds:.1f} s; ratio {fifty.seconds / one.seconds:.2f}"
    )
    assert fifty.seconds < 3 * one.seconds

    ec2 = aws.client("ec2")
    machine = ec2.describe_instances(InstanceIds=[given["machine"]])["Reservations"][0]["Instances"][0]
    assert machine["State"]["Name"] == "running" and "Tags" not in machine

    refused = aws.run("absent", confirm="prod", **hub(given, 48))
    assert refused.failed and refused.says("not plain ones (port 8443)"), refused.output
    assert 8443 in ports(aws, given)
    aws.client("elbv2").delete_listener(ListenerArn=given["encrypted"])
    kind = "listeners of theirs"
    before[kind] = [entry for entry in before[kind] if given["encrypted"] not in entry]
    cloudwatch = aws.client("cloudwatch")  # all but one, as one call each takes its time
    alarms = [alarm["AlarmName"] for alarm in cloudwatch.describe_alarms()["MetricAlarms"]]
    cloudwatch.delete_alarms(AlarmNames=alarms[1:])
    removed = aws.run("absent", confirm="prod", **hub(given, 48))
    assert not removed.failed, removed.output
    after = aws.everything()
    assert {kind for kind in {**before, **after} if after.get(kind) != before.get(kind)} == set()
