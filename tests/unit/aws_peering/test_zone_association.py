# Copyright (c) 2026 The lakehouse.onprem_tunnel authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""aws_private_zone_association against moto's zones, in one account and between two."""

from types import SimpleNamespace

import boto3
import pytest

REGION = "eu-west-1"
NAME = "onprem.example."


@pytest.fixture
def route53():
    return boto3.client("route53", REGION)


@pytest.fixture
def make_zone(route53):
    """Make a private zone for a VPC, and return its id."""

    def make(vpc, name=NAME, reference="1", client=route53):
        made = client.create_hosted_zone(
            Name=name,
            CallerReference=reference,
            HostedZoneConfig={"PrivateZone": True},
            VPC={"VPCId": vpc, "VPCRegion": REGION},
        )
        return made["HostedZone"]["Id"].rsplit("/", 1)[-1]

    return make


@pytest.fixture
def zone(make_zone, hub):
    return make_zone(hub)


@pytest.fixture
def vpcs_of(route53):
    """Return a function from a zone to its VPCs, and one to those that may be associated."""

    def associated(zone):
        return {vpc["VPCId"] for vpc in route53.get_hosted_zone(Id=zone)["VPCs"]}

    def authorized(zone):
        return {vpc["VPCId"] for vpc in route53.list_vpc_association_authorizations(HostedZoneId=zone)["VPCs"]}

    return SimpleNamespace(associated=associated, authorized=authorized)


@pytest.fixture
def module(association_module, zone, workspace):
    def run(**parameters):
        return association_module(**{**dict(zone_id=zone, vpc_id=workspace, vpc_region=REGION), **parameters})

    return run


@pytest.fixture
def theirs(other, make_vpc):
    """A VPC of the other account, and the parameters for the module to be run by it."""
    vpc = make_vpc("10.61.0.0/16", other.client("ec2"))
    return SimpleNamespace(vpc=dict(vpc_id=vpc), id=vpc, owner=dict(vpc_id=vpc, **other.credentials))


def outcome(result):
    return result["changed"], result["association"], result["diff"]


def test_a_life_in_one_account(module, zone, hub, workspace, vpcs_of, calls):
    checked = module(check=True)
    assert checked["changed"] and vpcs_of.associated(zone) == {hub}
    done = module()
    assert outcome(checked) == outcome(done) and vpcs_of.associated(zone) == {hub, workspace}
    assert done["association"] == dict(
        zone_id=zone, vpc_id=workspace, vpc_region=REGION, associated=True, authorized=None
    )
    assert done["diff"]["before"]["associated"] is False
    calls.made.clear()
    assert not module(zone_id=f"/hostedzone/{zone}")["changed"]
    assert calls.names() == ["GetHostedZone"]

    checked = module(state="absent", check=True)
    assert checked["changed"] and vpcs_of.associated(zone) == {hub, workspace}
    assert outcome(module(state="absent")) == outcome(checked)
    assert vpcs_of.associated(zone) == {hub}
    assert not module(state="absent")["changed"]


def test_a_life_in_two_accounts(module, zone, hub, theirs, vpcs_of):
    checked = module(**theirs.vpc, state="authorized", check=True)
    assert checked["changed"] and vpcs_of.authorized(zone) == set()
    done = module(**theirs.vpc, state="authorized")
    assert outcome(done) == outcome(checked) and vpcs_of.authorized(zone) == {theirs.id}
    assert done["association"]["authorized"] is True and done["association"]["associated"] is False
    assert not module(**theirs.vpc, state="authorized")["changed"]

    checked = module(**theirs.owner, check=True)
    assert checked["changed"] and vpcs_of.associated(zone) == {hub}
    assert outcome(module(**theirs.owner)) == outcome(checked)
    assert vpcs_of.associated(zone) == {hub, theirs.id}
    assert not module(**theirs.owner)["changed"]

    # The VPC's owner can only do half of it.
    assert module(**theirs.owner, state="absent", check=True)["changed"]
    gone = module(**theirs.owner, state="absent")
    assert gone["association"]["associated"] is False and gone["association"]["authorized"] is None
    assert vpcs_of.associated(zone) == {hub} and vpcs_of.authorized(zone) == {theirs.id}
    assert not module(**theirs.owner, state="absent")["changed"]

    module(**theirs.owner)
    assert module(**theirs.vpc, state="absent", check=True)["changed"]
    gone = module(**theirs.vpc, state="absent")
    assert gone["diff"]["before"]["associated"] and gone["diff"]["before"]["authorized"]
    assert vpcs_of.associated(zone) == {hub} and vpcs_of.authorized(zone) == set()
    assert not module(**theirs.vpc, state="absent")["changed"]


