"""Forwards that a proxy would refuse: nothing of the tunnels that run is touched.

Such a run leaves its third resource to the probe, though no tunnel carries it, until the next run of tunnels.yml: the
first test of test_secrets_and_audit.py.
"""

import pytest
import yaml
from conftest import FILES

pytestmark = pytest.mark.usefixtures("whole")


def ask_for_a_third_forward(lab, tmp_path):
    """Run the tunnel host's side before the proxies permit the new listener."""
    path = tmp_path / "keys.yml"
    path.write_text(yaml.safe_dump({"onprem_tunnel_host_keys": lab.host_keys()}))
    third = lab.with_resources([*lab.resources, FILES], tmp_path)
    arguments = ("--limit", "onprem_tunnel_hosts", "-e", f"@{path}", *third)
    return lab.playbook("playbooks/tunnels.yml", *arguments, check=False)


def test_a_refused_forward_leaves_the_running_tunnels_alone(lab, tmp_path):
    running = lab.run("fra-tunnel", "pgrep -x ssh").stdout
    failed = ask_for_a_third_forward(lab, tmp_path)
    assert failed.returncode != 0
    assert "proxy-a-1: the proxy refuses the listener 127.0.0.1:19000" in failed.output
    assert "proxy-b-1: the proxy refuses the listener 127.0.0.1:19000" in failed.output
    assert "permitlisten" in failed.output and "tunnels.yml on the proxies first" in failed.output
    assert lab.run("fra-tunnel", "pgrep -x ssh").stdout == running
    assert "19000" not in lab.run("fra-tunnel", "cat /etc/onprem-tunnel/tunnels/*").stdout


def test_a_tunnel_that_could_not_come_back_is_not_replaced(lab, tmp_path):
    """sshd of proxy-b is broken: the connection that it has goes on, and it would take no new one."""
    running = lab.run("fra-tunnel", "pgrep -x ssh").stdout
    broken = "/etc/ssh/sshd_config.d/zz-broken.conf"
    lab.run("proxy-b", f"echo Nonsense yes > {broken}; systemctl stop ssh.service")
    try:
        assert lab.health("proxy-b")[0] == 200
        failed = ask_for_a_third_forward(lab, tmp_path)
    finally:
        lab.run("proxy-b", f"rm {broken}")
    assert "proxy-b-1: the proxy takes no new connection, so the one that runs is kept" in failed.output
    assert lab.run("fra-tunnel", "pgrep -x ssh").stdout == running
