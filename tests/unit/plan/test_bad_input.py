# Copyright (c) 2026 The lakehouse.onprem_tunnel authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Bad input: one clear message for each mistake, and all messages at once."""

import pytest
from ansible_collections.lakehouse.onprem_tunnel.plugins.plugin_utils._plan import PlanError, plan


def resource(**fields):
    """Changes fields of the first resource."""

    def change(given):
        given["resources"][0].update(fields)

    return change


def without(field):
    def change(given):
        del given["resources"][0][field]

    return change


def also(**fields):
    """Adds a resource."""

    def change(given):
        given["resources"].append({"name": "more", "engine": "tcp", "host": "more.corp.example", **fields})

    return change


def setting(**fields):
    def change(given):
        given["settings"].update(fields)

    return change


def proxy(**fields):
    def change(given):
        given["proxies"]["proxy-a"].update(fields)

    return change


def tunnel_host(**fields):
    def change(given):
        given["tunnel_hosts"]["fra-tunnel"].update(fields)

    return change


def replace(**arguments):
    """Replaces whole arguments of plan()."""

    def change(given):
        given.update(arguments)

    return change


def databricks(**fields):
    return resource(databricks={"user": "reader", **fields})


def cdc(**fields):
    return resource(cdc={"user": "cdc", "tables": ["shop.orders"], "destination": "bronze.orders", **fields})


def several(*changes):
    def change(given):
        for one in changes:
            one(given)

    return change


FIRST = "resource 1 (orders)"
PRIVATE_KEY = "-----BEGIN OPENSSH PRIVATE KEY-----\nb3BlbnNzaC1rZXktdjEAAAAA\n-----END OPENSSH PRIVATE KEY-----\n"

