"""What the hub's settings lead to, and what is said of wrong ones, without AWS."""

import copy

import pytest
from ansible_collections.lakehouse.onprem_tunnel.plugins.plugin_utils._aws_hub import (
    layout,
    port_ranges,
    target_group_name,
)

GOOD = {
    "name": "onprem-tunnel",
    "load_balancer_name": "onprem-tunnel",
    "region": "eu-central-1",
    "vpc_id": "",
    "vpc_cidrs": ["10.40.0.0/22"],
    "subnets": [
        {"zone": "eu-central-1a", "cidr": "10.40.1.0/24", "load_balancer_address": "10.40.1.5"},
        {"zone": "eu-central-1b", "cidr": "10.40.2.0/24"},
    ],
    "proxies": {"proxy-a": "10.40.1.10", "proxy-b": "10.40.2.10"},
    "instance_ids": {},
    "listeners": [
        {"name": "crm", "port": 3307, "health_path": "/healthz/crm", "proxies": ["proxy-a"]},
        {"name": "orders", "port": 3306, "health_path": "/healthz/orders", "proxies": ["proxy-a", "proxy-b"]},
    ],
    "health_port": 8405,
    "clients": ["10.60.0.0/16"],
    "ssh_from": ["10.10.5.20"],
    "monitoring": [],
    "peerings": [{"name": "analytics", "vpc_id": "vpc-1", "ranges": ["10.80.0.0/16"]}],
    "endpoint_service": True,
}


def with_(**changes):
    return {**copy.deepcopy(GOOD), **changes}


def test_what_the_tasks_consume():
    found = layout(GOOD)
    assert found["problems"] == []
    assert found["proxies"] == {
        "proxy-a": {"address": "10.40.1.10", "subnet": 0},
        "proxy-b": {"address": "10.40.2.10", "subnet": 1},
    }
    assert found["rules"]["load_balancer"] == [
        {"proto": "tcp", "from_port": 3306, "to_port": 3307, "cidr_ip": r, "rule_desc": "clients"}
        for r in ("10.60.0.0/16", "10.80.0.0/16")
    ]
    assert found["rules"]["proxies"][0] == {
        "proto": "tcp",
        "from_port": 22,
        "to_port": 22,
        "cidr_ip": "10.10.5.20/32",
        "rule_desc": "tunnel hosts and administrators",
    }
    by_group = [(r["group"], r["from_port"], r["to_port"]) for r in found["rules"]["proxies"] if "group" in r]
    assert by_group == [
        (group, *ports) for group in ("load_balancer", "proxies") for ports in ((3306, 3307), (8405, 8405))
    ]
    assert [(g["resource"], g["port"], g["targets"]) for g in found["target_groups"]] == [
        ("crm", 3307, [{"id": "10.40.1.10", "proxy": "proxy-a"}]),
        ("orders", 3306, [{"id": "10.40.1.10", "proxy": "proxy-a"}, {"id": "10.40.2.10", "proxy": "proxy-b"}]),
    ]
    assert found["principal"] == "arn:aws:iam::565502421330:role/private-connectivity-role-eu-central-1"


def test_govcloud_has_a_principal_of_its_own():
    assert layout(with_(region="us-gov-west-1"))["principal"].startswith("arn:aws-us-gov:iam::347038500609:role/")


def test_target_group_names_fit_aws_and_never_collide():
    names = {
        target_group_name(hub, resource, port, vpc)
        for hub in ("prod", "test")
        for resource in ("a" * 31, "a" * 30 + "b", "orders_eu", "orders_e_")
        for port in (3306, 3307)
        for vpc in ("vpc-1", "vpc-2")
    }
    assert len(names) == 32
    assert all(len(name) <= 32 and "_" not in name and not name.startswith("-") and "--" not in name for name in names)


def test_ports_beside_each_other_are_one_range():
    assert port_ranges([1, 2, 3, 5, 7, 8]) == [(1, 3), (5, 5), (7, 8)]
    assert port_ranges([]) == []


def listeners(count, step=2):
    return [
        {"name": f"r{n}", "port": 3000 + step * n, "health_path": f"/healthz/r{n}", "proxies": ["proxy-a"]}
        for n in range(count)
    ]


def test_many_scattered_ports_become_one_range_before_the_quota_of_rules_is_passed():
    found = layout(with_(listeners=listeners(50)))
    assert found["problems"] == []
    assert all(len(rules) <= 60 for rules in found["rules"].values())
    assert (found["rules"]["load_balancer"][0]["from_port"], found["rules"]["load_balancer"][0]["to_port"]) == (
        3000,
        3098,
    )


