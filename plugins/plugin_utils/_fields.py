# Copyright (c) 2026 The lakehouse.onprem_tunnel authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a user may write: the tables of fields, and the check of each.

A check takes a value of any type and a Report. It returns the value as a plain Python type, or reports what is wrong
and what to write instead, and returns None. Keys and secrets are never repeated in a message.
"""

from __future__ import annotations

import base64
import binascii
import difflib
import ipaddress
import re
from collections.abc import Callable
from dataclasses import dataclass

from ansible_collections.lakehouse.onprem_tunnel.plugins.plugin_utils._engines import ENGINES

FORWARDERS = ("socat",)

# It becomes part of unit names, file names and URLs.
_RESOURCE_NAME = re.compile(r"[a-z][a-z0-9_]{0,30}")
_MACHINE_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,62}")
_LABEL = re.compile(r"[A-Za-z0-9_]([A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?")
_NUMERIC_LABEL = re.compile(r"[0-9]+|0[xX][0-9A-Fa-f]*")
_CATALOG_NAME = re.compile(r"[A-Za-z0-9_-]{1,255}")
_KEY_TYPES = (
    "ssh-ed25519",
    "ecdsa-sha2-nistp256",
    "ecdsa-sha2-nistp384",
    "ecdsa-sha2-nistp521",
    "ssh-rsa",
    "sk-ssh-ed25519@openssh.com",
    "sk-ecdsa-sha2-nistp256@openssh.com",
)


class Report:
    """Collects problems; each starts with the place that it is about."""

    def __init__(self, problems: list[str], where: str = "") -> None:
        self.problems = problems
        self.where = where

    def at(self, place: object) -> Report:
        return Report(self.problems, f"{self.where}: {place}" if self.where else str(place))

    def wrong(self, text: str) -> None:
        self.problems.append(f"{self.where}: {text}" if self.where else text)


Check = Callable[[object, Report], object]


@dataclass(frozen=True)
class Field:
    """One key of a mapping. The description says what to write, and completes the message for a missing one."""

    check: Check
    description: str
    required: bool = False
    default: object = None
    label: str | None = None
    """What the user knows it as, where that is not the key."""


def shown(value: object) -> str:
    """The value as a message may show it: on one line, and never long."""
    try:
        text = repr(value)
    except (ValueError, RecursionError):  # a number of too many digits, a list nested too deeply
        return "the value given"
    return text if len(text) <= 60 else text[:57] + "..."


def suggestion(word: object, known: dict[str, str] | list[str]) -> str:
    """'did you mean …?' for a near miss, otherwise all that is possible. A dict maps other spellings to the right one."""
    if isinstance(word, str):
        match = difflib.get_close_matches(word[:64].strip().lower(), list(known), n=1)
        if match:
            return f"did you mean {known[match[0]] if isinstance(known, dict) else match[0]}?"
    possible = dict.fromkeys(known.values() if isinstance(known, dict) else known)
    return f"write one of: {', '.join(possible)}"


def mapping(value: object, fields: dict[str, Field], report: Report) -> dict:
    """Checks a mapping against a table of fields. The result has what is right, and the defaults of what is left out."""
    if not isinstance(value, dict):
        report.wrong(f"{_kind(value)} stands where a mapping belongs; write a mapping with {', '.join(fields)}")
        return {}
    for key in value:
        if not isinstance(key, str) or key not in fields:
            report.wrong(f"{shown(key)} is not a field; {_unknown_key(key, fields)}")
    result = {}
    for key, field in fields.items():
        place = Report(report.problems, field.label) if field.label else report.at(key)
        if key not in value:
            if field.required:
                place.wrong(f"is missing; write {field.description}")
            elif field.default is not None:
                result[key] = field.default
        elif value[key] is None:
            place.wrong(f"is empty; write {field.description}{'' if field.required else ', or leave the line out'}")
        else:
            checked = field.check(value[key], place)
            if checked is not None:
                result[key] = checked
    return result


def _unknown_key(key: object, fields: dict[str, Field]) -> str:
    if isinstance(key, str) and key.lower() in ("password", "passwords", "passwd", "pwd"):
        return (
            "a secret never stands in this list, write databricks or cdc with secret: catalog.schema.name "
            "(a Unity Catalog secret)"
        )
    return suggestion(key, list(fields))


def _kind(value: object) -> str:
    """Names a value of the wrong type without repeating what may be a secret."""
    for kind, name in ((bool, "a boolean"), (str, "text"), ((list, tuple), "a list"), (dict, "a mapping")):
        if isinstance(value, kind):
            return name
    return shown(value)


def nested(fields: dict[str, Field]) -> Check:
    def check(value: object, report: Report) -> dict:
        return mapping(value, fields, report)

    return check


def list_of(check_item: Check, may_be_empty: bool = False) -> Check:
    def check(value: object, report: Report) -> list | None:
        if not isinstance(value, (list, tuple)):
            return report.wrong(f"{_kind(value)} stands where a list belongs; write it as [one, two] or one line each")
        if not value and not may_be_empty:
            return report.wrong("is an empty list; name at least one, or leave the line out")
        checked = (check_item(item, report.at(f"item {position}")) for position, item in enumerate(value, 1))
        right = [item for item in checked if item is not None]
        return [item for position, item in enumerate(right) if item not in right[:position]]

    return check


def map_of(check_key: Check, check_value: Check) -> Check:
    def check(value: object, report: Report) -> dict | None:
        if not isinstance(value, dict):
            return report.wrong(f"{_kind(value)} stands where a mapping belongs; write it as {{key: value}}")
        result = {}
        for key, item in value.items():
            key_checked = check_key(key, report)
            item_checked = check_value(item, report.at(shown(key)))
            if key_checked is not None and item_checked is not None:
                result[key_checked] = item_checked
        return result

    return check


def one_of(*known: str) -> Check:
    def check(value: object, report: Report) -> str | None:
        if isinstance(value, str) and value in known:
            return str(value)
        return report.wrong(f"{shown(value)} is not known here; {suggestion(value, list(known))}")

    return check


def whole_number(low: int, high: int, what: str = "number") -> Check:
    def check(value: object, report: Report) -> int | None:
        if isinstance(value, str) and re.fullmatch(r"[0-9]{1,5}", value):
            return report.wrong(f"{shown(value)} is text; write {int(value)} without quotes")
        if isinstance(value, bool) or not isinstance(value, int):
            return report.wrong(f"{shown(value)} is not a {what}; write a whole number from {low} to {high}")
        if not low <= value <= high:
            return report.wrong(f"{shown(value)} is outside the range; write a whole number from {low} to {high}")
        return int(value)

    return check


port = whole_number(1, 65535, "port")
# sshd opens a listener as the tunnel's user, and the health check runs without privileges.
unprivileged_port = whole_number(1024, 65535, "port")


def text(value: object, report: Report) -> str | None:
    """One line of any text."""
    if not isinstance(value, str):
        return report.wrong(f"{shown(value)} is not text; write it in quotes")
    if not value.strip() or len(value) > 255 or not value.isprintable():
        return report.wrong("is empty, longer than 255 characters or not one printable line; write one line of text")
    return str(value)


def resource_name(value: object, report: Report) -> str | None:
    if isinstance(value, str) and _RESOURCE_NAME.fullmatch(value):
        return str(value)
    message = f"{shown(value)} is not a name; write a-z, 0-9 and _, at most 31 characters, starting with a letter"
    if isinstance(value, str):
        likely = re.sub(r"[^a-z0-9]+", "_", value[:100].lower()).strip("_0123456789")[:31].strip("_")
        message += f", for example {likely}" if _RESOURCE_NAME.fullmatch(likely) else ""
    return report.wrong(message)


def machine_name(value: object, report: Report) -> str | None:
    """An inventory name that becomes part of unit and file names."""
    if isinstance(value, str) and _MACHINE_NAME.fullmatch(value):
        return str(value)
    return report.wrong(
        f"{shown(value)} can't be the name of a machine here; "
        "write letters, digits, '.', '_' and '-', at most 63 characters, starting with a letter or digit"
    )


def engine(value: object, report: Report) -> str | None:
    if isinstance(value, str) and value in ENGINES:
        return str(value)
    spellings = {spelling: row.name for row in ENGINES.values() for spelling in (row.name, *row.also)}
    return report.wrong(f"{shown(value)} is not an engine; {suggestion(value, spellings)}")


def as_address(value: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        return ipaddress.ip_address(value)
    except ValueError:
        return None


def host(value: object, report: Report) -> str | None:
    """A DNS name or an address. It ends up in an ssh configuration, so nothing else gets through."""
    if not isinstance(value, str):
        return report.wrong(f"{shown(value)} is not a host; write a DNS name or an IP address")
    if "@" in value:  # a password may stand before it
        return report.wrong("has a user in it (an @); write the DNS name or IP address alone")
    fault = _host_fault(value)
    return report.wrong(f"{shown(value)} {fault}") if fault else str(value)


def _host_fault(value: str) -> str | None:
    alone = "write the DNS name or IP address alone"
    if not value.isprintable() or any(character.isspace() for character in value):
        return f"has a space, a line break or a control character; {alone}"
    if not value.isascii():
        return "has characters outside ASCII; write the name's xn-- form"
    address = as_address(value) if "%" not in value else None
    if address is not None:
        bad = address.is_unspecified or address.is_multicast
        return "is an address that nobody can connect to; write the address of one machine" if bad else None
    if "://" in value:
        return f"is a URL; {alone}"
    if "[" in value or "]" in value:
        return "has brackets; write an IPv6 address without them, and the port in its own field"
    if re.fullmatch(r"[^:]+:[0-9]+", value):
        return f"has a port in it; {alone}, and the port in its own field"
    return _name_fault(value.removesuffix("."))


def _name_fault(value: str) -> str | None:
    labels = value.split(".")
    if len(value) > 253 or not all(_LABEL.fullmatch(label) for label in labels):
        return "is not a DNS name or an IP address; write one, such as mysql01.corp.example or 10.10.5.30"
    if _NUMERIC_LABEL.fullmatch(labels[-1]):
        return "is not a DNS name (its last part is a number) and not a complete IPv4 address; write one of them"
    return None


def proxy_address(value: object, report: Report) -> str | None:
    checked = host(value, report)
    address = as_address(checked) if checked else None
    if checked and (checked.rstrip(".").lower() == "localhost" or (address and address.is_loopback)):
        return report.wrong(
            f"{shown(value)} is the loopback, where the tunnels' own listeners are; write the proxy's private address"
        )
    return checked


def domain_name(value: object, report: Report) -> str | None:
    """A full DNS name: clients look it up and certificates carry it."""
    good = (
        isinstance(value, str) and value.isascii() and "." in value and "_" not in value and _name_fault(value) is None
    )
    if good:
        return str(value)
    return report.wrong(
        f"{shown(value)} is not a full domain name; "
        "write one such as onprem.aws.corp.example, without scheme, port, wildcard or final dot"
    )


def domain_name_or_nothing(value: object, report: Report) -> str | None:
    return "" if isinstance(value, str) and value == "" else domain_name(value, report)


def address_range(value: object, report: Report) -> str | None:
    """A network as address/prefix length."""
    example = "write it as 10.60.0.0/16"
    if not isinstance(value, str):
        return report.wrong(f"{shown(value)} is not an address range; {example}")
    try:
        network = ipaddress.ip_network(value, strict=False)
    except ValueError:
        return report.wrong(f"{shown(value)} is not an address range; {example}")
    if "/" not in value:
        return report.wrong(f"{shown(value)} is one address and not a range; write {network}")
    if ipaddress.ip_interface(value).ip != network.network_address:
        return report.wrong(f"{shown(value)} is an address inside a range; write {network} (or a /32 for one machine)")
    return str(network)


def address_or_range(value: object, report: Report) -> str | None:
    if isinstance(value, str) and as_address(value) and "%" not in value:
        return str(value)
    return address_range(value, report)


def public_key(value: object, report: Report) -> str | None:
    """The one line of a .pub file. The value is never repeated: it may be a private key, pasted by mistake."""
    line = "write the one line of a .pub file: type, base64 and an optional comment"
    if not isinstance(value, str):
        return report.wrong(f"is not text; {line}")
    if "PRIVATE KEY" in value or "PuTTY-User-Key-File" in value:
        return report.wrong(f"holds a private key, which must never leave its machine: replace that pair, and {line}")
    key = value.strip()
    if not key.isprintable():
        return report.wrong(f"is more than one printable line; {line}")
    parts = key.split(maxsplit=2)
    if not parts or parts[0] not in _KEY_TYPES:
        return report.wrong(
            f"does not start with a key type that is accepted ({', '.join(_KEY_TYPES)}); "
            f"{line}, without key options and without a host name"
        )
    if len(parts) < 2 or not _is_key_blob(parts[0], parts[1]):
        return report.wrong(f"is damaged or cut off; {line}")
    return str(key)


def _is_key_blob(key_type: str, encoded: str) -> bool:
    """Whether it is a row of length-prefixed parts, the first of them the key's type."""
    try:
        blob = base64.b64decode(encoded, validate=True)
    except (binascii.Error, ValueError):
        return False
    parts, rest = [], blob
    while len(rest) >= 4:
        end = 4 + int.from_bytes(rest[:4], "big")
        if end > len(rest):
            return False
        parts.append(rest[4:end])
        rest = rest[end:]
    return not rest and len(parts) >= 2 and parts[0] == key_type.encode()


