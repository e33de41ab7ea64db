"""Flags that several commands about topics share."""

from __future__ import annotations

from typing import Annotated

import typer

ExcludeInternal = Annotated[bool, typer.Option("--exclude-internal", help="Leave out the internal topics of Kafka.")]
