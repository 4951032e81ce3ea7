"""A proxy leaves the load balancer without cutting a connection, and comes back."""

import pytest

pytestmark = pytest.mark.usefixtures("whole")


@pytest.fixture(name="undrained")
def _undrained(lab):
    yield
    for proxy in lab.addresses:
        lab.run(proxy, "onprem-tunnel-drain --undo")


def drain(lab, *arguments, **options):
    return lab.playbook("playbooks/drain.yml", *arguments, **options)


def sends_to(lab, proxy):
    """Whether the load balancer sends new connections to the proxy."""
    table = lab.run("load-balancer", "curl -s 'http://127.0.0.1:8404/;csv'").stdout
    return any(row.split(",")[1] == proxy and ",UP" in row for row in table.splitlines() if "," in row)


def test_a_session_outlives_the_draining_and_new_ones_go_elsewhere(lab, session, undrained):
    first = session.ask()
    assert first.strip().isdigit()

    pretended = drain(lab, "--limit", "proxy-b", "--check")
    assert pretended.changed() == {"proxy-b": 1}
    assert lab.health("proxy-b")[0] == 200, "check mode drains nothing"

    expired = drain(lab, "--limit", "proxy-b", "-e", "onprem_tunnel_drain_timeout=17", check=False)
    assert expired.returncode != 0 and "connections are left (orders: 1)" in expired.output
    assert lab.health("proxy-b")[0] == 503 and lab.health("proxy-b")[1]["draining"] is True
    assert not sends_to(lab, "proxy-b") and sends_to(lab, "proxy-a")
    assert all(lab.answers(name) for name in lab.facts["resources"] for _ in range(4))
    assert session.ask() == first, "the session lives"

    refused = drain(lab, "--limit", "proxy-a", check=False)
    assert refused.returncode != 0 and "only this proxy has a healthy path" in refused.output
    assert lab.health("proxy-a")[0] == 200

    session.close()
    again = drain(lab, "--limit", "proxy-b")
    assert again.changed() == {} and "no connection is left" in again.output

    undo = lab.playbook("playbooks/undrain.yml", "--limit", "proxy-b")
    assert undo.changed() == {"proxy-b": 1}
    assert lab.playbook("playbooks/undrain.yml").changed() == {}
    lab.wait(lambda: sends_to(lab, "proxy-b"), 20, "the load balancer sends again")


def test_draining_survives_a_restart_of_the_machine(lab, undrained):
    lab.run("proxy-b", "onprem-tunnel-drain --timeout 0 --settle 0")
    lab.podman("stop", "--time", "5", "onprem-tunnel-proxy-b")
    lab.podman("start", "onprem-tunnel-proxy-b")
    lab.wait(lambda: lab.health("proxy-b")[0] == 503, 60, "the proxy came back by itself")
    lab.wait(lambda: lab.health("proxy-b")[1]["resources"]["orders"]["status"] == "ok", 30, "its tunnel came back, too")
    assert lab.health("proxy-b")[0] == 503


def test_without_a_limit_nobody_drains_every_proxy(lab, undrained):
    failed = drain(lab, check=False)
    assert failed.returncode != 0 and "Say which: --limit proxy-a" in failed.output
    assert [lab.health(proxy)[0] for proxy in lab.addresses] == [200, 200]
