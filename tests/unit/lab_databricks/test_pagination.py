import pytest

from .conftest import (
    MYSQL,
    NCCS,
    SERVICE,
    UNITY,
    Caller,
    account_client,
    account_login,
    workspace_client,
    workspace_login,
)

INVALID = (400, "INVALID_PARAMETER_VALUE")
NAMES = [f"name-{number}" for number in range(5)]


@pytest.fixture
def stand_in(start):
    return start(page_size=2)


@pytest.fixture
def metastore(stand_in):
    metastore = stand_in.state.metastore("analytics")
    for name in NAMES:
        metastore.connections.create(name, "MYSQL", MYSQL, "admin-client")
        metastore.catalogs.create(name, "admin-client")
    return metastore


def pages(caller, path, key, **query):
    """Return the names or ids on each page."""
    found = []
    while True:
        answer = caller.call("GET", path, **query)
        found.append([one.get("name") or one.get("rule_id") or one["principal"] for one in answer.get(key, [])])
        if "next_page_token" not in answer:
            return found
        query["page_token"] = answer["next_page_token"]


def test_nccs(stand_in, account):
    for name in NAMES:
        stand_in.state.nccs.create(name, "eu-central-1")
    assert pages(account, NCCS, "items") == [NAMES[:2], NAMES[2:4], NAMES[4:]]
    listed = account_client(stand_in).network_connectivity.list_network_connectivity_configurations()
    assert [one.name for one in listed] == NAMES


def test_rules_of_a_page_alone_are_looked_at(stand_in, account, ncc, rules):
    made = [stand_in.state.rules.create(ncc, SERVICE, ["a.example"]) for _ in range(4)]
    account.call("GET", rules)
    assert [one.looks for one in made] == [1, 1, 0, 0]
    assert pages(account, rules, "items") == [[one.id for one in made[:2]], [one.id for one in made[2:]]]
    listed = account_client(stand_in).network_connectivity.list_private_endpoint_rules(ncc.id)
    assert [one.rule_id for one in listed] == [one.id for one in made]


@pytest.mark.parametrize("key", ["connections", "catalogs"])
def test_unity_catalog(stand_in, workspace, metastore, key):
    path = f"{UNITY}/{key}"
    assert pages(workspace, path, key) == [NAMES], "all, where it is not asked for pages"
    assert pages(workspace, path, key, max_results=0) == [NAMES[:2], NAMES[2:4], NAMES[4:]]
    assert pages(workspace, path, key, max_results=1) == [[name] for name in NAMES]
    assert pages(workspace, path, key, max_results=50) == [NAMES[:2], NAMES[2:4], NAMES[4:]]
    assert [one.name for one in getattr(workspace_client(stand_in), key).list()] == NAMES


@pytest.mark.parametrize("size", ["-1", "many"])
def test_a_size_is_a_number(workspace, metastore, size):
    for key in ("connections", "catalogs", "permissions/connection/name-0"):
        assert workspace.refused("GET", f"{UNITY}/{key}", max_results=size)[:2] == INVALID


def test_grants(start):
    stand_in = start(page_size=1)
    metastore = stand_in.state.metastore("analytics")
    connection = metastore.connections.create("crm", "MYSQL", MYSQL, "admin-client")
    for principal in ("data-eng", "analysts"):
        metastore.grants.change(("connection", connection.id, ""), principal, ["MANAGE"], [])
    workspace, path = Caller(workspace_login(stand_in)), f"{UNITY}/permissions/connection/crm"
    assert pages(workspace, path, "privilege_assignments") == [["analysts", "data-eng"]]
    for size in (0, 150):
        assert pages(workspace, path, "privilege_assignments", max_results=size) == [["analysts"], ["data-eng"]]
    assert workspace.refused("GET", path, max_results=149)[:2] == INVALID


@pytest.mark.parametrize("token", ["", "x", "WzFd", "bnVsbA==", "WyJpdGVtcyIsICJhIl0="])
def test_a_token_is_one_that_was_given(account, ncc, token):
    assert account.refused("GET", NCCS, page_token=token)[:2] == INVALID


def test_and_for_this_list(stand_in, workspace, metastore):
    token = workspace.call("GET", f"{UNITY}/catalogs", max_results=1)["next_page_token"]
    assert workspace.refused("GET", f"{UNITY}/connections", max_results=1, page_token=token)[:2] == INVALID


def test_a_page_that_is_just_full_is_the_last(stand_in):
    account = Caller(account_login(stand_in))
    for name in NAMES[:2]:
        stand_in.state.nccs.create(name, "eu-central-1")
    assert pages(account, NCCS, "items") == [NAMES[:2]]