def catalog_name(value: object, report: Report) -> str | None:
    if isinstance(value, str) and _CATALOG_NAME.fullmatch(value):
        return str(value)
    return report.wrong(f"{shown(value)} is not a Unity Catalog name here; write letters, digits, '_' and '-'")


def _path_of(*parts: str) -> Check:
    def check(value: object, report: Report) -> str | None:
        names = value.split(".") if isinstance(value, str) else []
        if len(names) == len(parts) and all(_CATALOG_NAME.fullmatch(name) for name in names):
            return str(value)
        return report.wrong(f"is not a Unity Catalog name of {len(parts)} parts; write {'.'.join(parts)}")

    return check


# The value is not repeated: it may be the password itself.
secret_reference = _path_of("catalog", "schema", "secret")


def option_name(value: object, report: Report) -> str | None:
    reserved = {"host": "server_name", "port": "listen_port", "user": "user", "password": "secret"}
    if isinstance(value, str) and value.lower() in reserved:
        return report.wrong(f"{shown(value)} has its own field; write {reserved[value.lower()]} instead")
    return text(value, report)


def option_value(value: object, report: Report) -> str | None:
    if not isinstance(value, str):
        return report.wrong(f'{shown(value)} is not text; write it in quotes, such as "true"')
    return text(value, report)


