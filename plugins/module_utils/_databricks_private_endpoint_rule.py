# Copyright (c) 2026 The lakehouse.onprem_tunnel authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Private endpoint rules of an NCC: the account's API for them, and what is decided about them without it."""

from __future__ import annotations

import ipaddress
import re

from ._databricks import Problem, quoted, seconds_problems
from ._databricks_ncc import PATH as NCC_PATH
from ._databricks_ncc import problems as ncc_problems
from ._databricks_private_connectivity import ENDPOINT_SERVICE, MOST_DOMAIN_NAMES, principals

LABEL = re.compile(r"[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?")
MOST_PER_REGION = 30  # as Databricks documents it for AWS

KEYS = (
    "rule_id",
    "network_connectivity_config_id",
    "endpoint_service",
    "domain_names",
    "connection_state",
    "vpc_endpoint_id",
    "deactivated",
    "error_message",
)
# The states that a rule does not leave by itself, and what to do.
RECREATE = "delete the rule and make it anew with replace_failed: true"
ACCEPT = "accept the new endpoint with aws_vpc_endpoint_connection"
FAILED = {
    "REJECTED": f"the endpoint service's owner rejected its endpoint: {RECREATE}, and {ACCEPT}",
    "DISCONNECTED": f"the endpoint service or its connection was deleted: {RECREATE}, and {ACCEPT}",
    "EXPIRED": f"its endpoint was not accepted within 14 days: {RECREATE}, and {ACCEPT}",
    "CREATE_FAILED": f"allow the principal %s on the endpoint service with aws_vpc_endpoint_service; then {RECREATE}",
}
HAS_ENDPOINT = ("PENDING", "ESTABLISHED")


def problems(params):
    """Return what is wrong with a rule's options."""
    wrong = ncc_problems(params)
    service = params["endpoint_service"]
    if not ENDPOINT_SERVICE.fullmatch(service):
        wrong.append(
            f"endpoint_service: '{service}' is no endpoint service's name; write it as in "
            "com.amazonaws.vpce.eu-central-1.vpce-svc-0123456789abcdef0 (aws_vpc_endpoint_service returns service_name)"
        )
    if params["state"] == "present":
        wrong += domain_names_problems(params["domain_names"])
    return wrong + seconds_problems(params, wait_timeout=0)


def domain_names_problems(names):
    if not names:
        return ["domain_names: the list is empty; write a name under which serverless compute is to reach the service"]
    wrong = [f"domain_names: '{name}' {domain_name_problem(name)}" for name in names if domain_name_problem(name)]
    wrong += [
        f"domain_names: '{name}' is there more than once; write it once"
        for name in sorted({name for name in names if names.count(name) > 1})
    ]
    if len(names) > MOST_DOMAIN_NAMES:
        wrong.append(
            f"domain_names: there are {len(names)} names, and a rule can have {MOST_DOMAIN_NAMES}; leave some out (one "
            "name does for every port of the load balancer)"
        )
    return wrong


def domain_name_problem(name):
    """Return what is wrong with a domain name, or None. Unconfirmed: which of these Databricks refuses, and how."""
    rest = name.partition("://")[2]
    if rest:
        return f"has a scheme; write {re.split('[/:]', rest)[0]}"
    if "/" in name:
        return f"has a path; write {re.split('[/:]', name)[0]}"
    if is_address(name):
        return "is an address; write a name, which serverless compute then resolves to the endpoint"
    if ":" in name:
        return f"has a port; write {name.partition(':')[0]}"
    if "*" in name:
        return "has a wildcard; write each name"
    if name != name.lower():
        return f"has upper-case letters; write {name.lower()}"
    if name.endswith("."):
        return f"ends with a dot; write {name.rstrip('.')}"
    if "." not in name:
        return "has no domain; write the full name, as in db.corp.example"
    if len(name) > 253 or not all(LABEL.fullmatch(label) for label in name.split(".")):
        return "is no domain name; write letters, digits and '-' between the dots, as in db.corp.example"
    return None


def is_address(name):
    try:
        ipaddress.ip_address(name.strip("[]"))
    except ValueError:
        return False
    return True


def region_problem(endpoint_service, ncc):
    """Return what is wrong with the endpoint service's region, or None."""
    region = ENDPOINT_SERVICE.fullmatch(endpoint_service).group(1)
    if region == ncc["region"]:
        return None
    return Problem(
        f"endpoint_service: {endpoint_service} is in {region}, and the NCC '{ncc['name']}' in {ncc['region']}",
        hint="write an endpoint service of the NCC's region, or use an NCC of the endpoint service's region",
    )


