"""The path works as promised, from the client to the database, and nothing else does."""

import pytest

RESOURCES = ("orders", "crm")
PROXIES = ("proxy-a", "proxy-b")


@pytest.mark.parametrize("resource", RESOURCES)
def test_a_client_reads_the_rows_of_the_database_through_the_load_balancer(lab, resource):
    through_the_path = lab.query(resource)
    assert through_the_path.returncode == 0, through_the_path.stderr
    known = lab.facts["resources"][resource]
    if known["engine"] == "postgresql":
        command = f"su postgres -c \"psql -d {known['database']} -At -c '{known['query']}'\""
    else:
        command = f"mariadb -N -B {known['database']} -e '{known['query']}'"
    assert len(through_the_path.stdout.splitlines()) >= 3
    assert through_the_path.stdout == lab.run("database", command).stdout


@pytest.mark.parametrize("proxy", PROXIES)
@pytest.mark.parametrize("resource", RESOURCES)
def test_each_proxy_serves_without_a_load_balancer(lab, resource, proxy):
    assert lab.answers(resource, lab.addresses[proxy])


@pytest.mark.parametrize("proxy", PROXIES)
def test_health_is_answered_for_all_and_for_each_resource(lab, proxy):
    status, body = lab.health(proxy)
    assert status == 200
    assert set(body["resources"]) == set(RESOURCES)
    for resource in RESOURCES:
        assert lab.health(proxy, f"/healthz/{resource}")[0] == 200
    assert lab.health(proxy, "/healthz/nobody")[0] == 404


def test_nothing_reaches_on_premises_from_the_cloud_side(lab):
    answered, dropped = 0, 124  # exit codes of timeout; a refusal would be 1
    database, tunnel_host, proxy = "10.246.10.10", "10.246.10.20", lab.addresses["proxy-a"]
    inbound = {
        (machine, host, port): dropped
        for machine in (*PROXIES, "client", "load-balancer")
        for host, port in ((database, 3306), (database, 5432), (tunnel_host, 22))
    }
    expected = inbound | {
        # The same ports answer on-premises, so it is the firewall that drops.
        ("fra-tunnel", database, 3306): answered,
        ("fra-tunnel", database, 5432): answered,
        ("database", tunnel_host, 22): answered,
        # The tunnel host goes out by ssh, and by nothing else; the database not at all.
        ("fra-tunnel", proxy, 22): answered,
        ("fra-tunnel", proxy, 3306): dropped,
        ("database", proxy, 22): dropped,
    }

    def connect(attempt):
        machine, host, port = attempt
        return lab.run(machine, f"timeout 2 bash -c '</dev/tcp/{host}/{port}'", check=False).returncode

    assert dict(zip(expected, lab.at_once(connect, expected), strict=True)) == expected


def test_the_listeners_are_on_loopback_only_and_the_forwarders_never(lab):
    for proxy, address in lab.addresses.items():
        listening = {line.split()[3] for line in lab.run(proxy, "ss -Hltn").stdout.splitlines()}
        assert {"127.0.0.1:13306", "127.0.0.1:15432", f"{address}:3306", f"{address}:5432"} <= listening
        assert not {"0.0.0.0:3306", "*:3306", "0.0.0.0:13306", "*:13306"} & listening


def test_connections_of_the_tunnel_are_not_delayed(lab):
    """sshd does not set TCP_NODELAY on a tunnel by itself; accepted sockets inherit it from the socket unit."""
    shown = lab.run("proxy-a", "systemctl show ssh.socket --property=NoDelay,KeepAlive,TriggerLimitIntervalUSec").stdout
    assert {"NoDelay=yes", "KeepAlive=yes", "TriggerLimitIntervalUSec=0"} <= set(shown.split())
    # Keepalive with our 5 s shows that the tunnel's own connection came through that socket.
    tunnels = lab.run("proxy-a", "ss -Htno state established '( sport = :22 and src 10.246.41.10 )'").stdout
    tunnel = [line for line in tunnels.splitlines() if "10.246.10.20" in line]
    assert tunnel and all("timer:(keepalive" in line for line in tunnel), tunnels


def test_many_connections_at_once(lab):
    resource = lab.facts["resources"]["orders"]
    client = f"mariadb --connect-timeout=10 -h {lab.facts['load_balancer']} -P {resource['listen_port']} -N -B"
    query = f"MYSQL_PWD={resource['password']} {client} -u {resource['user']} -e 'SELECT 42'"
    assert lab.run("client", f"for i in $(seq 50); do {query} & done; wait").stdout.split() == ["42"] * 50
