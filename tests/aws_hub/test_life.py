"""A hub from nothing to nothing, beside resources of others that have its names."""

import json

import pytest
from stand_in import ACCOUNT, CALLS, REGION, listener, settings

OTHER_ACCOUNT = "210987654321"
MARK = [{"Name": "tag:OnpremTunnelHub", "Values": ["prod"]}]


@pytest.fixture(scope="module", name="others")
def _others(aws):
    """What belongs to somebody else, with the hub's names wherever AWS allows them twice; and the workspace's VPC."""
    ec2, elbv2, route53 = aws.client("ec2"), aws.client("elbv2"), aws.client("route53")

    def named(kind, name, **tags):
        pairs = [{"Key": key, "Value": value} for key, value in {"Name": name, **tags}.items()]
        return [{"ResourceType": kind, "Tags": pairs}]

    vpc = ec2.create_vpc(CidrBlock="10.40.0.0/22", TagSpecifications=named("vpc", "prod"))["Vpc"]["VpcId"]
    subnets = [
        ec2.create_subnet(VpcId=vpc, CidrBlock=f"10.40.{n}.0/24", AvailabilityZone=f"{REGION}{zone}")["Subnet"][
            "SubnetId"
        ]
        for n, zone in ((1, "a"), (2, "b"))
    ]
    group = ec2.create_security_group(GroupName="prod-proxies", Description="another's", VpcId=vpc)["GroupId"]
    ec2.run_instances(
        ImageId="ami-1e749f67",
        MinCount=1,
        MaxCount=1,
        SubnetId=subnets[0],
        SecurityGroupIds=[group],
        TagSpecifications=named("instance", "proxy-a", OnpremTunnelProxy="proxy-a"),
    )
    balancer = elbv2.create_load_balancer(Name="another", Type="network", Subnets=subnets, SecurityGroups=[group])
    balancer = balancer["LoadBalancers"][0]["LoadBalancerArn"]
    target_group = elbv2.create_target_group(Name="orders", Protocol="TCP", Port=3306, VpcId=vpc, TargetType="ip")
    target_group = target_group["TargetGroups"][0]["TargetGroupArn"]
    elbv2.register_targets(TargetGroupArn=target_group, Targets=[{"Id": "10.40.1.10"}])
    elbv2.create_listener(
        LoadBalancerArn=balancer,
        Protocol="TCP",
        Port=3306,
        DefaultActions=[{"Type": "forward", "TargetGroupArn": target_group}],
    )
    ec2.create_vpc_endpoint_service_configuration(
        NetworkLoadBalancerArns=[balancer], TagSpecifications=named("vpc-endpoint-service", "another")
    )
    route53.create_hosted_zone(
        Name="onprem.corp.example",
        CallerReference="1",
        VPC={"VPCRegion": REGION, "VPCId": vpc},
        HostedZoneConfig={"Comment": "On-premises tunnels, hub prod in eu-west-1", "PrivateZone": True},
    )
    workspace = ec2.create_vpc(CidrBlock="10.80.0.0/16")["Vpc"]["VpcId"]
    table = ec2.create_route_table(VpcId=workspace)["RouteTable"]["RouteTableId"]
    gateway = ec2.create_internet_gateway()["InternetGateway"]["InternetGatewayId"]
    ec2.attach_internet_gateway(InternetGatewayId=gateway, VpcId=workspace)
    ec2.create_route(RouteTableId=table, DestinationCidrBlock="0.0.0.0/0", GatewayId=gateway)
    return {"vpc": vpc, "workspace": workspace, "table": table, "target_group": target_group}


@pytest.fixture(scope="module", name="before")
def _before(aws, others):
    return aws.everything()


@pytest.fixture(scope="module", name="hub")
def _hub(others):
    return settings(
        peerings=[{"name": "analytics", "vpc_id": others["workspace"], "route_table_ids": [others["table"]]}]
    )


