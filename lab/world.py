"""The lab's cloud: servers that answer as AWS and Databricks do, and containers that do what they say.

Instances are the containers of the inventory's proxies, the network load balancer is HAProxy in the container of the
inventory's load balancer, and the compute of the workspaces are its clients. build/lab/aws.json says where the server is
and what was done last, build/lab/aws.log everything else.
"""

import argparse
import contextlib
import fcntl
import json
import logging
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import boto3
import yaml
from botocore.config import Config

from .aws import changes, instances
from .aws.balancer import Balancer
from .aws.machines import Machines
from .aws.server import start
from .compute import Compute, Serverless
from .databricks import server as databricks
from .databricks.private_link import VpcEndpoints
from .databricks.world import read as read_databricks

ROOT = Path(__file__).resolve().parents[1]
MODULE = "lab.world"
PREFIX = "onprem-tunnel-"  # of the names of the lab's containers
PASSES = {"load_balancer": 0.5, "machines": 1.0, "compute": 1.0}  # name and seconds between two

log = logging.getLogger(MODULE)


# --- following ---------------------------------------------------------------------------------------------------


class Status:
    """What the last passes did, for programs that wait until the world has followed."""

    def __init__(self, path: Path, facts: dict):
        self.path, self.facts, self.passes = path, facts, {}
        self.lock = threading.Lock()

    def write(self, name: str, started: float, done: list[str], error: str):
        with self.lock:
            last = self.passes.get(name, {})
            self.passes[name] = {
                "started": started,
                "settled": not done and not error,
                "done": done or last.get("done", []),
                "error": error,
            }
            new = self.path.with_suffix(".new")
            new.write_text(json.dumps(self.facts | {"passes": self.passes}, indent=2) + "\n")
            os.replace(new, self.path)


def repeat(name: str, follow, status: Status, ended: threading.Event):
    """Follow again and again. An error is logged, and the next pass goes on."""
    while not ended.is_set():
        started, done, error = time.monotonic(), [], ""
        try:
            done = follow()
            for what in done:
                log.info(what)
        except Exception as problem:
            error = f"{type(problem).__name__}: {problem}"
            log.exception("%s: %s", name, error)
        try:
            status.write(name, started, done, error)
        except OSError as problem:
            log.error("%s: %s", status.path, problem)
        ended.wait(PASSES[name])


class Once(logging.Filter):
    """A complaint of every pass is told once a minute."""

    def __init__(self):
        super().__init__()
        self.told = {}

    def filter(self, record):
        if record.levelno < logging.WARNING:
            return True
        message, now = record.getMessage(), time.monotonic()
        if now - self.told.get(message, -60) < 60:
            return False
        self.told[message] = now
        return True


def inventory_groups(inventory: Path) -> dict:
    return yaml.safe_load((inventory / "hosts.yml").read_text())["all"]["children"]


class Hosts:
    """The proxies' names by address; read again when the inventory has changed."""

    def __init__(self, inventory: Path):
        self.inventory, self.read, self.names = inventory, None, {}

    def __call__(self) -> dict[str, str]:
        changed = (self.inventory / "hosts.yml").stat().st_mtime_ns
        if changed != self.read:
            hosts = inventory_groups(self.inventory)["proxy_vms"]["hosts"]
            self.names, self.read = {entry["ansible_host"]: name for name, entry in hosts.items()}, changed
        return self.names


