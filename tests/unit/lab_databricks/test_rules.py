"""Private endpoint rules: what they may be, and the way of their states."""

import pytest

from .conftest import NCCS, SERVICE, Caller, account_login

NAMES = ["crm.onprem.example"]
RULE = {"endpoint_service": SERVICE, "domain_names": NAMES}


@pytest.fixture
def rule(account, rules):
    """A rule's path; it is CREATING."""
    return f"{rules}/{account.call('POST', rules, RULE)['rule_id']}"


@pytest.fixture
def pending(account, rule):
    account.call("GET", rule)
    assert account.call("GET", rule)["connection_state"] == "PENDING"
    return rule


def state_of(account, rule):
    return account.call("GET", rule)["connection_state"]


def endpoint_of(account, rule):
    return account.call("GET", rule)["vpc_endpoint_id"]


@pytest.mark.parametrize(
    "service",
    [
        "com.amazonaws.eu-central-1.s3",
        "vpce-svc-0abc",
        "com.amazonaws.vpce.eu-central-1.vpce-0abc",
        "com.amazonaws.vpce.eu-central-1.vpce-svc-0xyz",
        "",
    ],
)
def test_an_endpoint_service_has_a_form(account, rules, service):
    refused = account.refused("POST", rules, {**RULE, "endpoint_service": service})
    assert refused[:2] == (400, "INVALID_PARAMETER_VALUE")


@pytest.mark.parametrize(
    "name",
    [
        "crm",
        "*.onprem.example",
        "https://crm.onprem.example",
        "crm.onprem.example:3306",
        "10.0.0.10",
        "fd00::1",
        "crm.onprem.example.",
        "-crm.onprem.example",
        "crm..example",
        "crm.example/x",
        f"{'a' * 64}.example",
        ".".join(["a" * 60] * 5),
        "",
    ],
)
def test_a_domain_name_is_an_exact_one(account, rules, rule, name):
    assert account.refused("POST", rules, {**RULE, "domain_names": [name]})[:2] == (400, "INVALID_PARAMETER_VALUE")
    refused = account.refused("PATCH", rule, {"domain_names": [name]}, update_mask="domain_names")
    assert refused[:2] == (400, "INVALID_PARAMETER_VALUE")


@pytest.mark.parametrize(("names", "code"), [
    ([], "INVALID_PARAMETER_VALUE"),
    (["a.example", "A.example"], "INVALID_PARAMETER_VALUE"),
    ([f"a{number}.example" for number in range(11)], "QUOTA_EXCEEDED"),
])  # fmt: skip
def test_the_names_are_one_to_ten_different_ones(account, rules, rule, names, code):
    assert account.refused("POST", rules, {**RULE, "domain_names": names})[:2] == (400, code)
    assert account.refused("PATCH", rule, {"domain_names": names}, update_mask="domain_names")[:2] == (400, code)


def test_there_is_room_for_ten(account, rules):
    names = [f"a{number}.example" for number in range(10)]
    assert account.call("POST", rules, {**RULE, "domain_names": names})["domain_names"] == names


def test_twice_the_same_makes_two(account, rules):
    for _ in range(2):
        account.call("POST", rules, RULE)
    assert len({one["rule_id"] for one in account.call("GET", rules)["items"]}) == 2


def test_a_region_has_room_for_thirty_over_all_nccs(stand_in, account, ncc, rules):
    other = stand_in.state.nccs.create("other", "eu-central-1")
    made = [stand_in.state.rules.create(one, SERVICE, NAMES) for one in (ncc, other) for _ in range(15)]
    assert account.refused("POST", rules, RULE)[:2] == (400, "QUOTA_EXCEEDED")
    elsewhere = stand_in.state.nccs.create("elsewhere", "eu-west-1")
    account.call("POST", f"{NCCS}/{elsewhere.id}/private-endpoint-rules", RULE)
    made[0].state, made[0].deactivated_at = "ESTABLISHED", 1
    assert account.call("POST", rules, RULE)["connection_state"] == "CREATING"


def test_it_is_creating_pending_and_established(stand_in, account, rule):
    first = account.call("GET", rule)
    assert first["connection_state"] == "CREATING" and "vpc_endpoint_id" not in first
    second = account.call("GET", rule)
    assert second["connection_state"] == "PENDING" and second["vpc_endpoint_id"] in stand_in.endpoints.states
    assert state_of(account, rule) == "PENDING"
    stand_in.endpoints.accept(second["vpc_endpoint_id"])
    third = account.call("GET", rule)
    assert third["connection_state"] == "ESTABLISHED" and third["vpc_endpoint_id"] == second["vpc_endpoint_id"]
    assert "error_message" not in third


