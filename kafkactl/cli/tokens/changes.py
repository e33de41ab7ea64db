"""Changes of delegation tokens: the tokens that are chosen, the question, the requests and their results."""

from __future__ import annotations

import base64
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from kafkactl.admin import tokens
from kafkactl.admin.models import Outcome, make_failure
from kafkactl.admin.tokens import Token
from kafkactl.cli.frame.before_change import Change, before_change, cannot_be_undone
from kafkactl.cli.frame.results import choose_named, print_errors, show_outcomes
from kafkactl.cli.tokens.hmac_files import read_hmac
from kafkactl.errors import (
    NotFoundError,
    OperationError,
    UnansweredError,
    UnreachableError,
    UsageError,
    make_exclusive_error,
)
from kafkactl.output import people
from kafkactl.output.kafka import token_text
from kafkactl.statuses import DONE, combine
from kafkactl.stdout import out
from kafkactl.times import format_time

if TYPE_CHECKING:
    from kafkactl.cli.frame.confirm import ConfirmOptions
    from kafkactl.cli.frame.options import ClusterOptions, MirrorOutputOptions
    from kafkactl.connection.cluster import Cluster

_LIST_HINT = "list the tokens that you can see: kafkactl tokens describe"
_PAST = {"renew": "renewed", "expire": "expired"}


@dataclass(frozen=True, kw_only=True)
class TokenChange:
    """A change of tokens: renew or expire."""

    verb: str
    phrase: str
    """When the tokens expire, in words."""
    period_ms: int
    send: Callable[[Cluster, bytes, int], int]
    """Sends the request for an HMAC and a period in ms, and returns the new expiry in ms since 1970."""


@dataclass(frozen=True, kw_only=True)
class _Subject:
    """A token that is to be changed."""

    name: str
    """Its id, or the file with its HMAC where the user cannot see the token."""
    hmac: bytes = field(repr=False)
    description: str
    """The token as a phrase, for the question."""


def change_tokens(
    cluster: ClusterOptions,
    output: MirrorOutputOptions,
    confirm: ConfirmOptions,
    token_ids: Sequence[str] | None,
    hmac_file: Path | None,
    change: TokenChange,
) -> int:
    """Change tokens by their ids or by the HMAC in a file, show the result of each, and return the exit status.

    The present tokens are shown in the question, or, with --dry-run, in a note: then nothing is changed. The status is
    1 for an id that cannot be seen, after the answer no and for a failed change, 3 where all changes failed and may
    have been done, else 0.

    Raise UsageError for both or neither of them, for a wrong file or client setting, in a read-only context, and where
    there is no terminal to ask at; NotFoundError for a context that does not exist, OSError for a standard input (-)
    that cannot be read, OperationError where the tokens cannot be read, UnreachableError, and OutputError or
    ReaderLeftError where stdout fails. UnreachableError is raised only where the tokens cannot be read and for the
    first change; later ones are failed outcomes. In Kafka's style nobody is asked, the dry run of `confirm` does not
    count, only the HMAC of the file is used (an empty one without a file), and every error of the request is raised.
    """
    if token_ids and hmac_file is not None:
        raise make_exclusive_error("TOKEN-ID", "--hmac-file")
    if not token_ids and hmac_file is None and not people.is_kafka_style():
        raise UsageError("missing argument TOKEN-ID", _LIST_HINT)
    hmac = None if hmac_file is None else read_hmac(hmac_file)
    connected = cluster.connect()
    if people.is_kafka_style():  # Kafka's tool looks at nothing before, and sends an HMAC that is empty
        before_change(connected, [_note(change, "a token")], confirm.dry_run)
        _send_as_kafka(connected, hmac or b"", change)
        return DONE
    subjects, errors = _find_subjects(connected, token_ids, hmac, str(hmac_file))
    before_change(connected, [_note(change, subject.description) for subject in subjects], confirm.dry_run)
    if not subjects:
        return print_errors(errors)
    described = "; ".join(subject.description for subject in subjects)
    status = confirm.ask(f"{change.verb} {described} {change.phrase}", f"nothing {_PAST[change.verb]}")
    if status is None:
        outcomes: list[Outcome] = []
        for subject in subjects:
            try:
                outcomes.append(_send(connected, subject, change, output))
            except UnreachableError as error:
                if not outcomes:
                    raise
                outcomes.append(make_failure(subject.name, error))
        status = show_outcomes(outcomes, "token", output)
    return combine([status, print_errors(errors)]) if errors else status


