import pytest

from lab.databricks.world import METASTORE_ADMIN, Workspace

from .conftest import MYSQL, UNITY, Caller, workspace_login

CONNECTIONS = f"{UNITY}/connections"
CRM = f"{CONNECTIONS}/crm"
INVALID = (400, "INVALID_PARAMETER_VALUE")


def new(**changes):
    return {"name": "erp", "connection_type": "MYSQL", "options": MYSQL, **changes}


@pytest.mark.parametrize("kind", ["MARIADB", "mysql", "UNKNOWN_CONNECTION_TYPE", "DB2"])
def test_there_are_no_other_types(workspace, kind):
    assert workspace.refused("POST", CONNECTIONS, new(connection_type=kind))[:2] == INVALID


@pytest.mark.parametrize("kind", ["MYSQL", "POSTGRESQL", "SQLSERVER", "ORACLE", "TERADATA"])
def test_these_are_databases(workspace, kind):
    made = workspace.call("POST", CONNECTIONS, new(connection_type=kind))
    assert made["url"] == f"jdbc:{kind.lower()}://db.corp.example:3306/"
    assert made["credential_type"] == "USERNAME_PASSWORD"


def test_others_have_options_of_their_own(workspace):
    made = workspace.call("POST", CONNECTIONS, new(connection_type="HTTP", options={"host": "https://x.example"}))
    assert "url" not in made and made["options"] == {"host": "https://x.example"}


@pytest.mark.parametrize("name", ["a/b", "a.b", "a b", "a\nb", "x" * 256])
def test_a_name_may_not_have(workspace, name):
    assert workspace.refused("POST", CONNECTIONS, new(name=name))[:2] == INVALID


def test_names_are_kept_in_lower_case_and_are_there_once(workspace, connection):
    made = workspace.call("POST", CONNECTIONS, new(name="ERP"))
    assert made["name"] == made["full_name"] == "erp" == workspace.call("GET", f"{CONNECTIONS}/Erp")["name"]
    assert workspace.refused("POST", CONNECTIONS, new())[:2] == (400, "CONNECTION_ALREADY_EXISTS")
    refused = workspace.refused("PATCH", CRM, {"new_name": "Erp"})
    assert refused == (400, "CONNECTION_ALREADY_EXISTS", "Connection 'erp' already exists")


@pytest.mark.parametrize("key", ["host", "port", "user"])
def test_a_database_needs_an_address_and_a_user(workspace, connection, key):
    options = {name: value for name, value in MYSQL.items() if name != key}
    for given in (options, {**options, key: ""}):
        refused = workspace.refused("POST", CONNECTIONS, new(options=given))
        assert refused[:2] == INVALID and key in refused[2]
        assert workspace.refused("PATCH", CRM, {"options": given})[:2] == INVALID


@pytest.mark.parametrize("port", ["0", "65536", "-1", "mysql", "33 06"])
def test_a_port_is_one(workspace, port):
    assert workspace.refused("POST", CONNECTIONS, new(options={**MYSQL, "port": port}))[:2] == INVALID


def test_no_answer_has_credentials(stand_in, workspace):
    options = {**MYSQL, "client_secret": "c", "trustServerCertificate": "true"}
    made = workspace.call("POST", CONNECTIONS, new(options=options))
    seen = [made, workspace.call("GET", f"{CONNECTIONS}/erp"), *workspace.call("GET", CONNECTIONS)["connections"]]
    seen.append(workspace.call("PATCH", f"{CONNECTIONS}/erp", {"options": options}))
    visible = {"host": "db.corp.example", "port": "3306", "trustServerCertificate": "true"}
    assert [one["options"] for one in seen] == [visible] * 4
    assert stand_in.state.metastore("analytics").connections.get("erp").options == options


