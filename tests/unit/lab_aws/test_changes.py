"""When AWS is read again, and what the stand-in of this project does with an instance's address."""

import pytest
from botocore.exceptions import ClientError

from lab.aws import changes


@pytest.fixture(name="remembered")
def _remembered(cloud):
    changes.install()
    reads = []

    def read():
        reads.append(1)
        return cloud.ec2.describe_vpcs()["Vpcs"]

    found = changes.Remembered(read)
    found.reads = reads
    return found


def test_it_is_read_again_only_when_something_was_called_that_changes(cloud, remembered):
    before = remembered.get()
    assert remembered.get() is before
    cloud.ec2.describe_subnets()
    cloud.elbv2.describe_load_balancers()
    assert remembered.get() is before and len(remembered.reads) == 1
    cloud.ec2.create_vpc(CidrBlock="10.99.0.0/16")
    assert len(remembered.get()) == len(before) + 1
    assert len(remembered.reads) == 2


def test_a_call_that_failed_counts_too(cloud, remembered):
    remembered.get()
    with pytest.raises(ClientError):
        cloud.ec2.delete_vpc(VpcId="vpc-00000000")
    remembered.get()
    assert len(remembered.reads) == 2


def test_it_is_read_again_after_a_while(remembered, monkeypatch):
    remembered.get()
    now = changes.time.monotonic()
    monkeypatch.setattr(changes.time, "monotonic", lambda: now + changes.LONGEST + 1)
    remembered.get()
    assert len(remembered.reads) == 2


def test_a_change_during_the_reading_is_not_missed(cloud, remembered):
    read = remembered.read

    def read_late():
        value = read()
        cloud.ec2.create_vpc(CidrBlock="10.99.0.0/16")
        return value

    remembered.read = read_late
    before = remembered.get()
    remembered.read = read
    assert len(remembered.get()) == len(before) + 1


def test_an_error_is_no_answer(remembered):
    good, remembered.read = remembered.read, lambda: 1 / 0
    for _ in range(2):
        with pytest.raises(ZeroDivisionError):
            remembered.get()
    remembered.read = good
    assert remembered.get()


def test_an_instance_s_address_is_its_own_and_free_when_it_is_gone(cloud):
    first = cloud.launch("10.246.41.10")
    with pytest.raises(ClientError, match="InvalidIPAddress.InUse"):
        cloud.launch("10.246.41.10")
    cloud.ec2.terminate_instances(InstanceIds=[first])
    second = cloud.launch("10.246.41.10")
    interfaces = cloud.ec2.describe_network_interfaces()["NetworkInterfaces"]
    owners = [item["Attachment"]["InstanceId"] for item in interfaces if item["PrivateIpAddress"] == "10.246.41.10"]
    assert owners == [second]
    cloud.ec2.terminate_instances(InstanceIds=[second])
    assert [item for item in cloud.ec2.describe_network_interfaces()["NetworkInterfaces"] if "Attachment" in item] == []
