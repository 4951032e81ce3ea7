"""ssh's names: refreshed while the name server answers, kept while it does not, whole whenever they are read."""

import json
import os
import socket
import threading
import time

import pytest

pytestmark = pytest.mark.measures


def settings_file(tmp_path, names):
    path = tmp_path / "names.json"
    path.write_text(json.dumps({"names": names}))
    return str(path)


@pytest.mark.parametrize("name", ["", "a b", "a\nb", "a#b", 3, None])
def test_what_would_break_the_file_is_told(names, tmp_path, capsys, name):
    assert names.main(["--check", settings_file(tmp_path, ["db.example", name])]) == 1
    assert "is not a name" in capsys.readouterr().err


def test_good_settings(names, tmp_path):
    assert names.main(["--check", settings_file(tmp_path, ["db.example", "db.example", "x"])]) == 0
    assert names.read_settings(settings_file(tmp_path, ["b", "a", "b"])) == ["b", "a"]


class NameServer:
    def __init__(self):
        self.answers = {}
        self.hang = threading.Event()
        self.hang.set()

    def __call__(self, name, *_):
        self.hang.wait(5)
        if name not in self.answers:
            raise socket.gaierror(-3, "Temporary failure in name resolution")
        return [(2, 1, 6, "", (address, 0)) for address in self.answers[name]]


@pytest.fixture
def server(names, monkeypatch):
    server = NameServer()
    monkeypatch.setattr(names.socket, "getaddrinfo", server)
    return server


def run(names, hosts, wanted, seconds=0.25):
    stop = threading.Event()
    threading.Timer(seconds, stop.set).start()
    names.keep_looking(wanted, hosts, stop, interval=0.05)


def entries(path):
    return [line.split() for line in path.read_text().splitlines()][2:]


def test_addresses_follow_the_name_server_and_outlive_it(names, server, tmp_path, capsys):
    path = tmp_path / "hosts"
    hosts = names.Hosts(str(path), ["db"])
    assert path.read_text() == "127.0.0.1 localhost\n::1 localhost\n"
    server.answers["db"] = ["10.0.0.1", "10.0.0.2"]
    run(names, hosts, ["db"])
    assert entries(path) == [["10.0.0.1", "db"], ["10.0.0.2", "db"]]
    server.answers["db"] = ["10.0.0.2", "10.0.0.1"]
    run(names, hosts, ["db"])
    assert entries(path) == [["10.0.0.1", "db"], ["10.0.0.2", "db"]], "only turned round"
    server.answers["db"] = ["10.0.0.3"]
    run(names, hosts, ["db"])
    assert entries(path) == [["10.0.0.3", "db"]]
    del server.answers["db"]
    run(names, hosts, ["db"])
    assert entries(path) == [["10.0.0.3", "db"]]
    said = capsys.readouterr()
    assert said.err.count("still taken for 10.0.0.3") == 1, "told once, not every time"
    # A restart while the name server is still away.
    assert names.Hosts(str(path), ["db"]).addresses == {"db": ["10.0.0.3"]}
    assert names.Hosts(str(path), ["other"]).addresses == {}
    assert entries(path) == []


def test_a_look_up_that_hangs_delays_no_other_and_is_not_piled_up(names, monkeypatch, tmp_path):
    asked = []

    def look_up(name, *_):
        asked.append(name)
        if name == "hangs":
            time.sleep(2)
        return [(2, 1, 6, "", ("10.0.0.9", 0))]

    monkeypatch.setattr(names.socket, "getaddrinfo", look_up)
    run(names, names.Hosts(str(tmp_path / "hosts"), ["hangs", "db"]), ["hangs", "db"], 0.4)
    assert asked.count("hangs") == 1 and asked.count("db") >= 4


def test_the_file_keeps_its_inode_and_is_never_half_written(names, tmp_path):
    """ssh sees it through a mount of this very file."""
    path = tmp_path / "hosts"
    hosts = names.Hosts(str(path), ["a", "b"])
    inode = os.stat(path).st_ino
    stop, wrong = threading.Event(), []

    def read():
        while not stop.is_set():
            lines = [line.split() for line in path.read_text().splitlines() if line]
            wrong.extend(
                line for line in lines if len(line) != 2 or line[0] not in ("127.0.0.1", "::1", "10.0.0.1", *long)
            )

    long = [f"192.168.100.{number}" for number in range(50)]
    reader = threading.Thread(target=read)
    reader.start()
    for _ in range(300):
        hosts.learn("a", long)
        hosts.learn("a", ["10.0.0.1"])
    stop.set()
    reader.join()
    assert wrong == [] and os.stat(path).st_ino == inode