# What is changed in a valid input, and what the one message must have: place, fault, remedy.
BAD = {
    # the list
    "no list": (replace(resources=[]), ["onprem_tunnel_resources", "empty list", "at least one"]),
    "list is text": (replace(resources="orders"), ["onprem_tunnel_resources", "'orders'", "write a list"]),
    "list is nothing": (replace(resources=None), ["onprem_tunnel_resources", "None", "write a list"]),
    "list is a mapping": (replace(resources={"name": "x"}), ["onprem_tunnel_resources", "not a list"]),
    "resource is text": (lambda g: g["resources"].append("crm"), ["resource 3", "text", "write a mapping"]),
    "resource is nothing": (lambda g: g["resources"].append(None), ["resource 3", "None", "write a mapping"]),
    "resource is a list": (lambda g: g["resources"].append(["a"]), ["resource 3", "a list", "write a mapping"]),
    # fields
    "unknown field": (resource(prot=3306), [FIRST, "'prot'", "did you mean port?"]),
    "unknown field, nothing near": (resource(zzz=1), [FIRST, "'zzz'", "write one of: name, engine, host"]),
    "field that is no text": (lambda g: g["resources"][0].update({3: 1}), [FIRST, "3 is not a field"]),
    "password": (resource(password="hunter2"), [FIRST, "'password'", "never stands in this list", "secret:"]),
    "empty field": (resource(port=None), [f"{FIRST}: port", "is empty", "leave the line out"]),
    "empty required field": (resource(host=None), [f"{FIRST}: host", "is empty", "DNS name"]),
    # name
    "name missing": (without("name"), ["resource 1: name", "missing", "unique name"]),
    "name slash": (resource(name="or/ders"), ["name: 'or/ders'", "a-z, 0-9 and _", "for example or_ders"]),
    "name space": (resource(name="or ders"), ["name: 'or ders'", "for example or_ders"]),
    "name upper case": (resource(name="Orders"), ["name: 'Orders'", "for example orders"]),
    "name dash": (resource(name="or-ders"), ["name: 'or-ders'", "for example or_ders"]),
    "name leading digit": (resource(name="1orders"), ["name: '1orders'", "starting with a letter"]),
    "name too long": (resource(name="a" * 32), ["name: 'aaa", "at most 31"]),
    "name line break": (resource(name="orders\n"), [r"name: 'orders\n'"]),
    "name empty": (resource(name=""), ["resource 1: name: ''"]),
    "name number": (resource(name=7), ["resource 1: name: 7"]),
    "name list": (resource(name=["orders"]), ["resource 1: name: ['orders']"]),
    "name twice": (
        lambda g: g["resources"][1].update(name="orders"),
        [f"{FIRST}, resource 2 (orders): name", "all are called orders", "its own name"],
    ),
    # engine
    "engine missing": (without("engine"), [f"{FIRST}: engine", "missing", "docs/engines.md"]),
    "engine near miss": (resource(engine="mysqll"), [f"{FIRST}: engine: 'mysqll'", "did you mean mysql?"]),
    "engine case": (resource(engine="MySQL"), ["'MySQL'", "did you mean mysql?"]),
    "engine other word": (resource(engine="mssql"), ["'mssql'", "did you mean sqlserver?"]),
    "engine postgres": (resource(engine="postgres"), ["'postgres'", "did you mean postgresql?"]),
    "engine unknown": (resource(engine="qqq"), ["'qqq'", "write one of: mysql, mariadb, postgresql"]),
    "engine list": (resource(engine=["mysql"]), ["engine: ['mysql'] is not an engine"]),
    "engine without port": (also(), ["resource 3 (more): port", "missing", "engine tcp has no default"]),
    # host
    "host missing": (without("host"), [f"{FIRST}: host", "missing", "as the tunnel host resolves it"]),
    "host space": (resource(host="my sql"), [f"{FIRST}: host: 'my sql'", "space", "alone"]),
    "host line break": (resource(host="mysql\nProxyCommand x"), ["host", "a line break", "alone"]),
    "host trailing line break": (resource(host="mysql\n"), ["host", "a line break"]),
    "host control": (resource(host="my\x00sql"), ["host", "control character"]),
    "host quote": (resource(host='my"sql'), ["host", "not a DNS name or an IP address"]),
    "host single quote": (resource(host="my'sql"), ["host", "not a DNS name or an IP address"]),
    "host dollar": (resource(host="$(id)"), ["host", "not a DNS name or an IP address"]),
    "host leading dash": (resource(host="-oProxyCommand=x"), ["host", "not a DNS name or an IP address"]),
    "host trailing dash": (resource(host="mysql-"), ["host", "not a DNS name or an IP address"]),
    "host scheme": (resource(host="mysql://db"), ["host: 'mysql://db'", "is a URL", "alone"]),
    "host scheme and user": (resource(host="mysql://root:hunter2@db"), ["host", "has a user", "alone"]),
    "host and port": (resource(host="db:3306"), ["host: 'db:3306'", "has a port", "own field"]),
    "host brackets": (resource(host="[2001:db8::1]"), ["host", "brackets", "IPv6"]),
    "host brackets and port": (resource(host="[2001:db8::1]:3306"), ["host", "brackets", "port in its own field"]),
    "host percent": (resource(host="db%h"), ["host: 'db%h'", "not a DNS name or an IP address"]),
    "host zone": (resource(host="fe80::1%eth0"), ["host: 'fe80::1%eth0'", "not a DNS name or an IP address"]),
    "host path": (resource(host="db/x"), ["host: 'db/x'", "not a DNS name or an IP address"]),
    "host empty": (resource(host=""), ["host: ''", "not a DNS name or an IP address"]),
    "host dot": (resource(host="."), ["host: '.'", "not a DNS name or an IP address"]),
    "host two dots": (resource(host="a..b"), ["host: 'a..b'", "not a DNS name or an IP address"]),
    "host not ASCII": (resource(host="dätenbank"), ["host", "outside ASCII", "xn--"]),
    "host long label": (resource(host="a" * 64), ["host: 'aaa", "not a DNS name or an IP address"]),
    "host long": (resource(host=".".join(["a" * 60] * 5)), ["host: 'aaa", "..."]),
    "host incomplete address": (resource(host="10.10.5"), ["host: '10.10.5'", "not a complete IPv4 address"]),
    "host impossible address": (resource(host="10.10.5.256"), ["host", "not a complete IPv4 address"]),
    "host hexadecimal": (resource(host="0x7f000001"), ["host", "last part is a number"]),
    "host any address": (resource(host="0.0.0.0"), ["host: '0.0.0.0'", "nobody can connect to"]),
    "host multicast": (resource(host="ff02::1"), ["host: 'ff02::1'", "nobody can connect to"]),
    "host number": (resource(host=10), ["host: 10 is not a host"]),
    "host list": (resource(host=["db"]), ["host: ['db'] is not a host"]),
    # ports
    "port boolean": (resource(port=True), [f"{FIRST}: port: True is not a port", "whole number from 1 to 65535"]),
    "port fraction": (resource(port=3306.5), ["port: 3306.5 is not a port", "whole number"]),
    "port whole fraction": (resource(port=3306.0), ["port: 3306.0 is not a port", "whole number"]),
    "port quoted": (resource(port="3306"), ["port: '3306' is text", "write 3306 without quotes"]),
    "port word": (resource(port="mysql"), ["port: 'mysql' is not a port", "whole number"]),
    "port other digits": (resource(port="٣٣"), ["port", "is not a port"]),
    "port list": (resource(port=[3306]), ["port: [3306] is not a port"]),
    "port zero": (resource(port=0), ["port: 0 is outside the range", "from 1 to 65535"]),
    "port negative": (resource(port=-1), ["port: -1 is outside the range"]),
    "port too big": (resource(port=65536), ["port: 65536 is outside the range"]),
    "port of 5000 digits": (resource(port=10**5000), ["port: the value given is outside the range"]),
    "port not a number": (resource(port=float("nan")), ["port: nan is not a port"]),
    "listen port boolean": (resource(listen_port=False), ["listen_port: False is not a port"]),
    "listen port too big": (resource(listen_port=70000), ["listen_port: 70000 is outside the range"]),
    "tunnel port below 1024": (resource(tunnel_port=1023), ["tunnel_port: 1023", "from 1024 to 65535"]),
    "tunnel port past the end": (resource(tunnel_port=65536), ["tunnel_port: 65536", "from 1024 to 65535"]),
    "tunnel port by default past the end": (
        resource(listen_port=55536),
        [f"{FIRST}: tunnel_port: its default, listen_port + 10000", "65536", "write a free tunnel_port"],
    ),
    # collisions
    "one listen port by default": (
        also(engine="mariadb"),
        [f"{FIRST}, resource 3 (more): listen_port: all use 3306", "write listen_port: 3307 for one of them"],
    ),
    "one listen port": (
        several(resource(listen_port=4000), also(port=1, listen_port=4000, tunnel_port=20000)),
        ["listen_port: all use 4000", "write listen_port: 4001"],
    ),
    "one listen port on different proxies": (
        several(resource(proxies=["proxy-a"]), also(port=3306, proxies=["proxy-b"])),
        ["listen_port: all use 3306"],
    ),
    "one listen port, three times": (
        several(also(port=3306), also(name="yet", port=3306)),
        [f"{FIRST}, resource 3 (more), resource 4 (yet): listen_port: all use 3306"],
    ),
    "one tunnel port": (
        several(resource(tunnel_port=20000), also(port=1, tunnel_port=20000)),
        [f"{FIRST}, resource 3 (more): tunnel_port: all use 20000", "write tunnel_port: 20001"],
    ),
    "one tunnel port, one by default": (
        also(port=1, tunnel_port=13306),
        ["tunnel_port: all use 13306", "write tunnel_port: 13307"],
    ),
    "suggested port is free": (
        several(also(port=3306), also(name="yet", port=3307)),
        ["listen_port: all use 3306", "write listen_port: 3308"],
    ),
    "suggested listen port is not the health check's": (
        several(resource(listen_port=8404), also(port=8404)),
        ["listen_port: all use 8404", "write listen_port: 8406"],
    ),
    "suggested tunnel port is not the heartbeat's": (
        several(resource(tunnel_port=13998), also(port=1, tunnel_port=13998)),
        ["tunnel_port: all use 13998", "write tunnel_port: 14000"],
    ),
    "listen port is sshd's": (resource(listen_port=22), [f"{FIRST}: listen_port: 22", "sshd", "another listen_port"]),
    "listen port is sshd's by default": (
        also(port=22),
        ["resource 3 (more): listen_port: its default, port, is 22", "sshd", "write a listen_port of its own"],
    ),
    "listen port is one proxy's sshd's": (resource(listen_port=2022), ["listen_port: 2022", "sshd"]),
    "tunnel port is sshd's": (resource(tunnel_port=2022), ["tunnel_port: 2022", "sshd", "another tunnel_port"]),
    "listen port is the health check's": (resource(listen_port=8405), ["listen_port: 8405", "the health check"]),
    "listen port is the health check's own": (
        several(setting(health_port=9000), resource(listen_port=9000)),
        ["listen_port: 9000", "the health check"],
    ),
    "tunnel port is the heartbeat's": (resource(tunnel_port=13999), ["tunnel_port: 13999", "the heartbeat"]),
    "tunnel port is the heartbeat's by default": (
        resource(listen_port=3999),
        ["tunnel_port: its default, listen_port + 10000, is 13999", "the heartbeat", "a tunnel_port of its own"],
    ),
    "too many listeners": (
        lambda g: [also(name=f"more{n}", port=4000 + n)(g) for n in range(49)],
        ["51 listeners", "load balancer's 50", "onprem_tunnel_max_listeners"],
    ),
    # restrictions
    "proxies is text": (resource(proxies="proxy-a"), [f"{FIRST}: proxies: text", "a list belongs", "[one, two]"]),
    "proxies is empty": (resource(proxies=[]), [f"{FIRST}: proxies: is an empty list", "leave the line out"]),
    "proxies has another": (resource(proxies=["proxy-c"]), ["proxies: 'proxy-c'", "did you mean proxy-"]),
    "proxies has a stranger": (resource(proxies=["zzz"]), ["proxies: 'zzz'", "write one of: proxy-a, proxy-b"]),
    "proxies has a number": (resource(proxies=[1]), ["proxies: item 1: 1 can't be the name"]),
    "tunnel hosts is text": (resource(tunnel_hosts="fra-tunnel"), ["tunnel_hosts: text", "a list belongs"]),
    "tunnel hosts is empty": (resource(tunnel_hosts=[]), ["tunnel_hosts: is an empty list"]),
    "tunnel hosts has another": (resource(tunnel_hosts=["fra-tunel"]), ["'fra-tunel'", "did you mean fra-tunnel?"]),
    # server_name, databricks, cdc
    "server name address": (resource(server_name="10.10.5.30"), ["server_name: '10.10.5.30'", "full domain name"]),
    "server name wildcard": (resource(server_name="*.corp.example"), ["server_name", "without scheme, port, wildcard"]),
    "server name list": (resource(server_name=["a.b"]), ["server_name: ['a.b']"]),
    "databricks is text": (resource(databricks="reader"), [f"{FIRST}: databricks: text", "write a mapping"]),
    "databricks without user": (resource(databricks={}), ["databricks: user: is missing", "logs in as"]),
    "databricks user number": (databricks(user=1), ["databricks: user: 1 is not text", "in quotes"]),
    "databricks user lines": (databricks(user="a\nb"), ["databricks: user", "one line of text"]),
    "databricks unknown field": (databricks(catalogue="x"), ["databricks: 'catalogue'", "did you mean catalog?"]),
    "databricks password": (databricks(password="hunter2"), ["databricks: 'password'", "never stands in this list"]),
    "databricks secret": (databricks(secret="hunter2"), ["databricks: secret", "catalog.schema.secret"]),
    "databricks catalog": (databricks(catalog="a/b"), ["databricks: catalog: 'a/b'", "letters, digits"]),
    "databricks grants list": (databricks(grants=["x"]), ["databricks: grants: a list", "mapping belongs"]),
    "databricks grants text": (databricks(grants={"x": "SELECT"}), ["databricks: grants: 'x': text", "a list belongs"]),
    "databricks option boolean": (databricks(options={"ssl": True}), ["options: 'ssl': True", 'such as "true"']),
    "databricks option of its own": (databricks(options={"host": "x"}), ["options: 'host'", "write server_name"]),
    "databricks option password": (databricks(options={"password": "hunter2"}), ["'password'", "write secret"]),
    "databricks without a type": (
        also(engine="redis", databricks={"user": "x", "catalog": "x", "database": "x"}),
        ["resource 3 (more): databricks", "no connection type for engine redis", "take the field out"],
    ),
    "databricks of an engine that is unknown": (
        also(engine="redsi", databricks={"user": "x"}),
        ["resource 3 (more): engine: 'redsi'", "did you mean redis?"],
    ),
    "databricks without a name": (
        several(setting(name=""), databricks()),
        [f"{FIRST}: databricks", "no name to connect to", "onprem_tunnel_name, or server_name"],
    ),
    "databricks without a name or a load balancer, and two proxies": (
        several(setting(name="", load_balancers=[]), databricks()),
        [f"{FIRST}: databricks", "no name to connect to"],
    ),
    "databricks without a name, and one proxy behind a load balancer": (
        several(setting(name="", load_balancers=["10.40.1.4"]), databricks(), lambda g: g["proxies"].pop("proxy-b")),
        [f"{FIRST}: databricks", "no name to connect to"],
    ),
    "databricks connection twice": (
        several(databricks(connection="CRM"), lambda g: g["resources"][1].update(databricks={"user": "x"})),
        ["databricks: connection: all use crm", "its own databricks.connection"],
    ),
    "databricks catalog twice": (
        several(
            databricks(catalog="shop"),
            lambda g: g["resources"][1].update(databricks={"user": "x", "catalog": "shop", "database": "crm"}),
        ),
        ["databricks: catalog: all use shop", "its own databricks.catalog"],
    ),
    "databricks database of all databases": (
        databricks(catalog="shop", database="shop"),
        [f"{FIRST}: databricks: database", "engine mysql shows all databases", "take it out"],
    ),
    "databricks catalog without its database": (
        also(engine="oracle", databricks={"user": "x", "catalog": "erp"}),
        ["resource 3 (more): databricks: database: is missing", "write its service_name"],
    ),
    "databricks grants without a catalog": (
        databricks(grants={"analysts": ["SELECT", "USE_CONNECTION"]}),
        ["databricks: grants: SELECT is granted on a catalog", "write catalog"],
    ),
    "databricks grants no privilege": (
        databricks(grants={"analysts": ["SELECT, MODIFY"]}),
        ["grants: 'analysts': item 1: 'SELECT, MODIFY' is not a privilege", "write one such as SELECT"],
    ),
    "databricks cdc through the only proxy": (
        several(
            setting(name="", load_balancers=[]),
            databricks(),
            cdc(),
            lambda g: g["proxies"].pop("proxy-b"),
        ),
        [f"{FIRST}: databricks", "change data capture needs a name", "onprem_tunnel_name, or server_name"],
    ),
    "cdc is a list": (resource(cdc=["shop.orders"]), [f"{FIRST}: cdc: a list", "write a mapping"]),
    "cdc tables text": (cdc(tables="shop.orders"), ["cdc: tables: text", "a list belongs"]),
    "cdc tables empty": (cdc(tables=[]), ["cdc: tables: is an empty list"]),
    "cdc table number": (cdc(tables=["a.b", 3]), ["cdc: tables: item 2: 3 is not text"]),
    "cdc destination": (cdc(destination="bronze"), ["cdc: destination", "write catalog.schema"]),
    "cdc unknown field": (cdc(table=["x"]), ["cdc: 'table'", "did you mean tables?"]),
    "cdc of another engine": (
        also(engine="redis", cdc={"user": "x", "tables": ["a"], "destination": "a.b"}),
        ["cdc: engine redis has no CDC", "take the field out", "mysql"],
    ),
    # proxies
    "no proxy": (replace(proxies={}), ["proxy_vms: is empty", "at least one proxy"]),
    "proxies are a list": (replace(proxies=["proxy-a"]), ["proxy_vms: ['proxy-a'] is not a mapping"]),
    "proxy is text": (lambda g: g["proxies"].update({"proxy-a": "10.40.1.10"}), ["proxy proxy-a: text", "a mapping"]),
    "proxy name": (lambda g: g["proxies"].update({"a/b": {"address": "10.40.3.10"}}), ["proxy_vms: 'a/b'", "letters"]),
    "proxy name number": (lambda g: g["proxies"].update({3: {"address": "10.40.3.10"}}), ["proxy_vms: 3 can't be"]),
    "proxy without address": (
        lambda g: g["proxies"]["proxy-a"].pop("address"),
        ["proxy proxy-a: address: is missing", "ansible_host or proxy_vm_bind_address"],
    ),
    "proxy address": (proxy(address="10.40.1.10/24"), ["proxy proxy-a: address: '10.40.1.10/24'", "not a DNS name"]),
    "proxy any address": (proxy(address="0.0.0.0"), ["proxy proxy-a: address", "nobody can connect to"]),
    "proxy loopback": (proxy(address="127.0.0.1"), ["proxy proxy-a: address", "loopback", "private address"]),
    "proxy localhost": (proxy(address="LOCALHOST"), ["proxy proxy-a: address", "loopback"]),
    "proxy address twice": (
        proxy(address="10.40.2.10"),
        ["proxies proxy-a, proxy-b: address: all are at 10.40.2.10", "its own ansible_host"],
    ),
    "proxy address in two spellings": (
        several(proxy(address="fd00::a"), lambda g: g["proxies"]["proxy-b"].update(address="FD00:0::A")),
        ["proxies proxy-a, proxy-b: address: all are at fd00::a"],
    ),
    "proxy ssh port": (proxy(ssh_port="22"), ["proxy proxy-a: ssh_port: '22' is text", "write 22 without quotes"]),
    "proxy unknown key": (proxy(adress="x"), ["proxy proxy-a: 'adress'", "did you mean address?"]),
    # tunnel hosts
    "no tunnel host": (replace(tunnel_hosts={}), ["onprem_tunnel_hosts: is empty", "at least one tunnel host"]),
    "tunnel hosts are nothing": (replace(tunnel_hosts=None), ["onprem_tunnel_hosts: None is not a mapping"]),
    "two tunnel hosts": (
        lambda g: g["tunnel_hosts"].update({"muc-tunnel": {"source_addresses": ["10.10.5.21"]}}),
        ["onprem_tunnel_hosts: fra-tunnel, muc-tunnel are 2 tunnel hosts", "socat", "leave one host"],
    ),
    "source addresses text": (
        tunnel_host(source_addresses="10.10.5.20"),
        ["tunnel host fra-tunnel: source_addresses: text", "a list belongs"],
    ),
    "source address name": (
        tunnel_host(source_addresses=["fra.corp.example"]),
        ["source_addresses: item 1: 'fra.corp.example'", "not an address range"],
    ),
    "tunnel host that the packet filter would shut out": (
        lambda g: g["tunnel_hosts"]["fra-tunnel"].pop("source_addresses"),
        [
            "tunnel host fra-tunnel: source_addresses: is missing",
            "proxy-a, proxy-b",
            "onprem_tunnel_host_source_addresses",
        ],
    ),
    "admin range name": (
        proxy(admin_ranges=["bastion.corp.example"]),
        ["proxy proxy-a: admin_ranges: item 1: 'bastion.corp.example'", "not an address range"],
    ),
    "monitoring range text": (
        proxy(monitoring_ranges="10.70.8.0/24"),
        ["proxy proxy-a: monitoring_ranges: text", "a list belongs"],
    ),
    "load balancer name": (
        setting(load_balancers=["nlb.example"]),
        ["onprem_tunnel_load_balancers: item 1: 'nlb.example'", "not an address range"],
    ),
    # keys
    "private key": (
        tunnel_host(public_keys=[PRIVATE_KEY]),
        ["tunnel host fra-tunnel: public_keys: item 1: holds a private key", ".pub file"],
    ),
    "private key, no list": (tunnel_host(public_keys=PRIVATE_KEY), ["public_keys: text", "a list belongs"]),
    "private host key": (proxy(host_keys=[PRIVATE_KEY]), ["proxy proxy-a: host_keys: item 1: holds a private key"]),
    "key of two lines": (
        lambda g: g["tunnel_hosts"]["fra-tunnel"]["public_keys"].append("ssh-ed25519 AAAA\nssh-ed25519 AAAA"),
        ["public_keys: item 2: is more than one printable line"],
    ),
    "key with options": (
        tunnel_host(public_keys=['restrict,command="x" ssh-ed25519 AAAA']),
        ["public_keys: item 1: does not start with a key type", "without key options"],
    ),
    "key with host name": (
        proxy(host_keys=["proxy-a ssh-ed25519 AAAA"]),
        ["host_keys: item 1: does not start with a key type", "without a host name"],
    ),
    "key cut off": (
        lambda g: g["proxies"]["proxy-a"].update(host_keys=[g["proxies"]["proxy-a"]["host_keys"][0][:40]]),
        ["host_keys: item 1: is damaged or cut off"],
    ),
    "key of another type than it says": (
        lambda g: g["proxies"]["proxy-a"]["host_keys"].append(
            g["proxies"]["proxy-a"]["host_keys"][0].replace("ssh-ed25519", "ssh-rsa")
        ),
        ["host_keys: item 2: is damaged or cut off"],
    ),
    "key with a character in it that is no base64": (
        lambda g: g["proxies"]["proxy-a"]["host_keys"].append(
            g["proxies"]["proxy-a"]["host_keys"][0].replace("AQEB", "AQ?EB", 1)
        ),
        ["host_keys: item 2: is damaged or cut off"],
    ),
    "key with more behind it": (
        lambda g: g["proxies"]["proxy-a"]["host_keys"].append(
            # Three bytes more than the key has.
            g["proxies"]["proxy-a"]["host_keys"][0].replace(" proxy-a", "AQEB proxy-a")
        ),
        ["host_keys: item 2: is damaged or cut off"],
    ),
    "key type alone": (proxy(host_keys=["ssh-ed25519"]), ["host_keys: item 1: is damaged or cut off"]),
    "key not base64": (proxy(host_keys=["ssh-ed25519 ????"]), ["host_keys: item 1: is damaged or cut off"]),
    "key empty": (proxy(host_keys=[""]), ["host_keys: item 1: does not start with a key type"]),
    "key number": (proxy(host_keys=[5]), ["host_keys: item 1: is not text"]),
    # settings
    "settings are nothing": (replace(settings=None), ["settings: None", "write a mapping"]),
    "setting unknown": (setting(helth_port=1), ["settings: 'helth_port'", "did you mean health_port?"]),
    "setting name": (setting(name="https://onprem.example"), ["onprem_tunnel_name", "full domain name"]),
    "setting name of one label": (setting(name="onprem"), ["onprem_tunnel_name: 'onprem'", "full domain name"]),
    "setting name final dot": (setting(name="a.example."), ["onprem_tunnel_name", "final dot"]),
    "setting name with _": (setting(name="on_prem.example"), ["onprem_tunnel_name", "full domain name"]),
    "setting name number": (setting(name=3), ["onprem_tunnel_name: 3"]),
    "clients text": (setting(clients="10.60.0.0/16"), ["onprem_tunnel_clients: text", "a list belongs"]),
    "clients name": (setting(clients=["office"]), ["onprem_tunnel_clients: item 1: 'office'", "10.60.0.0/16"]),
    "clients number": (setting(clients=[10]), ["onprem_tunnel_clients: item 1: 10 is not"]),
    "clients one address": (setting(clients=["10.60.0.5"]), ["item 1: '10.60.0.5'", "write 10.60.0.5/32"]),
    "clients host bits": (setting(clients=["10.60.0.5/16"]), ["item 1: '10.60.0.5/16'", "write 10.60.0.0/16"]),
    "clients prefix": (setting(clients=["10.60.0.0/33"]), ["item 1: '10.60.0.0/33' is not an address range"]),
    "health port": (setting(health_port=True), ["onprem_tunnel_health_port: True is not a port"]),
    "health port below 1024": (setting(health_port=80), ["onprem_tunnel_health_port: 80", "from 1024"]),
    "health port is sshd's": (setting(health_port=2022), ["onprem_tunnel_health_port: 2022", "sshd", "another port"]),
    "heartbeat port": (setting(heartbeat_port="13999"), ["onprem_tunnel_heartbeat_port", "write 13999 without quotes"]),
    "heartbeat port is sshd's": (setting(heartbeat_port=2022), ["onprem_tunnel_heartbeat_port: 2022", "sshd"]),
    "heartbeat port moves onto a resource": (setting(heartbeat_port=13306), [FIRST, "13306", "the heartbeat"]),
    "forwarder": (setting(forwarder="scoat"), ["proxy_vm_forwarder: 'scoat'", "did you mean socat?"]),
    "forwarder of later": (setting(forwarder="haproxy"), ["proxy_vm_forwarder: 'haproxy'", "write one of: socat"]),
    "connections": (setting(connections=2), ["onprem_tunnel_connections: 2 connections", "socat", "write 1"]),
    "connections none": (setting(connections=0), ["onprem_tunnel_connections: 0", "from 1"]),
    "connections boolean": (setting(connections=True), ["onprem_tunnel_connections: True"]),
    "max listeners": (setting(max_listeners=1), ["2 listeners", "load balancer's 1 "]),
}


