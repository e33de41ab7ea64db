"""Errors of brokers as the exceptions of Kafka's Java clients, which Kafka's tools print with their class names.

Reference: org.apache.kafka.common.protocol.Errors.
"""

from __future__ import annotations

from collections.abc import Mapping

from kafkactl.connection.broker_errors import BROKER_ERRORS
from kafkactl.errors import OperationError

TERSE = "org.apache.kafka.tools.TerseException"
"""Exception of Java whose message is printed alone."""

INVALID_TOPIC = "The request attempted to perform an operation on an invalid topic."
"""Message of the exception for a name that no topic can have."""


class MirroredError(OperationError):
    """A failure of a command that does the work of Kafka's tool, in the words of the tool."""

    def __init__(self, message: str, exception: str = TERSE, cause: str | None = None) -> None:
        """Take the exception's message, its full class name, and the class of the exception around it or None."""
        super().__init__(message)
        self.exception = exception
        self.cause = cause


_MESSAGES: Mapping[int, str] = {
    1: "The requested offset is not within the range of offsets maintained by the server.",
    3: "This server does not host this topic-partition.",
    5: "There is no leader for this topic-partition as we are in the middle of a leadership election.",
    7: "The request timed out.",
    15: "The coordinator is not available.",
    16: "This is not the correct coordinator.",
    17: INVALID_TOPIC,
    24: "The group id is invalid.",
    25: "The coordinator is not aware of this member.",
    29: "Topic authorization failed.",
    30: "Group authorization failed.",
    31: "Cluster authorization failed.",
    44: "Request parameters do not satisfy the configured policy.",
    61: "Delegation Token feature is not enabled.",
    62: "Delegation Token is not found on server.",
    63: "Specified Principal is not valid Owner/Renewer.",
    64: "Delegation Token requests are not allowed on PLAINTEXT/1-way SSL channels and on delegation token "
    "authenticated channels.",
    65: "Delegation Token authorization failed.",
    66: "Delegation Token is expired.",
    67: "Supplied principalType is not supported.",
    68: "The group is not empty.",
    69: "The group id does not exist.",
    86: "Deleting offsets of a topic is forbidden while the consumer group is actively subscribed to it.",
}
"""Messages of the exceptions where a broker sends none, by error code."""
_TIMED_OUT = 7
_OUR_TIMEOUT = "no answer within "


def find_java_message(code: int, text: str) -> str:
    """Return the message of the Java exception of an error code.

    `text` is the error as kafkactl describes it. Where it ends with our sentence for the code, the broker sent none,
    and the result is the exception's usual message, if it is one of the about 25 that are known here. Otherwise, also
    for an unknown code, the result is `text`. A time-out without an answer has the usual message, too.
    """
    if code == _TIMED_OUT and text.startswith(_OUR_TIMEOUT):
        return _MESSAGES[code]
    entry = BROKER_ERRORS.get(code)
    return _MESSAGES.get(code, text) if entry is not None and text.endswith(entry.sentence) else text


def format_java_error(code: int | None, text: str) -> str:
    """Return an error as Java shows an exception, CLASS: MESSAGE, without a line end.

    `text` is the error as kafkactl describes it; it is returned alone for None and a code that has no exception.
    """
    entry = None if code is None else BROKER_ERRORS.get(code)
    return text if entry is None else f"{entry.exception_class}: {find_java_message(entry.code, text)}"
