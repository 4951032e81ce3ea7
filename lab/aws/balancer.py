"""Makes the HAProxy in one container do what the network load balancer is to do, and keeps it so."""

import logging
import socket
import time
from pathlib import Path

from . import draining, haproxy, nlb
from .changes import Remembered
from .podman import pid, podman

log = logging.getLogger(__name__)

IDLE_TIMEOUT = "net.netfilter.nf_conntrack_tcp_timeout_established"
PRESENT = f"""
systemctl is-system-running --wait >/dev/null 2>&1
systemctl is-active --quiet haproxy.service || exit 0
sysctl --values {IDLE_TIMEOUT} && cat /etc/haproxy/haproxy.cfg
"""
CHECK = "cat >/etc/haproxy/haproxy.cfg.new && haproxy -c -q -f /etc/haproxy/haproxy.cfg.new"
# A reload leaves the connections of targets that stay to HAProxy's last process; a load balancer that is gone has none.
LOAD = """
mv /etc/haproxy/haproxy.cfg.new /etc/haproxy/haproxy.cfg && cat >{state_file} &&
systemctl --quiet enable haproxy.service && systemctl reset-failed haproxy.service && systemctl {verb} haproxy.service
"""


class Balancer:
    """`hosts` is a function that returns the names of addresses."""

    def __init__(self, elbv2, ec2, container, address, hosts):
        self.wanted = Remembered(lambda: nlb.read(elbv2, ec2))
        self.container, self.address, self.hosts = container, address, hosts
        self.draining = draining.Draining()
        # What the container does at present.
        self.pid, self.config, self.idle_timeout = 0, "", ""

    def follow(self) -> list[str]:
        """One look, and what follows from it; returns what was done."""
        balancer = self.wanted.get()
        self.know_the_container()
        backends = haproxy.plan(balancer, self.hosts())
        done = self.configure(haproxy.render(backends, self.address), backends)
        done += self.set_idle_timeout(balancer)
        return done + self.end_connections(balancer, backends)

    def know_the_container(self):
        """Read what it does at present, when this is the first look or it was started again."""
        if self.pid and Path(f"/proc/{self.pid}").exists():
            return
        number = pid(self.container)
        if not number:
            raise RuntimeError(f"{self.container} does not run: there is no load balancer.")
        self.idle_timeout, _, self.config = podman("exec", self.container, "sh", "-c", PRESENT).partition("\n")
        self.pid = number

    def configure(self, config: str, backends: list[haproxy.Backend]) -> list[str]:
        if config == self.config:
            return []
        podman("exec", "--interactive", self.container, "sh", "-c", CHECK, stdin=config)
        state = haproxy.carry_over(self.ask("show servers state") if self.config else "", backends)
        load = LOAD.format(state_file=haproxy.STATE_FILE, verb="reload-or-restart" if backends else "restart")
        podman("exec", "--interactive", self.container, "sh", "-c", load, stdin=state)
        self.config = config
        return [f"HAProxy serves {describe(backends)}"]

    def set_idle_timeout(self, balancer: nlb.LoadBalancer | None) -> list[str]:
        """HAProxy's own timeouts would close a connection; the kernel forgets its flow, as an NLB does, and all alike."""
        timeouts = {listener.idle_timeout for listener in (balancer.listeners if balancer else ())}
        if len(timeouts) > 1:
            log.warning("listeners have different idle timeouts (%s): the lab takes the shortest", sorted(timeouts))
        if not timeouts or str(min(timeouts)) == self.idle_timeout:
            return []
        podman("exec", self.container, "sysctl", "--quiet", "--write", f"{IDLE_TIMEOUT}={min(timeouts)}")
        self.idle_timeout = str(min(timeouts))
        return [f"idle connections are forgotten after {self.idle_timeout} s"]

    def end_connections(self, balancer: nlb.LoadBalancer | None, backends: list[haproxy.Backend]) -> list[str]:
        down = haproxy.find_down(self.ask("show servers state")) if backends else {}
        due = self.draining.due(balancer, down, time.monotonic())
        for target in due:
            command = ("ss", "--kill", "--no-header", "--tcp", "dst", target.address, "dport", "=", f":{target.port}")
            podman("exec", self.container, *command)
        return [f"connections to {target.address}:{target.port} were ended" for target in due]

    def ask(self, command: str) -> str:
        """One command on HAProxy's admin socket."""
        with socket.socket(socket.AF_UNIX) as connection:
            connection.settimeout(2)
            connection.connect(f"/proc/{self.pid}/root/run/haproxy/admin.sock")
            connection.sendall(f"{command}\n".encode())
            return b"".join(iter(lambda: connection.recv(65536), b"")).decode()


def describe(backends: list[haproxy.Backend]) -> str:
    return (
        "; ".join(
            f"{backend.name} on {backend.port}: {', '.join(server.name for server in backend.servers) or 'no target'}"
            for backend in backends
        )
        or "no listener"
    )
