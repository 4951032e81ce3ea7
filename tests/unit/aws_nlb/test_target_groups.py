# Copyright (c) 2026 The lakehouse.onprem_tunnel authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The module aws_nlb_target_groups: the life of target groups in moto, and its requests where moto is unlike AWS."""

from __future__ import annotations

import pytest
from ansible_collections.lakehouse.onprem_tunnel.plugins.modules import aws_nlb_target_groups

READING = "Describe"
DRAINING = {
    "target_health_state.unhealthy.connection_termination.enabled": False,
    "target_health_state.unhealthy.draining_interval_seconds": 3600,
    "preserve_client_ip.enabled": False,
}


def arn(name):
    return f"arn:aws:elasticloadbalancing:eu-central-1:123456789012:targetgroup/{name}/0123456789abcdef"


def group(name="orders", port=3306, **fields):
    check = dict(port=8405, path=f"/healthz/{name}")
    return dict(name=name, port=port, health_check=check, attributes=DRAINING, **fields)


@pytest.fixture
def wanted(aws):
    return dict(
        vpc_id=aws.vpc,
        target_groups=[group("orders"), group("crm", 5432, tags=dict(resource="crm"))],
        tags=dict(environment="test", resource="all"),
    )


def changing(requests):
    return [name for name, _fields in requests if not name.startswith(READING)]


def found(aws):
    return {entry["TargetGroupName"]: entry for entry in aws.elb.describe_target_groups()["TargetGroups"]}


def tags_of(aws, name):
    answer = aws.elb.describe_tags(ResourceArns=[found(aws)[name]["TargetGroupArn"]])
    return {tag["Key"]: tag["Value"] for tag in answer["TagDescriptions"][0].get("Tags", [])}


def attributes_of(aws, name):
    answer = aws.elb.describe_target_group_attributes(TargetGroupArn=found(aws)[name]["TargetGroupArn"])
    return {entry["Key"]: entry["Value"] for entry in answer["Attributes"]}


@pytest.fixture
def listen(aws):
    """Return a function that makes a load balancer with a listener that leads to a target group."""

    def make(target_group_arn, name="theirs"):
        balancer = aws.elb.create_load_balancer(Name=name, Type="network", Scheme="internal", Subnets=[aws.a, aws.b])
        balancer_arn = balancer["LoadBalancers"][0]["LoadBalancerArn"]
        forward = [{"Type": "forward", "TargetGroupArn": target_group_arn}]
        listener = aws.elb.create_listener(LoadBalancerArn=balancer_arn, Port=1, Protocol="TCP", DefaultActions=forward)
        return balancer_arn, listener["Listeners"][0]["ListenerArn"]

    return make