def own(aws, call, key, filters=MARK):
    return getattr(aws.client("ec2"), call)(Filters=filters)[key]


def instances(aws):
    found = own(
        aws, "describe_instances", "Reservations", [*MARK, {"Name": "instance-state-name", "Values": ["running"]}]
    )
    return {entry["PrivateIpAddress"]: entry for reservation in found for entry in reservation["Instances"]}


def balancer(aws):
    return next(
        b for b in aws.client("elbv2").describe_load_balancers()["LoadBalancers"] if b["LoadBalancerName"] == "prod"
    )


def listeners(aws):
    found = aws.client("elbv2").describe_listeners(LoadBalancerArn=balancer(aws)["LoadBalancerArn"])["Listeners"]
    return {entry["Port"]: (entry["ListenerArn"], entry["DefaultActions"][0]["TargetGroupArn"]) for entry in found}


def targets(aws, target_group):
    found = aws.client("elbv2").describe_target_health(TargetGroupArn=target_group)["TargetHealthDescriptions"]
    return {entry["Target"]["Id"] for entry in found}


def registered(aws):
    return {port: targets(aws, target_group) for port, (_listener, target_group) in listeners(aws).items()}


def routes(aws, table):
    found = aws.client("ec2").describe_route_tables(RouteTableIds=[table])["RouteTables"][0]["Routes"]
    return {
        route["DestinationCidrBlock"]: "peering" if "VpcPeeringConnectionId" in route else route["GatewayId"]
        for route in found
    }


def seen_by(aws, zone):
    return {vpc["VPCId"] for vpc in aws.client("route53").get_hosted_zone(Id=zone)["VPCs"]}


def test_1_check_mode_on_an_account_without_a_hub_changes_nothing(aws, hub, before):
    run = aws.run("main", "register", arguments=["--check", "--diff"], **hub)
    assert not run.failed, run.output
    assert run.changed == 1 and run.says("There is no VPC of prod yet", "2 proxies")
    assert aws.everything() == before


def test_2_it_is_built_with_target_groups_that_are_empty_also_by_a_second_run_when_the_first_was_killed(
    aws, hub, before
):
    killed = aws.run("main", killed_at="elasticloadbalancing:CreateLoadBalancer", **hub)
    assert killed.failed and listeners(aws) == {}
    run = aws.run("main", **hub)
    assert not run.failed, run.output
    now = aws.everything()
    new = {kind: len(now[kind]) - len(before.get(kind, [])) for kind in now}
    assert {kind: count for kind, count in new.items() if count} == {
        "describe_vpcs": 1,
        "describe_subnets": 2,
        "describe_route_tables": 2,  # the VPC's main one came with it
        "describe_security_groups": 3,  # as did its default one
        "describe_instances": 2,
        "describe_volumes": 2,
        "describe_network_interfaces": 4,  # of the machines, and of the load balancer
        "describe_load_balancers": 1,
        "describe_target_groups": 2,
        "describe_alarms": 2,
        "listeners of prod": 2,
    }
    machines = instances(aws)
    assert set(machines) == {"10.40.1.10", "10.40.2.10"}
    for machine in machines.values():
        assert machine["MetadataOptions"]["HttpTokens"] == "required"
        assert "PublicIpAddress" not in machine
        volume = machine["BlockDeviceMappings"][0]["Ebs"]["VolumeId"]
        assert aws.client("ec2").describe_volumes(VolumeIds=[volume])["Volumes"][0]["Encrypted"] is True
    assert {machine["Placement"]["AvailabilityZone"] for machine in machines.values()} == {f"{REGION}a", f"{REGION}b"}
    made = balancer(aws)
    assert (made["Scheme"], made["Type"], len(made["SecurityGroups"])) == ("internal", "network", 1)
    assert made["EnforceSecurityGroupInboundRulesOnPrivateLinkTraffic"] == "off"
    elbv2 = aws.client("elbv2")
    attributes = elbv2.describe_load_balancer_attributes(LoadBalancerArn=made["LoadBalancerArn"])["Attributes"]
    attributes = {entry["Key"]: entry["Value"] for entry in attributes}
    assert attributes["deletion_protection.enabled"] == attributes["load_balancing.cross_zone.enabled"] == "true"
    assert set(listeners(aws)) == {3306, 5432} and registered(aws) == {3306: set(), 5432: set()}
    group = elbv2.describe_target_groups(TargetGroupArns=[listeners(aws)[3306][1]])["TargetGroups"][0]
    health = {key: value for key, value in group.items() if "health" in key.lower() or key == "Matcher"}
    assert health == {
        "HealthCheckEnabled": True,
        "HealthCheckProtocol": "HTTP",
        "HealthCheckPort": "8405",
        "HealthCheckPath": "/healthz/orders",
        "HealthCheckIntervalSeconds": 5,
        "HealthCheckTimeoutSeconds": 2,
        "HealthyThresholdCount": 2,
        "UnhealthyThresholdCount": 2,
        "Matcher": {"HttpCode": "200"},
    }
    attributes = elbv2.describe_target_group_attributes(TargetGroupArn=group["TargetGroupArn"])["Attributes"]
    attributes = {entry["Key"]: entry["Value"] for entry in attributes}
    assert attributes["target_health_state.unhealthy.connection_termination.enabled"] == "false"
    assert attributes["preserve_client_ip.enabled"] == "false"
    alarms = aws.client("cloudwatch").describe_alarms()["MetricAlarms"]
    assert {alarm["AlarmName"] for alarm in alarms} == {
        f"prod: unhealthy proxy of {name}" for name in ("crm", "orders")
    }
    assert own(aws, "describe_vpc_endpoint_service_configurations", "ServiceConfigurations") == []


