from functools import partial

import pytest
from ansible_collections.lakehouse.onprem_tunnel.plugins.module_utils import _databricks
from ansible_collections.lakehouse.onprem_tunnel.plugins.module_utils._databricks_grants import (
    problems,
    to_add_and_remove,
)
from ansible_collections.lakehouse.onprem_tunnel.plugins.modules import databricks_grants

ON = dict(securable_type="connection", name="orders", principal="analysts")
ALL = "ALL_PRIVILEGES"


@pytest.fixture
def grants(run):
    return partial(run, databricks_grants)


@pytest.fixture(autouse=True)
def securables(metastore):
    """A connection, and a catalog with a table; the keys of their grants."""
    options = {"host": "onprem.example", "port": "3306", "user": "reader"}
    connection = metastore.connections.create("orders", "MYSQL", options, "admin-client")
    catalog = metastore.catalogs.create("shop", "admin-client", connection=connection)
    metastore.catalogs.add_table("shop.public.orders")
    names = {"catalog": "", "schema": "public", "table": "public.orders"}
    return {"connection": ("connection", connection.id, "")} | {
        kind: (kind, catalog.id, name) for kind, name in names.items()
    }


@pytest.fixture
def give(metastore, securables):
    """Grant as somebody else would."""
    return lambda principal, *privileges, kind="connection": metastore.grants.change(
        securables[kind], principal, list(privileges), []
    )


@pytest.fixture
def held(metastore, securables):
    return lambda principal="analysts", kind="connection": sorted(
        metastore.grants.on(securables[kind]).get(principal, [])
    )


def test_ladder(grants, ladder, held, give):
    give("data-eng", "USE_CONNECTION", "MANAGE")
    use, both = (
        dict(ON, privileges=["use connection"]),
        dict(ON, privileges=["CREATE_FOREIGN_CATALOG", "Use_Connection"]),
    )
    steps = ladder(
        grants,
        held,
        use,
        both,
        dict(both, privileges=["CREATE FOREIGN CATALOG"], state="absent"),
        dict(both, privileges=["MANAGE", "CREATE_FOREIGN_CATALOG"], exclusive=True),
        dict(ON, state="absent"),
    )
    for expected in (
        ["USE_CONNECTION"],
        ["CREATE_FOREIGN_CATALOG", "USE_CONNECTION"],
        ["USE_CONNECTION"],
        ["CREATE_FOREIGN_CATALOG", "MANAGE"],
        [],
    ):
        foreseen, done = next(steps)
        assert foreseen == done == dict(privileges=expected)
        assert held() == expected
    assert next(steps, None) is None
    assert held("data-eng") == ["MANAGE", "USE_CONNECTION"]


def test_a_change_names_only_what_differs(grants, give, bodies):
    give("analysts", "USE_CONNECTION", "MANAGE")
    grants(**ON, privileges=["USE_CONNECTION", "CREATE_FOREIGN_CATALOG"])
    grants(**ON, privileges=["USE_CONNECTION"], exclusive=True)
    assert [body["changes"] for body in bodies("PATCH")] == [
        [{"principal": "analysts", "add": ["CREATE_FOREIGN_CATALOG"]}],
        [{"principal": "analysts", "remove": ["CREATE_FOREIGN_CATALOG", "MANAGE"]}],
    ]


@pytest.mark.parametrize(
    ("kind", "name"), [("catalog", "Shop"), ("schema", "shop.PUBLIC"), ("table", "shop.public.orders")]
)
def test_other_kinds(grants, held, kind, name):
    on = dict(securable_type=kind, name=name, principal="account users", privileges=["SELECT"])
    assert grants(**on)["privileges"] == held("account users", kind) == ["SELECT"]
    assert not grants(**on)["changed"]
    assert grants(**on, state="absent")["changed"]
    assert held("account users", kind) == []


def test_the_name_is_asked_for_as_unity_catalog_keeps_it(grants, stand_in):
    grants(**dict(ON, name="ORDERS"), privileges=["USE_CONNECTION"])
    assert {call.path.rpartition("/")[2] for call in stand_in.requests} == {"orders"}


def test_what_is_granted_above_does_not_count(grants, held, give):
    give("analysts", "SELECT", kind="catalog")
    assert grants(securable_type="schema", name="shop.public", principal="analysts", privileges=["SELECT"])["changed"]
    assert held(kind="schema") == ["SELECT"]


