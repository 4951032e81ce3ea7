"""The hub on the lab's AWS: what the load balancer does follows the NLB, and no change of one resource harms another."""

import json
import subprocess
import threading
import time

import pytest
from conftest import ROOT, Session
from stand_in import KINDS


def carrying_the_mark(lab):
    """Everything in the account that mentions the hub: kind -> entries."""
    found = {}
    for service, calls in KINDS.items():
        for call, key in calls.items():
            entries = getattr(lab.aws(service), call)()[key]
            own = [entry for entry in entries if "onprem-tunnel-lab" in json.dumps(entry, default=str)]
            living = [entry for entry in own if "'terminated'" not in str(entry) and "'deleted'" not in str(entry)]
            if living:
                found[call] = living
    return found


def workspace_routes(lab):
    tables = lab.aws("ec2").describe_route_tables(Filters=[{"Name": "tag:Name", "Values": ["workspace"]}])[
        "RouteTables"
    ]
    return {
        route["DestinationCidrBlock"]: route.get("GatewayId", "peering")
        for table in tables
        for route in table["Routes"]
    }


def balancer_rows(lab):
    """The load balancer's servers: (resource, proxy) -> status."""
    table = lab.run("load-balancer", "curl -s 'http://127.0.0.1:8404/;csv'").stdout
    rows = [row.split(",") for row in table.splitlines()]
    return {(row[0], row[1]): row[17] for row in rows if len(row) > 17 and row[1] in lab.addresses}


def attributes(lab, resource):
    elbv2 = lab.aws("elbv2")
    listeners = lab.aws("elbv2").describe_listeners(
        LoadBalancerArn=elbv2.describe_load_balancers()["LoadBalancers"][0]["LoadBalancerArn"]
    )["Listeners"]
    port = lab.facts["resources"][resource]["listen_port"]
    group = next(entry for entry in listeners if entry["Port"] == port)["DefaultActions"][0]["TargetGroupArn"]
    return elbv2, group


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


@pytest.mark.anew
@pytest.mark.usefixtures("whole")
def test_a_drained_proxy_keeps_its_sessions_and_the_nlb_says_so(lab):
    """The session comes through the load balancer: one that ends unhealthy connections, as an NLB does unless told
    otherwise, would cut it."""
    session = Session(lab, lab.facts["load_balancer"])
    first = session.ask()
    assert first.strip().isdigit()
    serving = next(
        proxy
        for proxy in lab.addresses
        if lab.run(proxy, "ss -Htn state established 'sport = :3306' | wc -l").stdout.strip() != "0"
    )
    other = next(proxy for proxy in lab.addresses if proxy != serving)
    elbv2, group = attributes(lab, "orders")
    termination = "target_health_state.unhealthy.connection_termination.enabled"
    try:
        lab.run(serving, "onprem-tunnel-drain --timeout 0 --settle 0", check=False)
        lab.wait(
            lambda: balancer_rows(lab)["orders", serving].startswith("DOWN"), 15, "the load balancer has moved away"
        )
        assert balancer_rows(lab)["orders", other].startswith("UP")
        assert session.ask() == first
        assert all(lab.answers("orders") for _ in range(4))

        elbv2.modify_target_group_attributes(TargetGroupArn=group, Attributes=[{"Key": termination, "Value": "true"}])
        lab.settled()
        lab.run(serving, "onprem-tunnel-drain --undo")
        lab.wait(lambda: balancer_rows(lab)["orders", serving].startswith("UP"), 25, "the proxy is back")
        lab.run(serving, "onprem-tunnel-drain --timeout 0 --settle 0", check=False)
        lab.wait(lambda: not session.ask().strip(), 20, "the NLB's own default cuts it: the lab follows the attribute")
    finally:
        session.process.kill()
        elbv2.modify_target_group_attributes(TargetGroupArn=group, Attributes=[{"Key": termination, "Value": "false"}])
        lab.run(serving, "onprem-tunnel-drain --undo", check=False)
        lab.settled()


@pytest.mark.anew
@pytest.mark.usefixtures("whole")
def test_the_nlb_fails_open(lab):
    """With every proxy drained, connections go to all of them, as an NLB's do."""
    try:
        for proxy in lab.addresses:
            lab.run(proxy, "onprem-tunnel-drain --force --timeout 0 --settle 0", check=False)
        lab.wait(lambda: all(row.startswith("DOWN") for row in balancer_rows(lab).values()), 20, "no proxy is healthy")
        assert all(lab.answers(name) for name in lab.facts["resources"])
    finally:
        for proxy in lab.addresses:
            lab.run(proxy, "onprem-tunnel-drain --undo", check=False)


@pytest.mark.anew
@pytest.mark.usefixtures("whole")
def test_the_load_balancer_follows_health_settings_and_idle_timeout(lab):
    elbv2, group = attributes(lab, "crm")
    listener = elbv2.describe_listeners(
        LoadBalancerArn=elbv2.describe_load_balancers()["LoadBalancers"][0]["LoadBalancerArn"]
    )["Listeners"][0]["ListenerArn"]

    def follows(interval, unhealthy, idle):
        elbv2.modify_target_group(
            TargetGroupArn=group, HealthCheckIntervalSeconds=interval, UnhealthyThresholdCount=unhealthy
        )
        attribute = {"Key": "tcp.idle_timeout.seconds", "Value": str(idle)}
        elbv2.modify_listener_attributes(ListenerArn=listener, Attributes=[attribute])
        lab.settled()
        written = lab.run("load-balancer", "cat /etc/haproxy/haproxy.cfg").stdout
        kernel = lab.run("load-balancer", "sysctl -n net.netfilter.nf_conntrack_tcp_timeout_established").stdout
        return f"inter {interval}s" in written and f"fall {unhealthy}" in written and kernel.strip() == str(idle)

    try:
        assert follows(7, 3, 300)
    finally:
        assert follows(5, 2, 350)