def test_the_life_of_target_groups(aws, run, wanted, requests):
    checked = run(aws_nlb_target_groups, check=True, **wanted)
    assert checked["changed"] and changing(requests) == [] and found(aws) == {}
    assert [entry["arn"] for entry in checked["target_groups"]] == [None, None]

    made = run(aws_nlb_target_groups, **wanted)
    assert made["changed"] and made["diff"] == checked["diff"]
    assert [entry["name"] for entry in made["target_groups"]] == ["orders", "crm"]
    orders = made["target_groups"][0]
    assert orders["arn"] == found(aws)["orders"]["TargetGroupArn"]
    assert (orders["port"], orders["protocol"], orders["vpc_id"], orders["target_type"]) == (3306, "TCP", aws.vpc, "ip")
    assert orders["health_check"] == dict(
        protocol="HTTP",
        port="8405",
        path="/healthz/orders",
        interval=5,
        timeout=2,
        healthy_threshold=2,
        unhealthy_threshold=2,
        matcher="200",
    )
    for name in ("orders", "crm"):
        actual = attributes_of(aws, name)
        assert actual["target_health_state.unhealthy.connection_termination.enabled"] == "false"
        assert actual["target_health_state.unhealthy.draining_interval_seconds"] == "3600"
    assert tags_of(aws, "orders") == {"environment": "test", "resource": "all"}
    assert tags_of(aws, "crm") == {"environment": "test", "resource": "crm"}

    requests.clear()
    again = run(aws_nlb_target_groups, **wanted)
    assert not again["changed"] and again["target_groups"] == made["target_groups"] and changing(requests) == []
    assert again["diff"]["before"] == again["diff"]["after"]

    wanted["target_groups"][0]["health_check"]["interval"] = 10
    wanted["target_groups"][0]["attributes"] = {"deregistration_delay.timeout_seconds": 60}
    wanted["tags"] = dict(environment="prod")
    wanted["target_groups"].append(group("erp", 1433))
    requests.clear()
    checked = run(aws_nlb_target_groups, check=True, **wanted)
    assert checked["changed"] and changing(requests) == [] and set(found(aws)) == {"orders", "crm"}

    updated = run(aws_nlb_target_groups, **wanted)
    assert updated["changed"] and updated["diff"] == checked["diff"]
    sent = [fields for name, fields in requests if name == "ModifyTargetGroup"]
    assert [entry["HealthCheckIntervalSeconds"] for entry in sent] == [10] and "HealthCheckPath" not in sent[0]
    assert found(aws)["orders"]["HealthCheckIntervalSeconds"] == 10
    assert attributes_of(aws, "orders")["deregistration_delay.timeout_seconds"] == "60"
    assert attributes_of(aws, "orders")["preserve_client_ip.enabled"] == "false"
    assert tags_of(aws, "orders") == {"environment": "prod"}
    assert tags_of(aws, "crm") == {"environment": "prod", "resource": "crm"}
    requests.clear()
    assert not run(aws_nlb_target_groups, **wanted)["changed"] and changing(requests) == []

    gone = dict(target_groups=[dict(name="orders"), dict(name="erp"), dict(name="never")], state="absent")
    checked = run(aws_nlb_target_groups, check=True, **gone)
    assert checked["changed"] and len(found(aws)) == 3
    deleted = run(aws_nlb_target_groups, **gone)
    assert deleted["changed"] and deleted["target_groups"] == [] and deleted["purged"] == []
    assert deleted["diff"] == checked["diff"] and set(deleted["diff"]["before"]) == {"orders", "erp"}
    assert set(found(aws)) == {"crm"}
    assert not run(aws_nlb_target_groups, **gone)["changed"]
    assert not run(aws_nlb_target_groups, check=True, **gone)["changed"]


def test_purging_deletes_those_with_all_the_tags_and_no_others(aws, run, wanted, requests, clock):
    run(aws_nlb_target_groups, **wanted)
    foreign = dict(vpc_id=aws.vpc, target_groups=[group("theirs")], tags=dict(environment="test", resource="other"))
    run(aws_nlb_target_groups, **foreign)
    run(aws_nlb_target_groups, vpc_id=aws.vpc, target_groups=[group("untagged")])
    wanted["target_groups"] = wanted["target_groups"][1:]
    wanted["purge_tagged"] = dict(environment="test", resource="all")
    requests.clear()
    checked = run(aws_nlb_target_groups, check=True, **wanted)
    assert checked["purged"] == ["orders"] and changing(requests) == []
    purged = run(aws_nlb_target_groups, **wanted)
    assert purged["changed"] and purged["purged"] == ["orders"] and purged["diff"] == checked["diff"]
    assert set(found(aws)) == {"crm", "theirs", "untagged"}
    again = run(aws_nlb_target_groups, **wanted)
    assert not again["changed"] and again["purged"] == []


def test_one_in_use_is_not_purged_and_nothing_changes(aws, run, wanted, requests, listen, monkeypatch, clock):
    orders = run(aws_nlb_target_groups, **wanted)["target_groups"][0]
    balancer, _listener = listen(orders["arn"])
    wanted["target_groups"] = [group("erp", 1433)]
    wanted["purge_tagged"] = dict(environment="test")
    requests.clear()
    refused = run(aws_nlb_target_groups, **wanted)
    assert refused["failed"] and "target group 'orders' is to be deleted" in refused["msg"]
    assert balancer in refused["msg"] and changing(requests) == [] and set(found(aws)) == {"orders", "crm"}

    told = []  # a process that has run a part of the controller shows them instead of returning them
    monkeypatch.setattr(aws_nlb_target_groups, "warn", told.append)
    checked = run(aws_nlb_target_groups, check=True, **wanted)
    assert checked["purged"] == ["crm", "orders"]
    assert "fails unless an earlier task releases it" in told[0]
    assert "deprecations" not in checked

    refused = run(aws_nlb_target_groups, target_groups=[dict(name="orders"), dict(name="crm")], state="absent")
    assert refused["failed"] and balancer in refused["msg"] and set(found(aws)) == {"orders", "crm"}


