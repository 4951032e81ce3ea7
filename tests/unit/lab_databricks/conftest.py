"""The lab's Databricks, and the real SDK as its client."""

import pytest
import requests
from databricks.sdk import AccountClient, WorkspaceClient
from databricks.sdk.core import ApiClient, Config
from databricks_in_process import World, account_login, isolate, server, workspace_login

SERVICE = "com.amazonaws.vpce.eu-central-1.vpce-svc-0abc"
NCCS = "/api/2.0/accounts/11111111-2222-3333-4444-555555555555/network-connectivity-configs"
WORKSPACES = "/api/2.0/accounts/11111111-2222-3333-4444-555555555555/workspaces"
UNITY = "/api/2.1/unity-catalog"
MYSQL = {"host": "db.corp.example", "port": "3306", "user": "lakehouse", "password": "of-the-database"}


@pytest.fixture(autouse=True)
def _isolated(monkeypatch, tmp_path):
    isolate(monkeypatch, tmp_path)


@pytest.fixture
def start():
    """Start a stand-in of a world; it ends with the test."""
    started = []

    def start(endpoints=None, **world):
        started.append(server.start(World(**world), endpoints))
        return started[-1]

    yield start
    for one in started:
        one.stop()


@pytest.fixture
def stand_in(start):
    return start()


def config(login, **settings):
    return Config(**{**login, "retry_timeout_seconds": 5, **settings})


def account_client(stand_in, **settings):
    return AccountClient(config=config(account_login(stand_in), **settings))


def workspace_client(stand_in, name="analytics", client="admin-client", **settings):
    return WorkspaceClient(config=config(workspace_login(stand_in, name, client), **settings))


class Caller:
    """One who calls: call(...) through the SDK's client, refused(...) as it is on the wire."""

    def __init__(self, login):
        self.host, self.client = login["host"], ApiClient(config(login))

    def call(self, method, path, body=None, **query):
        return self.client.do(method, path, query=query, body=body, headers={"Accept": "application/json"})

    def refused(self, method, path, body=None, **query):
        """Return the refusal as (status, error_code, message)."""
        return refusal(self.host, self.client._cfg.authenticate(), method, path, json=body, params=query)


def refusal(host, headers, method, path, **request):
    answer = requests.request(method, host + path, headers=headers, timeout=5, **request)
    assert answer.status_code >= 400, answer.text
    assert set(answer.json()) == {"error_code", "message"}
    return answer.status_code, answer.json()["error_code"], answer.json()["message"]


@pytest.fixture
def account(stand_in):
    return Caller(account_login(stand_in))


@pytest.fixture
def workspace(stand_in):
    return Caller(workspace_login(stand_in))


@pytest.fixture
def plain(stand_in):
    """One who is a member of the workspace, and no more."""
    return Caller(workspace_login(stand_in, client="plain-client"))


@pytest.fixture
def ncc(stand_in):
    return stand_in.state.nccs.create("onprem", "eu-central-1")


@pytest.fixture
def rules(ncc):
    return f"{NCCS}/{ncc.id}/private-endpoint-rules"


@pytest.fixture
def connection(stand_in):
    return stand_in.state.metastore("analytics").connections.create("crm", "MYSQL", MYSQL, "admin-client")
