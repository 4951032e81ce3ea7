"""What a thief of the tunnels' key, a guest of either network and a local user of a proxy can do: nothing more.

Each attack is seen to be refused, and by what; honest traffic goes on beside it.
"""

import json
import shlex
import subprocess

import pytest

pytestmark = pytest.mark.usefixtures("whole_before")
PROXY, TUNNEL_HOST = "10.246.42.10", "10.246.10.20"
LOGIN = f"onprem-tunnel@{PROXY}"
KEY = "/etc/onprem-tunnel/id_tunnel"
OPTIONS = (
    "-F none -o BatchMode=yes -o ConnectTimeout=5 -o StrictHostKeyChecking=yes -o HostKeyAlias=proxy-b "
    "-o UserKnownHostsFile=/etc/onprem-tunnel/known_hosts"
)
STOLEN = f"{OPTIONS} -o IdentitiesOnly=yes -i {KEY}"


@pytest.fixture(name="honest", autouse=True)
def _honest(lab, session):
    """A session through the attacked proxy lives through the attack, and a new connection finds it working."""
    before = session.ask()
    assert before.strip().isdigit()
    yield
    assert session.ask() == before
    assert lab.answers("crm", PROXY)


# --- with the stolen key, on the machine that it was stolen from


@pytest.mark.parametrize(
    "attempt",
    [
        pytest.param(f"ssh {STOLEN} {LOGIN}", id="shell"),
        pytest.param(f"ssh {STOLEN} {LOGIN} id", id="command"),
        pytest.param(f"ssh {STOLEN} -tt {LOGIN} id", id="terminal"),
        pytest.param(f"ssh {STOLEN} -s {LOGIN} sftp", id="subsystem"),
        pytest.param(f"sftp {STOLEN} {LOGIN}", id="sftp"),
        pytest.param(f"scp {STOLEN} /etc/hostname {LOGIN}:/tmp/stolen", id="scp"),
        pytest.param(f"ssh {STOLEN} {LOGIN} 'cat >~/.ssh/authorized_keys'", id="a key of one's own"),
        pytest.param(f"eval $(ssh-agent); ssh {STOLEN} -A {LOGIN} env; ssh-agent -k", id="agent forwarding"),
        pytest.param(f"DISPLAY=:0 ssh {STOLEN} -X {LOGIN} env", id="X11 forwarding"),
    ],
)
def test_no_session_is_opened(lab, attempt):
    done = lab.run("fra-tunnel", f"timeout 10 sh -c {shlex.quote(attempt)} </dev/null", check=False)
    # sshd's MaxSessions 0.
    assert "open failed" in done.stderr and "uid=" not in done.stdout and "SSH_CONNECTION" not in done.stdout, done
    assert lab.run("proxy-b", "test -e /tmp/stolen", check=False).returncode == 1


@pytest.mark.parametrize(
    ("forward", "use"),
    [
        pytest.param("-W 127.0.0.1:22", None, id="-W to the proxy"),
        pytest.param("-W 10.246.41.10:22", None, id="-W to another machine"),
        pytest.param("-N -L 18080:127.0.0.1:22", "head -c 4 </dev/tcp/127.0.0.1/18080", id="-L"),
        pytest.param("-N -D 18080", f"curl -sS -m 3 --socks5 127.0.0.1:18080 http://{PROXY}:8405/healthz", id="-D"),
    ],
)
def test_nothing_is_reached_from_the_proxy(lab, forward, use):
    use = f"sleep 2; timeout 3 bash -c {shlex.quote(use)}" if use else "true"
    attempt = f"timeout 6 ssh {STOLEN} {forward} {LOGIN} </dev/null & {use}; wait"
    done = lab.run("fra-tunnel", attempt, check=False)
    assert "administratively prohibited" in done.stderr and "SSH-" not in done.stdout and "status" not in done.stdout, (
        done
    )


def test_no_network_device_is_lent(lab):
    """The client wants a device of its own first, which not every machine lets it have."""
    effective = lab.run(
        "proxy-b", f"mkdir -p /run/sshd; sshd -T -C user=onprem-tunnel,host=x,addr={TUNNEL_HOST}"
    ).stdout
    assert "permittunnel no" in effective.splitlines()
    done = lab.run("fra-tunnel", f"timeout 5 ssh {STOLEN} -w any:any -N {LOGIN}", check=False)
    assert done.returncode != 0 or "open failed" in done.stderr
    assert "tun" not in lab.run("proxy-b", "ip -o link").stdout


