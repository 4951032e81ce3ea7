"""HAProxy's configuration and its servers' state, made from what the load balancer is to do."""

import re
from dataclasses import replace

import pytest

from lab.aws import haproxy
from lab.aws.haproxy import carry_over, parse_state, plan, render
from lab.aws.nlb import HealthCheck, Listener, LoadBalancer, Target, TargetGroup

HOSTS = {"10.246.41.10": "proxy-a", "10.246.42.10": "proxy-b"}
CHECK = HealthCheck("HTTP", 8405, "/healthz/orders", "200", 5, 2, 2, 3)
GROUP = TargetGroup(
    name="orders",
    health_check=CHECK,
    targets=(Target("10.246.41.10", 3306), Target("10.246.42.10", 3306)),
    unhealthy_terminates=False,
    unhealthy_draining=3600,
    deregistered_terminates=False,
    deregistration_delay=300,
)


def backends(*groups, hosts=HOSTS):
    listeners = tuple(Listener(3306 + number, group, 350) for number, group in enumerate(groups))
    return plan(LoadBalancer("hub", listeners), hosts)


def section(text, heading):
    """The lines below a heading, without what is around them."""
    found = re.search(rf"^{re.escape(heading)}\n((?:[ \t].*\n)+)", text, re.MULTILINE)
    return [line.strip() for line in found[1].splitlines()] if found else None


def configured(*groups, **options):
    return render(backends(*groups, **options), "10.246.40.5")


def servers(text, name="orders"):
    return [line for line in section(text, f"backend {name}") if line.startswith("server ")]


def test_a_listener_and_its_targets():
    text = configured(GROUP)
    assert section(text, "frontend orders") == ["bind 10.246.40.5:3306", "default_backend orders"]
    lines = section(text, "backend orders")
    assert lines[:2] == ["option httpchk GET /healthz/orders", "http-check expect status 200"]
    assert servers(text) == [
        "server proxy-a 10.246.41.10:3306 check port 8405 inter 5s fall 3 rise 2",
        "server proxy-b 10.246.42.10:3306 check port 8405 inter 5s fall 3 rise 2",
    ]


def test_without_a_load_balancer_only_the_statistics_are_left():
    text = render(plan(None, HOSTS), "10.246.40.5")
    assert re.findall(r"^(?:frontend|backend) .*", text, re.MULTILINE) == ["frontend stats-page"]
    assert "bind 127.0.0.1:8404" in text and "stats socket /run/haproxy/admin.sock mode 600 level admin" in text


def test_it_fails_open_to_every_target():
    lines = section(configured(GROUP), "backend orders")
    assert "force-persist if { nbsrv(orders) eq 0 }" in lines
    assert [line for line in lines if line.startswith("use-server")] == [
        "use-server proxy-a if { nbsrv(orders) eq 0 } { rand(2) eq 0 }",
        "use-server proxy-b if { nbsrv(orders) eq 0 } { rand(1) eq 0 }",
    ]


def test_a_group_without_targets_refuses():
    text = configured(replace(GROUP, targets=()))
    assert "tcp-request connection reject" in section(text, "frontend orders")
    assert "persist" not in text and servers(text) == []


@pytest.mark.parametrize("terminates", [True, False])
def test_sessions_of_an_unhealthy_target_end_only_where_the_group_says_so(terminates):
    text = configured(replace(GROUP, unhealthy_terminates=terminates))
    assert [line.endswith(" on-marked-down shutdown-sessions") for line in servers(text)] == [terminates] * 2


@pytest.mark.parametrize(("seconds", "milliseconds"), [(2, 900), (120, 900)])
def test_a_check_that_hangs_is_given_up_as_fast_as_an_nlb_s_would_be(seconds, milliseconds):
    text = configured(replace(GROUP, health_check=replace(CHECK, timeout=seconds)))
    assert f"timeout check {milliseconds}ms" in section(text, "backend orders")