# What may be granted on a connection; everything else is granted on the foreign catalog.
CONNECTION_PRIVILEGES = ("CREATE_FOREIGN_CATALOG", "USE_CONNECTION")


def privilege(value: object, report: Report) -> str | None:
    """A privilege of Unity Catalog, as its API spells it."""
    if isinstance(value, str) and re.fullmatch(r"[A-Za-z]+([ _][A-Za-z]+)*", value):
        return value.upper().replace(" ", "_")
    return report.wrong(f"{shown(value)} is not a privilege; write one such as SELECT or USE_CONNECTION")


DATABRICKS = {
    "user": Field(text, "the database user that Databricks logs in as", required=True),
    "secret": Field(secret_reference, "the Unity Catalog secret with its password, as catalog.schema.secret"),
    "connection": Field(catalog_name, "the connection's name (default: the resource's name)"),
    "catalog": Field(catalog_name, "the foreign catalog's name (default: none is made)"),
    "database": Field(text, "the database (Oracle: the service name) that the foreign catalog shows"),
    "grants": Field(
        map_of(text, list_of(privilege, may_be_empty=True)), "who may do what, as {principal: [PRIVILEGE, …]}"
    ),
    "options": Field(map_of(option_name, option_value), "further options of the connection, as texts"),
}

CDC = {
    "user": Field(text, "the database user that Lakeflow Connect logs in as", required=True),
    "secret": Field(secret_reference, "the Unity Catalog secret with its password, as catalog.schema.secret"),
    "tables": Field(list_of(text), "the tables to ingest, as [schema.table, …]", required=True),
    "destination": Field(_path_of("catalog", "schema"), "where they go, as catalog.schema", required=True),
}

