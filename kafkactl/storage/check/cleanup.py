"""Facts that a log dir has about compaction: only a compacted topic may miss offsets."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import Enum
from functools import cached_property
from pathlib import Path
from typing import Any

from kafkactl.errors import KafkactlError
from kafkactl.storage.check.small_files import may_be_in_use
from kafkactl.storage.checkpoint import read_offset_checkpoint
from kafkactl.storage.files import FileKind
from kafkactl.storage.internal.metadata import parse_metadata_record
from kafkactl.storage.log_dir import list_files, parse_folder_name, resolve_links
from kafkactl.storage.segment import Segment, find_base_offset

METADATA_TOPIC = "__cluster_metadata"
_METADATA_TOPIC_ID = "AAAAAAAAAAAAAAAAAAAAAQ"
COMPACTED_TOPICS = ("__consumer_offsets", "__transaction_state")
"""Kafka's internal topics that brokers create as compacted ones."""
CLEANER_CHECKPOINT = "cleaner-offset-checkpoint"
CLEANUP_POLICY, REMOTE_STORAGE, PREALLOCATE = "cleanup.policy", "remote.storage.enable", "preallocate"
_TOPIC_RESOURCE, _BROKER_RESOURCE = 2, 4
_SNAPSHOT_NAME = re.compile(rf"[0-9]{{20}}-[0-9]{{10}}{re.escape(FileKind.KRAFT_SNAPSHOT.value)}")
# First bytes of the records that are parsed: the frame's version, and the type of TopicRecord, ConfigRecord or
# RemoveTopicRecord.
_PARSED_RECORDS = tuple(bytes((1, api_key)) for api_key in (2, 4, 9))


class Policy(Enum):
    """Cleanup policy of a topic, as far as it is known."""

    COMPACT = "compact"
    DELETE = "delete"
    FORMERLY_COMPACT = "formerly compact"
    """The policy is delete now, and the broker's cleaner has compacted the partition before."""
    UNKNOWN = "unknown"


@dataclass
class _Metadata:
    """Topics and configs of the metadata log, as of its newest record."""

    names: dict[str, str] = field(default_factory=dict)
    """Names of topics by id."""
    ids: dict[str, str] = field(default_factory=dict)
    """Ids of topics by name."""
    configs: dict[tuple[int, str], dict[str, str]] = field(default_factory=dict)
    """Names and values of configs, by type and name of their resource."""

    def apply(self, name: str, fields: dict[str, Any]) -> None:
        """Take in the next record of the log: its schema name, such as TopicRecord, and its fields.

        Only TopicRecord, RemoveTopicRecord and ConfigRecord change something. A RemoveTopicRecord also drops the
        configs of the topic, and does nothing for an unknown id; a ConfigRecord with the value None drops the config.
        """
        if name == "TopicRecord":
            self.names[fields["topicId"]], self.ids[fields["name"]] = fields["name"], fields["topicId"]
        elif name == "RemoveTopicRecord":
            topic = self.names.pop(fields["topicId"], "")
            self.ids.pop(topic, None)
            self.configs.pop((_TOPIC_RESOURCE, topic), None)
        elif name == "ConfigRecord":
            configs = self.configs.setdefault((fields["resourceType"], fields["resourceName"]), {})
            if fields["value"] is None:
                configs.pop(fields["name"], None)
            else:
                configs[fields["name"]] = fields["value"]


