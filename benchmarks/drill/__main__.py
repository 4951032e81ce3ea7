"""The failover drill: python -m benchmarks.drill [--fault NAME,…] [--rounds N]"""

from __future__ import annotations

import argparse
import fcntl
import os
import signal
import sys
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from benchmarks.drill import report
from benchmarks.drill.faults import FAULTS, SHORT, Fault, choose
from benchmarks.drill.layout import ROOT, LabError, Layout
from benchmarks.drill.rounds import Round


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="make drill", description="Runs every fault on the lab and measures it.")
    parser.add_argument("--fault", help="comma-separated names; default: all")
    parser.add_argument("--rounds", type=int, help="default: 5 for a fault with a figure in the design, 1 for the rest")
    parser.add_argument("--short", action="store_true", help="each figure's fault once, with short waits")
    parser.add_argument("--fresh", action="store_true", help="forget earlier results instead of adding to them")
    parser.add_argument("--redraw", action="store_true", help="run nothing; table and picture from the last results")
    parser.add_argument("--output", type=Path, help="default: build/drill.json, or build/drill-short.json")
    parser.add_argument("--picture", type=Path, help="default: beside the output")
    parser.add_argument("--markdown", type=Path, help="write the table there too")
    chosen = parser.parse_args()
    if chosen.rounds is not None and chosen.rounds < 1:
        parser.error("--rounds has to be 1 or more")
    chosen.output = chosen.output or ROOT / f"build/drill{'-short' if chosen.short else ''}.json"
    chosen.picture = chosen.picture or chosen.output.with_suffix(".png")
    return chosen


def drill(options: argparse.Namespace, faults: list[Fault], known: list[Fault], console: Console) -> dict:
    results = {} if options.fresh or options.short else report.load(options.output)
    lab = Layout()
    lab.clean()
    total = sum(options.rounds or (1 if options.short else fault.rounds) for fault in faults)
    columns = [SpinnerColumn(), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn()]
    with Progress(*columns, TextColumn("{task.description}"), console=console) as progress:
        task = progress.add_task("", total=total)
        for fault in faults:
            rounds: list[dict] = []
            count = options.rounds or (1 if options.short else fault.rounds)
            for number in range(1, count + 1):
                name = f"{fault.title} ({number}/{count})" if count > 1 else fault.title

                def tell(phase: str, name=name, fault=fault) -> None:
                    doing = "" if phase == fault.title else f" · {phase.removeprefix(f'{fault.title}: ')}"
                    progress.update(task, description=name + doing)

                rounds.append(Round(lab, fault, tell).run())
                progress.console.print(brief(name, rounds[-1]["figures"]), highlight=False)
                progress.advance(task)
            results = report.merge(results, fault.name, report.entry(fault, rounds), [fault.name for fault in known])
            report.save(options.output, results)
    return results


def brief(name: str, figures: dict) -> str:
    """One line for a round."""
    figures = {**figures, "lost": figures["lost"] + figures["lost_elsewhere"]}
    parts = [
        f"{label} {report.said(figures[figure], figure)}"
        for figure, label in report.COLUMNS.items()
        if figures[figure] is not None
    ]
    return f"{name}: {', '.join(parts)}"


def interrupt(*_) -> None:
    raise KeyboardInterrupt


def main() -> int:
    options = arguments()
    console = Console() if sys.stdout.isatty() else Console(width=200)
    known = SHORT if options.short else FAULTS
    faults = choose(known, options.fault)
    signal.signal(signal.SIGTERM, interrupt)
    try:
        if options.redraw:
            results = report.load(options.output)
        else:
            if os.geteuid() != 0:
                raise LabError("The drill enters the lab's machines: run it as root (sudo make drill).")
            (ROOT / "build").mkdir(exist_ok=True)
            with (ROOT / "build/drill.lock").open("w") as lock:
                try:
                    fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                except BlockingIOError:
                    raise LabError("Another drill is running on this lab.") from None
                results = drill(options, faults, known, console)
    except LabError as error:
        print(error, file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("\nInterrupted. The fault is mended; results of finished faults are kept.", file=sys.stderr)
        return 130
    if not results.get("faults"):
        print("There are no results yet: run 'make drill'.", file=sys.stderr)
        return 2
    run = set(results["faults"]) if options.redraw else {fault.name for fault in faults}
    return conclude(options, results, run, console)


def conclude(options: argparse.Namespace, results: dict, run: set[str], console: Console) -> int:
    """Table and picture show all results; only what ran now can fail."""
    from benchmarks.drill.picture import draw  # only now: it takes a second to load

    draw(results, options.picture)
    console.print(report.table(results))
    if options.markdown:
        place = os.path.relpath(options.picture, options.markdown.parent)
        options.markdown.write_text(report.markdown(results, Path(place)))
    written = [path for path in (options.output, options.picture, options.markdown) if path]
    console.print("Written: " + ", ".join(os.path.relpath(path) for path in written), highlight=False)
    missed = report.missed({"faults": {name: fault for name, fault in results["faults"].items() if name in run}})
    if missed:
        console.print("\nMissed:\n" + "\n".join(f"- {line}" for line in missed), highlight=False, style="bold")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
