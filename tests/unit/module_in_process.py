"""Modules run in this process as Ansible would run them, and a clock for those that wait."""

import json
from unittest.mock import patch

import pytest
from ansible.module_utils import _internal
from ansible.module_utils.common import warnings
from ansible.module_utils.testing import patch_module_args


class Clock:
    """Stands in for the module `time`: time passes only while something sleeps, and on_sleep is called then."""

    def __init__(self):
        self.now = 0.0
        self.slept = []
        self.on_sleep = lambda: None

    def monotonic(self):
        return self.now

    def sleep(self, seconds):
        self.slept.append(seconds)
        self.now += seconds
        self.on_sleep()


def run_module(capsys, module, check=False, **parameters):
    """Run a module's main() and return its result, its warnings as texts; a failed one has failed=True."""
    parameters |= {"_ansible_check_mode": check, "_ansible_diff": True}
    capsys.readouterr()
    # A module runs in a process of its own, which has no part of the controller and no warnings of others.
    warnings._global_warnings.clear()
    with patch.object(_internal, "is_controller", False), patch_module_args(parameters), pytest.raises(SystemExit):
        module.main()
    result = json.loads(capsys.readouterr().out)
    if "warnings" in result:
        result["warnings"] = [told if isinstance(told, str) else told["event"]["msg"] for told in result["warnings"]]
    return result
