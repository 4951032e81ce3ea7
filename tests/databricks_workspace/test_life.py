"""From nothing to connections in two workspaces, changes, and what others have beside them."""

import copy

from playbook import RESOURCES, SERVICE, names

MARK = "onprem-tunnel"


def changed(resources=RESOURCES, **of_orders):
    """The resources, the orders with other settings for Databricks."""
    orders, *others = copy.deepcopy(resources)
    orders["databricks"].update(of_orders)
    return [orders, *others]


def test_from_nothing_to_two_workspaces_and_back(databricks):
    databricks.somebody_else_works_there()
    theirs = databricks.what_others_have()

    run = databricks.run("--check")
    assert not run.failed and run.changed > 0, run.output
    assert databricks.changes() == [] and names(databricks, "connections") == ["theirs"]

    run = databricks.run()
    assert not run.failed, run.output
    made = databricks.changes()
    posts = [path.rpartition("/")[2] for method, path in made if method == "POST"]
    assert sorted(posts) == [
        *("catalogs", "catalogs", "connections", "connections"),
        *("network-connectivity-configs", "private-endpoint-rules"),
    ], "the NCC and its rule once, connections and catalogs once in the metastore of both workspaces"
    assert [path for method, path in made if "workspaces/" in path and method == "PATCH"] == [
        f"2.0/accounts/{databricks.stand_in.world.account_id}/workspaces/{number}"
        for number in (1234567890, 2345678901)
    ]
    assert run.says("10 to 15 minutes", "Access modes: foreign catalogs work", "the metastore's allowlist")

    orders = databricks.get("science", "connections/orders")
    assert orders["options"] == {"host": "mysql01.corp.example", "port": "3306", "trustServerCertificate": "true"}
    assert orders["secrets"] == {"password": "ops.onprem.orders"} and orders["properties"] == {"onprem_tunnel": MARK}
    crm = databricks.get("analytics", "connections/crm")
    assert crm["connection_type"] == "POSTGRESQL" and crm["options"]["host"] == "onprem.corp.example"
    assert databricks.get("analytics", "catalogs/crm")["options"] == {"database": "sales"}
    rules = databricks.rules()
    assert [(rule["endpoint_service"], rule["connection_state"]) for rule in rules] == [(SERVICE, "ESTABLISHED")]
    assert sorted(rules[0]["domain_names"]) == ["mysql01.corp.example", "onprem.corp.example"]
    assert databricks.granted("connection", "orders") == {"analysts": {"USE_CONNECTION"}}
    assert databricks.granted("catalog", "orders") == {"analysts": {"USE_CATALOG", "SELECT"}}
    assert databricks.allowed() == {"com.theirs:", "com.mysql:mysql-connector-j:", "org.postgresql:postgresql:"}
    assert databricks.compute("orders")["password"] != databricks.compute("crm")["password"]

    run = databricks.run()
    assert not run.failed and run.changed == 0, run.output
    assert databricks.changes() == []
    assert "ok: [analytics] => (item=orders)" in run.output and "ok: [science] => (item=" not in run.output
    assert run.output.count("Rule | The account has an NCC in the region]") == 1

    run = databricks.run(
        resources=changed(grants={"analysts": ["SELECT"]}, options={"trustServerCertificate": "false"})[:1]
    )
    assert not run.failed, run.output
    assert names(databricks, "connections") == ["orders", "theirs"], "what left the list left Databricks"
    assert names(databricks, "catalogs") == ["orders", "theirs"]
    assert databricks.get("analytics", "connections/orders")["options"]["trustServerCertificate"] == "false"
    assert databricks.granted("connection", "orders") == {}
    assert databricks.granted("catalog", "orders") == {"analysts": {"SELECT"}}
    assert databricks.compute("orders")["password"], "the update kept the secret"

    run = databricks.run(playbook="databricks_absent.yml")
    assert run.failed and run.says("-e databricks_workspace_confirm=onprem-tunnel"), run.output
    databricks.changes()
    run = databricks.run("-e", "databricks_workspace_confirm=onprem-tunnel", playbook="databricks_absent.yml")
    assert not run.failed and names(databricks, "connections") == names(databricks, "catalogs") == ["theirs"], (
        run.output
    )
    assert databricks.what_others_have() == theirs
    run = databricks.run("-e", "databricks_workspace_confirm=onprem-tunnel", playbook="databricks_absent.yml")
    assert not run.failed and run.changed == 0, run.output


def test_separate_connections_and_an_ncc_that_is_there(databricks):
    ncc = databricks.an_ncc("theirs", "eu-central-1")
    settings = dict(separate_connections=True, classic_host="10.40.1.5", ncc_id=ncc, workspaces=["analytics"])
    run = databricks.run(**settings)
    assert not run.failed, run.output
    assert names(databricks, "connections") == ["crm_classic", "crm_serverless", "orders_classic", "orders_serverless"]
    assert databricks.get("analytics", "connections/orders_classic")["options"]["host"] == "10.40.1.5"
    assert databricks.get("analytics", "connections/orders_serverless")["options"]["host"] == "mysql01.corp.example"
    assert names(databricks, "catalogs") == ["crm_classic", "crm_serverless", "orders_classic", "orders_serverless"]
    assert [entry["name"] for entry in databricks.nccs()] == ["theirs"]


def test_workspaces_of_one_metastore_differ_in_their_compute_and_not_in_their_connections(databricks):
    classic = {"compute": ["classic"]}
    settings = dict(resources=RESOURCES[1:], classic_host="10.40.1.5")
    run = databricks.run(separate_connections=True, analytics=classic, **settings)
    assert run.failed and run.says("another workspace's of this run, too", "Write the same for both"), run.output
    assert names(databricks, "connections") == ["crm"], "as the first workspace wants it"
    assert [rule["connection_state"] for rule in databricks.rules()] == ["ESTABLISHED"], "the second has asked for it"

    databricks.changes()
    run = databricks.run(science=classic, **settings)
    assert not run.failed, run.output
    attached = [path.rpartition("/")[2] for method, path in databricks.changes() if method == "PATCH"]
    assert attached == ["1234567890"], "the one that has serverless compute"
    assert names(databricks, "connections") == ["crm"]


def test_classic_alone_needs_nothing_of_the_account(databricks):
    run = databricks.run(
        workspaces=["analytics"],
        compute=["classic"],
        endpoint_service="",
        account_id="",
        account_host="http://127.0.0.1:1",
    )
    assert not run.failed, run.output
    assert names(databricks, "connections") == ["crm", "orders"] and databricks.nccs() == []