def _note(change: TokenChange, description: str) -> Change:
    """Return a change of a token for before_change. Nothing restores the present expiry exactly."""
    return Change(action=f"{change.verb} {description} {change.phrase}", inverse=cannot_be_undone)


def _find_subjects(
    connected: Cluster, token_ids: Sequence[str] | None, hmac: bytes | None, file: str
) -> tuple[list[_Subject], list[NotFoundError]]:
    """Return the tokens with these ids or with an HMAC, and an error for each id that cannot be seen.

    With an HMAC the ids do not count; without it no ids mean all visible tokens. `file` is the name of the file with
    the HMAC; an HMAC of no visible token gives a token that is named after it. Raise UsageError for a wrong client
    setting, OperationError where the tokens cannot be read, and UnreachableError.
    """
    visible = tokens.describe_tokens(connected)
    if hmac is None:
        present, errors = choose_tokens(visible, token_ids)
        return [_make_subject(token) for token in present], errors
    known = [_make_subject(token) for token in visible if token.hmac == base64.b64encode(hmac).decode()]
    name = f"of {file}"
    return known or [_Subject(name=name, hmac=hmac, description=f"the token {name}, which you cannot see")], []


def _make_subject(token: Token) -> _Subject:
    """Return a token that is to be changed; where its HMAC is None, that of the result is empty."""
    return _Subject(
        name=token.token_id,
        hmac=base64.b64decode(token.hmac or ""),
        description=f"token {token.token_id} of {token.owner} (expires at {format_time(token.expiry_ms)})",
    )


def _send(connected: Cluster, subject: _Subject, change: TokenChange, output: MirrorOutputOptions) -> Outcome:
    """Change a token and return the outcome; the caller must have called before_change.

    With -o kafka the text of Kafka's tool is printed; after an error it is only the first line, without an empty line
    behind it. A refusal is a failed outcome, and so is a missing answer after which the change may have been done.
    Raise UnreachableError where the request was not sent, UsageError for a wrong client setting, and OutputError or
    ReaderLeftError where stdout fails.
    """
    try:
        if output.is_kafka:
            expiry_ms = _send_as_kafka(connected, subject.hmac, change)
            out.write_text("\n")  # several tokens may follow
        else:
            expiry_ms = change.send(connected, subject.hmac, change.period_ms)
    except (UnansweredError, OperationError) as error:
        return make_failure(subject.name, error, error.reason)
    return Outcome(
        name=subject.name,
        ok=True,
        result="expired"
        if change.verb == "expire" and change.period_ms < 0
        else f"expires at {format_time(expiry_ms)}",
    )


def _send_as_kafka(connected: Cluster, hmac: bytes, change: TokenChange) -> int:
    """Change a token, print what Kafka's tool prints, and return the new expiry in ms since 1970.

    The first line is printed before the request, and stays after an error; the last one has no line end. Raise
    OperationError for a refusal and UnreachableError (with the code REQUEST_TIMED_OUT, and for an UnansweredError, the
    change may have been done), UsageError for a wrong client setting, and OutputError or ReaderLeftError where stdout
    fails.
    """
    out.write_text(token_text.format_change_call(change.verb, change.period_ms))
    expiry_ms = change.send(connected, hmac, change.period_ms)
    out.write_text(token_text.format_change(change.verb, expiry_ms))
    return expiry_ms


def choose_tokens(present: Sequence[Token], token_ids: Sequence[str] | None) -> tuple[list[Token], list[NotFoundError]]:
    """Return the tokens with these ids, or all for None and none, and an error for each id that is not there.

    The order is that of the ids without repetitions, or of `present`. The errors are not raised.
    """
    return choose_named({token.token_id: token for token in present}, token_ids, "token", _LIST_HINT)
