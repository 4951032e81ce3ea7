"""The probe looks at each resource once an interval, and nothing that hangs or fails stops it."""

import itertools
import json
import threading
import time

import pytest

pytestmark = pytest.mark.measures


def settings_file(tmp_path, **changes):
    resource = {"name": "orders", "probe": "mysql", "host": "db.example", "port": 3306}
    settings = {"interval": 30, "timeout": 5, "resources": [resource], **changes}
    path = tmp_path / "probes.json"
    path.write_text(json.dumps({key: value for key, value in settings.items() if value is not None}))
    return str(path)


def test_good_settings(probe, tmp_path):
    read = probe.read_settings(settings_file(tmp_path))
    assert read["resources"] == [{"name": "orders", "probe": "mysql", "host": "db.example", "port": 3306}]
    assert probe.main(["--check", settings_file(tmp_path)]) == 0


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"interval": 29}, "29 s is less than 30 s"),
        ({"interval": "soon"}, "soon"),
        ({"interval": None}, "'interval' is missing"),
        ({"timeout": 30}, "less than the interval"),
        ({"timeout": 0}, "more than 0"),
        ({"resources": [{"name": "a", "probe": "ping", "host": "h", "port": 1}]}, "'ping' is none of mysql"),
        ({"resources": [{"name": "a", "probe": "tcp", "host": "h"}]}, "'port' is missing"),
        ({"resources": 3}, "int"),
    ],
)
def test_bad_settings_are_told(probe, tmp_path, capsys, changes, words):
    assert probe.main(["--check", settings_file(tmp_path, **changes)]) == 1
    assert words in capsys.readouterr().err


def test_looks_are_spread_over_the_interval(probe):
    assert probe.schedule(["a", "b", "c"], 30) == [(0, "a"), (10, "b"), (20, "c")]


def test_details_stay_here_while_all_is_well(probe, tmp_path):
    verdicts = probe.Verdicts(str(tmp_path / "v"), clock=lambda: 7.0)
    verdicts.add("orders", {"verdict": "up", "milliseconds": 1.0, "detail": "10.11.6-MariaDB"})
    verdicts.add("crm", {"verdict": "refused", "milliseconds": 2.0, "detail": "refuses the connection"})
    assert json.loads((tmp_path / "v").read_text())["resources"] == {
        "orders": {"verdict": "up", "milliseconds": 1.0, "time": 7.0},
        "crm": {"verdict": "refused", "milliseconds": 2.0, "time": 7.0, "detail": "refuses the connection"},
    }


def run(probe, monkeypatch, tmp_path, greet, seconds, resources=("a", "b"), interval=0.3):
    monkeypatch.setattr(probe, "greet", greet)
    entries = [{"name": name, "probe": "tcp", "host": name, "port": 1} for name in resources]
    stop = threading.Event()
    threading.Timer(seconds, stop.set).start()
    settings = {"interval": interval, "timeout": 0.1, "resources": entries}
    probe.keep_looking(settings, probe.Verdicts(str(tmp_path / "v")), stop)
    return json.loads((tmp_path / "v").read_text())["resources"]


def up(_host, _port, _kind, _timeout):
    return {"verdict": "up", "milliseconds": 1.0, "detail": ""}


def test_each_resource_once_at_the_start_and_then_once_an_interval(probe, monkeypatch, tmp_path):
    looks = []

    def greet(host, port, kind, timeout):
        looks.append((host, time.monotonic()))
        return up(host, port, kind, timeout)

    run(probe, monkeypatch, tmp_path, greet, 1.0)
    at = {name: [moment for host, moment in looks if host == name] for name in "ab"}
    assert at["a"][0] - at["b"][0] < 0.1, "verdicts are there soon"
    for moments in at.values():
        assert 3 <= len(moments) <= 5
        assert all(later - earlier > 0.25 for earlier, later in itertools.pairwise(moments))


def test_a_look_that_hangs_or_fails_delays_no_other(probe, monkeypatch, tmp_path):
    looks, hang = [], threading.Event()

    def greet(host, port, kind, timeout):
        looks.append(host)
        if host == "a":
            hang.wait(5)
        if host == "b":
            raise MemoryError
        return up(host, port, kind, timeout)

    seen = run(probe, monkeypatch, tmp_path, greet, 1.0, resources=("a", "b", "c"))
    hang.set()
    assert looks.count("a") == 1 and looks.count("b") >= 3 and looks.count("c") >= 3
    assert set(seen) == {"c"}


def test_the_file_is_whole_whenever_it_is_read(probe, tmp_path):
    verdicts = probe.Verdicts(str(tmp_path / "v"))
    stop, faults = threading.Event(), []
    verdicts.add("a", up(0, 0, 0, 0))

    def read():
        while not stop.is_set():
            try:
                json.loads((tmp_path / "v").read_text())
            except ValueError as error:
                faults.append(error)

    reader = threading.Thread(target=read)
    reader.start()
    writers = [
        threading.Thread(target=lambda n=n: [verdicts.add(f"r{n}", up(0, 0, 0, 0)) for _ in range(50)])
        for n in range(4)
    ]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    stop.set()
    reader.join()
    assert not faults and len(json.loads((tmp_path / "v").read_text())["resources"]) == 5
