# Copyright (c) 2026 The lakehouse.onprem_tunnel authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest
import yaml
from ansible_collections.lakehouse.onprem_tunnel.plugins.module_utils._greetings import PROBES
from ansible_collections.lakehouse.onprem_tunnel.plugins.modules import greetings


def run(**arguments):
    """Run the module as a process, the way a managed host does; return (exit code, its JSON)."""
    call = json.dumps({"ANSIBLE_MODULE_ARGS": {"_ansible_check_mode": True, **arguments}})
    command = [sys.executable, "-m", greetings.__name__, call]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
    done = subprocess.run(command, check=False, capture_output=True, text=True, timeout=60, env=environment)
    assert done.stdout, done.stderr
    return done.returncode, json.loads(done.stdout)


def test_answers_by_name_in_check_mode_too(serve):
    server = serve(lambda connection, _stopped: connection.sendall(b"N"))
    code, answer = run(targets=[{"name": "billing", "host": "127.0.0.1", "port": server.port, "probe": "postgresql"}])
    assert code == 0
    assert answer["changed"] is False
    assert answer["greetings"]["billing"]["verdict"] == "up"


def test_no_targets():
    assert run(targets=[])[1]["greetings"] == {}


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"targets": [{"name": "a", "host": "h", "port": 0}]}, "a has port 0; write one from 1 to 65535"),
        ({"targets": [{"name": "a", "host": "h", "port": 65536}]}, "a has port 65536"),
        ({"targets": [{"name": "a", "host": "h", "port": 1}] * 2}, "a occurs more than once"),
        ({"targets": [], "timeout": 0}, "timeout: 0; write seconds"),
        ({"targets": [], "timeout": "inf"}, "timeout: inf; write seconds"),
        ({"targets": [], "timeout": "nan"}, "timeout: nan; write seconds"),
        ({"targets": [], "workers": 0}, "workers: 0; write 1 or more"),
        ({"targets": [{"name": "a", "host": "h", "port": 1, "probe": "ping"}]}, "ping"),
    ],
)
def test_wrong_options_get_one_message(wrong, message):
    code, answer = run(**wrong)
    assert code == 1
    assert message in answer["msg"]
    assert "Traceback" not in json.dumps(answer)


def test_documentation_and_arguments_agree():
    options = yaml.safe_load(greetings.DOCUMENTATION)["options"]

    def keys(documented):
        return {
            name: {key: value for key, value in option.items() if key not in ("description", "suboptions")}
            for name, option in documented.items()
        }

    arguments = {
        name: {key: value for key, value in argument.items() if key != "options"}
        for name, argument in greetings.ARGUMENTS.items()
    }
    assert keys(options) == arguments
    assert keys(options["targets"]["suboptions"]) == greetings.ARGUMENTS["targets"]["options"]


def test_every_probe_can_be_chosen():
    assert set(greetings.ARGUMENTS["targets"]["options"]["probe"]["choices"]) == set(PROBES)


def test_result_key_is_not_one_that_ansible_renames():
    returned = yaml.safe_load(greetings.RETURN)
    assert set(returned) == {"greetings"}, "a key named results would reach the play under another name"
