"""What the compute of a workspace sees: names, and the endpoint that serverless compute's names lead to.

Classic compute stands in a VPC, and resolves what the private zones of that VPC say. Serverless compute stands in
Databricks' own network, and resolves the domain names of its NCC's rules to their endpoint, which a machine with a card in
each network plays: it passes connections on to the load balancer while the endpoint is in use.
"""

import ipaddress
import json
import urllib.request
from dataclasses import dataclass, field
from pathlib import Path

from .aws.changes import Remembered
from .aws.podman import pid, podman

BEGIN, END = "# BEGIN names of the lab's cloud", "# END names of the lab's cloud"
# The file belongs to Podman's container: it is written over, never replaced.
WRITE = f"""
rest=$(sed '/^{BEGIN}$/,/^{END}$/d' /etc/hosts)
{{ printf '%s\\n' "$rest"; cat; }} >/etc/hosts.new && cat /etc/hosts.new >/etc/hosts && rm /etc/hosts.new
"""
CLOSED = "table ip endpoint\ndelete table ip endpoint\n"
OPEN = """table ip endpoint {{
    chain prerouting {{
        type nat hook prerouting priority dstnat
        iifname != lo ip daddr {endpoint} tcp dport != 22 dnat to {balancer}
    }}
    chain postrouting {{
        type nat hook postrouting priority srcnat
        ip daddr {balancer} masquerade
    }}
}}
"""


@dataclass
class Machine:
    """A container, and what was last written to it; a container that was started again has lost it."""

    container: str
    command: list[str]
    pid: int = 0
    written: str | None = None

    def write(self, text: str) -> bool:
        """Whether there was something to write."""
        if self.written == text and Path(f"/proc/{self.pid}").exists():
            return False
        number = pid(self.container)
        if not number:
            raise RuntimeError(f"{self.container} does not run.")
        podman("exec", "--interactive", self.container, *self.command, stdin=text)
        self.pid, self.written = number, text
        return True


def hosts_file(container: str) -> Machine:
    return Machine(container, ["sh", "-c", WRITE])


def packet_filter(container: str) -> Machine:
    return Machine(container, ["nft", "--file", "-"])


def hosts_block(names: dict[str, str]) -> str:
    return "\n".join([BEGIN, *(f"{names[name]} {name}" for name in sorted(names)), END]) + "\n"


# --- classic -----------------------------------------------------------------------------------------------------


def vpc_of(ec2, address: str) -> str | None:
    """The VPC that has the address."""
    for vpc in ec2.describe_vpcs()["Vpcs"]:
        for block in vpc.get("CidrBlockAssociationSet", []):
            if ipaddress.ip_address(address) in ipaddress.ip_network(block["CidrBlock"]):
                return vpc["VpcId"]
    return None


def zone_names(route53, vpc: str, region: str, addresses: dict[str, str]) -> dict[str, str]:
    """What the private zones of a VPC say: name -> address. Aliases lead to load balancers, whose addresses are given."""
    names = {}
    for zone in route53.list_hosted_zones_by_vpc(VPCId=vpc, VPCRegion=region)["HostedZoneSummaries"]:
        records = route53.list_resource_record_sets(HostedZoneId=zone["HostedZoneId"])["ResourceRecordSets"]
        for record in records:
            target = record.get("AliasTarget", {}).get("DNSName", "").rstrip(".")
            if record["Type"] == "A" and target in addresses:
                names[record["Name"].rstrip(".")] = addresses[target]
    return names


# --- serverless --------------------------------------------------------------------------------------------------


def rule_names(rules: list[dict], endpoint: str) -> dict[str, str]:
    """The domain names of the rules that carry traffic: name -> the endpoint's address."""
    return {name: endpoint for rule in rules for name in rule["domain_names"]}


@dataclass
class Serverless:
    container: str
    workspace: str
    endpoint_machine: str
    endpoint: str
    """The endpoint's address in Databricks' network."""
    files: Machine = field(init=False)
    gate: Machine = field(init=False)

    def __post_init__(self):
        self.files, self.gate = hosts_file(self.container), packet_filter(self.endpoint_machine)


class Compute:
    """`classic` are the containers of classic compute and their addresses, `balancer` is the load balancer's address."""

    def __init__(self, ec2, route53, elbv2, region, classic: dict[str, str], serverless: Serverless, lab_url, balancer):
        self.ec2, self.route53, self.elbv2, self.region = ec2, route53, elbv2, region
        self.classic = [(hosts_file(container), address) for container, address in classic.items()]
        self.serverless, self.lab_url, self.balancer = serverless, lab_url, balancer
        self.classic_names = Remembered(self.read_zones)

    def read_zones(self) -> dict[str, dict[str, str]]:
        """Address of a machine -> what it resolves."""
        balancers = self.elbv2.describe_load_balancers()["LoadBalancers"]
        addresses = {entry["DNSName"]: self.balancer for entry in balancers}
        found = {}
        for _machine, address in self.classic:
            vpc = vpc_of(self.ec2, address)
            found[address] = zone_names(self.route53, vpc, self.region, addresses) if vpc else {}
        return found

    def read_rules(self) -> list[dict]:
        url = f"{self.lab_url}/_lab/workspaces/{self.serverless.workspace}"
        with urllib.request.urlopen(url, timeout=10) as answer:
            return json.load(answer)["rules"]

    def follow(self) -> list[str]:
        """One look, and what follows from it; returns what was done."""
        found = self.classic_names.get()
        resolving = [(machine, found[address]) for machine, address in self.classic]
        rules = self.read_rules()
        resolving.append((self.serverless.files, rule_names(rules, self.serverless.endpoint)))
        done = []
        for machine, names in resolving:
            if machine.write(hosts_block(names)):
                done.append(f"{machine.container} resolves {', '.join(names) or 'nothing'}")
        passing = OPEN.format(endpoint=self.serverless.endpoint, balancer=self.balancer) if rules else ""
        if self.serverless.gate.write(CLOSED + passing):
            done.append(f"the endpoint is {'open' if rules else 'closed'}")
        return done
