#!/usr/bin/python
# Copyright (c) 2026 The lakehouse.onprem_tunnel authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: databricks_ncc_private_endpoint_rule
short_description: Make, change or delete a private endpoint rule of a Databricks network connectivity configuration
version_added: 0.1.0
author:
  - The lakehouse.onprem_tunnel authors (@lakehouse)
description:
  - Makes, changes or deletes the rule by which serverless compute reaches one AWS VPC endpoint service.
  - Databricks makes a VPC endpoint for it, whose connection the endpoint service's owner accepts with
    M(lakehouse.onprem_tunnel.aws_vpc_endpoint_connection). The rule is C(PENDING) before, and C(ESTABLISHED) after it.
  - A rule that is deactivated counts as absent. Databricks removes it days after it was deleted.
notes:
  - The service principal has to be an account admin, and the account on the Enterprise plan.
  - The endpoint service has to allow the principal
    C(arn:aws:iam::565502421330:role/private-connectivity-role-<region>). In GovCloud it is
    C(arn:aws-us-gov:iam::347038500609:role/private-connectivity-role-us-gov-west-1), and for DoD
    C(arn:aws-us-gov:iam::347034940029:role/private-connectivity-role-us-gov-west-1).
  - An account can have 30 private endpoint rules in a region, so one endpoint service and one rule are for all ports.
  - In check mode nothing is waited for.
options:
  network_connectivity_config_id:
    description:
      - The NCC's id, as M(lakehouse.onprem_tunnel.databricks_ncc) returns it.
    type: str
    required: true
  endpoint_service:
    description:
      - The name of the VPC endpoint service, as M(lakehouse.onprem_tunnel.aws_vpc_endpoint_service) returns it.
      - It says which rule of the NCC is meant, and cannot be changed.
      - It has to be in the NCC's region.
    type: str
    required: true
  domain_names:
    description:
      - The names under which serverless compute reaches the endpoint service, 1 to 10. The rule has exactly these then.
      - Full names in lower case, without scheme, port, path or wildcard. The order does not matter.
      - Required if O(state=present).
    type: list
    elements: str
  state:
    description:
      - V(present) makes the rule, or changes its names.
      - V(absent) deletes every rule of the NCC that leads to the endpoint service, and does not wait for its removal.
    type: str
    choices: [present, absent]
    default: present
  wait_for:
    description:
      - How far the rule has to be, if O(state=present).
      - V(nothing) does not wait.
      - V(endpoint) waits until the id of the VPC endpoint is known and its connection can be accepted.
      - V(established) waits until the connection is accepted. Something else has to accept it in the meantime.
    type: str
    choices: [nothing, endpoint, established]
    default: endpoint
  wait_timeout:
    description:
      - Seconds to wait for that.
    type: int
    default: 900
  replace_failed:
    description:
      - Whether a rule that is C(EXPIRED), C(REJECTED), C(DISCONNECTED) or C(CREATE_FAILED) is deleted and made anew.
        Its VPC endpoint is another one then.
      - Without it the module fails, and says what is wrong with the rule.
    type: bool
    default: false
attributes:
  check_mode:
    description: Can run in check mode and return what would change, without changing anything.
    support: full
  diff_mode:
    description: Returns the rule before and after, without what Databricks adds to it later.
    support: full
extends_documentation_fragment:
  - lakehouse.onprem_tunnel.databricks
"""

EXAMPLES = r"""
- name: The rule, until its endpoint can be accepted
  lakehouse.onprem_tunnel.databricks_ncc_private_endpoint_rule:
    host: https://accounts.cloud.databricks.com
    account_id: 11111111-2222-3333-4444-555555555555
    client_id: "{{ account_admin_id }}"
    client_secret: "{{ account_admin_secret }}"
    network_connectivity_config_id: "{{ ncc.ncc.network_connectivity_config_id }}"
    endpoint_service: "{{ service.service.service_name }}"
    domain_names: [onprem.aws.corp.example]
  register: rule

- name: Exactly this endpoint is accepted
  lakehouse.onprem_tunnel.aws_vpc_endpoint_connection:
    region: eu-central-1
    service_id: "{{ service.service.service_id }}"
    vpc_endpoint_id: "{{ rule.rule.vpc_endpoint_id }}"

- name: The rule is established
  lakehouse.onprem_tunnel.databricks_ncc_private_endpoint_rule:
    host: https://accounts.cloud.databricks.com
    account_id: 11111111-2222-3333-4444-555555555555
    client_id: "{{ account_admin_id }}"
    client_secret: "{{ account_admin_secret }}"
    network_connectivity_config_id: "{{ ncc.ncc.network_connectivity_config_id }}"
    endpoint_service: "{{ service.service.service_name }}"
    domain_names: [onprem.aws.corp.example]
    wait_for: established
