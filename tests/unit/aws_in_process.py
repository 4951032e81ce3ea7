"""What the tests of the AWS modules share: AWS in this process."""

import socket
from types import SimpleNamespace

import botocore.client


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