def test_a_new_state_is_a_change_and_the_same_one_none(account, rule, monkeypatch):
    made = account.call("GET", rule)["updated_time"]
    seen = []
    for later in (1, 2):
        monkeypatch.setattr("lab.databricks.state.rules.now", lambda later=later: made + later)
        seen.append(account.call("GET", rule)["updated_time"])
    assert seen == [made + 1, made + 1]


def test_the_list_is_a_look_too_and_how_many_it_takes_can_be_set(start):
    stand_in = start(rule_states_per_look=3)
    account = Caller(account_login(stand_in))
    ncc = stand_in.state.nccs.create("onprem", "eu-central-1")
    rules = f"{NCCS}/{ncc.id}/private-endpoint-rules"
    account.call("POST", rules, RULE)
    seen = [account.call("GET", rules)["items"][0]["connection_state"] for _ in range(3)]
    assert seen == ["CREATING", "CREATING", "PENDING"]


def test_the_owner_rejects_it_and_changes_his_mind(stand_in, account, pending):
    endpoint = endpoint_of(account, pending)
    stand_in.endpoints.reject(endpoint)
    assert state_of(account, pending) == "REJECTED"
    stand_in.endpoints.accept(endpoint)
    assert state_of(account, pending) == "ESTABLISHED"


@pytest.mark.parametrize("how", ["reject", "delete"])
def test_the_owner_ends_one_that_is_established_for_good(stand_in, account, pending, how):
    endpoint = endpoint_of(account, pending)
    stand_in.endpoints.accept(endpoint)
    assert state_of(account, pending) == "ESTABLISHED"
    getattr(stand_in.endpoints, how)(endpoint)
    assert state_of(account, pending) == "DISCONNECTED"
    stand_in.endpoints.states[endpoint] = "available"
    assert state_of(account, pending) == "DISCONNECTED"


def test_a_service_that_is_not_there_is_found_out_late(stand_in, account, rule):
    stand_in.endpoints.services = set()
    assert state_of(account, rule) == "CREATING"
    failed = account.call("GET", rule)
    assert failed["connection_state"] == "CREATE_FAILED" and "vpc_endpoint_id" not in failed
    assert failed["error_message"] == f"The Vpc Endpoint Service '{SERVICE}' does not exist"
    stand_in.endpoints.services = None
    assert state_of(account, rule) == "CREATE_FAILED"


def test_so_is_one_of_another_region(account, rules):
    other = SERVICE.replace("eu-central-1", "us-east-1")
    made = account.call("POST", rules, {**RULE, "endpoint_service": other})
    account.call("GET", rules)
    failed = account.call("GET", f"{rules}/{made['rule_id']}")
    assert failed["connection_state"] == "CREATE_FAILED" and "us-east-1" in failed["error_message"]


@pytest.mark.parametrize(("fate", "message"), [("CREATE_FAILED", "no capacity"), ("EXPIRED", None)])
def test_fate_can_be_set(stand_in, account, rule, fate, message):
    stand_in.state.rules.set_fate(SERVICE, fate, message)
    account.call("GET", rule)
    seen = account.call("GET", rule)
    assert (seen["connection_state"], seen.get("error_message")) == (fate, message)


def test_not_just_any(stand_in):
    with pytest.raises(ValueError, match="ESTABLISHED"):
        stand_in.state.rules.set_fate(SERVICE, "ESTABLISHED")


def test_it_expires_while_it_is_pending(stand_in, account, pending):
    endpoint, rule_id = endpoint_of(account, pending), pending.rpartition("/")[2]
    stand_in.state.expire(rule_id)
    assert state_of(account, pending) == "EXPIRED" and endpoint not in stand_in.endpoints.states
    with pytest.raises(ValueError, match="the rule is EXPIRED"):
        stand_in.state.expire(rule_id)


def test_its_names_are_replaced_and_nothing_else(account, pending, monkeypatch):
    before = account.call("GET", pending)
    monkeypatch.setattr("lab.databricks.state.rules.now", lambda: before["updated_time"] + 1)
    after = account.call("PATCH", pending, {"domain_names": ["b.example"]}, update_mask="domain_names")
    assert after["updated_time"] == before["updated_time"] + 1
    assert {**after, "updated_time": 0} == {**before, "updated_time": 0, "domain_names": ["b.example"]}


