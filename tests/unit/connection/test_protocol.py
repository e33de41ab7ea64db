"""The numbers of Kafka's protocol are those of both client libraries."""

from __future__ import annotations

from enum import IntEnum

import confluent_kafka
import pytest
from confluent_kafka.admin import AclOperation as LibraryAclOperation
from confluent_kafka.admin import AclPermissionType as LibraryPermission
from confluent_kafka.admin import ConfigSource as LibraryConfigSource
from confluent_kafka.admin import OffsetSpec
from confluent_kafka.admin import ResourcePatternType as LibraryPatternType
from confluent_kafka.admin import ResourceType as LibraryResourceType
from confluent_kafka.admin import ScramMechanism as LibraryScramMechanism

from kafkactl.connection.broker_errors import BROKER_ERRORS
from kafkactl.connection.protocol import (
    AclOperationType,
    AclPatternType,
    AclPermissionType,
    AclResourceType,
    ConfigSource,
    ErrorCode,
    LibraryCode,
    QuotaMatch,
    ResourceType,
    ScramMechanism,
    SpecialOffset,
)


def members(enumeration: type[IntEnum]) -> dict[str, int]:
    return {member.name: member.value for member in enumeration}


def shared(ours: type[IntEnum], theirs: object, but: str = "") -> set[str]:
    """Return the names that both have; their numbers must be equal."""
    names = {name for name in members(ours) if hasattr(theirs, name) and name != but}
    for name in names:
        value = getattr(theirs, name)
        assert members(ours)[name] == getattr(value, "value", value), name
    return names


def test_confluent_kafka_has_the_same_numbers() -> None:
    # librdkafka has one enumeration for configs and for ACLs, where a group has another number.
    assert shared(ResourceType, LibraryResourceType, but="GROUP") >= {"TOPIC", "BROKER"}
    assert shared(ScramMechanism, LibraryScramMechanism) == set(members(ScramMechanism))
    assert shared(AclOperationType, LibraryAclOperation) >= {"ALL", "IDEMPOTENT_WRITE"}
    assert shared(AclPatternType, LibraryPatternType) == set(members(AclPatternType))
    assert shared(AclPermissionType, LibraryPermission) == set(members(AclPermissionType))
    assert len(shared(ConfigSource, LibraryConfigSource)) >= 5
    assert shared(ErrorCode, confluent_kafka.KafkaError) >= {"REQUEST_TIMED_OUT", "TOPIC_ALREADY_EXISTS"}
    assert {name: getattr(confluent_kafka.KafkaError, f"_{name}") for name in members(LibraryCode)} == members(
        LibraryCode
    )
    assert OffsetSpec.latest()._value == SpecialOffset.LATEST
    assert OffsetSpec.earliest()._value == SpecialOffset.EARLIEST


def test_kafka_python_has_the_same_numbers() -> None:
    from kafka import errors
    from kafka.admin import ACLOperation as TheirAclOperation
    from kafka.admin import ConfigResourceType
    from kafka.admin import ResourceType as TheirAclResource
    from kafka.protocol.consumer import OffsetSpec as TheirOffsetSpec

    assert shared(AclResourceType, TheirAclResource) == set(members(AclResourceType))
    assert shared(AclOperationType, TheirAclOperation) >= {"CREATE_TOKENS", "DESCRIBE_TOKENS"}
    assert shared(ResourceType, ConfigResourceType) >= {"TOPIC", "BROKER"}
    assert shared(SpecialOffset, TheirOffsetSpec) >= {"LATEST", "EARLIEST"}
    assert errors.for_code(ErrorCode.NOT_CONTROLLER).__name__ == "NotControllerError"


@pytest.mark.parametrize("code", ErrorCode)
def test_codes_are_in_the_table_of_errors(code: ErrorCode) -> None:
    assert code in BROKER_ERRORS


def test_other_numbers() -> None:
    """Kafka's own source has these; neither library has names for all of them."""
    assert members(QuotaMatch) == {"EXACT": 0, "DEFAULT": 1, "ANY": 2}
    assert sorted(members(SpecialOffset).values()) == list(range(-6, 0))