class Rules:
    """The private endpoint rules of an account's NCCs."""

    def __init__(self, account):
        self.account = account

    def all(self, ncc_id):
        return [to_result(item) for item in self.account.pages(rules_path(ncc_id), "items")]

    def live(self, ncc_id, endpoint_service=None):
        """Return the rules that are not deactivated, of one endpoint service or all."""
        return [
            rule
            for rule in self.all(ncc_id)
            if not rule["deactivated"] and endpoint_service in (None, rule["endpoint_service"])
        ]

    def get(self, rule):
        found = self.account.find(rule_path(rule))
        return to_result(found) if found else None

    def create(self, ncc_id, endpoint_service, domain_names, replaced):
        """Make a rule. Somebody may have made one at the same moment, which Databricks need not refuse.

        replaced: the rule that was deleted for it, or None.
        """

        def others():
            return [rule for rule in self.live(ncc_id, endpoint_service) if not is_same(rule, replaced)]

        body = dict(endpoint_service=endpoint_service, domain_names=domain_names)
        made = self.account.create(rules_path(ncc_id), body, lambda: next(iter(others()), None))
        choose(others())  # fails where there are two
        return to_result(made)

    def update(self, rule, domain_names):
        self.account.patch(rule_path(rule), dict(domain_names=domain_names), update_mask="domain_names")
        return self.get(rule)

    def delete(self, rule):
        """Delete a rule. Databricks may only deactivate it, and remove it days later."""
        self.account.delete(rule_path(rule))


def rules_path(ncc_id):
    return f"{NCC_PATH}/{quoted(ncc_id)}/private-endpoint-rules"


def rule_path(rule):
    return f"{rules_path(rule['network_connectivity_config_id'])}/{quoted(rule['rule_id'])}"


def is_same(rule, other):
    return other is not None and rule["rule_id"] == other["rule_id"]


def to_result(item):
    """Return a rule as the modules return it, with a state that is new to us as it is."""
    rule = {key: item.get(key) for key in KEYS}
    rule["domain_names"] = rule["domain_names"] or []
    rule["deactivated"] = bool(rule["deactivated"])
    return rule


def choose(rules):
    """Return the one rule of an endpoint service, or None."""
    if len(rules) > 1:
        ids = ", ".join(f"{rule['rule_id']} ({rule['connection_state']})" for rule in rules)
        raise Problem(
            f"Several rules of this NCC lead to {rules[0]['endpoint_service']}: {ids}",
            hint="delete all but one in the account console, or all of them with state: absent",
        )
    return rules[0] if rules else None


def reconcile(existing, params):
    """Return (action, after): what is to be done with the rule that is there, and the rule after it.

    action: create, replace, update or None.
    """
    wanted = params["domain_names"]
    if existing is None or (existing["connection_state"] in FAILED and params["replace_failed"]):
        new = dict.fromkeys(KEYS)
        new.update(
            network_connectivity_config_id=params["network_connectivity_config_id"],
            endpoint_service=params["endpoint_service"],
            domain_names=wanted,
            deactivated=False,
        )
        return ("replace" if existing else "create"), new
    failed = failure(existing)
    if failed:
        raise failed
    if set(existing["domain_names"]) == set(wanted):
        return None, existing
    return "update", dict(existing, domain_names=in_stable_order(existing["domain_names"], wanted))


def in_stable_order(existing, wanted):
    """Return the wanted names; those that are there keep their order, and new ones follow."""
    kept = [name for name in existing if name in wanted]
    return kept + [name for name in wanted if name not in kept]


def room_problem(rules, region):
    """Return what is wrong with making one more rule beside the region's live ones, or None."""
    if len(rules) < MOST_PER_REGION:
        return None
    return Problem(
        f"{region} has {len(rules)} private endpoint rules, and an account can have {MOST_PER_REGION} in a region",
        hint="lead more ports through one endpoint service, which needs one rule for all of them, or delete a rule",
    )


def failure(rule):
    """Return what is wrong with a rule whose state is one that it does not leave, or None."""
    state = rule["connection_state"]
    if state not in FAILED:
        return None
    said = f": {rule['error_message']}" if rule["error_message"] else ""
    region = rule["endpoint_service"].split(".")[3]
    return Problem(
        f"The rule {rule['rule_id']} to {rule['endpoint_service']} is {state}{said}",
        hint=FAILED[state].replace("%s", private_connectivity_role(region)),
    )


def private_connectivity_role(region):
    """Return the principal as which Databricks makes the endpoints of a region, in words."""
    principal, *others = principals(region)
    return f"{principal} (DoD: {others[0]})" if others else principal


def has_reached(rule, wait_for):
    """Whether a rule is as far as is waited for."""
    if wait_for == "established":
        return rule["connection_state"] == "ESTABLISHED"
    return bool(rule["vpc_endpoint_id"]) and rule["connection_state"] in HAS_ENDPOINT


def unfinished(rule, timeout):
    """Return what to say of a rule that is not as far after the timeout."""
    state = rule["connection_state"]
    if state == "PENDING":
        advice = (
            f"accept its endpoint {rule['vpc_endpoint_id']} with aws_vpc_endpoint_connection, and run again to wait on"
        )
    else:
        advice = "run again to wait on, or raise wait_timeout"
    return Problem(
        f"The rule {rule['rule_id']} to {rule['endpoint_service']} is {state} after {timeout} s", hint=advice
    )
