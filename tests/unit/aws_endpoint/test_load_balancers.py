"""The lab's AWS is as strict with network load balancers as AWS is."""

import pytest
from botocore.exceptions import ClientError


def error_of(call, *arguments, **parameters):
    with pytest.raises(ClientError) as raised:
        call(*arguments, **parameters)
    return raised.value.response["Error"]["Code"]


@pytest.fixture
def group(ec2, subnets):
    """A security group."""
    return ec2.create_security_group(GroupName="nlb", Description="nlb", VpcId=subnets[0]["VpcId"])["GroupId"]


@pytest.fixture
def create(elbv2):
    def create(mappings, name="hub", **parameters):
        asked = dict(Name=name, Type="network", Scheme="internal", SubnetMappings=mappings, **parameters)
        return elbv2.create_load_balancer(**asked)["LoadBalancers"][0]

    return create


@pytest.fixture
def read(elbv2):
    return lambda arn: elbv2.describe_load_balancers(LoadBalancerArns=[arn])["LoadBalancers"][0]


@pytest.fixture
def mappings(subnets):
    """The first subnet with an address of our choice, the second without."""
    return [
        {"SubnetId": subnets[0]["SubnetId"], "PrivateIPv4Address": "10.40.1.5"},
        {"SubnetId": subnets[1]["SubnetId"]},
    ]


@pytest.fixture
def interfaces(ec2):
    def read():
        found = ec2.describe_network_interfaces()["NetworkInterfaces"]
        return {one["PrivateIpAddress"]: one["Description"] for one in found}

    return read


def test_arn_tags_and_addresses(elbv2, create, read, mappings, interfaces):
    arn = create(mappings, Tags=[{"Key": "a", "Value": "b"}])["LoadBalancerArn"]
    assert ":loadbalancer/net/hub/" in arn
    addresses = [zone["LoadBalancerAddresses"] for zone in read(arn)["AvailabilityZones"]]
    assert addresses == [[{"PrivateIPv4Address": "10.40.1.5"}], []]  # AWS lists those that were asked for
    description = "ELB " + arn.split(":loadbalancer/")[1]
    assert interfaces() == {"10.40.1.5": description, "10.40.2.4": description}
    tagged = elbv2.describe_tags(ResourceArns=[arn])["TagDescriptions"][0]["Tags"]
    assert tagged == [{"Key": "a", "Value": "b"}]
    elbv2.delete_load_balancer(LoadBalancerArn=arn)
    assert interfaces() == {}


def test_an_application_load_balancer_is_motos(elbv2, subnets):
    made = elbv2.create_load_balancer(Name="web", Subnets=[one["SubnetId"] for one in subnets])["LoadBalancers"][0]
    assert ":loadbalancer/app/web/" in made["LoadBalancerArn"]


def test_addresses_are_given_once(ec2, create, mappings, subnets):
    create(mappings)
    assert error_of(create, mappings, name="other") == "InvalidConfigurationRequest"
    for outside in ("10.40.1.1", "10.40.1.255", "10.40.9.5"):
        wanted = [{"SubnetId": subnets[0]["SubnetId"], "PrivateIPv4Address": outside}]
        assert error_of(create, wanted, name="other") == "InvalidConfigurationRequest"
    images = ec2.describe_images()["Images"]
    image = images[0]["ImageId"] if images else "ami-12c6146b"
    instances = ec2.run_instances(ImageId=image, MinCount=4, MaxCount=4, SubnetId=subnets[0]["SubnetId"])["Instances"]
    assert "10.40.1.5" not in {instance["PrivateIpAddress"] for instance in instances}


@pytest.mark.parametrize("name", ["h" * 33, "hub_1", "-hub", "hub-", "internal-hub"])
def test_names_that_aws_refuses(create, mappings, name):
    assert error_of(create, mappings, name=name) == "ValidationError"


def test_names_that_aws_takes(create, subnets):
    mapping = [{"SubnetId": subnets[0]["SubnetId"]}]
    create(mapping, name="h" * 32)
    create(mapping, name="h")
    assert error_of(create, mapping, name="h") == "DuplicateLoadBalancerName"


def test_one_subnet_a_zone(ec2, create, mappings, subnets):
    same_zone = ec2.create_subnet(
        VpcId=subnets[0]["VpcId"], CidrBlock="10.40.3.0/24", AvailabilityZone=subnets[0]["AvailabilityZone"]
    )["Subnet"]["SubnetId"]
    assert error_of(create, [*mappings, {"SubnetId": same_zone}]) == "InvalidConfigurationRequest"
    assert error_of(create, [{"SubnetId": "subnet-0"}]) == "SubnetNotFound"


def test_subnets_are_added(elbv2, create, read, mappings, interfaces):
    arn = create(mappings[:1])["LoadBalancerArn"]
    elbv2.set_subnets(LoadBalancerArn=arn, SubnetMappings=mappings[:1])
    assert set(interfaces()) == {"10.40.1.5"}
    elbv2.set_subnets(LoadBalancerArn=arn, SubnetMappings=mappings)
    assert set(interfaces()) == {"10.40.1.5", "10.40.2.4"}
    assert len(read(arn)["AvailabilityZones"]) == 2
    moved = [{**mappings[0], "PrivateIPv4Address": "10.40.1.6"}, mappings[1]]
    assert error_of(elbv2.set_subnets, LoadBalancerArn=arn, SubnetMappings=moved) == "InvalidConfigurationRequest"


