"""What becomes of containers when instances come, stop, start and go; and the record of which is which."""

import json
import threading

import pytest

from lab.aws import machines
from lab.aws.machines import Action, Instance, Machine, decide

HOSTS = {"10.246.41.10": "proxy-a", "10.246.42.10": "proxy-b"}
BOTH = {"proxy-a", "proxy-b"}


def instance(state="running", name="i-1", address="10.246.41.10"):
    return Instance(name, address, state)


def decided(instances, known=None, present=BOTH):
    return [(action.verb, action.host, action.instance) for action in decide(instances, HOSTS, known or {}, present)]


RUNNING = {"proxy-a": Machine("i-1", running=True)}
STOPPED = {"proxy-a": Machine("i-1", running=False)}


@pytest.mark.parametrize(
    ("instances", "known", "present", "expected"),
    [
        pytest.param([instance()], {}, set(), "make", id="new"),
        pytest.param([instance()], {}, BOTH, "make", id="new, where a container of nobody is"),
        pytest.param([instance()], RUNNING, BOTH, None, id="as it was"),
        pytest.param([instance()], RUNNING, set(), "make", id="container taken away"),
        pytest.param([instance("stopped")], RUNNING, BOTH, "stop", id="stopped"),
        pytest.param([instance("stopping")], RUNNING, BOTH, None, id="not yet stopped"),
        pytest.param([instance("stopped")], STOPPED, BOTH, None, id="still stopped"),
        pytest.param([instance()], STOPPED, BOTH, "start", id="started again"),
        pytest.param([instance("pending")], {}, BOTH, None, id="not yet running"),
        pytest.param([instance("terminated")], RUNNING, BOTH, "remove", id="terminated"),
        pytest.param([instance("shutting-down")], STOPPED, BOTH, "remove", id="stopped and terminated"),
        pytest.param([instance("terminated")], {}, BOTH, None, id="terminated long ago"),
        pytest.param([], RUNNING, BOTH, None, id="AWS knows nothing: this program was started again"),
        pytest.param([instance("stopped", "i-2")], {}, BOTH, None, id="stopped before anybody looked"),
    ],
)
def test_one_instance(instances, known, present, expected):
    assert decided(instances, known, present) == ([(expected, "proxy-a", "i-1")] if expected else [])


def test_an_instance_made_anew_is_a_fresh_machine():
    assert decided([instance("terminated"), instance(name="i-2")], RUNNING) == [("make", "proxy-a", "i-2")]
    assert decided([instance(name="i-2")], RUNNING) == [("make", "proxy-a", "i-2")]


def test_elsewhere_is_ignored():
    assert decided([instance(address="10.9.9.9"), instance(address="")]) == []


def test_of_two_at_one_address_the_known_one_stays():
    two = [instance(name="i-0"), instance()]
    assert decided(two, RUNNING) == []
    assert decided(two) == [("make", "proxy-a", "i-0")]


def test_each_host_for_itself():
    both = [instance(), instance(name="i-2", address="10.246.42.10")]
    assert decided(both, RUNNING) == [("make", "proxy-b", "i-2")]
    assert decided(both) == [("make", "proxy-a", "i-1"), ("make", "proxy-b", "i-2")]


@pytest.fixture(name="calls")
def _calls(monkeypatch):
    """What Podman was asked, and which containers there are."""
    calls, present = [], set()

    def podman(*arguments, **_options):
        calls.append(arguments)
        if arguments[0] == "rm":
            present.discard(arguments[-1])
        return ""

    monkeypatch.setattr(machines, "podman", podman)
    monkeypatch.setattr(machines, "containers", lambda: set(present))
    calls_and = type("Calls", (list,), {})(calls)
    calls_and.seen, calls_and.present = calls, present
    return calls_and


def follower(cloud, calls, tmp_path, code=0):
    made = tmp_path / "made"
    command = ["sh", "-c", f'echo "$1" >>{made}; echo broken; exit {code}', "make"]
    found = machines.Machines(cloud.ec2, lambda: HOSTS, command, tmp_path / "instances.json", "lab-", threading.Event())
    run = found.run

    def run_and_see(argv):
        run(argv)
        calls.present.update(f"lab-{host}" for host in argv[-1].split(","))

    found.run = run_and_see
    found.made = lambda: made.read_text().split() if made.exists() else []
    return found


def test_from_launch_to_termination(cloud, calls, tmp_path):
    from lab.aws import changes

    changes.install()
    found = follower(cloud, calls, tmp_path)
    assert found.follow() == []
    a, b = cloud.launch("10.246.41.10"), cloud.launch("10.246.42.10")
    assert found.follow() == [f"made proxy-a ({a})", f"made proxy-b ({b})"]
    assert found.made() == ["proxy-a,proxy-b"]
    assert found.follow() == []

    cloud.ec2.stop_instances(InstanceIds=[a])
    assert found.follow() == [f"stopped proxy-a ({a})"]
    assert calls.seen[-1][-1] == "lab-proxy-a" and calls.seen[-1][0] == "stop"
    cloud.ec2.start_instances(InstanceIds=[a])
    assert found.follow() == [f"started proxy-a ({a})"]

    again = follower(cloud, calls, tmp_path)
    assert again.follow() == [], "which container is whose outlives this program"

    cloud.ec2.terminate_instances(InstanceIds=[a])
    new = cloud.launch("10.246.41.10")
    assert again.follow() == [f"made proxy-a ({new})"]
    cloud.ec2.terminate_instances(InstanceIds=[new, b])
    assert again.follow() == [f"removed proxy-a ({new})", f"removed proxy-b ({b})"]
    assert json.loads((tmp_path / "instances.json").read_text()) == {} and calls.present == set()
    assert again.follow() == []


def test_a_machine_that_could_not_be_made_is_tried_again(cloud, calls, tmp_path):
    a = cloud.launch("10.246.41.10")
    with pytest.raises(RuntimeError, match="broken"):
        follower(cloud, calls, tmp_path, code=2).follow()
    assert json.loads((tmp_path / "instances.json").read_text()) == {}
    assert follower(cloud, calls, tmp_path).follow() == [f"made proxy-a ({a})"]


def test_an_instance_elsewhere_is_told(cloud, calls, tmp_path, caplog):
    cloud.launch("10.246.41.99")
    assert follower(cloud, calls, tmp_path).follow() == []
    assert "at 10.246.41.99 is no machine of the lab" in caplog.text


def test_the_end_of_the_program_ends_the_playbook(cloud, calls, tmp_path):
    found = follower(cloud, calls, tmp_path)
    found.make_command = ["sleep"]
    found.ended.set()
    with pytest.raises(RuntimeError, match="sleep 3"):
        found.make([Action("make", "3", "i-1")])
