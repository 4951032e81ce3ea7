"""A resource and a proxy have left the list: nothing of them is left, and the others are untouched."""

import json
import re
import time

import pytest


@pytest.mark.parametrize(
    "place",
    [
        "systemctl list-units --all --plain --no-legend 'onprem-tunnel-forward@*'",
        "ls /etc/systemd/system/onprem-tunnel-forwards.target.wants",
        "ls /etc/onprem-tunnel/forwarders",
        "mkdir -p /run/sshd; sshd -T -C user=onprem-tunnel,host=x,addr=x | grep permitlisten",
        "cat /etc/ssh/onprem-tunnel/authorized_keys",
        "ss -Hltn",
        "cat /proc/sys/net/ipv4/ip_local_reserved_ports",
        "cat /etc/onprem-tunnel/health.json",
        "nft list table inet onprem_tunnel",
    ],
)
def test_the_resource_has_left_the_proxy(machine, place):
    output = machine("proxy").check_output(place)
    assert "orders" in output or "3306" in output, "the one that stays is there"
    assert not re.search(r"\bcrm\b|5432", output)


@pytest.mark.parametrize(
    "place",
    [
        "systemctl list-units --all --plain --no-legend 'onprem-tunnel@*'",
        "ls /etc/systemd/system/multi-user.target.wants",
        "ls /etc/onprem-tunnel/tunnels",
        "cat /etc/onprem-tunnel/known_hosts /etc/onprem-tunnel/tunnels/* /etc/onprem-tunnel/probes.json",
        "pgrep -af ssh",
    ],
)
def test_the_proxy_and_the_resource_have_left_the_tunnel_host(machine, place):
    output = machine("tunnel-host").check_output(place)
    assert "proxy" in output, "the one that stays is there"
    assert not re.search(r"\bsecond-proxy\b|\bcrm\b|15432", output)


def test_the_resource_that_stays_is_healthy(machine):
    proxy = machine("proxy")
    address = proxy.check_output("hostname -I").split()[0]
    deadline = time.monotonic() + 15
    while True:  # its tunnel was opened anew a moment ago
        body = json.loads(proxy.check_output("curl -s http://%s:8405/healthz", address))
        if body["status"] == "ok":
            break
        assert time.monotonic() < deadline, body
        time.sleep(0.5)
    assert list(body["resources"]) == ["orders"]
    assert proxy.check_output("curl -s -o /dev/null -w '%%{http_code}' http://%s:8405/healthz/crm", address) == "404"


def test_the_proxy_that_left_has_no_listener(machine):
    assert "127.0.0.1:1" not in machine("second-proxy").check_output("ss -Hltn")
