"""The module databricks_ncc_private_endpoint_rule from nothing to nothing, and its _info twin."""

import pytest

REGION = "eu-central-1"
SERVICE = f"com.amazonaws.vpce.{REGION}.vpce-svc-0123456789abcdef0"
OTHER_SERVICE = f"com.amazonaws.vpce.{REGION}.vpce-svc-0fedcba9876543210"
SET_BY_DATABRICKS = ("rule_id", "connection_state", "vpc_endpoint_id")


def declared(rule):
    return {key: value for key, value in rule.items() if key not in SET_BY_DATABRICKS}


def test_from_nothing_to_nothing(rule_module, ncc, rules, stand_in, writes):
    checked = rule_module(check=True)
    assert checked["changed"] is True
    assert checked["rule"] == dict(
        rule_id=None,
        network_connectivity_config_id=ncc.id,
        endpoint_service=SERVICE,
        domain_names=["db.corp.example"],
        connection_state=None,
        vpc_endpoint_id=None,
        deactivated=False,
        error_message=None,
    )
    assert writes() == []

    made = rule_module()
    assert made["changed"] is True
    assert list(rules) == [made["rule"]["rule_id"]]
    assert made["rule"]["connection_state"] == "PENDING"
    assert made["rule"]["vpc_endpoint_id"] in stand_in.endpoints.states
    assert declared(made["rule"]) == declared(checked["rule"])
    assert made["diff"] == checked["diff"] == dict(before={}, after=checked["rule"])

    for again in (rule_module(), rule_module(check=True), rule_module(wait_for="nothing")):
        assert again["changed"] is False
        assert again["rule"] == made["rule"]
        assert again["diff"]["before"] == again["diff"]["after"]

    stand_in.endpoints.accept(made["rule"]["vpc_endpoint_id"])
    established = rule_module(wait_for="established")
    assert established["changed"] is False
    assert established["rule"] == dict(made["rule"], connection_state="ESTABLISHED")

    more = ["pg.corp.example", "db.corp.example"]
    checked = rule_module(check=True, domain_names=more)
    assert checked["changed"] is True
    assert [method for method, _path in writes()] == ["POST"]
    updated = rule_module(domain_names=more)
    assert updated["changed"] is True
    assert updated["rule"] == checked["rule"]
    assert updated["diff"] == checked["diff"]
    assert updated["diff"]["before"]["domain_names"] == ["db.corp.example"]
    assert updated["rule"]["domain_names"] == ["db.corp.example", "pg.corp.example"]  # what is there keeps its place
    assert rules[made["rule"]["rule_id"]].domain_names == updated["rule"]["domain_names"]
    for names in (more, more[::-1]):
        assert rule_module(domain_names=names)["changed"] is False
    fewer = rule_module(domain_names=["pg.corp.example"])
    assert fewer["rule"]["domain_names"] == ["pg.corp.example"]

    checked = rule_module(check=True, state="absent")
    assert checked["changed"] is True
    assert not rules[made["rule"]["rule_id"]].deactivated
    removed = rule_module(state="absent")
    assert removed["changed"] is True
    assert removed["rule"] == {}
    assert removed["diff"] == checked["diff"] == dict(before=fewer["rule"], after={})
    assert rules[made["rule"]["rule_id"]].deactivated
    assert rule_module(state="absent")["changed"] is False
    assert rule_module(state="absent", check=True)["changed"] is False
    assert [method for method, _path in writes()] == ["POST", "PATCH", "PATCH", "DELETE"]


def test_a_deactivated_rule_counts_as_absent(rule_module, rules, deactivated_rule):
    made = rule_module()
    assert made["changed"] is True
    assert made["rule"]["rule_id"] != deactivated_rule.id
    assert len(rules) == 2
    assert rule_module()["changed"] is False


def test_absent_without_the_ncc_or_the_names(rule_module, nccs):
    assert rule_module(state="absent", domain_names=None)["changed"] is False
    nccs.clear()
    assert rule_module(state="absent")["changed"] is False


@pytest.mark.parametrize("check", [True, False])
def test_no_such_ncc(rule_module, ncc, nccs, check):
    nccs.clear()
    assert f"There is no NCC {ncc.id} in this account" in rule_module(check=check)["msg"]


