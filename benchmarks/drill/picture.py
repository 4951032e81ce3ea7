"""One picture of all faults: a row each, its worst round as a timeline, all aligned where the fault begins."""

from __future__ import annotations

import re
import textwrap
from pathlib import Path

import matplotlib

matplotlib.use("Agg")
from matplotlib import pyplot
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from benchmarks.drill.figures import BIN, Limit, worst_round

# Okabe and Ito's colours, which most colour-blind people can tell apart.
GOOD, BAD, AWAY, FAILED, INK = "#56B4E9", "#D55E00", "#F0E442", "#000000", "#444444"
FAULT = "#777777"
BEFORE = -2.0
LANES = ("fault", "path", "health check", "load balancer", "new connections", "sessions")
FAULTY, PATH, HEALTH, BALANCER, LOAD, SESSIONS = range(len(LANES))
ROW = 0.95  # inches
GAP = 0.3  # between two rows, of a row
BAR = 0.78  # of a lane


def spans(changes: list, last: float) -> list[tuple[float, float, object]]:
    """(from, to, state) of a list of (time, state)."""
    ends = [time for time, _ in changes[1:]] + [last]
    return [(time, end, state) for (time, state), end in zip(changes, ends, strict=True)]


def bars(axes, lane: int, changes: list, last: float, colour) -> None:
    for begin, end, state in spans(changes, last):
        begin = max(begin, BEFORE)
        if end > begin:
            axes.barh(lane, end - begin, BAR, begin, color=colour(state), linewidth=0)


def draw_row(axes, fault: dict) -> None:
    line = worst_round(fault["rounds"], fault["limits"])["timeline"]
    last, victim = line["last"], line["victim"]
    if line["end"] is None:
        axes.plot(0, FAULTY, marker="D", color=FAULT, markersize=7, clip_on=False)
    else:
        axes.barh(FAULTY, line["end"], BAR, 0, color=FAULT, linewidth=0)
    axes.axvline(0, color=INK, linewidth=1.2, zorder=3)
    bars(axes, HEALTH, line["health"].get(victim, []), last, lambda status: GOOD if status == 200 else BAD)
    sends = [
        [time, all(up for name, up in servers.items() if name.endswith(f"/{victim}"))]
        for time, servers in line["balancer"]
    ]
    bars(axes, BALANCER, sends, last, lambda up: GOOD if up else AWAY)
    bars(axes, PATH, line["path"], last, lambda ok: GOOD if ok else BAD)
    for time, good, failed in line["load"]:
        if BEFORE <= time <= last - BIN and good + failed:
            share = BAR * failed / (good + failed)
            axes.bar(time, BAR - share, BIN, LOAD - BAR / 2, color=GOOD, align="edge", linewidth=0)
            axes.bar(time, share, BIN, LOAD + BAR / 2 - share, color=FAILED, align="edge", linewidth=0)
    sessions = sorted(line["sessions"], key=lambda session: session["proxy"] != victim)
    for number, session in enumerate(sessions):
        height = SESSIONS + BAR * ((number + 0.5) / len(sessions) - 0.5)
        end = last if session["lost"] is None else session["lost"]
        axes.plot([BEFORE, end], [height, height], color=GOOD, linewidth=2, solid_capstyle="butt")
        if session["lost"] is not None:
            axes.plot(end, height, marker="x", color=FAILED, markersize=7, markeredgewidth=2, zorder=4)
    holds = all(Limit(**limit).holds(entry["figures"]) for limit in fault["limits"] for entry in fault["rounds"])
    axes.text(1.008, 0.5, "✓" if holds else "✗", transform=axes.transAxes, va="center", fontsize=22,
              fontweight="bold", color=GOOD if holds else BAD)  # fmt: skip


def dress(axes, fault: dict, last: float) -> None:
    axes.set_xlim(BEFORE, last)
    axes.set_ylim(len(LANES) - 0.4, -0.6)
    axes.set_yticks(range(len(LANES)), LANES, fontsize=8, color=INK)
    axes.tick_params(length=0)
    axes.tick_params(axis="x", labelbottom=False)
    axes.grid(axis="x", color="#EEEEEE", linewidth=0.7)
    axes.set_axisbelow(True)
    for spine in axes.spines.values():
        spine.set_visible(False)
    title = textwrap.fill(re.sub(r" s$", "\N{NO-BREAK SPACE}s", fault["title"]), 20)
    axes.text(-0.1, 0.5, title, transform=axes.transAxes, ha="right", va="center", fontsize=13)


def legend(figure) -> None:
    marks = [
        Patch(color=FAULT, label="fault"),
        Patch(color=GOOD, label="works"),
        Patch(color=BAD, label="broken"),
        Patch(color=AWAY, label="load balancer sends elsewhere"),
        Patch(color=FAILED, label="failed"),
        Line2D([], [], color=FAILED, marker="x", linestyle="", markeredgewidth=2, label="session lost"),
    ]
    figure.legend(handles=marks, loc="upper center", ncols=len(marks), fontsize=11, frameon=False)


def draw(results: dict, path: Path) -> None:
    faults = list(results["faults"].values())
    last = max(worst_round(fault["rounds"], fault["limits"])["timeline"]["last"] for fault in faults)
    height = ROW * len(faults) + 1.4
    figure, rows = pyplot.subplots(len(faults), 1, sharex=True, squeeze=False, figsize=(15, height))
    for fault, axes in zip(faults, rows[:, 0], strict=True):
        draw_row(axes, fault)
        dress(axes, fault, last)
    bottom = rows[-1, 0]
    bottom.tick_params(axis="x", labelbottom=True, labelsize=13)
    bottom.set_xlabel("seconds since the fault", fontsize=13)
    figure.subplots_adjust(0.22, 0.75 / height, 0.965, 1 - 0.55 / height, hspace=GAP)
    legend(figure)
    figure.savefig(path, dpi=110)
    pyplot.close(figure)
