"""Rules whose VPC endpoints are in AWS: moto in this process, as strict as the lab has it."""

import boto3
import moto.ec2.responses
import moto.elbv2.responses  # noqa: F401
import pytest
from aws_in_process import isolate as isolate_aws
from botocore.exceptions import ClientError
from moto import mock_aws

import lab.aws
from lab.databricks import private_link
from lab.databricks.endpoints import NotAllowed
from lab.databricks.private_link import VpcEndpoints

from .conftest import NCCS, Caller, account_login

REGION = "eu-central-1"
ROLE = f"arn:aws:iam::565502421330:role/private-connectivity-role-{REGION}"


@pytest.fixture(autouse=True)
def aws(monkeypatch, models_read_once, moto_as_it_was):
    isolate_aws(monkeypatch, REGION)
    lab.aws.install()
    with mock_aws():
        yield


@pytest.fixture
def ec2():
    """EC2, as the company's account has it."""
    return boto3.client("ec2", REGION)


class Service:
    def __init__(self, ec2, zone, region=REGION):
        self.ec2 = ec2
        vpc = ec2.create_vpc(CidrBlock="10.40.0.0/22")["Vpc"]["VpcId"]
        subnet = ec2.create_subnet(VpcId=vpc, CidrBlock="10.40.1.0/24", AvailabilityZone=region + zone)["Subnet"]
        made = boto3.client("elbv2", region).create_load_balancer(
            Name="hub", Type="network", Scheme="internal", Subnets=[subnet["SubnetId"]]
        )
        made = ec2.create_vpc_endpoint_service_configuration(
            NetworkLoadBalancerArns=[made["LoadBalancers"][0]["LoadBalancerArn"]], AcceptanceRequired=True
        )["ServiceConfiguration"]
        self.id, self.name = made["ServiceId"], made["ServiceName"]

    def allow(self, principal=ROLE):
        self.ec2.modify_vpc_endpoint_service_permissions(ServiceId=self.id, AddAllowedPrincipals=[principal])

    def accept(self, endpoint):
        self.ec2.accept_vpc_endpoint_connections(ServiceId=self.id, VpcEndpointIds=[endpoint])

    def reject(self, endpoint):
        self.ec2.reject_vpc_endpoint_connections(ServiceId=self.id, VpcEndpointIds=[endpoint])

    def connections(self):
        found = self.ec2.describe_vpc_endpoint_connections()["VpcEndpointConnections"]
        return [(one["VpcEndpointId"], one["VpcEndpointOwner"], one["VpcEndpointState"]) for one in found]


@pytest.fixture
def service(ec2):
    service = Service(ec2, "b")
    service.allow()
    return service


@pytest.fixture
def endpoints():
    return VpcEndpoints()


@pytest.fixture
def stand_in(start, endpoints):
    return start(endpoints, rule_states_per_look=1)


@pytest.fixture
def rule(account, service, rules):
    made = account.call("POST", rules, {"endpoint_service": service.name, "domain_names": ["crm.onprem.example"]})
    return f"{rules}/{made['rule_id']}"


def test_a_rule_follows_what_the_owner_of_the_service_decides(stand_in, account, service, rule):
    pending = account.call("GET", rule)
    endpoint = pending["vpc_endpoint_id"]
    assert pending["connection_state"] == "PENDING"
    assert service.connections() == [(endpoint, "565502421330", "pendingAcceptance")]
    service.accept(endpoint)
    assert [account.call("GET", rule)["connection_state"] for _ in range(2)] == ["PENDING", "ESTABLISHED"]
    service.reject(endpoint)
    assert account.call("GET", rule)["connection_state"] == "DISCONNECTED"
    account.call("DELETE", rule)
    assert service.connections() == [(endpoint, "565502421330", "rejected")]
    stand_in.state.remove_deactivated()
    assert service.connections() == []


def test_one_that_is_rejected_at_once(account, service, rule):
    service.reject(account.call("GET", rule)["vpc_endpoint_id"])
    assert account.call("GET", rule)["connection_state"] == "REJECTED"


def test_a_rule_that_nobody_decided_on_takes_its_endpoint_with_it(account, service, rule):
    account.call("GET", rule)
    account.call("DELETE", rule)
    assert service.connections() == []


@pytest.mark.parametrize("principal", [None, ROLE.replace("central", "west"), "arn:aws:iam::565502421331:root"])
def test_a_service_that_does_not_allow_the_role_fails(ec2, account, rules, principal):
    service = Service(ec2, "a")
    if principal:
        service.allow(principal)
    account.call("POST", rules, {"endpoint_service": service.name, "domain_names": ["crm.onprem.example"]})
    failed = account.call("GET", rules)["items"][0]
    assert failed["connection_state"] == "CREATE_FAILED" and service.name in failed["error_message"]
    assert service.connections() == []


