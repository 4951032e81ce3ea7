# Copyright (c) 2026 The lakehouse.onprem_tunnel authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The filters as Ansible sees them: by their full names from the clone, with its own types."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from ansible.errors import AnsibleFilterError
from ansible.parsing.dataloader import DataLoader
from ansible_collections.lakehouse.onprem_tunnel.plugins.filter.plan import FilterModule as PlanFilters
from ansible_collections.lakehouse.onprem_tunnel.plugins.filter.plan_problems import FilterModule as ProblemFilters
from ansible_collections.lakehouse.onprem_tunnel.plugins.plugin_utils._plan import plan

PLAYBOOK = """
- hosts: proxy_vms
  gather_facts: false
  tasks:
    - ansible.builtin.import_tasks: {root}/playbooks/tasks/plan.yml
    - ansible.builtin.copy:
        content: "{{{{ found | to_json }}}}"
        dest: "{output}"
        mode: "0600"
      delegate_to: localhost
      run_once: true
      vars:
        ansible_connection: local
        bad: [{{name: a b, engine: mysqll, host: ""}}]
        found:
          plan: "{{{{ onprem_tunnel_plan }}}}"
          problems: "{{{{ bad | lakehouse.onprem_tunnel.plan_problems({{}}, {{}}, {{}}) }}}}"
          handover: "{{{{ onprem_tunnel_plan | lakehouse.onprem_tunnel.handover }}}}"
"""


def test_the_inventory_gives_the_plan_of_the_example(root, example, tmp_path):
    playbook, output = tmp_path / "playbook.yml", tmp_path / "found.json"
    playbook.write_text(PLAYBOOK.format(root=root, output=output))
    run = subprocess.run(
        [Path(sys.executable).with_name("ansible-playbook"), "-i", "inventories/example", playbook],
        cwd=root,
        env={**os.environ, "LC_ALL": "C.UTF-8", "ANSIBLE_CONFIG": str(root / "ansible.cfg")},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert run.returncode == 0, run.stdout + run.stderr
    found = json.loads(output.read_text())
    assert found["plan"] == plan(**example)
    assert [problem.split(":")[0] for problem in found["problems"]].count("resource 1 (a b)") == 3
    assert "LOAD BALANCER" in found["handover"]


def test_the_error_has_every_problem_on_a_line(valid):
    valid["resources"][0]["port"] = True
    valid["resources"][1]["host"] = "a b"
    arguments = (valid["resources"], valid["proxies"], valid["tunnel_hosts"], valid["settings"])
    problems = ProblemFilters().filters()["plan_problems"](*arguments)
    assert len(problems) == 2
    with pytest.raises(AnsibleFilterError) as caught:
        PlanFilters().filters()["plan"](*arguments)
    assert "\n- ".join(["2 problems in the inventory:", *problems]) in str(caught.value)


def test_right_input_has_no_problems(valid):
    arguments = (valid["resources"], valid["proxies"], valid["tunnel_hosts"], valid["settings"])
    assert ProblemFilters().filters()["plan_problems"](*arguments) == []
    assert PlanFilters().filters()["plan"](*arguments) == plan(**valid)


def test_ansible_types_become_plain_ones(example, valid, tmp_path):
    """Ansible hands over subclasses of str, int, list and dict that know where they come from."""
    for given in (example, valid):
        tagged = DataLoader().load(yaml.safe_dump(given), str(tmp_path / "given.yml"))
        planned = plan(**tagged)
        assert planned == plan(**given)
        assert types_in(planned) <= {dict, list, str, int}


def types_in(value):
    found = {type(value)}
    if isinstance(value, dict):
        found |= {kind for pair in value.items() for item in pair for kind in types_in(item)}
    elif isinstance(value, list):
        found |= {kind for item in value for kind in types_in(item)}
    return found
