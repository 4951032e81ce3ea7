"""From a connection in Unity Catalog to rows: classic compute through the private zone, serverless through the endpoint."""

import json
import subprocess
import sys
import urllib.request

import pytest
from conftest import ROOT

MACHINES = {"classic": "client", "serverless": "serverless"}


def rows(lab, compute, resource):
    """What lab/query says."""
    done = subprocess.run(
        [sys.executable, ROOT / "lab/query", "--compute", compute, resource],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def connection(lab, name):
    with urllib.request.urlopen(f"{lab.facts['compute_url']}/_lab/workspaces/analytics/connections/{name}") as answer:
        return json.load(answer)


def resolved(lab, compute, name):
    done = lab.run(MACHINES[compute], f"getent hosts {name}", check=False)
    return done.stdout.split()[0] if done.stdout else None


@pytest.mark.usefixtures("whole_before")
@pytest.mark.parametrize("resource", ["orders", "crm"])
@pytest.mark.parametrize("compute", MACHINES)
def test_each_kind_of_compute_reads_rows_through_its_own_way(lab, compute, resource):
    assert len(rows(lab, compute, resource).splitlines()) > 3
    address = resolved(lab, compute, connection(lab, resource)["host"])
    assert address == {"classic": lab.facts["load_balancer"], "serverless": "10.246.50.5"}[compute]


def test_serverless_compute_has_no_other_way(lab):
    for address in [lab.facts["load_balancer"], *lab.addresses.values()]:
        assert lab.query("orders", address, timeout=3).returncode == 0, "which classic compute has"
        probe = f"timeout 3 bash -c '</dev/tcp/{address}/3306'"
        assert lab.run("serverless", probe, check=False).returncode != 0


@pytest.mark.parametrize("compute", MACHINES)
def test_the_certificate_is_verified_by_its_full_name(lab, compute):
    """With the name of another machine, or another authority, there is no session."""
    resource, found = lab.facts["resources"]["orders"], connection(lab, "orders")

    def ask(host, authority="/etc/ssl/lab.pem"):
        command = (
            f"MYSQL_PWD={found['password']} mariadb --connect-timeout=5 --ssl-ca={authority} --ssl-verify-server-cert "
            f"-h {host} -P {found['port']} -u {found['user']} -N -B -e 'SHOW STATUS LIKE \"Ssl_cipher\"' {resource['database']}"
        )
        return lab.run(MACHINES[compute], command, check=False)

    verified = ask("mariadb.corp.example")
    assert verified.returncode == 0 and "TLS" in verified.stdout, verified.stderr
    other = ask("onprem.lab.example")
    assert other.returncode != 0 and "SSL" in other.stderr, other.stderr
    lab.run(
        MACHINES[compute],
        "openssl req -x509 -newkey rsa:2048 -nodes -keyout /dev/null -subj /CN=other -out /tmp/other.pem",
    )
    stranger = ask("mariadb.corp.example", "/tmp/other.pem")
    assert stranger.returncode != 0 and "certificate" in stranger.stderr, stranger.stderr


def test_the_ncc_and_its_rule_are_there_once_for_both_workspaces(lab):
    account = lab.databricks_account()
    nccs = account("GET", "network-connectivity-configs")["items"]
    assert [ncc["name"] for ncc in nccs] == ["onprem-tunnel-lab"]
    ncc = nccs[0]["network_connectivity_config_id"]
    rules = account("GET", f"network-connectivity-configs/{ncc}/private-endpoint-rules")["items"]
    assert [rule["connection_state"] for rule in rules] == ["ESTABLISHED"]
    assert set(rules[0]["domain_names"]) == {"mariadb.corp.example", "onprem.lab.example"}
    attached = {item["workspace_name"]: item["network_connectivity_config_id"] for item in account("GET", "workspaces")}
    assert attached == {"analytics": ncc, "science": ncc}
    connections = lab.aws("ec2").describe_vpc_endpoint_connections()["VpcEndpointConnections"]
    states = {entry["VpcEndpointId"]: entry["VpcEndpointState"] for entry in connections}
    assert states == {rules[0]["vpc_endpoint_id"]: "available"}


@pytest.mark.anew
@pytest.mark.usefixtures("whole")
def test_an_endpoint_that_its_owner_cuts_off_ends_serverless_alone_and_a_run_says_what_to_do(lab):
    """And replaces it where that is allowed."""
    ec2 = lab.aws("ec2")
    connections = ec2.describe_vpc_endpoint_connections()["VpcEndpointConnections"]
    cut, service = connections[0]["VpcEndpointId"], connections[0]["ServiceId"]
    ec2.reject_vpc_endpoint_connections(ServiceId=service, VpcEndpointIds=[cut])
    lab.settled()
    assert resolved(lab, "serverless", "onprem.lab.example") is None
    rows(lab, "classic", "orders")
    failed = lab.playbook("playbooks/databricks.yml", check=False)
    assert failed.returncode != 0 and "DISCONNECTED" in failed.output and "replace_failed" in failed.output

    lab.playbook("playbooks/databricks.yml", "-e", "databricks_workspace_replace_failed_rule=true")
    lab.settled()
    rows(lab, "serverless", "orders")
    assert lab.playbook("playbooks/databricks.yml").changed() == {}
