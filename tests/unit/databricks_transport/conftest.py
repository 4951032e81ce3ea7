"""The transport on its own, against the stand-in."""

from types import SimpleNamespace

import pytest
import requests
from ansible_collections.lakehouse.onprem_tunnel.plugins.module_utils import _databricks, _waiting
from databricks_in_process import account_login, isolate, server, workspace_login
from module_in_process import Clock

NCCS = "/network-connectivity-configs"
CONNECTIONS = "/api/2.1/unity-catalog/connections"


@pytest.fixture(autouse=True)
def own_environment(monkeypatch, tmp_path):
    isolate(monkeypatch, tmp_path)


@pytest.fixture(autouse=True)
def clock(monkeypatch):
    """Pauses take no time."""
    clock = Clock()
    monkeypatch.setattr(_databricks, "time", clock)
    monkeypatch.setattr(_waiting, "time", clock)
    return clock


@pytest.fixture
def stand_in():
    stand_in = server.start()
    yield stand_in
    stand_in.stop()


@pytest.fixture
def log_in():
    """Log in as a module with these options does."""

    def log_in(kind, **params):
        defaults = {name: argument.get("default") for name, argument in _databricks.AUTH_ARGUMENTS.items()}
        return kind(SimpleNamespace(params=defaults | params))

    return log_in


@pytest.fixture
def account(stand_in, log_in):
    return lambda **params: log_in(_databricks.Account, **account_login(stand_in) | params)


@pytest.fixture
def workspace(stand_in, log_in):
    return lambda **params: log_in(_databricks.Workspace, **workspace_login(stand_in) | params)


@pytest.fixture
def make_ncc(account):
    """Make the NCC 'one' as a module does: what is there is found by its name."""

    def make(**params):
        api = account(**params)

        def find():
            return next((item for item in api.pages(NCCS, "items") if item["name"] == "one"), None)

        return api.create(NCCS, dict(name="one", region="eu-central-1"), find)

    return make


@pytest.fixture
def answered():
    """Let an API's next answers be these instead of the host's; the last one stays."""

    def let(api, *answers):
        left = list(answers)

        def request(*_args, **_options):
            following = left.pop(0) if len(left) > 1 else left[0]
            if isinstance(following, Exception):
                raise following
            return following

        api.session.request = request

    return let


def answer(status, body="", **headers):
    made = requests.Response()
    made.status_code = status
    made.reason = "the reason"
    made._content = body.encode()
    made.headers.update({name.replace("_", "-"): value for name, value in headers.items()})
    return made


@pytest.fixture
def make_answer():
    return answer
