"""Who may do what."""

import pytest
from databricks.sdk.errors import PermissionDenied

from lab.databricks.world import METASTORE_ADMIN, Workspace, World

from .conftest import MYSQL, NCCS, UNITY, WORKSPACES, Caller, account_login, workspace_client, workspace_login

DENIED = (403, "PERMISSION_DENIED")
CRM = f"{UNITY}/connections/crm"
CATALOG = {"name": "crm_cat", "connection_name": "crm"}
NEW = {"name": "erp", "connection_type": "MYSQL", "options": MYSQL}


def grant(stand_in, kind, name, *privileges, principal="plain-client"):
    metastore = stand_in.state.metastore("analytics")
    metastore.grants.change(metastore.securable(kind, name)[0], principal, list(privileges), [])


@pytest.mark.parametrize(
    ("method", "path"), [("GET", NCCS), ("POST", NCCS), ("DELETE", f"{NCCS}/x"), ("GET", WORKSPACES)]
)
def test_the_account_is_for_account_admins(stand_in, method, path):
    plain = Caller(account_login(stand_in, "plain-client"))
    assert plain.refused(method, path)[:2] == DENIED
    assert plain.refused("GET", f"{UNITY}/connections")[:2] == (404, "ENDPOINT_NOT_FOUND")


def test_and_for_those_of_this_account(account):
    assert account.refused("GET", NCCS.replace("1111", "2222"))[:2] == DENIED


def test_a_workspace_is_for_its_members(start):
    stand_in = start(workspaces={"analytics": Workspace(1, members={"plain-client": METASTORE_ADMIN})})
    for path in (
        "connections",
        "catalogs",
        "connections/x",
        "permissions/connection/x",
        "artifact-allowlists/LIBRARY_JAR",
    ):
        refused = Caller(workspace_login(stand_in)).refused("GET", f"{UNITY}/{path}")
        assert refused[:2] == DENIED and "no member" in refused[2]


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("POST", f"{UNITY}/connections", NEW),
        ("POST", f"{UNITY}/catalogs", {"name": "main"}),
        ("GET", f"{UNITY}/artifact-allowlists/LIBRARY_MAVEN", None),
        ("PUT", f"{UNITY}/artifact-allowlists/LIBRARY_MAVEN", {"artifact_matchers": []}),
    ],
)
def test_one_without_privileges_on_the_metastore_makes_nothing(plain, method, path, body):
    assert plain.refused(method, path, body)[:2] == DENIED


@pytest.mark.parametrize(
    ("privilege", "allowed"),
    [("CREATE_CONNECTION", "connections"), ("CREATE_CATALOG", "catalogs"), ("MANAGE_ALLOWLIST", "artifact-allowlists")],
)
def test_each_privilege_is_for_one_thing(start, privilege, allowed):
    members = {"plain-client": {privilege}}
    stand_in = start(workspaces={"analytics": Workspace(1, members=members)})
    plain = Caller(workspace_login(stand_in, client="plain-client"))
    calls = {
        "connections": ("POST", "", NEW),
        "catalogs": ("POST", "", {"name": "main"}),
        "artifact-allowlists": ("PUT", "/LIBRARY_JAR", {"artifact_matchers": []}),
    }
    for what, (method, below, body) in calls.items():
        path = f"{UNITY}/{what}{below}"
        if what == allowed:
            plain.call(method, path, body)
        else:
            assert plain.refused(method, path, body)[:2] == DENIED


def test_what_one_has_nothing_to_do_with_is_not_seen(stand_in, plain, connection):
    stand_in.state.metastore("analytics").catalogs.create("crm_cat", "admin-client", connection)
    assert plain.call("GET", f"{UNITY}/connections") == plain.call("GET", f"{UNITY}/catalogs") == {}
    for path in ("connections/crm", "catalogs/crm_cat", "permissions/connection/crm", "permissions/catalog/crm_cat"):
        assert plain.refused("GET", f"{UNITY}/{path}")[:2] == DENIED


def test_use_is_for_seeing(stand_in, plain, connection):
    grant(stand_in, "connection", "crm", "USE_CONNECTION")
    assert plain.call("GET", CRM)["name"] == "crm"
    assert [one["name"] for one in plain.call("GET", f"{UNITY}/connections")["connections"]] == ["crm"]
    for method, body in (("PATCH", {"options": MYSQL}), ("DELETE", None)):
        assert plain.refused(method, CRM, body)[:2] == DENIED


