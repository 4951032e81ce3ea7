# Copyright (c) 2026 The lakehouse.onprem_tunnel authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Tell from what was observed which hop of each path is the first that fails, walking from the client."""

from __future__ import annotations

# What ssh writes to the journal of a tunnel that does not stand, and what to do about it.
_NO_WAY = "permit {host} to reach {hostname}:{ssh_port} in every firewall on the way"
JOURNAL_REMEDIES = {
    "host key verification failed": (
        "run tunnels.yml with both sides if {proxy} was rebuilt, or correct onprem_tunnel_host_keys: "
        "the pinned host key is not the one that it shows"
    ),
    "permission denied": (
        "let {proxy} know the key of {host}: run tunnels.yml with both sides, "
        "or put the key into onprem_tunnel_public_keys and run it on {proxy}"
    ),
    "remote port forwarding failed": (
        "run tunnels.yml on {proxy}, which does not permit a listener or holds it for another connection; "
        "if it goes on, see there who that is: ss -Htnp sport = :22"
    ),
    "could not resolve hostname": "correct the address of {proxy} in the inventory and run tunnels.yml on {host}",
    "connection refused": "start ssh on {proxy}, there: systemctl restart ssh.socket || systemctl restart sshd.socket",
    "timed out": _NO_WAY,
    "not responding": "see that {proxy} runs, and that the line to it stands",
    "no route to host": _NO_WAY,
    "network is unreachable": "give {host} a route to {hostname}",
}

DATABASE_REMEDIES = {
    "refused": "start the database on {host}, or correct host and port of {resource} in onprem_tunnel_resources",
    "timeout": "permit {by} to reach {host}:{port} in the firewall on premises, and see whether the database hangs",
    "unresolved": (
        "correct the host of {resource} in onprem_tunnel_resources, "
        "or the name service of {by}, there: getent hosts {host}"
    ),
    "unreachable": "give {by} a way to {host}, there: ip route get {host}",
    "closed": "see in the log of the database on {host} why it hangs up on {by}",
    "unexpected": "correct engine, host and port of {resource} in onprem_tunnel_resources",
}
TURNED_AWAY_REMEDIES = {
    "error 1129": (
        "unblock {by} on the database, there: mariadb-admin flush-hosts (or TRUNCATE performance_schema.host_cache), "
        "and find out which client hangs up during the handshake"
    ),
    "error 1130": "let the user of {resource} connect from {by}, whose address every client shares",
    "error 1040": "raise max_connections of the database on {host}, or find out who holds them",
}


def diagnose(plan, proxies, tunnel_hosts):
    """Return a finding of every proxy and resource: {proxy, resource, ok, hop, what, remedy, milliseconds}.

    ok is None where the proxy was not asked in this run.
    """
    return [
        _Path(plan, proxy, listener, proxies.get(proxy), tunnel_hosts).finding()
        for proxy, part in plan["proxies"].items()
        for listener in part["listeners"]
    ]


def report(findings):
    """Return the findings as lines for people: {failing, answering, not_asked}. Resources with one fault share a line."""
    failing = {}
    for finding in findings:
        if finding["ok"] is False:
            fault = (finding["proxy"], finding["hop"], finding["what"], finding["remedy"])
            failing.setdefault(fault, []).append(finding["resource"])
    return {
        "failing": [
            f"{proxy}, {', '.join(resources)}: {hop}: {what}. To mend it, {remedy}."
            for (proxy, hop, what, remedy), resources in failing.items()
        ],
        "answering": [
            f"{finding['proxy']}, {finding['resource']}: {finding['milliseconds']} ms, {finding['what']}"
            for finding in findings
            if finding["ok"]
        ],
        "not_asked": list(dict.fromkeys(finding["what"] for finding in findings if finding["ok"] is None)),
    }


def observed_proxy(registered):
    """Return what diagnose() takes of one proxy from the registered results of its tasks."""
    health = registered.get("health") or {}
    return {
        "unreachable": _unreachable(registered.get("greetings")),
        "address": registered.get("address", ""),
        "health": {
            "status": health.get("status", -1),
            "body": health.get("json"),
            "error": health.get("msg", ""),
        },
        **_greetings(registered.get("greetings")),
    }


def observed_tunnel_host(registered):
    """Return what diagnose() takes of one tunnel host from the registered results of its tasks."""
    return {
        "unreachable": _unreachable(registered.get("greetings")),
        "units": parse_units((registered.get("units") or {}).get("stdout", "")),
        **_greetings(registered.get("greetings")),
    }


