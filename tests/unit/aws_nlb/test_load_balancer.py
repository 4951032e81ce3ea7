# Copyright (c) 2026 The lakehouse.onprem_tunnel authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The module aws_nlb through the life of a load balancer in moto."""

from __future__ import annotations

import pytest
from ansible_collections.lakehouse.onprem_tunnel.plugins.modules import aws_nlb

CHANGING = ("Create", "Delete", "Modify", "Set", "Add", "Remove")


def changing(requests):
    """Return the calls that change something. The wish to enforce, which moto never tells, is stated each time."""
    return [name for name, _fields in requests if name.startswith(CHANGING) and name != "SetSecurityGroups"]


@pytest.fixture
def target_group(aws):
    def make(name, port=3306):
        made = aws.elb.create_target_group(Name=name, Port=port, Protocol="TCP", VpcId=aws.vpc, TargetType="ip")
        return made["TargetGroups"][0]["TargetGroupArn"]

    return make


@pytest.fixture
def wanted(aws, target_group):
    return dict(
        name="hub",
        subnet_mappings=[
            dict(subnet_id=aws.a, private_ipv4_address="10.40.1.100"),
            dict(subnet_id=aws.b, private_ipv4_address="10.40.2.100"),
        ],
        security_groups=[aws.group],
        enforce_private_link_security_groups=False,
        attributes={
            "deletion_protection.enabled": True,
            "load_balancing.cross_zone.enabled": True,
            "dns_record.client_routing_policy": "any_availability_zone",
        },
        listeners=[
            dict(port=3306, target_group_arn=target_group("orders")),
            dict(
                port=5432,
                target_group_arn=target_group("crm", 5432),
                attributes={"tcp.idle_timeout.seconds": 6000},
            ),
        ],
        tags=dict(environment="test", number=1),
    )


def balancers(aws):
    return aws.elb.describe_load_balancers()["LoadBalancers"]


def state_of(aws):
    """Return everything that moto has of load balancers."""
    found = []
    for balancer in balancers(aws):
        arn = balancer["LoadBalancerArn"]
        listeners = aws.elb.describe_listeners(LoadBalancerArn=arn)["Listeners"]
        found.append(
            (
                balancer,
                aws.elb.describe_load_balancer_attributes(LoadBalancerArn=arn)["Attributes"],
                [(entry, attributes_of(aws, entry["ListenerArn"])) for entry in listeners],
                aws.elb.describe_tags(ResourceArns=[arn])["TagDescriptions"],
            )
        )
    return found


def attributes_of(aws, listener_arn):
    attributes = aws.elb.describe_listener_attributes(ListenerArn=listener_arn)["Attributes"]
    return {entry["Key"]: entry["Value"] for entry in attributes}