"""

RETURN = r"""
rule:
  description: The rule, empty if it is absent. In check mode as it would be, with null for what Databricks would set.
  returned: success
  type: dict
  contains:
    rule_id:
      description: The id.
      type: str
      returned: when the rule exists
      sample: bf318421-bf9b-45ec-b6a7-77dc3a96e42f
    network_connectivity_config_id:
      description: The NCC's id.
      type: str
      returned: when the rule exists
      sample: d69a253c-4e39-48ea-9a90-230d928d1b4a
    endpoint_service:
      description: The AWS VPC endpoint service's name.
      type: str
      returned: when the rule exists
      sample: com.amazonaws.vpce.eu-central-1.vpce-svc-0123456789abcdef0
    domain_names:
      description: The names under which serverless compute reaches it, in the order that Databricks returns.
      type: list
      elements: str
      returned: when the rule exists
      sample: [onprem.aws.corp.example]
    connection_state:
      description:
        - Databricks' state of it, as it is.
        - Known are C(CREATING), C(PENDING), C(ESTABLISHED), C(REJECTED), C(DISCONNECTED), C(EXPIRED), C(CREATE_FAILED).
      type: str
      returned: when the rule exists
      sample: PENDING
    vpc_endpoint_id:
      description: The id of the VPC endpoint that Databricks made, null until it is there.
      type: str
      returned: when the rule exists
      sample: vpce-0123456789abcdef0
    deactivated:
      description: Whether it is deleted, and Databricks has yet to remove it.
      type: bool
      returned: when the rule exists
      sample: false
    error_message:
      description: What Databricks says of a failure.
      type: str
      returned: when the rule exists
error_code:
  description:
    - Databricks' code of the error, if the failure is one of Databricks.
    - C(UNREACHABLE) if there was no answer, and C(NOT_THE_API) if it was none of Databricks' API, such as a login page.
  returned: failure
  type: str
  sample: PERMISSION_DENIED
status_code:
  description: The HTTP status of the failure, if there was an answer.
  returned: failure
  type: int
  sample: 403
hint:
  description: What to do about the failure.
  returned: failure
  type: str
"""

from ..module_utils._databricks import Account, Problem, carry_out, make_module
from ..module_utils._databricks_ncc import Nccs
from ..module_utils._databricks_private_endpoint_rule import (
    Rules,
    choose,
    failure,
    has_reached,
    problems,
    reconcile,
    region_problem,
    room_problem,
    unfinished,
)
from ..module_utils._waiting import look_until

ARGUMENTS = dict(
    network_connectivity_config_id=dict(type="str", required=True),
    endpoint_service=dict(type="str", required=True),
    domain_names=dict(type="list", elements="str"),
    state=dict(type="str", choices=["present", "absent"], default="present"),
    wait_for=dict(type="str", choices=["nothing", "endpoint", "established"], default="endpoint"),
    wait_timeout=dict(type="int", default=900),
    replace_failed=dict(type="bool", default=False),
)
PAUSE = 5


class Rule:
    """The rule that is meant."""

    def __init__(self, account, params, check_mode):
        self.nccs = Nccs(account)
        self.rules = Rules(account)
        self.params = params
        self.check_mode = check_mode
        self.ncc_id = params["network_connectivity_config_id"]
        self.endpoint_service = params["endpoint_service"]

    def present(self):
        """Return (before, after, the rule as it is then)."""
        ncc = self.nccs.must_get(self.ncc_id)
        wrong = region_problem(self.endpoint_service, ncc)
        if wrong:
            raise wrong
        existing = choose(self.rules.live(self.ncc_id, self.endpoint_service))
        action, after = reconcile(existing, self.params)
        if action == "create":
            self.must_have_room(ncc["region"])
        if self.check_mode:
            return existing, after, after
        rule = self.carry_out(action, existing, after)
        if self.params["wait_for"] != "nothing":
            rule = self.wait(rule)
        return existing, after, rule

    def must_have_room(self, region):
        there = [
            rule
            for ncc in self.nccs.all()
            if ncc["region"] == region
            for rule in self.rules.live(ncc["network_connectivity_config_id"])
        ]
        full = room_problem(there, region)
        if full:
            raise full

    def carry_out(self, action, existing, after):
        if action is None:
            return existing
        if action == "update":
            return self.rules.update(existing, after["domain_names"]) or self.vanished(existing)
        if action == "replace":
            self.rules.delete(existing)
        return self.rules.create(self.ncc_id, self.endpoint_service, after["domain_names"], replaced=existing)

    def wait(self, rule):
        """Return the rule as soon as it is as far as is waited for."""

        def look():
            seen = self.rules.get(rule)
            if seen is None or seen["deactivated"]:
                self.vanished(rule)
            failed = failure(seen)
            if failed:
                raise failed
            return seen

        def done(seen):
            return has_reached(seen, self.params["wait_for"])

        seen = look_until(look, self.params["wait_timeout"], PAUSE, done)
        if not done(seen):
            raise unfinished(seen, self.params["wait_timeout"])
        return seen

    def vanished(self, rule):
        raise Problem(
            f"The rule {rule['rule_id']} is gone: somebody else deletes it", hint="settle that, and run again"
        )

    def absent(self):
        """Return (before, after, the rule as it is then)."""
        if self.nccs.get(self.ncc_id) is None:
            return None, None, None
        live = self.rules.live(self.ncc_id, self.endpoint_service)
        if not self.check_mode:
            for rule in live:
                self.rules.delete(rule)
        before = live[0] if len(live) == 1 else dict(rules=live)
        return before if live else None, None, None


def main():
    module = make_module(ARGUMENTS, required_if=[("state", "present", ["domain_names"])])

    def work():
        rule = Rule(Account(module), module.params, module.check_mode)
        before, after, result = rule.present() if module.params["state"] == "present" else rule.absent()
        return dict(changed=before != after, rule=result or {}, diff=dict(before=before or {}, after=after or {}))

    carry_out(module, problems, work)


if __name__ == "__main__":
    main()
