"""The faults: how each is made and mended, and which of the design's figures it has to reach.

A fault's function looks up what it needs and returns two commands: inject and heal. Healing happens in any case,
also after an interruption, so it has to bear that nothing was injected.
"""

from __future__ import annotations

import difflib
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass

from benchmarks.drill.figures import Limit
from benchmarks.drill.layout import TABLE, LabError, Layout

# The design's figures.
SEEN = Limit("first_503", 2.5)  # half-open tunnel
MOVED = Limit("moved", 12)  # forwarder, tunnel, sshd or VM dead
RESTARTED = Limit("back", 3)  # ssh killed
BACK_AFTER_LONG, BACK_AFTER_SHORT, LONG = Limit("back", 3), Limit("back", 10), 20  # sshd or the link
TAKEN_OVER = Limit("back", 15)  # a dead peer's listener
STAYS = Limit("servers_down", 0)
NO_REFUSAL = Limit("refusals", 0)
NO_SESSION = Limit("lost", 0)
BEYOND = Limit("beyond", 1)  # the database's own outage
# Not figures, but what has to be: other proxies' sessions live; what harms nobody is not noticed.
ELSEWHERE = Limit("lost_elsewhere", 0)
NO_FAILURE = Limit("failed", 0)
UNDER_WAY = Limit("failed", 2)  # new connections wait for a tunnel that is back soon; what was under way breaks off

Commands = tuple[Callable[[], object], Callable[[], object]]


@dataclass(frozen=True)
class Fault:
    name: str
    title: str
    make: Callable[[Layout], Commands]
    duration: float | None = None  # None: nothing to mend, it has to come back by itself
    figures: tuple[Limit, ...] = ()  # of the design: five rounds
    expected: tuple[Limit, ...] = (ELSEWHERE,)
    resources: tuple[str, ...] | None = None  # whose servers the load balancer is to give up; None: all
    at_the_database: bool = False
    streams: int = 0  # bulk queries while it lasts

    @property
    def limits(self) -> tuple[Limit, ...]:
        return self.figures + self.expected

    @property
    def rounds(self) -> int:
        return 5 if self.figures else 1


def nothing() -> None:
    pass


def on(lab: Layout, machine: str, inject: str, heal: str = "") -> Commands:
    """Shell commands on one machine, which is found beforehand so that the fault begins when it is said to."""
    pid = lab.pid(machine)
    return (
        lambda: lab.enter(pid, inject, machine=machine),
        lambda: lab.enter(pid, heal, machine=machine) if heal else None,
    )


# The tunnel.
def ssh_killed(lab: Layout) -> Commands:
    return on(lab, lab.tunnel_host, f"kill -KILL {lab.ssh_pid()}")


def autossh_killed(lab: Layout) -> Commands:
    return on(lab, lab.tunnel_host, f"kill -KILL {lab.autossh_pid()}")


def ssh_frozen(lab: Layout) -> Commands:
    """It may have been given up and replaced before it goes on."""
    pid = lab.ssh_pid()
    return on(lab, lab.tunnel_host, f"kill -STOP {pid}", f"kill -CONT {pid} || true")


def session_killed(lab: Layout) -> Commands:
    return on(lab, lab.victim, f"kill -KILL {lab.session_pids()}")


def sshd_stopped(lab: Layout) -> Commands:
    """Socket, service and sessions: the next connection would start the service again."""
    pids = lab.session_pids()
    sshd = lab.run(lab.victim, "systemctl is-active --quiet ssh.socket && echo ssh.socket || echo ssh.service")
    return on(
        lab,
        lab.victim,
        f"systemctl stop ssh.socket ssh.service; kill -TERM {pids}",
        f"systemctl start {sshd}",
    )


def powered_off(lab: Layout) -> Commands:
    """The old connection's packets are lost both ways, so that neither end hears of the other's death. The new one,
    from the machine that replaces it, finds its listeners held by the old one."""
    peers = f"ip saddr {lab.tunnel_host_address} ip daddr {lab.proxies[lab.victim]} tcp sport {lab.ssh_port()} drop"
    back = f"ip saddr {lab.proxies[lab.victim]} ip daddr {lab.tunnel_host_address} tcp dport {lab.ssh_port()} drop"
    lose, find = packet_filter(lab, lab.router, {"forward": [peers, back]})
    power_off, _ = on(lab, lab.tunnel_host, f"kill -KILL {lab.ssh_pid()} {lab.autossh_pid()}")
    return lambda: (lose(), power_off()), find


def key_removed(lab: Layout) -> Commands:
    """As a revocation does it: the key goes, and its session with it."""
    saved = f"/run/{TABLE}.keys"
    return on(
        lab,
        lab.victim,
        f"cp {lab.key_file} {saved}; sed -i /^restrict/d {lab.key_file}; kill -TERM {lab.session_pids()}",
        f"test ! -e {saved} || {{ cat {saved} >{lab.key_file}; rm {saved}; }}",
    )


