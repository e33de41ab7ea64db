"""Answers about transactions and idempotent producers."""

from __future__ import annotations

import re
import time

from tests.fake_broker.answers import codes
from tests.fake_broker.protocol import Fields, Request
from tests.fake_broker.state import Place, State, Transaction


def answer_list_transactions(request: Request, state: State) -> Fields:
    """Answer ListTransactions with the ids that pass the filters; only the coordinator has some."""
    fields, now_ms = request.fields, time.time_ns() // 1_000_000
    try:
        re.compile(fields.get("transactional_id_pattern") or "")
    except re.error:
        return {"error_code": codes.INVALID_REGULAR_EXPRESSION, "unknown_state_filters": [], "transaction_states": []}
    states, producers = fields["state_filters"], fields["producer_id_filters"]
    pattern, duration_ms = fields.get("transactional_id_pattern"), fields.get("duration_filter", -1)
    found = [
        {"transactional_id": name, "producer_id": each.producer_id, "transaction_state": each.state}
        for name, each in state.transactions.items()
        if (not states or each.state in states)
        and (not producers or each.producer_id in producers)
        and (duration_ms < 0 or 0 <= each.start_ms < now_ms - duration_ms)
        and (not pattern or re.fullmatch(pattern, name))
    ]
    is_coordinator = request.broker_id == state.coordinator_id
    return {"error_code": 0, "unknown_state_filters": [], "transaction_states": found if is_coordinator else []}


def answer_describe_transactions(request: Request, state: State) -> Fields:
    """Answer DescribeTransactions; an unknown id has an error."""
    return {"transaction_states": [_describe(state, name) for name in request.fields["transactional_ids"]]}


def _describe(state: State, name: str) -> Fields:
    found = state.transactions.get(name)
    each = found or Transaction(producer_id=-1, state="", timeout_ms=0)
    return {
        "error_code": 0 if found else codes.TRANSACTIONAL_ID_NOT_FOUND,
        "transactional_id": name,
        "transaction_state": each.state,
        "transaction_timeout_ms": each.timeout_ms,
        "transaction_start_time_ms": each.start_ms,
        "producer_id": each.producer_id,
        "producer_epoch": each.epoch,
        "topics": [{"topic": topic, "partitions": [number]} for topic, number in each.partitions],
    }


def answer_describe_producers(request: Request, state: State) -> Fields:
    """Answer DescribeProducers; a partition that does not exist has an error."""
    topics = [
        {
            "name": topic["name"],
            "partitions": [
                _describe_producers(state, (topic["name"], number)) for number in topic["partition_indexes"]
            ],
        }
        for topic in request.fields["topics"]
    ]
    return {"topics": topics}


def _describe_producers(state: State, place: Place) -> Fields:
    is_there = state.partition(*place) is not None
    return {
        "partition_index": place[1],
        "error_code": 0 if is_there else codes.UNKNOWN_TOPIC_OR_PARTITION,
        "error_message": None,
        "active_producers": [
            {
                "producer_id": each.id,
                "producer_epoch": each.epoch,
                "last_sequence": each.last_sequence,
                "last_timestamp": each.last_timestamp_ms,
                "coordinator_epoch": each.coordinator_epoch,
                "current_txn_start_offset": each.start_offset,
            }
            for each in state.producers.get(place, ())
        ],
    }


def answer_write_txn_markers(request: Request, state: State) -> Fields:
    """Answer WriteTxnMarkers: the producers of the markers have no open transaction any more."""
    markers = []
    for marker in request.fields["markers"]:
        topics = []
        for topic in marker["topics"]:
            for number in topic["partition_indexes"]:
                for each in state.producers.get((topic["name"], number), ()):
                    if each.id == marker["producer_id"]:
                        each.start_offset = -1
            partitions = [{"partition_index": number, "error_code": 0} for number in topic["partition_indexes"]]
            topics.append({"name": topic["name"], "partitions": partitions})
        markers.append({"producer_id": marker["producer_id"], "topics": topics})
    return {"markers": markers}


def answer_init_producer_id(request: Request, state: State) -> Fields:
    """Answer InitProducerId: with a known transactional id its transaction ends, else with a new producer id."""
    name = request.fields["transactional_id"]
    if name in state.transactions:
        each = state.transactions[name]
        each.epoch, each.state, each.start_ms, each.partitions = each.epoch + 1, "Empty", -1, []
        return {"error_code": 0, "producer_id": each.producer_id, "producer_epoch": each.epoch}
    state.next_producer_id += 1
    if name:
        state.transactions[name] = Transaction(producer_id=state.next_producer_id, state="Empty")
    return {"error_code": 0, "producer_id": state.next_producer_id, "producer_epoch": 0}


HANDLERS = {
    "ListTransactions": answer_list_transactions,
    "DescribeTransactions": answer_describe_transactions,
    "DescribeProducers": answer_describe_producers,
    "WriteTxnMarkers": answer_write_txn_markers,
    "InitProducerId": answer_init_producer_id,
}
