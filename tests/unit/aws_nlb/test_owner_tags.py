# Copyright (c) 2026 The lakehouse.onprem_tunnel authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What has the name and not the owner's tags is somebody else's, and stays as it is."""

from __future__ import annotations

import pytest
from ansible_collections.lakehouse.onprem_tunnel.plugins.modules import aws_nlb, aws_nlb_target_groups

OWNER = {"Hub": "prod", "number": 1, "protected": True}


@pytest.mark.parametrize("state", ["present", "absent"])
@pytest.mark.parametrize("check", [True, False], ids=["check", "run"])
@pytest.mark.parametrize("tags", [{}, {"Hub": "test", "number": "1"}, {"Hub": "prod"}], ids=["none", "others", "some"])
def test_what_belongs_to_somebody_else_is_refused(aws, run, requests, state, check, tags):
    pairs = [{"Key": key, "Value": value} for key, value in {"x": "y", **tags}.items()]
    aws.elb.create_load_balancer(Name="hub", Type="network", Scheme="internal", Subnets=[aws.a], Tags=pairs)
    aws.elb.create_target_group(Name="orders", Port=3306, Protocol="TCP", VpcId=aws.vpc, TargetType="ip", Tags=pairs)
    balancer = dict(name="hub", subnet_mappings=[dict(subnet_id=aws.a)], tags=OWNER)
    groups = dict(target_groups=[dict(name="orders", port=3306)], vpc_id=aws.vpc, tags=OWNER)
    for module, parameters in ((aws_nlb, balancer), (aws_nlb_target_groups, groups)):
        failed = run(module, check=check, state=state, owner_tags=OWNER, **parameters)
        assert failed["failed"] and "is somebody else's; choose another name" in failed["msg"]
        lacking = [f"{key}={value}" for key, value in OWNER.items() if tags.get(key) != str(value)]
        assert f"has no tag {', '.join(lacking)}, and so" in failed["msg"]
    assert not [name for name, _ in requests if not name.startswith("Describe")]


def test_what_carries_the_tags_is_managed(aws, run):
    groups = dict(target_groups=[dict(name="orders", port=3306)], vpc_id=aws.vpc, tags=OWNER, owner_tags=OWNER)
    balancer = dict(name="hub", subnet_mappings=[dict(subnet_id=aws.a)], tags=OWNER, owner_tags=OWNER)
    for module, parameters in ((aws_nlb, balancer), (aws_nlb_target_groups, groups)):
        assert run(module, **parameters)["changed"]
        assert not run(module, **parameters)["changed"]
        bare = {key: value for key, value in parameters.items() if key != "tags"}
        assert not run(module, **bare)["changed"]
        assert run(module, state="absent", **bare)["changed"]


def test_groups_of_others_do_not_disturb_a_purge(aws, run):
    others = dict(target_groups=[dict(name="theirs", port=3306)], vpc_id=aws.vpc, tags={"Hub": "test"})
    run(aws_nlb_target_groups, **others)
    own = dict(vpc_id=aws.vpc, tags=OWNER, owner_tags=OWNER)
    run(aws_nlb_target_groups, target_groups=[dict(name="orders", port=3306)], **own)
    result = run(aws_nlb_target_groups, target_groups=[dict(name="crm", port=3306)], purge_tagged=OWNER, **own)
    assert result["changed"] and result["purged"] == ["orders"]
    assert {entry["TargetGroupName"] for entry in aws.elb.describe_target_groups()["TargetGroups"]} == {"crm", "theirs"}


@pytest.mark.parametrize("tags", [None, {}, {"Hub": "prod", "number": 1}], ids=["not given", "none", "some"])
def test_what_the_next_run_would_refuse_is_not_made(aws, run, requests, tags):
    balancer = dict(name="hub", subnet_mappings=[dict(subnet_id=aws.a)])
    groups = dict(target_groups=[dict(name="orders", port=3306)], vpc_id=aws.vpc)
    for module, parameters in ((aws_nlb, balancer), (aws_nlb_target_groups, groups)):
        failed = run(module, tags=tags, owner_tags=OWNER, **parameters)
        assert failed["failed"] and "protected=True of owner_tags; add that to tags" in failed["msg"]
    assert not [name for name, _ in requests if not name.startswith("Describe")]


def test_its_mark_is_not_purged(aws, run, requests):
    groups = dict(target_groups=[dict(name="orders", port=3306)], vpc_id=aws.vpc)
    balancer = dict(name="hub", subnet_mappings=[dict(subnet_id=aws.a)])
    for module, parameters in ((aws_nlb, balancer), (aws_nlb_target_groups, groups)):
        run(module, tags=OWNER, owner_tags=OWNER, **parameters)
        requests.clear()
        failed = run(module, tags={"other": "x"}, owner_tags=OWNER, **parameters)
        assert failed["failed"] and "would be without Hub=prod, number=1, protected=True" in failed["msg"]
        assert not [name for name, _ in requests if not name.startswith("Describe")]
        kept = run(module, tags={"other": "x"}, owner_tags=OWNER, purge_tags=False, **parameters)
        assert kept["changed"]


def test_a_mark_without_a_value_is_refused(aws, run, requests):
    for module, parameters in (
        (aws_nlb, dict(name="hub")),
        (aws_nlb_target_groups, dict(target_groups=[dict(name="orders")])),
    ):
        failed = run(module, state="absent", owner_tags={"Hub": None}, **parameters)
        assert "owner_tags: the tag Hub has no value" in failed["msg"]
    assert requests == []
