import pytest

from .conftest import UNITY

PERMISSIONS = f"{UNITY}/permissions"
ON_CRM = f"{PERMISSIONS}/connection/crm"
INVALID = (400, "INVALID_PARAMETER_VALUE")


@pytest.fixture(autouse=True)
def tables(stand_in, connection):
    metastore = stand_in.state.metastore("analytics")
    metastore.catalogs.create("crm_cat", "admin-client", connection)
    metastore.catalogs.add_table("crm_cat.sales.orders")


def change(principal="data-eng", **lists):
    return {"changes": [{"principal": principal, **lists}]}


@pytest.mark.parametrize(
    ("path", "privilege", "other"),
    [
        ("connection/crm", "USE_CONNECTION", "SELECT"),
        ("connection/crm", "CREATE_FOREIGN_CATALOG", "CREATE_CATALOG"),
        ("catalog/crm_cat", "USE_CATALOG", "USE_CONNECTION"),
        ("schema/crm_cat.sales", "USE_SCHEMA", "USE_CATALOG"),
        ("table/crm_cat.sales.orders", "SELECT", "USE_SCHEMA"),
        ("TABLE/CRM_CAT.Sales.orders", "MODIFY", "USE CATALOG"),
    ],
)
def test_each_kind_has_its_privileges(workspace, path, privilege, other):
    for lists in ({"add": [other]}, {"remove": [other]}):
        refused = workspace.refused("PATCH", f"{PERMISSIONS}/{path}", change(**lists))
        assert refused[:2] == INVALID and other in refused[2]
    expected = {"privilege_assignments": [{"principal": "data-eng", "privileges": [privilege]}]}
    assert workspace.call("PATCH", f"{PERMISSIONS}/{path}", change(add=[privilege])) == expected
    assert workspace.call("GET", f"{PERMISSIONS}/{path}") == expected


@pytest.mark.parametrize(
    ("path", "code"),
    [
        ("connection/nowhere", "RESOURCE_DOES_NOT_EXIST"),
        ("catalog/nowhere", "CATALOG_DOES_NOT_EXIST"),
        ("catalog/crm_cat.sales", "CATALOG_DOES_NOT_EXIST"),
        ("schema/crm_cat.nowhere", "SCHEMA_DOES_NOT_EXIST"),
        ("schema/crm_cat", "SCHEMA_DOES_NOT_EXIST"),
        ("table/crm_cat.sales.nowhere", "TABLE_DOES_NOT_EXIST"),
        ("table/crm_cat.sales", "TABLE_DOES_NOT_EXIST"),
    ],
)
def test_it_is_on_what_is_there(workspace, path, code):
    assert workspace.refused("GET", f"{PERMISSIONS}/{path}")[:2] == (404, code)
    assert workspace.refused("PATCH", f"{PERMISSIONS}/{path}", change(add=["SELECT"]))[:2] == (404, code)


def test_other_kinds_are_not_here(workspace):
    assert workspace.refused("GET", f"{PERMISSIONS}/volume/x")[:2] == INVALID


def test_they_add_up_and_are_taken_away(workspace):
    workspace.call("PATCH", ON_CRM, change(add=["USE_CONNECTION", "MANAGE"]))
    workspace.call("PATCH", ON_CRM, change("analysts", add=["USE_CONNECTION"]))
    after = workspace.call("PATCH", ON_CRM, change(add=["CREATE_FOREIGN_CATALOG"], remove=["MANAGE", "ALL_PRIVILEGES"]))
    assert after["privilege_assignments"] == [
        {"principal": "analysts", "privileges": ["USE_CONNECTION"]},
        {"principal": "data-eng", "privileges": ["CREATE_FOREIGN_CATALOG", "USE_CONNECTION"]},
    ]
    assert workspace.call("GET", ON_CRM, principal="analysts") == {"privilege_assignments": [
        {"principal": "analysts", "privileges": ["USE_CONNECTION"]}
    ]}  # fmt: skip
    workspace.call("PATCH", ON_CRM, change("analysts", remove=["USE_CONNECTION"]))
    assert workspace.call("GET", ON_CRM, principal="analysts") == {}


def test_all_or_nothing(workspace):
    body = {"changes": [*change(add=["MANAGE"])["changes"], *change("nobody", add=["MANAGE"])["changes"]]}
    assert workspace.refused("PATCH", ON_CRM, body)[:2] == (404, "PRINCIPAL_DOES_NOT_EXIST")
    body["changes"][1] = change("analysts", add=["SELECT"])["changes"][0]
    assert workspace.refused("PATCH", ON_CRM, body)[:2] == INVALID
    both = change(add=["MANAGE"], remove=["MANAGE"])
    assert workspace.refused("PATCH", ON_CRM, both)[:2] == INVALID
    assert workspace.call("GET", ON_CRM) == {}


def test_what_is_required(workspace):
    assert workspace.refused("PATCH", ON_CRM, {})[:2] == INVALID
    assert workspace.refused("PATCH", ON_CRM, {"changes": [{"add": ["MANAGE"]}]})[:2] == INVALID


def test_the_answer_can_be_left_out(workspace):
    body = {**change(add=["MANAGE"]), "omit_permissions_in_response": True}
    assert workspace.call("PATCH", ON_CRM, body) == {}
    assert workspace.call("GET", ON_CRM)["privilege_assignments"][0]["privileges"] == ["MANAGE"]


@pytest.mark.parametrize("principal", ["account users", "data-eng", "plain-client", "admin-client"])
def test_groups_and_service_principals_are_known(workspace, principal):
    after = workspace.call("PATCH", ON_CRM, change(principal, add=["USE_CONNECTION"]))
    assert after["privilege_assignments"][0]["principal"] == principal


def test_they_go_with_what_they_are_on(stand_in, workspace, connection):
    workspace.call("PATCH", ON_CRM, change(add=["MANAGE"]))
    workspace.call("PATCH", f"{PERMISSIONS}/table/crm_cat.sales.orders", change(add=["SELECT"]))
    workspace.call("DELETE", f"{UNITY}/catalogs/crm_cat", force=True)
    workspace.call("DELETE", f"{UNITY}/connections/crm")
    assert stand_in.state.metastore("analytics").grants.given == {}


def test_they_stay_with_it_under_another_name(workspace):
    workspace.call("PATCH", ON_CRM, change(add=["MANAGE"]))
    workspace.call("PATCH", f"{UNITY}/connections/crm", {"new_name": "crm2"})
    assert workspace.call("GET", f"{PERMISSIONS}/connection/crm2")["privilege_assignments"]
