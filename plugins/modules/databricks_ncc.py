#!/usr/bin/python
# Copyright (c) 2026 The lakehouse.onprem_tunnel authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: databricks_ncc
short_description: Make or delete a Databricks network connectivity configuration
version_added: 0.1.0
author:
  - The lakehouse.onprem_tunnel authors (@lakehouse)
description:
  - Makes or deletes one network connectivity configuration (NCC) of a Databricks account.
  - Its private endpoint rules are made by M(lakehouse.onprem_tunnel.databricks_ncc_private_endpoint_rule), and
    M(lakehouse.onprem_tunnel.databricks_workspace_ncc) attaches it to a workspace.
notes:
  - The service principal has to be an account admin, and the account on the Enterprise plan.
  - An NCC cannot be changed once it is made. An account can have 10 in a region.
options:
  name:
    description:
      - The NCC's name, 3 to 30 letters, digits, V(-) and V(_). With O(region) it says which NCC is meant.
      - Either O(name) or O(network_connectivity_config_id) is required.
    type: str
  region:
    description:
      - The AWS region, which has to be the workspaces'. Required to make one. Only with O(name).
    type: str
  network_connectivity_config_id:
    description:
      - The id of an NCC that is there.
    type: str
  state:
    description:
      - V(present) makes the NCC if there is none.
      - V(absent) deletes it, and fails while it has rules that are not deactivated, or workspaces that are attached.
    type: str
    choices: [present, absent]
    default: present
attributes:
  check_mode:
    description: Can run in check mode and return what would change, without changing anything.
    support: full
  diff_mode:
    description: Returns the NCC before and after.
    support: full
extends_documentation_fragment:
  - lakehouse.onprem_tunnel.databricks
"""

EXAMPLES = r"""
- name: The account's NCC for the tunnels
  lakehouse.onprem_tunnel.databricks_ncc:
    host: https://accounts.cloud.databricks.com
    account_id: 11111111-2222-3333-4444-555555555555
    client_id: "{{ account_admin_id }}"
    client_secret: "{{ account_admin_secret }}"
    name: onprem-prod
    region: eu-central-1
  register: ncc

- name: No NCC of this name
  lakehouse.onprem_tunnel.databricks_ncc:
    host: https://accounts.cloud.databricks.com
    account_id: 11111111-2222-3333-4444-555555555555
    client_id: "{{ account_admin_id }}"
    client_secret: "{{ account_admin_secret }}"
    name: onprem-test
    region: eu-central-1
    state: absent
"""

RETURN = r"""
ncc:
  description: The NCC, empty if it is absent. In check mode as it would be, with a null id if it would be made.
  returned: success
  type: dict
  contains:
    network_connectivity_config_id:
      description: The id.
      type: str
      returned: when the NCC exists
      sample: d69a253c-4e39-48ea-9a90-230d928d1b4a
    name:
      description: The name.
      type: str
      returned: when the NCC exists
      sample: onprem-prod
    region:
      description: The AWS region.
      type: str
      returned: when the NCC exists
      sample: eu-central-1
    creation_time:
      description: When it was made, in milliseconds since 1970.
      type: int
      returned: when the NCC exists
      sample: 1795450245560
    updated_time:
      description: When it was changed last, in milliseconds since 1970.
      type: int
      returned: when the NCC exists
      sample: 1795450245560
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
from ..module_utils._databricks_ncc import Nccs, choose, problems, room_problem, to_result
from ..module_utils._databricks_private_endpoint_rule import Rules
from ..module_utils._databricks_workspace_ncc import Workspaces, attached_to, named

ARGUMENTS = dict(
    name=dict(type="str"),
    region=dict(type="str"),
    network_connectivity_config_id=dict(type="str"),
    state=dict(type="str", choices=["present", "absent"], default="present"),
)


def present(account, params, check_mode):
    """Return (before, after)."""
    nccs = Nccs(account)
    if params["network_connectivity_config_id"]:
        existing = nccs.must_get(params["network_connectivity_config_id"])
        return existing, existing
    everything = nccs.all()
    existing = choose(everything, params["name"], params["region"])
    if existing:
        return existing, existing
    if not params["region"]:
        raise Problem(f"There is no NCC '{params['name']}', and region is required to make it")
    full = room_problem(everything, params["region"])
    if full:
        raise full
    if check_mode:
        return None, to_result(dict(name=params["name"], region=params["region"]))
    return None, nccs.create(params["name"], params["region"])


def absent(account, params, check_mode):
    """Return (before, after)."""
    nccs = Nccs(account)
    if params["network_connectivity_config_id"]:
        existing = nccs.get(params["network_connectivity_config_id"])
    else:
        existing = choose(nccs.all(), params["name"], params["region"])
    if existing is None:
        return None, None
    ncc_id = existing["network_connectivity_config_id"]
    must_be_free(existing, Rules(account).live(ncc_id), attached_to(Workspaces(account).all(), ncc_id))
    if not check_mode:
        nccs.delete(ncc_id)
    return existing, None


def must_be_free(ncc, rules, workspaces):
    if workspaces:
        raise Problem(
            f"The NCC '{ncc['name']}' is attached to {named(workspaces)}, and Databricks deletes no NCC that is",
            hint="a workspace cannot be detached: attach another NCC with databricks_workspace_ncc and force: true",
        )
    if rules:
        targets = ", ".join(f"{rule['rule_id']} to {rule['endpoint_service'] or 'AWS'}" for rule in rules)
        raise Problem(
            f"The NCC '{ncc['name']}' has private endpoint rules, and Databricks deletes no NCC that has: {targets}",
            hint="delete them with databricks_ncc_private_endpoint_rule and state: absent",
        )


def main():
    module = make_module(
        ARGUMENTS,
        required_one_of=[("name", "network_connectivity_config_id")],
        mutually_exclusive=[("name", "network_connectivity_config_id"), ("region", "network_connectivity_config_id")],
    )

    def work():
        act = present if module.params["state"] == "present" else absent
        before, after = act(Account(module), module.params, module.check_mode)
        return dict(changed=before != after, ncc=after or {}, diff=dict(before=before or {}, after=after or {}))

    carry_out(module, problems, work)


if __name__ == "__main__":
    main()
