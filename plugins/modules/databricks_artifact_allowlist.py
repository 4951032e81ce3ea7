#!/usr/bin/python
# Copyright (c) 2026 The lakehouse.onprem_tunnel authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: databricks_artifact_allowlist
short_description: Add libraries or init scripts to a Databricks allowlist, or remove them
version_added: 0.1.0
author:
  - The lakehouse.onprem_tunnel authors (@lakehouse)
description:
  - Adds entries to the allowlist of one type of artifact, or removes them. Compute in standard access mode
    (C(USER_ISOLATION)) installs only what the allowlist of the metastore has, for example a JDBC driver.
  - The list is the whole metastore's. Entries that the task does not name stay as they are.
notes:
  - Needs C(MANAGE ALLOWLIST) on the metastore.
  - Databricks takes the list only as a whole, and does not tell if somebody else wrote it at the same time. The module
    reads it right before and after it writes it, and writes again, at most three times in all, if something that it
    wrote is gone. What somebody adds in the instant between the module's reading and writing is lost nevertheless; do
    not run two tasks that change the same list at the same time.
options:
  artifact_type:
    description:
      - The list.
    type: str
    choices: [LIBRARY_MAVEN, LIBRARY_JAR, INIT_SCRIPT]
    default: LIBRARY_MAVEN
  artifacts:
    description:
      - The entries. All artifacts that begin with one are allowed, so the longer, the safer.
      - For V(LIBRARY_MAVEN) a coordinate, C(group:artifact) or C(group:artifact:version), or what coordinates begin
        with. For the others a path C(/Volumes/…) or a URL C(s3://…).
    type: list
    elements: str
    required: true
  state:
    description:
      - V(present) adds the entries that are missing.
      - V(absent) removes them.
    type: str
    choices: [present, absent]
    default: present
attributes:
  check_mode:
    description: Can run in check mode and return what would change, without changing anything.
    support: full
  diff_mode:
    description: Returns the whole list before and after.
    support: full
extends_documentation_fragment:
  - lakehouse.onprem_tunnel.databricks
"""

EXAMPLES = r"""
- name: Allow this version of the driver
  lakehouse.onprem_tunnel.databricks_artifact_allowlist:
    host: https://dbc-a1b2345c-d6e7.cloud.databricks.com
    client_id: "{{ workspace_principal_id }}"
    client_secret: "{{ workspace_principal_secret }}"
    artifacts:
      - org.mariadb.jdbc:mariadb-java-client:3.5.6
"""

RETURN = r"""
artifact_matchers:
  description:
    - The whole list, as Databricks has it, with the entries of others. In check mode as it would be.
  returned: success
  type: list
  elements: dict
  contains:
    artifact:
      description: What the allowed artifacts begin with.
      type: str
      returned: always
      sample: org.mariadb.jdbc:mariadb-java-client:3.5.6
    match_type:
      description: How it is compared.
      type: str
      returned: always
      sample: PREFIX_MATCH
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
from ..module_utils._databricks_artifact_allowlist import Allowlist, merge, problems

ARGUMENTS = dict(
    artifact_type=dict(type="str", choices=["LIBRARY_MAVEN", "LIBRARY_JAR", "INIT_SCRIPT"], default="LIBRARY_MAVEN"),
    artifacts=dict(type="list", elements="str", required=True),
    state=dict(type="str", choices=["present", "absent"], default="present"),
)


def change(allowlist, params, check_mode):
    """Return (before, after)."""
    if not check_mode:
        return allowlist.change(params["artifacts"], params["state"])
    before = allowlist.read()
    return before, merge(before, params["artifacts"], params["state"])


def main():
    module = make_module(ARGUMENTS)

    def work():
        allowlist = Allowlist(Workspace(module), module.params["artifact_type"])
        before, after = change(allowlist, module.params, module.check_mode)
        diff = dict(before=dict(artifact_matchers=before), after=dict(artifact_matchers=after))
        return dict(changed=before != after, artifact_matchers=after, diff=diff)

    carry_out(module, problems, work)


if __name__ == "__main__":
    main()
