#!/usr/bin/python
# Copyright (c) 2026 The lakehouse.onprem_tunnel authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: greetings
short_description: Ask database servers for the greeting of their protocol
version_added: 0.1.0
author:
  - The lakehouse.onprem_tunnel authors (@lakehouse)
description:
  - Connects from the managed host to every target at once, and tells who answers, how fast, and what goes wrong if
    nobody does.
  - Each protocol is asked in a way that its server tolerates, so that the question never becomes the outage.
  - Nothing is installed or changed, and no password is needed.
notes:
  - A MySQL or MariaDB server counts connections that hang up during the handshake, and blocks their host at
    C(max_connect_errors). The probe V(mysql) therefore logs in as C(onprem_tunnel_probe), which no server should
    have, and is refused. That is not counted. The server may log one refused login a question.
  - A question that times out before the server greets is ended with a reset, which is not counted either if nothing
    on the way turns it into a plain close.
  - PostgreSQL logs nothing. Where it offers TLS, the handshake is finished first.
attributes:
  check_mode:
    description: Can run in check mode, and does the same there.
    support: full
  diff_mode:
    description: Returns what would change in diff mode.
    support: none
    details: Nothing ever changes.
  platform:
    description: Platforms that the module runs on.
    platforms: posix
    support: full
options:
  targets:
    description: The services to ask.
    type: list
    elements: dict
    required: true
    suboptions:
      name:
        description: Key of the answer in RV(greetings). Each name may occur once.
        type: str
        required: true
      host:
        description: Name or address, as the managed host resolves it.
        type: str
        required: true
      port:
        description: TCP port.
        type: int
        required: true
      probe:
        description:
          - How to ask.
          - V(mysql) reads the greeting of MySQL or MariaDB, and is refused as an unknown user.
          - V(postgresql) asks whether TLS is spoken.
          - V(tds) sends the first packet of a SQL Server client.
          - V(tcp) connects, and watches for a second whether the other side hangs up. It is weaker than the others,
            since a forwarder accepts before its far end does, and cannot tell one service from another.
        type: str
        choices: [mysql, postgresql, tds, tcp]
        default: tcp
  timeout:
    description: Seconds that one target may take in all, its name look-up included.
    type: float
    default: 5.0
  workers:
    description: How many targets are asked at the same time.
    type: int
    default: 50
"""

EXAMPLES = r"""
- name: Ask the databases as the tunnel host sees them
  lakehouse.onprem_tunnel.greetings:
    targets:
      - name: orders
        host: mysql01.corp.example
        port: 3306
        probe: mysql
      - name: billing
        host: pg01.corp.example
        port: 5432
        probe: postgresql
  register: databases

- name: Require an answer from each
  ansible.builtin.assert:
    that: databases.greetings | dict2items | rejectattr('value.verdict', 'eq', 'up') | length == 0
"""

RETURN = r"""
greetings:
  description: The answer of each target, by its name.
  returned: success
  type: dict
  sample:
    orders:
      verdict: up
      milliseconds: 1.8
      detail: 10.11.14-MariaDB
    billing:
      verdict: refused
      milliseconds: 0.4
      detail: 10.10.5.31 refuses the connection
  contains:
    verdict:
      description:
        - V(up), the service answered in its protocol.
        - V(refused), nothing listens on the port.
        - V(timeout), no connection, or no whole answer, in time.
        - V(unresolved), the name has no address.
        - V(closed), accepted and then closed without a greeting, as a forwarder does whose far end refuses.
        - V(unreachable), no way to the address.
        - V(unexpected), something else answered, or the server turned the host away; RV(greetings.detail) says what.
      type: str
      returned: always
    milliseconds:
      description: Time until the answer; for the probe V(tcp), until the connection.
      type: float
      returned: always
    detail:
      description: What was seen, in one line of printable ASCII.
      type: str
      returned: always
"""

from ansible.module_utils.basic import AnsibleModule

from ..module_utils._greetings import greet_all

ARGUMENTS = {
    "targets": {
        "type": "list",
        "elements": "dict",
        "required": True,
        "options": {
            "name": {"type": "str", "required": True},
            "host": {"type": "str", "required": True},
            "port": {"type": "int", "required": True},
            "probe": {"type": "str", "choices": ["mysql", "postgresql", "tds", "tcp"], "default": "tcp"},
        },
    },
    "timeout": {"type": "float", "default": 5.0},
    "workers": {"type": "int", "default": 50},
}


def problems(parameters):
    """Return what is wrong with the parameters beyond their types."""
    found = []
    names = [target["name"] for target in parameters["targets"]]
    for name in sorted({name for name in names if names.count(name) > 1}):
        found.append(f"targets: the name {name} occurs more than once; give each target its own")
    for target in parameters["targets"]:
        if not 1 <= target["port"] <= 65535:
            found.append(f"targets: {target['name']} has port {target['port']}; write one from 1 to 65535")
    if not 0 < parameters["timeout"] <= 3600:
        found.append(f"timeout: {parameters['timeout']:g}; write seconds, more than 0 and at most 3600")
    if parameters["workers"] < 1:
        found.append(f"workers: {parameters['workers']}; write 1 or more")
    return found


def main():
    module = AnsibleModule(argument_spec=ARGUMENTS, supports_check_mode=True)
    wrong = problems(module.params)
    if wrong:
        module.fail_json(msg="; ".join(wrong))
    greetings = greet_all(module.params["targets"], module.params["timeout"], module.params["workers"])
    module.exit_json(changed=False, greetings=greetings)


if __name__ == "__main__":
    main()