def test_other_vpcs_of_the_zone_stay(module, zone, hub, workspace, theirs, make_vpc, vpcs_of):
    third = make_vpc("10.62.0.0/16")
    module(vpc_id=third)
    module(**theirs.vpc, state="authorized")
    module()
    module(state="absent")
    assert vpcs_of.associated(zone) == {hub, third} and vpcs_of.authorized(zone) == {theirs.id}


def test_an_authorization_that_has_served_is_not_made_again(module, zone, route53, theirs, vpcs_of):
    module(**theirs.vpc, state="authorized")
    module(**theirs.owner)
    route53.delete_vpc_association_authorization(HostedZoneId=zone, VPC={"VPCId": theirs.id, "VPCRegion": REGION})
    assert not module(**theirs.vpc, state="authorized")["changed"]
    assert vpcs_of.authorized(zone) == set()


def test_what_somebody_else_took_away_is_made_again(module, zone, route53, theirs, workspace, vpcs_of):
    module()
    route53.disassociate_vpc_from_hosted_zone(HostedZoneId=zone, VPC={"VPCId": workspace, "VPCRegion": REGION})
    assert module()["changed"] and workspace in vpcs_of.associated(zone)
    module(**theirs.vpc, state="authorized")
    route53.delete_vpc_association_authorization(HostedZoneId=zone, VPC={"VPCId": theirs.id, "VPCRegion": REGION})
    assert module(**theirs.vpc, state="authorized")["changed"] and vpcs_of.authorized(zone) == {theirs.id}


def test_what_goes_in_the_moment_of_its_removal_is_fine(module, theirs, calls, refusal):
    module(**theirs.vpc, state="authorized")
    module(**theirs.owner)
    calls.answers["DeleteVPCAssociationAuthorization"] = refusal("VPCAssociationAuthorizationNotFound")
    calls.answers["DisassociateVPCFromHostedZone"] = refusal("VPCAssociationNotFound")
    calls.made.clear()
    assert module(**theirs.vpc, state="absent")["changed"]
    assert [name for name, _parameters in calls.writes()] == [
        "DeleteVPCAssociationAuthorization",
        "DisassociateVPCFromHostedZone",
    ]


def test_a_zone_that_is_gone(module, zone, route53):
    module()
    route53.delete_hosted_zone(Id=zone)
    assert not module(state="absent")["changed"]
    for state in ("associated", "authorized"):
        result = module(state=state, check=True)
        assert result["failed"] and f"no hosted zone {zone}" in result["msg"]


def test_the_last_vpc_stays(module, zone, hub, vpcs_of):
    for check in (True, False):
        result = module(vpc_id=hub, state="absent", check=check)
        assert result["failed"] and "the last one of the zone" in result["msg"] and hub in result["msg"]
    assert vpcs_of.associated(zone) == {hub}


def test_the_last_vpc_stays_where_only_aws_knows_that_it_is(module, zone, hub, route53, theirs):
    module(**theirs.vpc, state="authorized")
    module(**theirs.owner)
    route53.disassociate_vpc_from_hosted_zone(HostedZoneId=zone, VPC={"VPCId": hub, "VPCRegion": REGION})
    result = module(**theirs.owner, state="absent")
    assert result["failed"] and "the last one of the zone" in result["msg"]


