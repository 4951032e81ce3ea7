"""What the endpoint modules decide, as tables: what there is and what is wanted -> what is to be done."""

import pytest
from ansible_collections.lakehouse.onprem_tunnel.plugins.module_utils import (
    _aws_vpc_endpoint_connection as connection,
)
from ansible_collections.lakehouse.onprem_tunnel.plugins.module_utils import _aws_vpc_endpoint_service as service

NLB = "arn:aws:elasticloadbalancing:eu-west-1:123456789012:loadbalancer/net/{}/0123456789abcdef"
WANTED = dict(
    name="hub",
    network_load_balancer_arns=None,
    acceptance_required=True,
    allowed_principals=None,
    purge_allowed_principals=True,
    owner_tags={},
    tags=None,
    purge_tags=True,
)
EXISTING = dict(
    service_id="vpce-svc-1",
    service_name="com.amazonaws.vpce.eu-west-1.vpce-svc-1",
    state="available",
    acceptance_required=True,
    network_load_balancer_arns=["a", "b"],
    allowed_principals=["p", "q"],
    availability_zones=["eu-west-1a"],
    base_endpoint_dns_names=["vpce-svc-1.eu-west-1.vpce.amazonaws.com"],
    tags={"Name": "hub", "Team": "x", "aws:stack": "y"},
)
NOTHING = dict(
    create=False,
    acceptance=False,
    add_balancers=[],
    remove_balancers=[],
    add_principals=[],
    remove_principals=[],
    set_tags={},
    remove_tags=[],
)


@pytest.mark.parametrize(
    ("wanted", "todo", "after"),
    [
        pytest.param({}, {}, {}, id="what is left out stays"),
        pytest.param(
            dict(network_load_balancer_arns=["b", "a"], allowed_principals=["q", "p"]), {}, {}, id="in another order"
        ),
        pytest.param(
            dict(acceptance_required=False), dict(acceptance=True), dict(acceptance_required=False), id="acceptance"
        ),
        pytest.param(
            dict(network_load_balancer_arns=["b", "c"]),
            dict(add_balancers=["c"], remove_balancers=["a"]),
            dict(network_load_balancer_arns=["b", "c"]),
            id="another load balancer",
        ),
        pytest.param(
            dict(allowed_principals=["q", "r"]),
            dict(add_principals=["r"], remove_principals=["p"]),
            dict(allowed_principals=["q", "r"]),
            id="another principal",
        ),
        pytest.param(
            dict(allowed_principals=["r"], purge_allowed_principals=False),
            dict(add_principals=["r"]),
            dict(allowed_principals=["p", "q", "r"]),
            id="one principal more",
        ),
        pytest.param(
            dict(allowed_principals=[]),
            dict(remove_principals=["p", "q"]),
            dict(allowed_principals=[]),
            id="no principal",
        ),
        pytest.param(
            dict(tags={"Port": 3306}),
            dict(set_tags={"Port": "3306"}, remove_tags=["Team"]),
            dict(tags={"Name": "hub", "aws:stack": "y", "Port": "3306"}),
            id="other tags: Name and AWS's own stay",
        ),
        pytest.param(
            dict(tags={}, name=None),
            dict(remove_tags=["Team"]),
            dict(tags={"Name": "hub", "aws:stack": "y"}),
            id="Name stays where it is not given either",
        ),
        pytest.param(
            dict(tags={"Team": "z"}, purge_tags=False),
            dict(set_tags={"Team": "z"}),
            dict(tags={"Name": "hub", "aws:stack": "y", "Team": "z"}),
            id="one tag changed, the others left",
        ),
        pytest.param(
            dict(name="new"),
            dict(set_tags={"Name": "new"}),
            dict(tags={"Name": "new", "Team": "x", "aws:stack": "y"}),
            id="another name",
        ),
    ],
)
def test_service(wanted, todo, after):
    assert service.reconcile(EXISTING, {**WANTED, **wanted}) == ({**NOTHING, **todo}, {**EXISTING, **after})


def test_service_that_is_not_there():
    wanted = dict(WANTED, network_load_balancer_arns=["b", "a"], allowed_principals=["p"], tags={"Team": "x"})
    todo, after = service.reconcile(None, wanted)
    assert todo == dict(
        NOTHING,
        create=True,
        acceptance=True,
        add_balancers=["a", "b"],
        add_principals=["p"],
        set_tags={"Name": "hub", "Team": "x"},
    )
    assert after["service_id"] is None
    assert after["network_load_balancer_arns"] == ["a", "b"]
    assert after["tags"] == {"Name": "hub", "Team": "x"}


@pytest.mark.parametrize(
    ("wanted", "says"),
    [
        (dict(network_load_balancer_arns=[]), "needs at least one network load balancer"),
        (dict(network_load_balancer_arns=[NLB.format("a"), "hub"]), "'hub' is not a network load balancer's ARN"),
        (dict(network_load_balancer_arns=[NLB.format("a").replace("net", "app")]), "is not a network load balancer"),
        (dict(allowed_principals=["*", "123456789012"]), "write arn:aws:iam::<account>:root"),
        (dict(tags={"Name": "other"}), "Name is 'other' and name is 'hub'"),
        (dict(tags={"Team": None}), "tags: the tag Team has no value"),
        (dict(owner_tags={"Hub": None}), "owner_tags: the tag Hub has no value"),
    ],
)
def test_service_with_bad_parameters(wanted, says):
    found = service.problems({**WANTED, **wanted})
    assert len(found) == 1
    assert says in found[0]


def test_service_with_good_parameters():
    good = dict(
        network_load_balancer_arns=[NLB.format("a")],
        allowed_principals=["*", "arn:aws:iam::1:root"],
        tags={"Name": "hub"},
    )
    assert service.problems({**WANTED, **good}) == []
    assert service.problems({**WANTED, "name": None, "tags": {"Name": "x"}}) == []


ALL_STATES = (
    "pendingAcceptance",
    "pending",
    "available",
    "partial",
    "rejected",
    "failed",
    "expired",
    "deleting",
    "deleted",
)
CONNECTIONS = [dict(vpc_endpoint_id=f"vpce-{state}", state=state) for state in ALL_STATES]


@pytest.mark.parametrize(
    ("state", "by_id", "changing"),
    [
        ("accepted", True, ["pendingAcceptance", "rejected"]),
        ("accepted", False, ["pendingAcceptance"]),
        ("rejected", True, ["pendingAcceptance", "pending", "available", "partial"]),
        ("rejected", False, ["pendingAcceptance", "pending", "available", "partial"]),
    ],
)
def test_connections(state, by_id, changing):
    assert connection.reconcile(CONNECTIONS, state, by_id) == [f"vpce-{one}" for one in changing]


def test_connections_that_keep_a_service():
    assert [one["state"] for one in service.blocking(CONNECTIONS)] == list(ALL_STATES[:4])


@pytest.mark.parametrize(
    ("parameters", "says"),
    [
        (dict(service_id="hub"), "service_id: 'hub'"),
        (dict(vpc_endpoint_id="vpce-svc-0123"), "vpc_endpoint_id: 'vpce-svc-0123'"),
        (dict(owner_id="10737418240"), "in quotation marks"),
        (dict(owner_id="*"), "12 digits"),
    ],
)
def test_connection_with_bad_parameters(parameters, says):
    good = dict(service_id="vpce-svc-0123", vpc_endpoint_id=None, owner_id=None)
    found = connection.problems({**good, **parameters})
    assert len(found) == 1
    assert says in found[0]
    assert connection.problems({**good, "vpc_endpoint_id": "vpce-0123", "owner_id": "012345678901"}) == []