@pytest.mark.usefixtures("whole")
def test_a_drained_proxy_stays_registered_and_a_run_calls_nothing_ill(lab):
    elbv2, group = attributes(lab, "orders")
    try:
        lab.run("proxy-b", "onprem-tunnel-drain --timeout 0 --settle 0", check=False)
        recap = lab.playbook("playbooks/publish.yml")
        assert recap.changed() == {}, recap.output
        targets = elbv2.describe_target_health(TargetGroupArn=group)["TargetHealthDescriptions"]
        assert {target["Target"]["Id"] for target in targets} == set(lab.addresses.values())
    finally:
        lab.run("proxy-b", "onprem-tunnel-drain --undo", check=False)


@pytest.mark.anew
@pytest.mark.usefixtures("whole")
def test_a_port_changes_and_the_other_resource_never_fails(lab, tmp_path):
    elbv2, orders = attributes(lab, "orders")
    changed = [
        {**entry, "listen_port": 5433, "tunnel_port": 15432} if entry["name"] == "crm" else entry
        for entry in lab.resources
    ]
    with Queries(lab) as queries:
        lab.site(*lab.with_resources(changed, tmp_path))
        lab.settled()
    assert len(queries.answered) > 50 and all(queries.answered)
    names = {group["TargetGroupArn"]: group["Port"] for group in elbv2.describe_target_groups()["TargetGroups"]}
    assert sorted(names.values()) == [3306, 5433] and names[orders] == 3306, "the other group is the same one"
    listeners = lab.run("load-balancer", "ss -Hltn").stdout
    assert ":5433" in listeners and ":5432" not in listeners
    lab.wait(lambda: balancer_rows(lab)["crm", "proxy-a"].startswith("UP"), 15, "the new port is healthy")

    lab.site()
    lab.settled()
    assert ":5433" not in lab.run("load-balancer", "ss -Hltn").stdout


@pytest.mark.anew
@pytest.mark.usefixtures("whole")
def test_a_proxy_that_died_is_made_anew_and_serves_only_when_it_is_healthy(lab):
    ec2 = lab.aws("ec2")
    elbv2, group = attributes(lab, "orders")

    def instance():
        found = ec2.describe_instances(
            Filters=[
                {"Name": "tag:OnpremTunnelProxy", "Values": ["proxy-b"]},
                {"Name": "instance-state-name", "Values": ["running"]},
            ]
        )["Reservations"]
        return [machine["InstanceId"] for entry in found for machine in entry["Instances"]]

    def registered():
        targets = elbv2.describe_target_health(TargetGroupArn=group)["TargetHealthDescriptions"]
        return {target["Target"]["Id"] for target in targets}

    before, host_key = instance(), lab.run("proxy-b", "cat /etc/ssh/ssh_host_ed25519_key.pub").stdout
    ec2.terminate_instances(InstanceIds=before)
    lab.settled()
    assert "proxy-b" not in subprocess.run(["podman", "ps", "-a"], capture_output=True, text=True, check=True).stdout
    with Queries(lab) as queries:
        hub = lab.playbook("playbooks/hub.yml")
        assert hub.changed() == {"hub": 2}, hub.output  # its address is deregistered, and the machine made
        assert registered() == {lab.addresses["proxy-a"]}, "the new machine is no target yet"
        lab.site()
        lab.settled()
    assert registered() == set(lab.addresses.values())
    assert len(instance()) == 1 and instance() != before
    assert lab.run("proxy-b", "cat /etc/ssh/ssh_host_ed25519_key.pub").stdout != host_key
    late = queries.answered[50:]
    assert len(late) > 50 and all(late), "proxy-a serves all the time, once the load balancer has moved"


@pytest.mark.teardown
def test_the_hub_is_torn_down_and_what_others_own_stays(lab):
    before = carrying_the_mark(lab)
    assert len(before) >= 10
    routes = workspace_routes(lab)
    assert set(routes) == {"10.246.43.0/24", "0.0.0.0/0", "10.246.41.0/24", "10.246.42.0/24"}

    refused = lab.playbook("playbooks/hub_absent.yml", check=False)
    assert refused.returncode != 0 and "-e aws_hub_confirm=onprem-tunnel-lab" in refused.output

    confirm = ("-e", "aws_hub_confirm=onprem-tunnel-lab")
    pretended = lab.playbook("playbooks/hub_absent.yml", *confirm, "--check")
    assert pretended.changed()["hub"] > 5 and carrying_the_mark(lab) == before

    lab.playbook("playbooks/hub_absent.yml", *confirm)
    assert carrying_the_mark(lab) == {}
    assert workspace_routes(lab) == {name: routes[name] for name in ("10.246.43.0/24", "0.0.0.0/0")}
    assert lab.playbook("playbooks/hub_absent.yml", *confirm).changed() == {}
    lab.settled()
    machines = subprocess.run(
        ["podman", "ps", "-a", "--format", "{{.Names}}"], capture_output=True, text=True, check=True
    )
    assert not [
        name for name in machines.stdout.split() if "-proxy-" in name and name.startswith("onprem-tunnel-proxy")
    ]
    assert ":3306" not in lab.run("load-balancer", "ss -Hltn").stdout
    assert (ROOT / "build/lab.json").exists()
