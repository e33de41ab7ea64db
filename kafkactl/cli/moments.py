"""Points in time as people type them."""

from __future__ import annotations

from datetime import UTC, datetime

from kafkactl.errors import UsageError

_MS = 1000


def to_ms(text: str, flag: str) -> int:
    """Milliseconds since 1970 of an ISO 8601 date or time (UTC where no zone is said) or of such a number.

    Raises UsageError.
    """
    if text.lstrip("-").isdigit() and len(text) > len("2026"):
        return int(text)
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise UsageError(
            f"{flag} {text}: not a time", "like 2026-11-21, 2026-11-21T10:00:00+09:00, or milliseconds since 1970"
        ) from None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return round(moment.timestamp() * _MS)