def run(options):
    """The program itself, in the foreground until it is told to end. The containers stay."""
    with only_one(options) as first:
        if not first:
            print("The lab's AWS runs already.")
            return
        ended = threading.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: ended.set())
        prepare_environment()
        handler = logging.StreamHandler()
        handler.addFilter(Once())
        logging.basicConfig(format="%(asctime)s %(levelname)s %(message)s", level=logging.WARNING, handlers=[handler])
        logging.getLogger("lab").setLevel(logging.INFO)

        changes.install()
        instances.install()
        try:
            server = start("127.0.0.1", options.port)
        except OSError as problem:
            sys.exit(
                f"Port {options.port} of 127.0.0.1 cannot be had ({problem.strerror}). Choose another with --port."
            )
        port = server.get_host_and_port()[1]
        stand_in = databricks.start(read_databricks(options.databricks), VpcEndpoints(f"http://127.0.0.1:{port}"))
        threads = followers(options, port, stand_in.lab_url, ended)
        for thread in threads:
            thread.start()
        ended.wait()
        for thread in threads:
            thread.join(20)
        stand_in.stop()
        server.stop()


def prepare_environment():
    """Commands of this virtual environment, and nothing of an AWS account that somebody has on this machine."""
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        del os.environ[name]
    os.environ["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    os.environ["ANSIBLE_CONFIG"] = str(ROOT / "ansible.cfg")
    os.environ["LC_ALL"] = "C.UTF-8"


def followers(options, port: int, databricks_url: str, ended: threading.Event) -> list[threading.Thread]:
    url = f"http://127.0.0.1:{port}"
    facts = {"pid": os.getpid(), "endpoint_url": url, "region": options.region, "compute_url": databricks_url}
    status = Status(options.build / "aws.json", facts)
    hosts = Hosts(options.inventory)
    groups = inventory_groups(options.inventory)
    name, machine = only(groups, "load_balancers")
    make = ["ansible-playbook", "-i", str(options.inventory), str(ROOT / "lab/machine.yml"), "--limit"]
    elbv2, ec2, other_ec2 = (client(service, url, options.region) for service in ("elbv2", "ec2", "ec2"))
    balancer = Balancer(elbv2, ec2, PREFIX + name, machine["ansible_host"], hosts)
    compute = Compute(
        *(client(service, url, options.region) for service in ("ec2", "route53", "elbv2")),
        options.region,
        {PREFIX + client: entry["ansible_host"] for client, entry in groups["clients"]["hosts"].items()},
        serverless(groups),
        databricks_url,
        machine["ansible_host"],
    )
    machines = Machines(other_ec2, hosts, make, options.build / "instances.json", PREFIX, ended)
    return [
        threading.Thread(target=repeat, args=(name, follower.follow, status, ended), daemon=True)
        for name, follower in (("load_balancer", balancer), ("machines", machines), ("compute", compute))
    ]


def only(groups: dict, group: str) -> tuple[str, dict]:
    """The name and variables of the one host of a group."""
    return next(iter(groups[group]["hosts"].items()))


def serverless(groups: dict) -> Serverless:
    name, machine = only(groups, "serverless_compute")
    endpoint_machine, endpoint = only(groups, "private_links")
    return Serverless(PREFIX + name, machine["lab_workspace"], PREFIX + endpoint_machine, endpoint["ansible_host"])


def client(service: str, url: str, region: str):
    return boto3.client(
        service,
        endpoint_url=url,
        region_name=region,
        aws_access_key_id="lab",
        aws_secret_access_key="lab",
        config=Config(proxies={}, connect_timeout=2, read_timeout=20, retries={"max_attempts": 1}),
    )


# --- starting, stopping, waiting ---------------------------------------------------------------------------------


@contextlib.contextmanager
def only_one(options):
    """Whether this is the only one; it stays so within the context."""
    path = options.build / "aws.pid"
    with path.open("a") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield False
            return
        file.truncate(0)
        file.write(f"{os.getpid()}\n")
        file.flush()
        yield True
        path.unlink(missing_ok=True)


def running(options) -> int:
    """The number of the process that the file names, if that is this program in this clone; otherwise 0."""
    try:
        number = int((options.build / "aws.pid").read_text())
    except (OSError, ValueError):
        return 0
    return number if is_ours(number) else 0


def is_ours(number: int) -> bool:
    """Whether a process is this program in this clone: numbers are used again."""
    try:
        words = Path(f"/proc/{number}/cmdline").read_bytes().split(b"\0")
        return MODULE.encode() in words and Path(f"/proc/{number}/cwd").resolve() == ROOT
    except OSError:
        return False


def start_in_background(options, arguments: list[str]):
    process = None
    if not running(options):
        with (options.build / "aws.log").open("a") as output:
            process = subprocess.Popen(
                [sys.executable, "-m", MODULE, *arguments],
                cwd=ROOT,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
    wait_until(options, lambda last: last["started"] > 0, "did not come up", process)
    status = json.loads((options.build / "aws.json").read_text())
    print(f"The lab's AWS is ready: {status['endpoint_url']}, region {status['region']}.")


def stop(options):
    number = running(options)
    if not number:
        return
    os.kill(number, signal.SIGTERM)
    for _ in range(300):
        if not is_ours(number):
            return
        time.sleep(0.1)
    sys.exit(f"The lab's AWS (process {number}) does not end; see {options.build / 'aws.log'}.")


def wait_until(options, good, what: str, starting: subprocess.Popen | None = None):
    """Wait until the last pass of each kind is good; not for a program that does not run."""
    log_file = options.build / "aws.log"
    deadline = time.monotonic() + options.timeout
    while True:
        comes = starting is not None and starting.poll() is None  # it has no file with its number at first
        number = running(options)
        passes = last_passes(options, number)
        if set(passes) == set(PASSES) and all(good(last) for last in passes.values()):
            return
        if not number and not comes:
            last = log_file.read_text().strip().rpartition("\n")[2] if starting and log_file.exists() else ""
            sys.exit(f"The lab's AWS does not run. {last}\nSee {log_file}.")
        if time.monotonic() > deadline:
            errors = "; ".join(last["error"] for last in passes.values() if last["error"])
            sys.exit(f"The lab's AWS {what} within {options.timeout:g} s: {errors or 'it is at work'}. See {log_file}.")
        time.sleep(0.1)


def last_passes(options, number: int) -> dict:
    try:
        status = json.loads((options.build / "aws.json").read_text())
    except (OSError, ValueError):
        return {}
    return status["passes"] if number and status["pid"] == number else {}


def main():
    parser = argparse.ArgumentParser(prog=f"python -m {MODULE}", description=__doc__.partition("\n")[0])
    what = parser.add_mutually_exclusive_group()
    what.add_argument("--daemon", action="store_true", help="start it in the background and wait until it is ready")
    what.add_argument("--stop", action="store_true", help="end it; the containers stay")
    what.add_argument("--settled", action="store_true", help="wait until the containers have followed all calls so far")
    parser.add_argument("--timeout", type=float, default=120, metavar="SECONDS", help="how long to wait (%(default)s)")
    parser.add_argument("--port", type=int, default=5555, help="of the server (%(default)s)")
    parser.add_argument("--region", default="eu-central-1", help="that is followed (%(default)s)")
    parser.add_argument(
        "--databricks", type=Path, default=ROOT / "lab/databricks.yml", metavar="FILE", help="what it has"
    )
    parser.add_argument("--inventory", type=Path, default=ROOT / "inventories/lab", metavar="DIRECTORY")
    parser.add_argument("--build", type=Path, default=ROOT / "build/lab", metavar="DIRECTORY", help="of its files")
    options = parser.parse_args()
    for name in ("databricks", "inventory", "build"):
        setattr(options, name, getattr(options, name).resolve())
    if options.stop:
        stop(options)
    elif options.settled:
        now = time.monotonic()
        wait_until(options, lambda last: last["settled"] and last["started"] >= now, "has not followed")
    else:
        options.build.mkdir(mode=0o700, parents=True, exist_ok=True)
        if options.daemon:
            given = ["port", "region", "databricks", "inventory", "build"]
            start_in_background(
                options, [word for name in given for word in (f"--{name}", str(getattr(options, name)))]
            )
        else:
            run(options)


if __name__ == "__main__":
    main()
