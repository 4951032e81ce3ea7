"""Every role documents what it takes, and takes what it documents."""

import json
import re
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[3]
ROLES = sorted(path.parent.parent for path in ROOT.glob("roles/*/meta/argument_specs.yml"))


def specs(role):
    return yaml.safe_load((role / "meta/argument_specs.yml").read_text())["argument_specs"]


def option_specs(options):
    for name, option in options.items():
        yield name, option
        yield from option_specs(option.get("options", {}))


def test_every_role_has_argument_specs():
    assert {role.name for role in ROLES} == {path.name for path in (ROOT / "roles").iterdir()}


@pytest.mark.parametrize("role", ROLES, ids=lambda role: role.name)
def test_defaults_and_argument_specs_hold_the_same_keys(role):
    defaults = yaml.safe_load((role / "defaults/main.yml").read_text())
    optional = {
        name for spec in specs(role).values() for name, option in spec["options"].items() if not option.get("required")
    }
    assert set(defaults) == optional


@pytest.mark.parametrize("role", ROLES, ids=lambda role: role.name)
def test_documented_defaults_are_the_real_ones(role):
    defaults = yaml.safe_load((role / "defaults/main.yml").read_text())
    documented = {
        n: o["default"] for spec in specs(role).values() for n, o in spec["options"].items() if "default" in o
    }
    assert documented == {name: defaults[name] for name in documented}
    undocumented = set(defaults) - set(documented)
    assert all("{{" in str(defaults[name]) for name in undocumented), "only a template may have no documented default"


@pytest.mark.parametrize("role", ROLES, ids=lambda role: role.name)
def test_every_option_is_described_and_named_after_its_role(role):
    for spec in specs(role).values():
        assert all(name.startswith(role.name + "_") for name in spec["options"])
        assert all(option.get("description") for _, option in option_specs(spec["options"]))


@pytest.mark.parametrize("role", ROLES, ids=lambda role: role.name)
def test_no_role_knows_the_inventory_groups(role):
    for path in role.rglob("*.y*ml"):
        assert not re.search(r"\bgroups\[", path.read_text()), (
            f"{path} reads the inventory's groups; take a variable instead"
        )


# The others configure no machine.
MACHINES = [role for role in ROLES if (role / "vars/platforms").is_dir()]


@pytest.mark.parametrize("role", MACHINES, ids=lambda role: role.name)
def test_every_platform_has_its_names_and_all_of_them(role):
    internal = yaml.safe_load((role / "vars/main.yml").read_text())
    platforms = internal[f"__{role.name}_platforms"]
    files = {path.stem: yaml.safe_load(path.read_text()).keys() for path in role.glob("vars/platforms/*.yml")}
    assert set(platforms.values()) == set(files)
    assert len(set(map(frozenset, files.values()))) == 1, files
    assert {"Debian 12", "Debian 13", "Ubuntu 22.04", "Ubuntu 24.04", "RedHat 9", "Amazon 2023"} == set(platforms)


RENDER = """
- hosts: localhost
  gather_facts: false
  vars_files: ["{{ role }}/defaults/main.yml", "{{ role }}/vars/main.yml", "{{ role }}/vars/platforms/{{ platform }}.yml"]
  tasks:
    - ansible.builtin.template: {src: "{{ role }}/templates/{{ item }}.j2", dest: "{{ folder }}/{{ item }}", mode: "0644"}
      loop: "{{ templates }}"
"""


@pytest.mark.parametrize(("platform", "each"), [("debian", False), ("ubuntu-22", True), ("redhat", True)])
def test_where_sshd_runs_for_each_connection_the_socket_bounds_them(run, tmp_path, platform, each):
    """sshd's own MaxStartups counts nothing there."""
    (tmp_path / "render.yml").write_text(RENDER)
    arguments = {
        "role": str(ROOT / "roles/proxy_vm"),
        "platform": platform,
        "folder": str(tmp_path),
        "templates": ["ssh.socket.conf", "ssh.service.conf"],
    }
    done = run("ansible-playbook", "render.yml", "-e", json.dumps(arguments), cwd=tmp_path)
    assert done.returncode == 0, done.stdout
    socket, service = ((tmp_path / name).read_text() for name in arguments["templates"])
    assert ("MaxConnectionsPerSource=" in socket) == each
    assert ("ExecStopPost=" in service) == (not each)
    assert "NoDelay=true" in socket and "LimitNOFILE=" in service


def test_a_proxy_that_carries_nothing_gets_a_packet_filter_that_loads(run, tmp_path):
    (tmp_path / "render.yml").write_text(RENDER)
    arguments = {
        "role": str(ROOT / "roles/proxy_vm"),
        "platform": "debian",
        "folder": str(tmp_path),
        "templates": ["firewall.nft"],
        "proxy_vm_resources_from": ["192.0.2.0/24"],
    }
    done = run("ansible-playbook", "render.yml", "-e", json.dumps(arguments), cwd=tmp_path)
    assert done.returncode == 0, done.stdout
    rules = (tmp_path / "firewall.nft").read_text()
    assert "{  }" not in rules and "tcp dport" not in rules
