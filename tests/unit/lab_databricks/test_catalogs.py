import pytest

from .conftest import MYSQL, UNITY

CATALOGS = f"{UNITY}/catalogs"
CRM = f"{CATALOGS}/crm_cat"
INVALID = (400, "INVALID_PARAMETER_VALUE")


@pytest.fixture
def catalog(stand_in, connection):
    return stand_in.state.metastore("analytics").catalogs.create("crm_cat", "admin-client", connection)


def test_mysql_needs_no_database(workspace, connection):
    made = workspace.call("POST", CATALOGS, {"name": "Crm_Cat", "connection_name": "CRM"})
    assert (made["name"], made["connection_name"], made["catalog_type"]) == ("crm_cat", "crm", "FOREIGN_CATALOG")
    assert "options" not in made and made["isolation_mode"] == "OPEN"


@pytest.mark.parametrize(
    ("kind", "option"), [("POSTGRESQL", "database"), ("SQLSERVER", "database"), ("ORACLE", "service_name")]
)
def test_others_do(stand_in, workspace, kind, option):
    stand_in.state.metastore("analytics").connections.create("erp", kind, MYSQL, "admin-client")
    body = {"name": "erp", "connection_name": "erp"}
    for options in ({}, {"schema": "x"}, {option: ""}):
        refused = workspace.refused("POST", CATALOGS, {**body, "options": options})
        assert refused[:2] == INVALID and option in refused[2]
    assert workspace.call("POST", CATALOGS, {**body, "options": {option: "erp"}})["options"] == {option: "erp"}


def test_the_connection_is_there(workspace):
    refused = workspace.refused("POST", CATALOGS, {"name": "crm_cat", "connection_name": "nowhere"})
    assert refused[:2] == (404, "RESOURCE_DOES_NOT_EXIST")


def test_one_without_a_connection_has_no_options(workspace):
    assert workspace.refused("POST", CATALOGS, {"name": "main", "options": {"database": "x"}})[:2] == INVALID
    assert workspace.call("POST", CATALOGS, {"name": "main"})["catalog_type"] == "MANAGED_CATALOG"


def test_names_are_there_once(workspace, catalog):
    body = {"name": "CRM_CAT", "connection_name": "crm"}
    assert workspace.refused("POST", CATALOGS, body)[:2] == (400, "CATALOG_ALREADY_EXISTS")
    assert workspace.refused("POST", CATALOGS, {"name": "a/b"})[:2] == INVALID
    workspace.call("POST", CATALOGS, {"name": "main"})
    assert workspace.refused("PATCH", CRM, {"new_name": "Main"})[:2] == (400, "CATALOG_ALREADY_EXISTS")


def test_what_changes(workspace, catalog):
    body = {
        "comment": "c",
        "owner": "data-eng",
        "properties": {"a": "b"},
        "isolation_mode": "ISOLATED",
        "new_name": "new",
    }
    changed = workspace.call("PATCH", CRM, body)
    for key in ("comment", "owner", "properties", "isolation_mode"):
        assert changed[key] == body[key]
    assert changed["name"] == changed["full_name"] == "new" and changed["connection_name"] == "crm"
    assert workspace.call("GET", f"{CATALOGS}/new") == changed
    assert workspace.refused("GET", CRM)[:2] == (404, "CATALOG_DOES_NOT_EXIST")


@pytest.mark.parametrize(
    ("body", "text"),
    [
        ({"options": {}}, "UpdateCatalog options can not be provided."),
        ({"comment": "c", "options": {"database": "x"}}, "UpdateCatalog options can not be provided."),
        ({"connection_name": "crm"}, "UpdateCatalog connection_name can not be provided."),
        ({}, "UpdateCatalog Nothing to update."),
        ({"isolation_mode": "CLOSED"}, "'CLOSED' is no isolation mode."),
    ],
)
def test_what_does_not(workspace, catalog, body, text):
    assert workspace.refused("PATCH", CRM, body) == (*INVALID, text)
    assert catalog.comment is None


def test_an_owner_is_known(workspace, catalog):
    assert workspace.refused("PATCH", CRM, {"owner": "nobody"})[:2] == (404, "PRINCIPAL_DOES_NOT_EXIST")


def test_one_that_is_not_empty_is_deleted_by_force(stand_in, workspace, catalog):
    stand_in.state.metastore("analytics").catalogs.add_table("crm_cat.sales.orders")
    for query in ({}, {"force": "false"}):
        assert workspace.refused("DELETE", CRM, **query)[:2] == (400, "CATALOG_NOT_EMPTY")
    assert workspace.refused("DELETE", CRM, force="1")[:2] == INVALID
    assert workspace.call("DELETE", CRM, force=True) == {}
    assert workspace.refused("DELETE", CRM)[:2] == (404, "CATALOG_DOES_NOT_EXIST")


def test_an_empty_one_is_just_deleted(workspace, catalog):
    assert workspace.call("DELETE", CRM) == {}


def test_what_the_sdk_may_ask(workspace, catalog):
    listed = workspace.call("GET", CATALOGS, include_browse="true", include_unbound="false")["catalogs"]
    assert listed == [workspace.call("GET", CRM, include_browse="true")]