def test_the_life_of_a_load_balancer(aws, run, wanted, requests, target_group):
    checked = run(aws_nlb, check=True, **wanted)
    assert checked["changed"] and changing(requests) == [] and balancers(aws) == []
    planned = checked["load_balancer"]
    assert planned["arn"] is None and planned["vpc_id"] == aws.vpc
    assert {zone["zone_name"] for zone in planned["availability_zones"]} == {"eu-central-1a", "eu-central-1b"}

    made = run(aws_nlb, **wanted)
    assert made["changed"] and made["diff"] == checked["diff"]
    actual = made["load_balancer"]
    assert actual["state"] == "active" and actual["scheme"] == "internal" and actual["vpc_id"] == aws.vpc
    assert actual["dns_name"] and actual["canonical_hosted_zone_id"]
    assert actual["security_groups"] == [aws.group]
    assert {zone["subnet_id"]: zone["addresses"] for zone in actual["availability_zones"]} == {
        aws.a: ["10.40.1.100"],
        aws.b: ["10.40.2.100"],
    }
    assert actual["attributes"]["deletion_protection.enabled"] == "true"
    assert actual["attributes"]["dns_record.client_routing_policy"] == "any_availability_zone"
    assert [listener["port"] for listener in actual["listeners"]] == [3306, 5432]
    assert attributes_of(aws, actual["listeners"][1]["arn"]) == {"tcp.idle_timeout.seconds": "6000"}
    assert actual["tags"] == {"environment": "test", "number": "1"}
    sent = dict(requests)
    assert sent["CreateLoadBalancer"]["Type"] == "network"
    assert sent["CreateLoadBalancer"]["SubnetMappings.member.1.PrivateIPv4Address"] == "10.40.1.100"
    assert sent["SetSecurityGroups"]["EnforceSecurityGroupInboundRulesOnPrivateLinkTraffic"] == "off"

    requests.clear()
    again = run(aws_nlb, **wanted)
    assert not again["changed"] and again["load_balancer"] == actual and changing(requests) == []
    assert again["diff"]["before"] == again["diff"]["after"]

    extra = aws.security_group("extra")
    wanted["security_groups"].append(extra)
    wanted["attributes"]["load_balancing.cross_zone.enabled"] = False
    wanted["listeners"][0]["target_group_arn"] = target_group("orders-new", 3307)
    wanted["listeners"][1]["attributes"] = {"tcp.idle_timeout.seconds": 400}
    wanted["listeners"].append(dict(port=1433, target_group_arn=target_group("erp", 1433)))
    wanted["tags"] = dict(environment="prod")
    before = state_of(aws)
    checked = run(aws_nlb, check=True, **wanted)
    assert checked["changed"] and state_of(aws) == before

    updated = run(aws_nlb, **wanted)
    assert updated["changed"] and updated["diff"] == checked["diff"]
    actual = updated["load_balancer"]
    assert actual["security_groups"] == sorted([aws.group, extra])
    assert actual["attributes"]["load_balancing.cross_zone.enabled"] == "false"
    assert actual["attributes"]["deletion_protection.enabled"] == "true"
    assert {listener["port"]: listener["target_group_arn"] for listener in actual["listeners"]} == {
        listener["port"]: listener["target_group_arn"] for listener in wanted["listeners"]
    }
    assert attributes_of(aws, actual["listeners"][2]["arn"]) == {"tcp.idle_timeout.seconds": "400"}
    assert actual["tags"] == {"environment": "prod"}
    planned = checked["load_balancer"]["listeners"]
    assert [dict(entry, arn=None) for entry in planned] == [dict(entry, arn=None) for entry in actual["listeners"]]

    requests.clear()
    assert not run(aws_nlb, **wanted)["changed"] and changing(requests) == []

    refused = run(aws_nlb, name="hub", state="absent")
    assert refused["failed"] and "protected from deletion; set force" in refused["msg"]
    checked = run(aws_nlb, check=True, name="hub", state="absent", force=True)
    assert checked["changed"] and len(balancers(aws)) == 1
    assert state_of(aws)[0][1] == [
        {"Key": key, "Value": value} for key, value in updated["load_balancer"]["attributes"].items()
    ]
    gone = run(aws_nlb, name="hub", state="absent", force=True)
    assert gone["changed"] and gone["load_balancer"] == {} and balancers(aws) == []
    assert gone["diff"] == checked["diff"] and gone["diff"]["after"] == {}
    again = run(aws_nlb, name="hub", state="absent")
    assert not again["changed"] and again["load_balancer"] == {}
    assert not run(aws_nlb, check=True, name="hub", state="absent")["changed"]


def test_a_changed_target_group_is_repointed_in_place(aws, run, wanted, requests, target_group):
    before = run(aws_nlb, **wanted)["load_balancer"]["listeners"]
    wanted["listeners"][0]["target_group_arn"] = target_group("orders-new", 3307)
    requests.clear()
    after = run(aws_nlb, **wanted)["load_balancer"]["listeners"]
    assert changing(requests) == ["ModifyListener"]
    assert [entry["arn"] for entry in after] == [entry["arn"] for entry in before]
    assert after[0]["target_group_arn"] == wanted["listeners"][0]["target_group_arn"]


def test_what_is_left_out_stays(aws, run, wanted, requests):
    made = run(aws_nlb, **wanted)["load_balancer"]
    requests.clear()
    result = run(aws_nlb, name="hub")
    assert not result["changed"] and changing(requests) == []
    kept = result["load_balancer"]
    # The attributes of listeners are read only where the task names some.
    assert {**kept, "listeners": None} == {**made, "listeners": None, "availability_zones": kept["availability_zones"]}
    assert [entry["arn"] for entry in kept["listeners"]] == [entry["arn"] for entry in made["listeners"]]


def test_listeners_on_other_ports_are_kept_without_purge_and_deleted_with_it(aws, run, wanted):
    run(aws_nlb, **wanted)
    first = wanted["listeners"][:1]
    kept = run(aws_nlb, name="hub", listeners=first, purge_listeners=False)
    assert not kept["changed"] and [entry["port"] for entry in kept["load_balancer"]["listeners"]] == [3306, 5432]
    purged = run(aws_nlb, name="hub", listeners=first)
    assert purged["changed"] and [entry["port"] for entry in purged["load_balancer"]["listeners"]] == [3306]
    emptied = run(aws_nlb, name="hub", listeners=[])
    assert emptied["changed"] and emptied["load_balancer"]["listeners"] == []


def test_tags_are_kept_without_purge(aws, run, wanted):
    run(aws_nlb, **wanted)
    result = run(aws_nlb, name="hub", tags=dict(environment="prod"), purge_tags=False)
    assert result["changed"] and result["load_balancer"]["tags"] == {"environment": "prod", "number": "1"}


