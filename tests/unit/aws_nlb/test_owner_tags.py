# Copyright (c) 2026 The lakehouse.onprem_tunnel authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What has the name and not the owner's tags is somebody else's, and stays as it is."""

from __future__ import annotations

import pytest
from ansible_collections.lakehouse.onprem_tunnel.plugins.modules import aws_nlb, aws_nlb_target_groups

OWNER = {"Hub": "prod", "number": 1}


@pytest.mark.parametrize("state", ["present", "absent"])
@pytest.mark.parametrize("check", [True, False], ids=["check", "run"])
@pytest.mark.parametrize("tags", [{}, {"Hub": "test", "number": "1"}, {"Hub": "prod"}], ids=["none", "others", "some"])
def test_what_belongs_to_somebody_else_is_refused(aws, run, requests, state, check, tags):
    pairs = [{"Key": key, "Value": value} for key, value in {"x": "y", **tags}.items()]
    aws.elb.create_load_balancer(Name="hub", Type="network", Scheme="internal", Subnets=[aws.a], Tags=pairs)
    aws.elb.create_target_group(Name="orders", Port=3306, Protocol="TCP", VpcId=aws.vpc, TargetType="ip", Tags=pairs)
    balancer = dict(name="hub", subnet_mappings=[dict(subnet_id=aws.a)], tags={"Hub": "prod", "number": 1})
    groups = dict(target_groups=[dict(name="orders", port=3306)], vpc_id=aws.vpc, tags={"Hub": "prod", "number": 1})
    for module, parameters in ((aws_nlb, balancer), (aws_nlb_target_groups, groups)):
        failed = run(module, check=check, state=state, owner_tags=OWNER, **parameters)
        assert failed["failed"] and "is somebody else's; choose another name" in failed["msg"]
        assert "number=1" in failed["msg"] or "Hub=prod" in failed["msg"]
    assert not [name for name, _ in requests if not name.startswith("Describe")]


def test_what_carries_the_tags_is_managed(aws, run):
    groups = dict(target_groups=[dict(name="orders", port=3306)], vpc_id=aws.vpc, tags=OWNER, owner_tags=OWNER)
    balancer = dict(name="hub", subnet_mappings=[dict(subnet_id=aws.a)], tags=OWNER, owner_tags=OWNER)
    for module, parameters in ((aws_nlb, balancer), (aws_nlb_target_groups, groups)):
        assert run(module, **parameters)["changed"]
        assert not run(module, **parameters)["changed"]
        assert run(module, state="absent", **parameters)["changed"]
