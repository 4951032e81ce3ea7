# Copyright (c) 2026 The lakehouse.onprem_tunnel authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""AWS in process, with two accounts; the modules run in it as Ansible would run them. Nothing leaves this process."""

from types import SimpleNamespace

import boto3
import pytest
from ansible_collections.amazon.aws.plugins.module_utils import cloud
from ansible_collections.lakehouse.onprem_tunnel.plugins.module_utils import _waiting
from ansible_collections.lakehouse.onprem_tunnel.plugins.modules import (
    aws_private_zone_association,
    aws_vpc_peering_options,
    aws_vpc_routes,
)
from aws_in_process import isolate, record_calls, refuse_network
from botocore.exceptions import ClientError
from module_in_process import Clock, run_module
from moto import mock_aws

from lab.aws import peering as lab_peering

REGION = "eu-west-1"
OTHER_REGION = "eu-central-1"
OTHER_ACCOUNT = "210987654321"


@pytest.fixture(autouse=True)
def aws(monkeypatch, models_read_once):
    """An empty AWS with dummy credentials, and no way to the real one."""
    isolate(monkeypatch, REGION)
    refuse_network(monkeypatch)
    lab_peering.install()
    with mock_aws():
        yield


@pytest.fixture(autouse=True)
def clock(monkeypatch):
    clock = Clock()
    monkeypatch.setattr(_waiting, "time", clock)
    monkeypatch.setattr(cloud, "time", clock)
    return clock


@pytest.fixture
def calls(monkeypatch):
    """As record_calls says."""
    asked = record_calls(monkeypatch)
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

    def run_one(module, **parameters):
        return {"warnings": [], **run_module(capsys, module, **{"region": REGION, **parameters})}

    return run_one


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
