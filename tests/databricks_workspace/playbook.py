"""The playbook databricks.yml against a Databricks of its own: a stand-in in this process, and ansible-playbook beside it.

There is no hub: somebody else accepts the endpoint.
"""

import json
import subprocess
import sys
import time
import urllib.request

import yaml
from databricks.sdk.core import ApiClient, Config
from stand_in import ROOT, Run, ansible_environment

from lab.databricks import server
from lab.databricks.endpoints import InMemoryEndpoints
from lab.databricks.world import METASTORE_ADMIN, Workspace, World

SERVICE = "com.amazonaws.vpce.eu-central-1.vpce-svc-0123456789abcdef0"
PASSWORD = "the-crm-password-of-this-test"
SECRET = "the-orders-password-of-this-test"
RESOURCES = [
    {
        "name": "orders",
        "engine": "mysql",
        "host": "mysql01.corp.example",
        "server_name": "mysql01.corp.example",
        "databricks": {
            "user": "reader",
            "secret": "ops.onprem.orders",
            "catalog": "Orders",
            "options": {"trustServerCertificate": "true"},
            "grants": {"analysts": ["USE_CATALOG", "SELECT", "USE_CONNECTION"]},
        },
    },
    {
        "name": "crm",
        "engine": "postgresql",
        "host": "10.10.5.31",
        "databricks": {"user": "reader", "catalog": "crm", "database": "sales"},
    },
]


class Accepted(InMemoryEndpoints):
    """The owner of the endpoint service is quick."""

    def create(self, endpoint_service):
        made = super().create(endpoint_service)
        self.accept(made)
        return made


