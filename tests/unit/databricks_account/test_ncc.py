"""The module databricks_ncc from nothing to nothing, and databricks_ncc_info."""

import pytest

WANTED = dict(name="onprem-prod", region="eu-central-1")
ID = "d69a253c-4e39-48ea-9a90-230d928d1b4a"


def test_from_nothing_to_nothing(ncc_module, nccs, writes):
    checked = ncc_module(check=True, **WANTED)
    assert checked["changed"] is True
    assert checked["ncc"] == dict(WANTED, network_connectivity_config_id=None, creation_time=None, updated_time=None)
    assert writes() == []

    made = ncc_module(**WANTED)
    assert made["changed"] is True
    assert list(nccs) == [made["ncc"]["network_connectivity_config_id"]]
    assert {key: made["ncc"][key] for key in WANTED} == WANTED
    assert isinstance(made["ncc"]["creation_time"], int)
    assert made["diff"] == dict(before={}, after=made["ncc"])

    for again in (ncc_module(**WANTED), ncc_module(check=True, **WANTED), ncc_module(name="onprem-prod")):
        assert again["changed"] is False
        assert again["ncc"] == made["ncc"]
        assert again["diff"]["before"] == again["diff"]["after"]

    checked = ncc_module(check=True, state="absent", **WANTED)
    assert checked["changed"] is True
    assert len(nccs) == 1
    removed = ncc_module(state="absent", **WANTED)
    assert removed["changed"] is True
    assert removed["ncc"] == {}
    assert removed["diff"] == checked["diff"] == dict(before=made["ncc"], after={})
    assert nccs == {}
    assert ncc_module(state="absent", **WANTED)["changed"] is False
    assert ncc_module(check=True, state="absent", **WANTED)["changed"] is False
    assert [method for method, _path in writes()] == ["POST", "DELETE"]


def test_by_id(ncc_module, nccs, ncc):
    assert ncc_module(network_connectivity_config_id=ncc.id)["ncc"]["name"] == "onprem"
    assert ncc_module(network_connectivity_config_id=ncc.id, state="absent")["changed"] is True
    assert nccs == {}
    assert ncc_module(network_connectivity_config_id=ncc.id, state="absent")["changed"] is False
    failed = ncc_module(network_connectivity_config_id=ncc.id)
    assert f"There is no NCC {ncc.id} in this account" in failed["msg"]


@pytest.mark.parametrize(
    ("params", "says"),
    [
        (dict(), "one of the following is required: name, network_connectivity_config_id"),
        (dict(name="onprem-prod", network_connectivity_config_id=ID), "mutually exclusive"),
        (dict(region="eu-central-1", network_connectivity_config_id=ID), "mutually exclusive"),
        (dict(name="onprem-prod"), "There is no NCC 'onprem-prod', and region is required to make it"),
        (dict(name="ab", region="eu-central-1"), "name: 'ab' is no NCC's name; write 3 to 30 letters"),
        (dict(name="a" * 31, region="eu-central-1"), "is no NCC's name"),
        (dict(name="on prem", region="eu-central-1"), "name: 'on prem' is no NCC's name"),
        (dict(name="onprem", region="Frankfurt"), "region: 'Frankfurt' is no AWS region; write it as in eu-central-1"),
        (
            dict(network_connectivity_config_id="onprem"),
            "network_connectivity_config_id: 'onprem' is no NCC's id; write",
        ),
        (dict(network_connectivity_config_id=""), "network_connectivity_config_id: '' is no NCC's id; write"),
    ],
)
@pytest.mark.parametrize("check", [True, False])
def test_bad_input(ncc_module, writes, check, params, says):
    failed = ncc_module(check=check, **params)
    assert failed["failed"] is True
    assert says in failed["msg"]
    assert writes() == []


def test_every_problem_is_said_at_once(ncc_module, stand_in):
    failed = ncc_module(name="?", region="?")
    assert "name: '?'" in failed["msg"]
    assert "region: '?'" in failed["msg"]
    assert stand_in.requests == []


@pytest.mark.parametrize("state", ["present", "absent"])
def test_two_of_one_name_and_region(ncc_module, stand_in, writes, state):
    ids = [stand_in.state.nccs.create("onprem-prod", "eu-central-1").id for _number in range(2)]
    failed = ncc_module(state=state, **WANTED)
    assert failed["failed"] is True
    assert all(one in failed["msg"] for one in ids)
    assert "give the network_connectivity_config_id of the one that is meant" in failed["hint"]
    assert writes() == []


def test_one_of_the_name_in_another_region(ncc_module, stand_in, writes):
    other = stand_in.state.nccs.create("onprem-prod", "us-east-1")
    failed = ncc_module(**WANTED)
    assert f"'onprem-prod' ({other.id}) is in us-east-1, not in eu-central-1" in failed["msg"]
    assert writes() == []


def test_the_one_of_the_region_is_meant(ncc_module, stand_in):
    stand_in.state.nccs.create("onprem-prod", "us-east-1")
    here = stand_in.state.nccs.create("onprem-prod", "eu-central-1")
    assert ncc_module(**WANTED)["ncc"]["network_connectivity_config_id"] == here.id
    assert "Several NCCs have the name" in ncc_module(name="onprem-prod")["msg"]