@pytest.mark.parametrize(
    ("params", "says"),
    [
        (dict(network_connectivity_config_id=None), "missing required arguments: network_connectivity_config_id"),
        (dict(network_connectivity_config_id="onprem"), "'onprem' is no NCC's id"),
        (dict(network_connectivity_config_id=""), "network_connectivity_config_id: '' is no NCC's id"),  # null, too
        (dict(endpoint_service=None), "missing required arguments: endpoint_service"),
        (
            dict(endpoint_service="vpce-svc-0123"),
            "endpoint_service: 'vpce-svc-0123' is no endpoint service's name; write",
        ),
        (dict(domain_names=None), "state is present but all of the following are missing: domain_names"),
        (dict(domain_names=[]), "domain_names: the list is empty; write a name"),
        (dict(wait_timeout=-1), "wait_timeout: -1 is no number of seconds; write 0 or more"),
    ],
)
@pytest.mark.parametrize("check", [True, False])
def test_bad_input(rule_module, stand_in, check, params, says):
    failed = rule_module(check=check, **params)
    assert failed["failed"] is True
    assert says in failed["msg"]
    assert stand_in.requests == []


@pytest.mark.parametrize("check", [True, False])
def test_another_region(rule_module, writes, check):
    failed = rule_module(check=check, endpoint_service="com.amazonaws.vpce.us-east-1.vpce-svc-0123456789abcdef0")
    assert "is in us-east-1, and the NCC 'onprem' in eu-central-1" in failed["msg"]
    assert "NCC of the endpoint service's region" in failed["hint"]
    assert writes() == []


@pytest.mark.parametrize("check", [True, False])
def test_a_region_that_is_full(rule_module, stand_in, ncc, writes, check, make_rule, deactivated_rule):
    state = stand_in.state
    other = state.nccs.create("other", REGION)
    far = state.nccs.create("far", "us-east-1")
    for number in range(29):
        state.rules.create(ncc if number % 2 else other, f"{OTHER_SERVICE}{number:02}", ["a.b"])
    state.rules.create(far, OTHER_SERVICE.replace(REGION, "us-east-1"), ["a.b"])
    assert rule_module(check=True)["changed"] is True
    state.rules.create(other, OTHER_SERVICE, ["a.b"])
    failed = rule_module(check=check)
    assert f"{REGION} has 30 private endpoint rules, and an account can have 30" in failed["msg"]
    assert "one endpoint service" in failed["hint"]
    assert writes() == []


def test_a_replaced_rule_makes_room(rule_module, stand_in, ncc, make_rule):
    make_rule("REJECTED")
    for number in range(29):
        stand_in.state.rules.create(ncc, f"{OTHER_SERVICE}{number:02}", ["a.b"])
    assert rule_module(replace_failed=True)["changed"] is True


# --- several rules for one endpoint service ------------------------------------------------------------------------


@pytest.mark.parametrize("check", [True, False])
def test_several(rule_module, make_rule, rules, writes, check):
    ids = [make_rule().id for _number in range(2)]
    failed = rule_module(check=check)
    assert f"lead to {SERVICE}: {ids[0]} (PENDING), {ids[1]} (PENDING)" in failed["msg"]
    assert "state: absent" in failed["hint"]
    assert writes() == []
    removed = rule_module(check=check, state="absent")
    assert removed["changed"] is True
    assert [rule["rule_id"] for rule in removed["diff"]["before"]["rules"]] == ids
    assert list(rules) == (ids if check else [])


def test_made_by_two_at_the_same_moment(rule_module, stand_in, rules, monkeypatch):
    make = stand_in.state.rules.create
    monkeypatch.setattr(stand_in.state.rules, "create", lambda *args: [make(*args), make(*args)][0])
    failed = rule_module()
    assert "Several rules of this NCC lead to" in failed["msg"]
    assert all(one in failed["msg"] for one in rules)


def test_rules_to_others_are_left_alone(rule_module, make_rule, rules):
    other = make_rule(endpoint_service=OTHER_SERVICE)
    assert rule_module()["changed"] is True
    assert rule_module(state="absent")["changed"] is True
    assert list(rules) == [other.id]


# --- faults on the way ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["applied_then_reset", "unavailable", "rate_limited"])
def test_made_once(rule_module, stand_in, rules, kind):
    stand_in.faults.add("POST", "/private-endpoint-rules$", kind)
    made = rule_module()
    assert made["changed"] is True
    assert list(rules) == [made["rule"]["rule_id"]]
    assert rule_module()["changed"] is False


def test_made_once_although_the_answer_comes_too_late(rule_module, stand_in, rules):
    stand_in.faults.add("POST", "/private-endpoint-rules$", "applied_then_timeout", seconds=1.5)
    made = rule_module(http_timeout=1)
    assert made["changed"] is True
    assert list(rules) == [made["rule"]["rule_id"]]


