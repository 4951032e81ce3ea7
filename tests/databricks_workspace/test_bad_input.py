"""Each in one message that says what to write instead, before anything is made."""

import copy

import pytest
from playbook import RESOURCES, SERVICE


def resources(**of_orders):
    orders, *others = copy.deepcopy(RESOURCES)
    orders.update(of_orders)
    return [orders, *others]


def databricks_of_orders(**fields):
    return resources(databricks={**RESOURCES[0]["databricks"], **fields})


MANY = [
    {"name": f"r{n}", "engine": "mysql", "port": 4000 + n, "host": "h", "server_name": f"h{n}.corp.example"}
    for n in range(11)
]

# Each run tells all that it finds; tests/unit/plan and tests/unit/databricks_layout have each by itself.
BEFORE_ANYTHING = {
    "the list": (
        dict(
            resources=[
                *databricks_of_orders(connection="a/b"),
                dict(RESOURCES[0], name="wild", port=3307, server_name="*.corp.example"),
                dict(RESOURCES[0], name="url", port=3308, server_name="https://mysql01.corp.example"),
            ]
        ),
        [
            "(orders): databricks: connection: 'a/b' is not a Unity Catalog name",
            "(wild): server_name: '*.corp.example'",
            "(url): server_name: 'https://mysql01.corp.example'",
            "without scheme, port, wildcard",
        ],
    ),
    "the settings": (
        dict(
            resources=MANY,
            compute=["serverless", "clasic"],
            ncc_name="ab",
            region="eu-west-1",
            account_id="my account",
            analytics={"id": "dbc-1"},
        ),
        [
            "databricks_workspace_compute: clasic is no kind of compute",
            "databricks_workspace_ncc_name: 'ab' is no NCC's name; write 3 to 30 letters",
            "databricks_workspace_region: the endpoint service is in eu-central-1, and region says eu-west-1",
            "databricks_workspace_account_id: 'my account' is not an account's id",
            "databricks_workspace_id: 'dbc-1' is not a workspace's id",
            "databricks_workspace_domain_names: 12 names",
        ],
    ),
    "no endpoint service": (
        dict(endpoint_service=""),
        ["endpoint_service: is empty", "leave serverless out of compute"],
    ),
    "two accounts": (
        dict(science={"account_id": "11111111-2222-3333-4444-666666666666"}),
        ["The workspaces are of several accounts", "make an environment of each"],
    ),
}


@pytest.fixture(scope="module", name="untouched")
def _untouched(tmp_path_factory):
    from playbook import Databricks

    made = Databricks(tmp_path_factory.mktemp("bad"))
    yield made
    made.stand_in.stop()


@pytest.mark.parametrize(("inventory", "words"), BEFORE_ANYTHING.values(), ids=BEFORE_ANYTHING)
def test_before_databricks_is_asked(untouched, inventory, words):
    run = untouched.run(playbook="validate.yml", **inventory)
    assert run.failed and run.says(*words), run.output[-3000:]
    assert untouched.stand_in.requests == []


def test_another_ncc_is_attached(databricks):
    other = databricks.an_ncc("other", "eu-central-1")
    databricks.attach("analytics", other)
    run = databricks.run(workspaces=["analytics"])
    assert run.failed and run.says("other", other, "force"), run.output
    assert databricks.state.workspaces.by_name["analytics"].ncc_id == other
    run = databricks.run(workspaces=["analytics"], replace_ncc=True)
    assert not run.failed and databricks.state.workspaces.by_name["analytics"].ncc_id != other, run.output


def test_the_ncc_is_in_another_region(databricks):
    databricks.an_ncc("onprem-tunnel", "eu-west-1")
    run = databricks.run()
    assert run.failed and run.says("'onprem-tunnel'", "is in eu-west-1, not in eu-central-1"), run.output
    assert databricks.rules() == []


def test_wrong_credentials_and_the_wrong_kind_of_host(databricks):
    run = databricks.run(client_secret="not-the-secret-of-anybody")
    assert run.failed and run.says("check client_id and client_secret"), run.output
    run = databricks.run(client_id="plain-client", client_secret=databricks.stand_in.world.secrets["plain-client"])
    assert run.failed and run.says("has to be an account admin"), run.output
    run = databricks.run(account_host=databricks.stand_in.workspace_urls["analytics"])
    assert run.failed and run.says("host has to be the account console's"), run.output
    run = databricks.run(analytics={"host": databricks.stand_in.account_url})
    assert run.failed and run.says("host has to be the workspace's URL"), run.output


def test_a_rule_that_nobody_accepts_ends_with_what_to_do(make):
    from lab.databricks.endpoints import InMemoryEndpoints

    databricks = make(endpoints=InMemoryEndpoints())
    run = databricks.run(workspaces=["analytics"], wait_timeout=2)
    assert run.failed and run.says("has to be accepted by the owner of", SERVICE, "PENDING"), run.output
    assert databricks.state.workspaces.by_name["analytics"].ncc_id is None, "nothing is attached to what does not work"

    checked = databricks.run("--check")
    assert not checked.failed and not checked.says("the run waits for 10 s"), checked.output


def test_what_is_somebody_elses_is_named_and_stays(databricks):
    databricks.somebody_else_works_there()
    before = databricks.what_others_have()
    databricks.changes()
    run = databricks.run(
        workspaces=["analytics"], resources=databricks_of_orders(connection="Theirs", catalog="theirs"), recreate=True
    )
    assert run.failed and run.says("connection theirs, catalog theirs", "is somebody else's", "Write another"), (
        run.output
    )
    assert [path for _, path in databricks.changes() if "unity-catalog" in path or "workspaces" in path] == []
    assert databricks.what_others_have() == before
