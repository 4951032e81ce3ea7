#!/usr/bin/python
# Copyright (c) 2026 The lakehouse.onprem_tunnel authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: databricks_ncc_private_endpoint_rule_info
short_description: Read the private endpoint rules of a Databricks network connectivity configuration
version_added: 0.1.0
author:
  - The lakehouse.onprem_tunnel authors (@lakehouse)
description:
  - Returns the private endpoint rules of one network connectivity configuration (NCC).
notes:
  - The service principal has to be an account admin.
options:
  network_connectivity_config_id:
    description:
      - The NCC's id, as M(lakehouse.onprem_tunnel.databricks_ncc) returns it.
    type: str
    required: true
  endpoint_service:
    description:
      - Only the rules that lead to this VPC endpoint service.
      - If left out, all.
    type: str
  include_deactivated:
    description:
      - Whether the rules are returned as well that were deleted, and that Databricks has yet to remove.
    type: bool
    default: false
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
- name: What the NCC leads to
  lakehouse.onprem_tunnel.databricks_ncc_private_endpoint_rule_info:
    host: https://accounts.cloud.databricks.com
    account_id: 11111111-2222-3333-4444-555555555555
    client_id: "{{ account_admin_id }}"
    client_secret: "{{ account_admin_secret }}"
    network_connectivity_config_id: d69a253c-4e39-48ea-9a90-230d928d1b4a
  register: found
"""

RETURN = r"""
rules:
  description: The rules, in the order that Databricks returns.
  returned: success
  type: list
  elements: dict
  contains:
    rule_id:
      description: The id.
      type: str
      returned: always
      sample: bf318421-bf9b-45ec-b6a7-77dc3a96e42f
    network_connectivity_config_id:
      description: The NCC's id.
      type: str
      returned: always
      sample: d69a253c-4e39-48ea-9a90-230d928d1b4a
    endpoint_service:
      description: The AWS VPC endpoint service's name.
      type: str
      returned: always
      sample: com.amazonaws.vpce.eu-central-1.vpce-svc-0123456789abcdef0
    domain_names:
      description: The names under which serverless compute reaches it, in the order that Databricks returns.
      type: list
      elements: str
      returned: always
      sample: [onprem.aws.corp.example]
    connection_state:
      description:
        - Databricks' state of it, as it is.
        - Known are C(CREATING), C(PENDING), C(ESTABLISHED), C(REJECTED), C(DISCONNECTED), C(EXPIRED), C(CREATE_FAILED).
      type: str
      returned: always
      sample: PENDING
    vpc_endpoint_id:
      description: The id of the VPC endpoint that Databricks made, null until it is there.
      type: str
      returned: always
      sample: vpce-0123456789abcdef0
    deactivated:
      description: Whether it is deleted, and Databricks has yet to remove it.
      type: bool
      returned: always
      sample: false
    error_message:
      description: What Databricks says of a failure.
      type: str
      returned: always
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
from ..module_utils._databricks_private_endpoint_rule import Rules

ARGUMENTS = dict(
    network_connectivity_config_id=dict(type="str", required=True),
    endpoint_service=dict(type="str"),
    include_deactivated=dict(type="bool", default=False),
)


def find(account, params):
    ncc_id = params["network_connectivity_config_id"]
    Nccs(account).must_get(ncc_id)
    return [
        rule
        for rule in Rules(account).all(ncc_id)
        if (params["include_deactivated"] or not rule["deactivated"])
        and params["endpoint_service"] in (None, rule["endpoint_service"])
    ]


def main():
    module = make_module(ARGUMENTS)
    carry_out(module, problems, lambda: dict(changed=False, rules=find(Account(module), module.params)))


if __name__ == "__main__":
    main()
