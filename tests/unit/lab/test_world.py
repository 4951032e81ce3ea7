"""The program around the followers: passes, settled or not, one of it only, and its end."""

import json
import os
import subprocess
import sys
import threading
from pathlib import Path
from types import SimpleNamespace

import pytest
import yaml

from lab import world

ROOT = Path(__file__).parents[3]


@pytest.fixture(name="options")
def _options(tmp_path):
    return SimpleNamespace(build=tmp_path, timeout=0.3)


def passes(path, *results):
    """The records of as many passes, each of which did or raised what is given."""
    ended, left, records = threading.Event(), list(results), []

    def follow():
        if len(left) == 1:
            ended.set()
        result = left.pop(0)
        if isinstance(result, Exception):
            raise result
        return result

    status = world.Status(path, {"pid": os.getpid()})
    write = status.write

    def write_and_keep(*arguments):
        write(*arguments)
        records.append(json.loads(path.read_text())["passes"]["machines"])

    status.write = write_and_keep
    world.repeat("machines", follow, status, ended)
    return records


@pytest.fixture(name="at_once", autouse=True)
def _at_once(monkeypatch):
    monkeypatch.setattr(world, "PASSES", {"load_balancer": 0, "machines": 0})


def test_a_pass_that_did_something_is_not_settled(tmp_path):
    records = passes(tmp_path / "aws.json", ["made proxy-a"], [])
    assert [record["settled"] for record in records] == [False, True]
    assert records[1]["done"] == ["made proxy-a"], "what was done last stays"
    assert records[0]["started"] < records[1]["started"]


def test_an_error_is_logged_and_the_next_pass_goes_on(tmp_path, caplog):
    records = passes(tmp_path / "aws.json", RuntimeError("no way"), [])
    assert [(record["settled"], record["error"]) for record in records] == [(False, "RuntimeError: no way"), (True, "")]
    assert "no way" in caplog.text


def test_a_complaint_of_every_pass_is_told_once():
    told = world.Once()

    def record(level, text):
        return world.logging.LogRecord("lab", level, "", 0, text, (), None)

    assert [told.filter(record(world.logging.ERROR, "no way")) for _ in range(3)] == [True, False, False]
    assert [told.filter(record(world.logging.INFO, "made")) for _ in range(2)] == [True, True]
    assert told.filter(record(world.logging.ERROR, "another"))


def test_hosts_are_read_again_when_the_inventory_changes(tmp_path):
    path = tmp_path / "hosts.yml"
    text = "all: {children: {proxy_vms: {hosts: {proxy-a: {ansible_host: 10.246.41.10}}}}}"
    path.write_text(text)
    hosts = world.Hosts(tmp_path)
    assert hosts() == {"10.246.41.10": "proxy-a"}
    path.write_text(text.replace("proxy-a", "proxy-c"))
    os.utime(path, ns=(1, 1))
    assert hosts() == {"10.246.41.10": "proxy-c"}


def write_status(options, pid, **settled):
    found = {name: {"started": 7, "settled": good, "done": [], "error": ""} for name, good in settled.items()}
    (options.build / "aws.json").write_text(json.dumps({"pid": pid, "passes": found}))


def test_waiting_ends_when_every_kind_of_pass_is_good(options, monkeypatch):
    monkeypatch.setattr(world, "running", lambda _options: 42)

    def wait():
        world.wait_until(options, lambda last: last["settled"], "has not followed")

    write_status(options, 42, load_balancer=True, machines=True)
    wait()
    for pid, settled in ((42, {"load_balancer": True}), (42, {"load_balancer": True, "machines": False})):
        write_status(options, pid, **settled)
        with pytest.raises(SystemExit, match="has not followed within 0.3 s: it is at work"):
            wait()
    write_status(options, 41, load_balancer=True, machines=True)  # of a program that ran before
    with pytest.raises(SystemExit, match="has not followed"):
        wait()


def test_waiting_for_a_program_that_does_not_run_ends_at_once(options):
    write_status(options, 42, load_balancer=True, machines=True)
    with pytest.raises(SystemExit, match="does not run"):
        world.wait_until(options, lambda _last: True, "has not followed")


def test_only_one_at_a_time(options):
    with world.only_one(options) as first:
        assert first and (options.build / "aws.pid").read_text() == f"{os.getpid()}\n"
        with world.only_one(options) as second:
            assert not second
        assert (options.build / "aws.pid").exists()
    assert not (options.build / "aws.pid").exists()


def test_another_program_with_the_number_in_the_file_is_not_ours(options):
    other = subprocess.Popen(["sleep", "60"], cwd=ROOT)
    try:
        (options.build / "aws.pid").write_text(f"{other.pid}\n")
        assert world.running(options) == 0
        world.stop(options)
        assert other.poll() is None
    finally:
        other.kill()
        other.wait()


def test_the_program_of_another_clone_is_not_ours(options, tmp_path):
    command = [sys.executable, "-c", "input('started')", world.MODULE]
    other = subprocess.Popen(command, cwd=tmp_path, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert other.stdout.read(7) == b"started"
    try:
        (options.build / "aws.pid").write_text(f"{other.pid}\n")
        assert world.running(options) == 0
    finally:
        other.kill()
        other.wait()


def test_started_in_the_background_settled_and_stopped(tmp_path):
    """The real program, in an environment whose Podman knows one running container and no HAProxy."""
    groups = {
        "proxy_vms": {"proxy-a": {"ansible_host": "10.246.41.10"}},
        "load_balancers": {"none": {"ansible_host": "10.246.40.5"}},
        "clients": {"client": {"ansible_host": "10.246.43.10"}},
        "serverless_compute": {"serverless": {"ansible_host": "10.246.50.10", "lab_workspace": "analytics"}},
        "private_links": {"private-link": {"ansible_host": "10.246.50.5"}},
    }
    inventory = {"all": {"children": {name: {"hosts": hosts} for name, hosts in groups.items()}}}
    (tmp_path / "hosts.yml").write_text(yaml.safe_dump(inventory))
    (tmp_path / "databricks.yml").write_text("{}")
    podman = tmp_path / "bin/podman"
    podman.parent.mkdir()
    podman.write_text(f'#!/bin/sh\ncase $1 in ps) echo "[]";; inspect) echo {os.getpid()};; esac\n')
    podman.chmod(0o755)

    def run(*arguments):
        command = [sys.executable, "-m", world.MODULE, *arguments, "--timeout", "30"]
        command += ["--inventory", str(tmp_path), "--build", str(tmp_path / "build"), "--port", "0"]
        command += ["--databricks", str(tmp_path / "databricks.yml")]
        environment = os.environ | {"PATH": f"{podman.parent}:{os.environ['PATH']}"}
        return subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)

    try:
        first, second = run("--daemon"), run("--daemon")
        assert first.returncode == 0, first.stderr
        assert "ready: http://127.0.0.1:" in first.stdout and first.stdout == second.stdout
        number = int((tmp_path / "build/aws.pid").read_text())
        assert world.is_ours(number)
        settled = run("--settled")
        assert settled.returncode == 0, settled.stderr
    finally:
        stopped = run("--stop")
    assert stopped.returncode == 0 and not world.is_ours(number)
    assert run("--settled").returncode != 0
