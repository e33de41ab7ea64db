"""The tree of exceptions: every error that a user can get, with its exit status and a hint.

KafkactlError
  UsageError              the command line, or a file that it names, is wrong
  UnreachableError        the cluster did not answer in time
    UnansweredError       a request was sent, and no answer came: a change may have been done
    AbsentBrokerError     the cluster's metadata do not have a broker that is named
  OperationError          the cluster answered with a refusal
    NotFoundError         a topic, group or context does not exist
      MissingFileError    a file that the command line names does not exist
      MissingContextError  a context that is named does not exist
    UnsupportedRequestError  the brokers are too old
  ConditionError          a checked condition does not hold
  FormatError             bytes do not have the format that they should have
  EngineError             a local cluster cannot be started, watched or stopped
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from kafkactl import statuses


class KafkactlError(Exception):
    """A failure that is printed as `error: MESSAGE` and `hint: HINT`."""

    status = statuses.FAILED
    delivery: Any = None
    """The records that were sent before the error, as a kafkactl.Delivery; None unless Client.produce raised it."""

    def __init__(self, message: str, hint: str | None = None) -> None:
        """Take a message without `error:`, and a hint without `hint:` or None."""
        super().__init__(message)
        self.hint = hint


class UsageError(KafkactlError):
    """The command line, or a file that it names, asks for something that cannot be done."""

    status = statuses.USAGE


class UnreachableError(KafkactlError):
    """The cluster did not answer: connection, authentication or time-out.

    `is_partial` means that other brokers answer.
    """

    status = statuses.NO_ANSWER

    def __init__(self, message: str, hint: str | None = None, is_partial: bool = False) -> None:
        """Take a message, and a hint or None; `is_partial` means that other brokers answer."""
        super().__init__(message, hint)
        self.is_partial = is_partial


class UnansweredError(UnreachableError):
    """A request was sent, and no answer came. If the request was a change, the change may have been done."""

    @property
    def reason(self) -> str:
        """Return the message without its beginning "cannot reach the cluster at ...: ", if it has one.

        At controllers the beginning is "cannot reach the controllers at ...: ". They were reached, so that beginning
        would be wrong where only the reason is shown.
        """
        text = str(self)
        beginnings = ("cannot reach the cluster at ", "cannot reach the controllers at ")
        return text.partition(": ")[2] if text.startswith(beginnings) else text


class AbsentBrokerError(UnreachableError):
    """The cluster answered, and its metadata do not have a broker that is named: it does not exist, or is not alive."""

    status = statuses.FAILED


class OperationError(KafkactlError):
    """The cluster refused the operation. `code` is Kafka's error code, or None where there is none."""

    def __init__(
        self, message: str, hint: str | None = None, code: int | None = None, reason: str | None = None
    ) -> None:
        """Take a message, a hint or None, Kafka's error code or None, and the part of the message that says why.

        A `reason` of None means the whole message.
        """
        super().__init__(message, hint)
        self.code = code
        self.reason = message if reason is None else reason


class NotFoundError(OperationError):
    """The named topic, group, context or cluster does not exist. `names` are those that are missing, where known."""

    def __init__(
        self, message: str, hint: str | None = None, code: int | None = None, names: Sequence[str] = ()
    ) -> None:
        """Take a message, a hint or None, Kafka's error code or None, and the names that are missing."""
        super().__init__(message, hint, code)
        self.names = tuple(names)


class MissingFileError(NotFoundError):
    """A file or folder that the command line names does not exist."""

    status = statuses.USAGE


class MissingContextError(NotFoundError):
    """A context that is named does not exist."""


class UnsupportedRequestError(OperationError):
    """The brokers are too old for a request."""

    request: str | None = None
    """Name of the request in Kafka's protocol, such as ListOffsets; None where a client library does not tell it."""
    needed_versions: tuple[int, int] = (0, 0)
    """The lowest and the highest version of the request that would do; only with `request`."""
    supported_versions: tuple[int, int] | None = None
    """The lowest and the highest version that the broker has; None where it does not have the request."""
    is_of_brokers: bool = False
    """Whether a controller was asked, and only brokers serve the request, in every release."""


class ConditionError(KafkactlError):
    """A checked condition does not hold."""

    status = statuses.CONDITION


class FormatError(KafkactlError):
    """Bytes on disk or in a record do not have the format that they should have."""

    names_file = False
    """Whether the message begins with the name of the file."""


class EngineError(KafkactlError):
    """A local cluster cannot be started, watched or stopped."""


def make_exclusive_error(first: str, second: str) -> UsageError:
    """Return (not raise) the error for two options, given by name, that cannot be used together."""
    return UsageError(f"{first} and {second} are mutually exclusive", "leave one of them out")


def make_caused_error(text: str, cause: KafkactlError) -> OperationError | UnreachableError:
    """Return (not raise) the error of a work that `cause` ends, with its hint, its status and, if it has one, its code.

    The status is 3 where no broker answered, else 1. The result never means that a change may have been done.
    """
    if cause.status == statuses.NO_ANSWER:
        return UnreachableError(text, cause.hint, isinstance(cause, UnreachableError) and cause.is_partial)
    return OperationError(text, cause.hint, cause.code if isinstance(cause, OperationError) else None)


@contextmanager
def nothing_sent() -> Iterator[None]:
    """Raise an UnansweredError of the questions before a change as an UnreachableError: the change was not sent."""
    try:
        yield
    except UnansweredError as error:
        raise UnreachableError(str(error), error.hint, error.is_partial) from error
