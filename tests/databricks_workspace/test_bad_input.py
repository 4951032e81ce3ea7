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

BEFORE_ANYTHING = {
    "a wildcard": (
        dict(resources=resources(server_name="*.corp.example")),
        ["server_name", "without scheme, port, wildcard"],
    ),
    "a URL": (dict(resources=resources(server_name="https://mysql01.corp.example")), ["server_name", "without scheme"]),
    "eleven names": (dict(resources=MANY), ["domain_names: 12 names", "a private endpoint rule can have 10"]),
    "no name": (
        dict(name="", resources=RESOURCES[1:]),
        ["there is no name to connect to; write onprem_tunnel_name, or server_name"],
    ),
    "NCC name": (dict(ncc_name="ab"), ["ncc_name: 'ab' is no NCC's name", "3 to 30 letters"]),
    "slash": (dict(resources=databricks_of_orders(connection="a/b")), ["connection: 'a/b'", "letters, digits"]),
    "endpoint service": (
        dict(endpoint_service="vpce-svc-1"),
        ["endpoint_service: 'vpce-svc-1'", "com.amazonaws.vpce."],
    ),
    "no endpoint service": (
        dict(endpoint_service=""),
        ["endpoint_service: is empty", "leave serverless out of compute"],
    ),
    "region": (dict(region="eu-west-1"), ["the endpoint service is in eu-central-1, and region says eu-west-1"]),
    "compute": (dict(compute=["servrless"]), ["compute: servrless is no kind of compute"]),
    "account id": (dict(account_id="my account"), ["account_id: 'my account'", "the UUID"]),
    "workspace id": (dict(analytics={"id": "dbc-1"}), ["id: 'dbc-1'", "the number after o="]),
    "two accounts": (
        dict(science={"account_id": "11111111-2222-3333-4444-666666666666"}),
        ["The workspaces are of several accounts", "make an environment of each"],
    ),
    "separate without a host": (
        dict(separate_connections=True),
        ["classic_host: is empty", "the load balancer's name"],
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
