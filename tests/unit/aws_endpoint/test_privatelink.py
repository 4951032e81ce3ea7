"""The lab's AWS is as strict with endpoint services as AWS is."""

import boto3
import moto
import pytest
from botocore.exceptions import ClientError

import lab.aws


def error_of(call, *arguments, **parameters):
    with pytest.raises(ClientError) as raised:
        call(*arguments, **parameters)
    return raised.value.response["Error"]["Code"]


def failed_codes(answer):
    return {item["ResourceId"]: item["Error"]["Code"] for item in answer["Unsuccessful"]}


def connections(ec2, **filters):
    given = [{"Name": name.replace("_", "-"), "Values": [value]} for name, value in filters.items()]
    return ec2.describe_vpc_endpoint_connections(Filters=given)["VpcEndpointConnections"]


def names(service):
    return dict(ServiceId=service["ServiceId"])


def test_another_version_of_moto_is_refused(monkeypatch):
    monkeypatch.setattr(moto, "__version__", "6.0.0")
    with pytest.raises(RuntimeError, match=r"moto 6\.0\.0 is installed.*moto==5\.2\.5"):
        lab.aws.install()


def test_installing_twice_is_the_same_as_once(ec2, service, consumer, state_of):
    lab.aws.install()
    assert state_of(consumer.connect(service)["VpcEndpointId"]) == "pendingAcceptance"


# --- who may connect ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "principal",
    ["*", "210987654321", "arn:aws:iam::210987654321:root", "arn:aws:iam::210987654321:role/consumer"],
)
def test_an_allowed_principal_may_connect(ec2, consumer, service, principal):
    ec2.modify_vpc_endpoint_service_permissions(**names(service), RemoveAllowedPrincipals=[consumer.root])
    assert error_of(consumer.connect, service) == "InvalidServiceName"
    ec2.modify_vpc_endpoint_service_permissions(**names(service), AddAllowedPrincipals=[principal])
    assert consumer.connect(service)["State"] == "pendingAcceptance"


@pytest.mark.parametrize("principal", ["arn:aws:iam::111122223333:root", "arn:aws:iam::210987654321:role/other"])
def test_nobody_else_may_connect(ec2, consumer, service, principal):
    ec2.modify_vpc_endpoint_service_permissions(
        **names(service), RemoveAllowedPrincipals=[consumer.root], AddAllowedPrincipals=[principal]
    )
    assert error_of(consumer.connect, service) == "InvalidServiceName"
    assert connections(ec2) == []


def test_the_services_own_account_may_connect(ec2, balancer, subnets):
    made = ec2.create_vpc_endpoint_service_configuration(NetworkLoadBalancerArns=[balancer])["ServiceConfiguration"]
    endpoint = ec2.create_vpc_endpoint(
        VpcId=subnets[0]["VpcId"], ServiceName=made["ServiceName"], VpcEndpointType="Interface"
    )["VpcEndpoint"]
    assert endpoint["State"] == "pendingAcceptance"


def test_what_cannot_be_connected(consumer, service, ec2, elbv2, subnets):
    unknown = dict(ServiceName="com.amazonaws.vpce.eu-west-1.vpce-svc-0")
    assert error_of(consumer.connect, unknown) == "InvalidServiceName"
    assert error_of(consumer.connect, service, VpcEndpointType="Gateway") == "InvalidParameter"
    one_zone = elbv2.create_load_balancer(Name="one", Type="network", Subnets=[subnets[1]["SubnetId"]])
    arn = one_zone["LoadBalancers"][0]["LoadBalancerArn"]
    made = ec2.create_vpc_endpoint_service_configuration(NetworkLoadBalancerArns=[arn])["ServiceConfiguration"]
    ec2.modify_vpc_endpoint_service_permissions(**names(made), AddAllowedPrincipals=["*"])
    assert made["AvailabilityZones"] == ["eu-west-1b"]
    assert error_of(consumer.connect, made) == "InvalidParameter"


def test_endpoints_of_aws_itself_are_motos(consumer):
    assert consumer.connect(dict(ServiceName="com.amazonaws.eu-west-1.ssm"))["State"] == "available"


# --- what becomes of a connection --------------------------------------------------------------------------------


