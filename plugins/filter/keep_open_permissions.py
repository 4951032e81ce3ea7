# Copyright (c) 2026 The lakehouse.onprem_tunnel authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: keep_open_permissions
short_description: Keep a withdrawn listener permitted while it is open
version_added: 0.1.0
author:
  - The lakehouse.onprem_tunnel authors (@lakehouse)
description:
  - A tunnel host that asks for a listener which is no longer permitted is refused, and with it all its listeners.
    So a withdrawn listener stays permitted until the tunnel host has closed it.
options:
  _input:
    description: The tunnels of a proxy, as in the role variable C(proxy_vm_tunnels).
    type: list
    elements: dict
    required: true
  present:
    description: The text of the present C(authorized_keys) and the output of C(ss -Hltn), one after the other.
    type: str
    required: true
"""

EXAMPLES = r"""
- name: Show the permissions
  ansible.builtin.debug:
    msg: "{{ proxy_vm_tunnels | lakehouse.onprem_tunnel.keep_open_permissions(present.stdout) }}"
"""

RETURN = r"""
_value:
  description: The tunnels, each with C(kept) and with these listeners added to C(permitlisten).
  type: list
  elements: dict
"""

import re


def keep_open_permissions(tunnels, present):
    lines = present.splitlines()
    listening = {fields[3] for fields in map(str.split, lines) if len(fields) >= 4 and fields[0] == "LISTEN"}
    result = []
    for tunnel in tunnels:
        blobs = [key.split()[1] for key in tunnel["keys"]]
        before = {
            listener
            for line in lines
            if any(blob in line.split() for blob in blobs)
            for listener in re.findall(r'permitlisten="([^"]+)"', line)
        }
        kept = sorted((before & listening) - set(tunnel["permitlisten"]))
        result.append(dict(tunnel, kept=kept, permitlisten=list(tunnel["permitlisten"]) + kept))
    return result


class FilterModule:
    def filters(self):
        return {"keep_open_permissions": keep_open_permissions}
