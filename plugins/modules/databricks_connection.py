#!/usr/bin/python
# Copyright (c) 2026 The lakehouse.onprem_tunnel authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: databricks_connection
short_description: Make, change or delete a Databricks connection to a database
version_added: 0.1.0
author:
  - The lakehouse.onprem_tunnel authors (@lakehouse)
description:
  - Makes, changes or deletes one connection of Lakehouse Federation in Unity Catalog.
  - The databases behind it are shown by catalogs, which M(lakehouse.onprem_tunnel.databricks_foreign_catalog) makes.
notes:
  - Making a connection needs C(CREATE CONNECTION) on the metastore; changing and deleting it needs C(MANAGE) on it, or
    to own it.
  - Databricks never returns credentials. Whether a password is still the right one cannot be seen; see
    O(update_password).
options:
  name:
    description:
      - The connection's name. It has at most 255 characters, and no V(.), V(/), spaces and control characters. Unity
        Catalog keeps names in lower case.
    type: str
    required: true
  state:
    description:
      - V(present) makes the connection if there is none, and changes it where it differs.
      - V(absent) deletes it. It fails while foreign catalogs use the connection, and tells which.
    type: str
    choices: [present, absent]
    default: present
  connection_type:
    description:
      - The type, as Databricks names it, for example V(MYSQL) (MariaDB too), V(POSTGRESQL), V(SQLSERVER), V(ORACLE). In
        upper or lower case.
      - Required with O(state=present). It cannot be changed; see O(recreate).
    type: str
  options:
    description:
      - The connection's options, as Databricks has them for O(connection_type), for example C(host), C(port), C(user).
        Numbers become strings, and booleans C(true) and C(false).
      - Required with O(state=present). Secrets do not belong here.
      - Those that Databricks returns are compared. Whether one that it does not return, such as C(user), is set or has
        another value cannot be seen; O(update_password=always) sends it. Options that the connection has and that are
        not listed are no difference; but an update sends the listed ones only, and may so drop the others.
    type: dict
  password:
    description:
      - The value of the option C(password).
      - An update that concerns options needs it (or O(secret_options), or O(secrets)), as Databricks takes all options
        at once.
    type: str
  secret_options:
    description:
      - Further options that are secrets, for example C(client_secret) or C(personalAccessToken).
    type: dict
  secrets:
    description:
      - Options whose values are secrets of Unity Catalog, each with the name of its secret, C(catalog.schema.secret).
      - An option is given in one of O(options), O(password), O(secret_options) and O(secrets).
      - If left out, those of an existing connection stay, besides options that are now given otherwise.
    type: dict
  update_password:
    description:
      - V(on_create) sends O(password) and O(secret_options) when the connection is made, and along with each update.
      - V(always) sends them, with all options, each time. As Databricks does not tell what it had before, the module
        then always reports a change. Use it once after a password was changed.
      - For what O(secrets) names neither is needed; the secret in Unity Catalog is changed instead.
    type: str
    choices: [on_create, always]
    default: on_create
  comment:
    description:
      - The comment. It cannot be changed; see O(recreate). If left out, that of an existing connection stays.
    type: str
  properties:
    description:
      - The properties. They cannot be changed; see O(recreate). Of an existing connection, those that are listed count.
    type: dict
  read_only:
    description:
      - Whether the connection is read-only. It cannot be changed; see O(recreate). If left out, Databricks chooses.
    type: bool
  owner:
    description:
      - The user, group or service principal (by application id) that is to own the connection. If left out, who makes
        it owns it, and the owner of an existing one stays.
    type: str
  recreate:
    description:
      - Whether a connection is deleted and made anew if O(connection_type), O(comment), O(properties) or O(read_only)
        differ, which Databricks cannot change. Without it, the module then fails.
      - Its grants are lost, and its owner if O(owner) does not say it. It is refused while foreign catalogs use it.
    type: bool
    default: false
attributes:
  check_mode:
    description: Can run in check mode and return what would change, without changing anything.
    support: full
  diff_mode:
    description: Returns the connection before and after; never a secret, but a line that says that secrets are sent.
    support: full
extends_documentation_fragment:
  - lakehouse.onprem_tunnel.databricks
"""

EXAMPLES = r"""
- name: The orders database, with a password that is a secret of Unity Catalog
  lakehouse.onprem_tunnel.databricks_connection:
    host: https://dbc-a1b2345c-d6e7.cloud.databricks.com
    client_id: "{{ workspace_principal_id }}"
    client_secret: "{{ workspace_principal_secret }}"
    name: orders
    connection_type: MYSQL
    options:
      host: onprem.aws.corp.example
      port: 3306
      user: dbx_reader
      trustServerCertificate: false
    secrets:
      password: ops.onprem.orders

- name: A password of the vault, which was changed
  lakehouse.onprem_tunnel.databricks_connection:
    name: crm
    connection_type: POSTGRESQL
    options:
      host: onprem.aws.corp.example
      port: 5432
      user: dbx_reader
    password: "{{ vault_crm_password }}"
    update_password: always

- name: No connection any more
  lakehouse.onprem_tunnel.databricks_connection:
    name: crm
    state: absent