def test_other_kinds_of_checks():
    tcp = configured(replace(GROUP, health_check=replace(CHECK, protocol="TCP", port=None)))
    assert "httpchk" not in tcp and servers(tcp)[0].startswith("server proxy-a 10.246.41.10:3306 check port 3306 ")
    https = configured(replace(GROUP, health_check=replace(CHECK, protocol="HTTPS")))
    assert " check-ssl verify none" in servers(https)[0] and "option httpchk GET" in https
    ranges = configured(replace(GROUP, health_check=replace(CHECK, codes="200-299,302")))
    assert "http-check expect status 200-299,302" in section(ranges, "backend orders")


def test_a_path_stays_one_word():
    text = configured(replace(GROUP, health_check=replace(CHECK, path="/a b'c#d")))
    assert r"option httpchk GET '/a b'\''c#d'" in section(text, "backend orders")
    with pytest.raises(ValueError, match="cannot be written"):
        configured(replace(GROUP, health_check=replace(CHECK, path="/a\nglobal")))


def test_unknown_addresses_and_names_that_are_taken():
    group = replace(GROUP, targets=(Target("10.246.41.10", 1), Target("10.246.41.10", 2), Target("10.246.43.1", 3)))
    first, second = backends(group, replace(GROUP, name="orders"))
    assert [server.name for server in first.servers] == ["proxy-a", "proxy-a-2", "10.246.43.1"]
    assert (first.name, second.name) == ("orders", "orders-3307")
    [strange] = backends(replace(GROUP, name="a b/c"))
    assert strange.name == "a-b-c"


def state(backend="orders", server="proxy-a", address="10.246.41.10", port=3306, op=2, health=4, admin=0, status=15):
    return f"7 {backend} 3 {server} {address} {op} {admin} 1 1 100 {status} 3 {health} 6 0 0 0 - {port} - 0 9999 - - 9999\n"


def carried(*rows, groups=(GROUP,)):
    dump = f"1\n# {haproxy.STATE_HEADING}\n" + "".join(rows) + "\n"
    return {row["srv_name"]: row for row in parse_state(carry_over(dump, backends(*groups)))}


def test_a_new_target_waits_for_its_checks():
    for rows in (carried(), carried(state(server="proxy-c"))):
        assert set(rows) == {"proxy-a", "proxy-b"}
        assert all((row["srv_op_state"], row["srv_check_health"]) == ("0", "0") for row in rows.values())
    assert carry_over("", backends(GROUP)) == carry_over(f"1\n# {haproxy.STATE_HEADING}\n", backends(GROUP))


def test_what_was_known_of_a_target_is_carried_over():
    rows = carried(state(health=3, admin=8), state(server="proxy-b", address="10.246.42.10", op=0, health=1, status=17))
    values = ("srv_op_state", "srv_check_health", "srv_admin_state", "srv_check_status", "srv_time_since_last_change")
    assert [rows["proxy-a"][value] for value in values] == ["2", "3", "8", "15", "100"]
    assert [rows["proxy-b"][value] for value in values] == ["0", "1", "0", "17", "100"]


@pytest.mark.parametrize("other", [{"address": "10.246.41.11"}, {"port": 3307}, {"backend": "crm"}])
def test_a_target_elsewhere_is_a_new_one(other):
    assert carried(state(**other))["proxy-a"]["srv_op_state"] == "0"


def test_addresses_and_ports_are_the_wanted_ones():
    row = carried(state())["proxy-a"]
    assert (row["srv_addr"], row["srv_port"], row["srv_check_port"]) == ("10.246.41.10", "3306", "8405")


def test_a_target_is_down_when_no_group_finds_it_healthy():
    rows = [state(op=0), state(server="proxy-b", address="10.246.42.10", op=0), state(backend="other")]
    dump = f"1\n# {haproxy.STATE_HEADING}\n" + "".join(rows)
    assert haproxy.find_down(dump) == {Target("10.246.42.10", 3306): 100}


def test_the_health_fits_thresholds_that_have_changed():
    lower = replace(GROUP, health_check=replace(CHECK, healthy=2, unhealthy=2))
    assert carried(state(health=9), groups=[lower])["proxy-a"]["srv_check_health"] == "3"
    higher = replace(GROUP, health_check=replace(CHECK, healthy=5))
    assert carried(state(health=2), groups=[higher])["proxy-a"]["srv_check_health"] == "5"
    assert carried(state(op=0, health=4), groups=[lower])["proxy-a"]["srv_check_health"] == "1"