SUBNET_A, SUBNET_B = GOOD["subnets"]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        pytest.param({"subnets": [SUBNET_A]}, "at least two subnets, in two availability zones", id="a single subnet"),
        pytest.param(
            {"subnets": [SUBNET_A, {"zone": "eu-central-1a", "cidr": "10.40.2.0/24"}]},
            "2 subnets are in eu-central-1a",
            id="a single zone",
        ),
        pytest.param(
            {"vpc_id": "vpc-1", "subnets": [{**SUBNET_A, "id": "subnet-1", "vpc_id": "vpc-2"}, SUBNET_B]},
            "subnet-1 is in vpc-2, not in vpc-1",
            id="a subnet of another VPC",
        ),
        pytest.param(
            {"subnets": [{"id": "subnet-1"}, SUBNET_B]}, "give aws_hub_vpc_id too", id="a subnet without its VPC"
        ),
        pytest.param({"subnets": [{"zone": "eu-central-1a"}, SUBNET_B]}, "write zone and cidr", id="half a subnet"),
        pytest.param({"subnets": [{**SUBNET_A, "az": "x"}, SUBNET_B]}, "az is not a field", id="an unknown field"),
        pytest.param(
            {"subnets": [{**SUBNET_A, "cidr": "10.50.1.0/24", "load_balancer_address": None}, SUBNET_B]},
            "10.50.1.0/24 is not inside the VPC's 10.40.0.0/22",
            id="a subnet outside the VPC",
        ),
        pytest.param(
            {"subnets": [SUBNET_A, {**SUBNET_B, "cidr": "10.40.1.128/25"}]},
            "10.40.1.0/24 overlaps 10.40.1.128/25",
            id="overlapping subnets",
        ),
        pytest.param(
            {"subnets": [SUBNET_A, {**SUBNET_B, "cidr": "10.40.2.0/29"}]}, "is a /29", id="a subnet that is too small"
        ),
        pytest.param(
            {"subnets": [SUBNET_A, {**SUBNET_B, "cidr": "10.40.2.9/24"}]},
            "is not an IPv4 range",
            id="host bits in a range",
        ),
        pytest.param(
            {"subnets": [{**SUBNET_A, "load_balancer_address": "10.40.1.3"}, SUBNET_B]},
            "AWS keeps 10.40.1.3",
            id="an address of AWS's own",
        ),
        pytest.param(
            {"subnets": [{**SUBNET_A, "load_balancer_address": "10.40.1.10"}, SUBNET_B]},
            "10.40.1.10 is taken by aws_hub_subnets 1",
            id="one address for load balancer and proxy",
        ),
        pytest.param(
            {"proxies": {**GOOD["proxies"], "proxy-b": "10.40.3.10"}},
            "proxy proxy-b: 10.40.3.10 is in none of the hub's subnets",
            id="a proxy outside the subnets",
        ),
        pytest.param(
            {"proxies": {**GOOD["proxies"], "proxy-b": "proxy-b.example"}},
            "is not an IPv4 address",
            id="a proxy's name",
        ),
        pytest.param({"instance_ids": {"proxy-c": "i-1"}}, "proxy-c is no proxy", id="an instance of no proxy"),
        pytest.param(
            {"peerings": [{"name": "a", "vpc_id": "vpc-9", "ranges": ["10.40.0.0/16"]}]},
            "peering a: its 10.40.0.0/16 overlaps 10.40.0.0/22 of the hub's VPC",
            id="a peering that overlaps the hub",
        ),
        pytest.param(
            {
                "peerings": [
                    {"name": "a", "vpc_id": "vpc-8", "ranges": ["10.80.0.0/16"]},
                    {"name": "b", "vpc_id": "vpc-9", "ranges": ["10.80.4.0/24"]},
                ]
            },
            "peering b: its 10.80.4.0/24 overlaps 10.80.0.0/16 of peering a",
            id="peerings that overlap each other",
        ),
        pytest.param(
            {"peerings": [{"name": "a", "vpc_id": "vpc-8"}, {"name": "a", "vpc_id": "vpc-9"}]},
            "2 are called a",
            id="two peerings of one name",
        ),
        pytest.param({"load_balancer_name": "n" * 33}, "has 33 characters", id="an NLB's name that is too long"),
        pytest.param({"load_balancer_name": "internal-x"}, "starts with internal-", id="an NLB's name that AWS keeps"),
        pytest.param({"name": "On_Prem"}, "'On_Prem' is no name", id="a name of other characters"),
        pytest.param({"region": ""}, "aws_hub_region: is missing", id="no region"),
        pytest.param({"vpc_cidrs": []}, "aws_hub_vpc_cidrs: is missing", id="no VPC at all"),
        pytest.param({"listeners": listeners(51)}, "51 listeners are more than the 50", id="a 51st listener"),
        pytest.param({"ssh_from": []}, "aws_hub_ssh_from", id="nobody may ssh"),
        pytest.param(
            {"clients": [], "peerings": [], "endpoint_service": False}, "nobody could reach", id="nobody may come in"
        ),
        pytest.param(
            {"clients": [f"10.{n}.0.0/16" for n in range(100, 161)]},
            "load balancer would have 62 rules",
            id="too many ranges for AWS",
        ),
    ],
)
def test_bad_input_is_named_with_what_to_write_instead(changes, message):
    problems = layout(with_(**changes))["problems"]
    assert len([problem for problem in problems if message in problem]) == 1, problems


def test_every_problem_is_told_at_once():
    problems = layout(with_(region="", load_balancer_name="N", subnets=[SUBNET_A]))["problems"]
    assert len(problems) == 4  # proxy-b has no subnet then, too


def test_a_given_machine_may_stand_elsewhere():
    found = layout(with_(proxies={**GOOD["proxies"], "proxy-b": "10.99.0.1"}, instance_ids={"proxy-b": "i-1"}))
    assert found["problems"] == [] and found["proxies"]["proxy-b"]["subnet"] is None
