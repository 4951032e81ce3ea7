from functools import partial

import pytest
from ansible_collections.lakehouse.onprem_tunnel.plugins.modules import (
    databricks_foreign_catalog,
    databricks_foreign_catalog_info,
)

OPTIONS = {"host": "onprem.example", "port": "5432", "user": "reader", "password": "x-reader-x"}
CRM = dict(name="crm", connection_name="crm", options={"database": "sales"})
SET_BY_DATABRICKS = ("owner", "isolation_mode", "created_at", "updated_at")


@pytest.fixture
def catalog(run):
    return partial(run, databricks_foreign_catalog)


@pytest.fixture(autouse=True)
def connections(metastore):
    """Two connections."""
    return {
        name: metastore.connections.create(name, "POSTGRESQL", OPTIONS, "admin-client") for name in ("crm", "other")
    }


@pytest.fixture
def kept(metastore):
    return lambda name="crm": metastore.catalogs.by_name.get(name)


@pytest.fixture
def read(kept):
    """Return what is there, as the module returns it."""

    def read():
        found = kept()
        return found and dict(vars(found), properties=dict(found.properties or {}), contents=sorted(found.contents))

    return read


def shown(catalog):
    return {key: value for key, value in catalog.items() if key not in SET_BY_DATABRICKS}


def test_ladder(catalog, ladder, read, kept, metastore):
    described = dict(CRM, name="CRM", connection_name="Crm", comment="sales", properties={"team": "crm", "n": 1})
    steps = ladder(
        catalog,
        read,
        described,
        dict(described, comment="all sales", properties={"n": 2}),
        dict(CRM, owner="data-eng"),
        dict(CRM, isolation_mode="ISOLATED"),
        dict(name="CRM", state="absent"),
    )
    foreseen, done = next(steps)
    assert shown(foreseen) == shown(done) == {
        "name": "crm",
        "catalog_type": "FOREIGN_CATALOG",
        "connection_name": "crm",
        "options": {"database": "sales"},
        "comment": "sales",
        "properties": {"team": "crm", "n": "1"},
    }  # fmt: skip
    assert {key: foreseen[key] for key in SET_BY_DATABRICKS} == dict.fromkeys(SET_BY_DATABRICKS)
    assert (done["owner"], done["isolation_mode"]) == ("admin-client", "OPEN")
    foreseen, done = next(steps)
    assert shown(foreseen) == shown(done)
    assert (kept().comment, kept().properties) == ("all sales", {"team": "crm", "n": "2"})
    foreseen, done = next(steps)
    assert foreseen["owner"] == done["owner"] == kept().owner == "data-eng"
    foreseen, done = next(steps)
    assert foreseen["isolation_mode"] == done["isolation_mode"] == kept().isolation_mode == "ISOLATED"
    assert next(steps) == ({}, {})
    assert next(steps, None) is None
    assert metastore.catalogs.by_name == {}


def test_made_for_an_owner_and_isolated(catalog, kept, bodies):
    made = catalog(**CRM, owner="data-eng", isolation_mode="ISOLATED")
    assert (made["catalog"]["owner"], made["catalog"]["isolation_mode"]) == ("data-eng", "ISOLATED")
    assert (kept().owner, kept().isolation_mode) == ("data-eng", "ISOLATED")
    assert bodies("PATCH") == [{"owner": "data-eng", "isolation_mode": "ISOLATED"}]


def test_what_is_made_as_it_should_be_is_not_updated(catalog, writes):
    catalog(**CRM, owner="admin-client", isolation_mode="OPEN", comment="c", properties={"a": "b"})
    assert writes() == [("POST", "/catalogs")]


def test_an_update_sends_only_what_differs(catalog, bodies):
    catalog(**CRM, comment="c", properties={"a": "b"}, owner="data-eng")
    catalog(**CRM, comment="d", properties={"a": "b"}, owner="data-eng")
    assert bodies("PATCH") == [{"owner": "data-eng"}, {"comment": "d"}]


def test_what_is_left_out_stays(catalog, writes):
    catalog(**CRM, comment="c", properties={"a": "b"}, owner="data-eng", isolation_mode="ISOLATED")
    before = writes()
    assert not catalog(**dict(CRM, options=None))["changed"]
    assert writes() == before


