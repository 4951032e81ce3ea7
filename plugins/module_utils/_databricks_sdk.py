# Copyright (c) 2026 The lakehouse.onprem_tunnel authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""databricks-sdk's login, without its services.

Its package imports the classes of every API of Databricks first: 0.85 s of processor time, two thirds of what a module
takes. `databricks.sdk.core`, which logs in, needs none of them.
"""

from __future__ import annotations

import importlib
import importlib.util
import sys

PACKAGE = "databricks.sdk"


def import_core():
    """The module databricks.sdk.core; ImportError where databricks-sdk is not installed."""
    if PACKAGE in sys.modules:
        return importlib.import_module(f"{PACKAGE}.core")
    spec = importlib.util.find_spec(PACKAGE)
    if spec is None:
        raise ImportError(f"No module named {PACKAGE!r}")
    # The package as it is before its own code runs: a place to find its modules in.
    sys.modules[PACKAGE] = importlib.util.module_from_spec(spec)
    try:
        return importlib.import_module(f"{PACKAGE}.core")
    except (ImportError, AttributeError):
        pass  # a version whose login needs more of the package
    finally:
        del sys.modules[PACKAGE]
    return importlib.import_module(f"{PACKAGE}.core")
