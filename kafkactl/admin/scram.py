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
"""Their numbers in Kafka's protocol."""
LEAST_ITERATIONS = 4096
_DIGESTS = {"SCRAM-SHA-256": "sha256", "SCRAM-SHA-512": "sha512"}
_SALT_BYTES = 32
_NAMES = {number: name for name, number in MECHANISMS.items()}
_FORM = re.compile(r"(?:iterations=(-?[0-9]*),)?password=(.*)", re.DOTALL)


@dataclass(frozen=True)
class Credential:
    """That a user has one; what it is only the brokers know."""

    user: str
    mechanism: str
    iterations: int


@dataclass(frozen=True)
class NewCredential:
    """One to be set; the password itself never leaves this machine, only its salted hash."""

    mechanism: str
    password: str
    iterations: int = LEAST_ITERATIONS

    def __post_init__(self) -> None:
        """Raises UsageError for what brokers take from nobody."""
        if self.mechanism not in MECHANISMS:
            raise UsageError(f"{self.mechanism!r} is no SCRAM mechanism", f"one of {', '.join(MECHANISMS)}")
        if self.iterations < LEAST_ITERATIONS:
            raise UsageError(
                f"{self.iterations} iterations are too few for {self.mechanism}: at least {LEAST_ITERATIONS}"
            )
        if not self.password:
            raise UsageError("the password is empty")


def parse(mechanism: str, text: str) -> NewCredential:
    """Kafka's spelling of a credential, `iterations=8192,password=...`; raises UsageError."""
    match = _FORM.fullmatch(text)
    if match is None:
        raise UsageError(f"{mechanism}: not a credential", f"{mechanism}=[iterations=8192,password=...]")
    stated, password = match.groups()
    try:
        iterations = LEAST_ITERATIONS if stated in (None, "-1") else int(stated)
    except ValueError:
        raise UsageError(f"{mechanism}: iterations={stated} is no number") from None
    return NewCredential(mechanism, password, iterations)


def describe_credentials(cluster: Cluster, users: Sequence[str] = ()) -> list[Credential]:
    """The credentials of these users, or of all; a user without any is left out."""
    answer = cluster.requests.send("DescribeUserScramCredentials", users=[(user,) for user in users] or None)
    if answer.error_code:
        raise refusal("cannot read the SCRAM credentials", answer.error_code, answer.error_message)
    found = []
    for result in answer.results:
        if result.error_code == ErrorCode.RESOURCE_NOT_FOUND:
            continue
        if result.error_code:
            raise refusal(f"cannot read the credentials of {result.user}", result.error_code, result.error_message)
        found += [
            Credential(result.user, _NAMES.get(each.mechanism, "UNKNOWN"), each.iterations)
            for each in result.credential_infos
        ]
    return found


def alter_credentials(cluster: Cluster, user: str, new: Sequence[NewCredential], remove: Sequence[str] = ()) -> None:
    """Sets a user's credentials and deletes those of mechanisms, each in a request of its own, as KRaft wants it.

    Raises OperationError in the broker's words; it says what was done before.
    """
    requests: dict[str, dict[str, Any]] = {}
    for each in new:
        upsertion = (user, MECHANISMS[each.mechanism], each.iterations, *_salted(each))
        requests[f"{each.mechanism} set"] = {"deletions": [], "upsertions": [upsertion]}
    for mechanism in remove:
        requests[f"{mechanism} deleted"] = {"deletions": [(user, MECHANISMS[mechanism])], "upsertions": []}
    done: list[str] = []
    for change, fields in requests.items():
        answer = cluster.requests.send("AlterUserScramCredentials", to_controller=True, **fields)
        for result in answer.results:
            if result.error_code:
                before = f" ({', '.join(done)} before that)" if done else ""
                what = f"cannot change the credentials of {user}{before}"
                raise refusal(what, result.error_code, result.error_message)
        done.append(change)


def _salted(new: NewCredential) -> tuple[bytes, bytes]:
    """Return a new salt and the password salted with it: the function Hi of RFC 5802, which is PBKDF2."""
    salt = os.urandom(_SALT_BYTES)
    digest = _DIGESTS[new.mechanism]
    return salt, hashlib.pbkdf2_hmac(digest, new.password.encode(), salt, new.iterations)
