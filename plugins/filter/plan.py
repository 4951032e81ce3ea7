# Copyright (c) 2026 The lakehouse.onprem_tunnel authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: plan
short_description: Compute every port, address and name from the list of resources
version_added: 0.1.0
author:
  - The lakehouse.onprem_tunnel authors (@lakehouse)
description:
  - Turns the list of resources, the machines and the settings into what each role consumes.
  - Fails with every problem of the input in one message. P(lakehouse.onprem_tunnel.plan_problems#filter) only lists them.
  - Contacts no host.
positional: proxies, tunnel_hosts, settings
options:
  _input:
    description:
      - The resources, as in the variable C(onprem_tunnel_resources).
      - Each is a mapping with C(name), C(engine) and C(host), and if wanted C(port), C(listen_port), C(tunnel_port),
        C(server_name), C(proxies), C(tunnel_hosts), C(databricks) and C(cdc).
    type: list
    elements: dict
    required: true
  proxies:
    description: The proxy VMs by name, each with C(address), and if wanted C(ssh_port) and C(host_keys).
    type: dict
    required: true
  tunnel_hosts:
    description: The tunnel hosts by name, each with C(public_keys) and C(source_addresses), if they are known.
    type: dict
    required: true
  settings:
    description:
      - Any of C(name), C(clients), C(load_balancers), C(health_port), C(heartbeat_port), C(forwarder), C(connections) and
        C(max_listeners). What is left out takes its default.
    type: dict
    required: true
"""

EXAMPLES = r"""
- name: Show the forwards of a tunnel host
  ansible.builtin.debug:
    msg: "{{ (resources | lakehouse.onprem_tunnel.plan(proxies, tunnel_hosts, settings)).tunnel_hosts['fra-tunnel'] }}"
  vars:
    resources: [{name: orders, engine: mysql, host: mysql01.corp.example}]
    proxies: {proxy-a: {address: 10.40.1.10}}
    tunnel_hosts: {fra-tunnel: {}}
    settings: {name: onprem.aws.corp.example, clients: [10.60.0.0/16]}
"""

RETURN = r"""
_value:
  description:
    - The plan. C(proxies) and C(tunnel_hosts) have the part of each machine by its name, C(hub) is the load balancer's
      part, C(databricks) and C(cdc) list the resources that have these fields, C(warnings) is for people.
  type: dict
"""

from ansible.errors import AnsibleFilterError
from ansible_collections.lakehouse.onprem_tunnel.plugins.plugin_utils import _plan


def plan(resources, proxies, tunnel_hosts, settings):
    try:
        return _plan.plan(resources, proxies, tunnel_hosts, settings)
    except _plan.PlanError as error:
        count = len(error.problems)
        headline = "1 problem" if count == 1 else f"{count} problems"
        raise AnsibleFilterError("\n- ".join([f"{headline} in the inventory:", *error.problems])) from None


class FilterModule:
    def filters(self):
        return {"plan": plan}
