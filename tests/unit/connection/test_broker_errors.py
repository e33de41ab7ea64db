"""Errors of brokers: our sentences, and what is done about them."""

from __future__ import annotations

import re

import pytest
from confluent_kafka import KafkaError

from kafkactl.connection.broker_errors import BROKER_ERRORS, TRANSIENT_CODES, describe_error, refusal


@pytest.mark.parametrize("code", BROKER_ERRORS)
def test_every_error_has_a_sentence_that_follows_a_colon(code: int) -> None:
    sentence = BROKER_ERRORS[code].sentence
    assert re.fullmatch(r"[A-Za-z].{8,79}", sentence)
    assert not sentence.endswith(".")
    assert sentence[0].islower()


def test_sentences_stand_in_for_texts_that_say_no_more() -> None:
    code = KafkaError.GROUP_ID_NOT_FOUND
    assert describe_error(code) == "the group does not exist"
    assert describe_error(code, KafkaError(code).str()) == "the group does not exist"
    assert describe_error(code, f"Broker [1] DescribeGroups: {KafkaError(code).str()}") == "the group does not exist"
    for text in ("", " ", ": ", "Broker: ", " (after 3ms)", "Broker [1] DescribeGroups: ", "x:9092/bootstrap: "):
        assert describe_error(code, text) == "the group does not exist"
    for text in (
        "ALTERCONSUMERGROUPOFFSETS worker coordinator request failed: ",
        "LISTCONSUMERGROUPOFFSETS worker failed to parse response: ListConsumerGroupOffsetsResponse response failure: ",
        "DELETEGROUPS worker request failed: ",
    ):
        assert describe_error(code, text + KafkaError(code).str()) == "the group does not exist"


def test_a_refusal_that_a_broker_explains_is_in_its_words() -> None:
    assert describe_error(KafkaError.INVALID_CONFIG, "retention.ms must be at least -1") == (
        "retention.ms must be at least -1"
    )
    policy = "topics are frozen (after 18:00): ask the platform team"
    assert describe_error(KafkaError.POLICY_VIOLATION, policy) == policy


def test_a_lack_of_rights_is_always_in_our_words() -> None:
    assert describe_error(KafkaError.TOPIC_AUTHORIZATION_FAILED, "Request(processor=1) is not authorized") == (
        "not authorized to access the topic"
    )


def test_errors_of_librdkafka_and_unknown_codes() -> None:
    assert describe_error(
        KafkaError._TRANSPORT, "localhost:9092/bootstrap: Connect failed (after 1ms in state UP)"
    ) == ("Connect failed")
    suppressed = "Connect failed (after 0ms in state CONNECT, 2 identical error(s) suppressed)"
    assert describe_error(KafkaError._TRANSPORT, suppressed) == "Connect failed"
    assert describe_error(9999) == "error 9999"


def test_a_refusal_has_code_and_hint() -> None:
    error = refusal("cannot delete group g", KafkaError.NON_EMPTY_GROUP)
    assert str(error) == "cannot delete group g: the group has members"
    assert error.code == KafkaError.NON_EMPTY_GROUP
    assert error.hint is not None
    assert "stop its consumers" in error.hint


def test_errors_that_may_have_had_an_effect_are_not_transient() -> None:
    """Writes are never sent twice: a request is only repeated after an answer that says that nothing was done."""
    assert not TRANSIENT_CODES & {
        KafkaError.REQUEST_TIMED_OUT,
        KafkaError.NETWORK_EXCEPTION,
        KafkaError.NOT_ENOUGH_REPLICAS_AFTER_APPEND,
        KafkaError.UNKNOWN,
    }
