# Copyright (c) 2026 The lakehouse.onprem_tunnel authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The plan: from the list of resources, the machines and the settings to what each role consumes.

Nothing else computes a port, an address or a name.

A tunnel has a loopback address of its own on its proxy, and its listeners are at that address. The reference layout
has one tunnel on each proxy, and it is the first: 127.0.0.1. Further ones will be numbered from there by a slot that
the tunnel host declares, never by its position in a list, so that removing one does not renumber the others.

On a proxy, three things share the ports, and the plan keeps them apart:

- sshd, on every address;
- forwarders (``listen_port``) and the health check, on the network card;
- the tunnels' listeners (``tunnel_port``) and heartbeat, on the loopback.

So a listen port and a tunnel port never meet, even where they are the same number.

The result is sorted by name: another order in the inventory changes no file and restarts nothing.
"""

from __future__ import annotations

from ansible_collections.lakehouse.onprem_tunnel.plugins.plugin_utils._engines import ENGINES
from ansible_collections.lakehouse.onprem_tunnel.plugins.plugin_utils._fields import (
    CONNECTION_PRIVILEGES,
    PROXY,
    RESOURCE,
    SETTINGS,
    TUNNEL_HOST,
    Field,
    Report,
    as_address,
    machine_name,
    mapping,
    shown,
    suggestion,
)

_ON_CONNECTION = set(CONNECTION_PRIVILEGES)
FIRST_TUNNEL = "127.0.0.1"
ANYWHERE = ["0.0.0.0/0", "::/0"]
TUNNEL_PORT_OFFSET = 10000
HEALTH_PATH = "/healthz"


class PlanError(ValueError):
    """The input is wrong; ``problems`` says all of it, a line each."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = problems


def plan(resources: object, proxies: object, tunnel_hosts: object, settings: object) -> dict:
    """Checks the input and computes the plan. Raises PlanError with every problem."""
    report = Report([])
    chosen = mapping(settings, SETTINGS, report.at("settings"))
    proxy_vms = _machines(proxies, PROXY, report, "proxy", "proxy_vms")
    hosts = _machines(tunnel_hosts, TUNNEL_HOST, report, "tunnel host", "onprem_tunnel_hosts")
    items = _resources(resources, sorted(proxy_vms), sorted(hosts), report)
    _check_layout(proxy_vms, hosts, chosen, report)
    _check_names(items, report)
    _check_databricks(items, proxy_vms, chosen, report)
    _check_ports(items, proxy_vms, chosen, report)
    _check_sources(items, proxy_vms, tunnel_hosts, report)
    if report.problems:
        raise PlanError(report.problems)

    items.sort(key=lambda item: item["name"])
    return {
        "proxies": {name: _proxy(name, items, proxy_vms, hosts, chosen) for name in sorted(proxy_vms)},
        "tunnel_hosts": {name: _tunnel_host(name, items, proxy_vms, chosen) for name in sorted(hosts)},
        "hub": _hub(items, proxy_vms, hosts, chosen),
        "databricks": [_databricks(item, proxy_vms, chosen) for item in items if "databricks" in item],
        "drivers": _together([[ENGINES[item["engine"]].jdbc] for item in items if ENGINES[item["engine"]].jdbc]),
        "cdc": [{"name": item["name"], "engine": item["engine"], **item["cdc"]} for item in items if "cdc" in item],
        "warnings": _warnings(items, proxy_vms, hosts, chosen),
    }


# Reading the input


def _machines(value: object, fields: dict[str, Field], report: Report, kind: str, group: str) -> dict[str, dict]:
    if not isinstance(value, dict):
        report.at(group).wrong(f"{shown(value)} is not a mapping; write {{name: {{{next(iter(fields))}: …}}}}")
        return {}
    if not value:
        report.at(group).wrong(f"is empty; put at least one {kind} into this group of the inventory")
    machines = {}
    for name, machine in value.items():
        right_name = machine_name(name, report.at(group))
        checked = mapping(machine, fields, report.at(f"{kind} {right_name or shown(name)}"))
        if right_name:
            machines[right_name] = checked
    return machines


