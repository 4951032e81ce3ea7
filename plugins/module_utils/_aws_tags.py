# Copyright (c) 2026 The lakehouse.onprem_tunnel authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Tags as they are and as they shall be, and by which of them one's own is told from somebody else's."""

from __future__ import annotations


def differing(present, wanted):
    """Return the entries of wanted that present lacks or has otherwise."""
    return {key: value for key, value in wanted.items() if present.get(key) != value}


def tags_after(present, wanted, purge):
    """Return the tags as they shall be. Without a wanted dict they stay, and AWS's own are never touched."""
    if wanted is None:
        return dict(present)
    kept = {key: value for key, value in present.items() if not purge or key.startswith("aws:")}
    return dict(kept, **{key: str(value) for key, value in wanted.items()})


def tags_to_remove(present, after):
    return sorted(set(present) - set(after))


def tag_problems(option, tags):
    return [
        f"{option}: the tag {key} has no value; give it the one that yours have"
        for key, value in (tags or {}).items()
        if value is None
    ]


def missing_marks(tags, owner_tags):
    """Return which of the owner's tags are not there, as text."""
    wanted = {key: str(value) for key, value in owner_tags.items()}
    return ", ".join(f"{key}={value}" for key, value in sorted(differing(tags, wanted).items()))


def mark_problems(place, tags_after, owner_tags):
    """Return why the next run would take its own for somebody else's."""
    missing = missing_marks(tags_after, owner_tags)
    return [f"{place} would be without {missing} of owner_tags; add that to tags"] if missing else []