@pytest.mark.parametrize(
    ("mask", "body", "text"),
    [
        (None, {"domain_names": ["b.example"]}, "Update mask must be specified."),
        ("", {"domain_names": ["b.example"]}, "Update mask must be specified."),
        ("endpoint_service", {"domain_names": ["b.example"]}, "Updating fields endpoint_service"),
        ("domain_names,enabled", {"domain_names": ["b.example"]}, "Updating fields enabled"),
        ("domain_names", {}, "'domain_names' is named in the update mask and not given"),
    ],
)
def test_the_mask_says_what_changes(account, rule, mask, body, text):
    refused = account.refused("PATCH", rule, body, **({} if mask is None else {"update_mask": mask}))
    assert refused[:2] == (400, "INVALID_PARAMETER_VALUE") and text in refused[2]
    assert account.call("GET", rule)["domain_names"] == NAMES


def test_a_field_beside_the_mask_is_refused(account, rule):
    body = {"domain_names": ["b.example"], "endpoint_service": SERVICE}
    assert account.refused("PATCH", rule, body, update_mask="domain_names")[:2] == (400, "MALFORMED_REQUEST")


def test_one_that_was_not_decided_on_is_deleted_at_once(stand_in, account, rules, pending):
    endpoint = endpoint_of(account, pending)
    assert account.call("DELETE", pending)["deactivated"] is False
    assert account.call("GET", rules) == {} and endpoint not in stand_in.endpoints.states
    assert account.refused("GET", pending)[:2] == (404, "RESOURCE_DOES_NOT_EXIST")


@pytest.mark.parametrize("fate", ["CREATE_FAILED", "EXPIRED", None])
def test_so_is_one_that_came_to_nothing(stand_in, account, rules, rule, fate):
    if fate:
        stand_in.state.rules.set_fate(SERVICE, fate)
        account.call("GET", rule)
    assert account.call("GET", rule)["connection_state"] == (fate or "CREATING")
    account.call("DELETE", rule)
    assert account.call("GET", rules) == {}


@pytest.mark.parametrize("decision", ["accept", "reject", "disconnect"])
def test_one_that_was_decided_on_is_deactivated_and_stays_listed(stand_in, account, rules, pending, decision):
    endpoint = endpoint_of(account, pending)
    if decision in ("accept", "disconnect"):
        stand_in.endpoints.accept(endpoint)
        state_of(account, pending)
    if decision in ("reject", "disconnect"):
        stand_in.endpoints.reject(endpoint)
    state = state_of(account, pending)
    deleted = account.call("DELETE", pending)
    assert (deleted["connection_state"], deleted["deactivated"]) == (state, True) and deleted["deactivated_at"] > 0
    assert account.call("GET", rules)["items"] == [deleted] == [account.call("DELETE", pending)]
    refused = account.refused("PATCH", pending, {"domain_names": ["b.example"]}, update_mask="domain_names")
    assert refused[:2] == (400, "INVALID_STATE")
    assert endpoint in stand_in.endpoints.states
    stand_in.state.remove_deactivated()
    assert account.call("GET", rules) == {} and endpoint not in stand_in.endpoints.states


def test_a_decision_that_nobody_has_seen_yet_counts(stand_in, account, pending):
    stand_in.endpoints.accept(endpoint_of(account, pending))
    stand_in.state.rules.by_id[pending.rpartition("/")[2]].state = "PENDING"
    assert account.call("DELETE", pending)["deactivated"] is True


def test_it_is_made_in_an_ncc_that_is_there(stand_in, account, ncc):
    refused = account.refused("POST", f"{NCCS}/nowhere/private-endpoint-rules", RULE)
    assert refused[:2] == (404, "RESOURCE_DOES_NOT_EXIST") and not stand_in.state.rules.by_id


def test_it_belongs_to_its_ncc(stand_in, account, rule):
    other = stand_in.state.nccs.create("other", "eu-central-1")
    elsewhere = f"{NCCS}/{other.id}/private-endpoint-rules"
    assert account.call("GET", elsewhere) == {}
    path = f"{elsewhere}/{rule.rpartition('/')[2]}"
    for method, body in (("GET", None), ("DELETE", None), ("PATCH", {"domain_names": NAMES})):
        assert account.refused(method, path, body)[:2] == (404, "RESOURCE_DOES_NOT_EXIST")


def test_only_endpoints_that_are_there_are_decided_on(stand_in):
    with pytest.raises(KeyError, match="vpce-0"):
        stand_in.endpoints.accept("vpce-0")
