# Copyright (c) 2026 The lakehouse.onprem_tunnel authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Waiting for what others do."""

from __future__ import annotations

import time


def wait_until(look, timeout, pause):
    """Call look until it does not return None, and return that; None if it did not within the timeout (seconds)."""
    deadline = time.monotonic() + timeout
    while True:
        seen = look()
        remaining = deadline - time.monotonic()
        if seen is not None or remaining <= 0:
            return seen
        time.sleep(min(pause, remaining))
