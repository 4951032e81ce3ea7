"""The effective state of a tunnel host, and what arrives on the proxy."""

import json
import re
import time

import pytest

TUNNEL = "onprem-tunnel@proxy-1.service"
CONFIG = "/etc/onprem-tunnel/tunnels/proxy-1.conf"


@pytest.fixture(name="tunnel_host", scope="module")
def _tunnel_host(machine):
    return machine("tunnel-host")


@pytest.fixture(name="proxy", scope="module")
def _proxy(machine):
    return machine("proxy")


def test_the_private_key_is_root_s_alone(tunnel_host):
    key = tunnel_host.file("/etc/onprem-tunnel/id_tunnel")
    assert (key.user, key.group, key.mode) == ("root", "root", 0o600)


def test_one_connection_carries_every_forward(tunnel_host, proxy):
    unit = tunnel_host.service(TUNNEL)
    assert unit.is_running and unit.is_enabled
    # The scenario for Debian 13 runs plain ssh, as on platforms without autossh.
    autossh = tunnel_host.system_info.release.startswith("12")
    assert len(tunnel_host.process.filter(comm="autossh")) == tunnel_host.package("autossh").is_installed == autossh
    assert len(tunnel_host.process.filter(comm="ssh")) == 1
    for port in (13306, 15432):
        assert proxy.socket(f"tcp://127.0.0.1:{port}").is_listening
        greeting = (
            f"runuser -u onprem-tunnel-forward -- timeout 5 bash -c 'exec 3<>/dev/tcp/127.0.0.1/{port}; head -c 4 <&3'"
        )
        assert proxy.check_output(greeting) == "SSH-", "by name and by IPv6 address alike"


def test_ssh_reads_the_configuration_as_it_is_meant(tunnel_host):
    output = tunnel_host.check_output("ssh -T -G -F %s proxy-1", CONFIG)
    settings = dict(line.split(" ", 1) for line in output.splitlines() if " " in line)
    expected = {
        "batchmode": "yes",
        "compression": "no",
        "connecttimeout": "5",
        "exitonforwardfailure": "yes",
        "globalknownhostsfile": "/dev/null",
        "hostkeyalias": "proxy",
        "identitiesonly": "yes",
        "serveralivecountmax": "2",
        "serveraliveinterval": "5",
        "stricthostkeychecking": "true",
        "updatehostkeys": "false",
        "user": "onprem-tunnel",
        "userknownhostsfile": "/etc/onprem-tunnel/known_hosts",
    }
    assert {name: settings.get(name) for name in expected} == expected
    assert settings["ciphers"].split(",")[0] == "aes128-gcm@openssh.com"
    assert output.count("remoteforward [127.0.0.1]:") == 3


def test_the_proxy_s_host_key_is_pinned_and_no_other_is_trusted(tunnel_host, proxy):
    pinned = tunnel_host.file("/etc/onprem-tunnel/known_hosts").content_string.splitlines()[1:]
    assert pinned == ["proxy " + proxy.check_output("cut -d' ' -f1,2 /etc/ssh/ssh_host_ed25519_key.pub")]
    # With nothing pinned, the same command refuses to connect.
    attempt = f"ssh -F {CONFIG} -i /etc/onprem-tunnel/id_tunnel -o UserKnownHostsFile=/dev/null -N proxy-1"
    refused = tunnel_host.run(f"timeout 10 {attempt}")
    assert refused.rc == 255 and "Host key verification failed" in refused.stderr


def test_systemd_does_the_retries_without_backing_off(tunnel_host, proxy):
    """autossh itself would wait for minutes after a few fast failures."""
    before = set(tunnel_host.check_output("pgrep -x ssh").split())
    for _ in range(7):
        tunnel_host.run("pkill -KILL -x ssh")
        deadline = time.monotonic() + 10
        while True:
            now = set(tunnel_host.run("pgrep -x ssh").stdout.split())
            if now and not now & before and proxy.run("ss -Hltn 'sport = :13306'").stdout:
                break
            assert time.monotonic() < deadline, tunnel_host.check_output(f"journalctl --no-pager -n 30 -u {TUNNEL}")
            time.sleep(0.2)
        before = now


def test_the_heartbeat_answers_through_the_tunnel_with_the_verdicts(tunnel_host, proxy):
    deadline = time.monotonic() + 10
    while True:
        beat = json.loads(proxy.check_output("runuser -u onprem-tunnel-health -- curl -s http://127.0.0.1:13999/"))
        if len(beat["resources"]) == 2:
            break
        assert time.monotonic() < deadline, beat
        time.sleep(0.5)
    assert beat["host"] == "tunnel-host"
    assert {name: verdict["verdict"] for name, verdict in beat["resources"].items()} == {"orders": "up", "crm": "up"}


def test_the_proxy_is_healthy(proxy):
    address = proxy.check_output("hostname -I").split()[0]
    status = "curl -s -o /dev/null -w '%{http_code}' " + f"http://{address}:8405/healthz"
    deadline = time.monotonic() + 10
    while proxy.run(status).stdout != "200":
        assert time.monotonic() < deadline, proxy.check_output(f"curl -s http://{address}:8405/status")
        time.sleep(0.2)


SERVICES = ["onprem-tunnel-heartbeat.service", "onprem-tunnel-probe.service", "onprem-tunnel-names.service"]


@pytest.mark.parametrize("unit", SERVICES)
def test_what_is_killed_comes_back(tunnel_host, unit):
    for _ in range(6):
        pid = tunnel_host.check_output(f"systemctl show {unit} --property=MainPID --value")
        assert tunnel_host.run(f"kill -KILL {pid}").rc == 0
        deadline = time.monotonic() + 10
        while tunnel_host.check_output(f"systemctl show {unit} --property=MainPID --value") in ("0", pid):
            assert time.monotonic() < deadline, tunnel_host.check_output(f"journalctl --no-pager -n 30 -u {unit}")
            time.sleep(0.2)
    assert tunnel_host.service(unit).is_running and tunnel_host.service(unit).is_enabled


def test_what_a_connection_may_queue_is_bounded(tunnel_host):
    assert tunnel_host.sysctl("net.ipv4.tcp_notsent_lowat") == 131072


@pytest.mark.parametrize("unit", [TUNNEL, *SERVICES])
def test_the_services_are_boxed_in(tunnel_host, unit):
    verdict = tunnel_host.run(f"systemd-analyze security --no-pager {unit}").stdout.splitlines()[-1]
    assert float(re.search(r"(\d+\.\d+)", verdict).group(1)) <= 1.5, verdict


def test_each_service_has_a_user_of_its_own(tunnel_host):
    users = tunnel_host.check_output(
        "ps -eo user:32,args | grep -E '[/]usr/bin/(ssh -|python3 -Es)' | cut -d' ' -f1 | sort"
    )
    assert users.split() == ["onprem-tunnel", "onprem-tunnel-heartbeat", "onprem-tunnel-names", "onprem-tunnel-probe"]


def test_ssh_asks_no_name_server(tunnel_host):
    pid = tunnel_host.check_output("pgrep -x ssh")
    assert "hosts: files\n" in tunnel_host.check_output(f"cat /proc/{pid}/root/etc/nsswitch.conf") + "\n"
    known = tunnel_host.check_output(f"cat /proc/{pid}/root/etc/hosts").splitlines()
    assert "127.0.0.1 localhost" in known and known[0] == "127.0.0.1 localhost"