@pytest.mark.parametrize("released", ["repointed", "listener deleted", "load balancer deleted"])
def test_one_that_was_released_is_purged(aws, run, wanted, listen, clock, released):
    # moto never takes a load balancer off a group's list again; AWS does so with a delay.
    orders, crm = run(aws_nlb_target_groups, **wanted)["target_groups"]
    balancer, listener = listen(orders["arn"])
    if released == "repointed":
        forward = [{"Type": "forward", "TargetGroupArn": crm["arn"]}]
        aws.elb.modify_listener(ListenerArn=listener, DefaultActions=forward)
    elif released == "listener deleted":
        aws.elb.delete_listener(ListenerArn=listener)
    else:
        aws.elb.delete_load_balancer(LoadBalancerArn=balancer)
    assert found(aws)["orders"]["LoadBalancerArns"] == [balancer]
    wanted["target_groups"] = wanted["target_groups"][1:]
    assert run(aws_nlb_target_groups, **wanted, purge_tagged=dict(environment="test"))["purged"] == ["orders"]


def test_purging_all_with_an_empty_list(aws, run, wanted):
    run(aws_nlb_target_groups, **wanted)
    result = run(aws_nlb_target_groups, target_groups=[], purge_tagged=dict(environment="test"))
    assert result["changed"] and result["purged"] == ["crm", "orders"] and found(aws) == {}


def test_what_is_left_out_stays(aws, run, wanted, requests):
    run(aws_nlb_target_groups, **wanted)
    requests.clear()
    bare = run(aws_nlb_target_groups, target_groups=[dict(name="orders", port=3306)])
    assert not bare["changed"] and changing(requests) == []
    assert bare["target_groups"][0]["health_check"]["path"] == "/healthz/orders"
    assert "DescribeTargetGroupAttributes" not in dict(requests)


def test_tags_are_kept_without_purge(aws, run, wanted):
    run(aws_nlb_target_groups, **wanted)
    run(aws_nlb_target_groups, target_groups=[group()], tags=dict(environment="prod"), purge_tags=False)
    assert tags_of(aws, "orders") == {"environment": "prod", "resource": "all"}


def test_what_was_deleted_behind_its_back_is_made_again(aws, run, wanted):
    made = run(aws_nlb_target_groups, **wanted)["target_groups"]
    aws.elb.delete_target_group(TargetGroupArn=made[0]["arn"])
    again = run(aws_nlb_target_groups, **wanted)
    assert again["changed"] and again["target_groups"][0]["arn"] != made[0]["arn"]
    assert again["target_groups"][1] == made[1]


def test_what_cannot_change_is_refused_all_at_once_before_anything_changes(aws, run, wanted, requests):
    run(aws_nlb_target_groups, **wanted)
    requests.clear()
    changed = dict(
        vpc_id="vpc-other",
        target_type="instance",
        target_groups=[group("erp", 1433), group("orders", 3307), group("crm", 5432, protocol="TCP_UDP")],
    )
    for check in (True, False):
        said = run(aws_nlb_target_groups, check=check, **changed)["msg"]
        assert "'orders' has port 3306, and 3307 is wanted; that cannot be changed, so give the new one another" in said
        assert "'crm' has protocol TCP, and TCP_UDP is wanted" in said
        assert f"'orders' has vpc_id {aws.vpc}, and vpc-other is wanted" in said
        assert "'crm' has target_type ip, and instance is wanted" in said
    assert changing(requests) == []


