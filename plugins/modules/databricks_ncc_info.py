#!/usr/bin/python
# Copyright (c) 2026 The lakehouse.onprem_tunnel authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: databricks_ncc_info
short_description: Read the network connectivity configurations of a Databricks account
version_added: 0.1.0
author:
  - The lakehouse.onprem_tunnel authors (@lakehouse)
description:
  - Returns the network connectivity configurations (NCCs) of a Databricks account, with the workspaces that have them.
  - What is given has to be true of an NCC for it to be returned. Without any, all are.
notes:
  - The service principal has to be an account admin.
options:
  name:
    description:
      - The NCC's name.
    type: str
  region:
    description:
      - The AWS region.
    type: str
  network_connectivity_config_id:
    description:
      - The NCC's id.
    type: str
attributes:
  check_mode:
    description: Can run in check mode. It only reads.
    support: full
  diff_mode:
    description: It changes nothing.
    support: none
extends_documentation_fragment:
  - lakehouse.onprem_tunnel.databricks
"""

EXAMPLES = r"""
- name: The NCCs of one region
  lakehouse.onprem_tunnel.databricks_ncc_info:
    host: https://accounts.cloud.databricks.com
    account_id: 11111111-2222-3333-4444-555555555555
    client_id: "{{ account_admin_id }}"
    client_secret: "{{ account_admin_secret }}"
    region: eu-central-1
  register: found
"""

RETURN = r"""
nccs:
  description: The NCCs, by region and name.
  returned: success
  type: list
  elements: dict
  contains:
    network_connectivity_config_id:
      description: The id.
      type: str
      returned: always
      sample: d69a253c-4e39-48ea-9a90-230d928d1b4a
    name:
      description: The name.
      type: str
      returned: always
      sample: onprem-prod
    region:
      description: The AWS region.
      type: str
      returned: always
      sample: eu-central-1
    creation_time:
      description: When it was made, in milliseconds since 1970.
      type: int
      returned: always
      sample: 1795450245560
    updated_time:
      description: When it was changed last, in milliseconds since 1970.
      type: int
      returned: always
      sample: 1795450245560
    workspaces:
      description: The workspaces that it is attached to.
      type: list
      elements: dict
      returned: always
      contains:
        workspace_id:
          description: The workspace's id.
          type: str
          returned: always
          sample: "1234567890"
        workspace_name:
          description: The workspace's name.
          type: str
          returned: always
          sample: analytics
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

from ..module_utils._databricks import Account, carry_out, make_module
from ..module_utils._databricks_ncc import Nccs, problems
from ..module_utils._databricks_workspace_ncc import Workspaces, attached_to

ARGUMENTS = dict(
    name=dict(type="str"),
    region=dict(type="str"),
    network_connectivity_config_id=dict(type="str"),
)


def find(account, params):
    wanted = {key: params[key] for key in ARGUMENTS if params[key] is not None}
    found = [ncc for ncc in Nccs(account).all() if all(ncc[key] == value for key, value in wanted.items())]
    workspaces = Workspaces(account).all()
    return [
        dict(ncc, workspaces=[in_short(one) for one in attached_to(workspaces, ncc["network_connectivity_config_id"])])
        for ncc in sorted(found, key=lambda ncc: (ncc["region"], ncc["name"]))
    ]


def in_short(workspace):
    return {key: workspace[key] for key in ("workspace_id", "workspace_name")}


def main():
    module = make_module(ARGUMENTS)
    carry_out(module, problems, lambda: dict(changed=False, nccs=find(Account(module), module.params)))


if __name__ == "__main__":
    main()
