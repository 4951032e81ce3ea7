"""The list changes, and a proxy dies: what comes is everywhere, what stays never fails, what left is gone without a trace.

The tests of this file go on from one another: each run of site.yml takes its time.
"""

import itertools
import subprocess

import pytest
import yaml
from conftest import FILES, INVENTORY, ROOT, Queries

pytestmark = pytest.mark.anew
# Sends the length of all that it was sent, two seconds after the end of it: an answer to a half-closed connection.
SERVER = """
import socketserver, threading, time
class Handler(socketserver.StreamRequestHandler):
    def handle(self):
        got = len(self.rfile.read())
        time.sleep(2)
        self.wfile.write(b"%d " % got + b"x" * 1000000)
class Server(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
Server(("0.0.0.0", 9000), Handler).serve_forever()
"""
THIRD = ("files", "19000", ":9000")


@pytest.fixture(name="files_server", scope="module")
def _files_server(lab):
    lab.run("database", f"cat > /tmp/files.py <<'END'\n{SERVER}\nEND\nsystemd-run --unit=files python3 /tmp/files.py")
    yield
    lab.run("database", "systemctl stop files")


def traces(lab, proxy):
    """Everywhere on a proxy and the tunnel host that a resource leaves something: place -> what is there."""
    on_proxy = {
        "units": "systemctl list-units --all --plain --no-legend 'onprem-tunnel-forward@*'",
        "wanted units": "ls /etc/systemd/system/onprem-tunnel-forwards.target.wants/",
        "files": "ls /etc/onprem-tunnel/forwarders",
        "listening ports": "ss -Hltn",
        "permissions of the key": "cat /etc/ssh/onprem-tunnel/authorized_keys",
        "permissions in effect": "mkdir -p /run/sshd && sshd -T -C user=onprem-tunnel,host=x,addr=10.246.10.20",
        "health": "curl -s http://$(hostname -I | cut -d' ' -f1):8405/healthz",
        "reserved ports": "cat /proc/sys/net/ipv4/ip_local_reserved_ports",
    }
    found = {f"{proxy}: {what}": lab.run(proxy, command).stdout for what, command in on_proxy.items()}
    found["forwards"] = lab.run("fra-tunnel", "cat /etc/onprem-tunnel/tunnels/*").stdout
    found["load balancer"] = lab.run("load-balancer", "cat /etc/haproxy/haproxy.cfg").stdout
    return found


def mentions(found, *words):
    return {place for place, text in found.items() if any(word in text for word in words)}


def answer_to_a_half_closed_connection(lab):
    """What a client gets that has sent all and closed its side; the server answers two seconds later."""
    program = (
        f"import socket; s = socket.create_connection(('{lab.facts['load_balancer']}', 9000), 10);"
        "s.sendall(b'x' * 300000); s.shutdown(socket.SHUT_WR); s.settimeout(15);"
        "got = b''.join(iter(lambda: s.recv(65536), b'')); print(got[:6].decode(), len(got))"
    )
    return lab.run("client", f'python3 -c "{program}"', check=False).stdout.split()


@pytest.fixture(name="one_proxy")
def _one_proxy(tmp_path):
    """The lab's inventory without proxy-b, and without a hub and what needs one."""
    inventory = yaml.safe_load((INVENTORY / "hosts.yml").read_text().replace("{{ inventory_dir }}/../..", str(ROOT)))
    del inventory["all"]["children"]["proxy_vms"]["hosts"]["proxy-b"]
    del inventory["all"]["children"]["aws_hubs"]
    del inventory["all"]["children"]["databricks_workspaces"]
    folder = tmp_path / "one-proxy"
    folder.mkdir()
    (folder / "hosts.yml").write_text(yaml.safe_dump(inventory))
    (folder / "group_vars").symlink_to(INVENTORY / "group_vars")
    return folder


@pytest.fixture(name="changed", scope="module")
def _changed(lab, files_server, tmp_path_factory):
    """A run with one resource more and another port of the CRM, while the orders are asked all the time."""
    lab.wait(lab.whole, 60, "the lab is whole before the tests")
    resources = [
        {**entry, "listen_port": 5433, "tunnel_port": 15432} if entry["name"] == "crm" else entry
        for entry in lab.resources
    ]
    orders = lab.target_group("orders")
    with Queries(lab) as queries:
        recap = lab.site(*lab.with_resources([*resources, FILES], tmp_path_factory.mktemp("changed")))
        lab.settled()
    yield {"recap": recap, "answered": queries.answered, "orders": orders}
    if not lab.whole():
        lab.site(check=False)
    lab.wait(lab.whole, 60, "the lab is whole again after the tests")


