"""The probe is tolerated by real databases, and its verdicts arrive on the proxies without deciding anything there."""

import json

import pytest

LOOKS = 1000
TUNNEL_HOST = "10.246.10.20"
MARIADB_LOG = "cat /var/log/mysql/error.log 2>/dev/null; journalctl -u mariadb -o cat"
POSTGRESQL_LOG = "cat /var/log/postgresql/*.log"


def look(lab, resource, times, users="onprem-tunnel-probe"):
    """The verdicts of so many looks from the tunnel host, 20 at a time, as the probe takes them."""
    target = next(entry for entry in lab.resources if entry["name"] == resource)
    port = lab.facts["resources"][resource]["listen_port"]
    program = f"""
import collections, concurrent.futures, json, sys
sys.path.insert(0, "/usr/local/lib/onprem-tunnel")
from onprem_tunnel_greetings import greet
with concurrent.futures.ThreadPoolExecutor(20) as pool:
    looks = [pool.submit(greet, "{target["host"]}", {port}, "{target["engine"]}", 5) for _ in range({times})]
print(json.dumps(collections.Counter(look.result()["verdict"] for look in looks)))
"""
    return json.loads(lab.run("fra-tunnel", f"runuser -u {users} -- python3 - <<'END'\n{program}\nEND").stdout)


def sql(lab, query):
    return lab.run("database", f'mariadb -N -B -e "{query}"').stdout.strip()


@pytest.fixture(name="strict_mariadb")
def _strict_mariadb(lab):
    sql(lab, "SET GLOBAL max_connect_errors = 10; FLUSH HOSTS")
    yield
    sql(lab, "SET GLOBAL max_connect_errors = 100; FLUSH HOSTS")


def test_a_thousand_looks_leave_nobody_blocked(lab, whole, strict_mariadb):
    assert look(lab, "orders", LOOKS) == {"up": LOOKS}
    assert sql(lab, "SELECT COALESCE(SUM(SUM_CONNECT_ERRORS), 0) FROM performance_schema.host_cache") == "0"
    assert lab.answers("orders")


def test_hanging_up_instead_blocks_the_tunnel_host(lab, whole, strict_mariadb):
    """What the test above would not see is no proof: this is what a careless probe does."""
    careless = "for i in $(seq 15); do timeout 1 bash -c 'exec 3<>/dev/tcp/mariadb.corp.example/3306; head -c 4 <&3 >/dev/null'; done"
    lab.run("fra-tunnel", careless)
    assert look(lab, "orders", 1) == {"unexpected": 1}
    assert not lab.answers("orders")


def test_a_thousand_looks_leave_no_line_in_postgresql_s_log(lab, whole):
    before = lab.run("database", POSTGRESQL_LOG).stdout
    assert look(lab, "crm", LOOKS) == {"up": LOOKS}
    assert lab.run("database", POSTGRESQL_LOG).stdout == before


def test_with_a_monitoring_login_mariadb_logs_nothing_either(lab, whole):
    before = lab.run("database", MARIADB_LOG).stdout
    look(lab, "orders", 1)
    logged = lab.run("database", MARIADB_LOG).stdout
    assert "onprem_tunnel_probe" in logged[len(before) :], "without it, a line a look"
    sql(lab, f"CREATE USER onprem_tunnel_probe@'{TUNNEL_HOST}'")
    try:
        assert look(lab, "orders", 50) == {"up": 50}
        assert lab.run("database", MARIADB_LOG).stdout == logged
    finally:
        sql(lab, f"DROP USER onprem_tunnel_probe@'{TUNNEL_HOST}'")


@pytest.mark.anew
def test_the_proxies_tell_how_the_databases_are_and_stay_healthy(lab, whole):
    def seen(proxy):
        return {
            name: resource["database"]["fra-tunnel"]["verdict"]
            for name, resource in lab.health(proxy)[1]["resources"].items()
            if resource["database"]
        }

    everything_up = dict.fromkeys(lab.facts["resources"], "up")
    lab.wait(lambda: seen("proxy-a") == seen("proxy-b") == everything_up, 45, "both proxies know")
    lab.run("database", "systemctl stop mariadb")
    try:
        lab.run("fra-tunnel", "systemctl restart onprem-tunnel-probe")  # looks at once instead of within 30 s
        down = {**everything_up, "orders": "refused"}
        lab.wait(lambda: seen("proxy-a") == seen("proxy-b") == down, 15, "both proxies know")
        assert [lab.health(proxy, "/healthz/orders")[0] for proxy in lab.addresses] == [200, 200]
    finally:
        lab.run("database", "systemctl start mariadb")
        lab.run("fra-tunnel", "systemctl restart onprem-tunnel-probe")
