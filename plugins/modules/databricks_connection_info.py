#!/usr/bin/python
# Copyright (c) 2026 The lakehouse.onprem_tunnel authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: databricks_connection_info
short_description: Read the connections of a Databricks metastore
version_added: 0.1.0
author:
  - The lakehouse.onprem_tunnel authors (@lakehouse)
description:
  - Returns the connections of Lakehouse Federation that the service principal can see, or one of them.
options:
  name:
    description:
      - The name of one connection. If left out, all are returned.
    type: str
attributes:
  check_mode:
    description: Only reads, and so does the same in check mode.
    support: full
  diff_mode:
    description: Changes nothing, and so has no diff.
    support: none
extends_documentation_fragment:
  - lakehouse.onprem_tunnel.databricks
"""

EXAMPLES = r"""
- name: Read all connections
  lakehouse.onprem_tunnel.databricks_connection_info:
    host: https://dbc-a1b2345c-d6e7.cloud.databricks.com
    client_id: "{{ workspace_principal_id }}"
    client_secret: "{{ workspace_principal_secret }}"
  register: found
"""

RETURN = r"""
connections:
  description: The connections, sorted by name; empty if there is none. They never hold a secret.
  returned: success
  type: list
  elements: dict
  contains:
    name:
      description: The name, in lower case as Unity Catalog keeps it.
      type: str
      returned: always
      sample: orders
    connection_id:
      description: The id.
      type: str
      returned: always
      sample: 9c03915c-14aa-4bef-90bd-05615ae42244
    connection_type:
      description: The type.
      type: str
      returned: always
      sample: MYSQL
    options:
      description: The options that Databricks returns, which are no credentials.
      type: dict
      returned: always
      sample: {"host": "onprem.aws.corp.example", "port": "3306"}
    secrets:
      description: The options whose values are secrets of Unity Catalog, with the names of those.
      type: dict
      returned: always
      sample: {"password": "ops.onprem.orders"}
    comment:
      description: The comment.
      type: str
      returned: always
    properties:
      description: The properties.
      type: dict
      returned: always
    read_only:
      description: Whether the connection is read-only.
      type: bool
      returned: always
    owner:
      description: The owner.
      type: str
      returned: always
      sample: data-platform
    url:
      description: The URL that Databricks made of the options.
      type: str
      returned: always
      sample: jdbc:mysql://onprem.aws.corp.example:3306/
    credential_type:
      description: The kind of credentials.
      type: str
      returned: always
      sample: USERNAME_PASSWORD
    metastore_id:
      description: The metastore that it is in, which all workspaces of a region share.
      type: str
      returned: always
      sample: 3f5d2c1a-0b7e-4f43-9a55-0d1c5b6a7e21
    created_at:
      description: When it was made, in milliseconds since 1970.
      type: int
      returned: always
      sample: 1795450246227
    updated_at:
      description: When it was changed last, in milliseconds since 1970.
      type: int
      returned: always
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
from ..module_utils._databricks_connection import Connections
from ..module_utils._databricks_unity_catalog import as_stored, name_problems

ARGUMENTS = dict(name=dict(type="str"))


def read(connections, name):
    if name is None:
        return sorted(connections.all(), key=lambda connection: connection["name"])
    found = connections.get(as_stored(name))
    return [found] if found else []


def main():
    module = make_module(ARGUMENTS)

    def problems(params):
        return [] if params["name"] is None else name_problems("name", params["name"])

    def work():
        return dict(changed=False, connections=read(Connections(Workspace(module)), module.params["name"]))

    carry_out(module, problems, work)


if __name__ == "__main__":
    main()
