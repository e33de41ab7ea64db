"""Writes kafkactl/storage/layouts/ from the message schemas inside Kafka's jars: names, types and versions only.

`python -m tests.reference.layouts` rewrites the files; a reference test says when they differ from the jars'.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from zipfile import ZipFile

LAYOUTS = Path("kafkactl/storage/layouts")
VERSION = "4.3.1"
RECORD_TYPES = ("coordinator-key", "coordinator-value", "metadata")
RAFT = r"common/message/(LeaderChangeMessage|SnapshotHeader|SnapshotFooter|KRaftVersion|Voters|QuorumState)"
SOURCES = {
    "consumer_offsets": [("kafka-group-coordinator", r"common/message/")],
    "transaction_state": [("kafka-transaction-coordinator", r"common/message/")],
    "share_group_state": [("kafka-share-coordinator", r"common/message/")],
    "cluster_metadata": [("kafka-metadata", r"common/metadata/")],
    "remote_log_metadata": [("kafka-storage", r"message/Remote")],
    "consumer_protocol": [("kafka-clients", r"common/message/ConsumerProtocol")],
    "raft": [("kafka-clients", RAFT), ("kafka-raft", RAFT)],
}


def layout_text(name: str, jars: Path) -> str:
    """One file of layouts, each message under a line of its own, its fields indented below it."""
    messages = [
        message for jar, pattern in SOURCES[name] for message in _messages(jars / f"{jar}-{VERSION}.jar", pattern)
    ]
    messages.sort(key=lambda message: (message.get("apiKey", -1), message["name"]))
    head = f"# Made by tests/reference/layouts.py from the message schemas of Kafka {VERSION}.\n"
    return head + "".join("\n" + "\n".join(_message_lines(message)) + "\n" for message in messages)


def _messages(jar: Path, pattern: str) -> Iterator[dict[str, Any]]:
    with ZipFile(jar) as archive:
        for entry in archive.namelist():
            if re.match(pattern, entry) and entry.endswith(".json"):
                text = re.sub(r"^\s*//.*$", "", archive.read(entry).decode(), flags=re.MULTILINE)
                yield json.loads(text)


def _message_lines(message: dict[str, Any]) -> Iterator[str]:
    kind = message["type"].removeprefix("coordinator-")
    api_key = message.get("apiKey", "-")
    flexible = message["flexibleVersions"]
    yield f"{kind} {api_key} {message['name']} versions={message['validVersions']} flexible={flexible}"
    structs = {struct["name"]: struct["fields"] for struct in message.get("commonStructs", [])}
    yield from _field_lines(message["fields"], structs, 1)


def _field_lines(fields: list[dict[str, Any]], structs: dict[str, Any], depth: int) -> Iterator[str]:
    for field in fields:
        name = field["name"][0].lower() + field["name"][1:]
        parts = [name, field["type"]]
        versions = field.get("versions", field.get("taggedVersions"))
        if versions != "0+":
            parts.append(f"versions={versions}")
        if "nullableVersions" in field:
            parts.append(f"nullable={field['nullableVersions']}")
        if "tag" in field:
            assert field["taggedVersions"] == versions, field
            parts.append(f"tag={field['tag']}")
        if field.get("default") is not None:  # a json null says nothing, the text "null" says that
            parts.append(f"default={field['default']}")
        yield "  " * depth + " ".join(parts)
        inner = field.get("fields") or structs.get(field["type"].removeprefix("[]"), [])
        yield from _field_lines(inner, structs, depth + 1)


if __name__ == "__main__":
    for each in SOURCES:
        (LAYOUTS / f"{each}.txt").write_text(layout_text(each, Path(sys.argv[1])))
