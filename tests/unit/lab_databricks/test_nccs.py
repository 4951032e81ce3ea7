import pytest

from .conftest import NCCS, SERVICE, Caller, account_login

IN_FRANKFURT = {"name": "onprem", "region": "eu-central-1"}


@pytest.mark.parametrize("name", ["ab", "a" * 31, "on prem", "on.prem", "", "näher"])
def test_a_name_has_a_pattern(account, name):
    assert account.refused("POST", NCCS, {**IN_FRANKFURT, "name": name})[:2] == (400, "INVALID_PARAMETER_VALUE")


@pytest.mark.parametrize("name", ["abc", "a" * 30, "On_prem-1"])
def test_and_these_have_it(account, name):
    assert account.call("POST", NCCS, {**IN_FRANKFURT, "name": name})["name"] == name


@pytest.mark.parametrize("region", ["frankfurt", "eu-central", "eu-central-1a"])
def test_a_region_looks_like_one(account, region):
    assert account.refused("POST", NCCS, {**IN_FRANKFURT, "region": region})[:2] == (400, "INVALID_PARAMETER_VALUE")


def test_a_second_one_of_the_same_name_is_another(account):
    first, second = (account.call("POST", NCCS, IN_FRANKFURT) for _ in range(2))
    assert first["network_connectivity_config_id"] != second["network_connectivity_config_id"]
    assert [item["name"] for item in account.call("GET", NCCS)["items"]] == ["onprem", "onprem"]


def test_a_region_has_room_for_ten(stand_in, account):
    for number in range(10):
        stand_in.state.nccs.create(f"ncc-{number}", "eu-central-1")
    assert account.refused("POST", NCCS, IN_FRANKFURT)[:2] == (400, "QUOTA_EXCEEDED")
    assert account.call("POST", NCCS, {**IN_FRANKFURT, "region": "us-gov-west-1"})["region"] == "us-gov-west-1"


def test_it_repeats_its_rules(stand_in, account, ncc):
    rule = stand_in.state.rules.create(ncc, SERVICE, ["a.example"])
    seen = account.call("GET", f"{NCCS}/{ncc.id}")
    repeated = seen["egress_config"]["target_rules"]["aws_private_endpoint_rules"]
    assert [(one["rule_id"], one["domain_names"]) for one in repeated] == [(rule.id, ["a.example"])]
    assert rule.looks == 0, "only reading the rules themselves is a look at them"


def test_there_is_no_other(account):
    for method, path in (("GET", ""), ("DELETE", ""), ("GET", "/private-endpoint-rules")):
        assert account.refused(method, f"{NCCS}/nowhere{path}")[:2] == (404, "RESOURCE_DOES_NOT_EXIST")


def test_it_is_deleted_when_it_is_empty(stand_in, account, ncc):
    rule = stand_in.state.rules.create(ncc, SERVICE, ["a.example"])
    refused = account.refused("DELETE", f"{NCCS}/{ncc.id}")
    assert refused[:2] == (400, "INVALID_STATE") and "one or more private endpoint rules" in refused[2]
    stand_in.state.rules.delete(rule)
    analytics = stand_in.state.workspaces.by_name["analytics"]
    stand_in.state.workspaces.attach(analytics, ncc)
    refused = account.refused("DELETE", f"{NCCS}/{ncc.id}")
    assert refused[:2] == (400, "INVALID_STATE") and "one or more workspaces" in refused[2]
    stand_in.state.workspaces.attach(analytics, stand_in.state.nccs.create("other", "eu-central-1"))
    assert account.call("DELETE", f"{NCCS}/{ncc.id}") == {}
    assert ncc.id not in stand_in.state.nccs.by_id


@pytest.mark.parametrize("holds", [True, False])
def test_deactivated_rules_may_hold_it(start, holds):
    stand_in = start(deactivated_rules_hold_ncc=holds)
    ncc = stand_in.state.nccs.create("onprem", "eu-central-1")
    rule = stand_in.state.rules.create(ncc, SERVICE, ["a.example"])
    rule.state, rule.deactivated_at = "ESTABLISHED", 1
    account = Caller(account_login(stand_in))
    if holds:
        assert account.refused("DELETE", f"{NCCS}/{ncc.id}")[:2] == (400, "INVALID_STATE")
        stand_in.state.remove_deactivated()
    assert account.call("DELETE", f"{NCCS}/{ncc.id}") == {}
