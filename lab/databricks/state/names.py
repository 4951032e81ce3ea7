"""Names of Unity Catalog's objects, which it keeps in lower case."""

import re

from ..errors import invalid

FORBIDDEN = re.compile(r"[./ \x00-\x1f\x7f]")
LONGEST = 255


def new_name(name: str) -> str:
    """Return a name as it is kept."""
    if not name or len(name) > LONGEST or FORBIDDEN.search(name):
        raise invalid(
            f"'{name}' is no valid name: no '.', '/', space or control character, at most {LONGEST} characters."
        )
    return name.lower()