def test_what_was_deleted_behind_its_back_is_made_again(aws, run, wanted):
    made = run(aws_nlb, **wanted)["load_balancer"]
    aws.elb.delete_listener(ListenerArn=made["listeners"][0]["arn"])
    mended = run(aws_nlb, **wanted)
    assert mended["changed"] and [entry["port"] for entry in mended["load_balancer"]["listeners"]] == [3306, 5432]
    aws.elb.delete_load_balancer(LoadBalancerArn=made["arn"])
    again = run(aws_nlb, **wanted)
    assert again["changed"] and again["load_balancer"]["arn"] != made["arn"]
    assert len(balancers(aws)) == 1


def test_another_load_balancer_is_not_touched(aws, run, wanted):
    aws.elb.create_load_balancer(Name="theirs", Type="network", Scheme="internal", Subnets=[aws.a, aws.b])
    before = state_of(aws)
    run(aws_nlb, **wanted)
    run(aws_nlb, name="hub", state="absent", force=True)
    assert state_of(aws) == before


def test_an_application_load_balancer_of_that_name_is_refused(aws, run, wanted):
    aws.elb.create_load_balancer(Name="hub", Type="application", Scheme="internal", Subnets=[aws.a, aws.b])
    for parameters in (wanted, dict(name="hub", state="absent", force=True)):
        result = run(aws_nlb, **parameters)
        assert result["failed"] and "of type application; choose another name" in result["msg"]
    assert len(balancers(aws)) == 1


def test_fifty_listeners_cost_one_read_each_at_most(aws, run, wanted, requests):
    group = wanted["listeners"][0]["target_group_arn"]
    wanted["listeners"] = [dict(port=port, target_group_arn=group) for port in range(3000, 3050)]
    run(aws_nlb, **wanted)
    requests.clear()
    assert not run(aws_nlb, **wanted)["changed"]
    assert len(requests) == 5  # the balancer, its attributes, listeners and tags; and the wish that moto never tells
    for listener in wanted["listeners"]:
        listener["attributes"] = {"tcp.idle_timeout.seconds": 350}
    requests.clear()
    assert not run(aws_nlb, **wanted)["changed"]
    assert len(requests) == 55


def test_a_51st_listener_is_refused_before_anything_is_made(aws, run, wanted):
    group = wanted["listeners"][0]["target_group_arn"]
    wanted["listeners"] = [dict(port=port, target_group_arn=group) for port in range(3000, 3051)]
    result = run(aws_nlb, **wanted)
    assert result["failed"] and "'hub' would have 51" in result["msg"] and "at most 50" in result["msg"]
    assert balancers(aws) == []
    wanted["listeners"].pop()
    run(aws_nlb, **wanted)
    result = run(
        aws_nlb, name="hub", listeners=[dict(port=9000, target_group_arn=group)], purge_listeners=False, check=True
    )
    assert result["failed"] and "would have 51" in result["msg"]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (dict(name="x" * 33), "has 33 characters; AWS allows 32"),
        (dict(name="hub_1"), "'hub_1' may hold letters, digits and hyphens"),
        (dict(name="-hub"), "a hyphen is neither first nor last"),
        (dict(name="hub-"), "a hyphen is neither first nor last"),
        (dict(name="internal-hub"), "starts with 'internal-', which AWS reserves"),
        (dict(attributes={"deletion_protection.enabled": None}), "deletion_protection.enabled has no value"),
        (dict(scheme="internet-facing"), "only an internal load balancer has private addresses"),
        (dict(subnet_mappings=[]), "the load balancer 'hub' has to be made, and needs subnets"),
        (dict(subnet_mappings=None), "the load balancer 'hub' has to be made, and needs subnets"),
        (dict(listeners=[dict(port=1), dict(port=1)]), "port 1 occurs more than once"),
        (dict(listeners=[dict(port=70000, target_group_arn="x")]), "port 70000: write one from 1 to 65535"),
        (dict(listeners=[dict(port=80)]), "port 80: target_group_arn is missing"),
        (dict(security_groups=[], enforce_private_link_security_groups=True), "no rules to enforce without"),
        (dict(security_groups=None, enforce_private_link_security_groups=True), "no rules to enforce without"),
    ],
)
def test_bad_parameters_are_refused_before_anything_is_made(aws, run, wanted, change, said):
    for check in (True, False):
        if said.endswith("is missing") and check:
            continue
        result = run(aws_nlb, check=check, **{**wanted, **change})
        assert result["failed"] and said in result["msg"]
    assert balancers(aws) == []


def test_a_name_is_required(aws, run, wanted):
    del wanted["name"]
    result = run(aws_nlb, **wanted)
    assert result["failed"] and "missing required arguments: name" in result["msg"]


