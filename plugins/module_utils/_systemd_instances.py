# Copyright (c) 2026 The lakehouse.onprem_tunnel authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the module systemd_instances decides, apart from systemd: states in, lists of names out."""

from __future__ import annotations

from datetime import datetime, timezone

RUNNING = ("active", "activating", "reloading")
BOOTS = ("enabled", "enabled-runtime", "static", "generated")


def parse_timestamp(text):
    """Seconds since the epoch of 'Mon 2026-11-23 20:14:44.123456 UTC'; 0.0 when never started."""
    if not text or text == "n/a":
        return 0.0
    day_and_time = " ".join(text.split()[1:3])
    pattern = "%Y-%m-%d %H:%M:%S.%f" if "." in day_and_time else "%Y-%m-%d %H:%M:%S"
    return datetime.strptime(day_and_time, pattern).replace(tzinfo=timezone.utc).timestamp()


def parse_states(text):
    """The blocks that `systemctl show` prints: unit -> running, boots, started, needs_reload."""
    states = {}
    for block in text.strip().split("\n\n"):
        values = dict(line.split("=", 1) for line in block.splitlines() if "=" in line)
        if "Id" in values:
            states[values["Id"]] = dict(
                running=values.get("ActiveState") in RUNNING,
                boots=values.get("UnitFileState") in BOOTS,
                started=parse_timestamp(values.get("ExecMainStartTimestamp")),
                needs_reload=values.get("NeedDaemonReload") == "yes",
            )
    return states


def reconcile(wanted, files, states, shared_changed_at):
    """Names to write, start, restart, enable and remove.

    wanted: name -> text. files: name -> (text, mtime). states: name -> as parse_states gives.
    shared_changed_at: when a file that all instances read last changed (seconds since the epoch).
    """
    stopped = dict(running=False, boots=False, started=0.0, needs_reload=False)
    todo = dict(written=[], started=[], restarted=[], enabled=[], removed=[])
    for name in sorted(wanted):
        state = states.get(name, stopped)
        text, changed_at = files.get(name, (None, 0.0))
        if text != wanted[name]:
            todo["written"].append(name)
        if not state["boots"]:
            todo["enabled"].append(name)
        if not state["running"]:
            todo["started"].append(name)
        elif text != wanted[name] or state["started"] < max(changed_at, shared_changed_at):
            todo["restarted"].append(name)
    for name in sorted(set(files) | set(states)):
        state = states.get(name, stopped)
        if name not in wanted and (name in files or state["running"] or state["boots"]):
            todo["removed"].append(name)
    return todo