# The proxy.
def forwarder_stopped(lab: Layout) -> Commands:
    return on(lab, lab.victim, f"systemctl stop {lab.forwarder_unit}", f"systemctl start {lab.forwarder_unit}")


def forwarder_killed(lab: Layout) -> Commands:
    return on(lab, lab.victim, f"kill -KILL {lab.main_pid(lab.victim, lab.forwarder_unit)}")


def health_killed(lab: Layout) -> Commands:
    return on(lab, lab.victim, f"kill -KILL {lab.main_pid(lab.victim, lab.health_unit)}")


def proxy_stopped(lab: Layout) -> Commands:
    def podman(*arguments: str) -> None:
        command = ["podman", *arguments, f"onprem-tunnel-{lab.victim}"]
        subprocess.run(command, check=True, capture_output=True, timeout=60)

    return lambda: podman("stop", "--time", "5"), lambda: podman("start")


def proxy_network_dead(lab: Layout) -> Commands:
    """Silence both ways; a card that is down would tell the programs on the proxy at once."""
    return packet_filter(lab, lab.victim, {"input": ['iifname != "lo" drop'], "output": ['oifname != "lo" drop']})


def disk_full(lab: Layout) -> Commands:
    """The machine's disk is this host's, which must not be filled: so it is what can be written on a proxy but the
    disk. File systems in memory are made as small as what they hold, and a tiny full one covers /var/tmp."""
    return on(
        lab,
        lab.victim,
        "for where in /tmp /var/log/journal; do"
        " used=$(df -B1 --output=used $where | tail -n 1); mount -o remount,size=$((used + 4096)) $where; done;"
        " mount -t tmpfs -o size=64k tmpfs /var/tmp;"
        f" for where in /tmp /var/log/journal /var/tmp; do head -c 1M /dev/zero >$where/{TABLE} 2>/dev/null; done; true",
        "for where in /tmp /var/log/journal; do"
        f" rm -f $where/{TABLE}; mount -o remount,size=50% $where; done;"
        " mountpoint -q /var/tmp && umount /var/tmp; true",
    )


# The circuit.
def packet_filter(lab: Layout, machine: str, chains: dict[str, list[str]]) -> Commands:
    """Before connections are looked up, so that the lost packets leave no trace."""
    rules = "".join(
        f"chain {hook} {{ type filter hook {hook} priority {-300 if hook != 'forward' else -10};"
        f" {'; '.join(lines)}; }};"
        for hook, lines in chains.items()
    )
    return on(
        lab,
        machine,
        f"nft 'table inet {TABLE} {{ {rules} }}'",
        f"nft delete table inet {TABLE} 2>/dev/null || true",
    )


def blackholed(lab: Layout) -> Commands:
    here, there = lab.tunnel_host_address, lab.proxies[lab.victim]
    rules = [f"ip saddr {here} ip daddr {there} drop", f"ip saddr {there} ip daddr {here} drop"]
    return packet_filter(lab, lab.router, {"forward": rules})


def saturated(lab: Layout) -> Commands:
    """A slow circuit that all tunnels share, filled from the company's side. Its router queues up to 100 ms, a round
    trip's worth, as routers commonly do."""
    card = lab.circuit_card()
    return on(
        lab,
        lab.edge,
        f"tc qdisc replace dev {card} root tbf rate 20mbit burst 32kb latency 100ms",
        f"tc qdisc del dev {card} root 2>/dev/null || true",
    )


# What is behind the tunnel.
def probe_hung(lab: Layout) -> Commands:
    pid = lab.main_pid(lab.tunnel_host, lab.probe_unit)
    return on(lab, lab.tunnel_host, f"kill -STOP {pid}", f"kill -CONT {pid} || true")


def database_down(lab: Layout) -> Commands:
    # A stopped instance is forgotten, and no pattern finds it again.
    listing = "systemctl list-units --plain --no-legend --state=active mariadb.service 'postgresql@*' | cut -d' ' -f1"
    units = " ".join(lab.run(lab.database, listing).split())
    if len(units.split()) < 2:
        raise LabError(f"{lab.database}: both databases should run, and only '{units}' does. Run 'make lab'.")
    return on(lab, lab.database, f"systemctl stop {units}", f"systemctl start {units}")


def name_unresolvable(lab: Layout) -> Commands:
    """The company's name service forgets the databases. The file is mounted into the machine: write, never replace."""
    saved = f"/run/{TABLE}.hosts"
    names = "|".join(resource["host"].replace(".", r"\.") for resource in lab.resources.values())
    return on(
        lab,
        lab.tunnel_host,
        f"cp /etc/hosts {saved}; grep -vE '{names}' {saved} >/etc/hosts",
        f"test ! -e {saved} || {{ cat {saved} >/etc/hosts; rm {saved}; }}",
    )


