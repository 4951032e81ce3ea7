# Copyright (c) 2026 The lakehouse.onprem_tunnel authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the module aws_nlb asks of AWS and makes of its answers, where moto is unlike AWS. Every request is checked."""

from __future__ import annotations

from copy import deepcopy

import pytest
from ansible_collections.lakehouse.onprem_tunnel.plugins.modules import aws_nlb
from botocore.client import BaseClient
from botocore.exceptions import EndpointConnectionError

ARN = "arn:aws:elasticloadbalancing:eu-central-1:123456789012:loadbalancer/net/hub/0123456789abcdef"
LISTENER = ARN.replace(":loadbalancer/", ":listener/") + "/fedcba9876543210"
GROUP = "arn:aws:elasticloadbalancing:eu-central-1:123456789012:targetgroup/orders/0123456789abcdef"
ENFORCE = "EnforceSecurityGroupInboundRulesOnPrivateLinkTraffic"
BALANCER = {
    "LoadBalancerArn": ARN,
    "LoadBalancerName": "hub",
    "DNSName": "hub-0123456789abcdef.elb.eu-central-1.amazonaws.com",
    "CanonicalHostedZoneId": "Z3F0SRJ5LGBH90",
    "Scheme": "internal",
    "VpcId": "vpc-1",
    "State": {"Code": "active"},
    "Type": "network",
    "SecurityGroups": ["sg-1"],
    ENFORCE: "on",
    "AvailabilityZones": [
        {
            "ZoneName": "eu-central-1a",
            "SubnetId": "subnet-a",
            "LoadBalancerAddresses": [{"PrivateIPv4Address": "10.40.1.100"}],
        },
        {"ZoneName": "eu-central-1b", "SubnetId": "subnet-b", "LoadBalancerAddresses": []},
    ],
}


def balancer(**changes):
    return {**deepcopy(BALANCER), **changes}


def answer_parts(stubs, protection="false", listeners=(), tags=()):
    attributes = [{"Key": "deletion_protection.enabled", "Value": protection}]
    by_arn = {"LoadBalancerArn": ARN}
    stubs.elbv2.add_response("describe_load_balancer_attributes", {"Attributes": attributes}, by_arn)
    stubs.elbv2.add_response("describe_listeners", {"Listeners": list(listeners)}, by_arn)
    described = {"TagDescriptions": [{"ResourceArn": ARN, **({"Tags": list(tags)} if tags else {})}]}
    stubs.elbv2.add_response("describe_tags", described, {"ResourceArns": [ARN]})


def answer_read(stubs, found=BALANCER, **parts):
    stubs.elbv2.add_response("describe_load_balancers", {"LoadBalancers": [found]}, {"Names": ["hub"]})
    answer_parts(stubs, **parts)


def answer_outcome(stubs, found=BALANCER, **parts):
    """What was made or changed is read by its ARN, since not every server of AWS knows its name at once."""
    stubs.elbv2.add_response("describe_load_balancers", {"LoadBalancers": [found]}, {"LoadBalancerArns": [ARN]})
    answer_parts(stubs, **parts)


def answer_absent(stubs):
    stubs.elbv2.add_client_error("describe_load_balancers", "LoadBalancerNotFound", expected_params={"Names": ["hub"]})


def listener(port=3306, arn=LISTENER, **action):
    action = action or {"TargetGroupArn": GROUP}
    return {"ListenerArn": arn, "Port": port, "Protocol": "TCP", "DefaultActions": [{"Type": "forward", **action}]}


