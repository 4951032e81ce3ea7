"""The module aws_vpc_endpoint_service from nothing to nothing, against the lab's AWS."""

import pytest
from botocore.exceptions import EndpointConnectionError

OTHER = "arn:aws:iam::111122223333:root"


@pytest.fixture
def wanted(balancer, consumer):
    return dict(
        name="hub",
        network_load_balancer_arns=[balancer],
        allowed_principals=[consumer.root],
        tags={"Environment": "test"},
    )


@pytest.fixture
def services(ec2):
    """What is there now: a list of services with their principals."""

    def read():
        found = ec2.describe_vpc_endpoint_service_configurations()["ServiceConfigurations"]
        for service in found:
            allowed = ec2.describe_vpc_endpoint_service_permissions(ServiceId=service["ServiceId"])
            service["Principals"] = sorted(one["Principal"] for one in allowed["AllowedPrincipals"])
        return found

    return read


def without_ids(service):
    chosen_by_aws = ("service_id", "service_name", "state", "availability_zones", "base_endpoint_dns_names")
    return {key: value for key, value in service.items() if key not in chosen_by_aws}


def test_from_nothing_to_nothing(service_module, services, wanted, make_balancer, consumer):
    checked = service_module(check=True, **wanted)
    assert checked["changed"] is True
    assert checked["service"]["service_id"] is None
    assert services() == []

    made = service_module(**wanted)
    assert made["changed"] is True
    assert without_ids(made["service"]) == without_ids(checked["service"])
    assert made["service"]["service_name"] == f"com.amazonaws.vpce.eu-west-1.{made['service']['service_id']}"
    assert made["service"]["state"] == "available"
    assert made["service"]["availability_zones"] == ["eu-west-1a", "eu-west-1b"]
    assert made["service"]["tags"] == {"Name": "hub", "Environment": "test"}
    assert made["diff"]["before"] == {}
    assert [one["Principals"] for one in services()] == [[consumer.root]]
    assert services()[0]["AcceptanceRequired"] is True

    again = service_module(**wanted)
    assert again["changed"] is False
    assert again["service"] == made["service"]
    assert again["diff"]["before"] == again["diff"]["after"]

    wanted.update(
        acceptance_required=False,
        allowed_principals=[OTHER],
        network_load_balancer_arns=[make_balancer("other")],
        tags={"Team": "x"},
    )
    before = services()
    checked = service_module(check=True, **wanted)
    assert checked["changed"] is True
    assert services() == before

    updated = service_module(**wanted)
    assert updated["changed"] is True
    assert updated["service"] == checked["service"]
    assert updated["diff"] == checked["diff"]
    assert updated["service"]["service_id"] == made["service"]["service_id"]
    assert services()[0]["NetworkLoadBalancerArns"] == wanted["network_load_balancer_arns"]
    assert services()[0]["AcceptanceRequired"] is False
    assert services()[0]["Principals"] == [OTHER]
    assert {tag["Key"]: tag["Value"] for tag in services()[0]["Tags"]} == {"Name": "hub", "Team": "x"}
    assert service_module(**wanted)["changed"] is False

    checked = service_module(check=True, name="hub", state="absent")
    assert checked["changed"] is True
    assert len(services()) == 1
    removed = service_module(name="hub", state="absent")
    assert removed["changed"] is True
    assert removed["service"] == {}
    assert removed["diff"] == checked["diff"]
    assert services() == []
    assert service_module(name="hub", state="absent")["changed"] is False


def test_what_is_left_out_stays(service_module, services, wanted, consumer):
    made = service_module(**wanted)["service"]
    unchanged = service_module(name="hub")
    assert unchanged["changed"] is False
    assert unchanged["service"] == made
    wanted["allowed_principals"] = [OTHER]
    assert service_module(**wanted, purge_allowed_principals=False)["changed"] is True
    assert services()[0]["Principals"] == sorted([consumer.root, OTHER])


def test_an_unchanged_service_is_only_read(service_module, wanted, calls):
    service_module(**wanted)
    calls.made.clear()
    service_module(**wanted)
    assert calls.writes() == []


