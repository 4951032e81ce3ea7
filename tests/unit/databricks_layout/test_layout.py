"""From the role's settings to what a workspace is to have; each wrong setting in one message."""

import copy

import pytest
from ansible_collections.lakehouse.onprem_tunnel.plugins.plugin_utils._databricks_workspace import layout

SETTINGS = {
    "compute": ["serverless", "classic"],
    "id": "1234567890",
    "account_id": "11111111-2222-3333-4444-555555555555",
    "ncc_name": "onprem-tunnel",
    "ncc_id": "",
    "region": "",
    "endpoint_service": "com.amazonaws.vpce.eu-central-1.vpce-svc-0123456789abcdef0",
    "domain_names": ["mysql01.corp.example", "onprem.corp.example"],
    "connections": [
        {
            "name": "orders",
            "type": "MYSQL",
            "host": "mysql01.corp.example",
            "port": 3306,
            "user": "reader",
            "secret": "ops.onprem.orders",
            "options": {"trustServerCertificate": "true"},
            "connection": "Orders",
            "connection_grants": {"analysts": ["USE_CONNECTION"]},
            "catalog": "orders",
            "catalog_options": {},
            "catalog_grants": {"analysts": []},
        },
        {
            "name": "crm",
            "type": "POSTGRESQL",
            "host": "onprem.corp.example",
            "port": 5432,
            "user": "reader",
            "secret": "",
            "options": {},
            "connection": "crm",
            "connection_grants": {},
            "catalog": "",
            "catalog_options": {},
            "catalog_grants": {},
        },
    ],
    "password_names": ["crm"],
    "separate_connections": False,
    "classic_host": "",
    "hub_to_come": False,
    "drivers": ["com.mysql:mysql-connector-j"],
    "allow_drivers": True,
    "mark": "prod",
}


def settings(**changes):
    return {**copy.deepcopy(SETTINGS), **changes}


def connection(**changes):
    """The settings, the first connection with other fields."""
    made = settings()
    made["connections"][0].update(changes)
    return made


def test_what_a_workspace_is_to_have():
    made = layout(settings())
    assert made["problems"] == [] and made["region"] == "eu-central-1"
    orders, crm = made["connections"]
    assert orders["name"] == "orders", "as Unity Catalog keeps it"
    assert orders["options"] == {
        "host": "mysql01.corp.example",
        "port": "3306",
        "user": "reader",
        "trustServerCertificate": "true",
    }
    assert orders["secrets"] == {"password": "ops.onprem.orders"} and crm["secrets"] == {}
    assert orders["properties"] == crm["properties"] == {"onprem_tunnel": "prod"}
    assert made["catalogs"] == [
        {"name": "orders", "connection_name": "orders", "options": {}, "properties": {"onprem_tunnel": "prod"}}
    ]
    assert made["grants"] == [
        {
            "securable_type": "connection",
            "name": "orders",
            "principal": "analysts",
            "privileges": ["USE_CONNECTION"],
        },
        {"securable_type": "catalog", "name": "orders", "principal": "analysts", "privileges": []},
    ]
    assert made["artifacts"] == ["com.mysql:mysql-connector-j:"], "and no artifact whose name only begins like it"
    assert len(made["advice"]) == 2


def test_advice_is_given_where_it_applies():
    connections_alone, drivers_alone = settings(drivers=[]), settings(connections=[], password_names=[])
    assert [text.split()[0] for text in layout(connections_alone)["advice"]] == ["Access"]
    assert [text.split()[0] for text in layout(drivers_alone)["advice"]] == ["A"]


def test_an_ncc_that_is_there_needs_no_name():
    assert layout(settings(ncc_id="1e3d7a2b", ncc_name=""))["problems"] == []


def test_without_a_catalog_nothing_is_granted_on_one():
    made = layout(connection(catalog="", catalog_grants={"analysts": ["SELECT"]}))
    assert [grant["securable_type"] for grant in made["grants"]] == ["connection"]


