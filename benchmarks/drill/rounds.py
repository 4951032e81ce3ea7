"""One round: a whole lab, a steady load, the fault, and the wait until the lab is whole again."""

from __future__ import annotations

import contextlib
import json
import re
import subprocess
import threading
import time
from collections.abc import Callable
from contextlib import ExitStack

from benchmarks.drill import figures, watch
from benchmarks.drill.faults import Fault
from benchmarks.drill.layout import ROOT, LabError, Layout
from benchmarks.drill.load import SESSION_TIMEOUT, TIMEOUT

RATE = 20  # new connections a second
BEFORE = 2.0  # seconds of undisturbed load
SETTLE = TIMEOUT + 0.5  # after a fault, until every connection that it met has ended
STEADY = 1.0  # so long has the lab to be whole
WHOLE = 120  # the longest wait for a whole lab
PROBE = {"interval": 0.15, "timeout": 2}
PATIENT = {**PROBE, "timeout": TIMEOUT}  # a slow path is not a broken one
ORIGIN = {"interval": 0.1, "timeout": 2}


class Worker:
    """A program of this package on a machine of the lab, and the records that it has written."""

    def __init__(self, command: list[str]):
        self.records: list[dict] = []
        self.process = subprocess.Popen(
            command,
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,  # an interruption is for the drill alone, which still needs it
        )
        self.errors: list[str] = []
        self.readers = [threading.Thread(target=target, daemon=True) for target in (self.read, self.read_errors)]
        for reader in self.readers:
            reader.start()

    def read(self) -> None:
        for line in self.process.stdout:
            self.records.append(json.loads(line))

    def read_errors(self) -> None:
        self.errors.extend(self.process.stderr)

    def of(self, kind: str) -> list[dict]:
        return [record for record in list(self.records) if record["kind"] == kind]

    def tell(self, command: str) -> None:
        with contextlib.suppress(BrokenPipeError):
            self.process.stdin.write(f"{command}\n")
            self.process.stdin.flush()

    def ask(self, command: str, answer: str, seconds: float = 30) -> dict:
        known = len(self.of(answer))
        self.tell(command)
        deadline = time.monotonic() + seconds
        while len(self.of(answer)) == known:
            if self.process.poll() is not None or time.monotonic() > deadline:
                raise LabError(f"'{command}' had no answer within {seconds} s:\n{''.join(self.errors)[-2000:]}")
            time.sleep(0.02)
        return self.of(answer)[-1]

    def close(self) -> None:
        with contextlib.suppress(BrokenPipeError):
            self.process.stdin.close()
        try:
            self.process.wait(5)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        for reader in self.readers:
            reader.join(5)


