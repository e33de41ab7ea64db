"""The results and the errors of commands that change several items."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NoReturn, TypeVar

from kafkactl.cli.frame import rights, running
from kafkactl.cli.frame.options import MirrorOutputOptions, ReportOptions
from kafkactl.connection.protocol import ErrorCode
from kafkactl.errors import KafkactlError, NotFoundError, OperationError, UnansweredError
from kafkactl.output import people
from kafkactl.output.report import Column, Report, Table, listing
from kafkactl.patterns import write_command
from kafkactl.statuses import DONE, FAILED, NO_ANSWER, combine

if TYPE_CHECKING:
    from kafkactl.admin.models import Outcome, Partition
    from kafkactl.connection.cluster import Cluster

T = TypeVar("T")
_UNANSWERED = (ErrorCode.REQUEST_TIMED_OUT, ErrorCode.LEADER_NOT_AVAILABLE)
"""Codes after which the change may have been done."""


class PartitionError(OperationError):
    """The error of one partition, which the result shows, too."""


class ItemError(OperationError):
    """The error of one of several items, as Kafka's style keeps it: the broker's sentence alone."""


class SkippedPartitionsError(OperationError):
    """Errors of several partitions, which are left out of the result of one of Kafka's tools."""

    def __init__(self, errors: Mapping[Partition, KafkactlError]) -> None:
        """Take the error of each partition; there is at least one."""
        super().__init__("; ".join(f"{topic}-{number}: {error}" for (topic, number), error in errors.items()))
        self.errors = errors


def print_partition_errors(errors: Iterable[tuple[str, int, str | None]]) -> int:
    """Print the errors of partitions on stderr, and return an exit status: 1 if there is an error, else 0.

    Each item has the topic, the number of the partition, and an error as text, or None or "" for no error. In Kafka's
    style they are kept in people.failures instead.
    """
    failed = [(topic, number, error) for topic, number, error in errors if error]
    for topic, number, error in failed:
        people.error(PartitionError(f"{topic}-{number}: {error}"))
    return FAILED if failed else 0


def print_errors(errors: Iterable[KafkactlError]) -> int:
    """Print the errors of several items on stderr, and return an exit status: 1 if there is an error, else 0.

    The status of the errors does not count. In Kafka's style they are kept in people.failures instead of being printed.
    The hint of an OperationError for a missing right is replaced, in the error itself, by the one that names the right.
    """
    failures = list(errors)
    for error in failures:
        if isinstance(error, OperationError):
            error.hint = rights.make_hint(error.code) or error.hint
        people.error(error)
    return FAILED if failures else 0


def raise_errors(errors: Sequence[KafkactlError]) -> NoReturn:
    """Print all errors but one on stderr, and raise that one. There is at least one.

    It is the last one whose status is that of all together, or else the last. In Kafka's style raise the first, and
    leave the others out. The hint of an OperationError that is printed is replaced where it is for a missing right.
    """
    if people.is_kafka_style():
        raise errors[0]
    status = combine(error.status for error in errors)
    last = next((error for error in reversed(errors) if error.status == status), errors[-1])
    print_errors(error for error in errors if error is not last)
    raise last


def show_rows(
    output: ReportOptions, columns: Sequence[Column], rows: Sequence[Any], errors: Iterable[KafkactlError], nothing: str
) -> int:
    """Show rows, then print errors on stderr, and return the exit status of both: 0 without an error, else 1.

    `nothing` is the note on stderr for no rows and no error, but not in structured formats or Kafka's style. Without
    rows only structured formats can print on stdout: an empty list, or the headings of csv. In Kafka's style the errors
    are kept in people.failures instead of being printed. Raise UsageError for a format that no report has, and for a
    wrong column or order, unless a change was sent, and OutputError or ReaderLeftError where stdout fails; the errors
    are not printed then. Where there are errors and no rows, only structured formats look at columns and order.
    """
    failures = list(errors)
    if rows or output.is_structured or not failures:
        output.show(listing(columns, rows))
        if not rows and not output.is_structured:
            people.note(nothing)
    return print_errors(failures)


def choose_named(
    present: Mapping[str, T], names: Iterable[str] | None, noun: str, hint: str
) -> tuple[list[T], list[NotFoundError]]:
    """Return the items of these names, or all for None or no names, and an error for each name that is not there.

    `present` has all items by name. The order is that of the names without repetitions, or of `present`. `noun` names
    the items in the errors: subscription, token.
    """
    chosen = list(dict.fromkeys(names or ()))
    if not chosen:
        return list(present.values()), []
    errors = [NotFoundError(f"{noun} not found: {name}", hint, names=[name]) for name in chosen if name not in present]
    return [present[name] for name in chosen if name in present], errors


def warn_of_fenced(connected: Cluster) -> None:
    """Print a warning on stderr for each broker that is fenced, because the result has nothing of it.

    Before Kafka 4.0 there is no warning: the brokers do not name those that are fenced. Raise UnreachableError where no
    broker answers, OperationError for a refusal, UsageError for a wrong client setting.
    """
    from kafkactl.admin.brokers import list_fenced

    for broker in list_fenced(connected):
        people.warning(f"broker {broker} is not alive, and is not shown")