def test_a_tcp_check_has_neither_path_nor_codes(aws, run, wanted, requests):
    wanted["target_groups"] = [dict(name="orders", port=3306, health_check=dict(protocol="TCP"))]
    run(aws_nlb_target_groups, **wanted)
    sent = dict(requests)["CreateTargetGroup"]
    assert sent["HealthCheckPort"] == "traffic-port" and sent["HealthCheckProtocol"] == "TCP"
    assert "HealthCheckPath" not in sent and "Matcher.HttpCode" not in sent
    assert not run(aws_nlb_target_groups, **wanted)["changed"]


def test_fifty_groups_cost_one_read_each_at_most(aws, run, wanted, requests):
    wanted["target_groups"] = [group(f"r{port}", port) for port in range(3000, 3050)]
    run(aws_nlb_target_groups, **wanted)
    requests.clear()
    assert not run(aws_nlb_target_groups, **wanted)["changed"]
    assert len(requests) == 1 + 3 + 50  # the list, the tags of 20 groups a call, the attributes
    arns = [len(fields) - len(("Action", "Version")) for name, fields in requests if name == "DescribeTags"]
    assert arns == [20, 20, 10]  # AWS refuses more; moto does not
    for entry in wanted["target_groups"]:
        del entry["attributes"]
    requests.clear()
    run(aws_nlb_target_groups, **wanted)
    assert len(requests) == 4


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (dict(target_groups=[dict(name="x" * 33, port=1)]), "has 33 characters; AWS allows 32"),
        (dict(target_groups=[dict(name="a_b", port=1)]), "'a_b' may hold letters, digits and hyphens"),
        (dict(target_groups=[dict(name="a-", port=1)]), "a hyphen is neither first nor last"),
        (dict(target_groups=[dict(name="a", port=1), dict(name="a", port=2)]), "'a' occurs more than once"),
        (dict(target_groups=[dict(name="a")]), "'a': port is missing"),
        (dict(target_groups=[dict(name="a", port=0)]), "port is 0; write one from 1 to 65535"),
        (dict(target_groups=[dict(name="a", port=1)], vpc_id=None), "'a' has to be made, and needs a VPC"),
        (dict(target_groups=[dict(name="a", port=1, attributes=dict(x=None))]), "attributes: x has no value"),
        (dict(health_check=dict(interval=4)), "interval is 4; AWS allows 5 to 300"),
        (dict(health_check=dict(timeout=1)), "timeout is 1; AWS allows 2 to 120"),
        (dict(health_check=dict(timeout=6)), "timeout 6 is longer than interval 5"),
        (dict(health_check=dict(healthy_threshold=11)), "healthy_threshold is 11; AWS allows 2 to 10"),
        (dict(health_check=dict(port=70000)), "health_check: port is 70000"),
        (dict(health_check=dict(path="healthz")), "path 'healthz' does not start with a slash"),
        (dict(health_check=dict(protocol="TCP", path="/")), "a check of protocol TCP has no path"),
        (dict(purge_tagged={}), "would mean every target group; name at least one tag"),
        (dict(purge_tagged=dict(environment=None)), "the tag environment has no value"),
    ],
)
def test_bad_parameters_are_refused_before_anything_is_made(aws, run, wanted, change, said):
    if "health_check" in change:
        change = dict(target_groups=[dict(name="a", port=1, **change)])
    for check in (True, False):
        result = run(aws_nlb_target_groups, check=check, **{**wanted, **change})
        assert result["failed"] and said in result["msg"]
    assert found(aws) == {}


def test_the_list_is_required(aws, run):
    assert "missing required arguments: target_groups" in run(aws_nlb_target_groups, vpc_id=aws.vpc)["msg"]


# Requests and answers of AWS that moto does not know.


def described(name="orders", **changes):
    return {
        "TargetGroupArn": arn(name),
        "TargetGroupName": name,
        "Protocol": "TCP",
        "Port": 3306,
        "VpcId": "vpc-1",
        "TargetType": "ip",
        "HealthCheckProtocol": "HTTP",
        "HealthCheckPort": "8405",
        "HealthCheckPath": "/healthz",
        "HealthCheckIntervalSeconds": 5,
        "HealthCheckTimeoutSeconds": 2,
        "HealthyThresholdCount": 2,
        "UnhealthyThresholdCount": 2,
        "Matcher": {"HttpCode": "200"},
        **changes,
    }


