"""The module aws_vpc_endpoint_connection against the lab's AWS."""

import pytest
from ansible_collections.lakehouse.onprem_tunnel.plugins.modules import aws_vpc_endpoint_connection
from moto.ec2.models import ec2_backends


@pytest.fixture
def endpoint(consumer, service):
    return consumer.connect(service)["VpcEndpointId"]


@pytest.fixture
def other_endpoint(ec2, service):
    """An endpoint of the service's own account."""
    vpc = ec2.create_vpc(CidrBlock="10.98.0.0/16")["Vpc"]["VpcId"]
    return ec2.create_vpc_endpoint(VpcId=vpc, ServiceName=service["ServiceName"], VpcEndpointType="Interface")[
        "VpcEndpoint"
    ]["VpcEndpointId"]


@pytest.fixture
def force_state(consumer):
    """Put an endpoint into a state that takes days to come about."""

    def force(endpoint_id, state):
        ec2_backends[consumer.account]["eu-west-1"].vpc_end_points[endpoint_id].state = state

    return force


def test_accepted_and_rejected_by_id(connection_module, service, endpoint, other_endpoint, consumer, state_of):
    named = dict(service_id=service["ServiceId"], vpc_endpoint_id=endpoint)

    checked = connection_module(check=True, **named)
    assert checked["changed"] is True
    assert checked["connections"][0]["state"] == "available"
    assert state_of(endpoint) == "pendingAcceptance"

    accepted = connection_module(**named)
    assert accepted["changed"] is True
    assert accepted["diff"] == checked["diff"]
    assert accepted["connections"] == checked["connections"]
    assert accepted["connections"][0]["owner"] == consumer.account
    assert accepted["connections"][0]["dns_entries"][0]["dns_name"].startswith(endpoint)
    assert "T" in accepted["connections"][0]["creation_timestamp"]
    assert state_of(endpoint) == "available"
    assert connection_module(**named)["changed"] is False

    checked = connection_module(check=True, state="rejected", **named)
    assert checked["changed"] is True
    assert state_of(endpoint) == "available"
    rejected = connection_module(state="rejected", **named)
    assert rejected["changed"] is True
    assert rejected["diff"] == checked["diff"]
    assert rejected["connections"] == checked["connections"]
    assert state_of(endpoint) == "rejected"
    assert connection_module(state="rejected", **named)["changed"] is False

    assert connection_module(**named)["changed"] is True  # named by its id, a rejected one is accepted again
    assert state_of(endpoint) == "available"
    assert state_of(other_endpoint) == "pendingAcceptance"  # never touched


def test_accepted_and_rejected_by_owner(connection_module, service, consumer, endpoint, other_endpoint, state_of):
    second = consumer.connect(service)["VpcEndpointId"]
    third = consumer.connect(service)["VpcEndpointId"]
    connection_module(service_id=service["ServiceId"], vpc_endpoint_id=third, state="rejected")
    named = dict(service_id=service["ServiceId"], owner_id=consumer.account)

    checked = connection_module(check=True, **named)
    accepted = connection_module(**named)
    assert accepted["changed"] is True
    assert accepted["diff"] == checked["diff"]
    assert accepted["connections"] == checked["connections"]
    assert {one["vpc_endpoint_id"]: one["state"] for one in accepted["connections"]} == {
        endpoint: "available",
        second: "available",
        third: "rejected",
    }
    assert state_of(other_endpoint) == "pendingAcceptance"
    assert connection_module(**named)["changed"] is False

    assert connection_module(state="rejected", **named)["changed"] is True
    assert [state_of(one) for one in (endpoint, second, third)] == ["rejected"] * 3
    assert state_of(other_endpoint) == "pendingAcceptance"
    assert connection_module(state="rejected", **named)["changed"] is False


