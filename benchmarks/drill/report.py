"""The table, build/drill.json, and what missed its limit."""

from __future__ import annotations

import datetime
import io
import json
import os
import platform
from pathlib import Path

from rich import box
from rich.console import Console
from rich.table import Table

from benchmarks.drill.faults import Fault
from benchmarks.drill.figures import FIGURES, Limit, worst

COLUMNS = {
    "first_503": "first 503",
    "moved": "load balancer moved",
    "failed": "failed connections",
    "back": "path back",
    "lost": "sessions lost",
}
# Limits that have no column of their own, in words.
WORDS = {
    "lost_elsewhere": "sessions lost elsewhere",
    "refusals": "answers other than 200",
    "servers_down": "servers down",
    "beyond": "beyond the database's own outage",
}


def machine() -> dict:
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return {
        "cores": os.cpu_count(),
        "memory_gib": round(memory / 2**30, 1),
        "kernel": platform.release().partition("-")[0],
    }


def entry(fault: Fault, rounds: list[dict]) -> dict:
    return {
        "title": fault.title,
        "date": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        "duration": fault.duration,
        "limits": [{"figure": limit.figure, "at_most": limit.at_most} for limit in fault.limits],
        "machine": machine(),
        "rounds": rounds,
    }


def merge(known: dict, name: str, new: dict, order: list[str]) -> dict:
    """The results with one fault's replaced, in the drill's order; the others keep theirs, with their dates."""
    faults = {**known.get("faults", {}), name: new}
    places = {fault: place for place, fault in enumerate(order)}
    return {"faults": dict(sorted(faults.items(), key=lambda item: places.get(item[0], len(places))))}


def load(path: Path) -> dict:
    return json.loads(path.read_text()) if path.exists() else {}


def save(path: Path, results: dict) -> None:
    """Whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    new = path.with_suffix(".new")
    new.write_text(json.dumps(results, indent=1) + "\n")
    new.replace(path)


def said(value, figure: str) -> str:
    if value is None:
        return "never"
    return f"{value:.1f} s" if FIGURES[figure] == "s" else str(value)


def missed(results: dict) -> list[str]:
    """One line for each limit that a round missed."""
    lines = []
    for fault in results["faults"].values():
        for wanted in fault["limits"]:
            limit = Limit(**wanted)
            for number, entry in enumerate(fault["rounds"], 1):
                if not limit.holds(entry["figures"]):
                    value = said(entry["figures"][limit.figure], limit.figure)
                    what = {**COLUMNS, **WORDS}[limit.figure]
                    at_most = said(limit.at_most, limit.figure)
                    lines.append(f"{fault['title']}, round {number}: {what}: {value}, should be at most {at_most}")
    return lines


def cell(fault: dict, figure: str) -> str:
    limit = next((Limit(**entry) for entry in fault["limits"] if entry["figure"] == figure), None)
    value = worst(fault["rounds"], figure, limit is not None)
    text = "–" if value is None and limit is None else said(value, figure)
    if figure == "failed":
        text += f" of {max(entry['figures']['connections'] for entry in fault['rounds'])}"
    if figure == "lost":
        elsewhere = worst(fault["rounds"], "lost_elsewhere", False)
        text = f"{value + elsewhere} of {fault['rounds'][0]['figures']['sessions']}"
    if limit is None:
        return text
    holds = all(limit.holds(entry["figures"]) for entry in fault["rounds"])
    at_most = f"≤ {limit.at_most:g}" if limit.at_most else "none"
    return f"{text} ({at_most}) {'✓' if holds else '✗'}"


def others(fault: dict) -> str:
    """The limits without a column."""
    parts = []
    for limit in (Limit(**entry) for entry in fault["limits"] if entry["figure"] in WORDS):
        holds = all(limit.holds(entry["figures"]) for entry in fault["rounds"])
        value = said(worst(fault["rounds"], limit.figure, True), limit.figure)
        at_most = f" (≤ {limit.at_most:g})" if limit.at_most else ""
        parts.append(f"{WORDS[limit.figure]}: {value}{at_most} {'✓' if holds else '✗'}")
    return "; ".join(parts)


def table(results: dict) -> Table:
    """The worst of each fault's rounds, beside its limit."""
    sheet = Table(box=box.MARKDOWN)
    for column in ("fault", "rounds", *COLUMNS.values(), "also"):
        sheet.add_column(column, no_wrap=column == "fault")
    for fault in results["faults"].values():
        cells = [cell(fault, figure) for figure in COLUMNS]
        sheet.add_row(fault["title"], str(len(fault["rounds"])), *cells, others(fault))
    return sheet


def markdown(results: dict, picture: Path | None = None) -> str:
    rendered = io.StringIO()
    Console(file=rendered, width=1000).print(table(results))
    rows = "\n".join(line.rstrip() for line in rendered.getvalue().splitlines() if line.strip())
    machines = {
        f"{entry['cores']} cores, {entry['memory_gib']} GiB, Linux {entry['kernel']}"
        for entry in (fault["machine"] for fault in results["faults"].values())
    }
    dates = sorted(fault["date"][:10] for fault in results["faults"].values())
    when = dates[0] if dates[0] == dates[-1] else f"{dates[0]} to {dates[-1]}"
    image = f"\n![Each fault's worst round as a timeline]({picture})\n" if picture else ""
    return f"""# The failover drill

`make drill` wrote this on {when} ({"; ".join(sorted(machines))}). These are the lab's figures: its load balancer asks
each 5 s and needs two answers, all of its machines share these cores, and nothing here was measured on AWS.

20 new connections a second go through the load balancer, half to each engine, and one long session per engine through
each proxy. Each figure is the worst of the rounds, with its limit beside it. The path is back when logins at the proxy
itself succeed again and go on doing so: counted from the end of a fault that has a duration, else from its start.
{image}
{rows}
"""
