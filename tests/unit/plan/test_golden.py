# Copyright (c) 2026 The lakehouse.onprem_tunnel authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The plan of inventories/example. After a change that is meant: pytest tests/unit/plan --update-golden"""

from pathlib import Path

import yaml
from ansible_collections.lakehouse.onprem_tunnel.plugins.plugin_utils import _fields
from ansible_collections.lakehouse.onprem_tunnel.plugins.plugin_utils._plan import plan

GOLDEN = Path(__file__).with_name("example_plan.yml")
HEAD = "---\n# The plan of inventories/example. Written by: pytest tests/unit/plan --update-golden\n"


def test_example(example, request):
    planned = plan(**example)
    if request.config.getoption("--update-golden", default=False):
        GOLDEN.write_text(HEAD + yaml.safe_dump(planned, sort_keys=False, width=120))
    assert planned == yaml.safe_load(GOLDEN.read_text())


def test_example_shows_every_field(example):
    first = example["resources"][0]
    assert first.keys() == _fields.RESOURCE.keys()
    of_databricks = set().union(*(resource.get("databricks", {}) for resource in example["resources"]))
    assert of_databricks == _fields.DATABRICKS.keys()  # no engine has all of them
    assert first["cdc"].keys() == _fields.CDC.keys()
    assert example["settings"].keys() == _fields.SETTINGS.keys()


def test_example_shows_every_setting_with_its_default(root):
    settings = yaml.safe_load((root / "inventories/example/group_vars/all/settings.yml").read_text())
    assert settings.keys() == {field.label for field in _fields.SETTINGS.values()}
    for field in _fields.SETTINGS.values():
        assert not field.default or settings[field.label] == field.default