def answer_read(stubs, *groups, tags=None):
    stubs.elbv2.add_response("describe_target_groups", {"TargetGroups": list(groups)}, {})
    arns = [entry["TargetGroupArn"] for entry in groups]
    with_tags = [{"ResourceArn": name, "Tags": [{"Key": k, "Value": v}]} for name, (k, v) in (tags or {}).items()]
    stubs.elbv2.add_response("describe_tags", {"TagDescriptions": with_tags}, {"ResourceArns": arns})


WANTED = dict(target_groups=[dict(name="orders", port=3306)])
CHECK = dict(port=8405, path="/healthz")


def test_creation_asks_for_all_that_is_wanted(stubs, run):
    stubs.elbv2.add_response("describe_target_groups", {"TargetGroups": []}, {})
    stubs.elbv2.add_response(
        "create_target_group",
        {"TargetGroups": [described()]},
        {
            "Name": "orders",
            "Port": 3306,
            "Protocol": "TCP",
            "VpcId": "vpc-1",
            "TargetType": "ip",
            "HealthCheckProtocol": "HTTP",
            "HealthCheckPort": "8405",
            "HealthCheckPath": "/healthz",
            "HealthCheckIntervalSeconds": 5,
            "HealthCheckTimeoutSeconds": 2,
            "HealthyThresholdCount": 2,
            "UnhealthyThresholdCount": 2,
            "Matcher": {"HttpCode": "200"},
            "Tags": [{"Key": "environment", "Value": "test"}],
        },
    )
    answer_read(stubs, described())
    wanted = dict(target_groups=[dict(name="orders", port=3306, health_check=CHECK)], tags=dict(environment="test"))
    assert run(aws_nlb_target_groups, vpc_id="vpc-1", **wanted)["changed"]


def test_the_codes_of_a_check_can_change(stubs, run):
    answer_read(stubs, described())
    stubs.elbv2.add_response(
        "modify_target_group",
        {"TargetGroups": []},
        {"TargetGroupArn": arn("orders"), "Matcher": {"HttpCode": "200-399"}},
    )
    answer_read(stubs, described(Matcher={"HttpCode": "200-399"}))
    check = dict(CHECK, matcher="200-399")
    result = run(aws_nlb_target_groups, target_groups=[dict(name="orders", port=3306, health_check=check)])
    assert result["changed"] and result["target_groups"][0]["health_check"]["matcher"] == "200-399"


def test_groups_are_read_from_all_pages(stubs, run):
    first, second = described("crm", Port=5432), described()
    stubs.elbv2.add_response("describe_target_groups", {"TargetGroups": [first], "NextMarker": "more"}, {})
    stubs.elbv2.add_response("describe_target_groups", {"TargetGroups": [second]}, {"Marker": "more"})
    stubs.elbv2.add_response("describe_tags", {"TagDescriptions": []}, {"ResourceArns": [arn("orders")]})
    result = run(aws_nlb_target_groups, **WANTED)
    assert not result["changed"] and result["target_groups"][0]["arn"] == arn("orders")


def test_tags_of_aws_itself_are_not_purged(stubs, run):
    answer_read(stubs, described(), tags={arn("orders"): ("aws:cloudformation:stack-name", "hub")})
    result = run(aws_nlb_target_groups, **WANTED, tags={})
    assert not result["changed"]
    assert result["target_groups"][0]["tags"] == {"aws:cloudformation:stack-name": "hub"}


def test_throttling_is_retried(stubs, run, clock):
    stubs.elbv2.add_client_error("describe_target_groups", "Throttling")
    answer_read(stubs, described())
    assert not run(aws_nlb_target_groups, **WANTED)["changed"] and len(clock.slept) == 1


