from functools import partial

import pytest
from ansible_collections.lakehouse.onprem_tunnel.plugins.modules import (
    databricks_connection,
    databricks_connection_info,
)

from .conftest import NEW_PASSWORD, PASSWORD, TOKEN

OPTIONS = {"host": "onprem.example", "port": 3306, "user": "reader"}
ORDERS = dict(name="orders", connection_type="MYSQL", options=OPTIONS, password=PASSWORD)
SENT = {"host": "onprem.example", "port": "3306", "user": "reader", "password": PASSWORD}
BY_SECRET = dict(ORDERS, password=None, secrets={"password": "ops.onprem.orders"})
NOT_RETURNED = (
    "Databricks does not return these options of the connection 'orders', so it is not known whether they are set: "
    "trustServerCertificate. update_password: always, used once, sets them."
)
CREDENTIALS_SENT = {"password and secret_options": "sent"}
SET_BY_DATABRICKS = (
    "connection_id",
    "owner",
    "url",
    "credential_type",
    "created_at",
    "updated_at",
    "read_only",
    "metastore_id",
)


@pytest.fixture
def connection(run):
    return partial(run, databricks_connection)


@pytest.fixture
def info(run):
    return partial(run, databricks_connection_info)


@pytest.fixture
def kept(metastore):
    """Return what the metastore keeps of a connection, secrets included."""
    return lambda name="orders": metastore.connections.by_name.get(name)


@pytest.fixture
def read(info):
    def read(name="orders"):
        found = info(name=name)["connections"]
        return found[0] if found else {}

    return read


def without(connection, *keys):
    return {key: value for key, value in connection.items() if key not in keys}


def differing(before, after):
    return {key for key in before.keys() | after.keys() if before.get(key) != after.get(key)}


# --- the ladder --------------------------------------------------------------------------------------------------


def test_ladder(connection, kept, read, ladder, metastore):
    described = dict(
        ORDERS, name="Orders", connection_type="mysql", comment="the shop", properties={"team": "crm", "n": 1}
    )
    steps = ladder(
        connection,
        read,
        described,
        dict(described, options=dict(OPTIONS, port=3307)),
        dict(described, options=dict(OPTIONS, port=3307), owner="data-eng"),
        dict(name="ORDERS", state="absent"),
    )
    foreseen, done = next(steps)
    assert CREDENTIALS_SENT.items() <= foreseen.items() and CREDENTIALS_SENT.items() <= done.items()
    assert without(done, *CREDENTIALS_SENT) == read()
    assert without(foreseen, *SET_BY_DATABRICKS) == without(done, *SET_BY_DATABRICKS)
    assert {key: foreseen[key] for key in SET_BY_DATABRICKS} == dict.fromkeys(SET_BY_DATABRICKS)
    assert without(read(), "connection_id", "metastore_id", "created_at", "updated_at") == {
        "name": "orders",
        "connection_type": "MYSQL",
        "options": {"host": "onprem.example", "port": "3306"},
        "secrets": {},
        "comment": "the shop",
        "properties": {"team": "crm", "n": "1"},
        "read_only": True,
        "owner": "admin-client",
        "url": "jdbc:mysql://onprem.example:3306/",
        "credential_type": "USERNAME_PASSWORD",
    }
    assert kept().options == SENT
    foreseen, done = next(steps)
    assert foreseen == without(done, "updated_at", "url") | {key: foreseen[key] for key in ("updated_at", "url")}
    assert done["options"]["port"] == "3307"
    assert CREDENTIALS_SENT.items() <= foreseen.items() and CREDENTIALS_SENT.items() <= done.items()
    assert kept().options == SENT | {"port": "3307"}
    foreseen, done = next(steps)
    assert foreseen["owner"] == done["owner"] == read()["owner"] == "data-eng"
    assert CREDENTIALS_SENT.keys().isdisjoint(foreseen.keys() | done.keys())  # the password was given, and not needed
    assert kept().options == SENT | {"port": "3307"}
    assert next(steps) == ({}, {})
    assert next(steps, None) is None
    assert metastore.connections.by_name == {}


