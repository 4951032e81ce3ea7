"""What the tests of the Databricks modules share: the stand-in, and the modules run against it as Ansible would run them."""

import os

from module_in_process import run_module

from lab.databricks import server
from lab.databricks.world import World

__all__ = ["World", "account_login", "isolate", "run_module", "server", "workspace_login"]


def isolate(monkeypatch, tmp_path):
    """Leave nothing of this machine's configuration."""
    for name in [name for name in os.environ if name.startswith("DATABRICKS_")]:
        monkeypatch.delenv(name)
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))


def account_login(stand_in, client="admin-client"):
    """Return the options with which a module logs in to the account."""
    return dict(
        host=stand_in.account_url,
        account_id=stand_in.world.account_id,
        client_id=client,
        client_secret=stand_in.world.secrets[client],
    )


def workspace_login(stand_in, name="analytics", client="admin-client"):
    """Return the options with which a module logs in to a workspace."""
    return dict(account_login(stand_in, client), host=stand_in.workspace_urls[name])