@pytest.mark.parametrize("kind", ["reset", "login_page", "bad_gateway", "internal_error"])
def test_who_knows(rule_module, stand_in, rules, kind):
    stand_in.faults.add("POST", "/private-endpoint-rules$", kind)
    failed = rule_module()
    assert "run again, which looks before it makes one" in failed["hint"]
    assert rules == {}
    assert rule_module()["changed"] is True
    assert len(rules) == 1


@pytest.mark.parametrize("kind", ["applied_then_reset", "reset", "bad_gateway", "unavailable"])
def test_changed_and_deleted_once(rule_module, stand_in, make_rule, rules, kind):
    rule = make_rule()
    stand_in.faults.add("PATCH", rule.id, kind)
    assert rule_module(domain_names=["a.corp.example"])["rule"]["domain_names"] == ["a.corp.example"]
    stand_in.faults.add("DELETE", rule.id, kind)
    assert rule_module(state="absent")["changed"] is True
    assert rules == {}


# --- waiting -------------------------------------------------------------------------------------------------------


def test_waits_for_the_endpoint(rule_module, stand_in, clock):
    stand_in.state.rules.looks_until_pending = 5
    assert rule_module()["rule"]["connection_state"] == "PENDING"
    assert clock.slept == [5, 5, 5]


def test_waits_for_nothing(rule_module, clock):
    made = rule_module(wait_for="nothing")
    assert made["rule"]["connection_state"] == "CREATING"
    assert made["rule"]["vpc_endpoint_id"] is None
    assert clock.slept == []


def test_waits_until_it_is_established(rule_module, stand_in, clock, rules):
    def accept():
        if clock.now >= 60:
            stand_in.endpoints.accept(next(iter(rules.values())).vpc_endpoint_id)

    clock.on_sleep = accept
    assert rule_module(wait_for="established")["rule"]["connection_state"] == "ESTABLISHED"
    assert clock.now == 60


def test_nobody_accepts_it(rule_module, rules, clock):
    failed = rule_module(wait_for="established", wait_timeout=30)
    rule = next(iter(rules.values()))
    assert f"The rule {rule.id} to {SERVICE} is PENDING after 30 s" in failed["msg"]
    assert f"accept its endpoint {rule.vpc_endpoint_id} with aws_vpc_endpoint_connection" in failed["hint"]
    assert clock.now == 30


def test_no_endpoint_in_time(rule_module, stand_in, rules):
    stand_in.state.rules.looks_until_pending = 100
    failed = rule_module(wait_timeout=30)
    assert "is CREATING after 30 s" in failed["msg"]
    assert "raise wait_timeout" in failed["hint"]
    stand_in.state.rules.looks_until_pending = 2
    assert rule_module(wait_timeout=30)["changed"] is False
    assert len(rules) == 1


def test_check_mode_does_not_wait(rule_module, make_rule, clock):
    make_rule("CREATING")
    assert rule_module(check=True, wait_for="established")["rule"]["connection_state"] == "CREATING"
    assert clock.slept == []


def test_a_state_that_is_new_to_us(rule_module, stand_in, make_rule, clock):
    rule = make_rule()
    rule.vpc_endpoint_id, rule.state = None, "MIGRATING"
    unchanged = rule_module(wait_for="nothing")
    assert unchanged["changed"] is False
    assert unchanged["rule"]["connection_state"] == "MIGRATING"
    assert "is MIGRATING after 20 s" in rule_module(wait_timeout=20)["msg"]


@pytest.mark.parametrize("deactivated", [True, False])
def test_deleted_while_it_waits(rule_module, stand_in, rules, clock, deactivated):
    stand_in.state.rules.looks_until_pending = 100

    def delete():
        for rule in list(rules.values()):
            rule.deactivated_at = 1
            if not deactivated:
                rules.clear()

    clock.on_sleep = delete
    failed = rule_module()
    assert "is gone: somebody else deletes it" in failed["msg"]


def test_deleted_while_it_is_changed(rule_module, stand_in, make_rule, rules, monkeypatch):
    make_rule()
    monkeypatch.setattr(stand_in.state.rules, "set_domain_names", lambda *_: rules.clear())
    failed = rule_module(domain_names=["a.corp.example"], wait_for="nothing")
    assert "is gone: somebody else deletes it" in failed["msg"]


def test_rejected_while_it_waits(rule_module, stand_in, rules, clock):
    def reject():
        stand_in.endpoints.reject(next(iter(rules.values())).vpc_endpoint_id)

    clock.on_sleep = reject
    failed = rule_module(wait_for="established")
    assert "is REJECTED; " in failed["msg"]
    assert clock.slept == [5]


