"""Results about the quorum of the controllers as kafka-metadata-quorum prints them, line for line.

Reference: org.apache.kafka.tools.MetadataQuorumCommand and ToolsUtils.prettyPrintTable.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from kafkactl.output.kafka.java_errors import TERSE
from kafkactl.output.kafka.java_text import format_tabbed_table

if TYPE_CHECKING:
    from kafkactl.admin.controller_files import Fault
    from kafkactl.admin.quorum import Quorum, QuorumNode, VoterEndpoint

_ZERO_ID = "AAAAAAAAAAAAAAAAAAAAAA"
_TITLES = ("NodeId", "DirectoryId", "LogEndOffset", "Lag", "LastFetchTimestamp", "LastCaughtUpTimestamp", "Status")
_UNKNOWN = -1
_IS_VALID = "Is this a valid controller configuration file?"
_FAULTS: Mapping[str, str] = {
    "MISSING_ID": f"node.id not found in configuration file. {_IS_VALID}",
    "INVALID_ID": 'For input string: "{}"',
    "NEGATIVE_ID": f"node.id was negative in configuration file. {_IS_VALID}",
    "NO_CONTROLLER": f"process.roles did not contain 'controller' in configuration file. {_IS_VALID}",
    "MISSING_FOLDER": f"Neither metadata.log.dir nor log.dirs were found. {_IS_VALID}",
    "UNREADABLE_FOLDER": "Unable to read meta.properties from {}",
    "MISSING_DIRECTORY_ID": "No directory id found in {}",
    "MISSING_NAMES": f"controller.listener.names was not found. {_IS_VALID}",
    "UNKNOWN_NAME": "Cannot find information about controller listener name: {}",
    "INVALID_LISTENER": "Unable to parse {} to a broker endpoint",
}
"""Sentences about the settings of a controller, by the name of the fault."""
_EXCEPTIONS = {
    "INVALID_ID": "java.lang.NumberFormatException",
    "INVALID_LISTENER": "org.apache.kafka.common.KafkaException",
}
"""Exceptions of Java for faults whose stack trace is printed, too."""


def format_status(quorum: Quorum) -> str:
    """Return the lines of kafka-metadata-quorum describe --status, each with its end; an unknown time lag is -1.

    A cluster id of None is shown as None. Voters are sorted by id; observers keep their order.
    """
    lag_ms = _UNKNOWN if quorum.max_follower_lag_ms is None else quorum.max_follower_lag_ms
    rows = (
        ("ClusterId", quorum.cluster_id),
        ("LeaderId", quorum.leader_id),
        ("LeaderEpoch", quorum.leader_epoch),
        ("HighWatermark", quorum.high_watermark),
        ("MaxFollowerLag", quorum.max_follower_lag),
        ("MaxFollowerLagTimeMs", lag_ms),
        ("CurrentVoters", _format_nodes(sorted(quorum.voters, key=lambda node: node.id))),
        ("CurrentObservers", _format_nodes(quorum.observers)),
    )
    return "".join(f"{f'{name}:':<24}{value}\n" for name, value in rows)


def _format_nodes(nodes: Sequence[QuorumNode]) -> str:
    """Return nodes as a list of objects in the form of JSON, in their order.

    The directory id is left out where it is zero (22 times A), and the endpoints where a node has none.
    """
    texts = []
    for node in nodes:
        text = f'{{"id": {node.id}'
        if node.directory_id != _ZERO_ID:
            text += f', "directoryId": "{node.directory_id}"'
        if node.endpoints:
            text += f', "endpoints": [{", ".join(f"{chr(34)}{endpoint}{chr(34)}" for endpoint in node.endpoints)}]'
        texts.append(text + "}")
    return f"[{', '.join(texts)}]"


def format_replication(quorum: Quorum, now_ms: int | None) -> str:
    """Return the table of kafka-metadata-quorum describe --replication, each line with its end.

    Nodes have the order of `quorum.nodes`. `now_ms`, in ms since 1970, makes times relative, such as "250 ms ago"; None
    shows them in ms since 1970. An unknown time is -1.
    """
    rows = []
    for node in quorum.nodes:
        times = (_format_time(node.last_fetch_ms, now_ms), _format_time(node.last_caught_up_ms, now_ms))
        status = str(node.role).capitalize()
        rows.append((node.id, node.directory_id, node.log_end_offset, node.lag, *times, status))
    return format_tabbed_table(_TITLES, rows)


def _format_time(ms: int | None, now_ms: int | None) -> str:
    """Return a time in ms since 1970, or how long it is before `now_ms`, as "N ms ago"; -1 for an unknown time.

    A time after `now_ms` is 0 ms ago.
    """
    if ms is None:
        return str(_UNKNOWN)
    return str(ms) if now_ms is None else f"{max(0, now_ms - ms)} ms ago"


def format_removal(controller_id: int, directory_id: str, dry_run: bool) -> str:
    """Return the line of kafka-metadata-quorum remove-controller, its end included."""
    verb = "DRY RUN of removing " if dry_run else "Removed "
    return f"{verb} KRaft controller {controller_id} with directory id {directory_id}\n"


def format_addition(controller_id: int, directory_id: str, endpoints: Sequence[VoterEndpoint], dry_run: bool) -> str:
    """Return the line of kafka-metadata-quorum add-controller, its end included."""
    verb = "DRY RUN of adding" if dry_run else "Added"
    listeners = ", ".join(map(str, endpoints))
    return f"{verb} controller {controller_id} with directory id {directory_id} and endpoints: {listeners}\n"


def format_fault(fault: Fault, detail: str) -> tuple[str, str]:
    """Return Kafka's sentence about wrong settings of a controller, and the class of its exception.

    `detail` is the folder, name or value that it is about.
    """
    return _FAULTS[fault.name].format(detail), _EXCEPTIONS.get(fault.name, TERSE)