def test_3_only_a_healthy_proxy_becomes_a_target_and_the_ways_in_are_opened(aws, hub, others):
    vpc = own(aws, "describe_vpcs", "Vpcs")[0]["VpcId"]
    aws.client("ec2").associate_vpc_cidr_block(VpcId=vpc, CidrBlock="10.41.0.0/24")  # by somebody else
    run = aws.run("main", "register", healthy_proxies=["proxy-a"], **hub)
    assert not run.failed, run.output
    ranges = own(aws, "describe_vpcs", "Vpcs")[0]["CidrBlockAssociationSet"]
    associated = {entry["CidrBlock"] for entry in ranges if entry["CidrBlockState"]["State"] == "associated"}
    assert associated == {"10.40.0.0/22", "10.41.0.0/24"}
    assert registered(aws) == {3306: {"10.40.1.10"}, 5432: {"10.40.1.10"}}
    ec2, route53 = aws.client("ec2"), aws.client("route53")
    service = own(aws, "describe_vpc_endpoint_service_configurations", "ServiceConfigurations")[0]
    assert service["AcceptanceRequired"] is True
    allowed = ec2.describe_vpc_endpoint_service_permissions(ServiceId=service["ServiceId"])["AllowedPrincipals"]
    assert [entry["Principal"] for entry in allowed] == [
        f"arn:aws:iam::565502421330:role/private-connectivity-role-{REGION}"
    ]
    peering = own(aws, "describe_vpc_peering_connections", "VpcPeeringConnections")[0]
    assert peering["Status"]["Code"] == "active"
    for side in ("RequesterVpcInfo", "AccepterVpcInfo"):
        assert peering[side]["PeeringOptions"]["AllowDnsResolutionFromRemoteVpc"] is True
    assert routes(aws, others["table"])["10.40.0.0/22"] == "peering"
    assert routes(aws, others["table"])["0.0.0.0/0"].startswith("igw-"), "the workspace's own way out is untouched"
    table = own(aws, "describe_route_tables", "RouteTables")[0]["RouteTableId"]
    assert routes(aws, table)["10.80.0.0/16"] == "peering"
    zones = [z for z in route53.list_hosted_zones()["HostedZones"] if f"hub prod in {REGION}" in z["Config"]["Comment"]]
    assert [zone["Name"] for zone in zones] == ["onprem.corp.example."]
    assert seen_by(aws, zones[0]["Id"]) == {balancer(aws)["VpcId"], others["workspace"]}
    records = route53.list_resource_record_sets(HostedZoneId=zones[0]["Id"])["ResourceRecordSets"]
    assert next(r for r in records if r["Type"] == "A")["AliasTarget"]["DNSName"] == balancer(aws)["DNSName"]