def parse_units(text):
    """Return {tunnel: {property: value, journal: [line, ...]}} of the units onprem-tunnel@<tunnel>.service.

    The text is what `systemctl show` prints, and after it journal lines under a heading `== <unit>` each.
    """
    shown, *journals = ("\n" + text).split("\n== ")
    found = {}
    for block in shown.split("\n\n"):
        values = dict(line.split("=", 1) for line in block.splitlines() if "=" in line)
        if "Id" in values:
            found[_tunnel(values["Id"])] = values
    for journal in journals:
        unit, _newline, lines = journal.partition("\n")
        if _tunnel(unit) in found:
            found[_tunnel(unit)]["journal"] = [line for line in lines.splitlines() if line.strip()]
    return found


def _tunnel(unit):
    return unit.removeprefix("onprem-tunnel@").removesuffix(".service")


def _unreachable(result):
    if not result or not result.get("unreachable"):
        return ""
    return result.get("msg") or "unreachable"


def _greetings(result):
    result = result or {}
    return {"greetings": result.get("greetings") or {}, "greetings_error": result.get("msg", "")}


def _clean(text, longest=200):
    """Return foreign text as one line in which no template finds an expression."""
    line = " ".join("".join(char if char.isprintable() else " " for char in str(text)).split())
    line = line.replace("{", "(").replace("}", ")").rstrip(". ")
    return line if len(line) <= longest else line[: longest - 3] + "..."


def _absent(socket):
    """Whether the health check says of a socket that nobody listens there."""
    return isinstance(socket, dict) and socket.get("listening") is False


class _Fault(Exception):
    """The first hop that fails."""

    def __init__(self, hop, what, remedy):
        super().__init__(hop, what, remedy)
        self.found = {"ok": False, "hop": hop, "what": what, "remedy": remedy}


