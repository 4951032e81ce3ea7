"""The role aws_hub against an AWS of its own: a server in this process, and ansible-playbook beside it."""

import contextlib
import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import boto3
from botocore.config import Config

ROOT = Path(__file__).parents[2]

REGION = "eu-central-1"
CREDENTIALS = {"AWS_ACCESS_KEY_ID": "testing", "AWS_SECRET_ACCESS_KEY": "the-stand-in-asks-for-none"}
ACCOUNT = "123456789012"
TESTS = "onprem-tunnel-tests"  # in the user agent of the tests' own calls
CALLS = []  # of the role, in their order, as IAM names them
# Everything that the role makes, or that lies beside it: service -> call -> the answer's list.
KINDS = {
    "ec2": {
        "describe_vpcs": "Vpcs",
        "describe_subnets": "Subnets",
        "describe_route_tables": "RouteTables",
        "describe_security_groups": "SecurityGroups",
        "describe_instances": "Reservations",
        "describe_volumes": "Volumes",
        "describe_network_interfaces": "NetworkInterfaces",
        "describe_vpc_peering_connections": "VpcPeeringConnections",
        "describe_vpc_endpoint_service_configurations": "ServiceConfigurations",
        "describe_vpc_endpoint_connections": "VpcEndpointConnections",
    },
    "elbv2": {"describe_load_balancers": "LoadBalancers", "describe_target_groups": "TargetGroups"},
    "route53": {"list_hosted_zones": "HostedZones"},
    "cloudwatch": {"describe_alarms": "MetricAlarms"},
}


def ansible_environment(without, home):
    """The environment of this process for ansible-playbook, without what it has of a cloud."""
    return {name: value for name, value in os.environ.items() if not name.startswith(without)} | {
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        "LC_ALL": "C.UTF-8",
        "HOME": str(home),
        "ANSIBLE_CONFIG": str(ROOT / "ansible.cfg"),
        "ANSIBLE_LOCAL_TEMP": str(ROOT / "build/ansible-tmp"),
    }


class Run:
    def __init__(self, output, errors, code, seconds):
        self.output = output + errors
        self.failed = code != 0
        self.seconds = seconds
        self.changed = sum(map(int, re.findall(r"changed=(\d+)", output.rpartition("PLAY RECAP")[2])))
        self.changing = set(re.findall(r"TASK \[.*? : (.*?)\] \**\n(?:(?!TASK).*\n)*?changed: ", output))

    def says(self, *words):
        text = " ".join(self.output.split())
        return all(word in text for word in words)


def descendants(pid):
    """The process and all that came of it: Ansible gives its workers sessions of their own."""
    with contextlib.suppress(FileNotFoundError, ProcessLookupError):  # it may end meanwhile
        children = [child for of in Path(f"/proc/{pid}/task").glob("*/children") for child in of.read_text().split()]
        return [pid, *(found for child in children for found in descendants(int(child)))]
    return []


def kill_at(process, call):
    """Kill it with all that it has started, as soon as it has made the call."""
    made, deadline = len(CALLS), time.monotonic() + 300
    while call not in CALLS[made:]:
        assert process.poll() is None and time.monotonic() < deadline, f"no {call}: {process.communicate()}"
        time.sleep(0.02)
    for pid in descendants(process.pid):
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


class Aws:
    """One account of the stand-in."""

    def __init__(self, port):
        self.url = f"http://127.0.0.1:{port}"

    def client(self, service, region=REGION):
        keys = {"aws_access_key_id": "testing", "aws_secret_access_key": CREDENTIALS["AWS_SECRET_ACCESS_KEY"]}
        config = Config(user_agent_extra=TESTS)
        return boto3.client(service, region_name=region, endpoint_url=self.url, config=config, **keys)

    def everything(self):
        """What there is, without what is over: kind -> sorted entries as text."""
        found = {}
        for service, calls in KINDS.items():
            client = self.client(service)
            for call, key in calls.items():
                entries = getattr(client, call)()[key]
                for subnet in entries if key == "Subnets" else []:
                    del subnet["AvailableIpAddressCount"]  # follows the machines in it
                entries = [json.dumps(entry, default=str, sort_keys=True) for entry in entries]
                over = ('"terminated"', '"Code": "deleted"', '"VpcEndpointState": "deleted"')
                found[call] = sorted(entry for entry in entries if not any(word in entry for word in over))
        elbv2 = self.client("elbv2")
        for balancer in elbv2.describe_load_balancers()["LoadBalancers"]:
            listeners = elbv2.describe_listeners(LoadBalancerArn=balancer["LoadBalancerArn"])["Listeners"]
            found[f"listeners of {balancer['LoadBalancerName']}"] = sorted(map(str, listeners))
        return found

    def run(self, *entry_points, arguments=(), region=REGION, environment=None, killed_at=None, **settings):
        given = {f"aws_hub_{name}": value for name, value in settings.items()}
        keys = CREDENTIALS if environment is None else environment
        given |= {"entry_points": entry_points, "aws_hub_region": region}
        given |= {"aws_hub_environment": {"AWS_ENDPOINT_URL": self.url, "AWS_EC2_METADATA_DISABLED": "true", **keys}}
        started = time.monotonic()
        process = subprocess.Popen(
            ["ansible-playbook", "-i", "localhost,", "-c", "local", "tests/aws_hub/hub.yml", *arguments]
            + ["-e", json.dumps({**given, "ansible_python_interpreter": sys.executable})],
            cwd=ROOT,
            env=ansible_environment("AWS_", ROOT / "build"),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        try:
            if killed_at:
                kill_at(process, killed_at)
            output, errors = process.communicate(timeout=300)
        finally:
            process.kill()
        return Run(output, errors, process.returncode, time.monotonic() - started)


def settings(**changes):
    """A hub with two proxies and two resources."""
    return {
        "name": "prod",
        "vpc_cidrs": ["10.40.0.0/22"],
        "subnets": [
            {"zone": "eu-central-1a", "cidr": "10.40.1.0/24", "load_balancer_address": "10.40.1.5"},
            {"zone": "eu-central-1b", "cidr": "10.40.2.0/24", "load_balancer_address": "10.40.2.5"},
        ],
        "proxies": {"proxy-a": "10.40.1.10", "proxy-b": "10.40.2.10"},
        "listeners": [listener("crm", 5432), listener("orders", 3306)],
        "clients": ["10.60.0.0/16"],
        "ssh_from": ["10.10.5.20"],
        "image_id": "ami-1e749f67",
        "names": ["onprem.corp.example"],
        **changes,
    }


def listener(name, port, proxies=("proxy-a", "proxy-b")):
    return {"name": name, "port": port, "health_path": f"/healthz/{name}", "proxies": list(proxies)}