def test_grants_of_all_pages_count(grants, give, small_pages):
    for number in range(5):
        give(f"a{number}", "USE_CONNECTION")
    give("analysts", "USE_CONNECTION")
    assert not grants(**ON, privileges=["USE_CONNECTION"])["changed"]


# --- ALL PRIVILEGES ----------------------------------------------------------------------------------------------


def test_all_privileges_holds_the_others(grants, give, writes):
    give("analysts", ALL)
    for privileges in (["USE_CONNECTION"], [ALL], [ALL, "CREATE_FOREIGN_CATALOG"], ["all privileges"]):
        again = grants(**ON, privileges=privileges)
        assert (again["changed"], again["privileges"]) == (False, [ALL])
    assert writes() == []


def test_all_privileges_does_not_hold_manage(grants, give, held):
    give("analysts", ALL)
    assert grants(**ON, privileges=["USE_CONNECTION", "MANAGE"])["changed"]
    assert held() == [ALL, "MANAGE"]


def test_all_privileges_is_granted_without_what_it_holds(grants, held, give):
    both = dict(ON, privileges=[ALL, "USE_CONNECTION", "MANAGE"])
    assert grants(**both)["changed"]
    assert held() == [ALL, "MANAGE"]
    assert not grants(**both)["changed"]


@pytest.mark.parametrize("others", [[], ["USE_CONNECTION"]])
def test_what_all_privileges_holds_cannot_be_removed(grants, give, held, writes, others):
    give("analysts", ALL, *others)
    for check in (True, False):
        failed = grants(**ON, privileges=["USE_CONNECTION"], state="absent", check=check)
        assert failed["msg"] == (
            "The principal has ALL_PRIVILEGES, and with it USE_CONNECTION, which cannot be taken out of it; "
            "remove ALL_PRIVILEGES, and grant what the principal is to keep"
        )
    assert writes() == []
    assert grants(**ON, privileges=["USE_CONNECTION", ALL], state="absent")["changed"]
    assert held() == []


CASES = [
    # held, privileges, state, exclusive -> add, remove
    ([], ["A"], "present", False, ["A"], []),
    (["A"], ["A"], "present", False, [], []),
    (["A"], ["B", "C"], "present", False, ["B", "C"], []),
    (["A", "B"], ["B", "C"], "present", True, ["C"], ["A"]),
    ([ALL], ["A"], "present", True, ["A"], [ALL]),
    (["A", "MANAGE"], [ALL], "present", False, [ALL], []),
    # What ALL_PRIVILEGES holds stays beside it, as Databricks may list it again.
    (["A", "MANAGE"], [ALL], "present", True, [ALL], ["MANAGE"]),
    ([ALL, "A"], [ALL], "present", True, [], []),
    ([ALL], ["EXTERNAL_USE_SCHEMA", "EXTERNAL_USE_LOCATION"], "present", False, None, []),
    (["A", "B"], ["A", "C"], "absent", False, [], ["A"]),
    (["A", "B"], None, "absent", False, [], ["A", "B"]),
    ([ALL, "A"], None, "absent", False, [], ["A", ALL]),
    ([ALL, "A"], [ALL], "absent", False, [], [ALL]),
    ([ALL, "MANAGE"], ["MANAGE"], "absent", False, [], ["MANAGE"]),
    ([], None, "absent", False, [], []),
]


@pytest.mark.parametrize(("held", "privileges", "state", "exclusive", "add", "remove"), CASES)
def test_what_is_added_and_removed(held, privileges, state, exclusive, add, remove):
    found = to_add_and_remove(held, privileges, state, exclusive)
    assert found == (sorted(privileges) if add is None else add, sorted(remove))


# --- what is not there -------------------------------------------------------------------------------------------


def test_an_object_that_is_not_there(grants, writes):
    missing = dict(ON, name="not-there", privileges=["USE_CONNECTION"])
    failed = grants(**missing)
    assert failed["msg"] == (
        "There is no connection 'not-there'; correct securable_type and name, or make it first"
    )  # fmt: skip
    virgin = grants(check=True, **missing)
    assert (virgin["changed"], virgin["privileges"]) == (True, ["USE_CONNECTION"])
    for check in (True, False):
        gone = grants(check=check, **missing, state="absent")
        assert (gone["changed"], gone["privileges"]) == (False, [])
    assert writes() == []


def test_a_principal_that_is_not_there(grants):
    nobody = dict(ON, principal="nobody", privileges=["USE_CONNECTION"])
    assert "Could not find principal with name nobody." in grants(**nobody)["msg"]
    assert not grants(**nobody, state="absent")["changed"]