class _Path:
    """The way from one proxy's forwarder to one resource."""

    def __init__(self, plan, proxy, listener, seen, tunnel_hosts):
        self.proxy = proxy
        self.resource = listener["name"]
        self.port = listener["listen_port"]
        self.health_port = plan["proxies"][proxy]["health"]["port"]
        self.seen = seen
        self.greeting = ((seen or {}).get("greetings") or {}).get(self.resource) or {}
        self.tunnels = self._tunnels(plan, listener)
        self.tunnel_hosts = tunnel_hosts
        self.health_status = None
        self.forwarder_absent = False
        self.absent_listeners = []
        self.listeners = []

    def finding(self):
        """Return the finding of this path."""
        try:
            found = self._walk()
        except _Fault as fault:
            found = fault.found
        return {
            "proxy": self.proxy,
            "resource": self.resource,
            "milliseconds": self.greeting.get("milliseconds"),
            **found,
        }

    @property
    def answers(self):
        """Whether the database's own greeting came through the forwarder."""
        return self.greeting.get("verdict") == "up"

    def _walk(self):
        if not self.seen:
            return {"ok": None, "hop": "proxy", "what": f"{self.proxy} was not asked in this run", "remedy": ""}
        self._check_proxy()
        self._check_health_check()
        self._check_forwarder()
        self._check_listeners()
        if not self.answers:
            for tunnel in self.tunnels:
                self._check_unit(tunnel)
        self._check_heartbeats()
        if not self.answers:
            self._check_database()
            self._fail_somewhere()
        self._check_verdict_of_health()
        return {"ok": True, "hop": "", "what": _clean(self.greeting.get("detail") or "answers"), "remedy": ""}

    def _check_proxy(self):
        if self.seen.get("unreachable"):
            raise _Fault(
                "proxy",
                f"{self.proxy} cannot be reached: {_clean(self.seen['unreachable'])}",
                f"see that {self.proxy} runs and that ssh reaches it from here, and run the doctor again",
            )
        if not self.greeting:
            raise _Fault(
                "proxy",
                f"{self.proxy} could not ask its forwarders: {_clean(self.seen.get('greetings_error') or 'no result')}",
                f"see that Python 3.9 or newer is on {self.proxy}, and run the doctor again",
            )

    def _check_health_check(self):
        """Note what the health check says of this resource."""
        health = self.seen.get("health") or {}
        aside = " (the path itself answers)" if self.answers else ""
        body = health.get("body")
        if health.get("status") not in (200, 503):
            raise _Fault(
                "health check",
                f"nothing useful answers on port {self.health_port} of {self.proxy}{aside}: "
                f"{_clean(health.get('error') or 'no answer')}",
                f"run on {self.proxy}: systemctl restart onprem-tunnel-health.service; "
                "journalctl -u onprem-tunnel-health.service -n 20",
            )
        if not isinstance(body, dict) or not isinstance(body.get("resources"), dict):
            raise _Fault(
                "health check",
                f"something else answers on port {self.health_port} of {self.proxy}{aside}",
                f"find out what has the port, on {self.proxy}: ss -ltnp sport = :{self.health_port}",
            )
        if not isinstance(body["resources"].get(self.resource), dict):
            raise _Fault(
                "health check",
                f"it does not know {self.resource}{aside}",
                f"run tunnels.yml on {self.proxy}",
            )
        said = body["resources"][self.resource]
        self.health_status = said.get("status")
        self.forwarder_absent = _absent(said.get("forwarder"))
        listeners = said.get("listeners")
        self.listeners = [each for each in listeners if isinstance(each, dict)] if isinstance(listeners, list) else []
        self.absent_listeners = [each.get("address") for each in self.listeners if _absent(each)]

    def _check_forwarder(self):
        verdict = self.greeting.get("verdict")
        where = f"{self.seen.get('address', '')}:{self.port}"
        if verdict in ("unreachable", "unresolved"):
            raise _Fault(
                "forwarder",
                f"{self.proxy} cannot reach its own {where}: {_clean(self.greeting.get('detail', verdict))}",
                f"set proxy_vm_bind_address of {self.proxy} to an address of its own",
            )
        if verdict == "refused" or self.forwarder_absent:
            unit = f"onprem-tunnel-forward@{self.resource}.service"
            raise _Fault(
                "forwarder",
                f"nothing listens on {where}",
                f"run on {self.proxy}: systemctl restart {unit}; journalctl -u {unit} -n 20",
            )

    def _check_listeners(self):
        for tunnel in self.tunnels:
            if tunnel["listener"] in self.absent_listeners:
                self._check_unit(tunnel)
                raise _Fault(
                    "tunnel",
                    f"{tunnel['unit']} is active on {tunnel['host']}, but holds no {tunnel['listener']} on {self.proxy}",
                    f"run tunnels.yml; if that changes nothing, on {tunnel['host']}: "
                    f"systemctl restart {tunnel['unit']}; journalctl -u {tunnel['unit']} -n 20",
                )
        if self.absent_listeners and not self.answers:
            absent = _clean(self.absent_listeners[0])
            raise _Fault("tunnel", f"no tunnel of the plan holds {absent} on {self.proxy}", "run tunnels.yml")
        for each in self.listeners:
            if each.get("listening") is True and each.get("owner_is_tunnel_user") is False:
                address = _clean(each.get("address"))
                raise _Fault(
                    "tunnel",
                    f"somebody else than the tunnel user listens on {address} of {self.proxy}",
                    f"find out who took the port, on {self.proxy}: ss -ltnp src {address}",
                )

    def _check_heartbeats(self):
        """Raise if a tunnel stands, but its heartbeat does not come through it."""
        for each in self.listeners:
            heartbeat = each.get("heartbeat")
            if (
                each.get("listening") is not True
                or not isinstance(heartbeat, dict)
                or heartbeat.get("alive") is not False
            ):
                continue
            tunnel = next((tunnel for tunnel in self.tunnels if tunnel["listener"] == each.get("address")), {})
            host = tunnel.get("host") or _clean(each.get("tunnel"))
            if self.answers:
                unit = "onprem-tunnel-heartbeat.service"
                raise _Fault(
                    "heartbeat",
                    f"{host} does not answer it, so {self.proxy} calls the tunnel dead, though the path answers",
                    f"run on {host}: systemctl restart {unit}; journalctl -u {unit} -n 20",
                )
            unit = tunnel.get("unit", "the tunnel")
            raise _Fault(
                "tunnel",
                f"the tunnel from {host} stands on {self.proxy}, but no heartbeat comes through it",
                f"see that the line stands; a dead tunnel is replaced by itself within 15 s, "
                f"and a hanging one on {host} by: systemctl restart {unit}",
            )

    def _check_unit(self, tunnel):
        """Raise what keeps the tunnel's unit from being active, or why that is not known."""
        host, unit = tunnel["host"], tunnel["unit"]
        seen = self.tunnel_hosts.get(host)
        look = f"look on {host}: systemctl status {unit}"
        state = ((seen or {}).get("units") or {}).get(tunnel["name"])
        if seen and state and not seen.get("unreachable"):
            if state.get("ActiveState") == "active":
                return
            raise _Fault("tunnel", self._unit_state(tunnel, state), self._unit_remedy(tunnel, state))
        if tunnel["listener"] not in self.absent_listeners:
            return
        if seen and seen.get("unreachable"):
            what = f"{host} cannot be reached either: {_clean(seen['unreachable'])}"
            look = f"see that {host} runs and that ssh reaches it from here, and run the doctor again"
        else:
            what = f"{host} did not tell of {unit}" if seen else f"{host} was not asked in this run"
        raise _Fault("tunnel", f"the tunnel from {host} does not stand on {self.proxy}, and {what}", look)

    def _unit_state(self, tunnel, state):
        what = f"{tunnel['unit']} on {tunnel['host']} is {state.get('ActiveState') or 'unknown'}"
        if state.get("SubState") and state["SubState"] not in (state.get("ActiveState"), "dead"):
            what += f" ({state['SubState']})"
        if str(state.get("NRestarts") or "0") != "0":
            what += f" after {state['NRestarts']} restarts"
        line, _remedy = self._telling_line(state)
        return f"{what}; it says: {_clean(line)}" if line else what

    def _unit_remedy(self, tunnel, state):
        _line, remedy = self._telling_line(state)
        if remedy:
            return remedy.format(proxy=self.proxy, **tunnel)
        if state.get("LoadState") == "not-found":
            return f"run tunnels.yml on {tunnel['host']}: the unit is not there"
        return f"run on {tunnel['host']}: systemctl restart {tunnel['unit']}; journalctl -u {tunnel['unit']} -n 20"

    @staticmethod
    def _telling_line(state):
        """Return the last journal line with a known remedy and that remedy, else the last line and none."""
        lines = state.get("journal") or []
        for line in reversed(lines):
            for mark, remedy in JOURNAL_REMEDIES.items():
                if mark in line.lower():
                    return line, remedy
        return (lines[-1] if lines else ""), ""

    def _check_database(self):
        for tunnel in self.tunnels:
            seen = self.tunnel_hosts.get(tunnel["host"]) or {}
            greeting = (seen.get("greetings") or {}).get(self.resource)
            if not greeting or greeting.get("verdict") == "up":
                continue
            values = {"by": tunnel["host"], "resource": self.resource, **tunnel["database"]}
            detail = _clean(greeting.get("detail", ""))
            remedies = [remedy for mark, remedy in TURNED_AWAY_REMEDIES.items() if mark in detail]
            remedy = (remedies or [DATABASE_REMEDIES.get(greeting.get("verdict"), DATABASE_REMEDIES["unexpected"])])[0]
            raise _Fault(
                "database",
                f"{tunnel['host']} asks {values['host']}:{values['port']}: {greeting.get('verdict')}, {detail}",
                remedy.format(**values),
            )

    def _fail_somewhere(self):
        """Raise what is left: every hop that was looked at is right, but the greeting is not."""
        verdict, detail = self.greeting.get("verdict"), _clean(self.greeting.get("detail", ""))
        came = f"through the forwarder of {self.proxy} comes: {verdict}, {detail}"
        silent = [
            tunnel["host"]
            for tunnel in self.tunnels
            if not ((self.tunnel_hosts.get(tunnel["host"]) or {}).get("greetings") or {}).get(self.resource)
        ]
        if silent:
            hosts = ", ".join(dict.fromkeys(silent))
            raise _Fault(
                "path",
                f"{came}; the proxy looks right, and {hosts} did not tell whether the database answers there",
                f"run the doctor with {hosts} included",
            )
        restarts = "; ".join(f"on {tunnel['host']}: systemctl restart {tunnel['unit']}" for tunnel in self.tunnels)
        raise _Fault(
            "path", f"each hop looks right, but {came}", f"start the tunnel anew, {restarts or 'run tunnels.yml'}"
        )

    def _check_verdict_of_health(self):
        """Raise if the load balancer is told to stay away from a path that works."""
        if self.seen["health"]["body"].get("draining"):
            raise _Fault(
                "health check",
                f"{self.proxy} is draining, so that the load balancer sends it nobody",
                f"end the draining once the maintenance is over: undrain.yml --limit {self.proxy}",
            )
        if self.health_status != "ok":
            raise _Fault(
                "health check",
                f"it calls {self.resource} {_clean(self.health_status or 'unknown')}, though the path answers",
                f"run on {self.proxy}: journalctl -u onprem-tunnel-health.service -n 20; and run the doctor again",
            )

    def _tunnels(self, plan, listener):
        """Return the tunnels that carry this resource to this proxy, with their unit, listener and database."""
        found = []
        for host, part in plan["tunnel_hosts"].items():
            for tunnel in part["tunnels"]:
                if tunnel["proxy"] != self.proxy:
                    continue
                for forward in tunnel["forwards"]:
                    if forward["name"] == listener["name"]:
                        found.append(
                            {
                                "host": host,
                                "name": tunnel["name"],
                                "unit": f"onprem-tunnel@{tunnel['name']}.service",
                                "listener": forward["listen"],
                                "hostname": tunnel["hostname"],
                                "ssh_port": tunnel["ssh_port"],
                                "database": {"host": forward["host"], "port": forward["port"]},
                            }
                        )
        return found
