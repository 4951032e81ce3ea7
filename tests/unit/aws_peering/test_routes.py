# Copyright (c) 2026 The lakehouse.onprem_tunnel authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""aws_vpc_routes against moto's route tables, which have routes of others."""

import pytest

HUB = "10.40.0.0/16"
LEFT_OUT = object()


@pytest.fixture
def tables(ec2, workspace):
    """Two route tables of the workspace, each with a default route of its own."""
    gateway = ec2.create_internet_gateway()["InternetGateway"]["InternetGatewayId"]
    ec2.attach_internet_gateway(InternetGatewayId=gateway, VpcId=workspace)
    made = [ec2.create_route_table(VpcId=workspace)["RouteTable"]["RouteTableId"] for _ in range(2)]
    for table in made:
        ec2.create_route(RouteTableId=table, DestinationCidrBlock="0.0.0.0/0", GatewayId=gateway)
    return made


@pytest.fixture
def routes_of(ec2):
    """Return a function from a table to {destination: (target, state)}, all its routes."""

    def routes(table):
        found = ec2.describe_route_tables(RouteTableIds=[table])["RouteTables"][0]["Routes"]
        return {
            route.get("DestinationCidrBlock") or route["DestinationIpv6CidrBlock"]: (
                route.get("VpcPeeringConnectionId") or route.get("TransitGatewayId") or route.get("GatewayId"),
                route["State"],
            )
            for route in found
        }

    return routes


@pytest.fixture
def module(routes_module, tables, connection):
    """The module with the usual parameters, which a test may replace, or take away by LEFT_OUT."""

    def run(**parameters):
        usual = dict(route_table_ids=tables, destinations=[HUB], vpc_peering_connection_id=connection)
        given = {**usual, **parameters}
        return routes_module(**{name: value for name, value in given.items() if value is not LEFT_OUT})

    return run


def places(tables, destination=HUB, **more):
    return [dict(route_table_id=table, destination=destination, **more) for table in tables]


def test_a_life_of_routes(module, tables, connection, routes_of, calls):
    before = {table: routes_of(table) for table in tables}

    checked = module(check=True)
    assert checked["changed"] and checked["added"] == places(tables)
    assert [routes_of(table) for table in tables] == list(before.values())

    created = module()
    assert {key: created[key] for key in ("changed", "added", "replaced", "removed", "diff")} == {
        key: checked[key] for key in ("changed", "added", "replaced", "removed", "diff")
    }
    assert created["diff"] == dict(
        before={table: {} for table in tables}, after={table: {HUB: connection} for table in tables}
    )
    for table in tables:
        assert routes_of(table) == {**before[table], HUB: (connection, "active")}

    calls.made.clear()
    again = module()
    assert not again["changed"] and again["added"] == []
    assert calls.names() == ["DescribeRouteTables"]

    # An update: one more destination.
    wider = [HUB, "10.41.0.0/16"]
    checked = module(destinations=wider, check=True)
    updated = module(destinations=wider)
    assert checked["added"] == updated["added"] == places(tables, "10.41.0.0/16")
    assert not module(destinations=wider)["changed"]

    checked = module(destinations=wider, state="absent", check=True)
    removed = module(destinations=wider, state="absent")
    assert checked["removed"] == removed["removed"] and len(removed["removed"]) == 4
    assert checked["diff"] == removed["diff"]
    assert {table: routes_of(table) for table in tables} == before
    assert not module(destinations=wider, state="absent")["changed"]


def test_ranges_are_compared_as_aws_keeps_them(module, tables, routes_of):
    result = module(route_table_ids=[tables[0], tables[0]], destinations=["10.40.1.1/16", HUB, "2001:0db8::1/56"])
    assert result["added"] == places(tables[:1]) + places(tables[:1], "2001:db8::/56")
    assert {HUB, "2001:db8::/56"} < set(routes_of(tables[0]))
    assert not module(route_table_ids=tables[:1], destinations=["10.40.99.0/16", "2001:db8:0:0::/56"])["changed"]
    removed = module(route_table_ids=tables[:1], destinations=[HUB, "2001:db8::/56"], state="absent")
    assert len(removed["removed"]) == 2
    assert not {HUB, "2001:db8::/56"} & set(routes_of(tables[0]))


