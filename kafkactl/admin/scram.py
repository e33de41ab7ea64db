"""SCRAM credentials of users.

Reference: KIP-554; kafka.admin.ConfigCommand.
"""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from kafkactl.connection.broker_errors import refusal
from kafkactl.connection.cluster import Cluster
from kafkactl.connection.protocol import ErrorCode, ScramMechanism
from kafkactl.errors import UsageError

MECHANISMS = {mechanism.name.replace("_", "-"): mechanism for mechanism in ScramMechanism}
"""Numbers of the mechanisms in Kafka's protocol, by their names."""
LEAST_ITERATIONS = 4096
"""Smallest number of iterations that brokers accept."""
MOST_ITERATIONS = 1_000_000
"""Largest number of iterations that is hashed here, in about a second. Brokers accept 16,384 and refuse more."""
_DIGESTS = {"SCRAM-SHA-256": "sha256", "SCRAM-SHA-512": "sha512"}
_SALT_BYTES = 32
_NAMES = {number: name for name, number in MECHANISMS.items()}
_FORM = re.compile(r"(?:iterations=(-?[0-9]*),)?password=(.*)", re.DOTALL)


@dataclass(frozen=True)
class Credential:
    """A credential that a user has. Only the brokers know its password."""

    user: str
    mechanism: str
    iterations: int


@dataclass(frozen=True)
class NewCredential:
    """A credential to be set. The password never leaves this machine; only its salted hash is sent."""

    mechanism: str
    password: str
    iterations: int = LEAST_ITERATIONS

    def __post_init__(self) -> None:
        """Raise UsageError for an unknown mechanism, too few or too many iterations, or an empty password.

        The mechanisms are SCRAM-SHA-256 and SCRAM-SHA-512; 4096 to 1,000,000 iterations pass. The characters of the
        password are not checked.
        """
        if self.mechanism not in MECHANISMS:
            raise UsageError(f"invalid SCRAM mechanism {self.mechanism!r}", f"use one of {', '.join(MECHANISMS)}")
        if self.iterations < LEAST_ITERATIONS:
            raise UsageError(
                f"{self.iterations} iterations are too few for {self.mechanism}: at least {LEAST_ITERATIONS}"
            )
        if self.iterations > MOST_ITERATIONS:
            raise UsageError(
                f"{self.iterations} iterations are too many for {self.mechanism}: at most {MOST_ITERATIONS}"
            )
        if not self.password:
            raise UsageError("the password is empty")


def parse(mechanism: str, text: str) -> NewCredential:
    """Return the credential of Kafka's text [iterations=N,]password=TEXT; raise UsageError for other texts.

    `mechanism` is SCRAM-SHA-256 or SCRAM-SHA-512. The square brackets mean that a part is optional; before the password
    they are refused. Without iterations, or with -1, the credential has 4096. The password is everything after
    "password=", commas included. An unknown mechanism, an empty password, and iterations below 4096, above 1,000,000 or
    without digits are UsageErrors.
    """
    match = _FORM.fullmatch(text)
    if match is None:
        raise UsageError(
            f"invalid value for {mechanism}: not a credential",
            f"for example: {mechanism}=[iterations=8192,password=...]",
        )
    iterations_text, password = match.groups()
    try:
        iterations = LEAST_ITERATIONS if iterations_text in (None, "-1") else int(iterations_text)
    except ValueError:
        raise UsageError(
            f"invalid value {iterations_text!r} for the iterations of {mechanism}: not a whole number"
        ) from None
    return NewCredential(mechanism, password, iterations)


def describe_credentials(cluster: Cluster, users: Sequence[str] = ()) -> list[Credential]:
    """Return the credentials of these users, or of all users if `users` is empty, in the broker's order.

    A user without a credential, or one that does not exist, is left out; one that is there twice counts once. A
    mechanism that kafkactl does not know is UNKNOWN. Raise OperationError for a refusal, also of one user,
    UnreachableError, and UsageError for a wrong client setting and a text that is not UTF-8.
    """
    answer = cluster.requests.send(
        "DescribeUserScramCredentials", users=[(user,) for user in dict.fromkeys(users)] or None
    )
    if answer.error_code:
        raise refusal("cannot read the SCRAM credentials", answer.error_code, answer.error_message)
    credentials = []
    for result in answer.results:
        if result.error_code == ErrorCode.RESOURCE_NOT_FOUND:
            continue
        if result.error_code:
            raise refusal(f"cannot read the credentials of {result.user}", result.error_code, result.error_message)
        credentials += [
            Credential(result.user, _NAMES.get(info.mechanism, "UNKNOWN"), info.iterations)
            for info in result.credential_infos
        ]
    return credentials


def alter_credentials(cluster: Cluster, user: str, new: Sequence[NewCredential], remove: Sequence[str] = ()) -> None:
    """Set the `new` credentials of a user, and then delete those of the mechanisms in `remove`.

    Of two new credentials with one mechanism the last one counts. A mechanism may be in both; then it is deleted.
    Without any nothing is sent. KRaft needs a request for each change, so that a failure may leave some done. Raise
    OperationError with the broker's words for a refused change (with the code REQUEST_TIMED_OUT it may have been done),
    also where a credential to delete does not exist; the message lists the changes that were done before, which other
    errors do not. Raise OperationError, too, where the cluster has no controller or a transient refusal lasts until the
    time-out, UnansweredError where a change was sent without an answer, UnreachableError, and UsageError for a wrong
    client setting and a text that is not UTF-8.

    Raise KeyError for an unknown mechanism in `remove`, and UnicodeEncodeError for a password that is not Unicode, both
    before anything is sent.
    """
    requests: dict[str, dict[str, Any]] = {}
    for credential in new:
        upsertion = (user, MECHANISMS[credential.mechanism], credential.iterations, *_salt_password(credential))
        requests[f"{credential.mechanism} set"] = {"deletions": [], "upsertions": [upsertion]}
    for mechanism in remove:
        requests[f"{mechanism} deleted"] = {"deletions": [(user, MECHANISMS[mechanism])], "upsertions": []}
    completed_changes: list[str] = []
    for change, fields in requests.items():
        answer = cluster.requests.send("AlterUserScramCredentials", to_controller=True, **fields)
        for result in answer.results:
            if result.error_code:
                before = f" ({', '.join(completed_changes)} before that)" if completed_changes else ""
                failure = f"cannot change the credentials of {user}{before}"
                raise refusal(failure, result.error_code, result.error_message)
        completed_changes.append(change)


def _salt_password(new: NewCredential) -> tuple[bytes, bytes]:
    """Return a new salt of 32 bytes and the password salted with it: the function Hi of RFC 5802, which is PBKDF2.

    Raise UnicodeEncodeError for a password that is not Unicode.
    """
    salt = os.urandom(_SALT_BYTES)
    digest = _DIGESTS[new.mechanism]
    return salt, hashlib.pbkdf2_hmac(digest, new.password.encode(), salt, new.iterations)
