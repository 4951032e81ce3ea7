"""What the drill tells: missed limits, merged results, unknown faults."""

import json

import pytest

from benchmarks.drill import report
from benchmarks.drill.faults import FAULTS, SHORT, choose
from benchmarks.drill.figures import FIGURES

NAMES = [fault.name for fault in FAULTS]


def results(*backs, limit=3):
    figures = {"connections": 100, "sessions": 4, **dict.fromkeys(FIGURES, 0)}
    rounds = [{"figures": {**figures, "back": back}} for back in backs]
    limits = [{"figure": "back", "at_most": limit}]
    machine = {"cores": 2, "memory_gib": 8.0, "kernel": "6.1"}
    fault = {"title": "ssh killed", "date": "2025-01-02T03:04:05", "limits": limits, "machine": machine}
    return {"faults": {"ssh-killed": {**fault, "rounds": rounds}}}


def test_every_missed_limit_is_one_line():
    assert report.missed(results(1.0, 2.9)) == []
    assert report.missed(results(1.0, 3.4, None)) == [
        "ssh killed, round 2: path back: 3.4 s, should be at most 3.0 s",
        "ssh killed, round 3: path back: never, should be at most 3.0 s",
    ]


@pytest.mark.parametrize(("backs", "cell"), [((1, 2), "2.0 s (≤ 3) ✓"), ((1, 4), "4.0 s (≤ 3) ✗")])
def test_the_table_shows_the_worst_round_beside_its_limit(backs, cell):
    assert cell in report.markdown(results(*backs))


def test_a_run_of_some_faults_keeps_the_others():
    known = {"faults": {"autossh-killed": {"date": "old"}, "ssh-killed": {"date": "old"}}}
    merged = report.merge(known, "ssh-killed", {"date": "new"}, NAMES)
    assert merged == {"faults": {"ssh-killed": {"date": "new"}, "autossh-killed": {"date": "old"}}}
    assert list(merged["faults"]) == ["ssh-killed", "autossh-killed"]


def test_results_are_read_as_they_were_written(tmp_path):
    path = tmp_path / "build/drill.json"
    assert report.load(path) == {}
    report.save(path, results(1))
    assert report.load(path) == json.loads(json.dumps(results(1)))


def test_faults_are_chosen_by_name():
    assert [fault.name for fault in choose(FAULTS, "power-off, ssh-killed")] == ["power-off", "ssh-killed"]
    assert choose(FAULTS, None) is FAULTS


def test_an_unknown_fault_is_one_message_with_the_near_miss_and_the_list():
    with pytest.raises(SystemExit) as raised:
        choose(FAULTS, "ssh-kiled")
    message = str(raised.value)
    assert "no fault 'ssh-kiled'. Did you mean 'ssh-killed'?" in message
    assert all(name in message for name in NAMES)


@pytest.mark.parametrize("faults", [FAULTS, SHORT], ids=["all", "short"])
def test_names_are_unique(faults):
    names = [fault.name for fault in faults]
    assert len(set(names)) == len(names)


def test_the_short_form_has_each_figure_of_the_design():
    def figures(faults):
        return {limit for fault in faults for limit in fault.figures}

    assert figures(SHORT) == figures(FAULTS)
