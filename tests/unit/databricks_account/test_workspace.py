"""The module databricks_workspace_ncc."""

import pytest
from databricks_in_process import World

from lab.databricks.world import Workspace

ID = "d69a253c-4e39-48ea-9a90-230d928d1b4a"


@pytest.fixture
def world():
    workspaces = {
        "analytics": Workspace(1234567890),
        "analytics-dev": Workspace(1234567891),
        "far": Workspace(77, region="us-east-1"),
    }
    return World(workspaces=workspaces)


@pytest.fixture
def analytics(stand_in):
    return stand_in.state.workspaces.by_name["analytics"]


def test_from_nothing(workspace_module, ncc, analytics, writes):
    wanted = dict(workspace_name="analytics", network_connectivity_config_id=ncc.id)
    checked = workspace_module(check=True, **wanted)
    assert checked["changed"] is True
    assert analytics.ncc_id is None
    assert writes() == []

    attached = workspace_module(**wanted)
    assert attached["changed"] is True
    assert analytics.ncc_id == ncc.id
    assert attached["workspace"] == checked["workspace"]
    assert attached["workspace"] == dict(
        workspace_id="1234567890",
        workspace_name="analytics",
        aws_region="eu-central-1",
        workspace_status="RUNNING",
        network_connectivity_config_id=ncc.id,
    )
    assert attached["diff"] == checked["diff"]
    assert attached["diff"]["before"] == dict(attached["workspace"], network_connectivity_config_id=None)

    for again in (
        workspace_module(**wanted),
        workspace_module(check=True, **wanted),
        workspace_module(workspace_id=1234567890, network_connectivity_config_id=ncc.id),
    ):
        assert again["changed"] is False
        assert again["workspace"] == attached["workspace"]
        assert again["diff"]["before"] == again["diff"]["after"]
    assert writes() == [("PATCH", "1234567890")]


@pytest.mark.parametrize("check", [True, False])
def test_another_is_not_replaced(workspace_module, ncc, stand_in, analytics, writes, check):
    other = stand_in.state.nccs.create("other", "eu-central-1")
    stand_in.state.workspaces.attach(analytics, other)
    wanted = dict(workspace_id="1234567890", network_connectivity_config_id=ncc.id)
    failed = workspace_module(check=check, **wanted)
    assert f"analytics (1234567890) has the NCC 'other' ({other.id}), which would be replaced" in failed["msg"]
    assert "force: true" in failed["hint"]
    assert writes() == []
    replaced = workspace_module(check=check, force=True, **wanted)
    assert replaced["changed"] is True
    assert replaced["workspace"]["network_connectivity_config_id"] == ncc.id
    assert replaced["diff"]["before"]["network_connectivity_config_id"] == other.id
    assert analytics.ncc_id == (other.id if check else ncc.id)


@pytest.mark.parametrize(
    ("params", "says"),
    [
        (dict(), "one of the following is required: workspace_id, workspace_name"),
        (dict(workspace_id="1", workspace_name="a"), "mutually exclusive"),
        (dict(workspace_id="analytics"), "workspace_id: 'analytics' is no workspace's id; write the number after ?o="),
        (dict(workspace_id="1", wait_timeout=-1), "wait_timeout: -1 is no number of seconds; write 0 or more"),
        (dict(workspace_id="1", network_connectivity_config_id="onprem"), "'onprem' is no NCC's id"),
    ],
)
def test_bad_input(workspace_module, stand_in, params, says):
    failed = workspace_module(**dict(network_connectivity_config_id=ID) | params)
    assert failed["failed"] is True
    assert says in failed["msg"]
    assert stand_in.requests == []


def test_an_ncc_has_to_be_given(workspace_module):
    assert "network_connectivity_config_id" in workspace_module(workspace_id="1")["msg"]


@pytest.mark.parametrize("check", [True, False])
def test_no_such_ncc(workspace_module, check):
    failed = workspace_module(check=check, workspace_name="analytics", network_connectivity_config_id=ID)
    assert f"There is no NCC {ID} in this account" in failed["msg"]