def test_by_id(service_module, services, service):
    assert service_module(service_id=service["ServiceId"], name="hub")["changed"] is True
    assert services()[0]["Tags"] == [{"Key": "Name", "Value": "hub"}]
    assert service_module(service_id=service["ServiceId"], tags={})["changed"] is False
    assert services()[0]["Tags"] == [{"Key": "Name", "Value": "hub"}]
    assert service_module(service_id=service["ServiceId"], state="absent")["changed"] is True
    assert service_module(service_id=service["ServiceId"], state="absent")["changed"] is False


@pytest.mark.parametrize(
    ("parameters", "says"),
    [
        (dict(), "one of the following is required: name, service_id"),
        (dict(name="hub"), "network_load_balancer_arns is required to make one"),
        (dict(service_id="vpce-svc-0123"), "There is no endpoint service vpce-svc-0123 in eu-west-1"),
        (dict(name="hub", network_load_balancer_arns=["hub"]), "is not a network load balancer's ARN"),
        (dict(name="hub", allowed_principals=["1"]), "is not an ARN"),
    ],
)
@pytest.mark.parametrize("check", [True, False])
def test_bad_input(service_module, calls, check, parameters, says):
    failed = service_module(check=check, **parameters)
    assert failed["failed"] is True
    assert says in failed["msg"]
    assert calls.writes() == []


@pytest.mark.parametrize("state", ["present", "absent"])
def test_two_services_of_one_name(service_module, calls, wanted, ec2, balancer, state):
    tags = [{"ResourceType": "vpc-endpoint-service", "Tags": [{"Key": "Name", "Value": "hub"}]}]
    ids = [
        ec2.create_vpc_endpoint_service_configuration(NetworkLoadBalancerArns=[balancer], TagSpecifications=tags)
        for _number in range(2)
    ]
    calls.made.clear()
    failed = service_module(**wanted, state=state)
    assert failed["failed"] is True
    assert all(one["ServiceConfiguration"]["ServiceId"] in failed["msg"] for one in ids)
    assert calls.writes() == []


def test_deleted_behind_its_back(service_module, services, wanted, ec2):
    first = service_module(**wanted)["service"]["service_id"]
    ec2.delete_vpc_endpoint_service_configurations(ServiceIds=[first])
    assert service_module(check=True, **wanted)["changed"] is True
    assert service_module(**wanted)["changed"] is True
    assert [one["ServiceId"] for one in services()] != [first]


def test_deleted_by_someone_else_at_the_same_time(service_module, services, wanted, ec2, calls):
    service_id = service_module(**wanted)["service"]["service_id"]

    def delete_first(_parameters):
        ec2.delete_vpc_endpoint_service_configurations(ServiceIds=[service_id])

    calls.answers["DeleteVpcEndpointServiceConfigurations"] = [delete_first]
    assert service_module(name="hub", state="absent")["changed"] is True
    assert services() == []


# --- connected endpoints -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("check", [True, False])
def test_connected_endpoints_keep_the_service(service_module, service, services, consumer, state_of, check):
    endpoint = consumer.connect(service)["VpcEndpointId"]
    failed = service_module(check=check, service_id=service["ServiceId"], state="absent")
    assert failed["failed"] is True
    assert f"{endpoint} of {consumer.account} (pendingAcceptance)" in failed["msg"]
    assert "reject_connections: true" in failed["msg"]
    assert state_of(endpoint) == "pendingAcceptance"
    assert len(services()) == 1


def test_connected_endpoints_are_rejected_on_demand(service_module, service, services, consumer, state_of, ec2):
    accepted, pending = (consumer.connect(service)["VpcEndpointId"] for _number in range(2))
    ec2.accept_vpc_endpoint_connections(ServiceId=service["ServiceId"], VpcEndpointIds=[accepted])
    parameters = dict(service_id=service["ServiceId"], state="absent", reject_connections=True)
    assert service_module(check=True, **parameters)["changed"] is True
    assert state_of(pending) == "pendingAcceptance"
    assert service_module(**parameters)["changed"] is True
    assert services() == []
    states = {one["VpcEndpointId"]: one["State"] for one in consumer.ec2.describe_vpc_endpoints()["VpcEndpoints"]}
    assert states == {accepted: "rejected", pending: "rejected"}