@pytest.mark.parametrize("check", [True, False])
def test_a_region_that_is_full(ncc_module, stand_in, writes, check):
    for number in range(10):
        stand_in.state.nccs.create(f"ncc-{number}", "eu-central-1")
    failed = ncc_module(check=check, **WANTED)
    assert "eu-central-1 has 10 NCCs (ncc-0, " in failed["msg"]
    assert writes() == []
    assert ncc_module(check=check, name="onprem-prod", region="us-east-1")["changed"] is True


def test_made_by_two_at_the_same_moment(ncc_module, stand_in, nccs, monkeypatch):
    make = stand_in.state.nccs.create
    monkeypatch.setattr(stand_in.state.nccs, "create", lambda name, region: [make(name, region), make(name, region)][0])
    failed = ncc_module(**WANTED)
    assert "Several NCCs have the name 'onprem-prod'" in failed["msg"]
    assert all(one in failed["msg"] for one in nccs)


@pytest.mark.parametrize("kind", ["applied_then_reset", "unavailable", "rate_limited"])
def test_faults_on_the_way(ncc_module, stand_in, nccs, kind):
    stand_in.faults.add("POST", "/network-connectivity-configs$", kind)
    made = ncc_module(**WANTED)
    assert made["changed"] is True
    assert list(nccs) == [made["ncc"]["network_connectivity_config_id"]]
    assert ncc_module(**WANTED)["changed"] is False


def test_no_account_admin(ncc_module):
    failed = ncc_module(client_id="plain-client", client_secret="plain-secret-of-the-stand-in", **WANTED)
    assert failed["error_code"] == "PERMISSION_DENIED"
    assert failed["status_code"] == 403
    assert "account admin" in failed["hint"]
    assert failed["hint"] in failed["msg"]


# --- deleting ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("check", [True, False])
def test_not_while_it_has_rules(ncc_module, ncc, make_rule, nccs, writes, check):
    rule = make_rule()
    failed = ncc_module(check=check, name="onprem", state="absent")
    assert f"{rule.id} to {rule.endpoint_service}" in failed["msg"]
    assert "databricks_ncc_private_endpoint_rule and state: absent" in failed["hint"]
    assert list(nccs) == [ncc.id]
    assert writes() == []


@pytest.mark.parametrize("check", [True, False])
def test_not_while_it_is_attached(ncc_module, ncc, stand_in, nccs, writes, check):
    stand_in.state.workspaces.attach(stand_in.state.workspaces.by_name["analytics"], ncc)
    failed = ncc_module(check=check, name="onprem", state="absent")
    assert "is attached to analytics (1234567890)" in failed["msg"]
    assert "databricks_workspace_ncc and force: true" in failed["hint"]
    assert list(nccs) == [ncc.id]
    assert writes() == []


def test_others_are_no_reason(ncc_module, ncc, stand_in, make_rule):
    other = stand_in.state.nccs.create("other", "eu-central-1")
    make_rule(of=other)
    stand_in.state.workspaces.attach(stand_in.state.workspaces.by_name["analytics"], other)
    assert ncc_module(name="onprem", state="absent")["changed"] is True


def test_deactivated_rules_may_hold_it(ncc_module, ncc, stand_in, deactivated_rule, nccs):
    failed = ncc_module(name="onprem", state="absent")
    assert failed["error_code"] == "INVALID_STATE"
    assert "keeps a deleted rule for up to 7 days" in failed["hint"]
    stand_in.state.remove_deactivated()
    assert ncc_module(name="onprem", state="absent")["changed"] is True
    assert nccs == {}


def test_deleted_by_somebody_else_at_the_same_moment(ncc_module, ncc, stand_in, nccs, monkeypatch):
    attached_to = stand_in.state.workspaces.attached_to

    def delete_first(ncc_id):
        nccs.pop(ncc_id)
        return attached_to(ncc_id)

    monkeypatch.setattr(stand_in.state.workspaces, "attached_to", delete_first)
    assert ncc_module(name="onprem", state="absent")["changed"] is True


# --- databricks_ncc_info -------------------------------------------------------------------------------------------


def test_info(ncc_info, ncc, stand_in, writes):
    other = stand_in.state.nccs.create("other", "ap-south-1")
    stand_in.state.workspaces.attach(stand_in.state.workspaces.by_name["analytics"], ncc)
    found = ncc_info()
    assert found["changed"] is False
    assert [one["network_connectivity_config_id"] for one in found["nccs"]] == [other.id, ncc.id]
    assert found["nccs"][0]["workspaces"] == []
    assert found["nccs"][1] == dict(
        network_connectivity_config_id=ncc.id,
        name="onprem",
        region="eu-central-1",
        creation_time=ncc.creation_time,
        updated_time=ncc.creation_time,
        workspaces=[dict(workspace_id="1234567890", workspace_name="analytics")],
    )
    assert writes() == []


@pytest.mark.parametrize(
    ("params", "names"),
    [
        (dict(name="onprem"), ["onprem"]),
        (dict(region="ap-south-1"), ["other"]),
        (dict(name="onprem", region="ap-south-1"), []),
        (dict(network_connectivity_config_id=ID), []),
    ],
)
def test_info_of_some(ncc_info, ncc, stand_in, params, names):
    stand_in.state.nccs.create("other", "ap-south-1")
    assert [one["name"] for one in ncc_info(check=True, **params)["nccs"]] == names
    assert ncc_info(network_connectivity_config_id=ncc.id)["nccs"][0]["name"] == "onprem"


def test_info_fails_as_the_others(ncc_info):
    assert "no AWS region" in ncc_info(region="Frankfurt")["msg"]
    assert ncc_info(client_secret="wrong")["error_code"] == "UNAUTHENTICATED"
