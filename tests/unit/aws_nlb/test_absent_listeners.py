# Copyright (c) 2026 The lakehouse.onprem_tunnel authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Single listeners are taken from a load balancer, and never one that leads to somebody else's target group."""

from __future__ import annotations

from types import SimpleNamespace

import boto3
import pytest
from ansible_collections.lakehouse.onprem_tunnel.plugins.modules import aws_nlb

OURS, THEIRS = {3306, 5432}, {443, 6379}


@pytest.fixture
def hub(aws):
    """Somebody else's load balancer, with theirs on 443 (TLS) and 6379 (two groups), and ours on 3306 and 5432."""
    balancer = aws.elb.create_load_balancer(Name="theirs", Type="network", Scheme="internal", Subnets=[aws.a])
    balancer = balancer["LoadBalancers"][0]["LoadBalancerArn"]
    certificate = boto3.client("acm").request_certificate(DomainName="theirs.corp.example")["CertificateArn"]

    def group(name):
        made = aws.elb.create_target_group(Name=name, Port=3306, Protocol="TCP", VpcId=aws.vpc, TargetType="ip")
        return made["TargetGroups"][0]["TargetGroupArn"]

    groups = {name: group(name) for name in ("orders", "crm", "web", "cache")}
    shared = [{"TargetGroupArn": groups[name], "Weight": 1} for name in ("cache", "crm")]
    encrypted = {"Protocol": "TLS", "Certificates": [{"CertificateArn": certificate}]}
    for port, action, options in (
        (443, {"TargetGroupArn": groups["web"]}, encrypted),
        (6379, {"ForwardConfig": {"TargetGroups": shared}}, {}),
        (3306, {"TargetGroupArn": groups["orders"]}, {}),
        (5432, {"TargetGroupArn": groups["crm"]}, {}),
    ):
        actions = [{"Type": "forward", **action}]
        aws.elb.create_listener(
            LoadBalancerArn=balancer, Port=port, DefaultActions=actions, **{"Protocol": "TCP", **options}
        )

    def listeners():
        found = aws.elb.describe_listeners(LoadBalancerArn=balancer)["Listeners"]
        return {entry["Port"]: entry for entry in found}

    return SimpleNamespace(groups=groups, listeners=listeners)


def gone(port, **options):
    return dict(port=port, state="absent", **options)


def changing(requests):
    return [name for name, _fields in requests if not name.startswith("Describe")]


def test_it_is_deleted_once_and_no_other_is_touched(run, hub, requests):
    before = hub.listeners()
    wanted = dict(
        name="theirs",
        purge_listeners=False,
        listeners=[
            dict(port=3306, target_group_arn=hub.groups["orders"]),
            gone(5432, target_group_arn=hub.groups["crm"]),
            gone(1433, target_group_arn=hub.groups["crm"]),
        ],
    )
    checked = run(aws_nlb, check=True, **wanted)
    assert checked["changed"] and changing(requests) == [] and hub.listeners() == before
    ports = {when: [entry["port"] for entry in checked["diff"][when]["listeners"]] for when in ("before", "after")}
    assert ports == {"before": [443, 3306, 5432, 6379], "after": [443, 3306, 6379]}

    result = run(aws_nlb, **wanted)
    assert result["changed"] and changing(requests) == ["DeleteListener"]
    assert result["diff"] == checked["diff"] and result["load_balancer"] == checked["load_balancer"]
    assert hub.listeners() == {port: entry for port, entry in before.items() if port != 5432}
    for check in (True, False):
        assert not run(aws_nlb, check=check, **wanted)["changed"]


@pytest.mark.parametrize("port", sorted(THEIRS | {3306}))
@pytest.mark.parametrize("purge", [True, False])
@pytest.mark.parametrize("check", [True, False], ids=["check", "run"])
def test_one_that_leads_elsewhere_is_somebody_elses(run, hub, requests, port, purge, check):
    before = hub.listeners()
    mixed = [gone(5432, target_group_arn=hub.groups["crm"]), gone(port, target_group_arn=hub.groups["crm"])]
    result = run(aws_nlb, check=check, name="theirs", purge_listeners=purge, listeners=mixed)
    leads = {443: hub.groups["web"], 6379: "several target groups, or none", 3306: hub.groups["orders"]}[port]
    arn = before[port]["ListenerArn"]
    assert result["failed"] and result["msg"].startswith(f"listeners: port {port}: {arn} leads to {leads}, not to ")
    assert "is somebody else's; leave the port out" in result["msg"]
    assert changing(requests) == [] and hub.listeners() == before


def test_without_a_target_group_it_is_deleted_wherever_it_leads(run, hub):
    before = hub.listeners()
    result = run(aws_nlb, name="theirs", purge_listeners=False, listeners=[gone(port) for port in THEIRS])
    assert result["changed"] and hub.listeners() == {port: before[port] for port in OURS}


def test_on_a_load_balancer_to_be_made_there_is_nothing_to_delete(aws, run, hub, requests):
    result = run(aws_nlb, name="new", subnet_mappings=[dict(subnet_id=aws.b)], listeners=[gone(3306)])
    assert result["changed"] and result["load_balancer"]["listeners"] == []
    assert changing(requests) == ["CreateLoadBalancer"]


def test_at_the_quota_one_makes_room_for_another(aws, run, hub):
    crm = hub.groups["crm"]
    full = [dict(port=port, target_group_arn=crm) for port in range(4000, 4046)]
    assert len(run(aws_nlb, name="theirs", purge_listeners=False, listeners=full)["load_balancer"]["listeners"]) == 50
    swapped = [gone(4000, target_group_arn=crm), dict(port=5000, target_group_arn=crm)]
    result = run(aws_nlb, name="theirs", purge_listeners=False, listeners=swapped)
    assert result["changed"] and {4000, 5000} & set(hub.listeners()) == {5000}


@pytest.mark.parametrize(
    ("listeners", "said"),
    [
        ([gone(3306, attributes={"tcp.idle_timeout.seconds": 350})], "port 3306: it has attributes, and state absent"),
        ([gone(3306), dict(port=3306, target_group_arn="x")], "port 3306 occurs more than once"),
        ([gone(0)], "port 0: write one from 1 to 65535"),
    ],
)
def test_what_makes_no_sense_is_refused(run, requests, listeners, said):
    result = run(aws_nlb, name="theirs", listeners=listeners)
    assert result["failed"] and said in result["msg"] and requests == []