@pytest.mark.parametrize(
    "listener",
    [
        "127.0.0.1:9999",
        "0",
        "127.0.0.1:0",
        "*:13306",
        "0.0.0.0:13306",
        f"{PROXY}:13306",
        "[::1]:13306",
        "localhost:13306",
    ]
    + ["127.0.0.2:13306", "127.0.0.1:22", "/tmp/stolen.sock"],
)
def test_no_other_listener_is_opened(lab, listener):
    before = lab.run("proxy-b", "ss -Hltnx | awk '{ print $1, $5 }' | sort").stdout
    target = "/etc/hostname" if listener.startswith("/") else "127.0.0.1:22"
    attempt = f"timeout 5 ssh {STOLEN} -N -o ExitOnForwardFailure=yes -R '{listener}:{target}' {LOGIN}"
    done = lab.run("fra-tunnel", attempt, check=False)
    assert done.returncode == 255 and "remote port forwarding failed" in done.stderr, done
    assert lab.run("proxy-b", "ss -Hltnx | awk '{ print $1, $5 }' | sort").stdout == before


@pytest.mark.parametrize("user", ["root", "admin", "nobody", "onprem-tunnel-health", "nosuchuser"])
def test_the_key_is_nobody_else_s(lab, user):
    done = lab.run("fra-tunnel", f"timeout 10 ssh {STOLEN} {user}@{PROXY} id", check=False)
    assert done.returncode == 255 and "Permission denied (publickey)" in done.stderr, done


def test_the_key_is_worth_nothing_at_another_address(lab, tmp_path):
    """This machine may ssh to the proxies; the key may not from here (from= in its line)."""
    key = tmp_path / "stolen"
    key.write_text(lab.run("fra-tunnel", f"cat {KEY}").stdout)
    key.chmod(0o600)
    known = tmp_path / "known_hosts"
    known.write_text(lab.run("fra-tunnel", "cat /etc/onprem-tunnel/known_hosts").stdout)
    options = STOLEN.replace(KEY, str(key)).replace("/etc/onprem-tunnel/known_hosts", str(known))
    command = ["timeout", "10", "ssh", *options.split(), "-N", LOGIN]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 255 and "Permission denied (publickey)" in done.stderr, done


# --- without a key


@pytest.mark.parametrize("user", ["root", "admin", "onprem-tunnel"])
def test_no_password_is_asked_for(lab, user):
    methods = (
        "-o PubkeyAuthentication=no -o PreferredAuthentications=password,keyboard-interactive,hostbased,gssapi-with-mic"
    )
    done = lab.run("fra-tunnel", f"timeout 10 ssh {OPTIONS} {methods} {user}@{PROXY} id", check=False)
    assert done.returncode == 255 and "Permission denied (publickey)" in done.stderr, done


ANSWERED, DROPPED = 0, 124  # exit codes of timeout


def connects(lab, machine, port, address=PROXY, user="root"):
    command = f"timeout 2 bash -c '</dev/tcp/{address}/{port}'"
    return lab.run(machine, f"runuser -u {user} -- {command}", check=False).returncode


@pytest.mark.parametrize(
    ("machine", "ports"),
    [
        # A guest of the circuit, past the company's firewall: the proxy's own packet filter drops.
        pytest.param("onprem-firewall", {22: DROPPED, 3306: DROPPED, 8405: DROPPED}, id="the circuit"),
        pytest.param("hub-gateway", {22: DROPPED, 3306: DROPPED, 8405: DROPPED}, id="a guest of the hub"),
        # The tunnel host's way ends at its own firewall for everything but ssh.
        pytest.param("fra-tunnel", {22: ANSWERED, 3306: DROPPED, 8405: DROPPED}, id="the tunnel host"),
        pytest.param("client", {22: DROPPED, 3306: ANSWERED, 8405: DROPPED}, id="a client"),
        pytest.param("load-balancer", {22: DROPPED, 3306: ANSWERED, 8405: ANSWERED}, id="the load balancer"),
        pytest.param("proxy-a", {22: DROPPED, 3306: ANSWERED, 8405: ANSWERED}, id="the other proxy"),
    ],
)
def test_each_port_is_open_to_those_who_need_it(lab, machine, ports):
    found = dict(zip(ports, lab.at_once(lambda port: connects(lab, machine, port), ports), strict=True))
    assert found == ports