def test_an_association_that_was_not_authorized(module, theirs):
    result = module(**theirs.owner)
    assert result["failed"] and "state: authorized" in result["msg"]


def test_the_zones_owner_cannot_associate_the_vpc_of_another_account(module, theirs):
    module(**theirs.vpc, state="authorized")
    result = module(**theirs.vpc)
    assert result["failed"] and "with those of the VPC's account" in result["msg"]


def test_only_the_zones_owner_authorizes(module, theirs, zone):
    result = module(**theirs.owner, state="authorized")
    assert result["failed"]
    assert "route53:GetHostedZone" in result["msg"] and f"the zone {zone} belongs to another account" in result["msg"]


def test_neither_the_zones_nor_the_vpcs_owner(module, other):
    result = module(**other.credentials)
    assert result["failed"]
    assert "route53:ListHostedZonesByVPC" in result["msg"] and "GetHostedZone was denied, too" in result["msg"]


def test_a_public_zone(module, route53):
    public = route53.create_hosted_zone(Name="a.example", CallerReference="p")["HostedZone"]["Id"]
    for state in ("associated", "authorized"):
        result = module(zone_id=public, state=state, check=True)
        assert result["failed"] and "is public" in result["msg"]
    assert not module(zone_id=public, state="absent")["changed"]


def test_a_vpc_that_sees_the_name_already(module, make_zone, workspace):
    make_zone(workspace, reference="2")
    result = module()
    assert result["failed"] and "another zone of the same name" in result["msg"]


@pytest.mark.parametrize("wrong", [dict(vpc_id="vpc-00000000000000000"), dict(vpc_region="us-east-1")])
def test_a_vpc_that_does_not_exist(module, wrong):
    result = module(**wrong)
    assert result["failed"] and "There is no VPC" in result["msg"]


@pytest.mark.parametrize(
    ("parameters", "said"),
    [
        (dict(zone_id=None), "zone_id"),
        (dict(vpc_id=None), "vpc_id"),
        (dict(vpc_region=None), "vpc_region"),
        (dict(zone_id="a.example"), "zone_id: 'a.example' is not one"),
        (dict(vpc_id="hub"), "vpc_id: 'hub' is not one"),
        (dict(vpc_region="eu"), "vpc_region: 'eu' is not one"),
    ],
)
def test_wrong_parameters_are_told_before_aws_is_asked(module, calls, parameters, said):
    result = module(**parameters)
    assert result["failed"] and said in result["msg"]
    assert calls.made == []


@pytest.mark.parametrize("region", ["us-gov-west-1", "eusc-de-east-1", "ap-southeast-7"])
def test_regions_of_all_forms_are_taken(module, region):
    assert "is not one" not in module(vpc_region=region)["msg"]


def test_throttled_calls_are_repeated(module, calls, refusal, clock):
    for operation in ("GetHostedZone", "ListVPCAssociationAuthorizations", "DisassociateVPCFromHostedZone"):
        calls.answers[operation] = [refusal("Throttling")]
    calls.answers["AssociateVPCWithHostedZone"] = [refusal("ThrottlingException")]
    assert module()["changed"] and module(state="absent")["changed"]
    assert len(calls.writes()) == 4 and clock.now > 0


@pytest.mark.parametrize(
    ("operation", "state"),
    [
        ("AssociateVPCWithHostedZone", "associated"),
        ("ListVPCAssociationAuthorizations", "authorized"),
        ("CreateVPCAssociationAuthorization", "authorized"),
    ],
)
def test_a_missing_permission_is_named(module, calls, refusal, operation, state):
    calls.answers[operation] = refusal("AccessDenied")
    result = module(state=state)
    assert result["failed"] and f"route53:{operation}" in result["msg"]


def test_without_the_permission_to_see_the_zone_its_own_vpcs_are_asked(module, calls, refusal, vpcs_of, zone):
    calls.answers["GetHostedZone"] = refusal("AccessDenied")
    assert module()["changed"]
    assert not module()["changed"]
    assert module(state="absent")["changed"]
    assert not module(state="absent")["changed"]