def ssh_died(name: str, title: str, make) -> Fault:
    return Fault(name, title, make, figures=(RESTARTED,), expected=(ELSEWHERE, UNDER_WAY))


def outage(name: str, title: str, make, seconds: int, *figures: Limit) -> Fault:
    """Of sshd or of the link: how fast it has to be back depends on its length."""
    moved = (MOVED,) if seconds > MOVED.at_most else ()
    back = BACK_AFTER_LONG if seconds >= LONG else BACK_AFTER_SHORT
    return Fault(f"{name}-{seconds}", f"{title} {seconds} s", make, seconds, (*figures, *moved, back))


def dead(name: str, title: str, make, seconds: int, *figures: Limit, **options) -> Fault:
    moved = (MOVED,) if seconds > MOVED.at_most else ()
    return Fault(name, f"{title} {seconds} s", make, seconds, (*figures, *moved), **options)


def sshd_outage(seconds: int) -> Fault:
    return outage("sshd-stopped", "sshd stopped", sshd_stopped, seconds)


def blackhole(seconds: int) -> Fault:
    return outage("blackhole", "circuit blackholed", blackholed, seconds, SEEN)


def forwarder_outage(seconds: int) -> Fault:
    return dead("forwarder-stopped", "forwarder stopped", forwarder_stopped, seconds, resources=(Layout.forwarded,))


def freeze(seconds: int) -> Fault:
    return dead("ssh-frozen", "ssh frozen", ssh_frozen, seconds, SEEN)


def saturation(seconds: int) -> Fault:
    figures = (NO_REFUSAL, STAYS, NO_SESSION)
    return Fault("saturated", f"tunnel saturated {seconds} s", saturated, seconds, figures, streams=8)


def database_outage(seconds: int) -> Fault:
    return Fault(
        "database-down",
        f"databases down {seconds} s",
        database_down,
        seconds,
        (STAYS, BEYOND),
        expected=(),
        at_the_database=True,
    )


SSH_KILLED = ssh_died("ssh-killed", "ssh killed", ssh_killed)
AUTOSSH_KILLED = ssh_died("autossh-killed", "autossh killed", autossh_killed)
SESSION_KILLED = ssh_died("session-killed", "session's sshd killed", session_killed)
POWERED_OFF = Fault("power-off", "tunnel host lost, old listener held", powered_off, figures=(TAKEN_OVER,))
UNNOTICED = (NO_REFUSAL, STAYS, NO_FAILURE, NO_SESSION, ELSEWHERE)
NAME_UNRESOLVABLE = Fault(
    "name-unresolvable", "database names unresolvable 20 s", name_unresolvable, 20, expected=UNNOTICED
)

FAULTS = [
    SSH_KILLED,
    AUTOSSH_KILLED,
    sshd_outage(15),
    sshd_outage(60),
    SESSION_KILLED,
    forwarder_outage(20),
    Fault("forwarder-killed", "forwarder killed", forwarder_killed, resources=(Layout.forwarded,)),
    Fault("health-killed", "health service killed", health_killed, expected=(STAYS, NO_FAILURE, NO_SESSION, ELSEWHERE)),
    Fault("probe-hung", "probe hung 20 s", probe_hung, 20, expected=UNNOTICED),
    dead("proxy-stopped", "proxy stopped", proxy_stopped, 20),
    dead("proxy-network-dead", "proxy's network dead", proxy_network_dead, 20),
    *(blackhole(seconds) for seconds in (4, 7, 9, 12, 30)),
    POWERED_OFF,
    freeze(20),
    saturation(60),
    database_outage(20),
    NAME_UNRESOLVABLE,
    Fault("key-removed", "key removed 20 s", key_removed, 20, expected=(MOVED, ELSEWHERE)),
    Fault("disk-full", "disk full on the proxy 20 s", disk_full, 20, expected=UNNOTICED),
]

# Each of the design's figures once, in minutes; and a name server that hangs, which once stopped every resource.
SHORT = [
    SSH_KILLED,
    AUTOSSH_KILLED,
    SESSION_KILLED,
    forwarder_outage(14),
    sshd_outage(20),
    dead("proxy-stopped", "proxy stopped", proxy_stopped, 14),
    blackhole(4),
    blackhole(20),
    POWERED_OFF,
    freeze(8),
    saturation(20),
    database_outage(8),
    NAME_UNRESOLVABLE,
]


def choose(faults: list[Fault], names: str | None) -> list[Fault]:
    """The faults of a comma-separated list, all without one."""
    if not names:
        return faults
    known = {fault.name: fault for fault in faults}
    chosen = []
    for name in filter(None, (name.strip() for name in names.split(","))):
        if name not in known:
            near = difflib.get_close_matches(name, known, 1, 0.5)
            meant = f" Did you mean '{near[0]}'?" if near else ""
            sys.exit(f"There is no fault '{name}'.{meant}\nThere are: {', '.join(known)}")
        chosen.append(known[name])
    return chosen
