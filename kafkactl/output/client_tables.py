"""Columns of the tables of quotas and SCRAM credentials."""

from __future__ import annotations

from kafkactl.admin.entities import DEFAULT_NAME
from kafkactl.output.report import Column


def _format_name(name: str | None) -> str | None:
    """Return a name; <default> for the empty name of Kafka's default entity, and None for None."""
    return "<default>" if name == DEFAULT_NAME else name


QUOTAS = [
    Column("USER", lambda row: _format_name(row.user)),
    Column("CLIENT-ID", lambda row: _format_name(row.client_id)),
    Column("IP", lambda row: _format_name(row.ip)),
    Column("QUOTA", lambda row: row.name),
    Column("VALUE", lambda row: int(row.value) if row.value.is_integer() else row.value),
]
CREDENTIALS = [
    Column("USER", lambda row: row.user),
    Column("MECHANISM", lambda row: row.mechanism),
    Column("ITERATIONS", lambda row: row.iterations),
]