def show_outcomes(outcomes: Sequence[Outcome], noun: str, output: ReportOptions, command: str | None = None) -> int:
    """Print the successes on stdout and each failure as an error on stderr; return the exit status of all items.

    `noun` names the items: topic, group. `command` shows whether a change without an answer was done, without the name
    of the program; None takes the command for `noun`. Structured formats have the failures on stdout, too. Without an
    item, and in other formats without a success, stdout stays empty. In Kafka's style the errors are kept in
    people.failures instead of being printed. With -o kafka the caller prints the successes, because most of Kafka's
    tools print nothing. The status is 0 without a failure, 3 if every item is unanswered, and 1 for any other failure.

    Raise UsageError for a wrong format, and for a column or an order that the table does not have, unless a change was
    sent; and OutputError or ReaderLeftError where stdout fails. The failures are not printed then.
    """
    done = [outcome for outcome in outcomes if outcome.ok]
    failed = [outcome for outcome in outcomes if not outcome.ok]
    columns = [Column(noun.upper(), lambda row: row.name), Column("RESULT", lambda row: row.result, is_sentence=True)]
    shown = outcomes if output.is_structured else done
    if shown and not (isinstance(output, MirrorOutputOptions) and output.is_kafka):
        output.show(Report(list(outcomes), [Table(columns, shown)]))
    for outcome in failed:
        if people.is_kafka_style():  # Kafka's tools print the broker's sentence alone
            people.error(ItemError(outcome.result, outcome.hint, outcome.code))
            continue
        people.error(_make_error(outcome, noun, command))
    return combine(map(_get_status, outcomes))


def list_failures(outcomes: Iterable[Outcome], noun: str) -> list[KafkactlError]:
    """Return an error for each outcome that is a failure, in their order; `noun` names the items, such as topic.

    The errors are not raised. One whose change may have been done (REQUEST_TIMED_OUT, LEADER_NOT_AVAILABLE) is an
    UnansweredError, any other one an OperationError.
    """
    return [_make_error(outcome, noun) for outcome in outcomes if not outcome.ok]


def _make_error(outcome: Outcome, noun: str, command: str | None = None) -> KafkactlError:
    """Return (not raise) the error of an item that failed; `noun` names the item, such as topic.

    `command` shows whether a change without an answer was done; None and "" take the command for `noun`. The result is
    an UnansweredError for the codes REQUEST_TIMED_OUT and LEADER_NOT_AVAILABLE, and says that the change may have been
    done; otherwise an OperationError with the code of the outcome. Its hint names a missing right, or else is that of
    the outcome.
    """
    text = f"{noun} {outcome.name}: {outcome.result}"
    if outcome.code in _UNANSWERED:
        return UnansweredError(f"{text}; it may have been done", _make_check_hint(noun, outcome.name, command))
    return OperationError(text, rights.make_hint(outcome.code) or outcome.hint, outcome.code)


def print_unanswered(failure: UnansweredError, noun: str, name: str, command: str | None = None) -> int:
    """Print on stderr that the change of one item may have been done, with the command that shows it; return 3.

    `noun` names the item, such as subscription, and `name` is its name or a word such as "new". `command` shows it,
    without the name of the program; None and "" take the command for `noun`, or none where there is no such noun. In
    Kafka's style the error is kept in people.failures instead.
    """
    hint = _make_check_hint(noun, name, command)
    people.error(UnansweredError(f"{noun} {name}: {failure.reason}; it may have been done", hint))
    return NO_ANSWER


_LISTS = {
    "user": "users list",
    "acl": "acls list",
    "partition": "leaders list",
    "throttle": "throttles list",
    "transactional id": "transactions list",
    "broker": "brokers list",
    "controller": "quorum status",
    "feature": "features describe",
    "subscription": "client-metrics list",
    "token": "tokens describe",
}
"""The kafkactl command that shows items, by what they are called in outcomes."""


def _make_check_hint(noun: str, name: str, command: str | None) -> str:
    """Return the hint to check whether a change was done, with the kafkactl command that shows it.

    `command` is that command; None and "" take the one for `noun`, which names the item. `name` is its name. For an
    unknown noun the hint has no command.
    """
    commands = {"topic": "topics describe", "group": "groups describe"}
    if not command:
        command = write_command(commands[noun], name) if noun in commands else _LISTS.get(noun)
    return running.format_check_hint(command)


def _get_status(outcome: Outcome) -> int:
    """Return the exit status of one item: 0 for a success, 3 where the change may have been done, else 1.

    The change may have been done with the codes REQUEST_TIMED_OUT and LEADER_NOT_AVAILABLE.
    """
    if outcome.ok:
        return DONE
    return NO_ANSWER if outcome.code in _UNANSWERED else FAILED
