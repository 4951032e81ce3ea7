"""site.yml: idempotent, honest in check mode, and careful where a side is missing."""

import subprocess
import textwrap

import pytest
import yaml
from conftest import PATH, ROOT

pytestmark = pytest.mark.usefixtures("whole")


@pytest.fixture(name="runs", scope="module")
def _runs(lab, tmp_path_factory):
    """Two runs that change nothing, and so can be side by side: of the clone, and of the installed collection."""
    folder = tmp_path_factory.mktemp("installed")
    clone, installed = lab.at_once(lambda run: run(), [lab.site, lambda: run_installed(lab, folder)])
    return {"clone": clone, "installed": installed}


def run_installed(lab, folder):
    """Built, installed into an empty environment, and run by its name from another folder, in check mode."""
    environment = {"PATH": PATH, "HOME": str(folder), "LC_ALL": "C.UTF-8"}
    install = f"ansible-galaxy collection install --offline -p {folder}/collections {folder}/lakehouse-*.tar.gz"
    for command in (f"ansible-galaxy collection build {ROOT} --output-path {folder}", install):
        done = subprocess.run(
            command, shell=True, cwd=folder, env=environment, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stdout + done.stderr
    environment["ANSIBLE_COLLECTIONS_PATH"] = str(folder / "collections")
    return lab.playbook("lakehouse.onprem_tunnel.site", "--check", "--diff", environment=environment, cwd=folder)


def test_a_second_run_changes_nothing(runs):
    recap = runs["clone"]
    assert set(recap) >= {"hub", "proxy-a", "proxy-b", "fra-tunnel", "analytics", "science"}
    assert recap.changed() == {}, recap.output


def test_the_installed_collection_sees_nothing_to_change(runs):
    recap = runs["installed"]
    assert set(recap) >= {"proxy-a", "proxy-b", "fra-tunnel"}
    assert recap.changed() == {}, recap.output


def test_what_an_interrupted_run_left_undone_is_made_good(lab):
    """Its files were written, and it broke off before sshd and the health check read them."""
    files = "/etc/ssh/sshd_config.d/01-onprem-tunnel-user.conf /etc/onprem-tunnel/health.json"
    started = "systemctl show --property=ExecMainStartTimestampMonotonic --value onprem-tunnel-health"
    # sshd may have been waiting for its next connection, and would read them anyway.
    before = lab.run("proxy-b", f"systemctl start ssh.service; {started}; touch {files}").stdout
    assert lab.playbook("playbooks/tunnels.yml").changed() == {"proxy-b": 2}
    assert lab.run("proxy-b", started).stdout > before
    lab.wait(lambda: lab.health("proxy-b")[0] == 200, 10, "the health check has looked again")


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
    assert {proxy: [" ".join(key.split()[:2]) for key in keys] for proxy, keys in known.items()} == lab.host_keys()

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
