"""The lab as the tests see it: machines to run commands on, playbooks to run, and queries through the whole path.

They need the lab that `make lab` builds (root and Podman), and fail, never skip, without it.
"""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import boto3
import pytest
import yaml
from databricks.sdk.core import ApiClient, Config

ROOT = Path(__file__).parents[2]
INVENTORY = ROOT / "inventories/lab"
# A third resource, which the list does not have at first.
FILES = {"name": "files", "engine": "tcp", "host": "mariadb.corp.example", "port": 9000}
# Commands of the same virtual environment as this pytest.
PATH = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")])


class Recap(dict):
    """The play recap: host -> counters, with the whole output for messages."""

    def __init__(self, output):
        self.output = output
        for line in output.rpartition("PLAY RECAP")[2].splitlines()[1:]:
            host, _, counters = line.partition(":")
            numbers = {key: int(value) for key, value in re.findall(r"(\w+)=(\d+)", counters)}
            if numbers:
                self[host.strip()] = numbers

    def changed(self):
        return {host: counters["changed"] for host, counters in self.items() if counters["changed"]}


class Lab:
    def __init__(self):
        self.facts = json.loads((ROOT / "build/lab.json").read_text())
        self.resources = yaml.safe_load((INVENTORY / "group_vars/all/resources.yml").read_text())[
            "onprem_tunnel_resources"
        ]

        self.addresses = {entry["name"]: entry["address"] for entry in self.facts["proxies"]}

    @staticmethod
    def at_once(call, arguments):
        """The results of several calls that run side by side, in order."""
        with ThreadPoolExecutor(8) as pool:
            return list(pool.map(call, arguments))

    def run(self, machine, command, check=True, timeout=120):
        """Run a shell command as root on a machine of the lab."""
        done = subprocess.run(
            ["podman", "exec", "-i", f"onprem-tunnel-{machine}", "sh", "-c", command],
            capture_output=True,
            text=True,
            check=False,
            timeout=timeout,
        )
        if check:
            assert done.returncode == 0, f"{machine}: {command}\n{done.stdout}{done.stderr}"
        return done

    def podman(self, *arguments):
        subprocess.run(["podman", *arguments], check=True, capture_output=True, timeout=120)

    def playbook(self, playbook, *arguments, inventory=INVENTORY, check=True, environment=None, cwd=ROOT):
        done = subprocess.run(
            ["ansible-playbook", "-i", str(inventory), str(playbook), *arguments],
            capture_output=True,
            text=True,
            check=False,
            cwd=cwd,
            env=environment or {**os.environ, "PATH": PATH, "LC_ALL": "C.UTF-8"},
            timeout=900,
        )
        output = done.stdout + done.stderr
        if check:
            assert done.returncode == 0, output
        recap = Recap(done.stdout)
        recap.output, recap.returncode = output, done.returncode
        return recap

    def site(self, *arguments, **options):
        return self.playbook("site.yml", *arguments, **options)

    def with_resources(self, resources, tmp_path):
        """The arguments that run a playbook with another list of resources."""
        path = tmp_path / "resources.yml"
        path.write_text(yaml.safe_dump({"onprem_tunnel_resources": resources}))
        return "-e", f"@{path}"

    def query(self, name, host=None, timeout=10):
        """Rows of a resource's sample query, fetched by the real client program."""
        resource = self.facts["resources"][name]
        words = {key: shlex.quote(str(resource[key])) for key in ("user", "password", "database", "query")}
        words.update(host=host or self.facts["load_balancer"], port=resource["listen_port"], timeout=timeout)
        if resource["engine"] == "postgresql":
            command = (
                "PGCONNECT_TIMEOUT={timeout} PGPASSWORD={password} "
                "psql -h {host} -p {port} -U {user} -d {database} -At -c {query}"
            )
        else:
            command = (
                "MYSQL_PWD={password} mariadb --connect-timeout={timeout} "
                "-h {host} -P {port} -u {user} -N -B {database} -e {query}"
            )
        return self.run("client", command.format(**words), check=False, timeout=timeout + 20)

    def answers(self, name, host=None):
        return self.query(name, host).returncode == 0

    def health(self, proxy, path="/healthz"):
        """HTTP status and body of a proxy's health check, as the load balancer sees them."""
        done = self.run(
            "load-balancer",
            f"curl -s -m 3 -w '\\n%{{http_code}}' http://{self.addresses[proxy]}:{self.facts['health_port']}{path}",
            check=False,
        )
        body, _, status = done.stdout.rpartition("\n")
        return int(status or 0), json.loads(body) if body.startswith("{") else {}

    def aws(self, service):
        """A client of the lab's AWS, as the hub's owner has it."""
        return boto3.client(
            service,
            endpoint_url=self.facts["aws_endpoint_url"],
            region_name=self.facts["aws_region"],
            aws_access_key_id="lab",
            aws_secret_access_key="the-stand-in-asks-for-none",
        )

    def host_keys(self):
        """The proxies' host keys, as onprem_tunnel_host_keys takes them."""
        command = "cut -d' ' -f1,2 /etc/ssh/ssh_host_ed25519_key.pub"
        return {proxy: [self.run(proxy, command).stdout.strip()] for proxy in self.addresses}

    def balancer_rows(self):
        """The load balancer's servers: (resource, proxy) -> status."""
        table = self.run("load-balancer", "curl -s 'http://127.0.0.1:8404/;csv'").stdout
        rows = [row.split(",") for row in table.splitlines()]
        return {(row[0], row[1]): row[17] for row in rows if len(row) > 17 and row[1] in self.addresses}

    def target_group(self, resource):
        """The ARN of the target group that the resource's listener leads to."""
        elbv2, port = self.aws("elbv2"), self.facts["resources"][resource]["listen_port"]
        balancer = elbv2.describe_load_balancers()["LoadBalancers"][0]["LoadBalancerArn"]
        listeners = elbv2.describe_listeners(LoadBalancerArn=balancer)["Listeners"]
        return next(entry for entry in listeners if entry["Port"] == port)["DefaultActions"][0]["TargetGroupArn"]

    def databricks_account(self):
        """A function of method and path that asks the lab's Databricks account, as its admin."""
        config = Config(
            host=self.facts["databricks_account_host"],
            client_id=self.facts["databricks_client_id"],
            client_secret=self.facts["databricks_client_secret"],
            auth_type="oauth-m2m",
        )
        client, root = ApiClient(config), f"/api/2.0/accounts/{self.facts['databricks_account_id']}"
        return lambda method, path: client.do(method, f"{root}/{path}", headers={"Accept": "application/json"})

    def settled(self):
        """Wait until containers and load balancer have followed what AWS says."""
        command = [sys.executable, "-m", "lab.world", "--settled"]
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=180)
        assert done.returncode == 0, done.stdout + done.stderr

    def wait(self, condition, seconds, what):
        deadline = time.monotonic() + seconds
        started = time.monotonic()
        while not condition():
            assert time.monotonic() < deadline, f"not within {seconds} s: {what}"
            time.sleep(0.25)
        return time.monotonic() - started

    def whole(self):
        """Every proxy is healthy, and every resource answers through each of them and the load balancer."""
        paths = [(name, host) for name in self.facts["resources"] for host in [None, *self.addresses.values()]]
        return all(self.health(proxy)[0] == 200 for proxy in self.addresses) and all(
            self.at_once(lambda path: self.answers(*path), paths)
        )


