import pytest

from lab.databricks.world import Workspace

from .conftest import WORKSPACES, Caller, account_client, account_login

ANALYTICS = f"{WORKSPACES}/1234567890"
MASK = {"update_mask": "network_connectivity_config_id"}


def attach(account, ncc, path=ANALYTICS):
    return account.call("PATCH", path, {"network_connectivity_config_id": ncc.id}, **MASK)


def test_another_ncc_is_silently_replaced(stand_in, account, ncc):
    assert "network_connectivity_config_id" not in account.call("GET", ANALYTICS)
    attach(account, ncc)
    other = stand_in.state.nccs.create("other", "eu-central-1")
    assert attach(account, other)["network_connectivity_config_id"] == other.id
    assert account.call("GET", WORKSPACES)[0]["network_connectivity_config_id"] == other.id


@pytest.mark.parametrize(
    ("mask", "body", "text"),
    [
        (None, {"network_connectivity_config_id": "x"}, "Update mask must be specified."),
        ("", {"network_connectivity_config_id": "x"}, "Update mask must be specified."),
        ("workspace_name", {"network_connectivity_config_id": "x"}, "Updating fields workspace_name"),
        ("network_connectivity_config_id", {}, "is named in the update mask and not given"),
        ("network_connectivity_config_id", {"network_connectivity_config_id": ""}, "cannot be detached"),
    ],
)
def test_the_mask_says_what_changes_and_nothing_detaches(account, ncc, mask, body, text):
    attach(account, ncc)
    refused = account.refused("PATCH", ANALYTICS, body, **({} if mask is None else {"update_mask": mask}))
    assert refused[:2] == (400, "INVALID_PARAMETER_VALUE") and text in refused[2]
    assert account.call("GET", ANALYTICS)["network_connectivity_config_id"] == ncc.id


@pytest.mark.parametrize("body", [{"network_connectivity_config_id": None}, {"workspace_name": "x"}])
def test_a_workspace_is_changed_in_nothing_else(account, body):
    assert account.refused("PATCH", ANALYTICS, body, **MASK)[:2] == (400, "MALFORMED_REQUEST")


def test_the_ncc_is_there_and_in_the_region(stand_in, account):
    body = {"network_connectivity_config_id": "nowhere"}
    assert account.refused("PATCH", ANALYTICS, body, **MASK)[:2] == (404, "RESOURCE_DOES_NOT_EXIST")
    other = stand_in.state.nccs.create("onprem", "us-east-1")
    refused = account.refused("PATCH", ANALYTICS, {"network_connectivity_config_id": other.id}, **MASK)
    assert refused[:2] == (400, "INVALID_PARAMETER_VALUE") and "us-east-1" in refused[2]


def test_an_ncc_has_room_for_fifty(stand_in, account, ncc):
    workspaces = stand_in.state.workspaces
    others = {f"w{number}": Workspace(number, "eu-central-1") for number in range(1, 51)}
    kept = type(workspaces)(others, 0).by_name
    for one in kept.values():
        one.ncc_id = ncc.id
    workspaces.by_name |= kept
    refused = account.refused("PATCH", ANALYTICS, {"network_connectivity_config_id": ncc.id}, **MASK)
    assert refused[:2] == (400, "QUOTA_EXCEEDED")
    attach(account, ncc, f"{WORKSPACES}/7")
    kept["w7"].ncc_id = None
    attach(account, ncc)


def test_it_may_be_provisioning_for_some_looks(start):
    stand_in = start(provisioning_looks=2)
    account, ncc = Caller(account_login(stand_in)), stand_in.state.nccs.create("onprem", "eu-central-1")
    assert account.call("GET", ANALYTICS)["workspace_status"] == "RUNNING"
    assert attach(account, ncc)["workspace_status"] == "PROVISIONING"
    seen = [account.call("GET", ANALYTICS)["workspace_status"] for _ in range(3)]
    assert seen == ["PROVISIONING", "PROVISIONING", "RUNNING"]


def test_there_is_no_other(stand_in, account):
    assert account.refused("GET", f"{WORKSPACES}/1")[:2] == (404, "RESOURCE_DOES_NOT_EXIST")
    assert account.refused("GET", f"{WORKSPACES}/analytics")[:2] == (400, "INVALID_PARAMETER_VALUE")
    assert [one.workspace_name for one in account_client(stand_in).workspaces.list()] == ["analytics"]
