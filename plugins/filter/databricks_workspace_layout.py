# Copyright (c) 2026 The lakehouse.onprem_tunnel authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: databricks_workspace_layout
short_description: Compute a Databricks workspace's connections, catalogs, grants and allowlist
version_added: 0.1.0
author:
  - The lakehouse.onprem_tunnel authors (@lakehouse)
description:
  - Checks the settings of the role P(lakehouse.onprem_tunnel.databricks_workspace#role) together, and computes what its
    tasks need.
  - Asks nothing of Databricks, and is given no secret.
options:
  _input:
    description:
      - The role's settings without their prefix, C(compute), C(id), C(account_id), C(ncc_name), C(ncc_id), C(region),
        C(endpoint_service), C(domain_names), C(connections), C(password_names), C(separate_connections),
        C(classic_host), C(hub_to_come), C(drivers), C(allow_drivers) and C(mark).
    type: dict
    required: true
"""

EXAMPLES = r"""
- name: Say what is wrong with the workspace's settings
  ansible.builtin.assert:
    that: (settings | lakehouse.onprem_tunnel.databricks_workspace_layout).problems == []
  vars:
    settings:
      compute: [classic]
      id: ""
      account_id: ""
      ncc_name: onprem-tunnel
      ncc_id: ""
      region: ""
      endpoint_service: ""
      domain_names: [onprem.aws.corp.example]
      connections: "{{ onprem_tunnel_plan.databricks }}"
      password_names: []
      separate_connections: false
      classic_host: ""
      hub_to_come: false
      drivers: "{{ onprem_tunnel_plan.drivers }}"
      allow_drivers: true
      mark: onprem-tunnel
"""

RETURN = r"""
_value:
  description:
    - C(problems) lists what is wrong, each with what to write instead.
    - Where it is empty, C(region) is the NCC's, C(connections), C(catalogs) and C(grants) list what is to be there,
      C(artifacts) what belongs on the allowlist, and C(advice) what people have to know. C(fingerprint) is the same for
      workspaces that are to have the same in their metastore.
  type: dict
"""

from ansible_collections.lakehouse.onprem_tunnel.plugins.plugin_utils._databricks_workspace import layout


class FilterModule:
    def filters(self):
        return {"databricks_workspace_layout": layout}
