"""The effective state of a proxy, without a tunnel: what sshd, the kernel and the sockets say."""

import json
import re
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

TUNNEL = """
import http.server, socket, threading, time
class Heartbeat(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b'{"host": "fra-tunnel", "time": 1.0, "resources": {}}')
beats = http.server.ThreadingHTTPServer(("127.0.0.1", 13999), Heartbeat)
threading.Thread(target=beats.serve_forever, daemon=True).start()
server = socket.create_server(("127.0.0.1", 13306))
while True:
    client, _ = server.accept()
    got = 0
    while chunk := client.recv(65536):
        got += len(chunk)
    time.sleep(2)
    client.sendall(str(got).encode().rjust(9) + b"x" * 500000)
    client.close()
"""


@pytest.fixture(name="address", scope="module")
def _address(host):
    return host.check_output("hostname -I").split()[0]


@pytest.fixture(name="tunnel")
def _tunnel(host, request):
    """Answers as a tunnel would: its heartbeat, and a listener that answers half-closed connections late."""
    user = getattr(request, "param", "onprem-tunnel")
    host.run_expect([0], f"cat > /tmp/tunnel.py <<'END'\n{TUNNEL}\nEND")
    host.run_expect([0], f"systemd-run --quiet --unit=tunnel --uid={user} python3 /tmp/tunnel.py")
    yield
    host.run_expect([0], "systemctl stop tunnel")


def effective(host, user):
    output = host.check_output("sshd -T -C user=%s,host=tunnel.example,addr=192.0.2.7", user)
    return dict(line.split(" ", 1) for line in output.splitlines() if " " in line)


def test_sshd_lets_the_tunnel_user_open_the_listeners_and_nothing_else(host):
    settings = effective(host, "onprem-tunnel")
    assert settings["permitlisten"] == "127.0.0.1:13999 127.0.0.1:13306 127.0.0.1:10080"
    assert {name: settings[name] for name in sorted(settings) if name in EXPECTED_OF_THE_TUNNEL_USER} == (
        EXPECTED_OF_THE_TUNNEL_USER
    )


EXPECTED_OF_THE_TUNNEL_USER = {
    "allowagentforwarding": "no",
    "allowstreamlocalforwarding": "no",
    "allowtcpforwarding": "remote",
    "channeltimeout": "forwarded-tcpip=0",
    "authenticationmethods": "publickey",
    "authorizedkeyscommand": "none",
    "authorizedkeysfile": "/etc/ssh/onprem-tunnel/authorized_keys",
    "clientalivecountmax": "2",
    "clientaliveinterval": "5",
    "forcecommand": "/usr/sbin/nologin",
    "gatewayports": "no",
    "maxsessions": "0",
    "passwordauthentication": "no",
    "permitopen": "none",
    "permittty": "no",
    "permittunnel": "no",
    "permituserrc": "no",
    "trustedusercakeys": "none",
    "unusedconnectiontimeout": "none",
    "x11forwarding": "no",
}


@pytest.mark.parametrize("user", ["admin", "root"])
def test_sshd_lets_administrators_in_by_key_and_forwards_nothing_for_them(host, user):
    settings = effective(host, user)
    assert settings["pubkeyauthentication"] == "yes"
    assert settings["permitrootlogin"] == "without-password"
    assert settings["passwordauthentication"] == settings["kbdinteractiveauthentication"] == "no"
    assert settings["allowtcpforwarding"] == "no"
    assert settings["authorizedkeysfile"] == ".ssh/authorized_keys .ssh/authorized_keys2"
    assert "forcecommand" not in settings or settings["forcecommand"] == "none"


@pytest.mark.parametrize("user", ["onprem-tunnel", "admin", "root"])
def test_everybody_gets_strict_cryptography(host, user):
    settings = effective(host, user)
    assert all(
        method.startswith(("mlkem768x25519-", "sntrup761x25519-")) for method in settings["kexalgorithms"].split(",")
    )
    assert settings["ciphers"] == "aes128-gcm@openssh.com,aes256-gcm@openssh.com"
    assert settings["macs"] == "hmac-sha2-256-etm@openssh.com,hmac-sha2-512-etm@openssh.com"
    assert settings["hostkeyalgorithms"] == "ssh-ed25519,rsa-sha2-512,rsa-sha2-256"


def test_ssh_audit_finds_no_fault(address):
    program = Path(sys.executable).with_name("ssh-audit")
    command = [program, "--no-colors", "--skip-rate-test", "--timeout=10", address]
    said = subprocess.run(command, capture_output=True, text=True, check=False).stdout
    assert "(kex) sntrup761x25519-sha512" in said and "(key) ssh-ed25519" in said, said
    assert [line for line in said.splitlines() if "[fail]" in line or "[warn]" in line] == []


