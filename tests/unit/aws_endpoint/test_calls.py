"""The calls to EC2 against botocore's Stubber, which checks requests and answers by AWS's own model."""

from datetime import UTC, datetime
from types import SimpleNamespace

import pytest
from ansible_collections.lakehouse.onprem_tunnel.plugins.module_utils._aws_service import Problem
from ansible_collections.lakehouse.onprem_tunnel.plugins.module_utils._aws_vpc_endpoint import (
    EndpointServices,
    wait_until,
)
from botocore.stub import Stubber

SERVICE = "vpce-svc-0123"


@pytest.fixture
def stub(clients):
    client = clients["ec2"]
    with Stubber(client) as stub:
        stub.api = EndpointServices(SimpleNamespace(client=lambda _service: client))
        yield stub
    stub.assert_no_pending_responses()


def filters(**values):
    return [{"Name": name.replace("_", "-"), "Values": [value]} for name, value in values.items()]


def test_connections_come_from_all_pages_with_states_in_one_spelling(stub):
    made = datetime(2026, 11, 23, 20, 14, 44, tzinfo=UTC)
    asked = {"Filters": filters(service_id=SERVICE, vpc_endpoint_owner="210987654321")}
    first = {
        "VpcEndpointId": "vpce-b",
        "VpcEndpointOwner": "210987654321",
        "VpcEndpointState": "PendingAcceptance",
        "CreationTimestamp": made,
        "DnsEntries": [{"DnsName": "b.example", "HostedZoneId": "Z1"}],
    }
    second = {"VpcEndpointId": "vpce-a", "VpcEndpointOwner": "210987654321", "VpcEndpointState": "available"}
    method = "describe_vpc_endpoint_connections"
    stub.add_response(method, {"VpcEndpointConnections": [first], "NextToken": "more"}, asked)
    stub.add_response(method, {"VpcEndpointConnections": [second]}, {**asked, "NextToken": "more"})
    assert stub.api.connections(SERVICE, **{"vpc-endpoint-owner": "210987654321"}) == [
        dict(
            vpc_endpoint_id="vpce-a",
            owner="210987654321",
            state="available",
            creation_timestamp=None,
            dns_entries=[],
        ),
        dict(
            vpc_endpoint_id="vpce-b",
            owner="210987654321",
            state="pendingAcceptance",
            creation_timestamp="2026-11-23T20:14:44+00:00",
            dns_entries=[dict(dns_name="b.example", hosted_zone_id="Z1")],
        ),
    ]


def test_principals_come_from_all_pages(stub):
    method = "describe_vpc_endpoint_service_permissions"
    answer = {"AllowedPrincipals": [{"Principal": "arn:aws:iam::2:root"}], "NextToken": "more"}
    stub.add_response(method, answer, {"ServiceId": SERVICE})
    answer = {"AllowedPrincipals": [{"Principal": "*"}]}
    stub.add_response(method, answer, {"ServiceId": SERVICE, "NextToken": "more"})
    assert stub.api.allowed_principals(SERVICE) == ["*", "arn:aws:iam::2:root"]


def test_a_name_is_no_pattern_and_a_deleted_service_none(stub):
    services = [
        {"ServiceId": "vpce-svc-1", "ServiceState": "Available", "Tags": [{"Key": "Name", "Value": "hub-prod"}]},
        {"ServiceId": "vpce-svc-2", "ServiceState": "Deleting", "Tags": [{"Key": "Name", "Value": "hub-*"}]},
        {"ServiceId": "vpce-svc-3", "ServiceState": "Available", "Tags": [{"Key": "Name", "Value": "hub-*"}]},
    ]
    method = "describe_vpc_endpoint_service_configurations"
    stub.add_response(method, {"ServiceConfigurations": services[:2], "NextToken": "more"}, {
        "Filters": [{"Name": "tag:Name", "Values": ["hub-*"]}]
    })  # fmt: skip
    stub.add_response(method, {"ServiceConfigurations": services[2:]}, {
        "Filters": [{"Name": "tag:Name", "Values": ["hub-*"]}], "NextToken": "more"
    })  # fmt: skip
    assert [one["ServiceId"] for one in stub.api.services_named("hub-*")] == ["vpce-svc-3"]


@pytest.mark.parametrize("code", ["InvalidVpcEndpointServiceId.NotFound", "InvalidVpcEndpointService.NotFound"])
def test_a_service_that_is_not_there(stub, code):
    stub.add_client_error("describe_vpc_endpoint_service_configurations", code)
    assert stub.api.service(SERVICE) is None


def test_a_malformed_service_id_is_not_a_missing_service(stub):
    stub.add_client_error("describe_vpc_endpoint_service_configurations", "InvalidVpcEndpointServiceId.Malformed")
    with pytest.raises(Problem, match="DescribeVpcEndpointServiceConfigurations failed"):
        stub.api.service("x")


@pytest.mark.parametrize("method", ["accept_vpc_endpoint_connections", "reject_vpc_endpoint_connections"])
def test_failures_in_a_successful_answer_are_read(stub, method):
    failed = {"ResourceId": "vpce-b", "Error": {"Code": "InvalidState", "Message": "no"}}
    stub.add_response(
        method, {"Unsuccessful": [failed]}, {"ServiceId": SERVICE, "VpcEndpointIds": ["vpce-a", "vpce-b"]}
    )
    assert stub.api.decide(method, SERVICE, ["vpce-a", "vpce-b"]) == {"vpce-b": ("InvalidState", "no")}


@pytest.mark.parametrize("code", ["RequestLimitExceeded", "Throttling", "ThrottlingException"])
def test_a_throttled_call_is_repeated(stub, clock, code):
    for _attempt in range(2):
        stub.add_client_error("accept_vpc_endpoint_connections", code)
    stub.add_response("accept_vpc_endpoint_connections", {"Unsuccessful": []})
    assert stub.api.decide("accept_vpc_endpoint_connections", SERVICE, ["vpce-a"]) == {}
    assert clock.now > 0


def test_a_throttled_list_is_repeated(stub):
    stub.add_client_error("describe_vpc_endpoint_connections", "RequestLimitExceeded")
    stub.add_response("describe_vpc_endpoint_connections", {"VpcEndpointConnections": []})
    assert stub.api.connections(SERVICE) == []


def test_throttling_without_end_is_a_failure(stub):
    for _attempt in range(8):
        stub.add_client_error("describe_vpc_endpoint_connections", "RequestLimitExceeded")
    with pytest.raises(Problem, match="DescribeVpcEndpointConnections failed"):
        stub.api.connections(SERVICE)


@pytest.mark.parametrize("code", ["UnauthorizedOperation", "AccessDenied"])
def test_a_missing_permission_names_the_call(stub, code):
    stub.add_client_error("reject_vpc_endpoint_connections", code)
    with pytest.raises(Problem, match="may not call ec2:RejectVpcEndpointConnections; allow it"):
        stub.api.decide("reject_vpc_endpoint_connections", SERVICE, ["vpce-a"])


def test_waiting_ends_at_the_timeout(clock):
    with pytest.raises(Problem, match="not yet"):
        wait_until(lambda: None, 10, lambda: "not yet")
    assert clock.now == 10


def test_waiting_looks_before_it_sleeps(clock):
    assert wait_until(list, 10, lambda: "not yet") == []
    assert clock.now == 0
