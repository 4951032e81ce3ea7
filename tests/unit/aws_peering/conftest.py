# Copyright (c) 2026 The lakehouse.onprem_tunnel authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""AWS in process, with two accounts; the modules run in it as Ansible would run them. Nothing leaves this process."""

import json
import socket
import sys
from pathlib import Path
from types import SimpleNamespace

import boto3
import botocore.client
import botocore.loaders
import botocore.session
import pytest
from ansible.module_utils.common import warnings
from ansible.module_utils.testing import patch_module_args
from ansible_collections.amazon.aws.plugins.module_utils import cloud
from ansible_collections.lakehouse.onprem_tunnel.plugins.modules import (
    aws_private_zone_association,
    aws_vpc_peering_options,
    aws_vpc_routes,
)
from botocore.exceptions import ClientError
from moto import mock_aws

sys.path.insert(0, str(Path(__file__).parents[3]))  # the lab is of this repository, not of the collection
from lab.aws import peering as lab_peering

# Reading AWS's models takes most of a test's time, so all sessions share what was read.
LOADER = botocore.loaders.create_loader()
REGION = "eu-west-1"
OTHER_REGION = "eu-central-1"
OTHER_ACCOUNT = "210987654321"


@pytest.fixture(autouse=True)
def aws(monkeypatch):
    """An empty AWS with dummy credentials, and no way to the real one."""
    for name in ("AWS_PROFILE", "AWS_DEFAULT_PROFILE", "AWS_SESSION_TOKEN", "AWS_ENDPOINT_URL", "AWS_URL"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.delenv("MOTO_ACCOUNT_ID", raising=False)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "testing")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "testing")
    monkeypatch.setenv("AWS_REGION", REGION)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_CONFIG_FILE", "/dev/null")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", "/dev/null")

    def refuse(_socket, address):
        raise AssertionError(f"a test connects to {address}")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(botocore.session, "create_loader", lambda _path: LOADER)
    monkeypatch.setenv("MOTO_EC2_LOAD_DEFAULT_AMIS", "false")
    lab_peering.install()
    with mock_aws():
        yield


@pytest.fixture(autouse=True)
def clock(monkeypatch):
    """Time passes only while a module sleeps; on_sleep is called then."""

    class Clock:
        now = 0.0
        on_sleep = staticmethod(lambda: None)

        def monotonic(self):
            return self.now

        def sleep(self, seconds):
            self.now += seconds
            self.on_sleep()

    clock = Clock()
    monkeypatch.setattr(aws_vpc_peering_options, "time", clock)
    monkeypatch.setattr(cloud, "time", clock)
    return clock


@pytest.fixture
def calls(monkeypatch):
    """What AWS is asked: a list of (operation, parameters). Its answers can be replaced by operation.

    An answer is an exception, a dict, or a function of the parameters; with a list, one after the other and then moto's.
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
    asked.writes = lambda: [call for call in asked.made if not call[0].startswith(("Describe", "Get", "List"))]
    return asked


@pytest.fixture
def refusal():
    """Return a function that makes AWS's error of a code."""
    return lambda code, operation="Any": ClientError({"Error": {"Code": code, "Message": "no"}}, operation)


@pytest.fixture
def other():
    """Another account: its credentials as the modules' parameters, and its clients."""
    role = f"arn:aws:iam::{OTHER_ACCOUNT}:role/other"
    made = boto3.client("sts", REGION).assume_role(RoleArn=role, RoleSessionName="test")["Credentials"]
    keys = dict(
        aws_access_key_id=made["AccessKeyId"],
        aws_secret_access_key=made["SecretAccessKey"],
        aws_session_token=made["SessionToken"],
    )
    credentials = dict(
        access_key=made["AccessKeyId"], secret_key=made["SecretAccessKey"], session_token=made["SessionToken"]
    )
    return SimpleNamespace(
        account=OTHER_ACCOUNT,
        credentials=credentials,
        client=lambda service, region=REGION: boto3.client(service, region, **keys),
    )


@pytest.fixture
def run(capsys):
    """Return a function that runs a module's main() and returns its result; a failed one has failed=True."""

    def run_module(module, check=False, **parameters):
        parameters = {"region": REGION, **parameters, "_ansible_check_mode": check, "_ansible_diff": True}
        capsys.readouterr()
        warnings._global_warnings.clear()  # kept by the process, which Ansible starts anew for each module
        with patch_module_args(parameters), pytest.raises(SystemExit):
            module.main()
        result = json.loads(capsys.readouterr().out)
        # In a process that has run a part of the controller they are plain text.
        told = result.get("warnings", [])
        result["warnings"] = [entry if isinstance(entry, str) else entry["event"]["msg"] for entry in told]
        return result

    return run_module


@pytest.fixture
def routes_module(run):
    return lambda **parameters: run(aws_vpc_routes, **parameters)


@pytest.fixture
def options_module(run):
    return lambda **parameters: run(aws_vpc_peering_options, **parameters)


@pytest.fixture
def association_module(run):
    return lambda **parameters: run(aws_private_zone_association, **parameters)


@pytest.fixture
def ec2():
    return boto3.client("ec2", REGION)


@pytest.fixture
def make_vpc(ec2):
    """Make a VPC, in this account and region or by another client, and return its id."""

    def make(cidr, client=ec2):
        return client.create_vpc(CidrBlock=cidr)["Vpc"]["VpcId"]

    return make


@pytest.fixture
def hub(make_vpc):
    return make_vpc("10.40.0.0/16")


@pytest.fixture
def workspace(make_vpc):
    return make_vpc("10.60.0.0/16")


@pytest.fixture
def peer(ec2, hub):
    """Peer the hub with a VPC, and return the connection's id."""

    def make(vpc, accept=True, accepter=ec2, **where):
        made = ec2.create_vpc_peering_connection(VpcId=hub, PeerVpcId=vpc, **where)
        connection = made["VpcPeeringConnection"]["VpcPeeringConnectionId"]
        if accept:
            accepter.accept_vpc_peering_connection(VpcPeeringConnectionId=connection)
        return connection

    return make


@pytest.fixture
def connection(peer, workspace):
    return peer(workspace)
