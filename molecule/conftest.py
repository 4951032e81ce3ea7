"""Testinfra reaches the scenario's machines through Podman: ten times as fast as through Ansible."""

import os
from pathlib import Path

import pytest
import testinfra
import yaml

CONTAINER = "podman://onprem-tunnel-" + os.environ["MOLECULE_SCENARIO_NAME"] + "-{}"


def pytest_configure(config):
    """`host` is every machine of the scenario in turn."""
    scenario = yaml.safe_load(Path(os.environ["MOLECULE_FILE"]).read_text())
    groups = scenario["provisioner"]["inventory"]["hosts"].values()
    config.option.hosts = ",".join(CONTAINER.format(name) for group in groups for name in group["hosts"])


@pytest.fixture(scope="session")
def machine():
    """One machine by its name in the scenario."""
    return lambda name: testinfra.get_host(CONTAINER.format(name))