def test_penalties_of_sshd_exempt_the_tunnel_host_where_it_has_them(host):
    settings = effective(host, "root")
    if "persourcepenalties" in settings:  # OpenSSH 9.8 and later
        assert settings["persourcepenaltyexemptlist"] == "192.0.2.7"
        assert "max:30" in settings["persourcepenalties"]


def test_the_packet_filter_lets_in_who_belongs_in(host, address):
    """This test comes from an address that belongs to nobody's ranges but sshd's and the health check's."""
    assert host.service("onprem-tunnel-firewall.service").is_running
    assert host.service("onprem-tunnel-firewall.service").is_enabled
    for port in (22, 8405):
        socket.create_connection((address, port), 3).close()
    for port in (3306, 80):
        with pytest.raises(TimeoutError):
            socket.create_connection((address, port), 2)
    rules = host.check_output("nft list chain inet onprem_tunnel connection")
    assert re.search(r"tcp dport \{ 80, 3306 \} counter packets [1-9]", rules), rules


def test_loading_other_rules_anew_keeps_ours(host):
    host.run_expect([0], "systemctl start nftables && systemctl restart nftables")
    time.sleep(1)
    assert "onprem_tunnel" in host.check_output("nft list tables")
    host.run_expect([0], "systemctl reload nftables")
    time.sleep(1)
    assert "onprem_tunnel" in host.check_output("nft list tables")
    host.run_expect([0], "systemctl stop nftables; systemctl start onprem-tunnel-firewall")


def test_local_users_do_not_get_into_the_tunnel(host, tunnel):
    connect = "runuser -u %s -- timeout 2 bash -c '</dev/tcp/127.0.0.1/13306'"
    deadline = time.monotonic() + 5
    while host.run(connect, "onprem-tunnel-forward").rc != 0:
        assert time.monotonic() < deadline
    assert [host.run(connect, user).rc for user in ("root", "nobody", "onprem-tunnel")] == [1, 1, 1]


def test_a_key_is_bound_to_its_listeners_and_addresses(host):
    keys = host.file("/etc/ssh/onprem-tunnel/authorized_keys")
    assert (keys.user, keys.group, keys.mode) == ("root", "root", 0o644)
    lines = [line for line in keys.content_string.splitlines() if not line.startswith("#")]
    assert len(lines) == 1
    assert lines[0].startswith(
        'restrict,port-forwarding,permitlisten="127.0.0.1:13999",'
        'permitlisten="127.0.0.1:13306",permitlisten="127.0.0.1:10080",'
        'from="192.0.2.7" ssh-ed25519 '
    )


def shown(host, unit, *properties):
    output = host.check_output("systemctl show %s --property=%s", unit, ",".join(properties))
    return dict(line.split("=", 1) for line in output.splitlines())


def test_sshd_is_activated_by_its_socket_and_never_gives_up(host):
    assert host.service("ssh.socket").is_running and host.service("ssh.socket").is_enabled
    assert not host.service("ssh.service").is_enabled
    socket = shown(
        host, "ssh.socket", "NoDelay", "KeepAlive", "KeepAliveTimeUSec", "TriggerLimitIntervalUSec", "Accept"
    )
    assert socket == {
        "Accept": "no",
        "KeepAlive": "yes",
        "KeepAliveTimeUSec": "5s",
        "NoDelay": "yes",
        "TriggerLimitIntervalUSec": "0",
    }
    assert shown(host, "ssh.service", "StartLimitIntervalUSec") == {"StartLimitIntervalUSec": "0"}
    # A container's own limit may be lower than what the unit asks for.
    assert "LimitNOFILE=65536" in host.check_output("systemctl cat ssh.service")


def test_forwarders_listen_on_the_own_address_only(host, address):
    listening = {line.split()[3] for line in host.check_output("ss -Hltn").splitlines()}
    assert {f"{address}:3306", f"{address}:80", f"{address}:8405"} <= listening
    assert {entry for entry in listening if entry.startswith(("0.0.0.0:", "*:", "[::]:"))} <= {"*:22", "[::]:22"}


@pytest.mark.parametrize("resource", ["orders", "web"])
def test_forwarders_belong_to_the_target_and_start_at_boot(host, resource):
    unit = host.service(f"onprem-tunnel-forward@{resource}.service")
    assert unit.is_running and unit.is_enabled
    assert host.service("onprem-tunnel-forwards.target").is_enabled
    wanted = shown(host, "onprem-tunnel-forwards.target", "Wants")["Wants"].split()
    assert f"onprem-tunnel-forward@{resource}.service" in wanted


