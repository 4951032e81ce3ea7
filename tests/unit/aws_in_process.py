"""What the tests of the AWS modules share: AWS in this process, and the modules run in it as Ansible would run them."""

import json
import socket
from types import SimpleNamespace
from unittest.mock import patch

import botocore.client
import pytest
from ansible.module_utils import _internal
from ansible.module_utils.common import warnings
from ansible.module_utils.testing import patch_module_args


def isolate(monkeypatch, region):
    """Set credentials that no account has, and leave nothing of this machine's configuration."""
    for name in ("PROFILE", "DEFAULT_PROFILE", "SESSION_TOKEN", "ENDPOINT_URL", "URL"):
        monkeypatch.delenv(f"AWS_{name}", raising=False)
    monkeypatch.delenv("MOTO_ACCOUNT_ID", raising=False)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "testing")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "testing")
    monkeypatch.setenv("AWS_REGION", region)
    monkeypatch.setenv("AWS_DEFAULT_REGION", region)
    monkeypatch.setenv("AWS_CONFIG_FILE", "/dev/null")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", "/dev/null")
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("MOTO_EC2_LOAD_DEFAULT_AMIS", "false")  # slow, and not used


def refuse_network(monkeypatch):
    def refuse(_socket, address):
        raise AssertionError(f"a test connects to {address}")

    monkeypatch.setattr(socket.socket, "connect", refuse)


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


def record_calls(monkeypatch):
    """Return what AWS is asked: a list of (operation, parameters). Its answers can be replaced by operation.

    An answer is an exception, a dict, or a function of the parameters, or a list of these: one after the other, and then
    moto's.
    """
    asked = SimpleNamespace(made=[], answers={})
    ask = botocore.client.BaseClient._make_api_call

    def recorded(client, operation, parameters):
        asked.made.append((operation, parameters))
        answer = asked.answers.get(operation)
        if isinstance(answer, list):
            answer = answer.pop(0) if answer else None
        if callable(answer):
            answer = answer(parameters)
        if isinstance(answer, Exception):
            raise answer
        return ask(client, operation, parameters) if answer is None else answer

    monkeypatch.setattr(botocore.client.BaseClient, "_make_api_call", recorded)
    asked.names = lambda: [operation for operation, _parameters in asked.made]
    return asked


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
