"""Results of a check: faults, notices, and counts of the checked files."""

from __future__ import annotations

import re
from dataclasses import dataclass, fields
from enum import StrEnum
from pathlib import Path

from kafkactl.errors import KafkactlError

_NUMBER = re.compile(r"\d+")


class Severity(StrEnum):
    """Severity of a finding."""

    FAULT = "fault"
    """No healthy broker leaves a file like this."""
    NOTICE = "notice"
    """A healthy broker can leave a file like this; the finding may still matter."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Fault:
    """One finding; `position` (in bytes) and `offset` are None where the finding is not about a place in a log."""

    file: Path
    position: int | None = None
    offset: int | None = None
    severity: Severity = Severity.FAULT
    fault: str
    """Text for people."""

    @property
    def place(self) -> tuple[Path, int | None, int | None, str]:
        """Return the identity of a finding, which does not change while its file grows.

        It is the file and one of three things: the position, else the offset, else the text without its numbers. The
        others are None, the text "". The text does not count with a position or an offset, because it can change with
        later bytes: a batch of a wrong size is first no whole batch, and then one with a wrong CRC. The severity does
        not count, either.
        """
        if self.position is not None:
            return self.file, self.position, None, ""
        return self.file, None, self.offset, "" if self.offset is not None else _NUMBER.sub("", self.fault)


def notice(file: Path, text: str, offset: int | None = None) -> Fault:
    """Return a finding of severity NOTICE about a file, with no position; `offset` is None where it is about none."""
    return Fault(file=file, fault=text, offset=offset, severity=Severity.NOTICE)


@dataclass(kw_only=True)
class CheckCounts:
    """Counts of the checked files and their content."""

    partitions: int = 0
    segments: int = 0
    batches: int = 0
    records: int = 0
    size_bytes: int = 0

    def add(self, other: CheckCounts) -> None:
        """Add the numbers of another check to these ones."""
        for field in fields(self):
            setattr(self, field.name, getattr(self, field.name) + getattr(other, field.name))


def strip_file_name(path: Path, error: KafkactlError) -> str:
    """Return an error's text without "PATH: " and then "corrupt: " in front of it; other texts are unchanged."""
    return str(error).removeprefix(f"{path}: ").removeprefix("corrupt: ")


def unreadable(path: Path, error: KafkactlError) -> Fault:
    """Return the fault of a file that cannot be read, with what strip_file_name leaves of the error's text."""
    return Fault(file=path, fault=strip_file_name(path, error))