def test_a_missing_permission_is_named(stubs, run):
    stubs.elbv2.add_response("describe_target_groups", {"TargetGroups": []}, {})
    stubs.elbv2.add_client_error("create_target_group", "AccessDenied")
    said = run(aws_nlb_target_groups, vpc_id="vpc-1", **WANTED)["msg"]
    assert said.startswith("target group 'orders' in eu-central-1: the credentials may not call ")
    assert "elasticloadbalancing:CreateTargetGroup" in said


def test_a_missing_permission_to_look_is_named(stubs, run):
    stubs.elbv2.add_client_error("describe_target_groups", "AccessDenied")
    said = run(aws_nlb_target_groups, check=True, **WANTED)["msg"]
    assert said.startswith("target groups in eu-central-1: the credentials may not call ")
    assert "elasticloadbalancing:DescribeTargetGroups" in said


def test_two_of_one_name_are_refused_with_both_arns(stubs, run):
    double = described(TargetGroupArn=arn("orders") + "2")
    stubs.elbv2.add_response("describe_target_groups", {"TargetGroups": [described(), double]}, {})
    said = run(aws_nlb_target_groups, **WANTED, state="absent")["msg"]
    assert f"{arn('orders')}, {arn('orders')}2" in said


def test_a_group_that_somebody_deletes_meanwhile_does_not_disturb_the_others(stubs, run):
    stubs.elbv2.add_response("describe_target_groups", {"TargetGroups": [described("gone"), described()]}, {})
    stubs.elbv2.add_client_error("describe_tags", "TargetGroupNotFound")
    stubs.elbv2.add_client_error(
        "describe_tags", "TargetGroupNotFound", expected_params={"ResourceArns": [arn("gone")]}
    )
    tags = [{"ResourceArn": arn("orders"), "Tags": [{"Key": "environment", "Value": "test"}]}]
    stubs.elbv2.add_response("describe_tags", {"TagDescriptions": tags}, {"ResourceArns": [arn("orders")]})
    result = run(aws_nlb_target_groups, **WANTED, purge_tagged=dict(environment="test"))
    assert not result["changed"] and result["target_groups"][0]["tags"] == {"environment": "test"}


def test_a_group_that_goes_away_before_its_attributes_are_read_is_made_again(stubs, run):
    answer_read(stubs, described())
    stubs.elbv2.add_client_error("describe_target_group_attributes", "TargetGroupNotFound")
    wanted = [dict(name="orders", port=3306, attributes=DRAINING)]
    result = run(aws_nlb_target_groups, check=True, target_groups=wanted, vpc_id="vpc-1")
    assert result["changed"] and result["target_groups"][0]["arn"] is None and result["diff"]["before"] == {}


def test_a_group_that_was_just_released_is_tried_again(stubs, run, clock):
    answer_read(stubs, described())
    stubs.elbv2.add_client_error("delete_target_group", "ResourceInUse")
    stubs.elbv2.add_response("delete_target_group", {}, {"TargetGroupArn": arn("orders")})
    stubs.elbv2.add_response("describe_target_groups", {"TargetGroups": []}, {})
    assert run(aws_nlb_target_groups, **WANTED, state="absent")["changed"] and len(clock.slept) == 1


def test_a_new_group_that_aws_lists_late_is_waited_for(stubs, run, clock):
    stubs.elbv2.add_response("describe_target_groups", {"TargetGroups": []}, {})
    stubs.elbv2.add_response("create_target_group", {"TargetGroups": [described()]})
    stubs.elbv2.add_client_error("modify_target_group_attributes", "TargetGroupNotFound")
    attributes = [{"Key": "preserve_client_ip.enabled", "Value": "false"}]
    sent = {"TargetGroupArn": arn("orders"), "Attributes": attributes}
    stubs.elbv2.add_response("modify_target_group_attributes", {"Attributes": attributes}, sent)
    stubs.elbv2.add_response("describe_target_groups", {"TargetGroups": []}, {})
    answer_read(stubs, described())
    stubs.elbv2.add_response("describe_target_group_attributes", {"Attributes": attributes})
    wanted = [dict(name="orders", port=3306, attributes={"preserve_client_ip.enabled": False})]
    result = run(aws_nlb_target_groups, target_groups=wanted, vpc_id="vpc-1")
    assert result["target_groups"][0]["arn"] == arn("orders") and len(clock.slept) == 2