# --- rules that failed ---------------------------------------------------------------------------------------------

HINTS = {
    "REJECTED": "owner rejected its endpoint",
    "EXPIRED": "not accepted within 14 days",
    "DISCONNECTED": "was deleted",
    "CREATE_FAILED": f"arn:aws:iam::565502421330:role/private-connectivity-role-{REGION}",
}


@pytest.mark.parametrize("state", HINTS)
@pytest.mark.parametrize("check", [True, False])
@pytest.mark.parametrize("wait_for", ["nothing", "endpoint"])
def test_failed(rule_module, make_rule, writes, state, check, wait_for):
    rule = make_rule(state)
    failed = rule_module(check=check, wait_for=wait_for)
    said = ": why" if state == "CREATE_FAILED" else ""
    assert f"The rule {rule.id} to {SERVICE} is {state}{said}; " in failed["msg"]
    assert HINTS[state] in failed["hint"]
    assert "replace_failed: true" in failed["hint"]
    assert ("accept the new endpoint with aws_vpc_endpoint_connection" in failed["hint"]) is (state != "CREATE_FAILED")
    assert writes() == []


@pytest.mark.parametrize("state", HINTS)
def test_failed_is_replaced(rule_module, make_rule, rules, writes, state):
    rule = make_rule(state)
    checked = rule_module(check=True, replace_failed=True)
    assert checked["changed"] is True
    assert checked["rule"]["rule_id"] is None
    assert checked["diff"]["before"]["connection_state"] == state
    assert list(rules) == [rule.id]
    assert writes() == []

    replaced = rule_module(replace_failed=True)
    assert replaced["changed"] is True
    assert replaced["diff"] == checked["diff"]
    assert replaced["rule"]["rule_id"] != rule.id
    assert replaced["rule"]["connection_state"] == "PENDING"
    assert rule.id not in rules or rule.deactivated
    assert rule_module(replace_failed=True)["changed"] is False


@pytest.mark.parametrize("state", ["CREATING", "PENDING", "ESTABLISHED"])
def test_what_has_not_failed_is_not_replaced(rule_module, make_rule, rules, state):
    rule = make_rule(state)
    assert rule_module(replace_failed=True)["changed"] is False
    assert list(rules) == [rule.id]


def test_replaced_once(rule_module, make_rule, stand_in, rules, monkeypatch):
    """The list may have the old one still when the new one is looked for."""
    rule = make_rule("REJECTED")
    stand_in.faults.add("POST", "/private-endpoint-rules$", "unavailable")
    monkeypatch.setattr(stand_in.state.rules, "delete", lambda _rule: None)
    made = rule_module(replace_failed=True)
    assert list(rules) == [rule.id, made["rule"]["rule_id"]]


def test_creating_fails(rule_module, stand_in, rules):
    stand_in.endpoints.services = set()
    failed = rule_module()
    assert "is CREATE_FAILED: The Vpc Endpoint Service" in failed["msg"]
    assert "allow the principal" in failed["hint"]
    stand_in.endpoints.services = None
    assert rule_module(replace_failed=True)["rule"]["connection_state"] == "PENDING"
    assert len(rules) == 1


# --- databricks_ncc_private_endpoint_rule_info ---------------------------------------------------------------------


def test_info(rule_info, rule_module, ncc, make_rule, deactivated_rule, writes):
    rule = make_rule(endpoint_service=OTHER_SERVICE)
    found = rule_info(network_connectivity_config_id=ncc.id)
    assert found["changed"] is False
    assert [one["rule_id"] for one in found["rules"]] == [rule.id]
    assert found["rules"][0] == rule_module(endpoint_service=OTHER_SERVICE)["rule"]
    everything = rule_info(check=True, network_connectivity_config_id=ncc.id, include_deactivated=True)["rules"]
    assert [(one["rule_id"], one["deactivated"]) for one in everything] == [
        (deactivated_rule.id, True),
        (rule.id, False),
    ]
    some = rule_info(network_connectivity_config_id=ncc.id, endpoint_service=SERVICE, include_deactivated=True)
    assert [one["rule_id"] for one in some["rules"]] == [deactivated_rule.id]
    assert writes() == []


def test_info_fails_as_the_others(rule_info, ncc, nccs):
    assert "'x' is no NCC's id" in rule_info(network_connectivity_config_id="x")["msg"]
    nccs.clear()
    assert "There is no NCC" in rule_info(network_connectivity_config_id=ncc.id)["msg"]