def test_a_route_of_somebody_else_is_kept_and_named(module, tables, ec2, peer, make_vpc, routes_of):
    theirs = peer(make_vpc("10.70.0.0/16"))
    ec2.create_route(RouteTableId=tables[1], DestinationCidrBlock=HUB, VpcPeeringConnectionId=theirs)
    for check in (True, False):
        result = module(check=check)
        assert result["failed"]
        for part in (tables[1], HUB, theirs, "replace: true"):
            assert part in result["msg"]
    assert HUB not in routes_of(tables[0])  # nothing is half done
    assert routes_of(tables[1])[HUB] == (theirs, "active")

    # Nor does it go when ours do.
    assert not module(state="absent")["changed"]
    assert not module(state="absent", replace=True)["changed"]
    assert routes_of(tables[1])[HUB] == (theirs, "active")


def test_a_route_of_somebody_else_is_replaced_if_wanted(module, tables, ec2, peer, make_vpc, connection, routes_of):
    theirs = peer(make_vpc("10.70.0.0/16"))
    ec2.create_route(RouteTableId=tables[1], DestinationCidrBlock=HUB, VpcPeeringConnectionId=theirs)
    checked = module(replace=True, check=True)
    result = module(replace=True)
    assert checked["replaced"] == result["replaced"] == places(tables[1:], former_target=theirs)
    assert result["added"] == places(tables[:1])
    assert routes_of(tables[1])[HUB] == (connection, "active")
    assert result["diff"]["before"][tables[1]] == {HUB: theirs}
    assert not module(replace=True)["changed"]


def test_a_blackhole_is_replaced(module, tables, ec2, peer, make_vpc, connection, routes_of):
    gone = peer(make_vpc("10.70.0.0/16"))
    ec2.create_route(RouteTableId=tables[0], DestinationCidrBlock=HUB, VpcPeeringConnectionId=gone)
    ec2.delete_vpc_peering_connection(VpcPeeringConnectionId=gone)
    assert routes_of(tables[0])[HUB] == (gone, "blackhole")
    result = module()
    assert result["replaced"] == places(tables[:1], former_target=gone)
    assert routes_of(tables[0])[HUB] == (connection, "active")


def test_our_own_blackhole_is_told_and_can_be_removed(module, tables, ec2, connection, routes_of):
    module()
    ec2.delete_vpc_peering_connection(VpcPeeringConnectionId=connection)
    result = module()
    assert not result["changed"]
    assert len(result["warnings"]) == 2 and tables[0] in result["warnings"][0]
    assert len(module(state="absent")["removed"]) == 2
    assert HUB not in routes_of(tables[0])


@pytest.mark.parametrize("replace", [False, True])
def test_the_vpcs_own_range_is_never_led_elsewhere(module, tables, routes_of, replace):
    before = routes_of(tables[0])
    result = module(destinations=["10.60.0.0/16"], replace=replace)
    assert result["failed"] and "own range" in result["msg"]
    assert routes_of(tables[0]) == before


def test_a_route_deleted_behind_its_back_is_made_again(module, tables, ec2):
    module()
    ec2.delete_route(RouteTableId=tables[0], DestinationCidrBlock=HUB)
    assert module()["added"] == places(tables[:1])


def test_a_route_that_goes_in_the_moment_of_its_removal_is_fine(module, ec2, tables, calls, refusal):
    module()
    calls.answers["DeleteRoute"] = [refusal("InvalidRoute.NotFound")]
    assert module(state="absent")["removed"] == places(tables)


def test_every_table_that_does_not_exist_is_named(module, tables, routes_of):
    wrong = ["rtb-0000000000000aaaa", "rtb-0000000000000bbbb"]
    for check in (True, False):
        result = module(route_table_ids=tables + wrong, check=check)
        assert result["failed"]
        assert all(table in result["msg"] for table in [*wrong, "eu-west-1"])
    assert HUB not in routes_of(tables[0])