def test_made_with_a_secret_of_unity_catalog(connection, kept, bodies, ladder, read):
    steps = ladder(connection, read, BY_SECRET, dict(BY_SECRET, secrets={"password": "OPS.onprem.other"}))
    foreseen, done = next(steps)
    assert foreseen["secrets"] == done["secrets"] == {"password": "ops.onprem.orders"}
    assert CREDENTIALS_SENT.keys().isdisjoint(foreseen.keys() | done.keys())
    assert bodies("POST")[0]["secrets"] == {"password": "ops.onprem.orders"}
    assert kept().options == without(SENT, "password")
    foreseen, done = next(steps)
    assert foreseen["secrets"] == done["secrets"] == {"password": "ops.onprem.other"}
    assert kept().secrets == {"password": "ops.onprem.other"}
    assert list(steps) == []


def test_made_for_an_owner(connection, kept, writes):
    made = connection(**dict(ORDERS, owner="data-eng"))
    assert made["connection"]["owner"] == kept().owner == "data-eng"
    assert writes() == [("POST", "/connections"), ("PATCH", "/connections/orders")]


def test_an_owner_that_makes_it_needs_no_update(connection, writes):
    assert connection(**dict(ORDERS, owner="admin-client"))["changed"]
    assert writes() == [("POST", "/connections")]


def test_further_secrets_and_fields(connection, kept):
    options = {"host": "x.example", "port": 443, "user": "reader"}
    params = dict(name="wh", connection_type="HTTP", options=options, read_only=False)
    assert connection(**params, secret_options={"client_secret": TOKEN})["connection"]["read_only"] is False
    assert kept("wh").options["client_secret"] == TOKEN


def test_a_name_with_special_characters(connection, read, metastore):
    assert connection(**dict(ORDERS, name="50%?#ä"))["changed"]
    assert not connection(**dict(ORDERS, name="50%?#ä"))["changed"]
    assert read("50%?#ä")["name"] == "50%?#ä"
    assert connection(name="50%?#ä", state="absent")["changed"]
    assert metastore.connections.by_name == {}


# --- what can be seen, and what cannot ---------------------------------------------------------------------------


def test_an_update_sends_all_options_with_the_password(connection, kept, bodies):
    connection(**ORDERS)
    connection(**dict(ORDERS, options=dict(OPTIONS, host="other.example"), password=NEW_PASSWORD))
    sent = SENT | {"host": "other.example", "password": NEW_PASSWORD}
    assert bodies("PATCH") == [{"options": sent}]
    assert kept().options == sent


def test_a_change_of_the_owner_alone_needs_no_password(connection, kept, bodies):
    connection(**ORDERS)
    assert connection(**dict(ORDERS, password=None, owner="data-eng"))["changed"]
    assert bodies("PATCH") == [{"owner": "data-eng"}]
    assert kept().options == SENT


def test_an_update_without_a_password_fails_before_anything_is_touched(connection, kept, writes):
    connection(**ORDERS)
    changed = dict(ORDERS, options=dict(OPTIONS, port=3307), password=None)
    for check in (True, False):
        failed = connection(check=check, **changed)
        assert failed["msg"].startswith("The connection 'orders' has to be changed, and its password is not given")
    assert writes() == [("POST", "/connections")]
    assert kept().options == SENT


def test_an_update_keeps_the_references_to_secrets(connection, kept):
    connection(**BY_SECRET)
    assert connection(**dict(ORDERS, password=None, options=dict(OPTIONS, port=3307)))["changed"]
    assert kept().secrets == {"password": "ops.onprem.orders"}
    assert kept().options["port"] == "3307"


def test_a_password_takes_the_place_of_a_reference(connection, kept, ladder, read):
    connection(**BY_SECRET)
    [(foreseen, done)] = ladder(connection, read, ORDERS)
    assert foreseen["secrets"] == done["secrets"] == {}
    assert (kept().secrets, kept().options) == ({}, SENT)


def test_a_reference_takes_the_place_of_a_password(connection, kept, ladder, read):
    connection(**ORDERS)
    [(foreseen, done)] = ladder(connection, read, BY_SECRET)
    assert foreseen["secrets"] == done["secrets"] == {"password": "ops.onprem.orders"}
    assert kept().options == without(SENT, "password")


def test_references_can_be_taken_away(connection, kept):
    connection(**dict(BY_SECRET, secrets={"password": "ops.onprem.orders", "extra": "ops.onprem.other"}))
    assert connection(**BY_SECRET)["changed"]
    assert kept().secrets == {"password": "ops.onprem.orders"}


def test_another_password_alone_is_not_seen(connection, kept):
    connection(**ORDERS)
    assert not connection(**dict(ORDERS, password=NEW_PASSWORD))["changed"]
    assert kept().options["password"] == PASSWORD


