"""The VPC endpoints of rules in AWS, made by the role that Databricks connects with, in Databricks' own account."""

from __future__ import annotations

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError

from .endpoints import NotAllowed
from .state.rules import ENDPOINT_SERVICE

ROLE = "arn:aws:iam::565502421330:role/private-connectivity-role-{region}"
VPC = "10.250.0.0/16"
SUBNET = "10.250.{number}.0/24"
NO_SERVICE = "InvalidServiceName"  # it does not exist, or does not allow the role
NOT_IN_ZONE = "InvalidParameter"


class VpcEndpoints:
    """They stay where EC2 keeps them; endpoint_url is that of EC2 and STS."""

    def __init__(self, endpoint_url: str | None = None):
        self.endpoint_url = endpoint_url
        self.clients: dict[str, object] = {}
        self.networks: dict[str, tuple[str, list[str]]] = {}
        self.regions: dict[str, str] = {}

    def create(self, endpoint_service: str) -> str:
        """Make an endpoint, pending the acceptance of the service's owner, in the first zone that the service is in."""
        region = ENDPOINT_SERVICE.fullmatch(endpoint_service)["region"]
        vpc_id, subnet_ids = self._network(region)
        for subnet_id in subnet_ids:
            try:
                made = self._ec2(region).create_vpc_endpoint(
                    VpcId=vpc_id, ServiceName=endpoint_service, VpcEndpointType="Interface", SubnetIds=[subnet_id]
                )["VpcEndpoint"]["VpcEndpointId"]
            except ClientError as error:
                if error.response["Error"]["Code"] not in (NO_SERVICE, NOT_IN_ZONE):
                    raise
                problem = error.response["Error"]["Message"]
            else:
                self.regions[made] = region
                return made
        raise NotAllowed(problem)

    def state(self, vpc_endpoint_id: str) -> str:
        try:
            found = self._ec2(self.regions[vpc_endpoint_id]).describe_vpc_endpoints(VpcEndpointIds=[vpc_endpoint_id])
        except ClientError as error:
            if error.response["Error"]["Code"] == "InvalidVpcEndpointId.NotFound":
                return "deleted"
            raise
        state = found["VpcEndpoints"][0]["State"]
        return state[0].lower() + state[1:]  # EC2 writes PendingAcceptance, too

    def delete(self, vpc_endpoint_id: str):
        self._ec2(self.regions[vpc_endpoint_id]).delete_vpc_endpoints(VpcEndpointIds=[vpc_endpoint_id])

    def _network(self, region: str) -> tuple[str, list[str]]:
        """Return the VPC of serverless compute in a region, and its subnets, one in each zone."""
        if region not in self.networks:
            ec2 = self._ec2(region)
            vpc_id = ec2.create_vpc(CidrBlock=VPC)["Vpc"]["VpcId"]
            zones = ec2.describe_availability_zones()["AvailabilityZones"]
            self.networks[region] = (
                vpc_id,
                [
                    ec2.create_subnet(
                        VpcId=vpc_id, CidrBlock=SUBNET.format(number=number), AvailabilityZone=zone["ZoneName"]
                    )["Subnet"]["SubnetId"]
                    for number, zone in enumerate(zones)
                ],
            )
        return self.networks[region]

    def _ec2(self, region: str):
        if region not in self.clients:
            role = ROLE.format(region=region)
            sts = self._client("sts", region, aws_access_key_id="lab", aws_secret_access_key="lab")
            given = sts.assume_role(RoleArn=role, RoleSessionName="private-connectivity")["Credentials"]
            self.clients[region] = self._client(
                "ec2",
                region,
                aws_access_key_id=given["AccessKeyId"],
                aws_secret_access_key=given["SecretAccessKey"],
                aws_session_token=given["SessionToken"],
            )
        return self.clients[region]

    def _client(self, service: str, region: str, **keys):
        config = Config(proxies={}, connect_timeout=2, read_timeout=20, retries={"max_attempts": 1})
        return boto3.client(service, region_name=region, endpoint_url=self.endpoint_url, config=config, **keys)
