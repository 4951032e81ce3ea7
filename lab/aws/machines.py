"""Instances are containers: what becomes of the containers when instances come, stop, start and go."""

import json
import logging
import os
import subprocess
from dataclasses import asdict, dataclass
from pathlib import Path

from .changes import Remembered
from .podman import containers, podman

log = logging.getLogger(__name__)

LIVING = ("pending", "running", "stopping", "stopped")
DONE = {"make": "made", "start": "started", "stop": "stopped", "remove": "removed"}


@dataclass(frozen=True)
class Instance:
    id: str
    address: str
    state: str


@dataclass(frozen=True)
class Machine:
    """The container of a host: which instance it was made for, and whether that ran when it was last looked at."""

    instance: str
    running: bool


@dataclass(frozen=True)
class Action:
    verb: str  # of DONE
    host: str
    instance: str


def decide(
    instances: list[Instance], hosts: dict[str, str], machines: dict[str, Machine], present: set[str]
) -> list[Action]:
    """What to do so that each host's container is what its instance is.

    `hosts` are the names by address, and `present` the hosts that have a container. An instance that was made anew is
    a fresh machine. Only what happens to an instance has consequences: a container that somebody stopped or started
    stays so, and that of an instance that AWS knows nothing of (this program was started again) stays, too.
    """
    actions = []
    for address, host in sorted(hosts.items(), key=lambda item: item[1]):
        machine = machines.get(host)
        here = [instance for instance in instances if instance.address == address and instance.state in LIVING]
        # Another VPC may have the same address: the one that is known stays.
        instance = next((item for item in here if machine and item.id == machine.instance), here[0] if here else None)
        if instance:
            actions.append(follow(instance, host, machine, host in present))
        elif machine and any(item.id == machine.instance for item in instances):
            actions.append(Action("remove", host, machine.instance))
    return [action for action in actions if action]


def follow(instance: Instance, host: str, machine: Machine | None, present: bool) -> Action | None:
    known = machine is not None and machine.instance == instance.id
    if instance.state == "running":
        if not known or not present:
            return Action("make", host, instance.id)
        return None if machine.running else Action("start", host, instance.id)
    if instance.state == "stopped" and known and machine.running:
        return Action("stop", host, instance.id)
    return None


def every_instance(ec2) -> list[dict]:
    """Every instance as AWS describes it."""
    pages = ec2.get_paginator("describe_instances").paginate()
    return [item for page in pages for reservation in page["Reservations"] for item in reservation["Instances"]]


def read(ec2) -> list[Instance]:
    instances = sorted(every_instance(ec2), key=lambda item: (item["LaunchTime"], item["InstanceId"]))
    return [Instance(item["InstanceId"], item.get("PrivateIpAddress", ""), item["State"]["Name"]) for item in instances]


class Machines:
    """`hosts` is a function that returns the names of addresses; `make` is the command that makes the given hosts."""

    def __init__(self, ec2, hosts, make, record: Path, prefix, ended):
        self.instances = Remembered(lambda: read(ec2))
        # Seldom, as only a test would take a container away; asked anew whenever something was done.
        self.present = Remembered(containers)
        self.hosts, self.make_command, self.record, self.prefix, self.ended = hosts, make, record, prefix, ended
        self.machines = {}
        if record.exists():
            self.machines = {host: Machine(**machine) for host, machine in json.loads(record.read_text()).items()}

    def follow(self) -> list[str]:
        """One look, and what follows from it; returns what was done."""
        instances, hosts = self.instances.get(), self.hosts()
        for instance in instances:
            if instance.state in LIVING and instance.address not in hosts:
                log.warning("instance %s at %s is no machine of the lab", instance.id, instance.address)
        present = {host for host in hosts.values() if self.prefix + host in self.present.get()}
        actions = decide(instances, hosts, self.machines, present)
        if actions:
            self.present.calls = None  # they are others now
        for action in actions:
            if action.verb != "make":
                getattr(self, action.verb)(action)
        self.make([action for action in actions if action.verb == "make"])
        return [f"{DONE[action.verb]} {action.host} ({action.instance})" for action in actions]

    def make(self, actions: list[Action]):
        if not actions:
            return
        hosts = [action.host for action in actions]
        log.info("making %s", ", ".join(f"{action.host} ({action.instance})" for action in actions))
        for action in actions:
            self.forget(action.host)
            self.remove_container(action.host)
        self.run([*self.make_command, ",".join(hosts)])
        for action in actions:
            self.remember(action.host, Machine(action.instance, running=True))

    def run(self, command: list[str]):
        """The playbook; ended with this program, as it would otherwise go on without anybody to look after it."""
        process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )
        output = None
        while output is None:
            try:
                output, _ = process.communicate(timeout=0.2)
            except subprocess.TimeoutExpired:
                if self.ended.is_set():
                    process.terminate()
        if process.returncode:
            raise RuntimeError(f"{' '.join(command)} failed:\n{output.strip()}")

    def start(self, action: Action):
        podman("start", self.prefix + action.host)
        self.remember(action.host, Machine(action.instance, running=True))

    def stop(self, action: Action):
        podman("stop", "--time", "5", self.prefix + action.host)
        self.remember(action.host, Machine(action.instance, running=False))

    def remove(self, action: Action):
        self.remove_container(action.host)
        self.forget(action.host)

    def remove_container(self, host: str):
        podman("rm", "--force", "--ignore", "--time", "0", self.prefix + host)

    def remember(self, host: str, machine: Machine):
        self.machines[host] = machine
        self.write()

    def forget(self, host: str):
        self.machines.pop(host, None)
        self.write()

    def write(self):
        new = self.record.with_suffix(".new")
        new.write_text(json.dumps({host: asdict(machine) for host, machine in self.machines.items()}, indent=2) + "\n")
        os.replace(new, self.record)
