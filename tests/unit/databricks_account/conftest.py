"""The account's modules, run as Ansible runs them against the stand-in."""

import pytest
from ansible_collections.lakehouse.onprem_tunnel.plugins.module_utils import _databricks, _waiting
from ansible_collections.lakehouse.onprem_tunnel.plugins.modules import (
    databricks_ncc,
    databricks_ncc_info,
    databricks_ncc_private_endpoint_rule,
    databricks_ncc_private_endpoint_rule_info,
    databricks_workspace_ncc,
)
from databricks_in_process import World, account_login, isolate, run_module, server
from module_in_process import Clock

REGION = "eu-central-1"
SERVICE = f"com.amazonaws.vpce.{REGION}.vpce-svc-0123456789abcdef0"


@pytest.fixture(autouse=True)
def own_environment(monkeypatch, tmp_path):
    isolate(monkeypatch, tmp_path)


@pytest.fixture(autouse=True)
def clock(monkeypatch):
    """Pauses take no time."""
    clock = Clock()
    monkeypatch.setattr(_databricks, "time", clock)
    monkeypatch.setattr(_waiting, "time", clock)
    return clock


@pytest.fixture
def world():
    return World()


@pytest.fixture
def stand_in(world):
    stand_in = server.start(world)
    yield stand_in
    stand_in.stop()


@pytest.fixture
def nccs(stand_in):
    """What is there: NCCs by their ids."""
    return stand_in.state.nccs.by_id


@pytest.fixture
def rules(stand_in):
    """What is there: rules by their ids."""
    return stand_in.state.rules.by_id


@pytest.fixture
def writes(stand_in):
    """Return what was asked for besides reading."""
    return lambda: [(one.method, one.path.rpartition("/")[2]) for one in stand_in.requests if one.method != "GET"]


@pytest.fixture
def run(capsys, stand_in):
    def run(module, check=False, **params):
        result = run_module(capsys, module, check, **account_login(stand_in) | params)
        assert "secret-of-the-stand-in" not in str(result)
        return result

    return run


def runner(module, **defaults):
    @pytest.fixture
    def fixture(run):
        return lambda check=False, **params: run(module, check, **defaults | params)

    return fixture


ncc_module = runner(databricks_ncc)
ncc_info = runner(databricks_ncc_info)
rule_info = runner(databricks_ncc_private_endpoint_rule_info)
workspace_module = runner(databricks_workspace_ncc)


@pytest.fixture
def ncc(stand_in):
    """An NCC that others made."""
    return stand_in.state.nccs.create("onprem", REGION)


@pytest.fixture
def rule_module(run, ncc):
    """Run the module for a rule of the NCC. What is None is left out."""
    wanted = dict(network_connectivity_config_id=ncc.id, endpoint_service=SERVICE, domain_names=["db.corp.example"])

    def run_for_rule(check=False, **params):
        given = {name: value for name, value in (wanted | params).items() if value is not None}
        return run(databricks_ncc_private_endpoint_rule, check, **given)

    return run_for_rule


@pytest.fixture
def make_rule(stand_in, ncc):
    """Make a rule as others do, in a state."""

    def make(state="PENDING", endpoint_service=SERVICE, names=("db.corp.example",), of=None):
        if state == "CREATE_FAILED":
            stand_in.state.rules.set_fate(endpoint_service, state, "why")
        rule = stand_in.state.rules.create(of or ncc, endpoint_service, list(names))
        if state == "CREATING":
            return rule
        for _number in range(2):
            stand_in.state.rules.look(rule)
        stand_in.state.rules.fates.clear()
        if state in ("ESTABLISHED", "DISCONNECTED"):
            stand_in.endpoints.accept(rule.vpc_endpoint_id)
            stand_in.state.rules.look(rule)
        if state in ("REJECTED", "DISCONNECTED"):
            stand_in.endpoints.reject(rule.vpc_endpoint_id)
            stand_in.state.rules.look(rule)
        if state == "EXPIRED":
            stand_in.state.expire(rule.id)
        assert rule.state == state
        return rule

    return make


@pytest.fixture
def deactivated_rule(stand_in, make_rule):
    """A rule that was deleted, and is to be removed yet."""
    rule = make_rule("ESTABLISHED")
    stand_in.state.rules.delete(rule)
    return rule
