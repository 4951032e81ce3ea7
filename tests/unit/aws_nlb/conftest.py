# Copyright (c) 2026 The lakehouse.onprem_tunnel authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""AWS in this process: moto where the state matters, botocore's Stubber where the requests do."""

from __future__ import annotations

import json
import socket
import time
from types import SimpleNamespace

import boto3
import botocore.loaders
import botocore.session
import pytest
from ansible.module_utils.testing import patch_module_args
from ansible_collections.amazon.aws.plugins.module_utils.modules import AnsibleAWSModule
from botocore.stub import Stubber
from moto import mock_aws

REGION = "eu-central-1"


@pytest.fixture(scope="session", autouse=True)
def models_read_once():
    """Every session reads the models of its services, megabytes of JSON, which would be most of the tests' time."""
    loader = botocore.loaders.create_loader()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(botocore.session, "create_loader", lambda _path: loader)
        yield


@pytest.fixture(scope="session")
def clients(models_read_once):
    """The tests' own clients of AWS, by service."""
    session = boto3.Session(aws_access_key_id="testing", aws_secret_access_key="testing", region_name=REGION)
    return {service: session.client(service) for service in ("elbv2", "ec2")}


@pytest.fixture(autouse=True)
def no_aws(monkeypatch, tmp_path):
    """Credentials that no account has, no configuration of this machine, and no way out."""
    for name in ("AWS_PROFILE", "AWS_DEFAULT_PROFILE", "AWS_SESSION_TOKEN", "AWS_ENDPOINT_URL", "AWS_URL"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "testing")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "testing")
    monkeypatch.setenv("AWS_REGION", REGION)
    monkeypatch.setenv("AWS_DEFAULT_REGION", REGION)
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("MOTO_EC2_LOAD_DEFAULT_AMIS", "false")  # slow, and not used

    def refuse(_socket, address):
        raise AssertionError(f"a test connects to {address}")

    monkeypatch.setattr(socket.socket, "connect", refuse)


class Clock:
    """Time that passes only by sleeping."""

    def __init__(self):
        self.now = 1000.0
        self.slept = []

    def sleep(self, seconds):
        self.slept.append(seconds)
        self.now += seconds

    def monotonic(self):
        return self.now


@pytest.fixture
def clock(monkeypatch):
    clock = Clock()
    monkeypatch.setattr(time, "sleep", clock.sleep)
    monkeypatch.setattr(time, "monotonic", clock.monotonic)
    return clock


@pytest.fixture
def run(capsys):
    """Return a function that runs a module in this process and returns its result."""

    def run_module(module, check=False, **parameters):
        parameters |= {"_ansible_check_mode": check, "_ansible_diff": True}
        capsys.readouterr()
        with patch_module_args(parameters), pytest.raises(SystemExit):
            module.main()
        return json.loads(capsys.readouterr().out)

    return run_module


@pytest.fixture
def aws(clients):
    """An account in moto with a VPC, two subnets in two zones, and a third in the first zone."""
    with mock_aws():
        ec2 = clients["ec2"]
        vpc = ec2.create_vpc(CidrBlock="10.40.0.0/16")["Vpc"]["VpcId"]

        def subnet(number, zone, vpc_id=vpc, network="10.40"):
            answer = ec2.create_subnet(
                VpcId=vpc_id, CidrBlock=f"{network}.{number}.0/24", AvailabilityZone=f"{REGION}{zone}"
            )
            return answer["Subnet"]["SubnetId"]

        def security_group(name):
            return ec2.create_security_group(GroupName=name, Description=name, VpcId=vpc)["GroupId"]

        yield SimpleNamespace(
            ec2=ec2,
            elb=clients["elbv2"],
            vpc=vpc,
            subnet=subnet,
            security_group=security_group,
            a=subnet(1, "a"),
            b=subnet(2, "b"),
            a_too=subnet(3, "a"),
            group=security_group("nlb"),
        )


@pytest.fixture
def stubs(monkeypatch, clients):
    """Clients of AWS that answer exactly what a test says, in its order: by service."""
    stubbers = {service: Stubber(client) for service, client in clients.items()}
    monkeypatch.setattr(AnsibleAWSModule, "client", lambda _module, service, **_options: clients[service])
    for stubber in stubbers.values():
        stubber.activate()
    yield SimpleNamespace(**stubbers)
    for stubber in stubbers.values():
        stubber.deactivate()
    for stubber in stubbers.values():
        stubber.assert_no_pending_responses()


@pytest.fixture
def requests(monkeypatch):
    """The calls that a module makes: pairs of operation and the fields of its request."""
    calls = []
    make_client = AnsibleAWSModule.client

    def client(module, service, **options):
        made = make_client(module, service, **options)
        made.meta.events.register("before-call", lambda model, params, **_: calls.append((model.name, params["body"])))
        return made

    monkeypatch.setattr(AnsibleAWSModule, "client", client)
    return calls
