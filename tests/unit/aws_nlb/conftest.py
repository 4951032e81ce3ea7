# Copyright (c) 2026 The lakehouse.onprem_tunnel authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""AWS in this process: moto where the state matters, botocore's Stubber where the requests do."""

from __future__ import annotations

import functools
import time
from types import SimpleNamespace

import boto3
import pytest
from ansible_collections.amazon.aws.plugins.module_utils.modules import AnsibleAWSModule
from aws_in_process import isolate, refuse_network
from botocore.stub import Stubber
from module_in_process import Clock, run_module
from moto import mock_aws

REGION = "eu-central-1"


@pytest.fixture(scope="session")
def clients(models_read_once):
    """The tests' own clients of AWS, by service."""
    session = boto3.Session(aws_access_key_id="testing", aws_secret_access_key="testing", region_name=REGION)
    return {service: session.client(service) for service in ("elbv2", "ec2")}


@pytest.fixture(autouse=True)
def no_aws(monkeypatch, models_read_once):
    """Credentials that no account has, no configuration of this machine, and no way out."""
    isolate(monkeypatch, REGION)
    refuse_network(monkeypatch)


@pytest.fixture
def clock(monkeypatch):
    clock = Clock()
    monkeypatch.setattr(time, "sleep", clock.sleep)
    monkeypatch.setattr(time, "monotonic", clock.monotonic)
    return clock


@pytest.fixture
def run(capsys):
    """Return a function that runs a module in this process and returns its result."""
    return functools.partial(run_module, capsys)


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
