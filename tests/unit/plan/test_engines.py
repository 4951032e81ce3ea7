# Copyright (c) 2026 The lakehouse.onprem_tunnel authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The table of engines and its page agree."""

import re

import pytest
from ansible_collections.lakehouse.onprem_tunnel.plugins.plugin_utils._engines import ENGINES, PROBES
from ansible_collections.lakehouse.onprem_tunnel.plugins.plugin_utils._plan import PlanError, plan


@pytest.fixture
def page(root):
    return (root / "docs" / "engines.md").read_text()


@pytest.fixture
def documented(page):
    rows = re.findall(r"^\| `(\w+)` \|(.*)\|$", page, flags=re.MULTILINE)
    return [(name, [cell.strip().strip("`") for cell in cells.split("|")]) for name, cells in rows]


def test_the_page_has_the_same_engines_in_the_same_order(documented):
    assert [name for name, _ in documented] == list(ENGINES)


def test_the_page_says_what_the_table_says(documented):
    for name, cells in documented:
        row = ENGINES[name]
        assert cells == [
            str(row.port or "required"),
            row.databricks_type or "none",
            row.catalog_option or "none",
            "yes" if row.cdc else "no",
            row.probe,
            row.jdbc or "none",
            "yes" if row.warning else "no",
        ], name


def test_the_page_explains_each_warning(page):
    explained = re.findall(r"^- \*\*(\w+)\*\*: ", page.split("## Redirects")[1], flags=re.MULTILINE)
    assert explained == [row.name for row in ENGINES.values() if row.warning]


@pytest.mark.parametrize("row", ENGINES.values(), ids=ENGINES)
def test_each_row_is_complete(row):
    assert re.fullmatch(r"[a-z][a-z0-9]*", row.name)
    assert row.probe in PROBES
    assert row.port is None or 1 <= row.port <= 55535, "its default tunnel_port would be past 65535"
    assert row.databricks_type is None or re.fullmatch(r"[A-Z0-9]+", row.databricks_type)
    assert row.databricks_type or not row.cdc, "CDC goes through a connection"
    assert row.jdbc is None or re.fullmatch(r"[a-z0-9.]+:[a-z0-9-]+", row.jdbc)
    assert row.warning is None or row.warning.endswith(".")
    assert not set(row.also) & set(ENGINES)


@pytest.mark.parametrize("row", ENGINES.values(), ids=ENGINES)
def test_each_engine_is_planned_by_its_row(valid, row):
    valid["resources"] = [{"name": "one", "engine": row.name, "host": "db.example"}]
    if row.port is None:
        with pytest.raises(PlanError, match="port: is missing"):
            plan(**valid)
        valid["resources"][0]["port"] = 4000
    planned = plan(**valid)
    assert planned["tunnel_hosts"]["fra-tunnel"]["probes"] == [
        {"name": "one", "probe": row.probe, "host": "db.example", "port": row.port or 4000}
    ]
    assert [f"one: {row.name}: {row.warning}"] * bool(row.warning) == planned["warnings"]