def test_without_acceptance_a_connection_is_available_at_once(ec2, consumer, service, state_of):
    ec2.modify_vpc_endpoint_service_configuration(**names(service), AcceptanceRequired=False)
    assert state_of(consumer.connect(service)["VpcEndpointId"]) == "available"


def test_accepted_rejected_and_deleted(ec2, consumer, service, state_of):
    endpoint = consumer.connect(service)["VpcEndpointId"]
    named = dict(**names(service), VpcEndpointIds=[endpoint])

    def its_owner_sees():
        return consumer.ec2.describe_vpc_endpoints(VpcEndpointIds=[endpoint])["VpcEndpoints"][0]["State"]

    assert its_owner_sees() == "pendingAcceptance"
    assert failed_codes(ec2.accept_vpc_endpoint_connections(**named)) == {}
    assert (state_of(endpoint), state_of(endpoint), its_owner_sees()) == ("pending", "available", "available")
    assert failed_codes(ec2.accept_vpc_endpoint_connections(**named)) == {endpoint: "InvalidState"}
    assert failed_codes(ec2.reject_vpc_endpoint_connections(**named)) == {}
    assert (state_of(endpoint), its_owner_sees()) == ("rejected", "rejected")
    assert failed_codes(ec2.reject_vpc_endpoint_connections(**named)) == {endpoint: "InvalidState"}
    ec2.accept_vpc_endpoint_connections(**named)
    assert (its_owner_sees(), its_owner_sees()) == ("pending", "available")
    consumer.ec2.delete_vpc_endpoints(VpcEndpointIds=[endpoint])
    assert state_of(endpoint) is None
    assert failed_codes(ec2.reject_vpc_endpoint_connections(**named)) == {endpoint: "InvalidVpcEndpointId.NotFound"}


def test_unknown_endpoints_and_services(ec2, consumer, service, state_of):
    endpoint = consumer.connect(service)["VpcEndpointId"]
    answer = ec2.accept_vpc_endpoint_connections(**names(service), VpcEndpointIds=["vpce-0", endpoint])
    assert failed_codes(answer) == {"vpce-0": "InvalidVpcEndpointId.NotFound"}
    assert state_of(endpoint) == "pending"
    code = error_of(ec2.accept_vpc_endpoint_connections, ServiceId="vpce-svc-0", VpcEndpointIds=[endpoint])
    assert code == "InvalidVpcEndpointServiceId.NotFound"


def test_an_endpoint_of_another_service_is_unknown_to_this_one(ec2, balancer, consumer, service, state_of):
    other = ec2.create_vpc_endpoint_service_configuration(NetworkLoadBalancerArns=[balancer])["ServiceConfiguration"]
    endpoint = consumer.connect(service)["VpcEndpointId"]
    answer = ec2.accept_vpc_endpoint_connections(**names(other), VpcEndpointIds=[endpoint])
    assert failed_codes(answer) == {endpoint: "InvalidVpcEndpointId.NotFound"}
    assert state_of(endpoint) == "pendingAcceptance"


def test_connections_are_seen_by_the_services_owner_only(ec2, consumer, service):
    endpoint = consumer.connect(service)
    assert connections(consumer.ec2) == []
    (seen,) = connections(ec2)
    assert seen["ServiceId"] == service["ServiceId"]
    assert seen["VpcEndpointOwner"] == consumer.account
    assert seen["DnsEntries"] == endpoint["DnsEntries"]
    assert seen["NetworkLoadBalancerArns"] == service["NetworkLoadBalancerArns"]
    assert connections(boto3.client("ec2", "us-east-1")) == []


def test_filters_and_pages_of_connections(ec2, consumer, service):
    first, second = (consumer.connect(service)["VpcEndpointId"] for _number in range(2))
    ec2.reject_vpc_endpoint_connections(**names(service), VpcEndpointIds=[first])

    def found(**filters):
        return {one["VpcEndpointId"] for one in connections(ec2, **filters)}

    assert found(service_id=service["ServiceId"]) == {first, second}
    assert found(service_id="vpce-svc-0") == set()
    assert found(vpc_endpoint_id=first) == {first}
    assert found(vpc_endpoint_owner=consumer.account) == {first, second}
    assert found(vpc_endpoint_owner="123456789012") == set()
    assert found(vpc_endpoint_state="pendingAcceptance") == {second}
    assert found(vpc_endpoint_state="rejected", service_id=service["ServiceId"]) == {first}
    page = ec2.describe_vpc_endpoint_connections(MaxResults=1)
    rest = ec2.describe_vpc_endpoint_connections(MaxResults=1, NextToken=page["NextToken"])
    assert {one["VpcEndpointId"] for one in (*page["VpcEndpointConnections"], *rest["VpcEndpointConnections"])} == {
        first,
        second,
    }
    assert not rest.get("NextToken")