def _resources(value: object, proxies: list[str], hosts: list[str], report: Report) -> list[dict]:
    report = report.at("onprem_tunnel_resources")
    if not isinstance(value, (list, tuple)):
        report.wrong(f"{shown(value)} is not a list; write a list of resources, each '- name: …' with engine and host")
        return []
    if not value:
        report.wrong("is an empty list; write at least one resource with name, engine and host")
    items = []
    for position, resource in enumerate(value, 1):
        name = resource.get("name") if isinstance(resource, dict) else None
        label = f"resource {position}" + (f" ({name})" if _is_label(name) else "")
        place = Report(report.problems, label)
        item = mapping(resource, RESOURCE, place)
        if not isinstance(resource, dict):
            continue
        item["label"] = label
        _add_defaults(item, resource, proxies, hosts, place)
        _check_members(item["proxies"], proxies, place.at("proxies"))
        _check_members(item["tunnel_hosts"], hosts, place.at("tunnel_hosts"))
        _check_engine_has(item, place)
        items.append(item)
    return items


def _is_label(name: object) -> bool:
    return isinstance(name, str) and 0 < len(name) <= 31 and name.isascii() and name.isprintable()


def _add_defaults(item: dict, given: dict, proxies: list[str], hosts: list[str], report: Report) -> None:
    """Adds what was left out. What was given and is wrong stays away: it has its message, and nothing follows from it."""
    engine = ENGINES.get(item.get("engine", ""))
    if "port" not in given and engine:
        if engine.port is None:
            report.at("port").wrong(f"is missing, and engine {engine.name} has no default; write the service's port")
        else:
            item["port"] = engine.port
    item.update(listen_port_given="listen_port" in given, tunnel_port_given="tunnel_port" in given)
    if "listen_port" not in given and "port" in item:
        item["listen_port"] = item["port"]
    if "tunnel_port" not in given and "listen_port" in item:
        tunnel_port = item["listen_port"] + TUNNEL_PORT_OFFSET
        if tunnel_port <= 65535:
            item["tunnel_port"] = tunnel_port
        else:
            report.at("tunnel_port").wrong(
                f"its default, listen_port + {TUNNEL_PORT_OFFSET}, would be {tunnel_port}, past 65535; "
                "write a free tunnel_port from 1024 to 65535"
            )
    for field, everything in (("proxies", proxies), ("tunnel_hosts", hosts)):
        item.setdefault(field, list(everything))
        item[field].sort()


def _check_members(names: list[str], known: list[str], report: Report) -> None:
    for name in names:
        if known and name not in known:
            report.wrong(f"{shown(name)} is not in the inventory's group; {suggestion(name, known)}")


def _check_engine_has(item: dict, report: Report) -> None:
    engine = ENGINES.get(item.get("engine", ""))
    if engine is None:
        return
    if "databricks" in item and engine.databricks_type is None:
        usable = ", ".join(row.name for row in ENGINES.values() if row.databricks_type)
        report.at("databricks").wrong(
            f"Databricks has no connection type for engine {engine.name}; take the field out (it is there for {usable})"
        )
    if "cdc" in item and not engine.cdc:
        usable = ", ".join(row.name for row in ENGINES.values() if row.cdc)
        report.at("cdc").wrong(f"engine {engine.name} has no CDC; take the field out (it is there for {usable})")


# Checks across entries


def _check_layout(proxies: dict, hosts: dict, settings: dict, report: Report) -> None:
    if len(hosts) > 1:
        report.at("onprem_tunnel_hosts").wrong(
            f"{', '.join(sorted(hosts))} are {len(hosts)} tunnel hosts, and a proxy with proxy_vm_forwarder: socat "
            "takes one tunnel; leave one host in the group"
        )
    if settings.get("connections", 1) > 1:
        report.at("onprem_tunnel_connections").wrong(
            f"{settings['connections']} connections are more than proxy_vm_forwarder: socat can use; write 1"
        )
    for key, names in _shared(proxies.items(), lambda proxy: _same_address(proxy[1].get("address"))).items():
        report.wrong(
            f"proxies {', '.join(sorted(name for name, _ in names))}: address: all are at {key}; "
            "give each proxy its own ansible_host or proxy_vm_bind_address"
        )


def _same_address(address: str | None) -> str | None:
    return str(as_address(address) or address.rstrip(".").lower()) if address else None


def _check_names(items: list[dict], report: Report) -> None:
    for name, sharing in _shared(items, lambda item: item.get("name")).items():
        report.wrong(f"{_labels(sharing)}: name: all are called {name}; give each its own name")
    for field in ("connection", "catalog"):
        for name, sharing in _shared(items, lambda item, field=field: _databricks_name(item, field)).items():
            report.wrong(
                f"{_labels(sharing)}: databricks: {field}: all use {name}; give each its own databricks.{field}"
            )