def test_4_an_ill_proxy_stays_a_target_another_follows_and_exactly_one_endpoint_is_let_in(aws, hub, others):
    ec2 = aws.client("ec2")
    service = own(aws, "describe_vpc_endpoint_service_configurations", "ServiceConfigurations")[0]
    # In the lab's AWS only who is allowed can ask: the account itself stands in for Databricks'.
    principal = f"arn:aws:iam::{ACCOUNT}:root"
    ec2.modify_vpc_endpoint_service_permissions(ServiceId=service["ServiceId"], AddAllowedPrincipals=[principal])
    subnet = ec2.create_subnet(VpcId=others["workspace"], CidrBlock="10.80.1.0/24", AvailabilityZone=f"{REGION}a")
    mine, foreign = (
        ec2.create_vpc_endpoint(
            VpcId=others["workspace"],
            ServiceName=service["ServiceName"],
            VpcEndpointType="Interface",
            SubnetIds=[subnet["Subnet"]["SubnetId"]],
        )["VpcEndpoint"]["VpcEndpointId"]
        for _ in range(2)
    )
    peering = own(aws, "describe_vpc_peering_connections", "VpcPeeringConnections")[0]["VpcPeeringConnectionId"]
    renamed = [{**entry, "name": "renamed"} for entry in hub["peerings"]]
    hub = {**hub, "allowed_principals": [principal], "peerings": renamed}
    run = aws.run("main", "register", "accept", healthy_proxies=["proxy-b"], endpoint_id=mine, **hub)
    assert not run.failed, run.output
    assert registered(aws) == {port: {"10.40.1.10", "10.40.2.10"} for port in (3306, 5432)}
    still = own(aws, "describe_vpc_peering_connections", "VpcPeeringConnections")
    assert [(entry["VpcPeeringConnectionId"], entry["Status"]["Code"]) for entry in still] == [(peering, "active")]
    states = {
        connection["VpcEndpointId"]: connection["VpcEndpointState"].lower()
        for connection in ec2.describe_vpc_endpoint_connections()["VpcEndpointConnections"]
    }
    assert states == {mine: "available", foreign: "pendingacceptance"}


