"""Decide what missing offsets mean: the work of compaction, or records that are lost.

Compaction leaves holes inside segments, and only compaction does. It can also remove all records of a segment, so a gap
between two segments is no proof by itself. These are proofs that the topic is not compacted: its cleanup.policy in the
log of KRaft, and a record without a key, which no compacted topic takes. Compaction never touches the last segment and
always keeps the record before it, so a gap there is a loss, too.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from kafkactl.storage.check.cleanup import Policy
from kafkactl.storage.check.faults import Fault, Severity, notice
from kafkactl.storage.check.log_state import Gap, LogState


def gap_faults(log: LogState, policy: Policy, last_segment: Path) -> Iterator[Fault]:
    """Yield the gaps that compaction does not explain, and a notice of those that it may explain."""
    if policy is Policy.COMPACT:
        return
    for gap in log.gaps:
        why = _proof(gap, log, policy)
        if why is not None:
            yield _fault(gap, why, Severity.FAULT)
        elif gap.between_segments and not log.is_cleaned:
            if gap.file == last_segment:
                yield _fault(gap, "compaction keeps the record before the last segment", Severity.FAULT)
            else:
                yield _fault(gap, "unless the topic is compacted, a segment is lost", Severity.NOTICE)
    if policy is Policy.DELETE and log.is_cleaned and log.keyless_offset is None:
        text = "offsets are missing as after compaction, and the cleanup.policy is delete now"
        yield notice(last_segment.parent, text)


def _proof(gap: Gap, log: LogState, policy: Policy) -> str | None:
    """Return why the topic of a gap cannot be compacted, or None."""
    if log.keyless_offset is not None and log.keyless_offset < gap.first:
        return f"the topic is not compacted: the record at offset {log.keyless_offset} has no key"
    if policy is Policy.DELETE and not log.is_cleaned:
        return "the cleanup.policy of the topic is delete"
    return None


def _fault(gap: Gap, why: str, severity: Severity) -> Fault:
    where = "between two segments" if gap.between_segments else "between two batches"
    text = f"{gap} missing {where}: {why}"
    return Fault(file=gap.file, position=gap.position, offset=gap.first, fault=text, severity=severity)


def explained_by_compaction(log: LogState, policy: Policy) -> bool:
    """Return whether sequences that jump and snapshots that differ prove nothing, because records were removed."""
    return policy is Policy.COMPACT or log.is_cleaned or any(gap.between_segments for gap in log.gaps)