def test_a_comment_can_be_taken_away(catalog, kept):
    catalog(**CRM, comment="c")
    assert catalog(**CRM, comment="")["changed"]
    assert not catalog(**CRM, comment="")["changed"]
    assert not kept().comment


# --- what cannot be changed --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        (dict(connection_name="Other"), "connection_name is 'crm', and 'other' is asked for"),
        (dict(options={"database": "new"}), "options.database is 'sales', and 'new' is asked for"),
        (dict(options={"database": "sales", "more": 1}), "options.more is None, and '1' is asked for"),
    ],
)
def test_what_cannot_be_changed(catalog, kept, writes, ladder, read, changed, said):
    catalog(**CRM)
    made = kept()
    for check in (True, False):
        failed = catalog(check=check, **{**CRM, **changed})
        assert failed["msg"] == (
            f"The catalog 'crm' differs in what Databricks cannot change: {said}; correct the task; or recreate: true "
            "deletes it and makes it anew, and then its owner and its grants are lost, and so are those of all "
            "that is in it"
        )
    assert writes() == [("POST", "/catalogs")]
    [(foreseen, done)] = ladder(catalog, read, {**CRM, **changed, "recreate": True})
    assert shown(foreseen) == shown(done)
    assert kept().id != made.id
    assert (kept().connection.name, kept().options) == (done["connection_name"], done["options"])


def test_options_that_databricks_does_not_return_are_not_compared(catalog, metastore, connections):
    metastore.catalogs.create("crm", "admin-client", connection=connections["crm"], options={"database": "sales"})
    metastore.catalogs.by_name["crm"].options = {}
    assert not catalog(**CRM)["changed"]


def test_recreate_changes_nothing_that_can_stay(catalog, kept):
    catalog(**CRM)
    made = kept()
    assert not catalog(**CRM, recreate=True)["changed"]
    assert catalog(**CRM, comment="c", recreate=True)["changed"]
    assert kept() is made


def test_recreate_needs_force_if_it_is_not_empty(catalog, kept, metastore):
    catalog(**CRM)
    metastore.catalogs.add_table("crm.public.orders")
    again = dict(CRM, connection_name="other", recreate=True)
    assert "force: true" in catalog(**again)["hint"]
    assert kept().connection.name == "crm"
    assert catalog(**again, force=True)["changed"]
    assert kept().connection.name == "other"


def test_what_was_deleted_and_cannot_be_made_anew_is_said(catalog, kept, stand_in):
    catalog(**CRM)
    stand_in.faults.add("POST", "/catalogs$", "internal_error", times=None)
    failed = catalog(**dict(CRM, connection_name="other"), recreate=True)
    assert failed["msg"].startswith("The catalog 'crm' has been deleted, and could not be made anew: POST")
    assert kept() is None


# --- its end, and what is somebody else's ------------------------------------------------------------------------


def test_what_is_in_it_is_deleted_with_force_only(catalog, kept, metastore, bodies):
    catalog(**CRM)
    metastore.catalogs.add_table("crm.public.orders")
    failed = catalog(name="crm", state="absent")
    assert "is not empty" in failed["msg"]
    assert failed["hint"] == "if it is not empty, force: true deletes what is in it, too; the database keeps its data"
    assert kept().contents
    assert catalog(name="crm", state="absent", force=True)["changed"]
    assert kept() is None


def test_force_is_sent_if_it_is_asked_for(catalog, stand_in):
    for force, query in ((False, {}), (True, {"force": "true"})):
        catalog(**CRM)
        catalog(name="crm", state="absent", force=force)
        assert stand_in.requests[-1].query == query


@pytest.mark.parametrize(
    "params", [CRM, dict(CRM, recreate=True, force=True), dict(name="crm", state="absent", force=True)]
)
def test_a_catalog_that_is_not_foreign_is_never_touched(catalog, metastore, writes, params):
    metastore.catalogs.create("crm", "admin-client")
    for check in (True, False):
        failed = catalog(check=check, **params)
        assert failed["msg"] == (
            "The catalog 'crm' is a MANAGED_CATALOG, no FOREIGN_CATALOG, and so is somebody else's; choose another name"
        )
    assert writes() == []


# --- bad input, and what Databricks refuses ----------------------------------------------------------------------

