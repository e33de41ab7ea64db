"""The table of broker errors beside Kafka's own class of errors."""

from __future__ import annotations

from pathlib import Path

from kafkactl.connection.broker_errors import BROKER_ERRORS
from tests import java_tools


def test_codes_and_exceptions_are_those_of_kafka() -> None:
    done = java_tools.run_alone(str(Path(__file__).with_name("BrokerErrors.java")))
    assert done.returncode == 0, done.stderr
    theirs = dict(line.split("\t") for line in done.stdout.splitlines())
    assert {str(code): error.exception_class for code, error in BROKER_ERRORS.items()} == theirs
