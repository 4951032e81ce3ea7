"""What the lab's HAProxy has to be told to do as a network load balancer does. Only text: nothing here runs anything."""

import re
from dataclasses import dataclass
from pathlib import Path

import jinja2

from .nlb import HealthCheck, LoadBalancer, Target, TargetGroup

STATE_FILE = "/var/lib/haproxy/server-state"
STATE_HEADING = (
    "be_id be_name srv_id srv_name srv_addr srv_op_state srv_admin_state srv_uweight srv_iweight "
    "srv_time_since_last_change srv_check_status srv_check_result srv_check_health srv_check_state srv_agent_state "
    "bk_f_forced_id srv_f_forced_id srv_fqdn srv_port srvrecord srv_use_ssl srv_check_port srv_check_addr "
    "srv_agent_addr srv_agent_port"
)
STATE_FIELDS = STATE_HEADING.split()
DOWN = "0"  # of srv_op_state
# A server that no check has looked at yet. The lab's HAProxy, 2.6, takes such a one for healthy unless it is told.
NEW = {
    "srv_op_state": DOWN,
    "srv_admin_state": "0",
    "srv_time_since_last_change": "0",
    "srv_check_status": "1",
    "srv_check_result": "0",
    "srv_check_health": "0",
}


@dataclass(frozen=True)
class Server:
    name: str
    address: str
    port: int
    check_port: int


@dataclass(frozen=True)
class Backend:
    """A listener and its target group."""

    name: str
    port: int
    check: HealthCheck
    servers: tuple[Server, ...]
    terminates: bool


def plan(balancer: LoadBalancer | None, hosts: dict[str, str]) -> list[Backend]:
    """The backends, called after the resources; `hosts` says which address is called what."""
    backends, names = [], set()
    for listener in balancer.listeners if balancer else ():
        name = unique(listener.group.name, listener.port, names)
        servers = name_servers(listener.group, hosts)
        group = listener.group
        backends.append(Backend(name, listener.port, group.health_check, servers, group.unhealthy_terminates))
    return backends


def name_servers(group: TargetGroup, hosts: dict[str, str]) -> tuple[Server, ...]:
    names = set()
    return tuple(
        Server(
            name=unique(hosts.get(target.address, target.address), target.port, names),
            address=target.address,
            port=target.port,
            check_port=group.health_check.port or target.port,
        )
        for target in group.targets
    )


def unique(name: str, port: int, taken: set[str]) -> str:
    name = re.sub(r"[^A-Za-z0-9_.:-]", "-", name)
    name = f"{name}-{port}" if name in taken else name
    taken.add(name)
    return name


def word(text: str) -> str:
    """One word in HAProxy's configuration, whatever is in it."""
    if re.search(r"[\x00-\x1f]", text):
        raise ValueError(f"{text!r} cannot be written into HAProxy's configuration.")
    return text if re.fullmatch(r"[A-Za-z0-9_/.,:-]+", text) else "'" + text.replace("'", r"'\''") + "'"


def render(backends: list[Backend], address: str) -> str:
    templates = Path(__file__).resolve().parent.parent / "templates"
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(templates),
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters["word"] = word
    template = environment.get_template("nlb.cfg.j2")
    return template.render(backends=backends, address=address, state_file=STATE_FILE)


def parse_state(dump: str) -> list[dict[str, str]]:
    """The answer to 'show servers state' on the admin socket."""
    lines = [line.split() for line in dump.splitlines()[1:] if line and not line.startswith("#")]
    return [dict(zip(STATE_FIELDS, line, strict=True)) for line in lines]


def find_down(dump: str) -> dict[Target, int]:
    """The targets that no group finds healthy, and for how many seconds that is so."""
    rows = {True: {}, False: {}}
    for row in parse_state(dump):
        target = Target(row["srv_addr"], int(row["srv_port"]))
        rows[row["srv_op_state"] == DOWN][target] = int(row["srv_time_since_last_change"])
    return {target: seconds for target, seconds in rows[True].items() if target not in rows[False]}


def carry_over(dump: str, backends: list[Backend]) -> str:
    """The servers' state for HAProxy's next process: what the last one knew of a target; a new one has to be checked.

    Addresses and ports are the wanted ones, as HAProxy would take those of this file rather than its configuration's.
    """
    known = {(row["be_name"], row["srv_name"], row["srv_addr"], row["srv_port"]): row for row in parse_state(dump)}
    lines = ["1", f"# {STATE_HEADING}"]
    for backend in backends:
        for server in backend.servers:
            row = known.get((backend.name, server.name, server.address, str(server.port)), NEW)
            lines.append(" ".join(state_line(backend, server, row).values()))
    return "\n".join(lines) + "\n"


def state_line(backend: Backend, server: Server, row: dict[str, str]) -> dict[str, str]:
    fixed = dict.fromkeys(STATE_FIELDS, "0") | {
        "be_name": backend.name,
        "srv_name": server.name,
        "srv_addr": server.address,
        "srv_uweight": "1",
        "srv_iweight": "1",
        "srv_check_state": "6",  # on, and not at work
        "srv_fqdn": "-",
        "srv_port": str(server.port),
        "srvrecord": "-",
        "srv_check_port": str(server.check_port),
        "srv_check_addr": "-",
        "srv_agent_addr": "-",
    }
    return fixed | {field: row[field] for field in NEW} | {"srv_check_health": health(backend, row)}


def health(backend: Backend, row: dict[str, str]) -> str:
    """How many checks a server is from the other state; within the thresholds, which may have changed meanwhile."""
    rise, fall = backend.check.healthy, backend.check.unhealthy
    last = int(row["srv_check_health"])
    return str(min(last, rise - 1) if row["srv_op_state"] == DOWN else min(max(last, rise), rise + fall - 1))
