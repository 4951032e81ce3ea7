"""One clear message, before anything is made."""

import pytest
from stand_in import REGION, listener, settings

SUBNETS = settings()["subnets"]


@pytest.fixture(scope="module", name="vpcs")
def _vpcs(aws):
    """Three VPCs with a subnet each, and in the second and beside it what others have made with the hub's names."""
    ec2, elbv2, route53 = aws.client("ec2"), aws.client("elbv2"), aws.client("route53")
    vpcs = [ec2.create_vpc(CidrBlock=f"10.4{n}.0.0/16")["Vpc"]["VpcId"] for n in (0, 1, 2)]
    subnets = [
        ec2.create_subnet(VpcId=vpc, CidrBlock=f"10.4{n}.1.0/24", AvailabilityZone=f"{REGION}a")["Subnet"]["SubnetId"]
        for n, vpc in enumerate(vpcs)
    ]
    ec2.create_tags(Resources=subnets, Tags=[{"Key": "OnpremTunnelHub", "Value": "another-hub"}])
    ec2.create_tags(Resources=vpcs[:2], Tags=[{"Key": "OnpremTunnelHub", "Value": "twins"}])
    group = ec2.create_security_group(GroupName="prod-proxies", Description="another's", VpcId=vpcs[1])["GroupId"]
    peering = ec2.create_vpc_peering_connection(VpcId=vpcs[1], PeerVpcId=vpcs[2])["VpcPeeringConnection"]
    ec2.accept_vpc_peering_connection(VpcPeeringConnectionId=peering["VpcPeeringConnectionId"])
    zone = route53.create_hosted_zone(
        Name="onprem.corp.example",
        CallerReference="1",
        VPC={"VPCRegion": REGION, "VPCId": vpcs[1]},
        HostedZoneConfig={"Comment": "another's", "PrivateZone": True},
    )["HostedZone"]["Id"]
    balancer = elbv2.create_load_balancer(Name="taken", Type="network", Scheme="internal", Subnets=subnets[:1])[
        "LoadBalancers"
    ][0]
    ec2.create_vpc_endpoint_service_configuration(
        NetworkLoadBalancerArns=[balancer["LoadBalancerArn"]],
        TagSpecifications=[{"ResourceType": "vpc-endpoint-service", "Tags": [{"Key": "Name", "Value": "taken"}]}],
    )
    return {
        "vpcs": vpcs,
        "subnets": subnets,
        "theirs": [group, peering["VpcPeeringConnectionId"]],
        "zone": zone,
    }


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
        pytest.param(
            lambda v: {
                "subnets": SUBNETS[:1],
                "proxies": {"proxy-a": "10.40.1.10"},
                "load_balancer_name": "n" * 33,
                "listeners": [listener(f"r{n}", 4000 + n, ["proxy-a"]) for n in range(51)],
                "peerings": [{"name": "a", "vpc_id": "vpc-1", "ranges": ["10.40.2.0/24"]}],
                "environment": {},  # which would fail: AWS is not asked before this
            },
            [
                "4 to mend before anything is touched",
                "at least two subnets, in two availability zones",
                "has 33 characters",
                "51 listeners are more than the 50",
                "10.40.2.0/24 overlaps 10.40.0.0/22",
            ],
            id="single zone, NLB name, 51 listeners and a peered range, all told at once",
        ),
        pytest.param(
            lambda v: {"vpc_cidrs": [], "vpc_id": "vpc-123"}, ["there is no vpc-123 in eu-central-1"], id="no such VPC"
        ),
        pytest.param(
            lambda v: {"name": "twins"}, ["both carry the tag OnpremTunnelHub: twins"], id="two VPCs of the hub"
        ),
        pytest.param(
            lambda v: {
                "vpc_cidrs": [],
                "vpc_id": v["vpcs"][0],
                "subnets": [{"id": s} for s in v["subnets"]],
                "peerings": [{"name": "gone", "vpc_id": "vpc-00000000"}],
            },
            ["is not a subnet of vpc-", "the VPC of gone is not there"],
            id="subnet of another VPC, and a peered VPC that is not there",
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


def test_what_others_made_in_a_given_vpc_with_the_hubs_names_is_not_taken_over(aws, vpcs):
    before = aws.everything()
    run = aws.run(
        "main",
        **settings(
            vpc_cidrs=[],
            vpc_id=vpcs["vpcs"][1],
            subnets=[{"zone": f"{REGION}{zone}", "cidr": f"10.41.{n}.0/24"} for n, zone in ((2, "b"), (3, "c"))],
            proxies={"proxy-a": "10.41.2.10", "proxy-b": "10.41.3.10"},
            peerings=[{"name": "analytics", "vpc_id": vpcs["vpcs"][2]}],
        ),
    )
    assert run.failed and run.says("another aws_hub_name", *vpcs["theirs"]), run.output
    assert aws.everything() == before


def test_a_name_that_a_peered_vpc_sees_already_is_not_taken_over(aws, vpcs):
    before = aws.everything()
    run = aws.run("main", **settings(peerings=[{"name": "analytics", "vpc_id": vpcs["vpcs"][1]}]))
    assert run.failed and run.says(f"{vpcs['vpcs'][1]} sees onprem.corp.example", vpcs["zone"]), run.output
    assert aws.everything() == before


@pytest.mark.parametrize(
    ("load_balancer_name", "words"),
    [
        ("taken", [":loadbalancer/net/taken/", "OnpremTunnelHub=taken"]),
        ("free", ["vpce-svc-", "OnpremTunnelHub=taken"]),
    ],
)
def test_a_load_balancer_or_endpoint_service_of_somebody_else_is_not_taken_over(aws, vpcs, load_balancer_name, words):
    before = aws.everything()
    run = aws.run("main", **settings(name="taken", load_balancer_name=load_balancer_name))
    assert run.failed and run.says(*words), run.output
    assert aws.everything() == before


def test_an_image_and_a_key_pair_that_are_not_there_are_named(aws, vpcs):
    before = aws.everything()
    run = aws.run("main", **settings(image_id="ami-00000000", key_name="nobodys"))
    assert run.failed and run.says("no image ami-00000000 in eu-central-1", "no key pair nobodys"), run.output
    assert aws.everything() == before


def test_machines_that_are_not_what_the_inventory_says_are_named(aws, vpcs):
    """Two that are one proxy, one at another address than its proxy, a given one elsewhere, and given ones that are not."""
    ec2 = aws.client("ec2")

    def launch(address, proxy=None):
        tags = {"OnpremTunnelHub": "machines", "OnpremTunnelProxy": proxy} if proxy else {"Name": "given"}
        pairs = [{"Key": key, "Value": value} for key, value in tags.items()]
        made = ec2.run_instances(
            ImageId="ami-1e749f67",
            MinCount=1,
            MaxCount=1,
            SubnetId=vpcs["subnets"][0],
            PrivateIpAddress=address,
            TagSpecifications=[{"ResourceType": "instance", "Tags": pairs}],
        )
        return made["Instances"][0]["InstanceId"]

    twice = [launch("10.40.1.10", "proxy-a"), launch("10.40.1.11", "proxy-a")]
    elsewhere, given, dead = launch("10.40.1.12", "proxy-b"), launch("10.40.1.13"), launch("10.40.1.14")
    ec2.terminate_instances(InstanceIds=[dead])
    addresses = {"proxy-c": "10.40.2.12", "proxy-d": "10.40.2.13", "proxy-e": "10.40.1.14"}
    proxies = {**settings()["proxies"], **addresses}
    before = aws.everything()
    instance_ids = {"proxy-c": given, "proxy-d": "i-00000000000000000", "proxy-e": dead}
    run = aws.run("main", **settings(name="machines", proxies=proxies, instance_ids=instance_ids))
    assert run.failed and run.says(
        f"{' and '.join(twice)} are both proxy proxy-a",
        f"{elsewhere} is proxy proxy-b at 10.40.1.12, and the inventory says 10.40.2.10",
        f"{given} is at 10.40.1.13, and proxy-c of the inventory at 10.40.2.12",
        "there is no i-00000000000000000 in eu-central-1",
        f"there is no {dead} in eu-central-1",
    ), run.output
    assert aws.everything() == before
