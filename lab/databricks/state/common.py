"""What all that is kept has in common."""

import time
import uuid


def now() -> int:
    """Milliseconds since 1970, as Databricks has times."""
    return int(time.time() * 1000)


def new_id() -> str:
    return str(uuid.uuid4())