def test_so_it_is_with_catalogs(stand_in, plain):
    stand_in.state.metastore("analytics").catalogs.create("crm", "admin-client")
    grant(stand_in, "catalog", "crm", "USE_CATALOG")
    path = f"{UNITY}/catalogs/crm"
    assert [plain.call("GET", path)] == plain.call("GET", f"{UNITY}/catalogs")["catalogs"]
    for method, body in (("PATCH", {"comment": "c"}), ("DELETE", None)):
        assert plain.refused(method, path, body)[:2] == DENIED


@pytest.mark.parametrize("kind", ["connection", "catalog"])
@pytest.mark.parametrize("how", ["owner", "owner's group", "MANAGE"])
def test_an_owner_may_all(start, how, kind):
    stand_in = start(groups={"data-eng": {"plain-client"}, "analysts": set()})
    plain = Caller(workspace_login(stand_in, client="plain-client"))
    metastore = stand_in.state.metastore("analytics")
    make = {
        "connection": lambda: metastore.connections.create("crm", "MYSQL", MYSQL, "admin-client"),
        "catalog": lambda: metastore.catalogs.create("crm", "admin-client"),
    }
    owned = make[kind]()
    if how == "MANAGE":
        grant(stand_in, kind, "crm", "MANAGE")
    else:
        owned.owner = "plain-client" if how == "owner" else "data-eng"
    change = {"changes": [{"principal": "analysts", "add": ["ALL_PRIVILEGES"]}]}
    plain.call("PATCH", f"{UNITY}/permissions/{kind}/crm", change)
    assert plain.call("GET", f"{UNITY}/permissions/{kind}/crm")["privilege_assignments"]
    assert plain.call("PATCH", f"{UNITY}/{kind}s/crm", {"new_name": "crm2"})["updated_by"] == "plain-client"
    assert plain.call("DELETE", f"{UNITY}/{kind}s/crm2") == {}


def test_all_privileges_are_for_using_and_not_for_managing(stand_in, plain, connection):
    grant(stand_in, "connection", "crm", "ALL_PRIVILEGES")
    assert plain.call("GET", CRM)["name"] == "crm"
    assert plain.refused("DELETE", CRM)[:2] == DENIED
    assert plain.refused("PATCH", f"{UNITY}/permissions/connection/crm", {"changes": []})[:2] == DENIED


@pytest.mark.parametrize("privilege", ["CREATE_FOREIGN_CATALOG", "ALL_PRIVILEGES"])
def test_a_foreign_catalog_needs_a_privilege_on_the_connection_too(start, privilege):
    stand_in = start(workspaces={"analytics": Workspace(1, members={"plain-client": {"CREATE_CATALOG"}})})
    stand_in.state.metastore("analytics").connections.create("crm", "MYSQL", MYSQL, "admin-client")
    plain = Caller(workspace_login(stand_in, client="plain-client"))
    grant(stand_in, "connection", "crm", "USE_CONNECTION")
    assert plain.refused("POST", f"{UNITY}/catalogs", CATALOG)[:2] == DENIED
    grant(stand_in, "connection", "crm", privilege)
    assert plain.call("POST", f"{UNITY}/catalogs", CATALOG)["owner"] == "plain-client"


def test_privileges_come_with_groups(start):
    stand_in = start(groups={"data-eng": {"plain-client"}, "analysts": set()})
    stand_in.state.metastore("analytics").connections.create("crm", "MYSQL", MYSQL, "admin-client")
    plain = Caller(workspace_login(stand_in, client="plain-client"))
    grant(stand_in, "connection", "crm", "USE_CONNECTION", principal="analysts")
    assert plain.refused("GET", CRM)[:2] == DENIED
    grant(stand_in, "connection", "crm", "USE_CONNECTION", principal="data-eng")
    assert plain.call("GET", CRM)["name"] == "crm"


def test_the_group_of_everybody_is_one_of_them(stand_in, plain, connection):
    grant(stand_in, "connection", "crm", "USE_CONNECTION", principal="account users")
    assert plain.call("GET", CRM)["name"] == "crm"


def test_ones_own_grants_are_seen(stand_in, plain, connection):
    grant(stand_in, "connection", "crm", "USE_CONNECTION")
    grants = f"{UNITY}/permissions/connection/crm"
    assert plain.call("GET", grants, principal="plain-client")["privilege_assignments"][0]["privileges"] == [
        "USE_CONNECTION"
    ]
    assert plain.refused("GET", grants, principal="data-eng")[:2] == DENIED


def test_the_sdk_has_an_error_for_it(stand_in):
    with pytest.raises(PermissionDenied, match="CREATE CATALOG on Metastore"):
        workspace_client(stand_in, client="plain-client").catalogs.create("main")


def test_members_are_of_the_account():
    with pytest.raises(ValueError, match="stranger"):
        World(workspaces={"analytics": Workspace(1, members={"stranger": set()})})