def test_always_sends_the_password_and_says_so(connection, kept):
    connection(**ORDERS)
    again = dict(ORDERS, password=NEW_PASSWORD, update_password="always")
    foreseen = connection(check=True, **again)
    assert foreseen["changed"]
    assert kept().options["password"] == PASSWORD
    for _ in range(2):
        done = connection(**again)
        assert done["changed"]
        for result in (foreseen, done):
            assert differing(result["diff"]["before"], result["diff"]["after"]) - {"updated_at"} == set(
                CREDENTIALS_SENT
            )
    assert kept().options == SENT | {"password": NEW_PASSWORD}


def test_always_sends_other_secrets(connection, kept):
    params = dict(name="wh", connection_type="HTTP", options={"host": "x"}, secret_options={"bearer_token": TOKEN})
    connection(**dict(params, secret_options={"bearer_token": "first-of-all"}))
    assert connection(**params, update_password="always")["changed"]
    assert kept("wh").options["bearer_token"] == TOKEN


def test_always_has_nothing_to_send_where_unity_catalog_keeps_the_secret(connection, writes):
    connection(**BY_SECRET)
    assert not connection(**BY_SECRET, update_password="always")["changed"]
    assert writes() == [("POST", "/connections")]


def test_an_option_that_is_not_listed_is_no_difference_and_goes_with_the_next_update(connection, kept, read):
    connection(**dict(ORDERS, options=dict(OPTIONS, trustServerCertificate=True)))
    assert not connection(**ORDERS)["changed"]
    changed = dict(ORDERS, options=dict(OPTIONS, port=3307))
    foreseen, done = connection(check=True, **changed), connection(**changed)
    for result in (foreseen, done):
        assert result["diff"]["before"]["options"]["trustServerCertificate"] == "true"
        assert result["diff"]["after"]["options"] == {"host": "onprem.example", "port": "3307"}
    assert kept().options == SENT | {"port": "3307"}


def test_an_option_that_is_not_returned_is_warned_of(connection, kept):
    connection(**ORDERS)
    added = dict(ORDERS, options=dict(OPTIONS, trustServerCertificate=True))
    again = connection(**added)
    assert not again["changed"]
    assert again["warnings"] == [NOT_RETURNED]
    connection(**added, update_password="always")
    assert kept().options == SENT | {"trustServerCertificate": "true"}
    assert "warnings" not in connection(**added)


def test_the_user_is_never_returned_and_not_warned_of(connection):
    connection(**ORDERS)
    assert "warnings" not in connection(**dict(ORDERS, options=dict(OPTIONS, user="another")))


def test_where_an_update_keeps_what_it_does_not_send(metastore, monkeypatch, connection, kept):
    monkeypatch.setattr(metastore.connections, "keeps_omitted_options", True)
    connection(**dict(ORDERS, options=dict(OPTIONS, trustServerCertificate=True)))
    changed = dict(ORDERS, options=dict(OPTIONS, port=3307))
    shown = connection(**changed)["connection"]["options"]
    assert shown == {"host": "onprem.example", "port": "3307", "trustServerCertificate": "true"}
    assert not connection(**changed)["changed"]


# --- what cannot be changed --------------------------------------------------------------------------------------

IMMUTABLE = [
    ("connection_type", "POSTGRESQL", "connection_type is 'MYSQL', and 'POSTGRESQL' is asked for"),
    ("comment", "new", "comment is 'old', and 'new' is asked for"),
    ("properties", {"team": "new"}, "properties is {'team': 'old'}, and {'team': 'new'} is asked for"),
    ("read_only", False, "read_only is True, and False is asked for"),
]
OLD = dict(ORDERS, comment="old", properties={"team": "old"})


@pytest.mark.parametrize(("field", "value", "said"), IMMUTABLE)
def test_what_cannot_be_changed(connection, kept, writes, ladder, read, field, value, said):
    connection(**OLD)
    made = kept()
    changed = dict(OLD, **{field: value})
    for check in (True, False):
        failed = connection(check=check, **changed)
        assert failed["msg"] == (
            f"The connection 'orders' differs in what Databricks cannot change: {said}; correct the task; or recreate: "
            "true deletes it and makes it anew, and then its owner and its grants are lost"
        )
    assert writes() == [("POST", "/connections")]
    [(foreseen, done)] = ladder(connection, read, dict(changed, recreate=True))
    assert foreseen[field] == done[field] == value
    assert kept().id != made.id
    assert kept().options == SENT


