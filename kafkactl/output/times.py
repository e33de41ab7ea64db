"""Times as people read them."""

from __future__ import annotations

from datetime import UTC, datetime


def iso(milliseconds: int) -> str:
    """Milliseconds since 1970 as ISO 8601 in UTC: 2026-11-21T07:24:00.123Z; as they are where no year has them."""
    try:
        moment = datetime.fromtimestamp(milliseconds / 1000, tz=UTC)
    except (ValueError, OverflowError, OSError):
        return str(milliseconds)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")