def test_rejected_connections_take_a_moment_to_let_go(service_module, service, services, consumer, calls, clock):
    consumer.connect(service)
    error = {"Code": "ExistingVpcEndpointConnections", "Message": "in use"}
    in_use = {"Unsuccessful": [{"ResourceId": service["ServiceId"], "Error": error}]}
    calls.answers["DeleteVpcEndpointServiceConfigurations"] = [in_use, in_use]
    parameters = dict(service_id=service["ServiceId"], state="absent", reject_connections=True)
    assert service_module(**parameters)["changed"] is True
    assert services() == []
    assert clock.now > 0


def test_connections_that_do_not_let_go(service_module, service, consumer, calls, clock):
    endpoint = consumer.connect(service)["VpcEndpointId"]
    calls.answers["RejectVpcEndpointConnections"] = {"Unsuccessful": []}  # said to be done, and is not
    parameters = dict(service_id=service["ServiceId"], state="absent", reject_connections=True)
    failed = service_module(**parameters, wait_timeout=20)
    assert failed["failed"] is True
    assert endpoint in failed["msg"]
    assert clock.now == 20


def test_a_connection_that_aws_does_not_reject(service_module, service, services, consumer, calls):
    endpoint = consumer.connect(service)["VpcEndpointId"]
    failed = {"ResourceId": endpoint, "Error": {"Code": "InternalError", "Message": "try later"}}
    calls.answers["RejectVpcEndpointConnections"] = {"Unsuccessful": [failed]}
    result = service_module(service_id=service["ServiceId"], state="absent", reject_connections=True)
    assert result["failed"] is True
    assert f"{endpoint}: try later (InternalError)" in result["msg"]
    assert len(services()) == 1


def test_an_endpoint_that_comes_in_between(service_module, service, services, consumer, calls):
    calls.answers["DeleteVpcEndpointServiceConfigurations"] = [lambda _parameters: consumer.connect(service) and None]
    failed = service_module(service_id=service["ServiceId"], state="absent")
    assert failed["failed"] is True
    assert f"of {consumer.account} (pendingAcceptance)" in failed["msg"]
    assert len(services()) == 1


def test_a_service_that_aws_does_not_delete(service_module, service, calls):
    failed = {"ResourceId": service["ServiceId"], "Error": {"Code": "InternalError", "Message": "try later"}}
    calls.answers["DeleteVpcEndpointServiceConfigurations"] = {"Unsuccessful": [failed]}
    result = service_module(service_id=service["ServiceId"], state="absent")
    assert result["failed"] is True
    assert f"{service['ServiceId']}: try later (InternalError)" in result["msg"]


def test_load_balancers_of_connected_endpoints_stay(service_module, service, consumer, make_balancer):
    consumer.connect(service)
    failed = service_module(service_id=service["ServiceId"], network_load_balancer_arns=[make_balancer("other")])
    assert failed["failed"] is True
    assert "cannot be changed while endpoints are connected" in failed["msg"]


# --- waiting, throttling, permissions ----------------------------------------------------------------------------


def described(service_id, state):
    return {"ServiceConfigurations": [{"ServiceId": service_id, "ServiceState": state}]}


def test_waits_until_available(service_module, service, calls, clock):
    by_id = service["ServiceId"]
    pending = described(by_id, "Pending")
    calls.answers["DescribeVpcEndpointServiceConfigurations"] = [None, pending, {"ServiceConfigurations": []}, pending]
    assert service_module(service_id=by_id)["service"]["state"] == "available"
    assert clock.now == 9


def test_returns_the_state_that_it_waited_for(service_module, service, balancer, calls):
    pending = described(service["ServiceId"], "Pending")
    pending["ServiceConfigurations"][0].update(AcceptanceRequired=True, NetworkLoadBalancerArns=[balancer])
    calls.answers["DescribeVpcEndpointServiceConfigurations"] = [pending, pending]
    result = service_module(service_id=service["ServiceId"])
    assert (result["changed"], result["service"]["state"]) == (False, "available")