class LogDirKnowledge:
    """Facts about topics in the log dir that holds a partition; its files are read when they are needed."""

    def __init__(self, path: Path) -> None:
        """Take the path of a log dir, of which nothing is read yet."""
        self._path = path

    def forget(self) -> None:
        """Forget what was read of the files, so that they are read again when they are needed."""
        for name in ("_metadata", "_cleaned_partitions", "_default_may_be_compact"):
            self.__dict__.pop(name, None)

    def find_policy(self, topic: str, partition: int | None) -> Policy:
        """Return a topic's cleanup policy, from certain signs only; UNKNOWN without one.

        __cluster_metadata is DELETE, __consumer_offsets and __transaction_state are COMPACT. Of the topic's own config
        in the KRaft log, compact,delete counts as COMPACT; with delete, a partition that the cleaner has compacted
        before is FORMERLY_COMPACT. Without an own config, such a partition is COMPACT; any other is DELETE where the
        topic is in this log and nothing says that the broker compacts by default. `partition` is None where the
        folder's name has no number. Files that cannot be read count as missing.
        """
        if topic == METADATA_TOPIC:
            return Policy.DELETE
        if topic in COMPACTED_TOPICS:
            return Policy.COMPACT
        configured = self._find_topic_config(topic, CLEANUP_POLICY)
        if configured is not None:
            if "compact" in configured:
                return Policy.COMPACT
            return Policy.FORMERLY_COMPACT if (topic, partition) in self._cleaned_partitions else Policy.DELETE
        if (topic, partition) in self._cleaned_partitions:
            return Policy.COMPACT
        if topic not in self._metadata.ids or self._default_may_be_compact:
            return Policy.UNKNOWN
        return Policy.DELETE

    def find_id(self, topic: str) -> str | None:
        """Return the id of a topic, 22 characters of base64; for __cluster_metadata its fixed id.

        None where the log dir has no KRaft log, the log cannot be read or has neither its beginning nor a snapshot, or
        it has no topic of this name. A wrong CRC in the log is not noticed. Nothing is raised.
        """
        return _METADATA_TOPIC_ID if topic == METADATA_TOPIC else self._metadata.ids.get(topic)

    def is_preallocated(self, topic: str) -> bool | None:
        """Return True if the topic's config `preallocate` in the KRaft log is true: segments begin at their full size.

        Only the topic's own config counts, and an unreadable log has none. Otherwise return False, or None where a
        broker may have the log dir open: a segment may be older than the present config.
        """
        if _is_true(self._find_topic_config(topic, PREALLOCATE)):
            return True
        return None if may_be_in_use(self._path) else False

    def may_be_remote(self, topic: str) -> bool:
        """Return whether older segments of a topic can be in remote storage, by remote.storage.enable in the KRaft log.

        True for a topic that is not in this log, and so for all others where the log is missing or damaged; False for
        __cluster_metadata.
        """
        if topic == METADATA_TOPIC:
            return False
        return topic not in self._metadata.ids or _is_true(self._find_topic_config(topic, REMOTE_STORAGE))

    def _find_topic_config(self, topic: str, name: str) -> str | None:
        """Return the value of a topic's own config in the KRaft log, or None; an unreadable log has none."""
        return self._metadata.configs.get((_TOPIC_RESOURCE, topic), {}).get(name)

    @cached_property
    def _default_may_be_compact(self) -> bool:
        """Return whether the broker may compact topics without a policy of their own (log.cleanup.policy).

        Signs are any value of this config in the KRaft log, of any broker and also delete, and a partition of a topic
        without its own policy that the cleaner has compacted; __consumer_offsets and __transaction_state do not count.
        In a KRaft log that is missing or cannot be read, no topic has a policy of its own; an unreadable checkpoint of
        the cleaner is empty. The result is computed at the first use only.
        """
        if any(
            kind == _BROKER_RESOURCE and "log.cleanup.policy" in configs
            for (kind, _), configs in self._metadata.configs.items()
        ):
            return True
        without_policy = {
            topic for topic, _ in self._cleaned_partitions if self._find_topic_config(topic, CLEANUP_POLICY) is None
        }
        return bool(without_policy.difference(COMPACTED_TOPICS))

    @cached_property
    def _cleaned_partitions(self) -> set[tuple[str, int]]:
        """Return the partitions that the broker's cleaner has compacted, as topic and number, by its checkpoint.

        Empty where the checkpoint is missing or cannot be read. It is read at the first use only.
        """
        path = self._path / CLEANER_CHECKPOINT
        try:
            lines = read_offset_checkpoint(path) if os.path.isfile(path) else []
        except KafkactlError:
            return set()  # the check of the log dir reports the file
        return {(line.topic, line.partition) for line in lines}

    @cached_property
    def _metadata(self) -> _Metadata:
        """Return the content of the metadata log; empty where the log is missing, damaged or cannot be read.

        It is also empty where the log has neither its beginning nor a snapshot. A wrong CRC and a last batch that is
        cut off are not noticed. The files are read at the first use only.
        """
        metadata = _Metadata()
        try:
            for path, from_offset in self._list_metadata_files():
                with Segment(path) as segment:
                    for name, fields in _read_metadata_records(segment, from_offset):
                        metadata.apply(name, fields)
        except KafkactlError:
            return _Metadata()  # a damaged log proves nothing; the check of its folder reports the damage
        return metadata

    def _list_metadata_files(self) -> list[tuple[Path, int]]:
        """Return the newest snapshot and the segments of the metadata log, in the order to read them.

        With each comes the offset to read it from: the snapshot has the records of the log before its own offset. All
        segments come, also those before the snapshot, but no .gz or .deleted file. The list is empty where there is
        neither a snapshot nor a first segment of offset 0. Raise UsageError where the folder cannot be listed. Without
        a snapshot, and without a number in the name of the first segment, its content is read; raise UsageError where
        that has no offset or may not be opened, and FormatError where it cannot be read.
        """
        files = list_files(self._path / f"{METADATA_TOPIC}-0")
        snapshots = sorted(path for path in files.regular if _SNAPSHOT_NAME.fullmatch(path.name))
        if not snapshots and (not files.segments or find_base_offset(files.segments[0]) > 0):
            return []
        from_offset = int(snapshots[-1].name.partition("-")[0]) if snapshots else 0
        return [*((path, 0) for path in snapshots[-1:]), *((path, from_offset) for path in files.segments)]


def _is_true(value: str | None) -> bool:
    """Return whether a setting is true, as brokers read it: in any case, with blanks around; None is not set."""
    return value is not None and value.strip().lower() == "true"


def find_knowledge(folder: Path) -> LogDirKnowledge:
    """Return the facts of the log dir around a partition's folder, whose links are resolved.

    Nothing is read yet.
    """
    return LogDirKnowledge(resolve_links(folder).parent)


def is_metadata(folder: Path) -> bool:
    """Return whether the topic in a folder's name is __cluster_metadata; the partition and its state do not count.

    A name without a partition's number counts as the topic.
    """
    return parse_folder_name(folder).topic == METADATA_TOPIC


def _read_metadata_records(segment: Segment, from_offset: int) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield schema name and fields of the records about topics and configs, in the order of the file.

    Those below `from_offset` are left out. They are TopicRecord, RemoveTopicRecord and ConfigRecord. Raise FormatError,
    after the records before it, for damage; a wrong CRC and a last batch that is cut off are no error.
    """
    for record in segment.records():
        if record.offset >= from_offset and record.value is not None and record.value.startswith(_PARSED_RECORDS):
            parsed = parse_metadata_record("cluster_metadata", record.value)
            yield parsed.name, parsed.fields