def test_each_kind_of_compute_with_a_connection_of_its_own():
    made = layout(settings(separate_connections=True, classic_host="10.40.1.5"))
    hosts = {entry["name"]: entry["options"]["host"] for entry in made["connections"]}
    assert hosts == {
        "orders_serverless": "mysql01.corp.example",
        "orders_classic": "10.40.1.5",
        "crm_serverless": "onprem.corp.example",
        "crm_classic": "10.40.1.5",
    }
    assert [entry["name"] for entry in made["catalogs"]] == ["orders_serverless", "orders_classic"]


def test_with_one_kind_of_compute_there_is_nothing_to_separate():
    made = layout(settings(separate_connections=True, compute=["classic"]))
    assert [entry["name"] for entry in made["connections"]] == ["orders", "crm"]


def test_classic_alone_needs_no_account_and_takes_an_address():
    made = connection(host="10.40.1.10")
    made.update(compute=["classic"], account_id="", id="", endpoint_service="", domain_names=[], ncc_name="")
    assert layout(made)["problems"] == []


def test_a_fingerprint_tells_whether_two_workspaces_are_to_have_the_same():
    alike = settings(id="2345678901", compute=["classic"], endpoint_service="", domain_names=[])
    assert layout(alike)["fingerprint"] == layout(settings())["fingerprint"]
    for other in (settings(allow_drivers=False), settings(mark="test"), connection(user="admin")):
        assert layout(other)["fingerprint"] != layout(settings())["fingerprint"]


def test_what_the_hub_gives_may_come_later():
    assert layout(settings(endpoint_service="", hub_to_come=True, separate_connections=True))["problems"] == []


def test_the_allowlist_and_the_region_can_be_given_otherwise():
    made = layout(settings(allow_drivers=False, endpoint_service="", hub_to_come=True, region="eu-west-1"))
    assert made["artifacts"] == [] and made["region"] == "eu-west-1"


NAMES = [f"h{number}.corp.example" for number in range(9)]
WRONG = {
    "compute unknown": (settings(compute=["servrless"]), ["compute: servrless", "serverless and/or classic"]),
    "compute empty": (settings(compute=[]), ["compute: an empty list"]),
    "account": (settings(account_id="1"), ["account_id: '1'", "UUID"]),
    "workspace": (settings(id="adb-1"), ["id: 'adb-1'", "after o="]),
    "NCC name": (settings(ncc_name="ab"), ["ncc_name: 'ab'", "3 to 30"]),
    "endpoint service": (settings(endpoint_service="vpce-svc-1"), ["endpoint_service: 'vpce-svc-1'"]),
    "no endpoint service": (settings(endpoint_service=""), ["endpoint_service: is empty"]),
    "region": (settings(region="eu-west-1"), ["region: the endpoint service is in eu-central-1"]),
    "no names": (
        settings(domain_names=[], connections=[], password_names=[]),
        ["domain_names: is empty", "onprem_tunnel_name"],
    ),
    "eleven names": (
        settings(domain_names=SETTINGS["domain_names"] + NAMES),
        ["domain_names: 11 names", "can have 10"],
    ),
    "an address": (connection(host="10.40.1.10"), ["connection Orders: its host is the address 10.40.1.10"]),
    "another name": (connection(host="db.example"), ["connection Orders: its host db.example is not in domain_names"]),
    "no password": (settings(password_names=[]), ["connection crm: no password is known", "onprem_tunnel_passwords"]),
    "two passwords": (settings(password_names=["crm", "orders"]), ["connection Orders: has both"]),
    "a stranger's password": (settings(password_names=["crm", "cmr"]), ["passwords: cmr is no resource"]),
    "no classic host": (settings(separate_connections=True), ["classic_host: is empty"]),
}


@pytest.mark.parametrize(("given", "words"), WRONG.values(), ids=WRONG)
def test_one_message_says_what_to_write(given, words):
    problems = layout(given)["problems"]
    assert len(problems) == 1 and all(word in problems[0] for word in words), problems


def test_all_problems_are_told_at_once():
    assert len(layout(settings(account_id="", id="", password_names=[]))["problems"]) == 3
