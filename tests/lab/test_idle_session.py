"""A session that is silent for longer than a network load balancer remembers it.

It starts on proxy-a, which the other tests leave alone, so they can run while this one waits.
"""

import subprocess
import time

import pytest

IDLE = 400  # seconds; the lab's load balancer forgets a connection after 350 s without a packet, as an NLB does
ADMIN = (
    "import socket, sys; s = socket.socket(socket.AF_UNIX); s.connect('/run/haproxy/admin.sock'); s.sendall(b'{}\\n')"
)


def set_server(lab, state):
    lab.run("load-balancer", f'python3 -c "{ADMIN.format(f"set server orders/proxy-b state {state}")}"')


@pytest.mark.long
def test_an_idle_session_lives(lab):
    address = lab.facts["load_balancer"]
    resource = lab.facts["resources"]["orders"]
    forget = lab.run("load-balancer", "sysctl -n net.netfilter.nf_conntrack_tcp_timeout_established").stdout
    assert int(forget) < IDLE, "the load balancer would not have forgotten it"
    client = f"mariadb --skip-reconnect --unbuffered -N -B -h {address} -P {resource['listen_port']}"
    set_server(lab, "drain")
    session = subprocess.Popen(
        [
            *("podman", "exec", "-i", "onprem-tunnel-client", "sh", "-c"),
            f"MYSQL_PWD={resource['password']} {client} -u {resource['user']}",
        ],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        session.stdin.write("SELECT CONNECTION_ID();\n")
        session.stdin.flush()
        first = session.stdout.readline()
    finally:
        set_server(lab, "ready")
    time.sleep(IDLE)
    last, errors = session.communicate("SELECT CONNECTION_ID();\n", timeout=30)
    assert session.returncode == 0, errors
    assert first == last, "the client has reconnected"