BAD = [
    (dict(connection_name=None), "connection_name: is empty; write a name"),
    (dict(connection_name="a.b"), "connection_name: 'a.b' is no name in Unity Catalog"),
    (dict(name="a b"), "name: 'a b' is no name in Unity Catalog"),
    (dict(name=None), "name: is empty; write a name"),
    (dict(name="a/b", state="absent"), "name: 'a/b' is no name in Unity Catalog"),
    (dict(options={"database": None}), "options.database: is empty; write a value, or leave the key out"),
    (dict(properties={"a": {}}), "properties.a: is a dict; write a string, number or boolean"),
    (dict(isolation_mode="SHARED"), "value of isolation_mode must be one of: OPEN, ISOLATED, got: SHARED"),
]


@pytest.mark.parametrize(("params", "said"), BAD)
def test_bad_input(catalog, stand_in, params, said):
    failed = catalog(**{**CRM, **params})
    assert failed["failed"] and said in failed["msg"]
    assert stand_in.requests == []


@pytest.mark.parametrize("missing", ["name", "connection_name"])
def test_missing_parameters(catalog, stand_in, missing):
    failed = catalog(**{key: value for key, value in CRM.items() if key != missing})
    assert "missing" in failed["msg"] and missing in failed["msg"]
    assert stand_in.requests == []


def test_a_virgin_check_needs_no_connection(catalog):
    params = dict(CRM, connection_name="not-there-yet")
    assert catalog(check=True, **params)["changed"]
    assert "Connection 'not-there-yet' does not exist." in catalog(**params)["msg"]


def test_without_privileges(catalog, kept):
    failed = catalog(client="plain-client", **CRM)
    assert (failed["error_code"], failed["status_code"]) == ("PERMISSION_DENIED", 403)
    assert "needs CREATE CATALOG on the metastore and CREATE FOREIGN CATALOG on the connection" in failed["hint"]
    catalog(**CRM)
    assert "needs USE CATALOG on the catalog, or to own it" in catalog(client="plain-client", **CRM)["hint"]


@pytest.mark.parametrize("params", [dict(CRM, comment="c"), dict(name="crm", state="absent")])
def test_without_the_privilege_to_manage(catalog, metastore, kept, params):
    catalog(**CRM)
    metastore.grants.change(("catalog", kept().id, ""), "plain-client", ["USE_CATALOG"], [])
    assert "needs MANAGE on the catalog, or to own it" in catalog(client="plain-client", **params)["hint"]
    assert kept().comment is None


@pytest.mark.parametrize("kind", ["applied_then_timeout", "applied_then_reset", "rate_limited", "unavailable"])
def test_a_creation_that_fails_on_the_way_makes_one(catalog, stand_in, kept, writes, kind):
    stand_in.faults.add("POST", "/catalogs$", kind, seconds=1.5, retry_after=0)
    assert catalog(**CRM, owner="data-eng", http_timeout=1)["catalog"]["owner"] == "data-eng"
    assert kept().owner == "data-eng"
    assert not catalog(**CRM)["changed"]
    assert writes().count(("POST", "/catalogs")) == (1 if kind.startswith("applied") else 2)


@pytest.mark.parametrize("kind", ["applied_then_reset", "rate_limited", "unavailable"])
def test_a_deletion_that_fails_on_the_way(catalog, stand_in, kept, kind):
    catalog(**CRM)
    stand_in.faults.add("DELETE", "/catalogs/crm$", kind, retry_after=0)
    assert catalog(name="crm", state="absent")["changed"]
    assert kept() is None


# --- databricks_foreign_catalog_info -----------------------------------------------------------------------------


def test_info(run, catalog, metastore, small_pages, stand_in):
    assert run(databricks_foreign_catalog_info)["catalogs"] == []
    metastore.catalogs.create("managed", "admin-client")
    made = {name: catalog(**dict(CRM, name=name))["catalog"] for name in ("s", "c", "a")}
    made["o"] = catalog(**dict(CRM, name="o", connection_name="other"))["catalog"]
    found = run(databricks_foreign_catalog_info)
    assert (found["catalogs"], found["changed"]) == ([made[name] for name in "acos"], False)
    assert run(databricks_foreign_catalog_info, connection_name="Other")["catalogs"] == [made["o"]]
    assert stand_in.requests[-1].query["include_unbound"] == "true"


def test_info_of_a_bad_name(run, stand_in):
    assert run(databricks_foreign_catalog_info, connection_name="a/b")["msg"].startswith(
        "connection_name: 'a/b' is no name"
    )
    assert stand_in.requests == []
