# Copyright (c) 2026 The lakehouse.onprem_tunnel authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: plan_problems
short_description: List everything that is wrong with the list of resources
version_added: 0.1.0
author:
  - The lakehouse.onprem_tunnel authors (@lakehouse)
description:
  - Says what P(lakehouse.onprem_tunnel.plan#filter) would fail with, each problem with what to write instead.
  - Contacts no host.
positional: proxies, tunnel_hosts, settings
options:
  _input:
    description: The resources, as for P(lakehouse.onprem_tunnel.plan#filter).
    type: list
    elements: dict
    required: true
  proxies:
    description: The proxy VMs, as for P(lakehouse.onprem_tunnel.plan#filter).
    type: dict
    required: true
  tunnel_hosts:
    description: The tunnel hosts, as for P(lakehouse.onprem_tunnel.plan#filter).
    type: dict
    required: true
  settings:
    description: The settings, as for P(lakehouse.onprem_tunnel.plan#filter).
    type: dict
    required: true
"""

EXAMPLES = r"""
- name: Check the list of resources
  ansible.builtin.assert:
    that: problems == []
    fail_msg: "{{ problems | join('\n') }}"
  vars:
    problems: "{{ resources | lakehouse.onprem_tunnel.plan_problems(proxies, tunnel_hosts, {}) }}"
    resources: [{name: orders, engine: mysql, host: mysql01.corp.example}]
    proxies: {proxy-a: {address: 10.40.1.10}}
    tunnel_hosts: {fra-tunnel: {}}
"""

RETURN = r"""
_value:
  description: The problems; empty where there are none.
  type: list
  elements: str
"""

from ansible_collections.lakehouse.onprem_tunnel.plugins.plugin_utils._plan import PlanError, plan


def plan_problems(resources, proxies, tunnel_hosts, settings):
    try:
        plan(resources, proxies, tunnel_hosts, settings)
    except PlanError as error:
        return error.problems
    return []


class FilterModule:
    def filters(self):
        return {"plan_problems": plan_problems}