def test_a_resource_comes_everywhere(lab, changed):
    assert set(changed["recap"].changed()) >= {"hub", "proxy-a", "proxy-b", "fra-tunnel", "analytics"}
    for proxy in lab.addresses:
        there = traces(lab, proxy)
        assert mentions(there, *THIRD) == set(there), "the third resource is everywhere"
        assert lab.health(proxy, "/healthz/files")[0] == 200
    lab.wait(lambda: answer_to_a_half_closed_connection(lab) == ["300000", "1000007"], 30, "the whole answer")


def test_a_port_changes_and_the_other_resource_goes_on(lab, changed):
    """What is under way through a tunnel breaks off when that is replaced; new connections wait until it is."""
    failed = [number for number, answered in enumerate(changed["answered"]) if not answered]
    assert len(changed["answered"]) > 50 and len(failed) <= len(lab.addresses), failed
    assert all(later - earlier > 1 for earlier, later in itertools.pairwise(failed)), failed
    groups = lab.aws("elbv2").describe_target_groups()["TargetGroups"]
    ports = {group["TargetGroupArn"]: group["Port"] for group in groups}
    assert sorted(ports.values()) == [3306, 5433, 9000]
    assert ports[changed["orders"]] == 3306, "the other group is the same one"
    listeners = lab.run("load-balancer", "ss -Hltn").stdout
    assert ":5433" in listeners and ":5432" not in listeners
    lab.wait(lambda: lab.balancer_rows()["crm", "proxy-a"].startswith("UP"), 15, "the new port is healthy")


@pytest.mark.usefixtures("changed")
def test_the_least_for_development_is_one_proxy_without_a_load_balancer(lab, one_proxy):
    recap = lab.playbook("playbooks/tunnels.yml", inventory=one_proxy)
    assert "proxy-b" not in recap
    assert all(lab.answers(name, lab.addresses["proxy-a"]) for name in lab.facts["resources"])
    assert mentions(traces(lab, "proxy-a"), *THIRD) == {"load balancer"}
    look = "systemctl list-units --all 'onprem-tunnel@*'; ls /etc/onprem-tunnel/tunnels; cat /etc/onprem-tunnel/known_hosts"
    left = lab.run("fra-tunnel", look).stdout
    assert "proxy-a" in left and "proxy-b" not in left
    assert lab.health("proxy-b")[0] == 503, "its tunnel is gone, and its health check says so"


@pytest.mark.usefixtures("changed")
def test_a_proxy_that_died_is_made_anew_and_serves_only_when_it_is_healthy(lab):
    """With the list as it was before, which is also how the third resource and the other port leave."""
    ec2, elbv2 = lab.aws("ec2"), lab.aws("elbv2")

    def instance():
        found = ec2.describe_instances(
            Filters=[
                {"Name": "tag:OnpremTunnelProxy", "Values": ["proxy-b"]},
                {"Name": "instance-state-name", "Values": ["running"]},
            ]
        )["Reservations"]
        return [machine["InstanceId"] for entry in found for machine in entry["Instances"]]

    def registered():
        targets = elbv2.describe_target_health(TargetGroupArn=lab.target_group("orders"))["TargetHealthDescriptions"]
        return {target["Target"]["Id"] for target in targets}

    before, host_key = instance(), lab.run("proxy-b", "cat /etc/ssh/ssh_host_ed25519_key.pub").stdout
    ec2.terminate_instances(InstanceIds=before)
    lab.settled()
    assert "proxy-b" not in subprocess.run(["podman", "ps", "-a"], capture_output=True, text=True, check=True).stdout
    with Queries(lab) as queries:
        hub = lab.playbook("playbooks/hub.yml")
        assert set(hub.changed()) == {"hub"}, hub.output
        assert registered() == {lab.addresses["proxy-a"]}, "the new machine is no target yet"
        lab.site()
        lab.settled()
    assert registered() == set(lab.addresses.values())
    assert len(instance()) == 1 and instance() != before
    assert lab.run("proxy-b", "cat /etc/ssh/ssh_host_ed25519_key.pub").stdout != host_key
    late = queries.answered[50:]
    assert len(late) > 50 and all(late), "proxy-a serves all the time, once the load balancer has moved"


@pytest.mark.usefixtures("changed")
def test_what_left_is_gone_without_a_trace(lab):
    for proxy in lab.addresses:
        assert mentions(traces(lab, proxy), *THIRD, "5433") == set()
        assert lab.health(proxy, "/healthz/files")[0] == 404
    assert ":5433" not in lab.run("load-balancer", "ss -Hltn").stdout
