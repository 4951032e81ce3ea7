"""The lab's followers of AWS, with moto in this process and without Podman."""

import functools
from types import SimpleNamespace

import boto3
import pytest
from moto import mock_aws

IMAGE = "ami-03cf127a"  # one of those that moto has


@functools.cache
def session():
    """One for all tests: it keeps the descriptions of the services, which take longest to read."""
    return boto3.Session(region_name="eu-central-1", aws_access_key_id="lab", aws_secret_access_key="lab")


class Cloud:
    """An account with one network load balancer, and the few calls that the tests make."""

    def __init__(self):
        self.ec2, self.elbv2 = session().client("ec2"), session().client("elbv2")
        self.vpc = self.ec2.create_vpc(CidrBlock="10.246.40.0/22")["Vpc"]["VpcId"]
        self.subnet = self.ec2.create_subnet(VpcId=self.vpc, CidrBlock="10.246.40.0/22")["Subnet"]["SubnetId"]
        self.balancer = self.make_balancer("hub")

    def make_balancer(self, name):
        made = self.elbv2.create_load_balancer(Name=name, Type="network", Scheme="internal", Subnets=[self.subnet])
        return made["LoadBalancers"][0]["LoadBalancerArn"]

    def make_group(self, resource, port, targets=(), attributes=(), tagged=True, **settings):
        settings = {
            "HealthCheckProtocol": "HTTP",
            "HealthCheckPath": f"/healthz/{resource}",
            "HealthCheckPort": "8405",
            "HealthCheckIntervalSeconds": 5,
            "HealthCheckTimeoutSeconds": 2,
            "HealthyThresholdCount": 2,
            "UnhealthyThresholdCount": 3,
            "Matcher": {"HttpCode": "200"},
            "TargetType": "ip",
            "Tags": [{"Key": "Resource", "Value": resource}] if tagged else [{"Key": "other", "Value": "x"}],
        } | settings
        made = self.elbv2.create_target_group(
            Name=f"hub-{resource}-{port}", Protocol="TCP", Port=port, VpcId=self.vpc, **settings
        )
        arn = made["TargetGroups"][0]["TargetGroupArn"]
        if attributes:
            listed = [{"Key": key, "Value": value} for key, value in attributes.items()]
            self.elbv2.modify_target_group_attributes(TargetGroupArn=arn, Attributes=listed)
        if targets:
            self.elbv2.register_targets(TargetGroupArn=arn, Targets=[{"Id": target} for target in targets])
        return arn

    def listen(self, port, group, protocol="TCP"):
        made = self.elbv2.create_listener(
            LoadBalancerArn=self.balancer,
            Port=port,
            Protocol=protocol,
            DefaultActions=[{"Type": "forward", "TargetGroupArn": group}],
        )
        return made["Listeners"][0]["ListenerArn"]

    def serve(self, resource, port, targets=(), attributes=(), **settings):
        """A target group and its listener."""
        group = self.make_group(resource, port, targets, attributes, **settings)
        return SimpleNamespace(group=group, listener=self.listen(port, group))

    def launch(self, address):
        made = self.ec2.run_instances(
            ImageId=IMAGE, MinCount=1, MaxCount=1, SubnetId=self.subnet, PrivateIpAddress=address
        )
        return made["Instances"][0]["InstanceId"]


@pytest.fixture(name="cloud")
def _cloud(monkeypatch):
    from lab.aws import install, instances

    install()
    instances.install()
    for name in ("AWS_PROFILE", "AWS_ENDPOINT_URL"):
        monkeypatch.delenv(name, raising=False)
    with mock_aws():
        yield Cloud()
