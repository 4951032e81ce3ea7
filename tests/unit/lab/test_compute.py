"""The names that each kind of compute resolves, and the endpoint that is open only while it is in use."""

import boto3
import pytest
from moto import mock_aws

from lab import compute

REGION = "eu-central-1"
ENDPOINT = "10.246.50.5"


@pytest.fixture(autouse=True)
def _credentials(monkeypatch):
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "lab")


@pytest.fixture(name="written")
def _written(monkeypatch):
    """What was written to which container; each has a process that runs."""
    found = []
    monkeypatch.setattr(compute, "podman", lambda *arguments, stdin: found.append((arguments[2], stdin)))
    monkeypatch.setattr(compute, "pid", lambda _container: 1)
    return found


def test_private_zones_of_the_vpc_lead_to_the_load_balancer_and_others_to_nothing():
    with mock_aws():
        ec2, route53 = boto3.client("ec2", REGION), boto3.client("route53", REGION)
        workspace, other = (ec2.create_vpc(CidrBlock=f"10.{n}.0.0/16")["Vpc"]["VpcId"] for n in (60, 61))
        for name, vpc, target, kind in (
            ("onprem.example", workspace, "balancer.example", "A"),
            ("v6.example", workspace, "balancer.example", "AAAA"),
            ("elsewhere.example", workspace, "another.example", "A"),
            ("hidden.example", other, "balancer.example", "A"),
        ):
            zone = route53.create_hosted_zone(
                Name=name,
                CallerReference=name,
                VPC={"VPCRegion": REGION, "VPCId": vpc},
                HostedZoneConfig={"PrivateZone": True},
            )
            alias = {"HostedZoneId": "Z1", "DNSName": f"{target}.", "EvaluateTargetHealth": False}
            record = {"Name": name, "Type": kind, "AliasTarget": alias}
            change = {"Changes": [{"Action": "CREATE", "ResourceRecordSet": record}]}
            route53.change_resource_record_sets(HostedZoneId=zone["HostedZone"]["Id"], ChangeBatch=change)
        assert compute.vpc_of(ec2, "10.60.1.2") == workspace and compute.vpc_of(ec2, "10.99.0.1") is None
        names = compute.zone_names(route53, workspace, REGION, {"balancer.example": "10.40.1.5"})
        assert names == {"onprem.example": "10.40.1.5"}


def test_an_address_in_no_vpc_resolves_nothing():
    with mock_aws():
        ec2, route53, elbv2 = (boto3.client(service, REGION) for service in ("ec2", "route53", "elbv2"))
        serverless = compute.Serverless("srv", "ws", "gate", ENDPOINT)
        follower = compute.Compute(ec2, route53, elbv2, REGION, {"stray": "10.99.0.1"}, serverless, "", "10.40.1.5")
        assert follower.read_zones() == {"10.99.0.1": {}}


def test_the_names_of_rules_lead_to_the_endpoint():
    rules = [{"domain_names": ["a.example"]}, {"domain_names": ["b.example"]}]
    assert compute.rule_names(rules, ENDPOINT) == {"a.example": ENDPOINT, "b.example": ENDPOINT}
    block = compute.hosts_block({"b.example": ENDPOINT, "a.example": ENDPOINT}).splitlines()
    assert block == [compute.BEGIN, f"{ENDPOINT} a.example", f"{ENDPOINT} b.example", compute.END]


def test_a_container_is_written_to_once_and_again_when_it_was_started_again(written, monkeypatch):
    machine = compute.hosts_file("client")
    assert machine.write("x") and not machine.write("x") and machine.write("y")
    machine.pid = 2**22 + 1  # no process has this number
    assert machine.write("y")
    assert [text for _, text in written] == ["x", "y", "y"]
    monkeypatch.setattr(compute, "pid", lambda _container: 0)
    with pytest.raises(RuntimeError, match="client does not run"):
        machine.write("z")


def test_the_endpoint_is_open_while_a_rule_carries_traffic(written, monkeypatch):
    follower = compute.Compute(
        None,
        None,
        None,
        REGION,
        {"client": "10.60.1.2"},
        compute.Serverless("srv", "ws", "gate", ENDPOINT),
        "",
        "10.40.1.5",
    )
    monkeypatch.setattr(follower, "read_zones", lambda: {"10.60.1.2": {"c.example": "10.40.1.5"}})
    follower.classic_names.read = follower.read_zones
    rules = []
    monkeypatch.setattr(follower, "read_rules", lambda: rules)
    assert follower.follow() == ["client resolves c.example", "srv resolves nothing", "the endpoint is closed"]
    assert follower.follow() == []
    rules.append({"domain_names": ["a.example"]})
    assert follower.follow() == ["srv resolves a.example", "the endpoint is open"]
    gate = [text for container, text in written if container == "gate"]
    assert "dnat" not in gate[0] and f"ip daddr {ENDPOINT} tcp dport != 22 dnat to 10.40.1.5" in gate[1]
