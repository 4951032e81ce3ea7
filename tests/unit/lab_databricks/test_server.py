"""Starting and stopping, the program, the world's file, and what compute asks."""

import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest
import requests
import yaml
from ansible_collections.lakehouse.onprem_tunnel.plugins.modules import databricks_ncc
from databricks_in_process import run_module

from lab.databricks import server, world
from lab.databricks.world import METASTORE_ADMIN, Workspace

from .conftest import NCCS, SERVICE, account_client, account_login

ROOT = Path(__file__).parents[3]


def get(url):
    answer = requests.get(url, timeout=5)
    return answer.status_code, answer.json()


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class TestCompute:
    @pytest.fixture
    def stand_in(self, start):
        return start(unity_secrets={"main.onprem.password": "resolved"})

    def test_it_gets_the_rules_that_carry_traffic(self, stand_in, ncc):
        url, state = f"{stand_in.lab_url}/_lab/workspaces/analytics", stand_in.state
        nothing = {
            "workspace_id": 1234567890,
            "region": "eu-central-1",
            "network_connectivity_config_id": None,
            "rules": [],
        }
        assert get(url) == (200, nothing)
        state.workspaces.attach(state.workspaces.by_name["analytics"], ncc)
        established, pending, creating, deactivated = (
            state.rules.create(ncc, SERVICE, [f"r{number}.example"]) for number in range(4)
        )
        state.rules.create(state.nccs.create("other", "eu-central-1"), SERVICE, ["other.example"])
        for one in (established, pending, deactivated):
            state.rules.look(one)
            state.rules.look(one)
        for one in (established, deactivated):
            stand_in.endpoints.accept(one.vpc_endpoint_id)
        state.rules.delete(deactivated)
        assert deactivated.state == "ESTABLISHED" and creating.state == "CREATING"
        rule = {
            "rule_id": established.id,
            "endpoint_service": SERVICE,
            "domain_names": ["r0.example"],
            "vpc_endpoint_id": established.vpc_endpoint_id,
        }
        assert get(url) == (200, nothing | {"network_connectivity_config_id": ncc.id, "rules": [rule]})
        stand_in.endpoints.reject(established.vpc_endpoint_id)
        assert get(url)[1]["rules"] == []

    def test_it_gets_what_it_connects_with(self, stand_in):
        options = {"host": "db.corp.example", "port": "3306", "user": "lakehouse", "trustServerCertificate": "true"}
        connections = stand_in.state.metastore("analytics").connections
        connections.create("crm", "MYSQL", options, "admin-client", secrets={"password": "main.onprem.password"})
        assert get(f"{stand_in.lab_url}/_lab/workspaces/analytics/connections/CRM") == (200, {
            "name": "crm",
            "connection_type": "MYSQL",
            "host": "db.corp.example",
            "port": 3306,
            "user": "lakehouse",
            "password": "resolved",
            "options": {"trustServerCertificate": "true"},
        })  # fmt: skip
        connections.create("web", "HTTP", {"base_path": "/"}, "admin-client")
        web = get(f"{stand_in.lab_url}/_lab/workspaces/analytics/connections/web")[1]
        assert (web["host"], web["port"], web["options"]) == (None, None, {"base_path": "/"})

    @pytest.mark.parametrize("path", ["nowhere", "nowhere/connections/crm", "analytics/connections/nowhere"])
    def test_it_learns_what_is_not_there(self, stand_in, path):
        status, answer = get(f"{stand_in.lab_url}/_lab/workspaces/{path}")
        assert (status, answer["error_code"]) == (404, "RESOURCE_DOES_NOT_EXIST")

    def test_there_is_nothing_else_on_its_port(self, stand_in):
        assert requests.get(stand_in.lab_url + NCCS, timeout=5).status_code == 404


