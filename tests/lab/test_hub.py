"""The hub on the lab's AWS: what the load balancer does follows the NLB, and no change of one resource harms another."""

import json
import subprocess

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
    elbv2, group = lab.aws("elbv2"), lab.target_group("orders")
    termination = "target_health_state.unhealthy.connection_termination.enabled"
    try:
        lab.run(serving, "onprem-tunnel-drain --timeout 0 --settle 0", check=False)
        lab.wait(
            lambda: lab.balancer_rows()["orders", serving].startswith("DOWN"), 15, "the load balancer has moved away"
        )
        assert lab.balancer_rows()["orders", other].startswith("UP")
        assert session.ask() == first
        assert all(lab.answers("orders") for _ in range(4))

        elbv2.modify_target_group_attributes(TargetGroupArn=group, Attributes=[{"Key": termination, "Value": "true"}])
        lab.settled()
        lab.run(serving, "onprem-tunnel-drain --undo")
        lab.wait(lambda: lab.balancer_rows()["orders", serving].startswith("UP"), 25, "the proxy is back")
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
        lab.wait(lambda: all(row.startswith("DOWN") for row in lab.balancer_rows().values()), 20, "no proxy is healthy")
        assert all(lab.answers(name) for name in lab.facts["resources"])
    finally:
        for proxy in lab.addresses:
            lab.run(proxy, "onprem-tunnel-drain --undo", check=False)


@pytest.mark.anew
@pytest.mark.usefixtures("whole")
def test_the_load_balancer_follows_health_settings_and_idle_timeout(lab):
    elbv2, group = lab.aws("elbv2"), lab.target_group("crm")
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
    elbv2, group = lab.aws("elbv2"), lab.target_group("orders")
    try:
        lab.run("proxy-b", "onprem-tunnel-drain --timeout 0 --settle 0", check=False)
        recap = lab.playbook("playbooks/publish.yml")
        assert recap.changed() == {}, recap.output
        targets = elbv2.describe_target_health(TargetGroupArn=group)["TargetHealthDescriptions"]
        assert {target["Target"]["Id"] for target in targets} == set(lab.addresses.values())
    finally:
        lab.run("proxy-b", "onprem-tunnel-drain --undo", check=False)


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
