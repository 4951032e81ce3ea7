"""What is decided about private endpoint rules, without an API."""

import pytest
from ansible_collections.lakehouse.onprem_tunnel.plugins.module_utils import _databricks_private_endpoint_rule as rules


@pytest.mark.parametrize(
    "name",
    ["db.corp.example", "a.b", "db-1.corp.example", "my_db.corp.example", "1.corp.example", f"{'a' * 63}.example"],
)
def test_good_domain_names(name):
    assert rules.domain_name_problem(name) is None


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("https://db.corp.example/x", "has a scheme; write db.corp.example"),
        ("jdbc:mysql://db.corp.example:3306", "has a scheme; write db.corp.example"),
        ("db.corp.example/x", "has a path; write db.corp.example"),
        ("db.corp.example:3306", "has a port; write db.corp.example"),
        ("10.0.0.10", "is an address; write a name"),
        ("fd00::10", "is an address; write a name"),
        ("[fd00::10]", "is an address; write a name"),
        ("*.corp.example", "has a wildcard; write each name"),
        ("DB.corp.example", "has upper-case letters; write db.corp.example"),
        ("db.corp.example.", "ends with a dot; write db.corp.example"),
        ("db", "has no domain; write the full name"),
        ("", "has no domain; write the full name"),
        ("-db.corp.example", "is no domain name"),
        ("db-.corp.example", "is no domain name"),
        ("db..example", "is no domain name"),
        ("db corp.example", "is no domain name"),
        ("dä.example", "is no domain name"),
        (f"{'a' * 64}.example", "is no domain name"),
        (".".join(["abcdefghi"] * 26), "is no domain name"),
    ],
)
def test_bad_domain_names(name, says):
    assert says in rules.domain_name_problem(name)


def test_every_bad_name_is_said():
    wrong = rules.domain_names_problems(["A.b", "*.b", "c.d"])
    assert [one.split(" ")[1] for one in wrong] == ["'A.b'", "'*.b'"]


def test_a_name_twice():
    assert rules.domain_names_problems(["a.b", "c.d", "a.b"]) == [
        "domain_names: 'a.b' is there more than once; write it once"
    ]


def test_how_many_names():
    names = [f"n{number}.example" for number in range(11)]
    assert rules.domain_names_problems(names[:10]) == []
    assert "there are 11 names, and a rule can have 10" in rules.domain_names_problems(names)[0]


@pytest.mark.parametrize(
    ("service", "good"),
    [
        ("com.amazonaws.vpce.eu-central-1.vpce-svc-0123456789abcdef0", True),
        ("com.amazonaws.vpce.us-gov-west-1.vpce-svc-0123456789abcdef0", True),
        ("com.amazonaws.eu-central-1.s3", False),
        ("com.amazonaws.vpce.eu-central-1.vpce-svc-0123/x", False),
        ("vpce-svc-0123456789abcdef0.eu-central-1.vpce.amazonaws.com", False),
        (" com.amazonaws.vpce.eu-central-1.vpce-svc-0123456789abcdef0", False),
    ],
)
def test_endpoint_services(service, good):
    assert (rules.ENDPOINT_SERVICE.fullmatch(service) is not None) is good


@pytest.mark.parametrize(
    ("existing", "wanted", "then"),
    [
        (["a", "b"], ["b", "a", "c"], ["a", "b", "c"]),
        (["a", "b"], ["c", "b"], ["b", "c"]),
        (["a"], ["c", "b"], ["c", "b"]),
    ],
)
def test_names_keep_their_order(existing, wanted, then):
    assert rules.in_stable_order(existing, wanted) == then


@pytest.mark.parametrize(
    ("region", "role"),
    [
        ("eu-central-1", "arn:aws:iam::565502421330:role/private-connectivity-role-eu-central-1"),
        ("us-gov-west-1", "arn:aws-us-gov:iam::347038500609:role/private-connectivity-role-us-gov-west-1"),
    ],
)
def test_principals(region, role):
    assert rules.private_connectivity_role(region).startswith(role)


@pytest.mark.parametrize(
    ("state", "endpoint", "has_endpoint", "is_established"),
    [
        ("CREATING", None, False, False),
        ("CREATING", "vpce-1", False, False),
        ("PENDING", None, False, False),
        ("PENDING", "vpce-1", True, False),
        ("ESTABLISHED", "vpce-1", True, True),
        ("ESTABLISHED", None, False, True),
        ("NEW", "vpce-1", False, False),
    ],
)
def test_how_far_it_is(state, endpoint, has_endpoint, is_established):
    rule = dict(connection_state=state, vpc_endpoint_id=endpoint)
    assert rules.has_reached(rule, "endpoint") is has_endpoint
    assert rules.has_reached(rule, "established") is is_established


def test_what_databricks_leaves_out():
    assert rules.to_result(dict(rule_id="x")) == dict(
        rule_id="x",
        network_connectivity_config_id=None,
        endpoint_service=None,
        domain_names=[],
        connection_state=None,
        vpc_endpoint_id=None,
        deactivated=False,
        error_message=None,
    )