# --- bad input, and what Databricks refuses ----------------------------------------------------------------------

BAD = [
    (dict(privileges=[]), "privileges: is empty; write at least one"),
    (dict(privileges=None), "privileges: is empty; write at least one"),
    (
        dict(privileges=[], state="absent"),
        "privileges: is empty; write at least one, or leave it out to remove all that the principal has",
    ),
    (dict(exclusive=True, state="absent"), "exclusive: is for state: present; with state: absent leave privileges out"),
    (dict(privileges=["ALL"]), "privileges: 'ALL' is no privilege; write ALL_PRIVILEGES"),
    (
        dict(privileges=["USE-CONNECTION"]),
        "privileges: 'USE-CONNECTION' is no privilege; write one as USE_CONNECTION or",
    ),
    (dict(privileges=["SELECT,MODIFY"]), "privileges: 'SELECT,MODIFY' is no privilege"),
    (dict(privileges=[" "]), "privileges: ' ' is no privilege"),
    (dict(principal=" "), "principal: is empty; write a user's address, a group's name or a service principal's"),
    (dict(principal=None), "principal: is empty"),
    (dict(name=None), "name: '' is not such a name; write connection"),
    (dict(name="a.b"), "name: 'a.b' is not such a name; write connection"),
    (dict(securable_type="table", name="a.b"), "name: 'a.b' is not such a name; write catalog.schema.table"),
    (dict(securable_type="share"), "value of securable_type must be one of: catalog, connection, function, metastore,"),
    (dict(name="a b", privileges=["ALL"]), "write connection; privileges: 'ALL' is no privilege"),
]


@pytest.mark.parametrize(("params", "said"), BAD)
def test_bad_input(grants, stand_in, params, said):
    failed = grants(**{**ON, "privileges": ["USE_CONNECTION"], **params})
    assert failed["failed"] and said in failed["msg"]
    assert stand_in.requests == []


@pytest.mark.parametrize("missing", ["securable_type", "name", "principal", "privileges"])
def test_missing_parameters(grants, stand_in, missing):
    params = {key: value for key, value in dict(ON, privileges=["USE_CONNECTION"]).items() if key != missing}
    failed = grants(**params)
    assert "missing" in failed["msg"] and missing in failed["msg"]
    assert stand_in.requests == []


@pytest.mark.parametrize(
    ("kind", "name"),
    [
        ("catalog", "a"),
        ("connection", "a"),
        ("function", "a.b.c"),
        ("metastore", "11111111-2222-3333-4444-555555555555"),
        ("schema", "a.b"),
        ("table", "a.b.c"),
        ("volume", "a.b.c"),
    ],
)
def test_good_names(kind, name):
    params = dict(ON, securable_type=kind, name=name, privileges=["SELECT"], exclusive=False, state="present")
    assert problems(params) == []


@pytest.mark.parametrize("check", [True, False])
def test_without_privileges(grants, held, check):
    failed = grants(client="plain-client", check=check, **ON, privileges=["USE_CONNECTION"])
    assert (failed["error_code"], failed["status_code"]) == ("PERMISSION_DENIED", 403)
    assert "needs MANAGE on the connection 'orders', or to own it" in failed["hint"]
    assert held() == []


def test_a_refused_change_says_the_privilege(grants, monkeypatch):
    def refuse(_workspace, _path, _body):
        raise _databricks.Problem("PATCH: no", "PERMISSION_DENIED", 403)

    monkeypatch.setattr(_databricks.Workspace, "patch", refuse)
    hint = grants(**ON, privileges=["USE_CONNECTION"])["hint"]
    assert "needs MANAGE on the connection 'orders', or to own it" in hint


def test_a_privilege_that_is_none_of_the_object(grants):
    failed = grants(**ON, privileges=["SELECT"])
    assert "Privilege SELECT is not applicable to this entity" in failed["msg"]


@pytest.mark.parametrize("kind", ["applied_then_reset", "rate_limited", "unavailable", "reset"])
@pytest.mark.parametrize("method", ["GET", "PATCH"])
def test_calls_that_fail_on_the_way_are_repeated(grants, stand_in, held, method, kind):
    stand_in.faults.add(method, "/permissions/", kind, retry_after=0)
    assert grants(**ON, privileges=["USE_CONNECTION"])["changed"]
    assert held() == ["USE_CONNECTION"]