# --- on the proxy


@pytest.mark.parametrize("user", ["root", "nobody", "admin"])
def test_local_users_do_not_get_into_the_tunnels(lab, user):
    refused = 1
    for port in (13306, 15432, 13999):
        assert connects(lab, "proxy-b", port, "127.0.0.1", user) == refused
    assert connects(lab, "proxy-b", 13306, "127.0.0.1", "onprem-tunnel-forward") == ANSWERED


def test_a_tunnel_leads_to_its_database_and_nowhere_else(lab):
    """It is no SOCKS proxy, whatever the forwarder's user says into it."""
    program = (
        "import socket; s = socket.create_connection(('127.0.0.1', 13306), 3); s.sendall(bytes([5, 1, 0]));"
        "s.settimeout(3); print(s.recv(100)[4:5].hex())"
    )
    said = lab.run("proxy-b", f'runuser -u onprem-tunnel-forward -- python3 -c "{program}"').stdout.strip()
    assert said == "0a", "MySQL's greeting, protocol 10"


SQUATTER = """
import http.server, json, socket, threading, time
class Heartbeat(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.end_headers()
        self.wfile.write(json.dumps({"host": "fra-tunnel", "time": time.time(), "resources": {}}).encode())
held = [socket.create_server(("127.0.0.1", port)) for port in (13306, 15432)]
http.server.ThreadingHTTPServer(("127.0.0.1", 13999), Heartbeat).serve_forever()
"""


@pytest.fixture(name="squatter")
def _squatter(lab):
    """A local user of the proxy who takes the tunnel's ports before sshd does, and answers like a tunnel."""
    lab.run("fra-tunnel", "systemctl stop onprem-tunnel@proxy-b-1")
    lab.run("proxy-b", f"cat > /tmp/squatter.py <<'END'\n{SQUATTER}\nEND")
    lab.wait(lambda: "127.0.0.1:13306" not in lab.run("proxy-b", "ss -Hltn").stdout, 10, "the ports are free")
    lab.run("proxy-b", "systemd-run --quiet --unit=squatter --uid=nobody python3 /tmp/squatter.py")
    lab.run("fra-tunnel", "systemctl start onprem-tunnel@proxy-b-1")
    yield
    lab.run("proxy-b", "systemctl stop squatter")
    lab.wait(lambda: lab.health("proxy-b")[0] == 200, 20, "the tunnel is back by itself")


@pytest.mark.parametrize("honest", [None], indirect=False)
def test_a_local_user_who_takes_the_tunnels_ports_is_not_believed(lab, honest, squatter):
    lab.wait(lambda: "127.0.0.1:13999" in lab.run("proxy-b", "ss -Hltn").stdout, 10, "the squatter answers")
    for _ in range(8):
        status, body = lab.health("proxy-b")
        listener = body["resources"]["orders"]["listeners"][0]
        assert (status, listener["listening"], listener["owner_is_tunnel_user"]) == (503, True, False)
        subprocess.run(["sleep", "0.5"], check=True)
    assert all(lab.answers(name) for name in lab.facts["resources"] for _ in range(4)) or lab.wait(
        lambda: all(lab.answers(name) for name in lab.facts["resources"]), 20, "the other proxy serves"
    )


# --- what would shut somebody out


@pytest.fixture(name="known_keys")
def _known_keys(lab, tmp_path):
    """The arguments that give a run of the proxies' side the keys of the tunnel host."""

    def arguments(*keys):
        path = tmp_path / "keys.yml"
        keys = keys or (lab.run("fra-tunnel", f"cat {KEY}.pub").stdout.strip(),)
        keys = [key for key in keys if key]
        path.write_text(json.dumps({"onprem_tunnel_public_keys": {"fra-tunnel": keys}}))
        return "--limit", "proxy-b", "-e", f"@{path}"

    return arguments


