"""AWS in process, strict as the lab has it; the modules run in it as Ansible would run them. Nothing leaves this process."""

import os
from functools import cached_property

import boto3
import moto.ec2.responses
import moto.elbv2.responses  # noqa: F401
import pytest
from ansible_collections.amazon.aws.plugins.module_utils import cloud
from ansible_collections.amazon.aws.plugins.module_utils.modules import AnsibleAWSModule
from ansible_collections.lakehouse.onprem_tunnel.plugins.module_utils import _waiting
from ansible_collections.lakehouse.onprem_tunnel.plugins.modules import (
    aws_vpc_endpoint_connection,
    aws_vpc_endpoint_service,
)
from aws_in_process import isolate, record_calls
from botocore.exceptions import ClientError
from module_in_process import Clock, run_module
from moto import mock_aws

import lab.aws

REGION = "eu-west-1"
CONSUMER = "210987654321"
CONSUMER_ROOT = f"arn:aws:iam::{CONSUMER}:root"
CONSUMER_ROLE = f"arn:aws:iam::{CONSUMER}:role/consumer"


@pytest.fixture(scope="session")
def clients(models_read_once):
    """The tests' own clients of AWS, by service."""
    session = boto3.Session(aws_access_key_id="testing", aws_secret_access_key="testing", region_name=REGION)
    return {service: session.client(service) for service in ("ec2", "elbv2", "sts")}


@pytest.fixture(scope="session")
def known_clients():
    return {}


@pytest.fixture(autouse=True)
def modules_clients_made_once(monkeypatch, known_clients):
    """A client of EC2 is made with hundreds of methods: the modules get the same one for each region and key."""
    make = AnsibleAWSModule.client

    def client(module, service):
        key = (service, module.params["region"], os.environ.get("AWS_ACCESS_KEY_ID"))
        if key not in known_clients:
            known_clients[key] = make(module, service)
        return known_clients[key]

    monkeypatch.setattr(AnsibleAWSModule, "client", client)


@pytest.fixture(scope="module", autouse=True)
def extension_is_taken_out(moto_as_it_was):
    """Before all else: some files start a server, which extends moto, too."""


@pytest.fixture(autouse=True)
def aws(monkeypatch, models_read_once):
    """An empty AWS with dummy credentials."""
    isolate(monkeypatch, REGION)
    lab.aws.install()
    with mock_aws():
        yield


@pytest.fixture(autouse=True)
def clock(monkeypatch):
    clock = Clock()
    monkeypatch.setattr(_waiting, "time", clock)
    monkeypatch.setattr(cloud, "time", clock)
    return clock


@pytest.fixture
def calls(monkeypatch):
    """As record_calls says, and a way to have a call refused."""
    asked = record_calls(monkeypatch)

    def refuse(operation, code, times=1):
        error = ClientError({"Error": {"Code": code, "Message": "no"}}, operation)
        asked.answers[operation] = [error] * times

    asked.refuse = refuse
    asked.writes = lambda: [name for name in asked.names() if not name.startswith("Describe")]
    return asked


@pytest.fixture
def service_module(capsys):
    return lambda **parameters: run_module(capsys, aws_vpc_endpoint_service, **{"region": REGION, **parameters})


@pytest.fixture
def connection_module(capsys):
    return lambda **parameters: run_module(capsys, aws_vpc_endpoint_connection, **{"region": REGION, **parameters})


@pytest.fixture
def ec2(clients):
    return clients["ec2"]


@pytest.fixture
def elbv2(clients):
    return clients["elbv2"]


@pytest.fixture
def subnets(ec2):
    """Two subnets of one VPC, in two zones."""
    vpc = ec2.create_vpc(CidrBlock="10.40.0.0/16")["Vpc"]["VpcId"]
    return [
        ec2.create_subnet(VpcId=vpc, CidrBlock=f"10.40.{number}.0/24", AvailabilityZone=f"{REGION}{zone}")["Subnet"]
        for number, zone in ((1, "a"), (2, "b"))
    ]


@pytest.fixture
def make_balancer(elbv2, subnets):
    """Make a network load balancer, and return its ARN."""

    def make(name):
        made = elbv2.create_load_balancer(
            Name=name, Type="network", Scheme="internal", Subnets=[subnet["SubnetId"] for subnet in subnets]
        )
        return made["LoadBalancers"][0]["LoadBalancerArn"]

    return make


@pytest.fixture
def balancer(make_balancer):
    return make_balancer("hub")


@pytest.fixture
def service(ec2, balancer):
    """An endpoint service that the consumer's account may connect to, and that asks for acceptance."""
    made = ec2.create_vpc_endpoint_service_configuration(NetworkLoadBalancerArns=[balancer], AcceptanceRequired=True)
    ec2.modify_vpc_endpoint_service_permissions(
        ServiceId=made["ServiceConfiguration"]["ServiceId"], AddAllowedPrincipals=[CONSUMER_ROOT]
    )
    return made["ServiceConfiguration"]


class Consumer:
    """Another account, which makes endpoints."""

    account = CONSUMER
    root = CONSUMER_ROOT
    role = CONSUMER_ROLE

    def __init__(self, sts):
        self.sts = sts

    @cached_property
    def ec2(self):
        credentials = self.sts.assume_role(RoleArn=self.role, RoleSessionName="test")["Credentials"]
        return boto3.client(
            "ec2",
            REGION,
            aws_access_key_id=credentials["AccessKeyId"],
            aws_secret_access_key=credentials["SecretAccessKey"],
            aws_session_token=credentials["SessionToken"],
        )

    @cached_property
    def subnet(self):
        vpc = self.ec2.create_vpc(CidrBlock="10.99.0.0/16")["Vpc"]["VpcId"]
        made = self.ec2.create_subnet(VpcId=vpc, CidrBlock="10.99.1.0/24", AvailabilityZone=f"{REGION}a")
        return made["Subnet"]

    def connect(self, service, **parameters):
        parameters = {"VpcEndpointType": "Interface", "SubnetIds": [self.subnet["SubnetId"]], **parameters}
        made = self.ec2.create_vpc_endpoint(
            VpcId=self.subnet["VpcId"], ServiceName=service["ServiceName"], **parameters
        )
        return made["VpcEndpoint"]


@pytest.fixture
def consumer(clients):
    return Consumer(clients["sts"])


@pytest.fixture
def state_of(ec2):
    """Return a function from an endpoint's id to its connection's state, None if it has no connection."""

    def state(endpoint_id):
        found = ec2.describe_vpc_endpoint_connections(Filters=[{"Name": "vpc-endpoint-id", "Values": [endpoint_id]}])
        return next((one["VpcEndpointState"] for one in found["VpcEndpointConnections"]), None)

    return state
