"""A workspace of the stand-in, and the modules run against it as Ansible would run them. No run may show a secret."""

import json

import pytest
from ansible_collections.lakehouse.onprem_tunnel.plugins.module_utils import _databricks, _waiting
from databricks_in_process import World, isolate, run_module, server, workspace_login
from module_in_process import Clock

PASSWORD = "orders-Xy42-password"
NEW_PASSWORD = "orders-Zz43-password"
TOKEN = "token-Qq44-of-snowflake"
UNITY_SECRETS = {"ops.onprem.orders": "value-Ww45-in-unity", "ops.onprem.other": "value-Vv46-in-unity"}
ROOT = "/api/2.1/unity-catalog"


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


@pytest.fixture(scope="session")
def started():
    """Starting and stopping it takes longer than most tests."""
    stand_in = server.start(World(unity_secrets=dict(UNITY_SECRETS)))
    yield stand_in
    stand_in.stop()


@pytest.fixture
def stand_in(started):
    """The stand-in with an empty metastore."""
    metastore = started.state.metastore("analytics")
    for kept in (
        metastore.connections.by_name,
        metastore.catalogs.by_name,
        metastore.grants.given,
        metastore.allowlists,
        started.requests,
        started.faults,
    ):
        kept.clear()
    return started


@pytest.fixture
def small_pages(stand_in, monkeypatch):
    monkeypatch.setattr(stand_in.world, "page_size", 2)


@pytest.fixture
def metastore(stand_in):
    return stand_in.state.metastore("analytics")


@pytest.fixture
def run(capsys, stand_in):
    """Run a module as a service principal, and look for secrets in all that it says."""
    secrets = [PASSWORD, NEW_PASSWORD, TOKEN, *UNITY_SECRETS.values(), *stand_in.world.secrets.values()]

    def run(module, client="admin-client", **parameters):
        result = run_module(capsys, module, **{**workspace_login(stand_in, client=client), **parameters})
        said = json.dumps(result)
        assert "module_args" in said  # the invocation is part of it
        assert [secret for secret in secrets if secret in said] == []
        return result

    return run


@pytest.fixture
def writes(stand_in):
    """Return what was called that changes something, as (method, path below Unity Catalog's)."""
    return lambda: [
        (call.method, call.path.removeprefix(ROOT)) for call in stand_in.requests if call.method not in ("GET", "HEAD")
    ]


@pytest.fixture
def bodies(stand_in):
    """Return the bodies of the calls of one method."""
    return lambda method: [call.body for call in stand_in.requests if call.method == method]


@pytest.fixture
def ladder(writes):
    """Take a module up the whole way: each step has to report a change once, also beforehand in check mode."""

    def climb(run, read, *steps):
        """run: the module with the options of a step; read: what is there, as the module would report it."""
        for number, step in enumerate(steps):
            there, calls = read(), len(writes())
            foreseen = run(check=True, **step)
            assert foreseen["changed"], f"step {number} in check mode"
            assert (read(), len(writes())) == (there, calls), f"step {number}: check mode changes something"
            done = run(**step)
            assert done["changed"], f"step {number}"
            assert foreseen["diff"]["before"] == done["diff"]["before"]
            yield foreseen["diff"]["after"], done["diff"]["after"]
            calls = len(writes())
            for check in (True, False):
                again = run(check=check, **step)
                assert not again["changed"], f"step {number} again"
                assert again["diff"]["before"] == again["diff"]["after"]
            assert len(writes()) == calls, f"step {number} again: something is written"

    return climb