@pytest.mark.parametrize(
    ("variables", "needles"),
    [
        pytest.param(
            {"proxy_vm_ssh_clients": {"old-office": ["curve25519-sha256", "diffie-hellman-group14-sha1"]}},
            ["would shut out", "old-office", "proxy_vm_ssh_crypto: compatible"],
            id="a tunnel host's key exchange",
        ),
        pytest.param(
            {"proxy_vm_ssh_from": ["192.0.2.0/24"]},
            ["comes to proxy-b from 10.246.40.1", "would not let it in again"],
            id="this login's address",
        ),
        pytest.param({"ansible_password": "unused"}, ["turns password logins off"], id="this login's method"),
        pytest.param({"__proxy_vm_platform": "Plan9 4"}, ["runs Plan9 4", "Debian 12"], id="an unknown platform"),
    ],
)
def test_a_change_that_would_shut_somebody_out_is_refused(lab, known_keys, variables, needles):
    refused = lab.playbook("playbooks/tunnels.yml", *known_keys(), "-e", json.dumps(variables), check=False)
    assert refused.returncode != 0 and refused.changed() == {}
    output = " ".join(refused.output.split())
    assert [needle for needle in needles if needle not in output] == [], refused.output


@pytest.fixture(name="sshd_says")
def _sshd_says(lab):
    """Settings that a proxy's sshd reads before the role's, as somebody else may have left them there."""

    def write(*lines):
        lab.run("proxy-b", f"printf '%s\\n' {shlex.join(lines)} >/etc/ssh/sshd_config.d/00-a.conf; {restart}")

    restart = "sshd -t && systemctl stop ssh.service"
    yield write
    lab.run("proxy-b", f"rm -f /etc/ssh/sshd_config.d/00-a.conf; {restart}")


@pytest.mark.parametrize(
    ("settings", "needles"),
    [
        pytest.param(
            ["AuthenticationMethods publickey,password publickey"],
            ["authenticationmethods publickey,password publickey", "nobody could log in any more"],
            id="two methods",
        ),
        pytest.param(
            ["AllowUsers root admin"],
            ["allowusers root; allowusers admin", "onprem-tunnel is none of them"],
            id="a list of users without the tunnels'",
        ),
        pytest.param(
            ["KexAlgorithms curve25519-sha256,sntrup761x25519-sha512@openssh.com"],
            ["reads other settings first", "goes on as before"],
            id="settings that win over the role's",
        ),
    ],
)
def test_settings_of_somebody_else_that_the_tunnels_would_fail_with_are_named(
    lab, known_keys, sshd_says, settings, needles
):
    sshd_says(*settings)
    refused = lab.playbook("playbooks/tunnels.yml", *known_keys(), check=False)
    assert refused.returncode != 0 and refused.changed() == {}
    output = " ".join(refused.output.split())
    assert [needle for needle in needles if needle not in output] == [], refused.output


def test_a_login_by_password_is_noticed_in_the_journal(lab, known_keys, sshd_says, tmp_path):
    """--ask-pass leaves no variable behind that could tell."""
    password = tmp_path / "password"
    password.write_text("letmein-7391")
    lab.run("proxy-b", "echo admin:letmein-7391 | chpasswd")
    sshd_says("PasswordAuthentication yes")
    try:
        refused = lab.playbook(
            *("playbooks/tunnels.yml", *known_keys(), "--connection-password-file", str(password)),
            *("-e", json.dumps({"ansible_ssh_extra_args": "-o PubkeyAuthentication=no -o ControlPath=none"})),
            check=False,
        )
    finally:
        lab.run("proxy-b", "usermod --password '!' admin")
    assert refused.returncode != 0 and refused.changed() == {}
    output = " ".join(refused.output.split())
    assert "Ansible logged in to proxy-b by password" in output and "Install a public key for admin" in output, output


def test_protection_that_somebody_unloaded_is_loaded_by_the_next_run(lab, known_keys):
    wanted = lab.run("proxy-b", "sysctl --values net.ipv4.tcp_retries2").stdout
    lab.run("proxy-b", "nft delete table inet onprem_tunnel; sysctl --quiet net.ipv4.tcp_retries2=15")
    mended = lab.playbook("playbooks/tunnels.yml", *known_keys())
    assert mended.changed() == {"proxy-b": 2}, mended.output
    assert "inet onprem_tunnel" in lab.run("proxy-b", "nft list tables").stdout
    assert lab.run("proxy-b", "sysctl --values net.ipv4.tcp_retries2").stdout == wanted != "15\n"


