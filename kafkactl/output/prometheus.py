"""Lag of consumer groups as Prometheus metrics, under names that other exporters and dashboards use."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.metrics_core import GaugeMetricFamily, Metric

from kafkactl.admin.groups.models import CommitState, GroupLag, PartitionLag

_MS = 1000
_PARTITION = ("consumergroup", "topic", "partition")
_GROUP = ("consumergroup",)


class _Families:
    """Collector of metrics that exist already."""

    def __init__(self, metrics: Iterable[Metric]) -> None:
        """Take the metrics, which collect() yields."""
        self._metrics = metrics

    def collect(self) -> Iterator[Metric]:
        """Yield the metrics."""
        yield from self._metrics


def format_metrics(lags: Sequence[GroupLag]) -> str:
    """Return the metrics of groups in Prometheus' text format, which ends with a line end.

    Without groups it has only the HELP and TYPE lines of the metrics. A metric's samples are in the order of `lags`. An
    unknown value of a partition has no sample: a lag of zero would be wrong. The sum of a group's lags is that of the
    known ones: kafka_consumergroup_unknown_partitions counts the others. The sum has no sample where the group has
    partitions and no lag is known, and is 0 without partitions. The end of a log is one sample, also where several
    groups read it. Time lags are in seconds. `lags` has each group once.
    """
    registry = CollectorRegistry()
    registry.register(_Families(_build_families(lags)))
    return generate_latest(registry).decode()


def _build_families(lags: Sequence[GroupLag]) -> list[Metric]:
    """Return the nine metrics of groups, in a fixed order; an unknown value of a partition has no sample.

    Without groups the metrics have no samples. The end of a log is one sample, also where several groups read it: that
    of the last one in `lags` that knows it. The sum of a group's lags is that of the known ones; it is missing where
    there are partitions and no lag is known, and 0 without partitions.
    """
    current = GaugeMetricFamily("kafka_consumergroup_current_offset", "Committed offset", labels=_PARTITION)
    end = GaugeMetricFamily("kafka_topic_partition_current_offset", "End of the log", labels=_PARTITION[1:])
    lag_records = GaugeMetricFamily("kafka_consumergroup_lag", "Records not read yet", labels=_PARTITION)
    lag_time = GaugeMetricFamily(
        "kafka_consumergroup_lag_seconds", "Age of the oldest unread record", labels=_PARTITION
    )
    total = GaugeMetricFamily(
        "kafka_consumergroup_lag_sum", "Records not read yet, of all known partitions", labels=_GROUP
    )
    unknown = GaugeMetricFamily(
        "kafka_consumergroup_unknown_partitions", "Partitions whose lag is not known", labels=_GROUP
    )
    beyond = GaugeMetricFamily(
        "kafka_consumergroup_commits_beyond_end", "Partitions whose commit is beyond the end of the log", labels=_GROUP
    )
    members = GaugeMetricFamily("kafka_consumergroup_members", "Members of the group", labels=_GROUP)
    state = GaugeMetricFamily("kafka_consumergroup_state", "1 for the state the group is in", labels=(*_GROUP, "state"))
    ends: dict[tuple[str, str], int] = {}
    for lag in lags:
        name = lag.description.group
        for row in lag.partitions:
            labels = (name, row.topic, str(row.partition))
            _add(current, labels, row.current_offset)
            _add(lag_records, labels, row.lag)
            _add(lag_time, labels, _compute_lag_s(row))
            if row.log_end_offset is not None:
                ends[row.topic, str(row.partition)] = row.log_end_offset
        if not lag.partitions or lag.unknown_partitions < len(lag.partitions):
            total.add_metric((name,), lag.total_lag)
        unknown.add_metric((name,), lag.unknown_partitions)
        beyond.add_metric((name,), sum(row.commit is CommitState.BEYOND_END for row in lag.partitions))
        members.add_metric((name,), len(lag.description.members))
        state.add_metric((name, lag.description.state), 1)
    for partition, offset in ends.items():
        end.add_metric(partition, offset)
    return [current, end, lag_records, lag_time, total, unknown, beyond, members, state]


def _add(family: GaugeMetricFamily, labels: Sequence[str], value: float | None) -> None:
    """Add a sample with these values of the family's labels; a value of None adds nothing."""
    if value is not None:
        family.add_metric(labels, value)


def _compute_lag_s(row: PartitionLag) -> float | None:
    """Return the time lag of a partition in seconds, or None where it is unknown."""
    return None if row.time_lag_ms is None else row.time_lag_ms / _MS