def test_creation_asks_for_all_that_is_wanted(stubs, run, clock):
    answer_absent(stubs)
    stubs.ec2.add_response(
        "describe_subnets",
        {
            "Subnets": [
                {
                    "SubnetId": f"subnet-{zone}",
                    "VpcId": "vpc-1",
                    "AvailabilityZone": f"eu-central-1{zone}",
                    "CidrBlock": cidr,
                }
                for zone, cidr in (("a", "10.40.1.0/24"), ("b", "10.40.2.0/24"))
            ]
        },
        {"Filters": [{"Name": "subnet-id", "Values": ["subnet-a", "subnet-b"]}]},
    )
    stubs.elbv2.add_response(
        "create_load_balancer",
        {"LoadBalancers": [balancer(State={"Code": "provisioning"})]},
        {
            "Name": "hub",
            "Type": "network",
            "Scheme": "internal",
            "SubnetMappings": [
                {"SubnetId": "subnet-a", "PrivateIPv4Address": "10.40.1.100"},
                {"SubnetId": "subnet-b"},
            ],
            "SecurityGroups": ["sg-1"],
            "Tags": [{"Key": "environment", "Value": "test"}],
        },
    )
    # The first server that is asked about the new one does not know it yet.
    stubs.elbv2.add_client_error("describe_load_balancer_attributes", "LoadBalancerNotFound")
    answer_parts(stubs, tags=[{"Key": "environment", "Value": "test"}])
    stubs.elbv2.add_response(
        "set_security_groups",
        {"SecurityGroupIds": ["sg-1"], ENFORCE: "off"},
        {"LoadBalancerArn": ARN, "SecurityGroups": ["sg-1"], ENFORCE: "off"},
    )
    stubs.elbv2.add_response(
        "modify_load_balancer_attributes",
        {"Attributes": []},
        {"LoadBalancerArn": ARN, "Attributes": [{"Key": "deletion_protection.enabled", "Value": "true"}]},
    )
    stubs.elbv2.add_response(
        "create_listener",
        {"Listeners": [listener()]},
        {
            "LoadBalancerArn": ARN,
            "Port": 3306,
            "Protocol": "TCP",
            "DefaultActions": [{"Type": "forward", "TargetGroupArn": GROUP}],
        },
    )
    idle_timeout = [{"Key": "tcp.idle_timeout.seconds", "Value": "6000"}]
    stubs.elbv2.add_response(
        "modify_listener_attributes", {"Attributes": []}, {"ListenerArn": LISTENER, "Attributes": idle_timeout}
    )
    stubs.elbv2.add_client_error("describe_load_balancers", "LoadBalancerNotFound")
    for code in ("provisioning", "provisioning", "active"):
        found = {"LoadBalancers": [balancer(State={"Code": code}, **{ENFORCE: "off"})]}
        stubs.elbv2.add_response("describe_load_balancers", found, {"LoadBalancerArns": [ARN]})
    by_arn = {"LoadBalancerArn": ARN}
    protected = {"Attributes": [{"Key": "deletion_protection.enabled", "Value": "true"}]}
    stubs.elbv2.add_response("describe_load_balancer_attributes", protected, by_arn)
    stubs.elbv2.add_response("describe_listeners", {"Listeners": [listener()]}, by_arn)
    stubs.elbv2.add_response("describe_listener_attributes", {"Attributes": idle_timeout}, {"ListenerArn": LISTENER})
    stubs.elbv2.add_response("describe_tags", {"TagDescriptions": []}, {"ResourceArns": [ARN]})

    result = run(
        aws_nlb,
        name="hub",
        subnet_mappings=[
            dict(subnet_id="subnet-a", private_ipv4_address="10.40.1.100"),
            dict(subnet_id="subnet-b"),
        ],
        security_groups=["sg-1"],
        enforce_private_link_security_groups=False,
        attributes={"deletion_protection.enabled": True},
        listeners=[dict(port=3306, target_group_arn=GROUP, attributes={"tcp.idle_timeout.seconds": 6000})],
        tags=dict(environment="test"),
    )
    assert result["changed"], result["msg"]
    actual = result["load_balancer"]
    assert actual["enforce_private_link_security_groups"] is False
    assert [zone["addresses"] for zone in actual["availability_zones"]] == [["10.40.1.100"], []]
    assert actual["listeners"][0]["attributes"] == {"tcp.idle_timeout.seconds": "6000"}


def test_enforcement_that_is_as_wanted_costs_no_call(stubs, run):
    answer_read(stubs, balancer(**{ENFORCE: "off"}))
    assert not run(aws_nlb, name="hub", enforce_private_link_security_groups=False)["changed"]