def test_all_problems_are_told_at_once(aws, run, wanted):
    wanted["subnet_mappings"] = [dict(subnet_id="subnet-1"), dict(subnet_id="subnet-1", private_ipv4_address="10.40.1")]
    said = run(aws_nlb, **{**wanted, "name": "hub_1"})["msg"]
    assert "'hub_1' may hold" in said and "subnet-1 occurs more than once" in said and "is not an IPv4 address" in said


def test_a_group_that_does_not_exist_yet_is_fine_in_check_mode_only(aws, run, wanted):
    wanted["listeners"][0]["target_group_arn"] = None
    assert run(aws_nlb, check=True, **wanted)["changed"]
    assert run(aws_nlb, **wanted)["failed"]
    assert balancers(aws) == []


@pytest.mark.parametrize(
    ("number", "address", "said"),
    [
        (3, None, "is in eu-central-1a, as {a} is; give one subnet of each availability zone"),
        (2, "10.40.1.100", "10.40.1.100 is not in the subnet's range 10.40.2.0/24"),
        (2, "10.40.2.3", "AWS keeps 10.40.2.3 of 10.40.2.0/24 for itself"),
        (2, "10.40.2.255", "AWS keeps 10.40.2.255 of 10.40.2.0/24 for itself"),
        (0, None, "does not exist in this account and region"),
        (9, None, "the subnets are in several VPCs"),
    ],
)
def test_subnets_that_cannot_be_are_refused_before_anything_is_made(aws, run, wanted, number, address, said):
    other = aws.ec2.create_vpc(CidrBlock="10.41.0.0/16")["Vpc"]["VpcId"]
    subnets = {0: "subnet-0", 2: aws.b, 3: aws.a_too, 9: aws.subnet(1, "b", vpc_id=other, network="10.41")}
    wanted["subnet_mappings"][1] = dict(subnet_id=subnets[number], private_ipv4_address=address)
    for check in (True, False):
        result = run(aws_nlb, check=check, **wanted)
        assert result["failed"] and said.format(a=aws.a) in result["msg"]
    assert balancers(aws) == []


def test_a_subnet_can_be_added_and_none_removed(aws, run, wanted, requests):
    run(aws_nlb, **wanted)
    requests.clear()
    more = [*wanted["subnet_mappings"], dict(subnet_id=aws.subnet(4, "c"))]
    result = run(aws_nlb, **{**wanted, "subnet_mappings": more})
    assert result["changed"] and len(result["load_balancer"]["availability_zones"]) == 3
    assert changing(requests) == ["SetSubnets"]
    fields = dict(requests)["SetSubnets"]
    # AWS wants those that are there repeated, with their addresses.
    assert {"10.40.1.100", "10.40.2.100", *(mapping["subnet_id"] for mapping in more)} <= set(fields.values())

    checked = run(aws_nlb, check=True, **wanted)
    result = run(aws_nlb, **wanted)
    for refused in (checked, result):
        assert refused["failed"] and more[2]["subnet_id"] in refused["msg"] and "not listed" in refused["msg"]
        assert "make a load balancer of another name" in refused["msg"]


def test_the_scheme_cannot_change(aws, run, wanted):
    run(aws_nlb, **wanted)
    for mapping in wanted["subnet_mappings"]:
        del mapping["private_ipv4_address"]
    result = run(aws_nlb, **{**wanted, "scheme": "internet-facing"})
    assert result["failed"] and "'hub' is internal, and internet-facing is wanted" in result["msg"]


def test_one_without_security_groups_never_gets_any(aws, run, wanted, requests):
    without = {**wanted, "security_groups": None}
    assert run(aws_nlb, **without)["load_balancer"]["security_groups"] == []
    assert not run(aws_nlb, **without)["changed"]
    assert "SetSecurityGroups" not in dict(requests)  # nothing is enforced where there are none
    for check in (True, False):
        result = run(aws_nlb, check=check, **wanted)
        assert result["failed"] and "'hub' was made without any, and AWS never adds the first one" in result["msg"]
    result = run(aws_nlb, name="hub", enforce_private_link_security_groups=True)
    assert result["failed"] and "'hub' has no security groups that could be enforced" in result["msg"]


def test_the_last_security_group_stays(aws, run, wanted):
    run(aws_nlb, **wanted)
    result = run(aws_nlb, name="hub", security_groups=[])
    assert result["failed"] and "name at least one" in result["msg"]


def test_without_credentials_it_says_so(run, monkeypatch, clock):
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    result = run(aws_nlb, name="hub", state="absent")
    assert result["failed"] and "load balancer 'hub' in eu-central-1: no credentials were found" in result["msg"]