def test_does_not_wait_for_ever(service_module, service, calls, clock):
    calls.answers["DescribeVpcEndpointServiceConfigurations"] = described(service["ServiceId"], "Pending")
    failed = service_module(service_id=service["ServiceId"], acceptance_required=False, wait_timeout=30)
    assert failed["failed"] is True
    assert "is pending, and not available after 30 s" in failed["msg"]
    assert clock.now == 30


def test_does_not_wait_if_not_told_to(service_module, service, calls, clock):
    calls.answers["DescribeVpcEndpointServiceConfigurations"] = described(service["ServiceId"], "Pending")
    result = service_module(service_id=service["ServiceId"], acceptance_required=False, wait=False)
    assert result["service"]["state"] == "pending"
    assert clock.now == 0


def test_a_failed_service(service_module, service, calls):
    calls.answers["DescribeVpcEndpointServiceConfigurations"] = described(service["ServiceId"], "Failed")
    failed = service_module(service_id=service["ServiceId"])
    assert failed["failed"] is True
    assert "has failed. Delete it" in failed["msg"]


def test_a_new_service_that_is_not_known_everywhere_yet(service_module, services, wanted, calls):
    calls.refuse("ModifyVpcEndpointServicePermissions", "InvalidVpcEndpointServiceId.NotFound", times=2)
    assert service_module(**wanted)["changed"] is True
    assert services()[0]["Principals"] == wanted["allowed_principals"]


def test_a_new_service_that_stays_unknown(service_module, wanted, calls, clock):
    calls.refuse("ModifyVpcEndpointServicePermissions", "InvalidVpcEndpointServiceId.NotFound", times=99)
    failed = service_module(**wanted, wait_timeout=30)
    assert failed["failed"] is True
    assert "does not know it yet. Run again" in failed["msg"]
    assert clock.now == 30


def test_a_repeated_creation_carries_the_same_token(service_module, services, wanted, calls):
    calls.refuse("CreateVpcEndpointServiceConfiguration", "RequestLimitExceeded", times=2)
    assert service_module(**wanted)["changed"] is True
    creations = [made for made in calls.made if made[0] == "CreateVpcEndpointServiceConfiguration"]
    assert len(creations) == 3
    (token,) = {parameters["ClientToken"] for _operation, parameters in creations}
    assert len(token) > 30
    assert len(services()) == 1


def test_principals_that_aws_does_not_change(service_module, wanted, calls):
    calls.answers["ModifyVpcEndpointServicePermissions"] = {"ReturnValue": False}
    failed = service_module(**wanted)
    assert failed["failed"] is True
    assert "did not change the allowed principals" in failed["msg"]


def test_a_run_that_broke_off_is_finished_by_the_next(service_module, services, wanted, calls):
    calls.refuse("ModifyVpcEndpointServicePermissions", "UnauthorizedOperation")
    failed = service_module(**wanted)
    assert failed["failed"] is True
    assert "may not call ec2:ModifyVpcEndpointServicePermissions; allow it" in failed["msg"]
    assert service_module(**wanted)["changed"] is True
    assert [one["Principals"] for one in services()] == [wanted["allowed_principals"]]


@pytest.mark.parametrize(
    ("operation", "parameters"),
    [
        ("DescribeVpcEndpointServiceConfigurations", {}),
        ("DescribeVpcEndpointServicePermissions", {}),
        ("ModifyVpcEndpointServiceConfiguration", dict(acceptance_required=False)),
        ("CreateTags", dict(tags={"a": "b"})),
        ("DeleteTags", dict(tags={})),
        ("DescribeVpcEndpointConnections", dict(state="absent")),
        ("DeleteVpcEndpointServiceConfigurations", dict(state="absent")),
    ],
)
def test_missing_permissions_name_the_call(service_module, wanted, calls, operation, parameters):
    service_module(**wanted)
    calls.refuse(operation, "UnauthorizedOperation")
    failed = service_module(**{**wanted, **parameters})
    assert failed["failed"] is True
    assert f"may not call ec2:{operation}; allow it in their IAM policy" in failed["msg"]


def test_a_region_that_is_not_reached(service_module, calls):
    refused = EndpointConnectionError(endpoint_url="https://ec2.eu-west-9.amazonaws.com/")
    calls.answers["DescribeVpcEndpointServiceConfigurations"] = refused
    failed = service_module(name="hub", state="absent", region="eu-west-9")
    assert failed["failed"] is True
    assert "check the region eu-west-9" in failed["msg"]


