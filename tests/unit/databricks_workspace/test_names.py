"""Names and maps of Unity Catalog, apart from any module."""

import pytest
from ansible_collections.lakehouse.onprem_tunnel.plugins.module_utils import _databricks_unity_catalog as unity_catalog


@pytest.mark.parametrize("name", ["orders", "Orders-2", "daten_ä", "o" * 255, "with'quote", "50%"])
def test_good_names(name):
    assert unity_catalog.name_problems("name", name) == []


@pytest.mark.parametrize("name", ["a.b", "a/b", "a b", "a\tb", "a\x00b", "a\x7fb", "a\n", " a"])
def test_bad_names(name):
    assert unity_catalog.name_problems("name", name) == [
        f"name: '{name}' is no name in Unity Catalog; write it without '.', '/', spaces and control characters"
    ]


def test_names_that_are_too_short_or_too_long():
    assert unity_catalog.name_problems("name", "") == ["name: is empty; write a name"]
    assert unity_catalog.name_problems("name", "o" * 256) == ["name: has 256 characters; write at most 255"]


@pytest.mark.parametrize("name", ["a.b", "a.b.c.d", "a..c", "a.b.c d", "a.b.c/d", "", "abc"])
def test_bad_full_names(name):
    assert unity_catalog.full_name_problems("secret", name, "catalog.schema.secret") == [
        f"secret: '{name}' is not such a name; write catalog.schema.secret"
    ]


def test_good_full_names():
    assert unity_catalog.full_name_problems("secret", "a.b.c", "catalog.schema.secret") == []


def test_maps_become_strings():
    given = {"port": 3306, "on": True, "off": False, "ratio": 1.5, "text": "True"}
    assert unity_catalog.map_problems("options", given) == []
    assert unity_catalog.to_strings(given) == {
        "port": "3306",
        "on": "true",
        "off": "false",
        "ratio": "1.5",
        "text": "True",
    }
    assert unity_catalog.to_strings(None) == {}


def test_values_that_do_not_become_strings():
    assert unity_catalog.map_problems("options", {"a": None, "b": "", "c": ["x"], "d": {"x": 1}, "e": 0}) == [
        "options.a: is empty; write a value, or leave the key out",
        "options.b: is empty; write a value, or leave the key out",
        "options.c: is a list; write a string, number or boolean",
        "options.d: is a dict; write a string, number or boolean",
    ]