def problems_of(given):
    with pytest.raises(PlanError) as caught:
        plan(**given)
    return caught.value.problems


@pytest.mark.parametrize(("change", "needles"), BAD.values(), ids=BAD)
def test_one_message_says_what_where_and_what_instead(valid, change, needles):
    change(valid)
    problems = problems_of(valid)
    assert len(problems) == 1, problems
    assert [needle for needle in needles if needle not in problems[0]] == [], problems[0]
    assert len(problems[0]) < 450
    assert problems[0].isprintable()


@pytest.mark.parametrize(("change", "needles"), BAD.values(), ids=BAD)
def test_no_message_repeats_a_secret(valid, change, needles):
    change(valid)
    message = "\n".join(problems_of(valid))
    assert "hunter2" not in message
    assert "b3BlbnNz" not in message


def test_every_problem_at_once(valid):
    changes = [
        resource(name="Or ders", port=True, prot=1, proxies="proxy-a"),
        lambda g: g["resources"][1].update(engine="postgres", host="a b", listen_port=22),
        also(engine="mysql", tunnel_port=13999, databricks={"usr": "x"}),
        setting(clients=["10.60.0.1/16", "x"], connections=2),
        proxy(address="", host_keys=[PRIVATE_KEY]),
        lambda g: g["tunnel_hosts"].update({"muc-tunnel": {"keys": [], "source_addresses": ["10.10.5.21"]}}),
    ]
    several(*changes)(valid)
    problems = problems_of(valid)
    expected = [
        "resource 1 (Or ders): name",
        "resource 1 (Or ders): port: True",
        "'prot'",
        "resource 1 (Or ders): proxies: text",
        "resource 2 (crm): engine: 'postgres'",
        "resource 2 (crm): host",
        "resource 2 (crm): listen_port: 22",
        "resource 3 (more): tunnel_port: 13999",
        "resource 3 (more): databricks: 'usr'",
        "resource 3 (more): databricks: user: is missing",
        "onprem_tunnel_clients: item 1",
        "onprem_tunnel_clients: item 2",
        "onprem_tunnel_connections",
        "proxy proxy-a: address",
        "proxy proxy-a: host_keys: item 1",
        "onprem_tunnel_hosts: fra-tunnel, muc-tunnel",
        "tunnel host muc-tunnel: 'keys'",
    ]
    for needle in expected:
        assert sum(needle in problem for problem in problems) == 1, (needle, problems)
    assert len(problems) == len(expected)
    assert [str(PlanError(problems))] == ["\n".join(problems)]


def test_values_are_never_shown_at_length(valid):
    resource(host="x y" * 10000, name="N" * 10000, engine=["e"] * 10000, port="9" * 10000)(valid)
    assert max(map(len, problems_of(valid))) < 300
