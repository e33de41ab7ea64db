"""Decision about missing offsets: they are the work of compaction, or records are lost.

Compaction leaves holes inside segments, and takes single records out of batches. It can also remove all records of a
segment, so a gap between two segments is no proof by itself. These are proofs that the topic is not compacted: its
cleanup.policy in the log of KRaft, and a record without a key, which no compacted topic takes. Compaction removes
records without a key, so one before a gap, or right behind it, is a proof by itself. One further behind can be younger
than a change of the policy from compact to delete: it is a proof only where no other hole looks like compaction.
Compaction never touches the last segment and always keeps the record before it, so a gap there is a loss, too. It
leaves each key once before a gap. A key that repeats there is a sign, but no proof: a follower that was away while its
leader compacted has both.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from kafkactl.errors import KafkactlError
from kafkactl.storage.check.cleanup import Policy
from kafkactl.storage.check.faults import Fault, Severity, notice
from kafkactl.storage.check.log_state import Gap, LogState
from kafkactl.storage.segment import Segment

MOST_KEYS = 100_000
"""Number of different keys that are remembered in the search for a key that repeats."""


def find_gap_faults(log: LogState, policy: Policy, segments: Sequence[Path]) -> Iterator[Fault]:
    """Yield faults for gaps that compaction cannot have made, and notices for doubtful ones; other gaps yield nothing.

    `log` is the state after all segments. `policy` is the topic's cleanup policy; with COMPACT nothing is yielded. With
    DELETE, gaps as after compaction and nothing else to report, one notice is about the folder. `segments` are the
    paths of the log's segments, in the order of their offsets; with a gap there must be one. They may be read again, to
    find a key that repeats; one that cannot be read ends this search. Nothing is raised.
    """
    if policy is Policy.COMPACT or not log.gaps:
        return
    repeated_offset, is_reported = None, False
    if log.keyless_offset is None and not log.is_rewritten:
        repeated_offset = find_repeated_key(segments, log.gaps[-1].first)
    for gap in log.gaps:
        keys_repeat = repeated_offset is not None and repeated_offset < gap.first
        proof = _find_proof(gap, log, policy, keys_repeat=keys_repeat)
        if proof is not None:
            yield _make_fault(gap, proof, Severity.FAULT)
        elif gap.between_segments and not log.is_cleaned and gap.file == segments[-1]:
            yield _make_fault(gap, "compaction keeps the record before the last segment", Severity.FAULT)
        elif keys_repeat or (gap.between_segments and not log.is_cleaned):
            yield _make_fault(gap, "records are lost, unless the topic is compacted", Severity.NOTICE)
        else:
            continue
        is_reported = True
    if policy is Policy.DELETE and log.is_cleaned and not is_reported:
        text = "offsets are missing as after compaction, and the cleanup.policy is delete now"
        yield notice(segments[-1].parent, text, log.gaps[0].first)


def is_explained_by_compaction(log: LogState, policy: Policy) -> bool:
    """Return whether compaction may have removed records: by the policy COMPACT, or by what the log state has noted.

    That is a hole inside a segment or a batch, or between two segments, but not directly behind damage; or a batch with
    a delete horizon. Then sequence numbers that jump and producer snapshots that differ prove nothing.
    """
    return policy is Policy.COMPACT or log.is_cleaned or any(gap.between_segments for gap in log.gaps)


def find_repeated_key(segments: Sequence[Path], end: int) -> int | None:
    """Return the offset of the first record below `end` with a key that an earlier record has, or None.

    None also where a segment cannot be read or a record has the offset `end` or above before it, and after MOST_KEYS
    (100,000) different keys. Control records and records without a key do not count, and a wrong CRC is not noticed.
    """
    keys: set[bytes] = set()
    for path in segments:
        try:
            with Segment(path) as segment:
                for record in segment.records():
                    if record.offset >= end or len(keys) >= MOST_KEYS:
                        return None
                    if record.key in keys:
                        return record.offset
                    if record.key is not None:
                        keys.add(record.key)
        except KafkactlError:
            return None  # the check of the batches reports the damage
    return None


def _find_proof(gap: Gap, log: LogState, policy: Policy, *, keys_repeat: bool) -> str | None:
    """Return why the topic of a gap cannot be compacted, as text, or None without a proof.

    `keys_repeat` says whether a key repeats before the gap. With the policy DELETE this is a proof, and so is a log
    without a sign of compaction (`is_cleaned`); with any other policy only a record without a key can be one.
    """
    if log.keyless_offset is not None and _is_keyless_proof(gap, log.keyless_offset, log, policy):
        return f"the topic is not compacted: the record at offset {log.keyless_offset} has no key"
    if policy is Policy.DELETE and (keys_repeat or not log.is_cleaned):
        return "the cleanup.policy of the topic is delete"
    return None


def _is_keyless_proof(gap: Gap, keyless_offset: int, log: LogState, policy: Policy) -> bool:
    """Return whether the first record without a key proves that compaction did not make a gap.

    One before the gap, or at the first offset behind it (`gap.end`), always does. A later one never does with
    FORMERLY_COMPACT or where a batch has lost records; otherwise it does where the gap is between segments or the
    policy is DELETE, and no other gap inside of a segment lies before the record.
    """
    if keyless_offset <= gap.end:
        return True
    if policy is Policy.FORMERLY_COMPACT or log.is_rewritten or not (gap.between_segments or policy is Policy.DELETE):
        return False
    return all(other is gap or other.between_segments or other.first > keyless_offset for other in log.gaps)


def _make_fault(gap: Gap, reason: str, severity: Severity) -> Fault:
    """Return the fault or notice of a gap, by `severity`, with the reason in its text.

    Its offset is the first that is missing; its position is that of the batch behind the gap, None between segments.
    """
    where = "between two segments" if gap.between_segments else "between two batches"
    if gap.position == 0:
        where = "before the first batch of the segment"
    text = f"{gap} missing {where}: {reason}"
    return Fault(file=gap.file, position=gap.position, offset=gap.first, fault=text, severity=severity)