RESOURCE = {
    "name": Field(resource_name, "a unique name, such as orders", required=True),
    "engine": Field(engine, "the engine, such as mysql; see docs/engines.md", required=True),
    "host": Field(host, "the DNS name or IP address, as the tunnel host resolves it", required=True),
    "port": Field(port, "the service's port (default: the engine's)"),
    "listen_port": Field(port, "the port on the load balancer and the proxies (default: port)"),
    "tunnel_port": Field(unprivileged_port, "the port on the proxies' loopback (default: listen_port + 10000)"),
    "server_name": Field(domain_name, "the name in its TLS certificate, where clients verify it"),
    "proxies": Field(list_of(machine_name), "the proxies that carry it (default: all)"),
    "tunnel_hosts": Field(list_of(machine_name), "the tunnel hosts that carry it (default: all)"),
    "databricks": Field(nested(DATABRICKS), "the connection and catalog in Databricks"),
    "cdc": Field(nested(CDC), "what Lakeflow Connect ingests from it"),
}

PROXY = {
    "address": Field(proxy_address, "its private address, as ansible_host or proxy_vm_bind_address", required=True),
    "ssh_port": Field(port, "the port of its sshd", default=22),
    "host_keys": Field(list_of(public_key, may_be_empty=True), "its public host keys", default=[]),
    "admin_ranges": Field(
        list_of(address_or_range, may_be_empty=True),
        "the addresses that administrators and Ansible log in from, as proxy_vm_admin_ranges",
        default=[],
    ),
    "monitoring_ranges": Field(
        list_of(address_or_range, may_be_empty=True),
        "the addresses that monitoring asks the health check from, as proxy_vm_monitoring_ranges",
        default=[],
    ),
}