def test_enforcement_that_differs_is_a_change(stubs, run):
    answer_read(stubs)
    checked = run(aws_nlb, check=True, name="hub", enforce_private_link_security_groups=False)
    answer_read(stubs)
    off = {"LoadBalancerArn": ARN, "SecurityGroups": ["sg-1"], ENFORCE: "off"}
    stubs.elbv2.add_response("set_security_groups", {"SecurityGroupIds": ["sg-1"], ENFORCE: "off"}, off)
    answer_outcome(stubs, balancer(**{ENFORCE: "off"}))
    result = run(aws_nlb, name="hub", enforce_private_link_security_groups=False, wait=False)
    assert checked["changed"] and result["changed"] and result["diff"] == checked["diff"]


def test_enforcement_that_aws_does_not_tell_is_stated_and_no_change(stubs, run):
    untold = {key: value for key, value in BALANCER.items() if key != ENFORCE}
    answer_read(stubs, untold)
    stubs.elbv2.add_response(
        "set_security_groups", {}, {"LoadBalancerArn": ARN, "SecurityGroups": ["sg-1"], ENFORCE: "off"}
    )
    assert not run(aws_nlb, name="hub", enforce_private_link_security_groups=False)["changed"]
    answer_read(stubs, untold)
    assert not run(aws_nlb, check=True, name="hub", enforce_private_link_security_groups=False)["changed"]


@pytest.mark.parametrize(
    ("subnet", "address", "said"),
    [
        ("subnet-a", "10.40.1.101", "'hub' has 10.40.1.100 in subnet-a, and 10.40.1.101 is wanted"),
        ("subnet-b", "10.40.2.100", "'hub' has an address that AWS chose in subnet-b, and 10.40.2.100 is wanted"),
    ],
)
def test_an_address_cannot_change(stubs, run, subnet, address, said):
    addresses = {"subnet-a": "10.40.1.100", "subnet-b": None, subnet: address}
    mappings = [dict(subnet_id=name, private_ipv4_address=value) for name, value in addresses.items()]
    answer_read(stubs)
    result = run(aws_nlb, name="hub", subnet_mappings=mappings)
    assert result["failed"] and said in result["msg"]


def test_a_listener_that_shares_its_connections_is_repointed(stubs, run):
    other = GROUP.replace("orders", "other")
    shared = {"ForwardConfig": {"TargetGroups": [{"TargetGroupArn": GROUP}, {"TargetGroupArn": other}]}}
    answer_read(stubs, listeners=[listener(**shared)])
    stubs.elbv2.add_response(
        "modify_listener",
        {"Listeners": []},
        {
            "ListenerArn": LISTENER,
            "Protocol": "TCP",
            "DefaultActions": [{"Type": "forward", "TargetGroupArn": GROUP}],
        },
    )
    answer_outcome(stubs, listeners=[listener()])
    assert run(aws_nlb, name="hub", listeners=[dict(port=3306, target_group_arn=GROUP)], wait=False)["changed"]


def test_at_the_quota_listeners_are_deleted_before_others_are_made(stubs, run):
    full = [listener(port=port, arn=f"{LISTENER}{port}") for port in range(3000, 3050)]
    answer_read(stubs, listeners=full)
    stubs.elbv2.add_response("delete_listener", {}, {"ListenerArn": f"{LISTENER}3049"})
    forward = [{"Type": "forward", "TargetGroupArn": GROUP}]
    stubs.elbv2.add_response(
        "create_listener",
        {"Listeners": [listener(port=4000)]},
        {"LoadBalancerArn": ARN, "Port": 4000, "Protocol": "TCP", "DefaultActions": forward},
    )
    answer_outcome(stubs, listeners=[*full[:-1], listener(port=4000)])
    wanted = [dict(port=port, target_group_arn=GROUP) for port in [*range(3000, 3049), 4000]]
    assert run(aws_nlb, name="hub", listeners=wanted, wait=False)["changed"]


def test_the_tags_of_aws_are_never_removed(stubs, run):
    tags = [{"Key": "aws:cloudformation:stack-name", "Value": "theirs"}, {"Key": "old", "Value": "1"}]
    answer_read(stubs, tags=tags)
    stubs.elbv2.add_response("remove_tags", {}, {"ResourceArns": [ARN], "TagKeys": ["old"]})
    answer_outcome(stubs, tags=tags[:1])
    assert run(aws_nlb, name="hub", tags={}, wait=False)["changed"]


