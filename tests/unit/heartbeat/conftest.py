"""The programs of the tunnel host, imported from the role that installs them."""

import importlib.util
import sys
from pathlib import Path

import pytest
from ansible_collections.lakehouse.onprem_tunnel.plugins.module_utils import _greetings

FILES = Path(__file__).parents[3] / "roles/onprem_tunnel_host/files"


def load(name):
    spec = importlib.util.spec_from_file_location(name, FILES / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def heartbeat():
    return load("onprem_tunnel_heartbeat")


@pytest.fixture
def probe(monkeypatch):
    monkeypatch.setitem(sys.modules, "onprem_tunnel_greetings", _greetings)
    return load("onprem_tunnel_probe")


@pytest.fixture
def names():
    return load("onprem_tunnel_names")