@pytest.mark.parametrize(
    ("parameters", "says"),
    [
        (dict(vpc_endpoint_id="vpce-1"), "missing required arguments: service_id"),
        (dict(service_id="vpce-svc-1"), "one of the following is required: vpc_endpoint_id, owner_id"),
        (dict(service_id="vpce-svc-1", vpc_endpoint_id="vpce-1", owner_id="1"), "mutually exclusive"),
        (dict(service_id="vpce-svc-1", vpc_endpoint_id="*"), "vpc_endpoint_id: '*' is not one"),
        (dict(service_id="vpce-svc-1", vpc_endpoint_id=""), "vpc_endpoint_id: '' is not one"),
        (dict(service_id="vpce-svc-1", owner_id="all"), "owner_id: 'all' is not one"),
        (
            dict(service_id="vpce-svc-1", owner_id="210987654321"),
            "There is no endpoint service vpce-svc-1 in eu-west-1",
        ),
    ],
)
@pytest.mark.parametrize("check", [True, False])
def test_bad_input(connection_module, calls, check, parameters, says):
    failed = connection_module(check=check, **parameters)
    assert failed["failed"] is True
    assert says in failed["msg"]
    assert calls.writes() == []


def test_waits_for_an_endpoint_that_is_not_there_yet(connection_module, service, consumer, clock, calls, monkeypatch):
    identity = "vpce-0123456789abcdef0"
    monkeypatch.setattr("moto.ec2.models.vpcs.random_vpc_ep_id", lambda: identity)

    def arrive():
        if clock.now == 9:
            consumer.connect(service)

    clock.on_sleep = arrive
    result = connection_module(service_id=service["ServiceId"], vpc_endpoint_id=identity)
    assert result["changed"] is True
    assert result["connections"][0]["state"] == "available"
    assert clock.now >= 9


def test_an_endpoint_that_never_comes(connection_module, service, clock):
    failed = connection_module(service_id=service["ServiceId"], vpc_endpoint_id="vpce-0123", wait_timeout=20)
    assert failed["failed"] is True
    assert "No endpoint vpce-0123 asked for a connection" in failed["msg"]
    assert clock.now == 20


def test_an_endpoint_that_is_not_there_in_check_mode(connection_module, service, clock, monkeypatch):
    told = []  # a process that has run a part of the controller shows warnings instead of returning them
    monkeypatch.setattr(aws_vpc_endpoint_connection, "warn", told.append)
    result = connection_module(check=True, service_id=service["ServiceId"], vpc_endpoint_id="vpce-0123")
    assert result["changed"] is True
    assert result["diff"] == {"before": {}, "after": {"vpce-0123": "available"}}
    assert "a real run waits for it" in told[0]
    assert "deprecations" not in result
    assert clock.now == 0


@pytest.mark.parametrize("check", [True, False])
def test_an_endpoint_that_is_not_there_without_waiting(connection_module, service, consumer, check):
    named = dict(service_id=service["ServiceId"], wait=False, check=check)
    failed = connection_module(vpc_endpoint_id="vpce-0123", **named)
    assert failed["failed"] is True
    assert "No endpoint vpce-0123 is connected" in failed["msg"]
    nobody = connection_module(owner_id=consumer.account, **named)
    assert (nobody["changed"], nobody["connections"]) == (False, [])


def test_an_endpoint_that_is_gone_needs_no_rejection(connection_module, service, endpoint, consumer):
    consumer.ec2.delete_vpc_endpoints(VpcEndpointIds=[endpoint])
    result = connection_module(service_id=service["ServiceId"], vpc_endpoint_id=endpoint, state="rejected")
    assert (result["changed"], result["connections"]) == (False, [])


def test_an_endpoint_that_goes_while_it_is_rejected(connection_module, service, endpoint, consumer, calls):
    calls.answers["RejectVpcEndpointConnections"] = [
        lambda _parameters: consumer.ec2.delete_vpc_endpoints(VpcEndpointIds=[endpoint]) and None
    ]
    result = connection_module(service_id=service["ServiceId"], vpc_endpoint_id=endpoint, state="rejected")
    assert (result["changed"], result["connections"]) == (True, [])


@pytest.mark.parametrize("state", ["failed", "expired", "Deleting"])
@pytest.mark.parametrize("check", [True, False])
def test_an_endpoint_whose_time_is_over(connection_module, service, endpoint, force_state, calls, state, check):
    force_state(endpoint, state)
    failed = connection_module(check=check, service_id=service["ServiceId"], vpc_endpoint_id=endpoint)
    assert failed["failed"] is True
    assert f"is {state.lower()}, and AWS accepts no such endpoint" in failed["msg"]
    assert calls.writes() == []