def test_a_table_that_does_not_exist_has_no_routes_to_remove(module, tables):
    module()
    result = module(route_table_ids=["rtb-0000000000000aaaa", *tables], state="absent")
    assert result["removed"] == places(tables)
    assert "rtb-0000000000000aaaa" in result["warnings"][0]


def test_no_tables_are_not_all_tables(module, tables, calls, routes_of):
    result = module(route_table_ids=[])
    assert not result["changed"] and calls.made == []
    module()
    assert not module(route_table_ids=[], state="absent")["changed"]
    assert HUB in routes_of(tables[0])


def test_transit_and_internet_gateways(module, tables, ec2, routes_of):
    transit = ec2.create_transit_gateway()["TransitGateway"]["TransitGatewayId"]
    targets = dict(vpc_peering_connection_id=LEFT_OUT, transit_gateway_id=transit, destinations=["10.0.0.0/8"])
    assert module(**targets)["added"] == places(tables, "10.0.0.0/8")
    assert routes_of(tables[0])["10.0.0.0/8"] == (transit, "active")
    gateway = routes_of(tables[0])["0.0.0.0/0"][0]
    assert not module(vpc_peering_connection_id=LEFT_OUT, gateway_id=gateway, destinations=["0.0.0.0/0"])["changed"]


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        (dict(route_table_ids=LEFT_OUT), "route_table_ids"),
        (dict(destinations=LEFT_OUT), "destinations"),
        (dict(vpc_peering_connection_id=LEFT_OUT), "one of the following is required"),
        (dict(transit_gateway_id="tgw-0123"), "mutually exclusive"),
        (dict(vpc_peering_connection_id=LEFT_OUT, state="absent"), "one of the following is required"),
        (dict(vpc_peering_connection_id=None), "none has a value"),
        (dict(destinations=["10.40.0.0"]), "destinations: '10.40.0.0' is not a range"),
        (dict(destinations=["hub"]), "destinations: 'hub' is not a range"),
        (dict(destinations=["10.40.0.0/33"]), "'10.40.0.0/33' is not a range"),
        (dict(route_table_ids=["main"]), "route_table_ids: 'main' is not one"),
        (dict(vpc_peering_connection_id="peering"), "vpc_peering_connection_id: 'peering' is not one"),
        (dict(vpc_peering_connection_id=LEFT_OUT, gateway_id="local"), "gateway_id: 'local' is not one"),
    ],
)
def test_wrong_parameters_are_told_before_aws_is_asked(module, calls, changes, said):
    calls.made.clear()
    result = module(**changes)
    assert result["failed"] and said in result["msg"]
    assert calls.made == []


def test_all_wrong_parameters_are_told_at_once(module):
    result = module(route_table_ids=["main"], destinations=["hub", "10.0.0.0"], vpc_peering_connection_id="peering")
    assert result["msg"].count("write it like") == 4


def test_throttled_calls_are_repeated(module, tables, calls, refusal, clock):
    calls.answers["DescribeRouteTables"] = [refusal("RequestLimitExceeded")]
    calls.answers["CreateRoute"] = [refusal("EC2ThrottledException"), refusal("RequestLimitExceeded")]
    assert module()["added"] == places(tables)
    assert calls.names().count("CreateRoute") == 4 and clock.now > 0


@pytest.mark.parametrize("operation", ["DescribeRouteTables", "CreateRoute"])
def test_a_missing_permission_is_named(module, calls, refusal, operation):
    calls.answers[operation] = refusal("UnauthorizedOperation", operation)
    result = module()
    assert result["failed"] and f"ec2:{operation}" in result["msg"]


def test_a_route_that_aws_refuses_is_named(module, tables, calls, refusal):
    calls.answers["CreateRoute"] = refusal("RouteLimitExceeded")
    result = module()
    for part in (HUB, tables[0], "the table is full"):
        assert part in result["msg"]


def test_a_target_that_does_not_exist_is_told_by_aws(module, tables):
    result = module(vpc_peering_connection_id="pcx-00000000000000000")
    assert result["failed"]
    for part in (HUB, tables[0], "pcx-00000000000000000", "does not exist"):
        assert part in result["msg"]
