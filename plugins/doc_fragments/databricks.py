# Copyright (c) 2026 The lakehouse.onprem_tunnel authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations


class ModuleDocFragment:
    # How every Databricks module logs in.
    DOCUMENTATION = r"""
options:
  host:
    description:
      - The URL to log in to. For what belongs to the account, C(https://accounts.cloud.databricks.com)
        (GovCloud C(https://accounts.cloud.databricks.us), DoD C(https://accounts-dod.cloud.databricks.mil)); for what
        belongs to a workspace, the workspace's URL.
      - If left out, E(DATABRICKS_HOST), or what the profile says.
    type: str
  account_id:
    description:
      - The Databricks account, a UUID. Needed for what belongs to the account.
      - If left out, E(DATABRICKS_ACCOUNT_ID), or what the profile says.
    type: str
  client_id:
    description:
      - The application id of the service principal (OAuth machine to machine).
      - If left out, E(DATABRICKS_CLIENT_ID), or what the profile says.
    type: str
  client_secret:
    description:
      - The service principal's OAuth secret.
      - If left out, E(DATABRICKS_CLIENT_SECRET), or what the profile says.
    type: str
  token:
    description:
      - A personal access token, instead of a service principal. The account's API takes none.
      - If left out, E(DATABRICKS_TOKEN), or what the profile says.
    type: str
  profile:
    description:
      - A profile of C(~/.databrickscfg).
      - If left out, E(DATABRICKS_CONFIG_PROFILE).
    type: str
  http_timeout:
    description:
      - Seconds to wait for the answer to one call, 1 or more. Making a private endpoint rule has been seen to take more than a minute.
    type: int
    default: 300
  retry_timeout:
    description:
      - Seconds for which a call is repeated that Databricks limits (HTTP 429) or cannot serve at the moment (HTTP 502, 503, 504).
        What makes something is repeated only after a look for what the last attempt made.
      - A host that cannot be reached is tried for 15 seconds.
    type: int
    default: 300
notes:
  - C(module_defaults) with C(group/lakehouse.onprem_tunnel.databricks) sets these options once for all modules.
  - What is given here wins over the environment, and that over C(~/.databrickscfg), as in all of Databricks' tools.
requirements:
  - databricks-sdk >= 0.68.0
"""