def _check_databricks(items: list[dict], proxies: dict, settings: dict, report: Report) -> None:
    for item in items:
        wanted, engine = item.get("databricks"), ENGINES.get(item.get("engine", ""))
        if wanted is None or engine is None or engine.databricks_type is None:
            continue
        place = report.at(item["label"]).at("databricks")
        unnamed = _client_name(item, settings) == ""
        if unnamed and _only_proxy(proxies, settings) is None:
            place.wrong("there is no name to connect to; write onprem_tunnel_name, or server_name in this resource")
        elif unnamed and "cdc" in item:
            place.wrong(
                "change data capture needs a name that outlives the proxy; write onprem_tunnel_name, or server_name in "
                "this resource"
            )
        if "database" in wanted and engine.catalog_option is None:
            place.at("database").wrong(f"a foreign catalog of engine {engine.name} shows all databases; take it out")
        if "catalog" in wanted and engine.catalog_option and "database" not in wanted:
            place.at("database").wrong(
                f"is missing, and the foreign catalog shows one database; write its {engine.catalog_option}"
            )
        on_catalog = sorted({name for names in wanted.get("grants", {}).values() for name in names} - _ON_CONNECTION)
        if on_catalog and "catalog" not in wanted:
            place.at("grants").wrong(
                f"{', '.join(on_catalog)} is granted on a catalog, and none is made; write catalog, or grant "
                f"{' or '.join(CONNECTION_PRIVILEGES)}"
            )


def _client_name(item: dict, settings: dict) -> str | None:
    """What clients call a resource: the name that its certificate carries where there is one. Empty: nothing."""
    return item.get("server_name") or settings.get("name")


def _only_proxy(proxies: dict, settings: dict) -> str | None:
    """The address of the only proxy where there is no load balancer: the least that development needs."""
    alone = len(proxies) == 1 and settings.get("load_balancers") == []
    return next(iter(proxies.values())).get("address") if alone else None


def _databricks_name(item: dict, field: str) -> str | None:
    """Unity Catalog compares names without case."""
    fallback = item.get("name") if field == "connection" and "databricks" in item else None
    name = item.get("databricks", {}).get(field, fallback)
    return name.lower() if name else None


def _check_ports(items: list[dict], proxies: dict, settings: dict, report: Report) -> None:
    health, heartbeat = settings.get("health_port"), settings.get("heartbeat_port")
    ssh_ports = {name: proxy["ssh_port"] for name, proxy in proxies.items() if "ssh_port" in proxy}
    for label, port in (("onprem_tunnel_health_port", health), ("onprem_tunnel_heartbeat_port", heartbeat)):
        if port in ssh_ports.values():
            report.at(label).wrong(f"{port} is the port of the proxies' sshd; write another port")

    _check_one_port_each(items, "listen_port", {health, *ssh_ports.values()}, report)
    _check_one_port_each(items, "tunnel_port", {heartbeat, *ssh_ports.values()}, report)
    for item in items:
        sshd = {ssh_ports[name]: "the proxies' sshd" for name in item["proxies"] if name in ssh_ports}
        place = report.at(item["label"])
        _check_not_taken(item, "listen_port", {health: "the health check", **sshd}, place)
        _check_not_taken(item, "tunnel_port", {heartbeat: "the heartbeat", **sshd}, place)

    listeners = {item["listen_port"] for item in items if "listen_port" in item}
    most = settings.get("max_listeners", len(listeners))
    if len(listeners) > most:
        report.at("onprem_tunnel_resources").wrong(
            f"{len(listeners)} listeners are more than the load balancer's {most} (an AWS NLB has at most 50); "
            "share the list out over several environments, or write onprem_tunnel_max_listeners if yours can have more"
        )


def _check_one_port_each(items: list[dict], field: str, taken: set, report: Report) -> None:
    used = {item.get(field) for item in items} | taken
    for port, sharing in _shared(items, lambda item: item.get(field)).items():
        # Where the default of tunnel_port repeats a shared listen_port, that one message is enough.
        if field == "tunnel_port" and not any(item["tunnel_port_given"] for item in sharing):
            continue
        report.wrong(
            f"{_labels(sharing)}: {field}: all use {port}, and each needs its own; {_free_port(field, port, used)}"
        )


def _free_port(field: str, port: int, used: set) -> str:
    free = next((number for number in range(port + 1, 65536) if number not in used), None)
    return f"write {field}: {free} for one of them" if free else f"write a free {field} for one of them"


def _check_not_taken(item: dict, field: str, taken: dict, report: Report) -> None:
    port = item.get(field)
    if port is None or port not in taken:
        return
    if item[f"{field}_given"]:
        report.at(field).wrong(f"{port} is the port of {taken[port]}; write another {field}")
        return
    default = "port" if field == "listen_port" else f"listen_port + {TUNNEL_PORT_OFFSET}"
    report.at(field).wrong(f"its default, {default}, is {port}, the port of {taken[port]}; write a {field} of its own")