def test_5_a_port_changes_and_a_resource_a_proxy_and_a_peering_leave_without_touching_the_rest(aws, hub, others):
    before = listeners(aws)
    machine = instances(aws)["10.40.2.10"]["InstanceId"]
    changed = {
        **hub,
        "proxies": {"proxy-a": "10.40.1.10"},
        "listeners": [
            listener(name, port, ["proxy-a"]) for name, port in (("crm", 5433), ("erp", 1433), ("orders", 3306))
        ],
        "peerings": [],
        "idle_timeout": 400,
        "draining_interval": 600,
        "tags": {"team": "data"},
    }
    state = aws.everything()
    checked = aws.run("main", "register", healthy_proxies=["proxy-a"], arguments=["--check", "--diff"], **changed)
    assert not checked.failed and aws.everything() == state, checked.output
    calls = len(CALLS)
    run = aws.run("main", "register", healthy_proxies=["proxy-a"], **changed)
    assert not run.failed, run.output
    assert checked.changing == run.changing
    assert checked.says(
        "tcp.idle_timeout.seconds: '400'", "draining_interval_seconds: '600'", "port: 5433", "+ team: data"
    )
    assert registered(aws) == {port: {"10.40.1.10"} for port in (5433, 1433, 3306)}
    assert listeners(aws)[3306] == before[3306], "the one that stays is the same one"
    done = [call.partition(":")[2] for call in CALLS[calls:] if call.startswith("elasticloadbalancing:")]
    order = [
        call for call in done if call in ("CreateTargetGroup", "CreateListener", "DeleteListener", "DeleteTargetGroup")
    ]
    assert order == [*["CreateTargetGroup"] * 2, "DeleteListener", *["CreateListener"] * 2, "DeleteTargetGroup"]
    assert "ModifyListener" not in done and "ModifyTargetGroup" not in done

    assert set(instances(aws)) == {"10.40.1.10"}
    state = aws.client("ec2").describe_instances(InstanceIds=[machine])["Reservations"][0]["Instances"][0]["State"]
    assert state["Name"] in ("terminated", "shutting-down")
    done = [call.partition(":")[2] for call in CALLS[calls:]]
    assert done.index("DeregisterTargets") < done.index("TerminateInstances")
    groups = {group["TargetGroupArn"] for group in aws.client("elbv2").describe_target_groups()["TargetGroups"]}
    assert before[5432][1] not in groups
    alarms = aws.client("cloudwatch").describe_alarms()["MetricAlarms"]
    assert {alarm["AlarmName"] for alarm in alarms} == {
        f"prod: unhealthy proxy of {name}" for name in ("crm", "erp", "orders")
    }
    left = routes(aws, others["table"])
    assert "10.40.0.0/22" not in left and left["0.0.0.0/0"].startswith("igw-")
    for zone in aws.client("route53").list_hosted_zones()["HostedZones"]:
        assert others["workspace"] not in seen_by(aws, zone["Id"]), "a VPC that is not peered any more sees the name"


def test_6_a_machine_that_died_is_made_again_and_gets_no_clients_before_it_is_healthy(aws, hub, others):
    kept = listeners(aws)
    dead = instances(aws)["10.40.1.10"]["InstanceId"]
    aws.client("ec2").terminate_instances(InstanceIds=[dead])
    # In the same run a resource comes, and another one leaves.
    back = {**hub, "listeners": [listener("erp", 1433, ["proxy-a"]), listener("hr", 1434), listener("orders", 3306)]}
    run = aws.run("main", **back)
    assert not run.failed, run.output
    found = listeners(aws)
    assert set(found) == {1433, 1434, 3306} and {port: found[port] for port in (1433, 3306)} == {
        port: kept[port] for port in (1433, 3306)
    }
    assert set(instances(aws)) == {"10.40.1.10", "10.40.2.10"}
    assert instances(aws)["10.40.1.10"]["InstanceId"] != dead
    assert registered(aws) == {1433: set(), 1434: set(), 3306: set()}
    assert targets(aws, others["target_group"]) == {"10.40.1.10"}, "somebody else's group keeps the address"


def test_7_it_is_removed_when_it_is_meant_and_nothing_else(aws, hub, before, others):
    refused = aws.run("absent", **hub)
    assert refused.failed and refused.says("Confirm it with -e aws_hub_confirm=prod")
    run = aws.run("absent", confirm="prod", **hub)
    assert not run.failed, run.output
    # Endpoints and their subnet are the workspace's.
    ec2 = aws.client("ec2")
    ec2.delete_vpc_endpoints(VpcEndpointIds=[e["VpcEndpointId"] for e in ec2.describe_vpc_endpoints()["VpcEndpoints"]])
    subnets = ec2.describe_subnets(Filters=[{"Name": "vpc-id", "Values": [others["workspace"]]}])["Subnets"]
    for subnet in subnets:
        ec2.delete_subnet(SubnetId=subnet["SubnetId"])
    after = aws.everything()
    assert {kind for kind in before if after.get(kind) != before[kind]} == set(), json.dumps(after)[:3000]
    assert set(after) == set(before)
