"""What is asked of the container, in which order, and what is not asked again."""

import os

import pytest

from lab.aws import balancer as module
from lab.aws import changes
from lab.aws.haproxy import STATE_HEADING
from lab.aws.podman import PodmanError

HOSTS = {"10.246.41.10": "proxy-a", "10.246.42.10": "proxy-b"}


class Container:
    """A container with HAProxy, as far as the commands below go."""

    def __init__(self):
        self.asked, self.config, self.state, self.idle_timeout = [], "", "", "350"
        self.refuses, self.rows, self.pid = False, [], os.getpid()

    def podman(self, *arguments, stdin=""):
        command = arguments[-1]
        if command == module.PRESENT:
            return f"{self.idle_timeout}\n{self.config}" if self.config else ""
        if command == module.CHECK:
            if self.refuses:
                raise PodmanError("podman exec: unknown keyword")
            self.new = stdin
        elif command.startswith("\nmv"):
            self.config, self.state = self.new, stdin
            self.asked.append("restart" if "systemctl restart" in command else "reload")
        elif "sysctl" in arguments:
            self.idle_timeout = command.partition("=")[2]
            self.asked.append(command)
        else:
            self.asked.append(" ".join(arguments[2:]))
        return ""

    def ask(self, _command):
        rows = [
            f"1 orders 1 {name} {address} {op} 0 1 1 {age} 15 3 {health} 6 0 0 0 - 3306 - 0 8405 - - 0"
            for name, address, op, age, health in self.rows
        ]
        return "\n".join(["1", f"# {STATE_HEADING}", *rows, ""])


@pytest.fixture(name="container")
def _container(monkeypatch):
    container = Container()
    monkeypatch.setattr(module, "podman", container.podman)
    monkeypatch.setattr(module, "pid", lambda _name: container.pid)
    monkeypatch.setattr(module.Balancer, "ask", lambda _self, command: container.ask(command))
    return container


@pytest.fixture(name="balancer")
def _balancer(cloud, container):
    changes.install()
    return make(cloud)


def make(cloud):
    return module.Balancer(cloud.elbv2, cloud.ec2, "lab-load-balancer", "10.246.40.5", lambda: HOSTS)


def test_it_follows_registration_and_deregistration(cloud, container, balancer):
    orders = cloud.serve("orders", 3306, ["10.246.41.10"])
    assert balancer.follow() == ["HAProxy serves orders on 3306: proxy-a", "idle connections are forgotten after 350 s"]
    assert balancer.follow() == [] and container.asked[0] == "reload"
    assert "orders 0 proxy-a 10.246.41.10 0 " in container.state, "a new target has to be checked"

    container.rows = [("proxy-a", "10.246.41.10", 2, 60, 3)]
    cloud.elbv2.register_targets(TargetGroupArn=orders.group, Targets=[{"Id": "10.246.42.10"}])
    assert balancer.follow() == ["HAProxy serves orders on 3306: proxy-a, proxy-b"]
    assert "orders 0 proxy-a 10.246.41.10 2 " in container.state, "what was healthy stays so"
    assert "orders 0 proxy-b 10.246.42.10 0 " in container.state

    cloud.elbv2.deregister_targets(
        TargetGroupArn=orders.group, Targets=[{"Id": "10.246.41.10"}, {"Id": "10.246.42.10"}]
    )
    assert balancer.follow() == ["HAProxy serves orders on 3306: no target"]


def test_a_load_balancer_that_is_gone_keeps_no_connection(cloud, container, balancer):
    cloud.serve("orders", 3306)
    balancer.follow()
    cloud.elbv2.delete_load_balancer(LoadBalancerArn=cloud.balancer)
    assert balancer.follow() == ["HAProxy serves no listener"]
    assert container.asked[-1] == "restart" and "10.246.40.5" not in container.config


def test_this_program_started_again_disturbs_nothing(cloud, container, balancer):
    cloud.serve("orders", 3306, ["10.246.41.10"])
    balancer.follow()
    container.asked.clear()
    assert make(cloud).follow() == [] and container.asked == []


def test_a_container_made_anew_is_configured_again(cloud, container, balancer, monkeypatch):
    cloud.serve("orders", 3306, ["10.246.41.10"])
    balancer.follow()
    container.config = ""
    balancer.pid = 2**22 + 1  # no process has this number
    assert balancer.follow()[0] == "HAProxy serves orders on 3306: proxy-a"


def test_without_the_container_it_says_so_and_goes_on_later(cloud, container, balancer):
    cloud.serve("orders", 3306)
    container.pid = 0
    with pytest.raises(RuntimeError, match="lab-load-balancer does not run"):
        balancer.follow()
    container.pid = os.getpid()
    assert balancer.follow()[0] == "HAProxy serves orders on 3306: no target"


def test_a_configuration_that_haproxy_refuses_changes_nothing(cloud, container, balancer):
    orders = cloud.serve("orders", 3306)
    balancer.follow()
    before = container.config
    container.refuses = True
    cloud.elbv2.register_targets(TargetGroupArn=orders.group, Targets=[{"Id": "10.246.41.10"}])
    for _ in range(2):
        with pytest.raises(PodmanError, match="unknown keyword"):
            balancer.follow()
    assert container.config == before
    container.refuses = False
    assert balancer.follow() == ["HAProxy serves orders on 3306: proxy-a"]


def test_the_shortest_idle_timeout_is_taken(cloud, container, balancer, caplog):
    listeners = [cloud.serve("orders", 3306).listener, cloud.serve("crm", 5432).listener]
    for listener, seconds in zip(listeners, ("600", "400"), strict=True):
        setting = {"Key": "tcp.idle_timeout.seconds", "Value": seconds}
        cloud.elbv2.modify_listener_attributes(ListenerArn=listener, Attributes=[setting])
    assert balancer.follow()[-1] == "idle connections are forgotten after 400 s"
    assert container.idle_timeout == "400" and "different idle timeouts" in caplog.text
    assert balancer.follow() == []


def test_connections_of_a_target_that_got_unhealthy_are_ended_once(cloud, container, balancer):
    cloud.serve("orders", 3306, ["10.246.41.10", "10.246.42.10"])
    container.rows = [("proxy-a", "10.246.41.10", 2, 60, 3), ("proxy-b", "10.246.42.10", 2, 60, 3)]
    balancer.follow()
    container.rows[0] = ("proxy-a", "10.246.41.10", 0, 1, 0)
    assert balancer.follow() == ["connections to 10.246.41.10:3306 were ended"]
    assert container.asked[-1] == "ss --kill --no-header --tcp dst 10.246.41.10 dport = :3306"
    assert balancer.follow() == []
