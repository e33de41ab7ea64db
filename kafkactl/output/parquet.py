"""Rows as a Parquet file on stdout; pyarrow is an extra: `pip install kafkactl[parquet]`."""

from __future__ import annotations

import json
from collections.abc import Iterator
from itertools import islice
from typing import Any

from kafkactl.errors import UsageError
from kafkactl.stdout import out

ROWS_AT_ONCE = 20_000
_TEXT_COLUMNS = {"file", "codec", "timestamp_type", "control", "key", "value", "topic"}
_TRUTH_COLUMNS = {"transactional", "aborted", "valid"}


def print_parquet(rows: Iterator[dict[str, Any]]) -> None:
    """Writes rows in groups as they come; raises UsageError without pyarrow, or to a terminal."""
    try:
        import pyarrow
        from pyarrow import parquet
    except ImportError:
        raise UsageError("-o parquet needs pyarrow", "pip install 'kafkactl[parquet]'") from None
    if out.is_terminal:
        raise UsageError("-o parquet is for a file or a pipe", "kafkactl dump-log ... -o parquet > records.parquet")
    writer = None
    while group := list(islice(rows, ROWS_AT_ONCE)):
        if writer is None:
            schema = pyarrow.schema([(name, _type(pyarrow, name, cell)) for name, cell in group[0].items()])
            writer = parquet.ParquetWriter(out.binary, schema)
        writer.write_table(pyarrow.Table.from_pylist([_cells(row) for row in group], schema=schema))
    if writer is not None:
        writer.close()


def _type(pyarrow: Any, name: str, cell: object) -> Any:
    if name == "headers":
        return pyarrow.list_(pyarrow.struct([("name", pyarrow.string()), ("value", pyarrow.string())]))
    if name in _TRUTH_COLUMNS or isinstance(cell, bool):  # `control` is a truth of a batch, and a text of a record
        return pyarrow.bool_()
    return pyarrow.string() if name in _TEXT_COLUMNS else pyarrow.int64()


def _cells(row: dict[str, Any]) -> dict[str, Any]:
    cells = {
        name: json.dumps(cell, ensure_ascii=False) if isinstance(cell, dict) else cell for name, cell in row.items()
    }
    if "headers" in cells:
        cells["headers"] = [{"name": name, "value": value} for name, value in row["headers"]]
    return cells
