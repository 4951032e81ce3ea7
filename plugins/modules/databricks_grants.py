#!/usr/bin/python
# Copyright (c) 2026 The lakehouse.onprem_tunnel authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: databricks_grants
short_description: Grant privileges in Databricks' Unity Catalog, or remove them
version_added: 0.1.0
author:
  - The lakehouse.onprem_tunnel authors (@lakehouse)
description:
  - Grants privileges on one object of Unity Catalog to one principal, or removes them.
  - Only what is granted on the object itself counts, and not what the principal has on the objects that it is in.
    Grants of other principals stay as they are.
notes:
  - Needs C(MANAGE) on the object, or to own it.
  - C(ALL PRIVILEGES) includes all others but C(MANAGE), C(EXTERNAL USE LOCATION) and C(EXTERNAL USE SCHEMA). A
    principal that has it is not granted what it includes once more; and what it includes cannot be removed beside it,
    so the module fails.
options:
  securable_type:
    description:
      - The kind of object.
    type: str
    choices: [catalog, connection, function, metastore, schema, table, volume]
    required: true
  name:
    description:
      - The full name of the object, for example V(orders) for a connection or a catalog, V(orders.shop) for a schema,
        V(orders.shop.customers) for a table, the metastore's id for a metastore.
    type: str
    required: true
  principal:
    description:
      - The user's e-mail address, the group's name, or the service principal's application id.
    type: str
    required: true
  privileges:
    description:
      - The privileges, for example V(USE_CONNECTION), V(CREATE_FOREIGN_CATALOG), V(USE_CATALOG), V(SELECT), in upper or
        lower case, with underscores or with spaces as in SQL.
      - Required with O(state=present). With O(state=absent), if left out, all that the principal has are removed.
    type: list
    elements: str
  exclusive:
    description:
      - Whether privileges that the principal has on the object and that O(privileges) does not list are removed.
    type: bool
    default: false
  state:
    description:
      - V(present) grants the privileges that are missing.
      - V(absent) removes them. If there is no such object, nothing is to be done.
    type: str
    choices: [present, absent]
    default: present
attributes:
  check_mode:
    description:
      - Can run in check mode and return what would change, without changing anything. An object that is not there yet
        then counts as one on which nothing is granted.
    support: full
  diff_mode:
    description: Returns the principal's privileges before and after.
    support: full
extends_documentation_fragment:
  - lakehouse.onprem_tunnel.databricks
"""

EXAMPLES = r"""
- name: Analysts may read the catalog
  lakehouse.onprem_tunnel.databricks_grants:
    host: https://dbc-a1b2345c-d6e7.cloud.databricks.com
    client_id: "{{ workspace_principal_id }}"
    client_secret: "{{ workspace_principal_secret }}"
    securable_type: catalog
    name: orders
    principal: analysts
    privileges: [USE_CATALOG, USE_SCHEMA, SELECT]

- name: They have nothing on the connection
  lakehouse.onprem_tunnel.databricks_grants:
    securable_type: connection
    name: orders
    principal: analysts
    state: absent
"""

RETURN = r"""
privileges:
  description: The privileges that the principal has on the object itself, sorted. In check mode as they would be.
  returned: success
  type: list
  elements: str
  sample: [SELECT, USE_CATALOG, USE_SCHEMA]
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

from ..module_utils._databricks import Problem, Workspace, carry_out, make_module
from ..module_utils._databricks_grants import LEVELS, Grants, as_privilege, problems, to_add_and_remove

ARGUMENTS = dict(
    securable_type=dict(type="str", choices=list(LEVELS), required=True),
    name=dict(type="str", required=True),
    principal=dict(type="str", required=True),
    privileges=dict(type="list", elements="str"),
    exclusive=dict(type="bool", default=False),
    state=dict(type="str", choices=["present", "absent"], default="present"),
)


def change(grants, params, check_mode):
    """Return (before, after)."""
    before = grants.of(params["principal"])
    if before is None and params["state"] == "present" and not check_mode:
        raise Problem(f"There is no {grants.what}", hint="correct securable_type and name, or make it first")
    before = before or []
    privileges = params["privileges"] and [as_privilege(privilege) for privilege in params["privileges"]]
    add, remove = to_add_and_remove(before, privileges, params["state"], params["exclusive"])
    if not add and not remove:
        return before, before
    if check_mode:
        return before, sorted(set(before) - set(remove) | set(add))
    return before, grants.change(params["principal"], add, remove)


def main():
    module = make_module(ARGUMENTS, required_if=[("state", "present", ("privileges",))])

    def work():
        grants = Grants(Workspace(module), module.params["securable_type"], module.params["name"])
        before, after = change(grants, module.params, module.check_mode)
        diff = dict(before=dict(privileges=before), after=dict(privileges=after))
        return dict(changed=before != after, privileges=after, diff=diff)

    carry_out(module, problems, work)


if __name__ == "__main__":
    main()
