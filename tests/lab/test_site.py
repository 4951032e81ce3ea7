"""site.yml: idempotent, honest in check mode, and careful where a side is missing."""

import subprocess
import textwrap

import pytest
import yaml
from conftest import FILES, PATH, ROOT

pytestmark = pytest.mark.usefixtures("whole")


def test_a_second_run_changes_nothing(lab):
    recap = lab.site()
    assert set(recap) >= {"hub", "proxy-a", "proxy-b", "fra-tunnel", "analytics", "science"}
    assert recap.changed() == {}, recap.output


def test_the_installed_collection_sees_nothing_to_change(lab, tmp_path):
    """Built, installed into an empty environment, and run by its name from another folder, in check mode."""
    environment = {"PATH": PATH, "HOME": str(tmp_path), "LC_ALL": "C.UTF-8"}
    install = f"ansible-galaxy collection install --offline -p {tmp_path}/collections {tmp_path}/lakehouse-*.tar.gz"
    for command in (f"ansible-galaxy collection build {ROOT} --output-path {tmp_path}", install):
        done = subprocess.run(
            command, shell=True, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stdout + done.stderr
    environment["ANSIBLE_COLLECTIONS_PATH"] = str(tmp_path / "collections")
    recap = lab.playbook("lakehouse.onprem_tunnel.site", "--check", "--diff", environment=environment, cwd=tmp_path)
    assert set(recap) >= {"proxy-a", "proxy-b", "fra-tunnel"}
    assert recap.changed() == {}, recap.output


def ask_for_a_third_forward(lab, tmp_path):
    """Run the tunnel host's side before the proxies permit the new listener."""
    path = tmp_path / "keys.yml"
    path.write_text(yaml.safe_dump({"onprem_tunnel_host_keys": host_keys(lab)}))
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


def test_what_an_interrupted_run_left_undone_is_made_good(lab):
    """Its files were written, and it broke off before sshd and the health check read them."""
    files = "/etc/ssh/sshd_config.d/01-onprem-tunnel-user.conf /etc/onprem-tunnel/health.json"
    started = "systemctl show --property=ExecMainStartTimestampMonotonic --value onprem-tunnel-health"
    # The refused runs before this left their third resource to the probe, though no tunnel carries it.
    lab.playbook("playbooks/tunnels.yml")
    # sshd may have been waiting for its next connection, and would read them anyway.
    before = lab.run("proxy-b", f"systemctl start ssh.service; {started}; touch {files}").stdout
    assert lab.playbook("playbooks/tunnels.yml").changed() == {"proxy-b": 2}
    assert lab.run("proxy-b", started).stdout > before
    lab.wait(lambda: lab.health("proxy-b")[0] == 200, 10, "the health check has looked again")


def host_keys(lab):
    return {
        proxy: [lab.run(proxy, "cut -d' ' -f1,2 /etc/ssh/ssh_host_ed25519_key.pub").stdout.strip()]
        for proxy in ("proxy-a", "proxy-b")
    }


def handed_over(output, variable):
    """What a printed hand-over says of a variable, read as a person would copy it."""
    lines = output.splitlines()
    start = next(number for number, line in enumerate(lines) if line.strip().startswith(f"{variable}:"))
    indent = len(lines[start]) - len(lines[start].lstrip())
    block = [lines[start]]
    for line in lines[start + 1 :]:
        if len(line) - len(line.lstrip()) <= indent:
            break
        block.append(line)
    return yaml.safe_load(textwrap.dedent("\n".join(block)))[variable]


def test_the_two_sides_can_be_run_apart(lab, tmp_path):
    """Each team reaches its own machines only, and has the other's keys from what was printed."""
    printed = lab.playbook("playbooks/tunnels.yml", "--limit", "onprem_tunnel_hosts", "--tags", "keys").output
    public_keys = handed_over(printed, "onprem_tunnel_public_keys")
    assert "PRIVATE" not in printed
    printed = lab.playbook("playbooks/tunnels.yml", "--limit", "proxy_vms", "--tags", "keys").output
    known = handed_over(printed, "onprem_tunnel_host_keys")
    assert {proxy: [" ".join(key.split()[:2]) for key in keys] for proxy, keys in known.items()} == host_keys(lab)

    keys = tmp_path / "keys.yml"
    keys.write_text(yaml.safe_dump({"onprem_tunnel_public_keys": public_keys, "onprem_tunnel_host_keys": known}))
    printed = lab.playbook("playbooks/validate.yml", "-e", f"@{keys}").output
    assert handed_over(printed, "onprem_tunnel_public_keys") == public_keys
    for side in ("proxy_vms", "onprem_tunnel_hosts"):
        recap = lab.playbook("playbooks/tunnels.yml", "--limit", side, "-e", f"@{keys}")
        assert recap.changed() == {}, recap.output


def test_without_the_other_side_s_keys_nothing_is_touched(lab):
    for side, variable in (
        ("proxy_vms", "onprem_tunnel_public_keys"),
        ("onprem_tunnel_hosts", "onprem_tunnel_host_keys"),
    ):
        failed = lab.playbook("playbooks/tunnels.yml", "--limit", side, check=False)
        assert failed.returncode != 0 and variable in failed.output
        assert failed.changed() == {}
