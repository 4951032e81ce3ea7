#!/usr/bin/python
# Copyright (c) 2026 The lakehouse.onprem_tunnel authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: databricks_foreign_catalog
short_description: Make, change or delete a Databricks foreign catalog
version_added: 0.1.0
author:
  - The lakehouse.onprem_tunnel authors (@lakehouse)
description:
  - Makes, changes or deletes one foreign catalog, which shows the tables of a database behind a connection in Unity
    Catalog.
  - The connection is made by M(lakehouse.onprem_tunnel.databricks_connection).
notes:
  - Making a catalog needs C(CREATE CATALOG) on the metastore and C(CREATE FOREIGN CATALOG) on the connection; changing
    and deleting it needs C(MANAGE) on it, or to own it.
  - A catalog with the name that is no foreign catalog is somebody else's. The module then fails, and changes nothing.
options:
  name:
    description:
      - The catalog's name. It has at most 255 characters, and no V(.), V(/), spaces and control characters. Unity
        Catalog keeps names in lower case.
    type: str
    required: true
  state:
    description:
      - V(present) makes the catalog if there is none, and changes it where it differs.
      - V(absent) deletes it.
    type: str
    choices: [present, absent]
    default: present
  connection_name:
    description:
      - The connection. Required with O(state=present). It cannot be changed; see O(recreate).
    type: str
  options:
    description:
      - The catalog's options, for example C(database) for PostgreSQL and SQL Server; MySQL needs none. Numbers become
        strings, and booleans C(true) and C(false).
      - They cannot be changed; see O(recreate). Of an existing catalog, those that are listed count, if Databricks
        returns any at all.
    type: dict
  comment:
    description:
      - The comment. If left out, that of an existing catalog stays.
    type: str
  properties:
    description:
      - Properties that the catalog is to have. Others that it has stay.
    type: dict
  owner:
    description:
      - The user, group or service principal (by application id) that is to own the catalog. If left out, who makes it
        owns it, and the owner of an existing one stays.
    type: str
  isolation_mode:
    description:
      - V(OPEN) lets all workspaces of the metastore use the catalog, V(ISOLATED) only those that are bound to it, at
        first this workspace.
      - If left out, that of an existing catalog stays, and Databricks makes a new one V(OPEN).
    type: str
    choices: [OPEN, ISOLATED]
  force:
    description:
      - Whether a catalog that is not empty may be deleted, with what is in it. Grants, comments and tags on its tables
        are lost; the database itself keeps its data.
    type: bool
    default: false
  recreate:
    description:
      - Whether a catalog is deleted and made anew if O(connection_name) or O(options) differ, which Databricks cannot
        change. Without it, the module then fails.
      - Its grants are lost, its owner if O(owner) does not say it, and what O(force) says. If it is not empty,
        O(force=true) is needed, too.
    type: bool
    default: false
attributes:
  check_mode:
    description: Can run in check mode and return what would change, without changing anything.
    support: full
  diff_mode:
    description: Returns the catalog before and after.
    support: full
extends_documentation_fragment:
  - lakehouse.onprem_tunnel.databricks
"""

EXAMPLES = r"""
- name: The tables of the crm database
  lakehouse.onprem_tunnel.databricks_foreign_catalog:
    host: https://dbc-a1b2345c-d6e7.cloud.databricks.com
    client_id: "{{ workspace_principal_id }}"
    client_secret: "{{ workspace_principal_secret }}"
    name: crm
    connection_name: crm
    options:
      database: crm
    comment: The CRM, as it is on-premises

- name: No catalog any more, whatever it holds
  lakehouse.onprem_tunnel.databricks_foreign_catalog:
    name: crm
    state: absent
    force: true
"""

RETURN = r"""
catalog:
  description:
    - The catalog, empty if it is absent.
    - In check mode as it would be; what Databricks would choose is null or empty for one that would be made.
  returned: success
  type: dict
  contains:
    name:
      description: The name, in lower case as Unity Catalog keeps it.
      type: str
      returned: when the catalog exists
      sample: crm
    catalog_type:
      description: V(FOREIGN_CATALOG).
      type: str
      returned: when the catalog exists
      sample: FOREIGN_CATALOG
    connection_name:
      description: The connection.
      type: str
      returned: when the catalog exists
      sample: crm
    options:
      description: The options.
      type: dict
      returned: when the catalog exists
      sample: {"database": "crm"}
    comment:
      description: The comment.
      type: str
      returned: when the catalog exists
    properties:
      description: The properties.
      type: dict
      returned: when the catalog exists
    owner:
      description: The owner.
      type: str
      returned: when the catalog exists
      sample: data-platform
    isolation_mode:
      description: V(OPEN) or V(ISOLATED).
      type: str
      returned: when the catalog exists
      sample: OPEN
    created_at:
      description: When it was made, in milliseconds since 1970.
      type: int
      returned: when the catalog exists
      sample: 1795450246404
    updated_at:
      description: When it was changed last, in milliseconds since 1970.
      type: int
      returned: when the catalog exists
      sample: 1795450246492
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

from ..module_utils._databricks import Workspace, carry_out, make_module
from ..module_utils._databricks_foreign_catalog import ForeignCatalogs, problems, reconcile, to_wanted
from ..module_utils._databricks_unity_catalog import as_stored

ARGUMENTS = dict(
    name=dict(type="str", required=True),
    state=dict(type="str", choices=["present", "absent"], default="present"),
    connection_name=dict(type="str"),
    options=dict(type="dict"),
    comment=dict(type="str"),
    properties=dict(type="dict"),
    owner=dict(type="str"),
    isolation_mode=dict(type="str", choices=["OPEN", "ISOLATED"]),
    force=dict(type="bool", default=False),
    recreate=dict(type="bool", default=False),
)


def present(catalogs, params, check_mode):
    """Return (action, before, after)."""
    wanted = to_wanted(params)
    before = catalogs.get(wanted["name"])
    action, body, after = reconcile(before, wanted, params["recreate"])
    if action is None or check_mode:
        return action, before, after
    if action == "create":
        after = catalogs.create(wanted)
    elif action == "recreate":
        after = catalogs.make_anew(wanted, params["force"])
    else:
        after = catalogs.update(wanted["name"], body)
    return action, before, after


def absent(catalogs, params, check_mode):
    """Return (action, before, after)."""
    name = as_stored(params["name"])
    before = catalogs.get(name)
    if before is None:
        return None, None, None
    if not check_mode:
        catalogs.delete(name, params["force"])
    return "delete", before, None


def main():
    module = make_module(ARGUMENTS, required_if=[("state", "present", ("connection_name",))])

    def work():
        act = present if module.params["state"] == "present" else absent
        action, before, after = act(ForeignCatalogs(Workspace(module)), module.params, module.check_mode)
        diff = dict(before=before or {}, after=after or {})
        return dict(changed=action is not None, catalog=after or {}, diff=diff)

    carry_out(module, problems, work)


if __name__ == "__main__":
    main()
