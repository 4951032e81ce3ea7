# Copyright (c) 2026 The lakehouse.onprem_tunnel authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Waiting for what others do."""

from __future__ import annotations

import time


def is_there(seen):
    return seen is not None


def look_until(look, timeout, pause, done=is_there):
    """Look until done says so of what was seen, or the timeout (seconds) is over. Return what was seen last."""
    deadline = time.monotonic() + timeout
    while True:
        seen = look()
        remaining = deadline - time.monotonic()
        if done(seen) or remaining <= 0:
            return seen
        time.sleep(min(pause, remaining))