def test_security_groups_and_private_link(elbv2, create, read, mappings, group):
    arn = create(mappings, SecurityGroups=[group])["LoadBalancerArn"]
    switch = "EnforceSecurityGroupInboundRulesOnPrivateLinkTraffic"
    assert read(arn)[switch] == "on"
    asked = dict(LoadBalancerArn=arn, SecurityGroups=[group])
    assert elbv2.set_security_groups(**asked, **{switch: "off"})["SecurityGroupIds"] == [group]
    assert read(arn)[switch] == "off"
    elbv2.set_security_groups(**asked)
    assert read(arn)[switch] == "off"


def test_security_groups_only_from_the_start(elbv2, create, read, mappings, group):
    arn = create(mappings)["LoadBalancerArn"]
    asked = dict(LoadBalancerArn=arn, SecurityGroups=[group])
    assert error_of(elbv2.set_security_groups, **asked) == "InvalidConfigurationRequest"
    assert not read(arn).get("SecurityGroups")
    assert "EnforceSecurityGroupInboundRulesOnPrivateLinkTraffic" not in read(arn)


def test_a_protected_one_is_not_deleted(elbv2, create, read, mappings):
    arn = create(mappings)["LoadBalancerArn"]

    def protect(value):
        attribute = {"Key": "deletion_protection.enabled", "Value": value}
        elbv2.modify_load_balancer_attributes(LoadBalancerArn=arn, Attributes=[attribute])

    protect("true")
    assert error_of(elbv2.delete_load_balancer, LoadBalancerArn=arn) == "OperationNotPermitted"
    assert read(arn)["LoadBalancerArn"] == arn
    protect("false")
    elbv2.delete_load_balancer(LoadBalancerArn=arn)
    assert elbv2.describe_load_balancers()["LoadBalancers"] == []


# --- listeners and target groups ---------------------------------------------------------------------------------


@pytest.fixture
def targets(elbv2, subnets):
    """Make a target group, and return its ARN."""

    def make(name):
        made = elbv2.create_target_group(
            Name=name, Protocol="TCP", Port=3306, VpcId=subnets[0]["VpcId"], TargetType="ip", HealthCheckProtocol="HTTP"
        )
        return made["TargetGroups"][0]["TargetGroupArn"]

    return make


@pytest.fixture
def listen(elbv2):
    def listen(arn, port, target_group):
        action = {"Type": "forward", "TargetGroupArn": target_group}
        made = elbv2.create_listener(LoadBalancerArn=arn, Protocol="TCP", Port=port, DefaultActions=[action])
        return made["Listeners"][0]["ListenerArn"]

    return listen


@pytest.fixture
def users(elbv2):
    """Which load balancers a target group knows of."""
    return lambda arn: elbv2.describe_target_groups(TargetGroupArns=[arn])["TargetGroups"][0]["LoadBalancerArns"]


def test_the_target_groups_of_a_load_balancer(elbv2, create, mappings, targets, listen):
    arn, group = create(mappings)["LoadBalancerArn"], targets("one")

    def found(**parameters):
        groups = elbv2.describe_target_groups(**parameters)["TargetGroups"]
        return [one["TargetGroupArn"] for one in groups]

    assert found(LoadBalancerArn=arn) == []
    assert error_of(elbv2.describe_target_groups, LoadBalancerArn=arn, Names=["one"]) == "ValidationError"
    assert found() == found(Names=["one"]) == [group]
    listen(arn, 3306, group)
    assert found(LoadBalancerArn=arn) == [group]
    missing = arn.replace("/hub/", "/none/")
    assert error_of(elbv2.describe_target_groups, LoadBalancerArn=missing) == "LoadBalancerNotFound"
    assert error_of(elbv2.describe_target_groups, Names=["none"]) == "TargetGroupNotFound"


def test_a_target_group_knows_who_uses_it(elbv2, create, mappings, targets, listen, users):
    arn = create(mappings)["LoadBalancerArn"]
    old, new = targets("old"), targets("new")
    listener = listen(arn, 3306, old)
    listen(arn, 3307, old)
    assert users(old) == [arn]
    assert error_of(elbv2.delete_target_group, TargetGroupArn=old) == "ResourceInUse"
    action = {"Type": "forward", "TargetGroupArn": new}
    elbv2.modify_listener(ListenerArn=listener, DefaultActions=[action])
    assert (users(old), users(new)) == ([arn], [arn])
    elbv2.delete_listener(ListenerArn=listener)
    assert (users(old), users(new)) == ([arn], [])
    elbv2.delete_load_balancer(LoadBalancerArn=arn)
    assert users(old) == []
    elbv2.delete_target_group(TargetGroupArn=old)


def test_listeners_have_ports_of_their_own_and_a_limit(create, mappings, targets, listen):
    arn, group = create(mappings)["LoadBalancerArn"], targets("one")
    listen(arn, 3306, group)
    assert error_of(listen, arn, 3306, group) == "DuplicateListener"
    for port in range(4001, 4050):
        listen(arn, port, group)
    assert error_of(listen, arn, 4050, group) == "TooManyListeners"


def test_the_matcher_of_a_health_check_can_be_changed(elbv2, targets):
    arn = targets("one")
    elbv2.modify_target_group(TargetGroupArn=arn, Matcher={"HttpCode": "200-299"})
    assert elbv2.describe_target_groups()["TargetGroups"][0]["Matcher"] == {"HttpCode": "200-299"}
