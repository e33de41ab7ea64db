"""Checks of the files that a broker leaves on disk: a partition's files against each other, and a log directory."""

from __future__ import annotations

from kafkactl.storage.check.broker import check_log_dir
from kafkactl.storage.check.faults import CheckCounts, Fault, Severity
from kafkactl.storage.check.partition import check_partition

__all__ = ["CheckCounts", "Fault", "Severity", "check_log_dir", "check_partition"]