class TestSecrets:
    @pytest.fixture
    def stand_in(self, start):
        return start(unity_secrets={"main.onprem.password": "resolved", "main.onprem.user": "who"})

    def test_they_are_named_and_resolved_for_compute_alone(self, stand_in, workspace):
        address = {"host": "db.corp.example", "port": "3306"}
        secrets = {"password": "main.onprem.password", "user": "main.onprem.user"}
        made = workspace.call("POST", CONNECTIONS, new(options=address, secrets=secrets))
        assert made["secrets"] == secrets and made["options"] == address
        for_compute = stand_in.state.connection_for_compute("analytics", "erp")
        assert (for_compute["user"], for_compute["password"]) == ("who", "resolved")

    def test_they_are_there(self, workspace):
        refused = workspace.refused("POST", CONNECTIONS, new(options={**MYSQL}, secrets={"token": "main.onprem.other"}))
        assert refused == (404, "RESOURCE_DOES_NOT_EXIST", "Secret 'main.onprem.other' does not exist.")

    def test_a_value_comes_from_one_place(self, workspace):
        refused = workspace.refused("POST", CONNECTIONS, new(secrets={"password": "main.onprem.password"}))
        assert refused[:2] == INVALID and "password" in refused[2]

    def test_they_stay_until_they_are_given(self, workspace):
        user = {"host": "db.corp.example", "port": "3306", "user": "u"}
        workspace.call("POST", CONNECTIONS, new(options=user, secrets={"password": "main.onprem.password"}))
        changed = workspace.call("PATCH", f"{CONNECTIONS}/erp", {"options": {**user, "port": "3307"}})
        assert changed["secrets"] == {"password": "main.onprem.password"}
        changed = workspace.call("PATCH", f"{CONNECTIONS}/erp", {"options": MYSQL, "secrets": {}})
        assert "secrets" not in changed


def test_options_that_are_not_given_are_lost(stand_in, workspace, connection):
    options = {"host": "db2.corp.example", "port": "3306", "user": "lakehouse"}
    changed = workspace.call("PATCH", CRM, {"options": options})
    assert connection.options == options
    assert changed["url"] == "jdbc:mysql://db2.corp.example:3306/" and changed["updated_at"] >= changed["created_at"]


def test_or_kept_if_the_world_says_so(start):
    stand_in = start(patch_keeps_omitted_options=True)
    kept = stand_in.state.metastore("analytics").connections.create("crm", "MYSQL", MYSQL, "admin-client")
    Caller(workspace_login(stand_in)).call("PATCH", CRM, {"options": {"host": "db2.corp.example"}})
    assert kept.options == {**MYSQL, "host": "db2.corp.example"}


def test_the_rest_of_what_changes(workspace, connection):
    settings = {"environment_version": "3", "java_dependencies": ["/Volumes/a/b/c.jar"]}
    body = {"owner": "data-eng", "new_name": "crm2", "environment_settings": settings}
    changed = workspace.call("PATCH", CRM, body)
    assert (changed["owner"], changed["name"], changed["environment_settings"]) == ("data-eng", "crm2", settings)
    assert (
        changed["created_by"] == changed["updated_by"] == "admin-client" and changed["connection_id"] == connection.id
    )
    assert workspace.refused("GET", CRM)[:2] == (404, "RESOURCE_DOES_NOT_EXIST")
    assert workspace.call("GET", f"{CONNECTIONS}/crm2") == changed
    assert connection.options == MYSQL


def test_a_change_changes_something(workspace, connection):
    assert workspace.refused("PATCH", CRM, {})[:2] == INVALID


def test_an_owner_is_known(workspace, connection):
    assert workspace.refused("PATCH", CRM, {"owner": "nobody"})[:2] == (404, "PRINCIPAL_DOES_NOT_EXIST")


def test_it_is_deleted_when_no_catalog_uses_it(stand_in, workspace, connection):
    catalogs = stand_in.state.metastore("analytics").catalogs
    catalogs.create("other", "admin-client")
    used = catalogs.create("crm_cat", "admin-client", connection)
    refused = workspace.refused("DELETE", CRM)
    assert refused[:2] == (400, "INVALID_STATE") and "crm_cat" in refused[2]
    catalogs.delete(used, force=False)
    assert workspace.call("DELETE", CRM) == {}
    for method in ("GET", "DELETE"):
        assert workspace.refused(method, CRM)[:2] == (404, "RESOURCE_DOES_NOT_EXIST")


def test_all_workspaces_of_a_region_share_them(start):
    members = {"admin-client": METASTORE_ADMIN}
    places = {"one": Workspace(1, members=members), "two": Workspace(2, members=members)}
    stand_in = start(workspaces={**places, "far": Workspace(3, "us-east-1", members=members)})
    one, two, far = (Caller(workspace_login(stand_in, name)) for name in ("one", "two", "far"))
    one.call("POST", CONNECTIONS, new())
    assert two.call("GET", f"{CONNECTIONS}/erp") == one.call("GET", f"{CONNECTIONS}/erp")
    assert far.refused("GET", f"{CONNECTIONS}/erp")[:2] == (404, "RESOURCE_DOES_NOT_EXIST")
