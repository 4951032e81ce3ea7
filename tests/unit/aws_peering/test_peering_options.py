# Copyright (c) 2026 The lakehouse.onprem_tunnel authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""aws_vpc_peering_options against moto's peering connections, in one account and between two."""

import boto3
import pytest

from .conftest import OTHER_REGION


@pytest.fixture
def options_of(ec2):
    """Return a function from a connection to what each side allows."""

    def options(connection):
        found = ec2.describe_vpc_peering_connections(VpcPeeringConnectionIds=[connection])["VpcPeeringConnections"][0]
        return tuple(
            found[side]["PeeringOptions"]["AllowDnsResolutionFromRemoteVpc"]
            for side in ("RequesterVpcInfo", "AccepterVpcInfo")
        )

    return options


def sides(requester, accepter):
    return dict(requester_dns_resolution=requester, accepter_dns_resolution=accepter)


def test_a_life_of_options(options_module, connection, options_of, calls):
    def module(**parameters):
        return options_module(vpc_peering_connection_id=connection, **parameters)

    checked = module(check=True, **sides(True, True))
    assert checked["changed"] and options_of(connection) == (False, False)
    done = module(**sides(True, True))
    assert done["changed"] and options_of(connection) == (True, True)
    assert checked["options"] == done["options"] == sides(True, True)
    assert checked["diff"] == done["diff"] == dict(before=sides(False, False), after=sides(True, True))
    calls.made.clear()
    assert not module(**sides(True, True))["changed"]
    assert calls.names() == ["DescribeVpcPeeringConnections"]

    # One side alone; the other stays.
    checked = module(check=True, accepter_dns_resolution=False)
    done = module(accepter_dns_resolution=False)
    assert checked["changed"] and checked["options"] == done["options"] == sides(True, False)
    assert options_of(connection) == (True, False)
    assert not module(accepter_dns_resolution=False)["changed"]


def test_what_somebody_else_changed_is_set_again(options_module, connection, ec2, options_of):
    wanted = dict(vpc_peering_connection_id=connection, requester_dns_resolution=True)
    options_module(**wanted)
    ec2.modify_vpc_peering_connection_options(
        VpcPeeringConnectionId=connection,
        RequesterPeeringConnectionOptions={"AllowDnsResolutionFromRemoteVpc": False},
    )
    assert options_module(**wanted)["changed"]
    assert options_of(connection) == (True, False)


def test_each_side_is_set_by_its_own_account(options_module, other, make_vpc, peer, options_of):
    theirs = other.client("ec2")
    connection = peer(make_vpc("10.60.0.0/16", theirs), accepter=theirs, PeerOwnerId=other.account)
    result = options_module(vpc_peering_connection_id=connection, **sides(True, True))
    assert result["failed"]
    assert f"accepter's, account {other.account}" in result["msg"]
    assert options_of(connection) == (False, False)

    assert options_module(vpc_peering_connection_id=connection, requester_dns_resolution=True)["changed"]
    assert options_module(vpc_peering_connection_id=connection, accepter_dns_resolution=True, **other.credentials)[
        "changed"
    ]
    assert options_of(connection) == (True, True)


def test_each_side_is_set_in_its_own_region(options_module, make_vpc, peer, options_of, calls):
    there = boto3.client("ec2", OTHER_REGION)
    connection = peer(make_vpc("10.60.0.0/16", there), accepter=there, PeerRegion=OTHER_REGION)
    calls.made.clear()
    for check in (True, False):
        result = options_module(vpc_peering_connection_id=connection, check=check, **sides(True, True))
        assert result["failed"]
        assert f"accepter_dns_resolution: the accepter's VPC is in {OTHER_REGION}" in result["msg"]
        assert "requester_dns_resolution" not in result["msg"]
    assert calls.writes() == []

    assert options_module(vpc_peering_connection_id=connection, requester_dns_resolution=True)["changed"]
    wanted = dict(vpc_peering_connection_id=connection, accepter_dns_resolution=True)
    assert options_module(region=OTHER_REGION, **wanted)["changed"]
    assert options_of(connection) == (True, True)
    assert not options_module(**wanted)["changed"]  # there is nothing to set from the wrong region


