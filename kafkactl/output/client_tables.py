"""Quotas and credentials as columns, and the quotas' names as the shell completes them."""

from __future__ import annotations

import typer

from kafkactl.admin.entities import DEFAULT_NAME, EntityType
from kafkactl.output.report import Column


def quota_names(ctx: typer.Context, incomplete: str) -> list[str]:
    """Names of the limits there are; with = where a value must follow."""
    from kafkactl.admin.quotas import NAMES

    type_ = EntityType.IPS if ctx.params.get("ip") is not None else EntityType.USERS
    return [name + ("=" if ctx.info_name == "set" else "") for name in NAMES[type_] if name.startswith(incomplete)]


def _named(name: str | None) -> str | None:
    return "<default>" if name == DEFAULT_NAME else name


QUOTAS = [
    Column("USER", lambda row: _named(row.user)),
    Column("CLIENT-ID", lambda row: _named(row.client_id)),
    Column("IP", lambda row: _named(row.ip)),
    Column("QUOTA", lambda row: row.name),
    Column("VALUE", lambda row: int(row.value) if row.value.is_integer() else row.value),
]
CREDENTIALS = [
    Column("USER", lambda row: row.user),
    Column("MECHANISM", lambda row: row.mechanism),
    Column("ITERATIONS", lambda row: row.iterations),
]