class Databricks:
    def __init__(self, folder, endpoints=None, **world):
        workspaces = {
            name: Workspace(number, members={"admin-client": METASTORE_ADMIN, "plain-client": set()})
            for name, number in (("analytics", 1234567890), ("science", 2345678901))
        }
        world = {"workspaces": workspaces, "unity_secrets": {"ops.onprem.orders": SECRET}} | world
        self.stand_in = server.start(World(**world), endpoints or Accepted())
        self.folder, self.state = folder, self.stand_in.state

    def inventory(
        self, resources=RESOURCES, workspaces=("analytics", "science"), name="onprem.corp.example", **settings
    ):
        """Write an inventory; settings are the role's without their prefix, and those of one workspace by its name."""
        world = self.stand_in.world
        own = {workspace: settings.pop(workspace, {}) for workspace in workspaces}
        settings = {
            "account_host": self.stand_in.account_url,
            "account_id": world.account_id,
            "client_id": "admin-client",
            "client_secret": world.secrets["admin-client"],
            "endpoint_service": SERVICE,
            "wait_timeout": 10,
            **settings,
        }
        written = {
            "all": {
                "vars": {
                    "ansible_connection": "local",
                    "ansible_python_interpreter": sys.executable,
                    "onprem_tunnel_name": name,
                    "onprem_tunnel_clients": ["10.60.0.0/16"],
                    "onprem_tunnel_load_balancers": ["10.40.1.0/24"],
                    "onprem_tunnel_resources": resources,
                    "onprem_tunnel_passwords": {
                        resource["name"]: PASSWORD
                        for resource in resources
                        if "databricks" in resource and "secret" not in resource["databricks"]
                    },
                    **{f"databricks_workspace_{key}": value for key, value in settings.items()},
                },
                "children": {
                    "proxy_vms": {"hosts": {"proxy-a": {"ansible_host": "10.40.1.10"}}},
                    "onprem_tunnel_hosts": {"hosts": {"fra-tunnel": {"ansible_host": "10.10.5.20"}}},
                    "databricks_workspaces": {
                        "hosts": {
                            workspace: {
                                f"databricks_workspace_{key}": value
                                for key, value in {
                                    "host": self.stand_in.workspace_urls[workspace],
                                    "id": str(world.workspaces[workspace].id),
                                    **own[workspace],
                                }.items()
                            }
                            for workspace in workspaces
                        }
                    },
                },
            }
        }
        path = self.folder / "hosts.yml"
        path.write_text(yaml.safe_dump(written))
        return path

    def run(self, *arguments, playbook="databricks.yml", **inventory):
        """Run the playbook, and return what it said; no run ever shows a secret."""
        path = self.inventory(**inventory)
        started = time.monotonic()
        process = subprocess.run(
            ["ansible-playbook", "-i", str(path), f"playbooks/{playbook}", "--diff", "-vvv", *arguments],
            cwd=ROOT,
            env=ansible_environment("DATABRICKS_", self.folder),
            capture_output=True,
            text=True,
            check=False,
            timeout=300,
        )
        run = Run(process.stdout, process.stderr, process.returncode, time.monotonic() - started)
        for secret in (PASSWORD, SECRET, *self.stand_in.world.secrets.values()):
            assert secret not in run.output, "a secret is in the output"
        return run

    def changes(self):
        """The calls that were to change something, without those of earlier looks."""
        made = [request for request in self.stand_in.requests if request.method != "GET"]
        self.stand_in.requests.clear()
        return [(request.method, request.path.rpartition("/api/")[2]) for request in made]

    def ask(self, url, method, path, body=None, **query):
        """Call the API as the administrator of everything."""
        config = Config(
            host=url,
            client_id="admin-client",
            client_secret=self.stand_in.world.secrets["admin-client"],
            auth_type="oauth-m2m",
        )
        headers = {"Accept": "application/json", "Content-Type": "application/json"}
        return ApiClient(config).do(method, path, headers=headers, body=body, query=query or None)

    def account(self, method, path, body=None, **query):
        root = f"/api/2.0/accounts/{self.stand_in.world.account_id}"
        return self.ask(self.stand_in.account_url, method, f"{root}/{path}", body, **query)

    def workspace(self, method, path, body=None, name="analytics"):
        return self.ask(self.stand_in.workspace_urls[name], method, f"/api/2.1/unity-catalog/{path}", body)

    def get(self, workspace, path):
        return self.workspace("GET", path, name=workspace)

    def nccs(self):
        return self.account("GET", "network-connectivity-configs").get("items", [])

    def rules(self):
        return [
            rule
            for ncc in self.nccs()
            for rule in self.account(
                "GET", f"network-connectivity-configs/{ncc['network_connectivity_config_id']}/private-endpoint-rules"
            ).get("items", [])
        ]

    def an_ncc(self, name, region):
        made = self.account("POST", "network-connectivity-configs", {"name": name, "region": region})
        return made["network_connectivity_config_id"]

    def attach(self, workspace, ncc):
        body = {"network_connectivity_config_id": ncc}
        number = self.stand_in.world.workspaces[workspace].id
        self.account("PATCH", f"workspaces/{number}", body, update_mask="network_connectivity_config_id")

    def granted(self, kind, name):
        assignments = self.get("analytics", f"permissions/{kind}/{name}").get("privilege_assignments", [])
        return {entry["principal"]: set(entry["privileges"]) for entry in assignments}

    def allowed(self):
        matchers = self.get("analytics", "artifact-allowlists/LIBRARY_MAVEN").get("artifact_matchers", [])
        return {matcher["artifact"] for matcher in matchers}

    def compute(self, connection):
        """What the compute of a workspace connects with."""
        url = f"{self.stand_in.lab_url}/_lab/workspaces/analytics/connections/{connection}"
        with urllib.request.urlopen(url, timeout=10) as answer:
            return json.load(answer)

    def somebody_else_works_there(self):
        options = {"host": "10.9.9.9", "port": "5432", "user": "them", "password": "their-own-password"}
        body = {"name": "theirs", "connection_type": "POSTGRESQL", "options": options}
        self.workspace("POST", "connections", body)
        body = {"name": "theirs", "connection_name": "theirs", "options": {"database": "theirs"}}
        self.workspace("POST", "catalogs", body)
        matcher = {"artifact": "com.theirs:", "match_type": "PREFIX_MATCH"}
        self.workspace("PUT", "artifact-allowlists/LIBRARY_MAVEN", {"artifact_matchers": [matcher]})
        self.stand_in.requests.clear()

    def what_others_have(self):
        return (
            self.get("analytics", "connections/theirs"),
            self.get("analytics", "catalogs/theirs"),
            "com.theirs:" in self.allowed(),
        )


def names(databricks, kind):
    """The names of connections or catalogs."""
    return sorted(item["name"] for item in databricks.get("analytics", kind).get(kind, []))
