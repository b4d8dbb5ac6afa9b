"""The wall clock, read in one place so that a run can be repeated at a known instant.

The "now" of the SQL is ``as_of``, not this clock; see ``models/staging/stg_clock.sql``.
"""

import os
from datetime import UTC, datetime


def utc_now() -> datetime:
    """Present instant in UTC, or the RFC 3339 instant in ``DEALHOUSE_NOW`` where that is set."""
    frozen = os.environ.get("DEALHOUSE_NOW")
    if frozen:
        return datetime.fromisoformat(frozen).astimezone(UTC)
    return datetime.now(UTC)