TUNNEL_HOST = {
    "public_keys": Field(list_of(public_key, may_be_empty=True), "its public keys", default=[]),
    "source_addresses": Field(
        list_of(address_or_range, may_be_empty=True), "the addresses that its connections come from", default=[]
    ),
}

SETTINGS = {
    "name": Field(
        domain_name_or_nothing,
        "the one name that clients connect to, such as onprem.aws.corp.example",
        default="",
        label="onprem_tunnel_name",
    ),
    "clients": Field(
        list_of(address_range, may_be_empty=True),
        "the address ranges that may reach the listen ports",
        default=[],
        label="onprem_tunnel_clients",
    ),
    "load_balancers": Field(
        list_of(address_or_range, may_be_empty=True),
        "the addresses or subnets of the load balancer ([] where there is none), as the proxies see it",
        label="onprem_tunnel_load_balancers",
    ),
    "health_port": Field(unprivileged_port, "the health check's port", default=8405, label="onprem_tunnel_health_port"),
    "heartbeat_port": Field(
        unprivileged_port, "the heartbeat's port", default=13999, label="onprem_tunnel_heartbeat_port"
    ),
    "forwarder": Field(one_of(*FORWARDERS), "the forwarder's kind", default="socat", label="proxy_vm_forwarder"),
    "connections": Field(
        whole_number(1, 16),
        "the number of connections from each tunnel host to each proxy",
        default=1,
        label="onprem_tunnel_connections",
    ),
    "max_listeners": Field(
        whole_number(1, 10000),
        "the number of listeners that the load balancer can have",
        default=50,
        label="onprem_tunnel_max_listeners",
    ),
}