def test_so_does_one_that_is_not_there(account, rules):
    name = f"com.amazonaws.vpce.{REGION}.vpce-svc-0123456789abcdef0"
    account.call("POST", rules, {"endpoint_service": name, "domain_names": ["crm.onprem.example"]})
    failed = account.call("GET", rules)["items"][0]
    assert failed["connection_state"] == "CREATE_FAILED" and name in failed["error_message"]


@pytest.mark.parametrize("zone", ["a", "b", "c"])
def test_the_endpoint_is_in_a_zone_of_the_service(ec2, endpoints, zone):
    service = Service(ec2, zone)
    service.allow()
    first, second = endpoints.create(service.name), endpoints.create(service.name)
    assert {one for one, _owner, _state in service.connections()} == {first, second}
    own = endpoints.clients[REGION].describe_vpcs(Filters=[{"Name": "cidr", "Values": [private_link.VPC]}])["Vpcs"]
    assert len(own) == 1, "one network is enough"


def test_a_service_in_no_zone_fails(ec2, endpoints, service):
    lab_service = lab.aws.privatelink.find_service(REGION, service.name)
    lab_service.availability_zones = []
    with pytest.raises(NotAllowed, match="availability zone"):
        endpoints.create(service.name)


@pytest.mark.parametrize(
    ("written", "expected"), [("PendingAcceptance", "pendingAcceptance"), ("Available", "available")]
)
def test_states_have_one_spelling(endpoints, service, monkeypatch, written, expected):
    made = endpoints.create(service.name)
    answer = {"VpcEndpoints": [{"State": written}]}
    monkeypatch.setattr(endpoints.clients[REGION], "describe_vpc_endpoints", lambda **_: answer)
    assert endpoints.state(made) == expected


def refuse(monkeypatch, endpoints, call, code):
    error = ClientError({"Error": {"Code": code, "Message": "no"}}, call)

    def refused(**_parameters):
        raise error

    monkeypatch.setattr(endpoints.clients[REGION], call, refused)


def test_one_that_ec2_has_forgotten_is_deleted(endpoints, service, monkeypatch):
    made = endpoints.create(service.name)
    refuse(monkeypatch, endpoints, "describe_vpc_endpoints", "InvalidVpcEndpointId.NotFound")
    assert endpoints.state(made) == "deleted"


def test_other_failures_of_aws_are_no_rules_fault(endpoints, service, account, rule, monkeypatch):
    made = endpoints.create(service.name)
    refuse(monkeypatch, endpoints, "create_vpc_endpoint", "RequestLimitExceeded")
    refuse(monkeypatch, endpoints, "describe_vpc_endpoints", "RequestLimitExceeded")
    with pytest.raises(ClientError):
        endpoints.create(service.name)
    with pytest.raises(ClientError):
        endpoints.state(made)
    assert account.refused("GET", rule)[:2] == (500, "INTERNAL_ERROR")


def test_each_region_has_its_role(endpoints):
    service = Service(boto3.client("ec2", "us-east-1"), "a", "us-east-1")
    service.allow(ROLE)
    with pytest.raises(NotAllowed):
        endpoints.create(service.name)
    service.allow(ROLE.replace(REGION, "us-east-1"))
    made = endpoints.create(service.name)
    assert service.connections() == [(made, "565502421330", endpoints.state(made))]


def test_it_asks_the_aws_that_it_is_given():
    client = VpcEndpoints("http://127.0.0.1:5555")._client("ec2", REGION)
    assert client.meta.endpoint_url == "http://127.0.0.1:5555"


def test_nobody_waits_for_the_other_account(stand_in, account, service, rule):
    """The network for compute follows AWS by itself."""
    stand_in.state.workspaces.attach(
        stand_in.state.workspaces.by_name["analytics"], next(iter(stand_in.state.nccs.by_id.values()))
    )
    endpoint = account.call("GET", rule)["vpc_endpoint_id"]
    service.accept(endpoint)
    assert stand_in.state.network_for_compute("analytics")["rules"] == []
    found = stand_in.state.network_for_compute("analytics")["rules"]
    assert [one["vpc_endpoint_id"] for one in found] == [endpoint]


def test_the_whole_account_api_works_with_it(start, endpoints, service):
    stand_in = start(endpoints)
    caller, ncc = Caller(account_login(stand_in)), stand_in.state.nccs.create("onprem", REGION)
    rules = f"{NCCS}/{ncc.id}/private-endpoint-rules"
    caller.call("POST", rules, {"endpoint_service": service.name, "domain_names": ["crm.onprem.example"]})
    seen = [caller.call("GET", rules)["items"][0]["connection_state"] for _ in range(2)]
    assert seen == ["CREATING", "PENDING"]