def test_listeners_are_read_from_all_pages(stubs, run):
    stubs.elbv2.add_response("describe_load_balancers", {"LoadBalancers": [BALANCER]}, {"Names": ["hub"]})
    stubs.elbv2.add_response("describe_load_balancer_attributes", {"Attributes": []}, {"LoadBalancerArn": ARN})
    stubs.elbv2.add_response(
        "describe_listeners", {"Listeners": [listener()], "NextMarker": "more"}, {"LoadBalancerArn": ARN}
    )
    stubs.elbv2.add_response(
        "describe_listeners",
        {"Listeners": [listener(port=5432, arn=LISTENER + "2")]},
        {"LoadBalancerArn": ARN, "Marker": "more"},
    )
    stubs.elbv2.add_response("describe_tags", {"TagDescriptions": []}, {"ResourceArns": [ARN]})
    wanted = [dict(port=port, target_group_arn=GROUP) for port in (3306, 5432)]
    assert not run(aws_nlb, name="hub", listeners=wanted)["changed"]


def test_throttling_is_retried(stubs, run, clock):
    for code in ("Throttling", "RequestLimitExceeded"):
        stubs.elbv2.add_client_error("describe_load_balancers", code)
    answer_read(stubs)
    result = run(aws_nlb, name="hub")
    assert not result["changed"] and not result.get("failed") and len(clock.slept) == 2


@pytest.mark.parametrize("code", ["AccessDenied", "AccessDeniedException", "UnauthorizedOperation"])
def test_a_missing_permission_is_named(stubs, run, code):
    stubs.elbv2.add_client_error("describe_load_balancers", code, "User is not authorized")
    said = run(aws_nlb, name="hub")["msg"]
    assert said.startswith("load balancer 'hub' in eu-central-1: the credentials may not call ")
    assert "elasticloadbalancing:DescribeLoadBalancers" in said and "User is not authorized" in said


def test_a_missing_permission_of_another_service_is_named(stubs, run):
    answer_absent(stubs)
    stubs.ec2.add_client_error("describe_subnets", "UnauthorizedOperation")
    assert "may not call ec2:DescribeSubnets" in run(aws_nlb, name="hub", subnet_mappings=[dict(subnet_id="a")])["msg"]


def test_a_region_that_does_not_answer_is_named(run, monkeypatch):
    def unreachable(_client, _operation, _parameters):
        raise EndpointConnectionError(endpoint_url="https://elasticloadbalancing.eu-nowhere-1.amazonaws.com")

    monkeypatch.setattr(BaseClient, "_make_api_call", unreachable)
    said = run(aws_nlb, name="hub", region="eu-nowhere-1")["msg"]
    assert "in eu-nowhere-1: AWS cannot be reached" in said


def test_two_of_one_name_are_refused_with_both_arns(stubs, run):
    second = balancer(LoadBalancerArn=ARN + "2")
    for parameters in (dict(), dict(state="absent", force=True)):
        stubs.elbv2.add_response("describe_load_balancers", {"LoadBalancers": [BALANCER, second]})
        result = run(aws_nlb, name="hub", **parameters)
        assert result["failed"] and f"{ARN}, {ARN}2" in result["msg"]


@pytest.mark.parametrize("operation", ["describe_load_balancer_attributes", "describe_listeners", None])
def test_one_that_goes_away_meanwhile_is_absent(stubs, run, clock, operation):
    stubs.elbv2.add_response("describe_load_balancers", {"LoadBalancers": [BALANCER]})
    if operation is None:
        answer_parts(stubs)
        stubs.elbv2.add_client_error("delete_load_balancer", "LoadBalancerNotFound")
    elif operation == "describe_listeners":
        stubs.elbv2.add_response("describe_load_balancer_attributes", {"Attributes": []})
        stubs.elbv2.add_client_error("describe_listeners", "LoadBalancerNotFound")
    else:
        stubs.elbv2.add_client_error("describe_load_balancer_attributes", "LoadBalancerNotFound")
        stubs.elbv2.add_client_error("describe_listeners", "LoadBalancerNotFound")
    result = run(aws_nlb, name="hub", state="absent", wait=False)
    assert result["load_balancer"] == {} and result["changed"] is (operation is None)


