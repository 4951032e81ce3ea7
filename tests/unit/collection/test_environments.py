"""Two environments from one clone; and a wrong list, which no host ever hears of."""

import shutil

import pytest
import yaml


def environment(root, tmp_path, name, resources):
    folder = tmp_path / name
    shutil.copytree(root / "inventories/example", folder)
    (folder / "group_vars/all/resources.yml").write_text(yaml.safe_dump({"onprem_tunnel_resources": resources}))
    return folder


def resource(name, **fields):
    return {"name": name, "engine": "mysql", "host": f"{name}.corp.example", **fields}


def test_two_environments_with_different_lists_work_from_one_clone(root, run, tmp_path):
    """group_vars beside a playbook would beat those of every inventory."""
    for name, other in (("alpha", "bravo"), ("bravo", "alpha")):
        inventory = environment(root, tmp_path, name, [resource(name)])
        done = run("ansible-playbook", "-i", inventory, "playbooks/validate.yml", cwd=root, home=tmp_path)
        assert done.returncode == 0, done.stdout
        assert f"{name}.corp.example" in done.stdout and f"{other}.corp.example" not in done.stdout


@pytest.mark.parametrize("folder", ["group_vars", "playbooks/group_vars"])
def test_nothing_of_an_environment_stands_beside_the_playbooks(root, folder):
    texts = [path.read_text() for path in (root / folder).rglob("*.y*ml")]
    assert not any("onprem_tunnel_resources" in text or "onprem_tunnel_clients" in text for text in texts)


@pytest.mark.parametrize(
    "playbook",
    ["site.yml", "playbooks/tunnels.yml", "playbooks/doctor.yml", "playbooks/drain.yml", "playbooks/undrain.yml"],
)
def test_every_playbook_stops_at_a_wrong_list_before_any_host_is_contacted(root, run, tmp_path, playbook):
    wrong = [resource("orders"), resource("sales"), resource("crm", engine="postgres", port=5432.5)]
    inventory = environment(root, tmp_path, "wrong", wrong)
    done = run("ansible-playbook", "-i", inventory, playbook, cwd=root, home=tmp_path)
    assert done.returncode != 0
    assert "3 to mend before anything is touched" in done.stdout
    for part in ("listen_port: all use 3306", "did you mean postgresql", "5432.5"):
        assert part in done.stdout
    assert "UNREACHABLE" not in done.stdout and "Traceback" not in done.stdout
    assert done.stdout.count("TASK [") <= 2
