# Copyright (c) 2026 The lakehouse.onprem_tunnel authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: diagnosis
short_description: Name the first hop that fails on each path
version_added: 0.1.0
author:
  - The lakehouse.onprem_tunnel authors (@lakehouse)
description:
  - Puts together what was seen on the proxies and on the tunnel hosts, and walks each path from the client on, through
    proxy, health check, forwarder and tunnel to the database, up to the first hop that fails.
  - Any part may be missing; what was not looked at is never called good.
positional: _input, proxies, tunnel_hosts
options:
  _input:
    description: The plan, from P(lakehouse.onprem_tunnel.plan#filter).
    type: dict
    required: true
  proxies:
    description:
      - By the proxy's name, its C(address) and what its tasks registered, C(health) of M(ansible.builtin.uri) on
        C(/healthz) and C(greetings) of M(lakehouse.onprem_tunnel.greetings) through its own forwarders.
      - A proxy that is left out counts as not asked.
    type: dict
    required: true
  tunnel_hosts:
    description:
      - By the tunnel host's name, what its tasks registered, C(units) of C(systemctl show) with the properties Id,
        LoadState, ActiveState, SubState and NRestarts, followed by journal lines under a heading C(== <unit>) each,
        and C(greetings) of M(lakehouse.onprem_tunnel.greetings) straight to the databases.
    type: dict
    required: true
"""

EXAMPLES = r"""
- name: Fail with the first broken hop of each path
  ansible.builtin.assert:
    that: diagnosis.failing == []
    fail_msg: "{{ diagnosis.failing | join('\n') }}"
  vars:
    diagnosis: "{{ onprem_tunnel_plan | lakehouse.onprem_tunnel.diagnosis(proxies, tunnel_hosts) }}"
"""

RETURN = r"""
_value:
  description: The findings, and the same as lines for people.
  type: dict
  contains:
    findings:
      description: One for each proxy and resource.
      type: list
      elements: dict
      contains:
        proxy:
          description: Name of the proxy.
          type: str
        resource:
          description: Name of the resource.
          type: str
        ok:
          description: Whether the path works; none if the proxy was not asked.
          type: bool
        hop:
          description: The first hop that fails, one of C(proxy), C(health check), C(forwarder), C(tunnel), C(heartbeat),
            C(database) and C(path). Empty if none does.
          type: str
        what:
          description: What was seen there.
          type: str
        remedy:
          description: What to do about it, where.
          type: str
        milliseconds:
          description: Time of the greeting through the forwarder; none if there was none.
          type: float
    failing:
      description: A line for each fault, with the resources that it hits.
      type: list
      elements: str
    answering:
      description: A line for each path that works.
      type: list
      elements: str
    not_asked:
      description: A line for each proxy that was not asked.
      type: list
      elements: str
"""

from ansible_collections.lakehouse.onprem_tunnel.plugins.plugin_utils._diagnosis import (
    diagnose,
    observed_proxy,
    observed_tunnel_host,
    report,
)


def diagnosis(plan, proxies, tunnel_hosts):
    """Return {findings, failing, answering, not_asked} from the plan and from registered results."""
    findings = diagnose(
        plan,
        {name: observed_proxy(registered) for name, registered in proxies.items()},
        {name: observed_tunnel_host(registered) for name, registered in tunnel_hosts.items()},
    )
    return {"findings": findings, **report(findings)}


class FilterModule:
    """Filters of the doctor."""

    def filters(self):
        """Return the filters by name."""
        return {"diagnosis": diagnosis}