"""

RETURN = r"""
connection:
  description:
    - The connection, empty if it is absent. It never holds a secret.
    - In check mode as it would be; what Databricks would choose is null or empty for one that would be made.
  returned: success
  type: dict
  contains:
    name:
      description: The name, in lower case as Unity Catalog keeps it.
      type: str
      returned: when the connection exists
      sample: orders
    connection_id:
      description: The id.
      type: str
      returned: when the connection exists
      sample: 9c03915c-14aa-4bef-90bd-05615ae42244
    connection_type:
      description: The type.
      type: str
      returned: when the connection exists
      sample: MYSQL
    options:
      description: The options that Databricks returns, which are no credentials.
      type: dict
      returned: when the connection exists
      sample: {"host": "onprem.aws.corp.example", "port": "3306"}
    secrets:
      description: The options whose values are secrets of Unity Catalog, with the names of those.
      type: dict
      returned: when the connection exists
      sample: {"password": "ops.onprem.orders"}
    comment:
      description: The comment.
      type: str
      returned: when the connection exists
    properties:
      description: The properties.
      type: dict
      returned: when the connection exists
    read_only:
      description: Whether the connection is read-only.
      type: bool
      returned: when the connection exists
    owner:
      description: The owner.
      type: str
      returned: when the connection exists
      sample: data-platform
    url:
      description: The URL that Databricks made of the options.
      type: str
      returned: when the connection exists
      sample: jdbc:mysql://onprem.aws.corp.example:3306/
    credential_type:
      description: The kind of credentials.
      type: str
      returned: when the connection exists
      sample: USERNAME_PASSWORD
    metastore_id:
      description: The metastore that it is in, which all workspaces of a region share.
      type: str
      returned: when the connection exists
      sample: 3f5d2c1a-0b7e-4f43-9a55-0d1c5b6a7e21
    created_at:
      description: When it was made, in milliseconds since 1970.
      type: int
      returned: when the connection exists
      sample: 1795450246227
    updated_at:
      description: When it was changed last, in milliseconds since 1970.
      type: int
      returned: when the connection exists
      sample: 1795450246227
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
from ..module_utils._databricks_connection import (
    Connections,
    misplaced_secrets,
    problems,
    reconcile,
    sends_secrets,
    to_wanted,
    unseen_options,
)
from ..module_utils._databricks_unity_catalog import as_stored

ARGUMENTS = dict(
    name=dict(type="str", required=True),
    state=dict(type="str", choices=["present", "absent"], default="present"),
    connection_type=dict(type="str"),
    options=dict(type="dict"),
    password=dict(type="str", no_log=True),
    secret_options=dict(type="dict", no_log=True),
    secrets=dict(type="dict", no_log=False),  # names of secrets
    update_password=dict(type="str", choices=["on_create", "always"], default="on_create", no_log=False),
    comment=dict(type="str"),
    properties=dict(type="dict"),
    read_only=dict(type="bool"),
    owner=dict(type="str"),
    recreate=dict(type="bool", default=False),
)


def present(connections, module):
    """Return (action, before, after, whether secrets are sent)."""
    wanted = to_wanted(module.params)
    before = connections.get(wanted["name"])
    always = module.params["update_password"] == "always"
    action, body, after = reconcile(before, wanted, always, module.params["recreate"])
    if action == "recreate":
        connections.must_be_unused(wanted["name"])
    if action is None:
        warn_of_unseen_options(module, before, wanted)
    elif not module.check_mode:
        after = change(connections, action, wanted, body)
    return action, before, after, sends_secrets(wanted, action, body)


def change(connections, action, wanted, body):
    """Return the connection as Databricks then has it."""
    if action == "create":
        return connections.create(wanted)
    if action == "recreate":
        return connections.make_anew(wanted)
    return connections.update(wanted["name"], body)


def warn_of_unseen_options(module, before, wanted):
    unseen = unseen_options(before, wanted)
    if unseen:
        module.warn(
            f"Databricks does not return these options of the connection '{wanted['name']}', so it is not known "
            f"whether they are set: {', '.join(unseen)}. update_password: always, used once, sets them."
        )


def absent(connections, module):
    """Return as present does."""
    name = as_stored(module.params["name"])
    before = connections.get(name)
    if before is None:
        return None, None, None, False
    connections.must_be_unused(name)
    if not module.check_mode:
        connections.delete(name)
    return "delete", before, None, False


def to_diff(before, after, sent):
    """Return the diff, which says that secrets are sent, as their change cannot be seen."""
    return dict(
        before=before or {}, after={**(after or {}), **({"password and secret_options": "sent"} if sent else {})}
    )


def main():
    module = make_module(ARGUMENTS, required_if=[("state", "present", ("connection_type", "options"))])
    # They are refused, and not shown either. An empty one would hide everything.
    module.no_log_values.update(str(value) for value in misplaced_secrets(module.params).values() if value)

    def work():
        act = present if module.params["state"] == "present" else absent
        action, before, after, sent = act(Connections(Workspace(module)), module)
        return dict(changed=action is not None, connection=after or {}, diff=to_diff(before, after, sent))

    carry_out(module, problems, work)


if __name__ == "__main__":
    main()