def test_all_that_cannot_be_changed_is_named_at_once(connection):
    connection(**OLD)
    said = connection(**dict(OLD, **{field: value for field, value, _said in IMMUTABLE}))["msg"]
    assert all(part in said for _field, _value, part in IMMUTABLE)


def test_what_is_left_out_is_no_difference(connection, writes):
    connection(**OLD)
    assert not connection(**ORDERS)["changed"]
    assert not connection(**dict(OLD, properties={}))["changed"]
    assert writes() == [("POST", "/connections")]


def test_an_empty_comment_is_none(connection):
    connection(**ORDERS)
    assert not connection(**dict(ORDERS, comment=""))["changed"]


def test_recreate_changes_nothing_that_can_stay(connection, kept):
    connection(**OLD)
    made = kept()
    assert not connection(**OLD, recreate=True)["changed"]
    assert connection(**dict(OLD, options=dict(OPTIONS, port=3307)), recreate=True)["changed"]
    assert kept() is made


def test_recreate_needs_the_password(connection, kept):
    connection(**OLD)
    failed = connection(**dict(OLD, comment="new", password=None), recreate=True)
    assert "its password is not given" in failed["msg"]
    assert kept().comment == "old"


def test_recreate_is_refused_while_catalogs_use_it(connection, metastore, writes, kept):
    connection(**OLD)
    for name in ("shop", "crm"):
        metastore.catalogs.create(name, "admin-client", connection=kept())
    for check in (True, False):
        failed = connection(check=check, **dict(OLD, comment="new"), recreate=True)
        assert failed["msg"].startswith(
            "The connection 'orders' is used by the foreign catalogs crm, shop, and is not deleted"
        )
    assert writes() == [("POST", "/connections")]


def test_what_was_deleted_and_cannot_be_made_anew_is_said(connection, kept, stand_in):
    connection(**OLD)
    stand_in.faults.add("POST", "/connections$", "internal_error", times=None)
    failed = connection(**dict(OLD, comment="new"), recreate=True)
    assert failed["msg"].startswith("The connection 'orders' has been deleted, and could not be made anew: POST")
    assert failed["status_code"] == 500
    assert kept() is None


# --- its end -----------------------------------------------------------------------------------------------------


def test_it_is_not_deleted_while_catalogs_use_it(connection, metastore, writes, kept):
    connection(**ORDERS)
    connection(**dict(ORDERS, name="other"))
    metastore.catalogs.create("crm", "admin-client", connection=kept())
    metastore.catalogs.create("own", "admin-client")
    for check in (True, False):
        failed = connection(name="orders", state="absent", check=check)
        assert failed["msg"] == (
            "The connection 'orders' is used by the foreign catalogs crm, and is not deleted while it is; "
            "delete them first, with databricks_foreign_catalog and state: absent"
        )
    assert connection(name="other", state="absent")["changed"]
    assert ("DELETE", "/connections/orders") not in writes()


def test_catalogs_of_all_pages_and_workspaces_count(connection, metastore, kept, small_pages, stand_in):
    connection(**ORDERS)
    for number in range(5):
        metastore.catalogs.create(f"c{number}", "admin-client", connection=kept())
    assert "c0, c1, c2, c3, c4" in connection(name="orders", state="absent")["msg"]
    listed = [call.query for call in stand_in.requests if call.path.endswith("/catalogs")]
    assert {query["include_unbound"] for query in listed} == {"true"}


# --- bad input ---------------------------------------------------------------------------------------------------

BAD = [
    (dict(connection_type=None), "connection_type: is empty; write the connection's"),
    (dict(options=None), "options: is empty; write the connection's"),
    (dict(options={}), "options: is empty; write the connection's"),
    (dict(name=None), "name: is empty; write a name"),
    (
        dict(name="a.b"),
        "name: 'a.b' is no name in Unity Catalog; write it without '.', '/', spaces and control characters",
    ),
    (
        dict(name="a/b", state="absent"),
        "name: 'a/b' is no name in Unity Catalog; write it without '.', '/', spaces and ",
    ),
    (dict(connection_type="MariaDB"), "connection_type: Databricks has no MARIADB; write MYSQL"),
    (dict(password=""), "password: is empty; write the password, or leave it out"),
    (dict(options={"host": None}), "options.host: is empty; write a value, or leave the key out"),
    (dict(properties={"a": []}), "properties.a: is a list; write a string, number or boolean"),
    (dict(secret_options={"a": ""}), "secret_options.a: is empty; write a value, or leave the key out"),
    (dict(secrets={"a": "b.c"}), "secrets.a: 'b.c' is not such a name; write catalog.schema.secret"),
    (
        dict(options={"password": PASSWORD}, password=None),
        "options.password: does not belong in options, which are shown; write it in password",
    ),
    (
        dict(options={"personalAccessToken": TOKEN}),
        "options.personalAccessToken: does not belong in options, which are shown; write it in secret_options",
    ),
    (dict(secrets={"password": "a.b.c"}), "password: is given in secrets and in password; write it in one of them"),
    (dict(secrets={"user": "a.b.c"}), "user: is given in options and in secrets; write it in one of them"),
    (
        dict(secret_options={"password": PASSWORD, "user": "x-user-x"}),
        (
            "password: is given in secret_options and in password; write it in one of them; "
            "user: is given in options and in secret_options; write it in one of them"
        ),
    ),
]