def _check_sources(items: list[dict], proxies: dict, hosts: object, report: Report) -> None:
    """Where ssh is filtered, a tunnel from an address that nobody named would be shut out."""
    filtering = [name for name in sorted(proxies) if proxies[name].get("admin_ranges")]
    for host, given in hosts.items() if isinstance(hosts, dict) else []:
        cut_off = [name for name in filtering if _carried(items, name, host)]
        if cut_off and isinstance(given, dict) and not given.get("source_addresses"):
            report.at(f"tunnel host {host}").at("source_addresses").wrong(
                f"is missing, and proxy_vm_admin_ranges of {', '.join(cut_off)} lets nobody else in; "
                "write onprem_tunnel_host_source_addresses: the addresses that its connections come from"
            )


def _shared(entries, key) -> dict:
    """What several entries have in common, with those entries."""
    found: dict = {}
    for entry in entries:
        found.setdefault(key(entry), []).append(entry)
    return {value: sharing for value, sharing in found.items() if value is not None and len(sharing) > 1}


def _labels(items: list[dict]) -> str:
    return ", ".join(item["label"] for item in items)


# What each role consumes


def _carried(items: list[dict], proxy: str, host: str) -> list[dict]:
    return [item for item in items if proxy in item["proxies"] and host in item["tunnel_hosts"]]


def _listen(item: dict) -> str:
    return f"{FIRST_TUNNEL}:{item['tunnel_port']}"


def _heartbeat(settings: dict) -> str:
    return f"{FIRST_TUNNEL}:{settings['heartbeat_port']}"


def _endpoint(address: str, port: int) -> str:
    return f"[{address}]:{port}" if ":" in address else f"{address}:{port}"


def _proxy(name: str, items: list[dict], proxies: dict, hosts: dict, settings: dict) -> dict:
    return {
        "tunnels": [
            {
                "host": host,
                "address": FIRST_TUNNEL,
                "keys": list(hosts[host]["public_keys"]),
                "source_addresses": list(hosts[host]["source_addresses"]),
                "heartbeat": _heartbeat(settings),
                "permitlisten": [_listen(item) for item in _carried(items, name, host)],
            }
            for host in sorted(hosts)
            if _carried(items, name, host)
        ],
        "listeners": [
            {
                "name": item["name"],
                "engine": item["engine"],
                "probe": ENGINES[item["engine"]].probe,
                "listen_port": item["listen_port"],
                "tunnel_port": item["tunnel_port"],
                "addresses": [FIRST_TUNNEL],
            }
            for item in items
            if name in item["proxies"]
        ],
        "health": {"port": settings["health_port"]},
        "firewall": _firewall(name, items, proxies, hosts, settings),
        "peers": {
            peer: _endpoint(proxies[peer]["address"], settings["health_port"])
            for peer in sorted(proxies)
            if peer != name
        },
    }


def _firewall(name: str, items: list[dict], proxies: dict, hosts: dict, settings: dict) -> dict:
    """Who may open connections to the proxy. What nobody has declared is not filtered, and the plan warns of it."""
    tunnel_hosts = [
        source for host in sorted(hosts) if _carried(items, name, host) for source in hosts[host]["source_addresses"]
    ]
    peers = [
        proxies[peer]["address"] for peer in sorted(proxies) if peer != name and as_address(proxies[peer]["address"])
    ]
    admins, balancers = proxies[name]["admin_ranges"], settings.get("load_balancers")
    known = balancers is not None
    return {
        "ssh_from": [*tunnel_hosts, *admins] if admins else list(ANYWHERE),
        "resources_from": [*settings["clients"], *balancers, *peers] if known else list(ANYWHERE),
        "health_from": [*balancers, *peers, *proxies[name]["monitoring_ranges"]] if known else list(ANYWHERE),
    }


def _tunnel_host(name: str, items: list[dict], proxies: dict, settings: dict) -> dict:
    return {
        "heartbeat": {"port": settings["heartbeat_port"]},
        "tunnels": [
            {
                "name": f"{proxy}-1",
                "proxy": proxy,
                "hostname": proxies[proxy]["address"],
                "ssh_port": proxies[proxy]["ssh_port"],
                "address": FIRST_TUNNEL,
                "host_keys": list(proxies[proxy]["host_keys"]),
                "heartbeat": _heartbeat(settings),
                "forwards": [
                    {"name": item["name"], "listen": _listen(item), "host": item["host"], "port": item["port"]}
                    for item in _carried(items, proxy, name)
                ],
            }
            for proxy in sorted(proxies)
            if _carried(items, proxy, name)
        ],
        "probes": [
            {
                "name": item["name"],
                "probe": ENGINES[item["engine"]].probe,
                "host": item["host"],
                "port": item["port"],
            }
            for item in items
            if name in item["tunnel_hosts"]
        ],
    }