def test_no_credentials(service_module, monkeypatch):
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    failed = service_module(name="hub", state="absent")
    assert failed["failed"] is True
    assert "needs AWS credentials" in failed["msg"]


# --- whose service it is -----------------------------------------------------------------------------------------

MARKS = {"Hub": "prod", "Number": 1}


@pytest.fixture
def foreign(ec2, balancer):
    """Make a service that has the name and other tags, and return its id."""

    def make(**tags):
        listed = [{"Key": key, "Value": value} for key, value in {"Name": "hub", **tags}.items()]
        made = ec2.create_vpc_endpoint_service_configuration(
            NetworkLoadBalancerArns=[balancer],
            TagSpecifications=[{"ResourceType": "vpc-endpoint-service", "Tags": listed}],
        )
        return made["ServiceConfiguration"]["ServiceId"]

    return make


@pytest.mark.parametrize("check", [True, False], ids=["check", "run"])
@pytest.mark.parametrize("state", ["present", "absent"])
@pytest.mark.parametrize(
    ("tags", "lacks"),
    [({}, "Hub=prod, Number=1"), ({"Hub": "test", "Number": "1"}, "Hub=prod"), ({"Hub": "prod"}, "Number=1")],
    ids=["no mark", "another mark", "a part of it"],
)
def test_somebody_elses_service_is_refused(service_module, wanted, foreign, calls, check, state, tags, lacks):
    service_id = foreign(**tags)
    calls.made.clear()
    parameters = {**wanted, "state": state, "tags": MARKS, "owner_tags": MARKS, "reject_connections": True}
    failed = service_module(check=check, **parameters)
    assert failed["failed"] is True
    assert f"The endpoint service {service_id} in eu-west-1 has no tag {lacks}, and so is somebody" in failed["msg"]
    assert calls.writes() == []


def test_somebody_elses_service_is_refused_by_its_id_too(service_module, foreign, consumer, ec2, calls, state_of):
    service_id = foreign()
    ec2.modify_vpc_endpoint_service_permissions(ServiceId=service_id, AddAllowedPrincipals=["*"])
    endpoint = consumer.connect(dict(ServiceName=f"com.amazonaws.vpce.eu-west-1.{service_id}"))["VpcEndpointId"]
    calls.made.clear()
    failed = service_module(service_id=service_id, state="absent", reject_connections=True, owner_tags=MARKS)
    assert "is somebody else's" in failed["msg"]
    assert calls.writes() == []
    assert state_of(endpoint) == "pendingAcceptance"


def test_what_carries_the_marks_is_managed(service_module, services, wanted):
    own = {**wanted, "tags": {**MARKS, "Environment": "test"}, "owner_tags": MARKS}
    assert service_module(**own)["changed"] is True
    assert service_module(**own)["changed"] is False
    del own["tags"]
    assert service_module(**own)["changed"] is False
    assert service_module(**own, state="absent")["changed"] is True
    assert services() == []


@pytest.mark.parametrize("check", [True, False], ids=["check", "run"])
@pytest.mark.parametrize("tags", [None, {}, {"Hub": "prod"}], ids=["not given", "none", "a part"])
def test_what_the_next_run_would_refuse_is_not_made(service_module, wanted, calls, check, tags):
    calls.made.clear()
    failed = service_module(check=check, **{**wanted, "tags": tags, "owner_tags": MARKS})
    assert failed["failed"] is True
    assert "Number=1 of owner_tags; add that to tags" in failed["msg"]
    assert calls.writes() == []


def test_its_mark_is_not_purged(service_module, wanted, calls):
    service_module(**{**wanted, "tags": MARKS})
    calls.made.clear()
    changed = {**wanted, "tags": {"Team": "x"}, "owner_tags": MARKS}
    failed = service_module(**changed)
    assert "would be without Hub=prod, Number=1 of owner_tags" in failed["msg"]
    assert calls.writes() == []
    assert service_module(**changed, purge_tags=False)["service"]["tags"] == {
        "Name": "hub",
        "Hub": "prod",
        "Number": "1",
        "Team": "x",
    }
