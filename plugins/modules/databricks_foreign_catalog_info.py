#!/usr/bin/python
# Copyright (c) 2026 The lakehouse.onprem_tunnel authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: databricks_foreign_catalog_info
short_description: Read the foreign catalogs of a Databricks metastore
version_added: 0.1.0
author:
  - The lakehouse.onprem_tunnel authors (@lakehouse)
description:
  - Returns the foreign catalogs of Lakehouse Federation that the service principal can see, or those of one connection.
options:
  connection_name:
    description:
      - The connection whose catalogs are returned. If left out, all are returned.
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
- name: Read the catalogs of a connection
  lakehouse.onprem_tunnel.databricks_foreign_catalog_info:
    host: https://dbc-a1b2345c-d6e7.cloud.databricks.com
    client_id: "{{ workspace_principal_id }}"
    client_secret: "{{ workspace_principal_secret }}"
    connection_name: crm
  register: found
"""

RETURN = r"""
catalogs:
  description: The foreign catalogs, sorted by name; empty if there is none.
  returned: success
  type: list
  elements: dict
  contains:
    name:
      description: The name, in lower case as Unity Catalog keeps it.
      type: str
      returned: always
      sample: crm
    catalog_type:
      description: V(FOREIGN_CATALOG).
      type: str
      returned: always
      sample: FOREIGN_CATALOG
    connection_name:
      description: The connection.
      type: str
      returned: always
      sample: crm
    options:
      description: The options.
      type: dict
      returned: always
      sample: {"database": "crm"}
    comment:
      description: The comment.
      type: str
      returned: always
    properties:
      description: The properties.
      type: dict
      returned: always
    owner:
      description: The owner.
      type: str
      returned: always
      sample: data-platform
    isolation_mode:
      description: V(OPEN) or V(ISOLATED).
      type: str
      returned: always
      sample: OPEN
    created_at:
      description: When it was made, in milliseconds since 1970.
      type: int
      returned: always
      sample: 1795450246404
    updated_at:
      description: When it was changed last, in milliseconds since 1970.
      type: int
      returned: always
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
from ..module_utils._databricks_foreign_catalog import ForeignCatalogs
from ..module_utils._databricks_unity_catalog import as_stored, name_problems

ARGUMENTS = dict(connection_name=dict(type="str"))


def read(catalogs, connection_name):
    return sorted(
        (
            catalog
            for catalog in catalogs.all()
            if connection_name is None or as_stored(catalog["connection_name"] or "") == as_stored(connection_name)
        ),
        key=lambda catalog: catalog["name"],
    )


def main():
    module = make_module(ARGUMENTS)

    def problems(params):
        name = params["connection_name"]
        return [] if name is None else name_problems("connection_name", name)

    def work():
        return dict(changed=False, catalogs=read(ForeignCatalogs(Workspace(module)), module.params["connection_name"]))

    carry_out(module, problems, work)


if __name__ == "__main__":
    main()