def _hub(items: list[dict], proxies: dict, hosts: dict, settings: dict) -> dict:
    names = [settings["name"], *(item.get("server_name", "") for item in items)]
    return {
        "name": settings["name"],
        "names": sorted({name for name in names if name}),
        "proxies": {name: proxies[name]["address"] for name in sorted(proxies)},
        "ssh_from": _together([*_each(hosts, "source_addresses"), *_each(proxies, "admin_ranges")]),
        "monitoring": _together(_each(proxies, "monitoring_ranges")),
        "clients": list(settings["clients"]),
        "load_balancers": settings.get("load_balancers"),
        "health": {"port": settings["health_port"], "path": HEALTH_PATH},
        "listeners": [
            {
                "name": item["name"],
                "port": item["listen_port"],
                "health_path": f"{HEALTH_PATH}/{item['name']}",
                "proxies": list(item["proxies"]),
            }
            for item in items
        ],
    }


def _each(machines: dict, field: str) -> list[list[str]]:
    return [machines[name][field] for name in sorted(machines)]


def _together(lists: list[list[str]]) -> list[str]:
    return sorted({entry for entries in lists for entry in entries})


def _databricks(item: dict, proxies: dict, settings: dict) -> dict:
    """Databricks comes in at the load balancer, by name."""
    wanted, engine = item["databricks"], ENGINES[item["engine"]]
    grants = wanted.get("grants", {})
    return {
        "name": item["name"],
        "type": engine.databricks_type,
        "host": _client_name(item, settings) or _only_proxy(proxies, settings),
        "port": item["listen_port"],
        "user": wanted["user"],
        "secret": wanted.get("secret", ""),
        "options": wanted.get("options", {}),
        "connection": wanted.get("connection", item["name"]),
        "connection_grants": _granted(grants, lambda privilege: privilege in _ON_CONNECTION),
        "catalog": wanted.get("catalog", ""),
        "catalog_options": {engine.catalog_option: wanted["database"]} if "database" in wanted else {},
        "catalog_grants": _granted(grants, lambda privilege: privilege not in _ON_CONNECTION)
        if "catalog" in wanted
        else {},
    }


def _granted(grants: dict, belongs) -> dict:
    """Who has which of the privileges that belong here. An empty list takes the principal's away."""
    return {principal: sorted(filter(belongs, grants[principal])) for principal in sorted(grants)}


def _warnings(items: list[dict], proxies: dict, hosts: dict, settings: dict) -> list[str]:
    warnings = []
    for engine in sorted({item["engine"] for item in items}):
        names = [item["name"] for item in items if item["engine"] == engine]
        if ENGINES[engine].warning:
            warnings.append(f"{', '.join(names)}: {engine}: {ENGINES[engine].warning}")
    if not settings["clients"]:
        warnings.append("onprem_tunnel_clients is empty: nothing says who may reach the listen ports.")
    if len(proxies) == 1:
        warnings.append(f"{next(iter(proxies))} is the only proxy: while it is down, nothing is reachable.")
    alone = [item["name"] for item in items if "databricks" in item and not _client_name(item, settings)]
    if alone:
        warnings.append(
            f"{', '.join(alone)}: Databricks connects to the proxy's own address, which is for development only: serverless "
            "compute cannot use it, and it ends with the proxy."
        )
    if "load_balancers" not in settings:
        warnings.append(
            "onprem_tunnel_load_balancers is not given: the proxies let anybody reach the listen ports and the health "
            "check that the network lets through."
        )
    open_to_all = [name for name in sorted(proxies) if not proxies[name]["admin_ranges"]]
    if open_to_all:
        warnings.append(
            f"proxy_vm_admin_ranges of {', '.join(open_to_all)} is empty: ssh is open there to whom the network lets through."
        )
    anywhere = [host for host in sorted(hosts) if not hosts[host]["source_addresses"]]
    if anywhere:
        warnings.append(
            f"onprem_tunnel_host_source_addresses of {', '.join(anywhere)} is empty: its key is accepted from anywhere, "
            "and whoever steals it could stand in for the databases."
        )
    for name in sorted(proxies):
        if not any(name in item["proxies"] for item in items):
            warnings.append(f"{name} carries no resource.")
    return warnings
