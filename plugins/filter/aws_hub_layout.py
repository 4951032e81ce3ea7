# Copyright (c) 2026 The lakehouse.onprem_tunnel authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: aws_hub_layout
short_description: Compute the AWS hub's subnets, security group rules and target groups
version_added: 0.1.0
author:
  - The lakehouse.onprem_tunnel authors (@lakehouse)
description:
  - Checks the settings of the role P(lakehouse.onprem_tunnel.aws_hub#role) together, and computes what its tasks need.
  - Asks nothing of AWS.
options:
  _input:
    description:
      - The role's settings without their prefix, C(name), C(region), C(vpc_id), C(vpc_cidrs), C(subnets), C(proxies),
        C(instance_ids), C(listeners), C(health_port), C(clients), C(ssh_from), C(monitoring), C(peerings),
        C(endpoint_service) and C(load_balancer_name).
    type: dict
    required: true
"""

EXAMPLES = r"""
- name: Say what is wrong with the hub's settings
  ansible.builtin.assert:
    that: (settings | lakehouse.onprem_tunnel.aws_hub_layout).problems == []
  vars:
    settings:
      name: onprem-tunnel
      load_balancer_name: onprem-tunnel
      region: eu-central-1
      vpc_id: ""
      vpc_cidrs: [10.40.0.0/22]
      subnets: [{zone: eu-central-1a, cidr: 10.40.1.0/24}, {zone: eu-central-1b, cidr: 10.40.2.0/24}]
      proxies: {proxy-a: 10.40.1.10, proxy-b: 10.40.2.10}
      instance_ids: {}
      listeners: [{name: orders, port: 3306, health_path: /healthz/orders, proxies: [proxy-a, proxy-b]}]
      health_port: 8405
      clients: [10.60.0.0/16]
      ssh_from: [10.10.5.20]
      monitoring: []
      peerings: []
      endpoint_service: true
"""

RETURN = r"""
_value:
  description:
    - C(problems) lists what is wrong, each with what to write instead.
    - Where it is empty, C(rules) has the inbound rules of both security groups, C(proxies) the position of each proxy's
      subnet, C(target_groups) the target group of each listener, C(principal) Databricks' principal in the region.
  type: dict
"""

from ansible_collections.lakehouse.onprem_tunnel.plugins.plugin_utils._aws_hub import layout


class FilterModule:
    def filters(self):
        return {"aws_hub_layout": layout}