def answer_deletion(stubs, protection="false"):
    answer_read(stubs, protection=protection)
    if protection == "true":
        off = {"LoadBalancerArn": ARN, "Attributes": [{"Key": "deletion_protection.enabled", "Value": "false"}]}
        stubs.elbv2.add_response("modify_load_balancer_attributes", {"Attributes": []}, off)
    stubs.elbv2.add_response("delete_load_balancer", {}, {"LoadBalancerArn": ARN})


def answer_interfaces(stubs, *ids):
    stubs.ec2.add_response(
        "describe_network_interfaces",
        {"NetworkInterfaces": [{"NetworkInterfaceId": name} for name in ids]},
        {"Filters": [{"Name": "description", "Values": ["ELB net/hub/0123456789abcdef"]}]},
    )


def test_deletion_waits_until_the_network_interfaces_are_gone(stubs, run, clock):
    answer_deletion(stubs, protection="true")
    stubs.elbv2.add_response("describe_load_balancers", {"LoadBalancers": [BALANCER]}, {"LoadBalancerArns": [ARN]})
    for interfaces in (["eni-1", "eni-2"], ["eni-2"], []):
        stubs.elbv2.add_client_error("describe_load_balancers", "LoadBalancerNotFound")
        answer_interfaces(stubs, *interfaces)
    assert run(aws_nlb, name="hub", state="absent", force=True)["changed"]
    assert len(clock.slept) == 3


def test_a_deletion_that_does_not_end_says_what_is_left(stubs, run, clock):
    answer_deletion(stubs)
    for _ in range(3):
        stubs.elbv2.add_client_error("describe_load_balancers", "LoadBalancerNotFound")
        answer_interfaces(stubs, "eni-1")
    result = run(aws_nlb, name="hub", state="absent", wait_timeout=10)
    assert result["failed"] and "after 10 s these are still there: eni-1" in result["msg"]


def test_deletion_does_not_wait_if_not_asked_to(stubs, run, clock):
    answer_deletion(stubs)
    assert run(aws_nlb, name="hub", state="absent", wait=False)["changed"] and clock.slept == []


def test_one_with_an_endpoint_service_says_what_to_delete_first(stubs, run):
    answer_read(stubs)
    stubs.elbv2.add_client_error(
        "delete_load_balancer", "ResourceInUse", "is currently associated with another service"
    )
    result = run(aws_nlb, name="hub", state="absent")
    assert result["failed"] and "delete its VPC endpoint service first" in result["msg"]
    assert "currently associated" in result["msg"]


def test_one_that_does_not_become_active_fails_with_the_reason(stubs, run, clock):
    answer_read(stubs, balancer(State={"Code": "provisioning"}))
    failed = balancer(State={"Code": "failed", "Reason": "no free addresses"})
    stubs.elbv2.add_response("describe_load_balancers", {"LoadBalancers": [failed]})
    said = run(aws_nlb, name="hub")["msg"]
    assert "load balancer 'hub' is failed" in said and "no free addresses" in said and clock.slept == []

    answer_read(stubs, balancer(State={"Code": "provisioning"}))
    for _ in range(3):
        stubs.elbv2.add_response(
            "describe_load_balancers", {"LoadBalancers": [balancer(State={"Code": "provisioning"})]}
        )
    said = run(aws_nlb, name="hub", wait_timeout=10)["msg"]
    assert "is provisioning after at most 10 s" in said and "raise wait_timeout" in said


def test_an_unknown_attribute_is_refused_with_its_name(stubs, run):
    answer_read(stubs)
    stubs.elbv2.add_client_error(
        "modify_load_balancer_attributes",
        "ValidationError",
        "Load balancer attribute key 'cross_zone' is not recognized",
    )
    result = run(aws_nlb, name="hub", attributes={"cross_zone": True})
    assert (
        result["failed"] and "load balancer 'hub' in eu-central-1" in result["msg"] and "'cross_zone'" in result["msg"]
    )
