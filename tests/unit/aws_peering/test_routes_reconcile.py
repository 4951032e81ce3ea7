# Copyright (c) 2026 The lakehouse.onprem_tunnel authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What aws_vpc_routes decides, where moto has no such routes: propagated ones, prefix lists, targets of every kind."""

import pytest
from ansible_collections.lakehouse.onprem_tunnel.plugins.module_utils._aws_vpc_routes import (
    TARGET_KEYS,
    reconcile,
    routes_by_destination,
    targets,
    targets_after,
)

OURS = "vgw-0123"
RANGE = "10.40.0.0/16"


def tables(*routes):
    return {"rtb-1": routes_by_destination({"Routes": list(routes)})}


def route(origin="CreateRoute", state="active", destination=RANGE, **target):
    return {"DestinationCidrBlock": destination, "Origin": origin, "State": state, **target}


PROPAGATED = route("EnableVgwRoutePropagation", GatewayId="vgw-9999")
OUR_PROPAGATED = route("EnableVgwRoutePropagation", GatewayId=OURS)
OUR_STATIC = route(GatewayId=OURS)
PLACE = dict(route_table_id="rtb-1", destination=RANGE)


def decide(found, state="present", replace=False):
    todo, conflicts = reconcile(found, [RANGE], OURS, state, replace)
    return {name: places for name, places in todo.items() if places}, conflicts


def test_a_propagated_route_is_somebody_elses():
    todo, conflicts = decide(tables(PROPAGATED))
    assert todo == {} and conflicts == [f"{RANGE} in rtb-1 leads to vgw-9999"]


def test_a_propagated_route_is_overruled_by_a_new_one_as_it_cannot_be_replaced():
    assert decide(tables(PROPAGATED), replace=True) == ({"added": [PLACE]}, [])


def test_a_propagated_route_to_our_target_does():
    assert decide(tables(OUR_PROPAGATED)) == ({}, [])


def test_a_propagated_route_is_never_removed():
    assert decide(tables(OUR_PROPAGATED), state="absent") == ({}, [])


@pytest.mark.parametrize("order", [1, -1])
def test_a_static_route_goes_before_a_propagated_one(order):
    found = tables(*[OUR_STATIC, PROPAGATED][::order])
    assert decide(found) == ({}, [])
    assert decide(found, state="absent") == ({"removed": [PLACE]}, [])


@pytest.mark.parametrize("key", TARGET_KEYS)
def test_a_route_of_somebody_else_is_named_by_its_target(key):
    todo, conflicts = decide(tables(route(**{key: "theirs-1"})))
    assert todo == {} and conflicts == [f"{RANGE} in rtb-1 leads to theirs-1"]


def test_an_instance_that_is_gone_leaves_a_blackhole():
    gone = route(state="blackhole", InstanceId="i-1", NetworkInterfaceId="eni-1")
    assert decide(tables(gone)) == ({"replaced": [dict(PLACE, former_target="eni-1")]}, [])


def test_a_target_of_a_kind_that_is_not_known_yet_is_somebody_elses():
    assert decide(tables(route())) == ({}, [f"{RANGE} in rtb-1 leads to an unknown target"])


def test_prefix_lists_are_left_alone():
    listed = {"DestinationPrefixListId": "pl-1", "GatewayId": "vpce-1", "Origin": "CreateRoute", "State": "active"}
    assert tables(listed) == {"rtb-1": {}}


def test_the_diff_has_only_the_given_destinations():
    found = tables(route(destination="0.0.0.0/0", NatGatewayId="nat-1"), OUR_STATIC)
    before = targets(found, [RANGE, "10.41.0.0/16"])
    assert before == {"rtb-1": {RANGE: OURS}}
    todo, _conflicts = reconcile(found, [RANGE], OURS, "absent", False)
    assert targets_after(before, todo, OURS) == {"rtb-1": {}}
    assert before == {"rtb-1": {RANGE: OURS}}