def test_a_group_that_somebody_deletes_meanwhile_is_told(stubs, run, clock):
    stubs.elbv2.add_response("describe_target_groups", {"TargetGroups": []}, {})
    stubs.elbv2.add_response("create_target_group", {"TargetGroups": [described()]})
    for _ in range(13):
        stubs.elbv2.add_response("describe_target_groups", {"TargetGroups": []}, {})
    said = run(aws_nlb_target_groups, **WANTED, vpc_id="vpc-1")["msg"]
    assert "AWS does not list orders" in said and "Run this again" in said


def test_a_check_becomes_one_of_tcp(stubs, run):
    answer_read(stubs, described())
    sent = {"TargetGroupArn": arn("orders"), "HealthCheckProtocol": "TCP", "HealthCheckPort": "traffic-port"}
    stubs.elbv2.add_response("modify_target_group", {"TargetGroups": []}, sent)
    tcp = {key: value for key, value in described().items() if key not in ("HealthCheckPath", "Matcher")}
    answer_read(stubs, {**tcp, "HealthCheckProtocol": "TCP", "HealthCheckPort": "traffic-port"})
    wanted = dict(target_groups=[dict(name="orders", port=3306, health_check=dict(protocol="TCP"))])
    result = run(aws_nlb_target_groups, **wanted)
    assert result["changed"] and result["diff"]["after"]["orders"] == result["target_groups"][0]


def test_a_group_that_stays_in_use_says_what_to_do(stubs, run, clock):
    answer_read(stubs, described())
    for _ in range(10):
        stubs.elbv2.add_client_error("delete_target_group", "ResourceInUse")
    said = run(aws_nlb_target_groups, **WANTED, state="absent")["msg"]
    assert "target group 'orders' in eu-central-1: a load balancer still uses it; repoint or delete" in said


def test_a_group_that_is_gone_before_it_is_deleted_is_fine(stubs, run):
    answer_read(stubs, described())
    stubs.elbv2.add_client_error("delete_target_group", "TargetGroupNotFound")
    stubs.elbv2.add_response("describe_target_groups", {"TargetGroups": []}, {})
    assert run(aws_nlb_target_groups, **WANTED, state="absent")["changed"]


@pytest.mark.parametrize(
    "forward",
    [
        {"TargetGroupArn": arn("old")},
        {"ForwardConfig": {"TargetGroups": [{"TargetGroupArn": arn("new")}, {"TargetGroupArn": arn("old")}]}},
    ],
)
def test_a_use_is_seen_in_every_kind_of_listener(stubs, run, forward):
    balancer = "arn:aws:elasticloadbalancing:eu-central-1:123456789012:loadbalancer/net/hub/1"
    old = described("old", LoadBalancerArns=[balancer])
    answer_read(stubs, old, tags={arn("old"): ("environment", "test")})
    listener = {"ListenerArn": "l", "Port": 1, "DefaultActions": [{"Type": "forward", **forward}]}
    stubs.elbv2.add_response("describe_listeners", {"Listeners": [listener]}, {"LoadBalancerArn": balancer})
    said = run(aws_nlb_target_groups, target_groups=[], purge_tagged=dict(environment="test"))["msg"]
    assert f"target group 'old' is to be deleted, and {balancer} still uses it" in said


def test_the_group_of_an_application_load_balancer_is_taken_as_used(stubs, run):
    # The rules of its listeners may lead there too, and are not looked at.
    balancer = "arn:aws:elasticloadbalancing:eu-central-1:123456789012:loadbalancer/app/web/1"
    web = described("web", Protocol="HTTP", LoadBalancerArns=[balancer])
    answer_read(stubs, web, tags={arn("web"): ("environment", "test")})
    result = run(aws_nlb_target_groups, target_groups=[], purge_tagged=dict(environment="test"))
    assert result["failed"] and f"target group 'web' is to be deleted, and {balancer} still uses it" in result["msg"]