class Round:
    def __init__(self, lab: Layout, fault: Fault, tell: Callable[[str], None]):
        self.lab, self.fault, self.tell = lab, fault, tell
        self.samples = figures.Samples(lab.victim, lab.servers(fault.resources))
        self.stack = ExitStack()

    def run(self) -> dict:
        """The round's figures and timeline."""
        with self.stack:
            self.start_watching()
            self.wait_until_whole("waiting for a whole lab")
            self.open_sessions()
            self.client.tell("load")
            self.client.tell("probes")
            if self.fault.at_the_database:
                self.origin.tell("probes")
            time.sleep(BEFORE)
            self.befall()
            self.tell("sessions settle")
            self.settle_sessions()
            self.collect()
            self.wait_until_whole("waiting for a whole lab")
        samples = self.samples
        return {
            "figures": figures.evaluate(samples),
            "timeline": figures.timeline(samples),
            "errors": figures.errors(samples),
        }

    # The workers.
    def worker(self, machine: str, module: str, options: dict) -> Worker:
        worker = Worker(self.lab.worker(machine, module, options))
        self.stack.callback(worker.close)
        return worker

    def client_options(self, **options) -> dict:
        return {
            "resources": self.lab.resources,
            "load_balancer": self.lab.load_balancer,
            "proxies": list(self.lab.proxies.values()),
            "sessions": len(self.lab.proxies),
            "rate": RATE,
            "probes": [],
            **options,
        }

    def start_watching(self) -> None:
        lab = self.lab
        self.start_client()
        self.watch = self.worker(
            lab.balancer,
            "watch",
            {"proxies": lab.proxies, "port": lab.health_port, "socket": lab.balancer_socket},
        )
        if self.fault.at_the_database:
            probes = [{"resource": name, "address": lab.database_address, **ORIGIN} for name in lab.resources]
            self.origin = self.worker(lab.tunnel_host, "load", self.client_options(probes=probes))

    def start_client(self) -> None:
        """It keeps the load and the sessions, and looks at the path through the victim."""
        lab = self.lab
        how = PATIENT if self.fault.streams else PROBE
        probe = {"resource": lab.forwarded, "address": lab.proxies[lab.victim], **how}
        self.client = self.worker(lab.client, "load", self.client_options(probes=[probe]))

    # Whole or not.
    def proxies_are_up(self) -> bool:
        latest = {record["proxy"]: record for record in self.watch.of("health")}
        balancer = self.watch.of("balancer")
        fresh = time.monotonic() - 2
        return (
            all(
                proxy in latest and latest[proxy]["status"] == 200 and latest[proxy]["t"] > fresh
                for proxy in self.lab.proxies
            )
            and bool(balancer)
            and all(balancer[-1]["servers"].values())
        )

    def wait_until_whole(self, phase: str) -> None:
        self.tell(phase)
        deadline = time.monotonic() + WHOLE
        while True:
            up = self.proxies_are_up()
            check = self.client.ask("check", "check") if up else None
            if check and check["ok"]:
                return
            if time.monotonic() > deadline:
                state = check["errors"] if check else [f"{self.watch.of('balancer')[-1:]}"]
                raise LabError(
                    f"The lab is not whole ({'; '.join(state)}). 'make lab' mends it; playbooks/doctor.yml says what"
                    " fails where."
                )
            time.sleep(0.2)

    # The sessions.
    def open_sessions(self) -> None:
        """One of each engine through each proxy."""
        self.tell("opening sessions")
        for _ in range(3):
            before = len(self.client.of("opened"))
            self.client.ask("sessions", "sessions")
            opened = self.client.of("opened")[before:]
            proxies = self.proxies_by_port()
            sessions = {
                record["session"]: {
                    "resource": record["resource"],
                    "proxy": proxies.get(record["port"]),
                    "lost": None,
                }
                for record in opened
            }
            ways = {(session["resource"], session["proxy"]) for session in sessions.values()}
            if ways == {(resource, proxy) for resource in self.lab.resources for proxy in self.lab.proxies}:
                self.samples.sessions = sessions
                return
            self.client.close()
            self.start_client()
        raise LabError("The load balancer did not give each proxy one session of each engine.")

    def proxies_by_port(self) -> dict[int, str]:
        listing = watch.ask_balancer(self.lab.balancer_socket, "show sess")
        found = re.findall(r"src=[0-9.]+:(\d+) .*?srv=(\S+)", listing)
        return {int(port): proxy for port, proxy in found}

    def settle_sessions(self) -> None:
        """Until each has answered anew, is lost, or was silent for too long."""
        since = time.monotonic()
        while True:
            silent = {}
            for name, session in self.samples.sessions.items():
                lost = [record["t"] for record in self.client.of("lost") if record["session"] == name]
                answers = [record for record in self.client.of("answer") if record["session"] == name]
                last = max((record["end"] for record in answers), default=since)
                if lost:
                    session["lost"] = lost[0]
                elif last < since:
                    silent[name] = last
            if not silent:
                return
            for name, last in silent.items():
                if time.monotonic() - last > SESSION_TIMEOUT:
                    self.samples.sessions[name]["lost"] = last
            if all(self.samples.sessions[name]["lost"] is not None for name in silent):
                return
            time.sleep(0.1)

    # The fault.
    def befall(self) -> None:
        fault, samples = self.fault, self.samples
        inject, heal = fault.make(self.lab)
        streams = None
        if fault.streams:
            streams = self.worker(self.lab.client, "load", self.client_options(streams=fault.streams))
        self.tell(fault.title)
        samples.start = time.monotonic()
        try:
            inject()
            if streams:
                streams.tell("bulk")
            if fault.duration is None:
                self.wait_until_recovered(samples.start)
            else:
                time.sleep(max(0, samples.start + fault.duration - time.monotonic()))
        finally:
            if fault.duration is not None:
                samples.end = time.monotonic()
            heal()
            if streams:
                samples.cut = len(streams.of("cut"))
                samples.streamed = sum(record["bytes"] for record in streams.of("bulk"))
                streams.close()
        if samples.end is not None:
            self.tell(f"{fault.title}: over")
            self.wait_until_recovered(samples.end)

    def wait_until_recovered(self, since: float) -> None:
        """Everything is good again, and has been for a moment; or it is not, and the figures will say so."""
        deadline, good_since = since + WHOLE, None
        while time.monotonic() < deadline:
            latest = sorted(self.client.of("probe"), key=lambda record: record["start"])[-figures.STEADY :]
            good = self.proxies_are_up() and all(record["ok"] and record["start"] > since for record in latest)
            now = time.monotonic()
            good_since = (good_since or now) if good else None
            if good and now > since + SETTLE and now > good_since + STEADY:
                return
            time.sleep(0.1)

    def collect(self) -> None:
        samples = self.samples
        samples.health = self.watch.of("health")
        samples.balancer = self.watch.of("balancer")
        samples.connections = self.client.of("connection")
        samples.probes = self.client.of("probe")
        if self.fault.at_the_database:
            samples.origin = self.origin.of("probe")
