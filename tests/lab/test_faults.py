"""Faults that are survived. All of them befall proxy-b, so that a session through proxy-a can last."""

import re
import threading

import pytest

RESOURCES = ("orders", "crm")
pytestmark = pytest.mark.usefixtures("whole")


def steady(lab, seconds, what):
    """From soon on, ten queries in a row of each resource succeed through the load balancer."""
    lab.wait(lambda: all(lab.answers(name) for name in RESOURCES for _ in range(10)), seconds, what)


def test_one_proxy_stopped(lab):
    lab.podman("stop", "--time", "5", "onprem-tunnel-proxy-b")
    try:
        steady(lab, 30, "all connections go to the other proxy")
    finally:
        lab.podman("start", "onprem-tunnel-proxy-b")
    lab.wait(lambda: lab.health("proxy-b")[0] == 200, 60, "the proxy came back by itself")


def test_one_tunnel_stopped_with_its_forwarder_still_running(lab):
    """A check of the forwarder's port alone would go on saying that all is well."""
    lab.run("fra-tunnel", "systemctl stop onprem-tunnel@proxy-b-1")
    try:
        assert lab.wait(lambda: lab.health("proxy-b")[0] == 503, 5, "the health check tells") < 5
        assert lab.run("proxy-b", "systemctl is-active onprem-tunnel-forward@orders").stdout.strip() == "active"
        assert lab.health("proxy-b")[1]["resources"]["orders"]["forwarder"]["listening"] is True
        assert lab.health("proxy-b")[1]["resources"]["orders"]["listeners"][0]["listening"] is False
        steady(lab, 30, "all connections go to the other proxy")
    finally:
        lab.run("fra-tunnel", "systemctl start onprem-tunnel@proxy-b-1")


def test_one_forwarder_stopped_with_its_tunnel_still_up(lab):
    lab.run("proxy-b", "systemctl stop onprem-tunnel-forward@orders")
    try:
        lab.wait(lambda: lab.health("proxy-b", "/healthz/orders")[0] == 503, 5, "the health check tells")
        assert lab.health("proxy-b", "/healthz/crm")[0] == 200, "only that resource is concerned"
        steady(lab, 30, "its connections go to the other proxy")
    finally:
        lab.run("proxy-b", "systemctl start onprem-tunnel-forward@orders")


def test_new_connections_wait_for_a_tunnel_that_is_replaced(lab):
    """A second without a tunnel, as when it is killed, fails no login at its proxy."""
    unit = "onprem-tunnel@proxy-b-1"
    lab.run("fra-tunnel", f"systemctl stop {unit}")
    started = threading.Timer(1, lab.run, ("fra-tunnel", f"systemctl start {unit}"))
    started.start()
    asked = lab.at_once(lambda name: lab.query(name, lab.addresses["proxy-b"]), RESOURCES)
    started.join()
    assert [query.stderr for query in asked if query.returncode != 0] == []


@pytest.mark.parametrize("victim", ["ssh", "autossh"])
def test_a_killed_tunnel_comes_back(lab, victim):
    program = {"ssh": "/usr/bin/ssh", "autossh": "/usr/lib/autossh/autossh"}[victim]
    pids = f"pgrep -f '^{program} .*proxy-b-1$'"

    def running():
        return lab.run("fra-tunnel", pids, check=False).stdout.split()

    for _ in range(3):
        before = running()
        assert len(before) == 1
        lab.run("fra-tunnel", f"kill -KILL {before[0]}")
        lab.wait(
            lambda before=before: len(running()) == 1 and running() != before and lab.health("proxy-b")[0] == 200,
            15,
            "the tunnel is back",
        )


def test_a_broken_sshd_configuration_is_survived(lab):
    """Ten connections while it is broken, and ssh answers again once it is mended; no start limit keeps it down."""
    broken = "/etc/ssh/sshd_config.d/zz-broken.conf"
    address = "10.246.42.10"
    lab.run("proxy-b", f"echo Nonsense yes > {broken}; systemctl stop ssh.service")
    try:
        for _ in range(10):
            lab.run("fra-tunnel", f"timeout 2 bash -c 'exec 3<>/dev/tcp/{address}/22; head -c 4 <&3'", check=False)
        assert "ssh.service: Failed" in lab.run("proxy-b", "journalctl -u ssh.service -n 50").stdout
        # While it is broken, the waiting connections do not keep a core busy with starts.
        starts = "journalctl -u ssh.service --since=-10s | grep -c 'Starting'"
        assert int(lab.run("proxy-b", starts, check=False).stdout) <= 15
    finally:
        lab.run("proxy-b", f"rm {broken}")
    greeting = f"timeout 5 bash -c 'exec 3<>/dev/tcp/{address}/22; head -c 4 <&3'"
    lab.wait(lambda: lab.run("fra-tunnel", greeting, check=False).stdout == "SSH-", 15, "ssh answers again")


@pytest.mark.parametrize(
    ("hop", "machine", "unit"),
    [
        ("tunnel", "fra-tunnel", "onprem-tunnel@proxy-b-1"),
        ("forwarder", "proxy-b", "onprem-tunnel-forward@crm"),
        ("heartbeat", "fra-tunnel", "onprem-tunnel-heartbeat"),
        ("health check", "proxy-b", "onprem-tunnel-health"),
        ("database", "database", "postgresql@*"),
    ],
)
def test_the_doctor_names_the_first_hop_that_fails(lab, hop, machine, unit):
    # A stopped unit is forgotten, and no pattern finds it again.
    units = lab.run(machine, f"systemctl list-units --plain --no-legend '{unit}*' | cut -d' ' -f1").stdout.split()
    lab.run(machine, f"systemctl stop {' '.join(units)}")
    try:
        if hop in ("tunnel", "forwarder", "heartbeat"):
            lab.wait(lambda: lab.health("proxy-b")[0] == 503, 5, "the health check tells")
        failed = lab.playbook("playbooks/doctor.yml", check=False)
    finally:
        lab.run(machine, f"systemctl start {' '.join(units)}")
    named = set(re.findall(r"^ *- (proxy-[ab]), ([\w, ]+): ([\w ]+): ", failed.output, re.MULTILINE))
    resources = "crm, orders" if hop in ("tunnel", "heartbeat", "health check") else "crm"
    proxies = ("proxy-a", "proxy-b") if hop in ("heartbeat", "database") else ("proxy-b",)
    assert failed.returncode != 0
    assert named == {(proxy, resources, hop) for proxy in proxies}, failed.output
    assert failed.changed() == {}


def test_the_doctor_blocks_nobody(lab):
    """MariaDB blocks a host after max_connect_errors aborted handshakes; ask far more often than that."""
    lab.run("database", "mariadb -e 'SET GLOBAL max_connect_errors = 3; FLUSH HOSTS'")
    try:
        for _ in range(2):
            lab.playbook("playbooks/doctor.yml")
        assert lab.answers("orders")
        counted = "SELECT COALESCE(SUM(SUM_CONNECT_ERRORS), 0) FROM performance_schema.host_cache"
        assert lab.run("database", f"mariadb -N -B -e '{counted}'").stdout.strip() == "0"
    finally:
        lab.run("database", "mariadb -e 'SET GLOBAL max_connect_errors = 100; FLUSH HOSTS'")
