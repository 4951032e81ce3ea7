"""From samples to figures: what counts as seen, moved, back and lost."""

import pytest

from benchmarks.drill.figures import Limit, Samples, back_at, evaluate, timeline, worst, worst_round


def attempts(*outcomes, interval=0.25, takes=0.05, start=0.0, resource="crm"):
    """Logins one after another: True is a success."""
    return [
        {
            "resource": resource,
            "start": start + interval * number,
            "end": start + interval * number + takes,
            "ok": ok,
            "error": None if ok else "refused",
        }
        for number, ok in enumerate(outcomes)
    ]


def samples(**fields):
    servers = {("orders", "proxy-b"), ("crm", "proxy-b")}
    return Samples("proxy-b", servers, **{"start": 10.0, "end": 14.0, **fields})


def test_a_path_is_back_when_it_stays_good():
    # Good for a moment, then bad again: the moment does not count.
    path = attempts(True, False, True, True, False, *[True] * 5)
    assert back_at(path, 0.0) == pytest.approx(5 * 0.25 + 0.05)


def test_a_path_is_not_back_after_too_few_successes():
    assert back_at(attempts(False, *[True] * 4), 0.0) is None


def test_a_path_that_never_failed_was_never_away():
    assert back_at(attempts(*[True] * 9), 1.0) == 1.0


def test_a_failure_before_the_fault_does_not_count():
    assert back_at(attempts(False, *[True] * 9), 1.0) == 1.0


def test_a_slow_failure_does_not_undo_a_later_success():
    """It began first: a login that hung until its timeout says nothing about the time at which it gave up."""
    path = [{"start": 0.0, "end": 2.0, "ok": False}, *attempts(*[True] * 5, start=0.5)]
    assert back_at(path, 0.0) == pytest.approx(0.55)


@pytest.mark.parametrize(("end", "expected"), [(None, 6.0), (14.0, 2.0), (17.0, 0.0)])
def test_back_counts_from_the_end_of_the_fault_if_it_has_one(end, expected):
    path = attempts(False, start=10.5) + attempts(*[True] * 5, start=15.95)
    assert evaluate(samples(end=end, probes=path))["back"] == expected


def test_the_first_503_is_the_victims_and_after_the_fault():
    health = [
        {"proxy": "proxy-b", "t": 9.0, "status": 503},
        {"proxy": "proxy-a", "t": 10.5, "status": 503},
        {"proxy": "proxy-b", "t": 11.0, "status": 200},
        {"proxy": "proxy-b", "t": 12.5, "status": 503},
        {"proxy": "proxy-b", "t": 13.0, "status": 0},
    ]
    figures = evaluate(samples(health=health))
    assert figures["first_503"] == 2.5
    assert figures["refusals"] == 3


def servers(t, **states):
    return {"t": t, "servers": {f"{name}/proxy-b": up for name, up in states.items()} | {"crm/proxy-a": True}}


def test_the_load_balancer_has_moved_when_no_server_of_the_victim_is_left():
    records = [
        servers(9, orders=True, crm=True),
        servers(15, orders=False, crm=True),
        servers(17.5, orders=False, crm=False),
        servers(25, orders=True, crm=False),
        servers(26, orders=True, crm=True),
    ]
    figures = evaluate(samples(balancer=records))
    assert (figures["moved"], figures["readmitted"], figures["servers_down"]) == (7.5, 16.0, 2)


def test_one_resources_fault_waits_for_its_server_alone():
    records = [servers(9, orders=True, crm=True), servers(15, orders=True, crm=False)]
    assert evaluate(samples(balancer=records))["moved"] is None
    assert evaluate(Samples("proxy-b", {("crm", "proxy-b")}, 10.0, balancer=records))["moved"] == 5.0


def test_sessions_are_lost_at_the_victim_or_elsewhere():
    sessions = {
        "orders-1": {"resource": "orders", "proxy": "proxy-a", "lost": 11.0},
        "orders-2": {"resource": "orders", "proxy": "proxy-b", "lost": 12.0},
        "crm-1": {"resource": "crm", "proxy": "proxy-b", "lost": None},
    }
    figures = evaluate(samples(sessions=sessions, cut=2))
    assert (figures["lost"], figures["lost_elsewhere"], figures["sessions"]) == (3, 1, 3)


def test_beyond_the_database_is_the_worst_resource():
    origin = attempts(False, *[True] * 5, start=10) + attempts(False, *[True] * 5, start=10, resource="orders")
    path = attempts(False, *[True] * 5, start=10) + attempts(
        False, False, False, *[True] * 5, start=10, resource="orders"
    )
    assert evaluate(samples(origin=origin, connections=path))["beyond"] == 0.5


def test_only_connections_that_met_the_fault_count():
    connections = attempts(False, True, start=8) + attempts(False, True, start=10)
    figures = evaluate(samples(connections=connections))
    assert (figures["failed"], figures["connections"]) == (1, 2)


def test_the_timeline_has_changes_only():
    health = [
        {"proxy": "proxy-b", "t": time, "status": status}
        for time, status in [(9, 200), (9.5, 200), (11, 503), (12, 503), (13, 200)]
    ]
    line = timeline(samples(health=health, connections=attempts(True, False, start=10.6)))
    assert line["health"] == {"proxy-b": [[-1, 200], [1, 503], [3, 200]]}
    assert line["load"] == [[0.5, 1, 1]]


def test_what_never_came_misses_its_limit():
    limit = Limit("moved", 12)
    assert limit.holds({"moved": 12})
    assert not limit.holds({"moved": 12.1})
    assert not limit.holds({"moved": None})


def rounds(*values):
    return [{"figures": {"moved": value, "failed": number}} for number, value in enumerate(values)]


def test_never_is_the_worst_of_the_rounds_where_there_is_a_limit():
    assert worst(rounds(3, None, 5), "moved", limited=True) is None
    assert worst(rounds(3, None, 5), "moved", limited=False) == 5


def test_the_worst_round_is_the_one_furthest_over_a_limit():
    entries = rounds(3, 13, 5)
    assert worst_round(entries, [{"figure": "moved", "at_most": 12}]) is entries[1]
    assert worst_round(entries, []) is entries[2]
