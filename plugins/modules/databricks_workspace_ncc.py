#!/usr/bin/python
# Copyright (c) 2026 The lakehouse.onprem_tunnel authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: databricks_workspace_ncc
short_description: Attach a network connectivity configuration to a Databricks workspace
version_added: 0.1.0
author:
  - The lakehouse.onprem_tunnel authors (@lakehouse)
description:
  - Attaches a network connectivity configuration (NCC) to a workspace. Its serverless compute then reaches what the
    NCC's private endpoint rules lead to.
  - Databricks cannot detach an NCC, so there is no C(state). It can only be replaced by another.
notes:
  - The service principal has to be an account admin, and the account on the Enterprise plan.
  - It takes 10 to 15 minutes more until serverless compute uses the NCC, and what runs already has to be restarted.
    The module does not wait for that, as nothing tells when it is so.
  - An NCC can be attached to 50 workspaces, all in its region.
options:
  workspace_id:
    description:
      - The workspace's id, the number after C(?o=) in its URL.
      - Either O(workspace_id) or O(workspace_name) is required.
    type: str
  workspace_name:
    description:
      - The workspace's name in the account console.
    type: str
  network_connectivity_config_id:
    description:
      - The NCC's id, as M(lakehouse.onprem_tunnel.databricks_ncc) returns it.
    type: str
    required: true
  force:
    description:
      - Whether another NCC that is attached is replaced. Serverless compute then loses what that one leads to.
    type: bool
    default: false
  wait_timeout:
    description:
      - Seconds to wait until the workspace is C(RUNNING) with the NCC. V(0) looks once.
    type: int
    default: 900
attributes:
  check_mode:
    description: Can run in check mode and return what would change, without changing anything.
    support: full
  diff_mode:
    description: Returns the workspace before and after.
    support: full
extends_documentation_fragment:
  - lakehouse.onprem_tunnel.databricks
"""

EXAMPLES = r"""
- name: The workspace's serverless compute goes through the tunnels
  lakehouse.onprem_tunnel.databricks_workspace_ncc:
    host: https://accounts.cloud.databricks.com
    account_id: 11111111-2222-3333-4444-555555555555
    client_id: "{{ account_admin_id }}"
    client_secret: "{{ account_admin_secret }}"
    workspace_name: analytics
    network_connectivity_config_id: "{{ ncc.ncc.network_connectivity_config_id }}"
"""

RETURN = r"""
workspace:
  description: The workspace. In check mode as it would be.
  returned: success
  type: dict
  contains:
    workspace_id:
      description: The id.
      type: str
      returned: always
      sample: "1234567890"
    workspace_name:
      description: The name.
      type: str
      returned: always
      sample: analytics
    aws_region:
      description: The AWS region.
      type: str
      returned: always
      sample: eu-central-1
    workspace_status:
      description: Databricks' state of it.
      type: str
      returned: always
      sample: RUNNING
    network_connectivity_config_id:
      description: The NCC that is attached.
      type: str
      returned: always
      sample: d69a253c-4e39-48ea-9a90-230d928d1b4a
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
from ..module_utils._databricks_workspace_ncc import (
    Workspaces,
    attached_to,
    choose,
    failure,
    named,
    problems,
    reconcile,
)
from ..module_utils._waiting import look_until

ARGUMENTS = dict(
    workspace_id=dict(type="str"),
    workspace_name=dict(type="str"),
    network_connectivity_config_id=dict(type="str", required=True),
    force=dict(type="bool", default=False),
    wait_timeout=dict(type="int", default=900),
)
PAUSE = 5


def attach(account, params, check_mode):
    """Return (before, after)."""
    nccs, workspaces = Nccs(account), Workspaces(account)
    ncc_id = params["network_connectivity_config_id"]
    ncc = nccs.must_get(ncc_id)
    everything = workspaces.all()
    before = choose(everything, params["workspace_id"], params["workspace_name"])
    after = reconcile(before, ncc, nccs.all(), attached_to(everything, ncc_id), params["force"])
    if check_mode:
        return before, after
    if after != before:
        workspaces.attach(before["workspace_id"], ncc_id)
    return before, wait_until_running(workspaces, after, params["wait_timeout"])


def wait_until_running(workspaces, wanted, timeout):
    """Return the workspace as soon as it runs with the NCC."""

    def look():
        seen = workspaces.get(wanted["workspace_id"])
        failed = failure(seen)
        if failed:
            raise failed
        return seen

    def done(seen):
        is_attached = seen["network_connectivity_config_id"] == wanted["network_connectivity_config_id"]
        return is_attached and seen["workspace_status"] == "RUNNING"

    seen = look_until(look, timeout, PAUSE, done)
    if not done(seen):
        raise Problem(
            f"The workspace {named([wanted])} is {seen['workspace_status']} with the NCC "
            f"{seen['network_connectivity_config_id']} after {timeout} s",
            hint="run again to wait on, or raise wait_timeout",
        )
    return seen


def main():
    module = make_module(
        ARGUMENTS,
        required_one_of=[("workspace_id", "workspace_name")],
        mutually_exclusive=[("workspace_id", "workspace_name")],
    )

    def work():
        before, after = attach(Account(module), module.params, module.check_mode)
        changed = before["network_connectivity_config_id"] != after["network_connectivity_config_id"]
        return dict(changed=changed, workspace=after, diff=dict(before=before, after=after))

    carry_out(module, problems, work)


if __name__ == "__main__":
    main()
