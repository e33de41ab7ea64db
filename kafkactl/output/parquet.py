"""Rows as a Parquet file on stdout.

pyarrow is an extra: `pip install kafkactl[parquet]`.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from itertools import islice
from typing import Any

from kafkactl.errors import UsageError
from kafkactl.stdout import out

ROWS_PER_GROUP = 20_000
_TEXT_COLUMNS = {"file", "codec", "timestamp_type", "control", "key", "value", "topic"}
_BOOLEAN_COLUMNS = {"transactional", "aborted", "valid"}


def print_parquet(rows: Iterator[dict[str, Any]]) -> None:
    """Write rows to stdout as a Parquet file, in row groups of up to ROWS_PER_GROUP rows, as they come.

    The columns are the fields of the first row: other fields of later rows are left out, and missing ones are null. The
    type of a column follows from its name, but a boolean in the first row makes it boolean; a name that is not known
    here gives int64. A value that pyarrow cannot convert, also in the first row, makes it raise ValueError, TypeError
    or OverflowError; a float in a column of int64 loses its fraction. Without rows nothing is written, so that the
    output is no Parquet file. The errors of `rows` come through. After any error the file is not complete. Raise
    UsageError, before a row is read, without pyarrow, and where stdout is a terminal; OutputError where stdout cannot
    be written, and ReaderLeftError where its reader left.
    """
    try:
        import pyarrow
        from pyarrow import parquet
    except ImportError:
        raise UsageError("-o parquet needs pyarrow", "pip install 'kafkactl[parquet]'") from None
    if out.is_terminal:
        raise UsageError("-o parquet is for a file or a pipe", "kafkactl dump-log ... -o parquet > records.parquet")
    writer = None
    while group := list(islice(rows, ROWS_PER_GROUP)):
        if writer is None:
            schema = pyarrow.schema([(name, _find_type(pyarrow, name, cell)) for name, cell in group[0].items()])
            writer = parquet.ParquetWriter(out.binary, schema)
        writer.write_table(pyarrow.Table.from_pylist([_make_cells(row) for row in group], schema=schema))
    if writer is not None:
        writer.close()


def _find_type(pyarrow: Any, name: str, cell: object) -> Any:
    """Return the Arrow type of a column: boolean by its name or its first cell, text by its name, and else int64.

    `pyarrow` is the module, which is imported late. The column `headers` is a list of structs of name and value.
    """
    if name == "headers":
        return pyarrow.list_(pyarrow.struct([("name", pyarrow.string()), ("value", pyarrow.string())]))
    if name in _BOOLEAN_COLUMNS or isinstance(cell, bool):  # `control` is a boolean of a batch, and a text of a record
        return pyarrow.bool_()
    return pyarrow.string() if name in _TEXT_COLUMNS else pyarrow.int64()


def _make_cells(row: dict[str, Any]) -> dict[str, Any]:
    """Return a copy of a row for pyarrow: dicts as JSON text, and headers as structs of name and value.

    `headers`, if the row has them, are pairs of name and value, and not the objects that encode_headers makes for bytes
    that are not UTF-8. Other cells stay, also lists.
    """
    cells = {
        name: json.dumps(cell, ensure_ascii=False) if isinstance(cell, dict) else cell for name, cell in row.items()
    }
    if "headers" in cells:
        cells["headers"] = [{"name": name, "value": value} for name, value in row["headers"]]
    return cells
