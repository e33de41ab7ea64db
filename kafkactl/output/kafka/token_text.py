"""Results about delegation tokens as kafka-delegation-tokens prints them, line for line.

Reference: org.apache.kafka.tools.DelegationTokenCommand.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from kafkactl.escaping import HIDDEN
from kafkactl.times import parse_zone

if TYPE_CHECKING:
    from kafkactl.admin.tokens import Token

_ROW = "\n{:<15} {:<30} {:<15} {:<15} {:<25} {:<15} {:<15} {:<15}\n"
_HEADINGS = ("TOKENID", "HMAC", "OWNER", "REQUESTER", "RENEWERS", "ISSUEDATE", "EXPIRYDATE", "MAXDATE")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def format_creation_call(renewers: Sequence[str], max_lifetime_ms: int) -> str:
    """Return the line before a token is created, its end included. -1 ms stands for the brokers' setting."""
    renewers_text = _format_list(renewers)
    return f"Calling create token operation with renewers :{renewers_text} , max-life-time-period :{max_lifetime_ms}\n"


def format_creation(token: Token) -> str:
    """Return the line about a new token, an empty line, and its table with its HMAC, which is secret.

    A hidden HMAC (None) is asterisks. Each line has its end.
    """
    return f"Created delegation token with tokenId : {token.token_id}\n{_format_table([token])}"


def format_change_call(verb: str, period_ms: int) -> str:
    """Return the line before a token is changed, its end included. `verb` is renew or expire. The HMAC is hidden.

    `period_ms` is in ms.
    """
    return f"Calling {verb} token operation with hmac :{HIDDEN} , {verb}-time-period :{period_ms}\n"


def format_change(verb: str, expiry_ms: int) -> str:
    """Return the text about a changed token, which has no line end. `verb` is renew or expire.

    `expiry_ms` is in ms since 1970, and is shown as 2024-01-31T23:59, in the zone of this machine, or as the number
    itself for a time that Python cannot convert.
    """
    return f"Completed {verb} operation. New expiry date : {_format_time(expiry_ms)}"


def format_description_call(owners: Sequence[str]) -> str:
    """Return the line before tokens are described, its end included; no owners stand for the current user."""
    if not owners:
        return "Calling describe token operation for current user.\n"
    return f"Calling describe token operation for owners: {_format_list(owners)}\n"


def format_descriptions(tokens: Sequence[Token]) -> str:
    """Return the number of tokens and their table, with HMACs where they are known. Each line has its end.

    A hidden HMAC (None) is asterisks. Tokens keep their order, with an empty line before each row; without tokens the
    table has only its headings.
    """
    return f"Total number of tokens : {len(tokens)}{_format_table(tokens)}"


def _format_table(tokens: Sequence[Token]) -> str:
    """Return the headings and a row for each token, each with a line end before it and one behind it.

    Between rows is therefore an empty line. A hidden HMAC (None) is asterisks, and a requester that is not known is a
    colon.
    """
    rows = [
        (
            token.token_id,
            HIDDEN if token.hmac is None else token.hmac,
            token.owner,
            token.requester or ":",
            _format_list(token.renewers),
            *map(_format_time, (token.issue_ms, token.expiry_ms, token.max_ms)),
        )
        for token in tokens
    ]
    return "".join(_ROW.format(*row) for row in (_HEADINGS, *rows))


def _format_list(names: Sequence[str]) -> str:
    """Return names as Java shows a list of them."""
    return f"[{', '.join(names)}]"


def _format_time(ms: int) -> str:
    """Return a time in ms since 1970 up to its minute, in the zone of this machine, as Java's tool shows it.

    The text is 2024-01-31T23:59, without the zone. A time that Python cannot convert is returned as its number.
    """
    try:
        return (_EPOCH + timedelta(milliseconds=ms)).astimezone(parse_zone("local")).strftime("%Y-%m-%dT%H:%M")
    except (OverflowError, ValueError, OSError):
        return str(ms)