@pytest.mark.parametrize(
    ("params", "says"),
    [
        (dict(workspace_name="analytic"), "analytics (1234567890), analytics-dev (1234567891)?"),
        (dict(workspace_id="1234567892"), "analytics (1234567890), analytics-dev (1234567891)?"),
        (dict(workspace_name="zzz"), "analytics (1234567890), analytics-dev (1234567891), far (77)?"),
    ],
)
def test_no_such_workspace(workspace_module, ncc, params, says):
    failed = workspace_module(network_connectivity_config_id=ncc.id, **params)
    assert f"There is no workspace {next(iter(params.values()))} in this account" in failed["msg"]
    assert failed["hint"] == f"did you mean {says}"


def test_no_workspace_at_all(workspace_module, ncc, stand_in):
    stand_in.state.workspaces.by_name.clear()
    failed = workspace_module(network_connectivity_config_id=ncc.id, workspace_name="analytics")
    assert "the account has none that the service principal sees" in failed["hint"]


def test_two_workspaces_of_one_name(workspace_module, ncc, stand_in):
    stand_in.state.workspaces.by_name["far"].name = "analytics"
    failed = workspace_module(network_connectivity_config_id=ncc.id, workspace_name="analytics")
    assert "Several workspaces have the name 'analytics': analytics (1234567890), analytics (77)" in failed["msg"]


@pytest.mark.parametrize("check", [True, False])
def test_another_region(workspace_module, ncc, writes, check):
    failed = workspace_module(check=check, workspace_name="far", network_connectivity_config_id=ncc.id)
    assert "far (77) is in us-east-1, and the NCC 'onprem' in eu-central-1" in failed["msg"]
    assert writes() == []


@pytest.mark.parametrize("check", [True, False])
def test_an_ncc_that_is_full(workspace_module, ncc, stand_in, analytics, writes, check):
    workspaces = stand_in.state.workspaces
    for number in range(50):
        name = f"workspace-{number}"
        workspaces.by_name[name] = type(analytics)(number, name, "eu-central-1", 0, ncc_id=ncc.id)
    failed = workspace_module(check=check, workspace_name="analytics", network_connectivity_config_id=ncc.id)
    assert "is attached to 50 workspaces, and one can be to 50" in failed["msg"]
    assert writes() == []
    unchanged = workspace_module(check=check, workspace_name="workspace-0", network_connectivity_config_id=ncc.id)
    assert unchanged["changed"] is False


# --- waiting -------------------------------------------------------------------------------------------------------


def test_waits_until_it_runs(workspace_module, ncc, stand_in, clock):
    stand_in.state.workspaces.provisioning_looks = 3
    attached = workspace_module(workspace_name="analytics", network_connectivity_config_id=ncc.id)
    assert attached["workspace"]["workspace_status"] == "RUNNING"
    assert clock.slept == [5, 5, 5]


def test_does_not_run_in_time(workspace_module, ncc, stand_in, clock, analytics):
    stand_in.state.workspaces.provisioning_looks = 100
    wanted = dict(workspace_name="analytics", network_connectivity_config_id=ncc.id, wait_timeout=20)
    failed = workspace_module(**wanted)
    assert f"is PROVISIONING with the NCC {ncc.id} after 20 s" in failed["msg"]
    assert "run again to wait on" in failed["hint"]
    assert clock.now == 20
    analytics.provisioning = 2
    assert workspace_module(**wanted)["changed"] is False
    assert analytics.provisioning == 0


def test_a_workspace_that_fails(workspace_module, ncc, monkeypatch, analytics, clock):
    monkeypatch.setattr(type(analytics), "status", property(lambda one: "FAILED" if one.ncc_id else "RUNNING"))
    failed = workspace_module(workspace_name="analytics", network_connectivity_config_id=ncc.id)
    assert "analytics (1234567890) is FAILED" in failed["msg"]
    assert clock.slept == []


def test_attached_says_the_answer_and_is_not(workspace_module, ncc, stand_in, monkeypatch):
    monkeypatch.setattr(stand_in.state.workspaces, "attach", lambda *_: None)
    failed = workspace_module(workspace_name="analytics", network_connectivity_config_id=ncc.id, wait_timeout=20)
    assert "is RUNNING with the NCC None after 20 s" in failed["msg"]


@pytest.mark.parametrize("kind", ["applied_then_reset", "reset", "unavailable", "rate_limited", "bad_gateway"])
def test_faults_on_the_way(workspace_module, ncc, stand_in, analytics, kind):
    stand_in.faults.add("PATCH", "/workspaces/", kind)
    attached = workspace_module(workspace_name="analytics", network_connectivity_config_id=ncc.id)
    assert attached["changed"] is True
    assert analytics.ncc_id == ncc.id
