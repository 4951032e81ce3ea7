"""What the module systemd_instances decides, as a table: wanted, files, states -> what is to be done."""

import pytest
from ansible_collections.lakehouse.onprem_tunnel.plugins.module_utils._systemd_instances import (
    parse_states,
    parse_timestamp,
    reconcile,
)

RUNNING = dict(running=True, boots=True, started=200.0, needs_reload=False)
STOPPED = dict(running=False, boots=True, started=0.0, needs_reload=False)
NOTHING = dict(written=[], started=[], restarted=[], enabled=[], removed=[])


@pytest.mark.parametrize(
    ("wanted", "files", "states", "shared", "todo"),
    [
        pytest.param({"a": "x"}, {"a": ("x", 100.0)}, {"a": RUNNING}, 100.0, {}, id="as it should be"),
        pytest.param({"a": "x"}, {}, {}, 0.0, {"written": ["a"], "enabled": ["a"], "started": ["a"]}, id="new"),
        pytest.param({"a": "y"}, {"a": ("x", 100.0)}, {"a": RUNNING}, 0.0, {"written": ["a"], "restarted": ["a"]}, id="text changed"),
        pytest.param({"a": "x"}, {"a": ("x", 300.0)}, {"a": RUNNING}, 0.0, {"restarted": ["a"]}, id="an earlier run wrote the file, and broke off before the restart"),
        pytest.param({"a": "x"}, {"a": ("x", 100.0)}, {"a": RUNNING}, 300.0, {"restarted": ["a"]}, id="the template unit changed"),
        pytest.param({"a": "x"}, {"a": ("x", 100.0)}, {"a": STOPPED}, 0.0, {"started": ["a"]}, id="somebody stopped it"),
        pytest.param({"a": "x"}, {"a": ("x", 100.0)}, {"a": dict(RUNNING, boots=False)}, 0.0, {"enabled": ["a"]}, id="somebody disabled it"),
        pytest.param({}, {"a": ("x", 100.0)}, {"a": RUNNING}, 0.0, {"removed": ["a"]}, id="left the list"),
        pytest.param({}, {}, {"a": RUNNING}, 0.0, {"removed": ["a"]}, id="runs without a file"),
        pytest.param({}, {"a": ("x", 100.0)}, {}, 0.0, {"removed": ["a"]}, id="a file without a unit"),
        pytest.param({}, {}, {"a": dict(STOPPED, boots=False)}, 0.0, {}, id="loaded, but neither running nor started at boot"),
        pytest.param({"a": "x", "b": "y"}, {"a": ("x", 100.0), "b": ("x", 100.0)}, {"a": RUNNING, "b": RUNNING}, 0.0, {"written": ["b"], "restarted": ["b"]}, id="others stay untouched"),
    ],
)  # fmt: skip
def test_reconcile(wanted, files, states, shared, todo):
    assert reconcile(wanted, files, states, shared) == dict(NOTHING, **todo)


def test_states_are_read_from_what_systemctl_shows():
    shown = (
        "ExecMainStartTimestamp=Mon 2026-11-23 20:14:44.250000 UTC\nId=a@1.service\nActiveState=active\n"
        "UnitFileState=enabled\nNeedDaemonReload=no\n"
        "\n"
        "ExecMainStartTimestamp=\nId=a@2.service\nActiveState=inactive\nUnitFileState=disabled\nNeedDaemonReload=yes\n"
    )
    assert parse_states(shown) == {
        "a@1.service": dict(running=True, boots=True, started=1795464884.25, needs_reload=False),
        "a@2.service": dict(running=False, boots=False, started=0.0, needs_reload=True),
    }


@pytest.mark.parametrize("never", ["", "n/a", None])
def test_a_unit_that_never_ran_has_no_start(never):
    assert parse_timestamp(never) == 0.0
