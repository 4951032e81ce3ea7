"""From the samples of a round to its figures, and from figures to what missed its limit. Nothing here touches the lab."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

STEADY = 5  # so many logins in a row make a path good again
BIN = 0.5

# What the columns of the table show, with their units.
FIGURES = {
    "first_503": "s",
    "moved": "s",
    "failed": "",
    "back": "s",
    "lost": "",
    "lost_elsewhere": "",
    "refusals": "",
    "servers_down": "",
    "beyond": "s",
}


@dataclass(frozen=True)
class Limit:
    figure: str
    at_most: float

    def holds(self, figures: dict) -> bool:
        """A figure of None is something that never came."""
        value = figures[self.figure]
        return value is not None and value <= self.at_most


@dataclass
class Samples:
    """What was seen in a round. Times are of the host's monotonic clock; `end` is None for faults without a duration."""

    victim: str
    servers: set[tuple[str, str]]
    start: float = 0.0
    end: float | None = None
    health: list[dict] = field(default_factory=list)
    balancer: list[dict] = field(default_factory=list)
    connections: list[dict] = field(default_factory=list)
    probes: list[dict] = field(default_factory=list)
    origin: list[dict] = field(default_factory=list)
    sessions: dict[str, dict] = field(default_factory=dict)
    streamed: int = 0  # bytes of bulk queries
    cut: int = 0  # bulk queries that were cut


def back_at(attempts: list[dict], since: float) -> float | None:
    """When a path that failed after `since` became good and stayed so: `since` if it never failed, None if it is not.

    Attempts overlap, so they count in the order in which they began.
    """
    failed = [attempt["start"] for attempt in attempts if not attempt["ok"] and attempt["end"] > since]
    if not failed:
        return since
    good = [attempt["end"] for attempt in attempts if attempt["ok"] and attempt["start"] > max(failed)]
    return min(good) if len(good) >= STEADY else None


def balancer_times(samples: Samples) -> tuple[float | None, float | None]:
    """When the load balancer had stopped sending to the victim, and when it sent again."""
    names = {f"{resource}/{proxy}" for resource, proxy in samples.servers}
    moved = again = None
    for record in samples.balancer:
        if record["t"] < samples.start:
            continue
        up = [record["servers"].get(name, False) for name in names]
        if moved is None and not any(up):
            moved = record["t"]
        elif moved is not None and all(up):
            again = record["t"]
    return moved, again


def beyond_database(samples: Samples) -> float | None:
    """How much longer a resource failed for clients than for a neighbour of the database; the worst resource."""
    longer = []
    for resource in {attempt["resource"] for attempt in samples.origin}:
        own = back_at([attempt for attempt in samples.origin if attempt["resource"] == resource], samples.start)
        path = back_at([attempt for attempt in samples.connections if attempt["resource"] == resource], samples.start)
        if own is None or path is None:
            return None
        longer.append(max(0.0, path - own))
    return max(longer, default=None)


def evaluate(samples: Samples) -> dict:
    """Times of the fault are from its start; `back` counts from its end where it has one."""
    start = samples.start
    after = [record for record in samples.health if record["t"] >= start]
    refused = [record for record in after if record["status"] != 200]
    first = next((record["t"] for record in refused if record["proxy"] == samples.victim), None)
    moved, again = balancer_times(samples)
    reference = start if samples.end is None else samples.end
    back = back_at(samples.probes, start)
    connections = [attempt for attempt in samples.connections if attempt["end"] > start]
    lost = [session for session in samples.sessions.values() if session["lost"] is not None]
    down = {
        name for record in samples.balancer if record["t"] >= start for name, up in record["servers"].items() if not up
    }
    return {
        "first_503": rounded(first, start),
        "moved": rounded(moved, start),
        "readmitted": rounded(again, start),
        "failed": sum(not attempt["ok"] for attempt in connections),
        "connections": len(connections),
        "slowest": max((round(each["end"] - each["start"], 2) for each in connections if each["ok"]), default=None),
        "back": None if back is None else max(0.0, round(back - reference, 2)),
        "lost": sum(session["proxy"] == samples.victim for session in lost) + samples.cut,
        "lost_elsewhere": sum(session["proxy"] != samples.victim for session in lost),
        "sessions": len(samples.sessions),
        "refusals": len(refused),
        "servers_down": len(down),
        "beyond": rounded(beyond_database(samples), 0.0),
        "streamed": samples.streamed,
    }


def errors(samples: Samples) -> dict[str, int]:
    """How clients saw the fault, most frequent first."""
    seen = Counter(attempt["error"] for attempt in [*samples.connections, *samples.probes] if attempt["error"])
    return dict(seen.most_common(12))


def rounded(time: float | None, start: float) -> float | None:
    return None if time is None else round(time - start, 2)


def timeline(samples: Samples) -> dict:
    """The round for the picture: only changes of states, and counts of half a second, as offsets from the fault."""
    start = samples.start
    health: dict[str, list] = {}
    for record in samples.health:
        changes = health.setdefault(record["proxy"], [])
        if not changes or changes[-1][1] != record["status"]:
            changes.append([rounded(record["t"], start), record["status"]])
    path: list = []
    for attempt in sorted(samples.probes, key=lambda attempt: attempt["start"]):
        if not path or path[-1][1] != attempt["ok"]:
            path.append([rounded(attempt["end" if attempt["ok"] else "start"], start), attempt["ok"]])
    load: dict[float, list[int]] = {}
    for attempt in samples.connections:
        counts = load.setdefault((attempt["start"] - start) // BIN * BIN, [0, 0])
        counts[not attempt["ok"]] += 1
    return {
        "victim": samples.victim,
        "end": rounded(samples.end, start),
        "last": max((rounded(record["t"], start) for record in samples.health), default=0.0),
        "health": health,
        "balancer": [[rounded(record["t"], start), record["servers"]] for record in samples.balancer],
        "path": path,
        "load": [[offset, *counts] for offset, counts in sorted(load.items())],
        "sessions": [
            {**session, "lost": rounded(session["lost"], start)} for _, session in sorted(samples.sessions.items())
        ],
    }


def worst(rounds: list[dict], figure: str, limited: bool):
    """The worst round's figure. What never came is the worst where it has a limit, and says nothing elsewhere."""
    values = [entry["figures"][figure] for entry in rounds]
    known = [value for value in values if value is not None]
    if (limited and None in values) or not known:
        return None
    return max(known)


def worst_round(rounds: list[dict], limits: list[dict]) -> dict:
    """The round that stands for its fault: the one nearest to, or furthest over, a limit; else with most failures."""

    def badness(entry: dict) -> tuple[float, int]:
        figures = entry["figures"]
        over = [
            float("inf") if figures[limit["figure"]] is None else figures[limit["figure"]] / max(limit["at_most"], 0.5)
            for limit in limits
        ]
        return max(over, default=0.0), figures["failed"]

    return max(rounds, key=badness)
