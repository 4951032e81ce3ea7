"""One clear message, before anything is made."""

import pytest
from stand_in import settings

SUBNETS = settings()["subnets"]


@pytest.fixture(scope="module", name="vpcs")
def _vpcs(aws):
    """Two VPCs with a subnet each; the first has a security group of the hub's name."""
    ec2 = aws.client("ec2")
    vpcs = [ec2.create_vpc(CidrBlock=f"10.4{n}.0.0/16")["Vpc"]["VpcId"] for n in (0, 1)]
    subnets = [
        ec2.create_subnet(VpcId=vpc, CidrBlock=f"10.4{n}.1.0/24", AvailabilityZone="eu-central-1a")["Subnet"][
            "SubnetId"
        ]
        for n, vpc in enumerate(vpcs)
    ]
    ec2.create_security_group(GroupName="prod-proxies", Description="another's", VpcId=vpcs[1])
    return {"vpcs": vpcs, "subnets": subnets}


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        pytest.param(lambda v: {"region": "eu-nowhere-1"}, ["does not answer for region eu-nowhere-1"], id="region"),
        pytest.param(
            lambda v: {"environment": {}}, ["AWS does not answer", "Are there credentials"], id="no credentials"
        ),
        pytest.param(
            lambda v: {"subnets": [{**SUBNETS[0], "zone": "eu-central-1z"}, SUBNETS[1]]},
            ["eu-central-1z is no availability zone of eu-central-1"],
            id="zone",
        ),
        pytest.param(lambda v: {"subnets": SUBNETS[:1]}, ["at least two subnets"], id="single zone"),
        pytest.param(lambda v: {"load_balancer_name": "n" * 33}, ["has 33 characters"], id="NLB name"),
        pytest.param(lambda v: {"vpc_cidrs": [], "vpc_id": "vpc-123"}, ["vpc-123"], id="no such VPC"),
        pytest.param(
            lambda v: {"vpc_cidrs": [], "vpc_id": v["vpcs"][0], "subnets": [{"id": s} for s in v["subnets"]]},
            ["is not a subnet of vpc-"],
            id="subnet of another VPC",
        ),
        pytest.param(
            lambda v: {"peerings": [{"name": "a", "vpc_id": v["vpcs"][0]}]},
            ["peering a", "10.40.0.0/16 overlaps 10.40.0.0/22"],
            id="a peered range read from AWS overlaps",
        ),
        pytest.param(
            lambda v: {
                "vpc_cidrs": [],
                "vpc_id": v["vpcs"][1],
                "proxies": {"proxy-a": "10.41.1.10", "proxy-b": "10.41.3.10"},
                "subnets": [
                    {"zone": "eu-central-1a", "cidr": "10.41.1.0/24"},
                    {"zone": "eu-central-1b", "cidr": "10.41.3.0/24"},
                ],
            },
            ["10.41.1.0/24 is there already, and not made by this role"],
            id="a subnet of somebody else at the range",
        ),
    ],
)
def test_it_is_refused_before_anything_is_made(aws, vpcs, changes, words):
    before = aws.everything()
    run = aws.run("main", **settings(**changes(vpcs)))
    assert run.failed and run.says(*words), run.output
    assert aws.everything() == before


def test_a_security_group_of_somebody_else_is_not_taken_over(aws, vpcs):
    run = aws.run(
        "main",
        **settings(
            vpc_cidrs=[],
            vpc_id=vpcs["vpcs"][1],
            subnets=[
                {"zone": "eu-central-1b", "cidr": "10.41.2.0/24"},
                {"zone": "eu-central-1c", "cidr": "10.41.3.0/24"},
            ],
            proxies={"proxy-a": "10.41.2.10", "proxy-b": "10.41.3.10"},
        ),
    )
    assert run.failed and run.says("has the name of a security group of this hub", "another aws_hub_name"), run.output


def test_an_image_that_is_not_there_is_named(aws, vpcs):
    run = aws.run("main", **settings(name="second", image_id="ami-00000000"))
    assert run.failed and run.says("ami-00000000"), run.output
