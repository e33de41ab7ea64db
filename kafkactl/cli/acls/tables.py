"""Columns of the tables of rules of access."""

from __future__ import annotations

import functools
from typing import Any

from kafkactl.output.report import Column

RULES = [
    Column("RESOURCE", lambda row: row.resource),
    Column("PATTERN", lambda row: row.pattern),
    Column("PRINCIPAL", lambda row: row.principal),
    Column("PERMISSION", lambda row: row.permission, lambda row: "red" if row.permission == "deny" else None),
    Column("OPERATION", lambda row: row.operation),
    Column("HOST", lambda row: row.host),
]


def _show_of_acl(column: Column, row: Any) -> object:
    """Return the value of a rule's column for a row that has a rule."""
    return column.value(row.acl)


CHANGES = [
    Column("ACTION", lambda row: row.action),
    *(Column(column.title, functools.partial(_show_of_acl, column)) for column in RULES),
]
_RESULT = [
    Column("HOST", lambda row: row.host),
    Column("RESULT", lambda row: "allowed" if row.allowed else "denied", lambda row: None if row.allowed else "red"),
    Column("REASON", lambda row: row.reason, is_sentence=True),
    Column("RULE", lambda row: row.rule),
]
ACCESS = [Column("PRINCIPAL", lambda row: row.principal), *_RESULT]
VERDICT = [
    Column("PRINCIPAL", lambda row: row.principal),
    Column("OPERATION", lambda row: row.operation),
    Column("RESOURCE", lambda row: row.resource),
    *_RESULT,
]