@pytest.mark.parametrize(("params", "said"), BAD, ids=[said[:50] for _params, said in BAD])
def test_bad_input(connection, stand_in, params, said):
    failed = connection(**{**ORDERS, **params})
    assert failed["failed"] and said in failed["msg"]
    assert stand_in.requests == []


@pytest.mark.parametrize("missing", ["name", "connection_type", "options"])
def test_missing_parameters(connection, stand_in, missing):
    failed = connection(**without(ORDERS, missing))
    assert "missing" in failed["msg"] and missing in failed["msg"]
    assert stand_in.requests == []


@pytest.mark.parametrize("value", ["", None])
def test_a_misplaced_secret_that_is_none_hides_nothing_else(connection, value):
    said = connection(**dict(ORDERS, options={"bearer_token": value}))["msg"]
    assert "options.bearer_token: does not belong in options, which are shown; write it in secret_options" in said


def test_all_that_is_wrong_is_said_at_once(connection):
    failed = connection(**dict(ORDERS, name="a b", connection_type="MARIADB", options={"host": ""}))
    assert all(part in failed["msg"] for part in ("name: 'a b'", "no MARIADB", "options.host"))


@pytest.mark.parametrize(
    "key",
    ["client_secret", "OAuthPvtKey", "GoogleServiceAccountKeyJson", "pem_private_key", "bearer_token", "Password"],
)
def test_options_that_look_like_secrets(connection, key):
    assert f"options.{key}: does not belong" in connection(**dict(ORDERS, options={key: TOKEN}))["msg"]


@pytest.mark.parametrize("key", ["token_endpoint", "trustServerCertificate", "passwordless", "httpPath"])
def test_options_that_do_not(connection, key):
    params = dict(name="wh", connection_type="HTTP", options={"host": "x", key: "value"})
    assert connection(**params)["connection"]["options"][key] == "value"


def test_what_should_not_be_returned_is_not_shown(connection, info, kept, monkeypatch):
    monkeypatch.setattr("lab.databricks.state.connections.CREDENTIALS", set())
    made = connection(**ORDERS)
    assert "password" not in made["connection"]["options"]
    assert "password" not in info()["connections"][0]["options"]
    assert kept().options["password"] == PASSWORD


# --- what Databricks refuses -------------------------------------------------------------------------------------


def test_without_privileges(connection, kept):
    failed = connection(client="plain-client", **ORDERS)
    assert (failed["error_code"], failed["status_code"]) == ("PERMISSION_DENIED", 403)
    assert failed["hint"] == (
        "the service principal needs CREATE CONNECTION on the metastore, and has to be a member of this workspace"
    )
    assert failed["msg"].endswith(failed["hint"])
    connection(**ORDERS)
    failed = connection(client="plain-client", **ORDERS)
    assert "needs USE CONNECTION on the connection, or to own it" in failed["hint"]


@pytest.mark.parametrize("params", [dict(ORDERS, options=dict(OPTIONS, port=1)), dict(name="orders", state="absent")])
def test_without_the_privilege_to_manage(connection, metastore, kept, params):
    connection(**ORDERS)
    metastore.grants.change(("connection", kept().id, ""), "plain-client", ["USE_CONNECTION"], [])
    failed = connection(client="plain-client", **params)
    assert failed["status_code"] == 403
    assert "needs MANAGE on the connection, or to own it" in failed["hint"]
    assert kept().options == SENT


def test_wrong_credentials(connection, kept):
    failed = connection(**ORDERS, client_secret="wrong-one-0815")
    assert failed["error_code"] == "UNAUTHENTICATED"
    assert "check client_id and client_secret" in failed["hint"]
    assert kept() is None