# --- the service -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("accepted", [True, False])
def test_a_connected_service_is_not_deleted(ec2, consumer, service, accepted):
    endpoint = consumer.connect(service)["VpcEndpointId"]
    if accepted:
        ec2.accept_vpc_endpoint_connections(**names(service), VpcEndpointIds=[endpoint])
    ids = [service["ServiceId"], "vpce-svc-0"]
    answer = ec2.delete_vpc_endpoint_service_configurations(ServiceIds=ids)
    assert failed_codes(answer) == {
        service["ServiceId"]: "ExistingVpcEndpointConnections",
        "vpce-svc-0": "InvalidVpcEndpointService.NotFound",
    }
    ec2.reject_vpc_endpoint_connections(**names(service), VpcEndpointIds=[endpoint])
    assert failed_codes(ec2.delete_vpc_endpoint_service_configurations(ServiceIds=ids[:1])) == {}
    assert ec2.describe_vpc_endpoint_service_configurations()["ServiceConfigurations"] == []


def test_filters_of_services(ec2, service, balancer):
    tags = [{"ResourceType": "vpc-endpoint-service", "Tags": [{"Key": "Name", "Value": "hub"}]}]
    made = ec2.create_vpc_endpoint_service_configuration(NetworkLoadBalancerArns=[balancer], TagSpecifications=tags)
    hub = made["ServiceConfiguration"]

    def found(name, value):
        asked = [{"Name": name, "Values": [value]}]
        answer = ec2.describe_vpc_endpoint_service_configurations(Filters=asked)["ServiceConfigurations"]
        return {one["ServiceId"] for one in answer}

    assert found("tag:Name", "hub") == {hub["ServiceId"]}
    assert found("tag:Name", "other") == set()
    assert found("tag-key", "Name") == {hub["ServiceId"]}
    assert found("service-id", service["ServiceId"]) == {service["ServiceId"]}
    assert found("service-name", hub["ServiceName"]) == {hub["ServiceId"]}
    assert found("service-state", "Available") == {hub["ServiceId"], service["ServiceId"]}
    assert found("service-state", "Deleting") == set()


def test_pages_of_services_and_principals(ec2, service, balancer):
    ec2.create_vpc_endpoint_service_configuration(NetworkLoadBalancerArns=[balancer])
    ec2.modify_vpc_endpoint_service_permissions(**names(service), AddAllowedPrincipals=["*"])
    for method, key, parameters in (
        ("describe_vpc_endpoint_service_configurations", "ServiceConfigurations", {}),
        ("describe_vpc_endpoint_service_permissions", "AllowedPrincipals", names(service)),
    ):
        pages = list(ec2.get_paginator(method).paginate(**parameters, PaginationConfig={"PageSize": 1}))
        assert [len(one[key]) for one in pages] == [1, 1]


def test_load_balancers_of_a_service(ec2, elbv2, service, balancer, make_balancer, consumer):
    other = make_balancer("other")
    change = ec2.modify_vpc_endpoint_service_configuration
    assert error_of(change, **names(service), RemoveNetworkLoadBalancerArns=[balancer]) == "InvalidParameter"
    consumer.connect(service)
    change(**names(service), AddNetworkLoadBalancerArns=[other])
    code = error_of(change, **names(service), RemoveNetworkLoadBalancerArns=[balancer])
    assert code == "ExistingVpcEndpointConnections"
    (seen,) = ec2.describe_vpc_endpoint_service_configurations()["ServiceConfigurations"]
    assert sorted(seen["NetworkLoadBalancerArns"]) == sorted([balancer, other])
    assert seen["AvailabilityZones"] == ["eu-west-1a", "eu-west-1b"]
    assert error_of(elbv2.delete_load_balancer, LoadBalancerArn=other) == "ResourceInUse"