def test_kernel_settings_are_in_effect(host):
    assert host.sysctl("net.ipv4.tcp_retries2") == 5
    assert host.sysctl("net.ipv4.tcp_notsent_lowat") == 131072
    assert str(host.sysctl("net.ipv4.ip_local_reserved_ports")) == "10080,13306,13999"


@pytest.mark.parametrize(
    "unit",
    ["onprem-tunnel-forward@orders.service", "onprem-tunnel-health.service", "onprem-tunnel-firewall.service"],
)
def test_services_are_boxed_in(host, unit):
    verdict = host.run("systemd-analyze security --no-pager %s", unit).stdout.splitlines()[-1]
    assert float(re.search(r"(\d+\.\d+)", verdict).group(1)) <= 1.5, verdict
    settings = shown(host, unit, "User", "DynamicUser")
    assert settings["User"] not in ("", "root") or settings["DynamicUser"] == "yes"


def healthz(host, address, resource=""):
    output = host.check_output("curl -s -w ' %%{http_code}' http://%s:8405/healthz%s", address, resource)
    body, _, status = output.rpartition(" ")
    return int(status), json.loads(body)


def wait_for_status(host, address, status, resource=""):
    deadline = time.monotonic() + 5
    while healthz(host, address, resource)[0] != status:
        assert time.monotonic() < deadline, host.check_output("journalctl --no-pager -u onprem-tunnel-health -n 20")
        time.sleep(0.2)


def test_health_is_503_without_a_tunnel_and_200_with_one(host, address, request):
    wait_for_status(host, address, 503, "/orders")
    request.getfixturevalue("tunnel")
    wait_for_status(host, address, 200, "/orders")
    status, body = healthz(host, address)
    assert status == 503, "the other resource has no listener"
    assert body["resources"]["web"]["forwarder"]["listening"] is True
    assert body["resources"]["web"]["listeners"][0]["listening"] is False


@pytest.mark.parametrize("tunnel", ["root"], indirect=True)
def test_a_listener_of_another_user_is_no_tunnel(host, address, tunnel):
    """A local user who takes a listener's port before sshd does must not be believed."""
    host.run_expect([0], "timeout 5 sh -c 'until ss -Hltn | grep -q :13999; do sleep 0.1; done'")
    time.sleep(2)
    assert healthz(host, address, "/orders")[0] == 503


def test_draining_is_told_at_once_and_survives_a_restart(host, address, tunnel):
    wait_for_status(host, address, 200, "/orders")
    refused = host.run("onprem-tunnel-drain --timeout 5")
    assert refused.rc == 1 and "orders" in refused.stderr + refused.stdout, "no other proxy answers"
    assert healthz(host, address, "/orders")[0] == 200
    host.run_expect([0], "onprem-tunnel-drain --force --timeout 5")
    status, body = healthz(host, address, "/orders")
    assert (status, body["draining"]) == (503, True)
    host.run_expect([0], "systemctl restart onprem-tunnel-health")
    wait_for_status(host, address, 503, "/orders")
    assert healthz(host, address, "/orders")[1]["draining"] is True
    host.run_expect([0], "onprem-tunnel-drain --undo")
    wait_for_status(host, address, 200, "/orders")


def test_a_half_closed_connection_gets_its_whole_answer(host, address, tunnel):
    """The answer comes two seconds after the client has closed its side; socat's default would wait for 0.5 s."""
    program = (
        "import socket; s = socket.create_connection(('%s', 3306), 10); s.sendall(b'q' * 1000);"
        "s.shutdown(socket.SHUT_WR); print(len(b''.join(iter(lambda: s.recv(65536), b''))))"
    )
    assert host.check_output('python3 -c "%s"' % (program % address)) == "500009"


def test_idle_connections_are_kept_alive_within_a_minute(host, address, tunnel):
    """Network load balancers and VPC endpoints forget a connection after 350 s without a packet."""
    holder = f"python3 -c \"import socket,time; s = socket.create_connection(('{address}', 3306)); time.sleep(20)\""
    host.run_expect([0], f"systemd-run --quiet --unit=holder {holder}")
    time.sleep(1)
    try:
        for side in ("( sport = :3306 )", "( dport = :13306 )"):
            connections = host.check_output("ss -Htno state established %s", side).splitlines()
            timers = [re.search(r"timer:\(keepalive,(\d+)sec", line) for line in connections]
            assert timers and all(timer and int(timer.group(1)) <= 60 for timer in timers), connections
    finally:
        host.run("systemctl stop holder")