def test_what_databricks_refuses_is_said(connection):
    failed = connection(**dict(ORDERS, connection_type="NO_SUCH"))
    assert "'NO_SUCH' is no connection type." in failed["msg"]
    assert (failed["error_code"], failed["status_code"]) == ("INVALID_PARAMETER_VALUE", 400)


# --- faults on the way -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["applied_then_timeout", "applied_then_reset", "rate_limited", "unavailable", "reset"])
def test_a_creation_that_fails_on_the_way_makes_one(connection, stand_in, metastore, kind):
    stand_in.faults.add("POST", "/connections$", kind, seconds=1.5, retry_after=0)
    made = connection(**ORDERS, http_timeout=1, retry_timeout=5)
    if kind == "reset":  # it is not known whether it was made, and it was not
        assert made["error_code"] == "UNREACHABLE"
        made = connection(**ORDERS)
    assert made["changed"] and made["connection"]["name"] == "orders"
    assert list(metastore.connections.by_name) == ["orders"]
    assert metastore.connections.by_name["orders"].options == SENT
    assert not connection(**ORDERS)["changed"]


def test_a_creation_that_was_carried_out_gets_its_owner(connection, stand_in, kept):
    stand_in.faults.add("POST", "/connections$", "applied_then_reset")
    assert connection(**ORDERS, owner="data-eng")["connection"]["owner"] == "data-eng"
    assert kept().owner == "data-eng"


@pytest.mark.parametrize("kind", ["applied_then_reset", "reset", "rate_limited", "unavailable", "bad_gateway"])
@pytest.mark.parametrize("method", ["GET", "PATCH", "DELETE"])
def test_other_calls_that_fail_on_the_way_are_repeated(connection, stand_in, kept, method, kind):
    connection(**ORDERS)
    stand_in.faults.add(method, "/connections/orders$", kind, retry_after=0)
    params = (
        dict(name="orders", state="absent") if method == "DELETE" else dict(ORDERS, options=dict(OPTIONS, port=3307))
    )
    done = connection(**params)
    assert done["changed"]
    assert kept() is None if method == "DELETE" else kept().options["port"] == "3307"


@pytest.mark.parametrize("kind", ["login_page", "bad_gateway", "internal_error"])
@pytest.mark.parametrize("params", [ORDERS, dict(ORDERS, options=dict(OPTIONS, port=3307))], ids=["POST", "PATCH"])
def test_an_answer_of_something_else_does_not_repeat_the_request(connection, stand_in, params, kind):
    if params is not ORDERS:
        connection(**ORDERS)
    stand_in.faults.add("POST" if params is ORDERS else "PATCH", "/connections", kind, times=None)
    failed = connection(**params, retry_timeout=0)
    assert failed["failed"]
    assert "onprem.example" not in failed["msg"]
    assert (failed["error_code"] == "NOT_THE_API") == (kind != "internal_error")


def test_somebody_else_made_it_in_between(connection, stand_in, metastore, monkeypatch):
    answers = iter([None])
    find = databricks_connection.Connections.get
    monkeypatch.setattr(
        databricks_connection.Connections, "get", lambda self, name: next(answers, None) and find(self, name)
    )
    metastore.connections.create("orders", "MYSQL", dict(SENT), "admin-client")
    assert connection(**ORDERS)["changed"]
    assert list(metastore.connections.by_name) == ["orders"]


# --- databricks_connection_info ----------------------------------------------------------------------------------


def test_info(connection, info, small_pages):
    assert info()["connections"] == []
    assert info(name="orders")["connections"] == []
    made = {name: connection(**dict(ORDERS, name=name))["connection"] for name in ("s", "c", "a", "t", "b")}
    assert info()["connections"] == [made[name] for name in "abcst"]
    assert info(name="S")["connections"] == [made["s"]]
    found = info(check=True, name="s")
    assert (found["connections"], found["changed"]) == ([made["s"]], False)


def test_info_asks_for_the_name_as_unity_catalog_keeps_it(info, stand_in):
    info(name="ORDERS")
    assert stand_in.requests[-1].path.endswith("/connections/orders")


def test_info_shows_what_the_principal_sees(connection, info):
    connection(**ORDERS)
    assert info(client="plain-client")["connections"] == []
    assert info(client="plain-client", name="orders")["status_code"] == 403


def test_info_of_a_bad_name(info, stand_in):
    assert info(name="a/b")["msg"].startswith("name: 'a/b' is no name")
    assert info(name="")["msg"] == "name: is empty; write a name"
    assert stand_in.requests == []