# --- keys that come and go


@pytest.mark.anew
@pytest.mark.parametrize("honest", [None], indirect=False)
def test_a_new_key_is_accepted_before_the_old_one_goes_and_a_withdrawn_one_ends_its_session(lab, honest, known_keys):
    old = lab.run("fra-tunnel", f"cat {KEY}.pub").stdout.strip()
    lab.run("fra-tunnel", "rm -f /root/new*; ssh-keygen -q -t ed25519 -N '' -f /root/new")
    new = lab.run("fra-tunnel", "cat /root/new.pub").stdout.strip()
    running = "pgrep -f '^/usr/bin/ssh .*proxy-b-1$'"
    before = lab.run("fra-tunnel", running).stdout
    log_in = f"timeout 3 ssh {OPTIONS} -o IdentitiesOnly=yes -i /root/new -N {LOGIN}"
    stays, refused = 124, 255
    try:
        assert lab.run("fra-tunnel", log_in, check=False).returncode == refused

        both = lab.playbook("playbooks/tunnels.yml", *known_keys(old, new))
        assert set(both.changed()) == {"proxy-b"}
        assert lab.run("fra-tunnel", log_in, check=False).returncode == stays
        assert lab.run("fra-tunnel", running).stdout == before, "the old key's session goes on"

        lab.playbook("playbooks/tunnels.yml", *known_keys(new))
        assert lab.run("fra-tunnel", running, check=False).stdout != before, "the old key's session was ended"
        assert lab.health("proxy-b")[0] == 503
        assert (
            "Permission denied (publickey)"
            in lab.run("fra-tunnel", "journalctl -u onprem-tunnel@proxy-b-1 -n 20").stdout
        )
        assert lab.run("fra-tunnel", log_in, check=False).returncode == stays, "the new key is still accepted"

        lab.run(
            "fra-tunnel",
            f"systemd-run --quiet --collect --unit=thief ssh {OPTIONS} -o IdentitiesOnly=yes -i /root/new -N {LOGIN}",
        )
        lab.wait(lambda: lab.run("proxy-b", "pgrep -u onprem-tunnel sshd", check=False).stdout, 10, "the thief is in")
        lab.playbook("playbooks/tunnels.yml", *known_keys(None))
        assert lab.run("proxy-b", "pgrep -u onprem-tunnel sshd", check=False).stdout == "", "the thief is out"
        assert lab.run("fra-tunnel", log_in, check=False).returncode == refused, "no key is left"
    finally:
        lab.playbook("playbooks/tunnels.yml", *known_keys(old))
        lab.run("fra-tunnel", "systemctl stop thief; rm -f /root/new*", check=False)
    lab.wait(lambda: lab.health("proxy-b")[0] == 200, 15, "the tunnel is back by itself")


@pytest.mark.anew
@pytest.mark.parametrize("honest", [None], indirect=False)
def test_a_changed_host_key_stops_the_tunnel_and_says_why(lab, honest):
    place, kept = "/etc/ssh/ssh_host_ed25519_key", "/root/kept"
    lab.run(
        "proxy-b",
        f"mkdir {kept}; mv {place}* {kept}; ssh-keygen -q -t ed25519 -N '' -f {place}; systemctl stop ssh.service",
    )
    try:
        lab.run("fra-tunnel", "systemctl restart onprem-tunnel@proxy-b-1")
        lab.wait(lambda: lab.health("proxy-b")[0] == 503, 10, "the tunnel does not come back")
        said = lab.run("fra-tunnel", "sleep 3; journalctl -u onprem-tunnel@proxy-b-1 -n 40 -o cat").stdout
        assert "Host key for proxy-b has changed" in said and "Host key verification failed" in said
        assert lab.health("proxy-b")[0] == 503
    finally:
        lab.run("proxy-b", f"mv {kept}/* /etc/ssh/; rmdir {kept}; systemctl stop ssh.service")
    lab.wait(lambda: lab.health("proxy-b")[0] == 200, 15, "the tunnel is back by itself")