@pytest.fixture(scope="session", name="lab")
def _lab():
    if not (ROOT / "build/lab.json").exists():
        pytest.fail("The lab is not there. These tests need it: run 'make lab' (as root, with Podman) first.")
    return Lab()


@pytest.fixture(name="whole")
def _whole(lab):
    """The test starts from a whole lab, and leaves one."""
    lab.wait(lab.whole, 60, "the lab is whole before the test")
    yield
    lab.wait(lab.whole, 60, "the lab is whole again after the test")


@pytest.fixture(name="whole_before", scope="module")
def _whole_before(lab):
    """The tests of a file start from a whole lab, and leave one; each of them is to harm nothing."""
    lab.wait(lab.whole, 60, "the lab is whole before the tests")
    yield
    lab.wait(lab.whole, 60, "the lab is whole again after the tests")


class Session:
    """A session of a real client with the orders, through proxy-b unless it is told otherwise."""

    def __init__(self, lab, host=None):
        resource = lab.facts["resources"]["orders"]
        client = "mariadb --skip-reconnect --unbuffered -N -B"
        client = f"{client} -h {host or lab.addresses['proxy-b']} -P {resource['listen_port']} -u {resource['user']}"
        self.process = subprocess.Popen(
            [
                *("podman", "exec", "-i", "onprem-tunnel-client", "sh", "-c"),
                f"MYSQL_PWD={resource['password']} exec {client}",
            ],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def ask(self):
        """The number that the database gave this session."""
        self.process.stdin.write("SELECT CONNECTION_ID();\n")
        self.process.stdin.flush()
        return self.process.stdout.readline()

    def close(self):
        self.process.stdin.close()
        self.process.wait(10)


class Queries:
    """New connections to the orders through the load balancer, one after the other, until stopped. Each logs in: MariaDB
    would block the tunnel host for connections that break off."""

    def __init__(self, lab):
        self.answered = []
        self.stop = threading.Event()
        self.lab = lab
        self.thread = threading.Thread(target=self._run, daemon=True)

    def _run(self):
        while not self.stop.is_set():
            self.answered.append(self.lab.answers("orders"))
            time.sleep(0.1)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.stop.set()
        self.thread.join(60)


@pytest.fixture(name="session")
def _session(lab):
    session = Session(lab)
    yield session
    session.process.kill()
    session.process.wait()
