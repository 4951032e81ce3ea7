"""The lab as the faults see it: which machines there are, who the victim is, and how to run a command there.

Another layout (HAProxy as forwarder, several tunnels a proxy) is a subclass that answers the same questions.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
from functools import cached_property
from pathlib import Path

import yaml

ROOT = Path(__file__).resolve().parents[2]
TABLE = "onprem_tunnel_drill"


class LabError(Exception):
    """The lab is not as it should be; the message says what to do."""


class Layout:
    """The reference layout: one tunnel and socat forwarders on each proxy; the victim is the last proxy."""

    forwarded = "crm"  # the resource whose forwarder and path are looked at

    def __init__(self, root: Path = ROOT):
        self.root = root
        path = root / "build/lab.json"
        if not path.exists():
            raise LabError("There is no lab. Run 'make lab' first (as root).")
        facts = json.loads(path.read_text())
        self.load_balancer = facts["load_balancer"]
        self.health_port = facts["health_port"]
        self.resources = facts["resources"]
        self.proxies = {proxy["name"]: proxy["address"] for proxy in facts["proxies"]}
        self.victim = list(self.proxies)[-1]

    @cached_property
    def inventory(self) -> dict:
        return yaml.safe_load((self.root / "inventories/lab/hosts.yml").read_text())["all"]["children"]

    # Machines.
    client, balancer, database = "client", "load-balancer", "database"
    router = "hub-gateway"  # between the circuit and the hub
    edge = "onprem-firewall"  # the company's end of the circuit

    @property
    def tunnel_host(self) -> str:
        return next(iter(self.inventory["onprem_tunnel_hosts"]["hosts"]))

    @property
    def tunnel_host_address(self) -> str:
        return self.inventory["onprem_tunnel_hosts"]["hosts"][self.tunnel_host]["ansible_host"]

    @property
    def database_address(self) -> str:
        return self.inventory["databases"]["hosts"][self.database]["ansible_host"]

    # Units.
    @property
    def tunnel_unit(self) -> str:
        return f"onprem-tunnel@{self.victim}-1.service"

    @property
    def forwarder_unit(self) -> str:
        return f"onprem-tunnel-forward@{self.forwarded}.service"

    health_unit = "onprem-tunnel-health.service"
    probe_unit = "onprem-tunnel-probe.service"
    key_file = "/etc/ssh/onprem-tunnel/authorized_keys"

    def servers(self, resources=None) -> set[tuple[str, str]]:
        """The load balancer's servers that stand for the victim, as (resource, proxy)."""
        return {(resource, self.victim) for resource in resources or self.resources}

    # Commands.
    def pid(self, machine: str) -> str:
        """The machine's first process, as this host counts; changes when the machine is started again."""
        command = ["podman", "inspect", "--format", "{{.State.Pid}}", f"onprem-tunnel-{machine}"]
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
        if done.returncode or done.stdout.strip() in ("", "0"):
            raise LabError(f"The lab's machine {machine} is not running. Run 'make lab' first (as root).")
        return done.stdout.strip()

    def run(self, machine: str, command: str, check: bool = True) -> str:
        """Run a shell command on a machine; entering it directly costs a fiftieth of `podman exec`."""
        return self.enter(self.pid(machine), command, check, machine)

    @staticmethod
    def enter(pid: str, command: str, check: bool = True, machine: str = "") -> str:
        argv = ["nsenter", "--target", pid, "--all", "sh", "-c", command]
        done = subprocess.run(argv, capture_output=True, text=True, check=False, timeout=60)
        if check and done.returncode:
            raise LabError(f"{machine}: {command}\n{done.stdout}{done.stderr}")
        return done.stdout.strip()

    def worker(self, machine: str, module: str, options: dict) -> list[str]:
        """The command of a program of this package in a machine's network, with this host's Python and clock."""
        python = [sys.executable, "-m", f"benchmarks.drill.{module}", json.dumps(options)]
        return ["nsenter", "--target", self.pid(machine), "--net", *python]

    @property
    def balancer_socket(self) -> str:
        return f"/proc/{self.pid(self.balancer)}/root/run/haproxy/admin.sock"

    def main_pid(self, machine: str, unit: str) -> str:
        pid = self.run(machine, f"systemctl show --property MainPID --value {unit}")
        if pid in ("", "0"):
            raise LabError(f"{machine}: {unit} does not run. Run 'make lab' to get the present state of the roles.")
        return pid

    # The victim's tunnel.
    def autossh_pid(self) -> str:
        return self.main_pid(self.tunnel_host, self.tunnel_unit)

    def ssh_pid(self) -> str:
        return self.run(self.tunnel_host, f"pgrep --parent {self.autossh_pid()} --exact ssh")

    def ssh_port(self) -> str:
        """The source port of the tunnel's connection."""
        sockets = self.run(self.tunnel_host, f"ss -Hntp dst {self.proxies[self.victim]}:22")
        own = next(line for line in sockets.splitlines() if f"pid={self.ssh_pid()}," in line)
        return own.split()[3].rpartition(":")[2]

    def session_pids(self) -> str:
        """The processes of sshd that hold the victim's listeners."""
        sockets = self.run(self.victim, "ss -Hltnp src 127.0.0.0/8")
        pids = set(re.findall(r'"sshd[^"]*",pid=(\d+)', sockets))
        if not pids:
            raise LabError(f"{self.victim}: no session of sshd holds a listener.")
        return " ".join(pids)

    def clean(self) -> None:
        """Remove what an interrupted drill may have left."""
        for machine in {self.router, self.edge, *self.proxies}:
            self.run(machine, f"nft delete table inet {TABLE} 2>/dev/null || true")
        self.run(self.edge, f"tc qdisc del dev {self.circuit_card()} root 2>/dev/null || true")

    def circuit_card(self) -> str:
        """The edge router's network card on the circuit: the one that leads to the proxies."""
        return self.run(self.edge, f"ip -o route get {self.proxies[self.victim]} | grep -o 'dev [^ ]*'").split()[1]