def test_states_are_read_in_either_spelling(connection_module, service, endpoint, force_state):
    force_state(endpoint, "Available")
    result = connection_module(service_id=service["ServiceId"], vpc_endpoint_id=endpoint)
    assert (result["changed"], result["connections"][0]["state"]) == (False, "available")


def test_a_pending_one_is_accepted_already_and_waited_for(connection_module, service, endpoint, force_state, calls):
    force_state(endpoint, "pending")
    result = connection_module(service_id=service["ServiceId"], vpc_endpoint_id=endpoint)
    assert (result["changed"], result["connections"][0]["state"]) == (False, "available")
    assert calls.writes() == []


def test_does_not_wait_if_not_told_to(connection_module, service, endpoint, clock):
    result = connection_module(service_id=service["ServiceId"], vpc_endpoint_id=endpoint, wait=False)
    assert (result["changed"], result["connections"][0]["state"]) == (True, "pending")
    assert clock.now == 0


def test_does_not_wait_for_ever(connection_module, service, endpoint, calls, clock):
    calls.answers["AcceptVpcEndpointConnections"] = {"Unsuccessful": []}  # said to be done, and is not
    failed = connection_module(service_id=service["ServiceId"], vpc_endpoint_id=endpoint, wait_timeout=20)
    assert failed["failed"] is True
    assert f"not available after 20 s: {endpoint} is pendingAcceptance" in failed["msg"]
    assert clock.now == 20

    calls.answers["RejectVpcEndpointConnections"] = {"Unsuccessful": []}
    named = dict(service_id=service["ServiceId"], vpc_endpoint_id=endpoint, wait_timeout=20)
    failed = connection_module(state="rejected", **named)
    assert f"not rejected after 20 s: {endpoint} is pendingAcceptance" in failed["msg"]


def test_an_endpoint_that_is_lost_after_its_acceptance(connection_module, service, endpoint, force_state, clock, calls):
    def lose_it(_parameters):
        force_state(endpoint, "failed")
        return {"Unsuccessful": []}

    calls.answers["AcceptVpcEndpointConnections"] = lose_it
    failed = connection_module(service_id=service["ServiceId"], vpc_endpoint_id=endpoint)
    assert failed["failed"] is True
    assert f"{endpoint} is failed" in failed["msg"]
    assert clock.now == 0


@pytest.mark.parametrize(("state", "verb"), [("accepted", "accept"), ("rejected", "reject")])
def test_failures_in_a_successful_answer(connection_module, service, endpoint, calls, state, verb):
    failed = {"ResourceId": endpoint, "Error": {"Code": "InvalidState", "Message": "no"}}
    calls.answers[f"{verb.title()}VpcEndpointConnections"] = {"Unsuccessful": [failed]}
    result = connection_module(service_id=service["ServiceId"], vpc_endpoint_id=endpoint, state=state)
    assert result["failed"] is True
    assert f"did not {verb} connections to {service['ServiceId']}: {endpoint}: no (InvalidState)" in result["msg"]


def test_throttling_is_sat_out(connection_module, service, endpoint, calls, state_of):
    calls.refuse("AcceptVpcEndpointConnections", "RequestLimitExceeded", times=3)
    calls.refuse("DescribeVpcEndpointConnections", "RequestLimitExceeded", times=3)
    assert connection_module(service_id=service["ServiceId"], vpc_endpoint_id=endpoint)["changed"] is True
    assert state_of(endpoint) == "available"


@pytest.mark.parametrize(
    ("operation", "state"),
    [
        ("DescribeVpcEndpointConnections", "accepted"),
        ("AcceptVpcEndpointConnections", "accepted"),
        ("RejectVpcEndpointConnections", "rejected"),
    ],
)
def test_missing_permissions_name_the_call(connection_module, service, endpoint, calls, operation, state):
    calls.refuse(operation, "UnauthorizedOperation")
    failed = connection_module(service_id=service["ServiceId"], vpc_endpoint_id=endpoint, state=state)
    assert failed["failed"] is True
    assert f"may not call ec2:{operation}; allow it in their IAM policy" in failed["msg"]