def test_requests_are_recorded_in_their_order_without_the_login(stand_in, account):
    assert stand_in.requests == []
    account.call("POST", NCCS, {"name": "onprem", "region": "eu-central-1"})
    account.call("GET", NCCS)
    account.refused("GET", f"{NCCS}/nowhere", page_token="x")
    path = f"{NCCS}/nowhere"
    assert [(one.method, one.path, one.query, one.body, one.status) for one in stand_in.requests] == [
        ("POST", NCCS, {}, {"name": "onprem", "region": "eu-central-1"}, 200),
        ("GET", NCCS, {}, None, 200),
        ("GET", path, {"page_token": "x"}, None, 400),
    ]


def test_ports_can_be_chosen_and_are_free_again_afterwards():
    ports = [free_port() for _ in range(3)]
    for _ in range(2):
        given = world.World(account_port=ports[0], lab_port=ports[1], workspaces={"a": Workspace(1, port=ports[2])})
        stand_in = server.start(given)
        urls = [stand_in.account_url, stand_in.lab_url, stand_in.workspace_urls["a"]]
        assert urls == [f"http://127.0.0.1:{port}" for port in ports]
        stand_in.stop()


def test_a_port_that_is_taken_leaves_nothing_behind():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        account_port = free_port()
        with pytest.raises((OSError, SystemExit)):
            server.start(world.World(account_port=account_port, lab_port=taken.getsockname()[1]))
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        probe.bind(("127.0.0.1", account_port))


def test_two_at_once_know_nothing_of_each_other(start):
    one, two = start(), start()
    one.state.nccs.create("onprem", "eu-central-1")
    assert list(account_client(two).network_connectivity.list_network_connectivity_configurations()) == []


def test_a_module_runs_against_it(stand_in, capsys):
    login = account_login(stand_in)
    made = [run_module(capsys, databricks_ncc, name="onprem", region="eu-central-1", **login) for _ in range(2)]
    assert [one["changed"] for one in made] == [True, False]


class TestWorldFile:
    def read(self, tmp_path, content):
        path = tmp_path / "world.yml"
        path.write_text(yaml.safe_dump(content))
        return world.read(path)

    def test_all_that_is_left_out_is_as_without_one(self, tmp_path):
        assert self.read(tmp_path, None) == self.read(tmp_path, {}) == world.World()

    def test_what_it_says(self, tmp_path):
        read = self.read(tmp_path, {
            "region": "us-east-1",
            "account_admins": {"boss": "b"},
            "principals": {"worker": "w"},
            "groups": {"data-eng": ["worker"]},
            "workspaces": {
                "one": {"id": 1, "port": 8001, "members": {"boss": "metastore admin", "worker": ["CREATE_CONNECTION"]}},
                "two": {"id": 2, "region": "eu-west-1"},
            },
        })  # fmt: skip
        assert read.workspaces["one"].members == {"boss": METASTORE_ADMIN, "worker": {"CREATE_CONNECTION"}}
        assert [(one.region, one.port) for one in read.workspaces.values()] == [("us-east-1", 8001), ("eu-west-1", 0)]
        assert read.groups_of("worker") == {"data-eng", "account users"}
        assert read.groups_of("boss") == {"account users"}

    @pytest.mark.parametrize("content", [{"regions": []}, {"workspaces": {"one": {"id": 1, "members": {"who": []}}}}])
    def test_what_it_may_not_say(self, tmp_path, content):
        with pytest.raises(ValueError, match="regions|who"):
            self.read(tmp_path, content)


def test_the_program_says_where_it_is_and_ends_when_it_is_told_to(tmp_path):
    path = tmp_path / "world.yml"
    path.write_text(yaml.safe_dump({"workspaces": {"one": {"id": 1}}}))
    arguments = ["--world", str(path), "--aws-endpoint-url", "http://127.0.0.1:1"]
    program = subprocess.Popen(
        [sys.executable, "-m", "lab.databricks.server", *arguments],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1"},
    )
    try:
        printed = [program.stdout.readline().split() for _ in range(3)]
        assert [words[:-1] for words in printed] == [["account"], ["workspace", "one"], ["lab"]]
        assert get(f"{printed[2][-1]}/_lab/workspaces/one")[0] == 200
        assert get(f"{printed[0][-1]}{NCCS}")[0] == 401
        program.send_signal(signal.SIGTERM)
        assert program.wait(10) == 0
    finally:
        program.kill()
        program.communicate()