@pytest.mark.parametrize(
    ("end", "code", "advice"),
    [
        ("delete_vpc_peering_connection", "deleted", "Request a new one"),
        ("reject_vpc_peering_connection", "rejected", "did not want it"),
    ],
)
def test_a_connection_that_is_over_fails_at_once(options_module, peer, workspace, ec2, clock, end, code, advice):
    connection = peer(workspace, accept=False)
    getattr(ec2, end)(VpcPeeringConnectionId=connection)
    for check in (True, False):
        result = options_module(vpc_peering_connection_id=connection, requester_dns_resolution=True, check=check)
        assert result["failed"]
        assert f"{connection} is {code}" in result["msg"] and advice in result["msg"]
    assert clock.now == 0


def test_a_connection_that_nobody_accepts(options_module, peer, workspace, clock):
    wanted = dict(vpc_peering_connection_id=peer(workspace, accept=False), requester_dns_resolution=True)
    result = options_module(**wanted, wait_timeout=30)
    assert result["failed"] and clock.now == 30
    assert "is pending-acceptance" in result["msg"] and "accepted with the credentials of account" in result["msg"]

    clock.now = 0
    assert options_module(**wanted, wait=False)["failed"] and clock.now == 0

    checked = options_module(**wanted, check=True)
    assert checked["changed"] and clock.now == 0
    assert "pending-acceptance" in checked["warnings"][0]


def test_an_acceptance_that_is_seen_late_is_waited_for(options_module, peer, workspace, clock, ec2, options_of):
    connection = peer(workspace, accept=False)

    def accept():
        if clock.now >= 6:
            ec2.accept_vpc_peering_connection(VpcPeeringConnectionId=connection)
            clock.on_sleep = lambda: None

    clock.on_sleep = accept
    assert options_module(vpc_peering_connection_id=connection, requester_dns_resolution=True)["changed"]
    assert clock.now == 6 and options_of(connection) == (True, False)


def test_a_connection_that_does_not_exist(options_module, calls):
    wanted = dict(vpc_peering_connection_id="pcx-00000000000000000", requester_dns_resolution=True)
    result = options_module(**wanted)
    assert result["failed"] and "no peering connection pcx-00000000000000000 in eu-west-1" in result["msg"]
    calls.answers["DescribeVpcPeeringConnections"] = {"VpcPeeringConnections": []}
    assert "no peering connection pcx-00000000000000000 in eu-west-1" in options_module(**wanted)["msg"]


@pytest.mark.parametrize(
    ("parameters", "said"),
    [
        (dict(requester_dns_resolution=True), "vpc_peering_connection_id"),
        (dict(vpc_peering_connection_id="pcx-0123"), "one of the following is required"),
        (dict(vpc_peering_connection_id="pcx-0123", **sides(None, None)), "none has a value"),
        (dict(vpc_peering_connection_id="peering", requester_dns_resolution=True), "'peering' is not one"),
    ],
)
def test_wrong_parameters_are_told_before_aws_is_asked(options_module, calls, parameters, said):
    result = options_module(**parameters)
    assert result["failed"] and said in result["msg"]
    assert calls.made == []


def test_throttled_calls_are_repeated(options_module, connection, calls, refusal, clock):
    calls.answers["DescribeVpcPeeringConnections"] = [refusal("RequestLimitExceeded")]
    calls.answers["ModifyVpcPeeringConnectionOptions"] = [refusal("EC2ThrottledException")]
    assert options_module(vpc_peering_connection_id=connection, requester_dns_resolution=True)["changed"]
    assert len(calls.writes()) == 2 and clock.now > 0


@pytest.mark.parametrize("operation", ["DescribeVpcPeeringConnections", "ModifyVpcPeeringConnectionOptions"])
def test_a_missing_permission_is_named(options_module, connection, calls, refusal, operation):
    calls.answers[operation] = refusal("UnauthorizedOperation")
    result = options_module(vpc_peering_connection_id=connection, requester_dns_resolution=True)
    assert result["failed"] and f"ec2:{operation}" in result["msg"]
