"""The one exception tree: every error a person can meet, with its exit status and a hint.

Statuses: 0 done, 1 the operation failed in whole or part, 2 wrong usage, 3 cluster unreachable or
timed out, 4 a checked condition does not hold, 130 interrupted.
"""

from __future__ import annotations

EXIT_FAILED = 1
EXIT_USAGE = 2
EXIT_UNREACHABLE = 3
EXIT_CONDITION = 4
EXIT_INTERRUPTED = 130


class KafkactlError(Exception):
    """A failure told to people as `error: MESSAGE` and `hint: HINT`."""

    status = EXIT_FAILED

    def __init__(self, message: str, hint: str | None = None) -> None:
        super().__init__(message)
        self.hint = hint


class UsageError(KafkactlError):
    """The command line, or a file it names, does not say something that can be done."""

    status = EXIT_USAGE


class UnreachableError(KafkactlError):
    """No answer from the cluster: connection, authentication or time-out."""

    status = EXIT_UNREACHABLE


class OperationError(KafkactlError):
    """The cluster answered, and the answer is no; `code` is Kafka's error code when it gave one."""

    def __init__(self, message: str, hint: str | None = None, code: int | None = None) -> None:
        super().__init__(message, hint)
        self.code = code


class NotFoundError(OperationError):
    """The named topic, group, context or cluster does not exist."""


class UnsupportedRequestError(OperationError):
    """The brokers are too old for a request."""


class FormatError(KafkactlError):
    """Bytes on disk or in a record are not what their format says they are."""


class EngineError(KafkactlError):
    """A local cluster cannot be started, watched or stopped."""
