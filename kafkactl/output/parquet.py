"""Rows as a Parquet file on stdout.

pyarrow is an extra: `pip install kafkactl[parquet]`.
"""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from itertools import islice
from typing import Any

from kafkactl.errors import UsageError
from kafkactl.output.structured import make_valid_text
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
    output is no Parquet file. The errors of `rows` come through. After any error the file is not complete.

    Raise UsageError, before a row is read, without pyarrow, and where stdout is a terminal; OutputError where stdout
    cannot be written, and ReaderLeftError where its reader left.
    """
    try:
        import pyarrow
        from pyarrow import parquet
    except ImportError:
        raise UsageError("-o parquet needs pyarrow", "pip install 'kafkactl[parquet]'") from None
    if out.is_terminal:
        raise UsageError("-o parquet is for a file or a pipe", "kafkactl dump-log ... -o parquet > records.parquet")
    writer = None
    sink = _Sink()
    try:
        while group := list(islice(rows, ROWS_PER_GROUP)):
            if writer is None:
                schema = pyarrow.schema([(name, _find_type(pyarrow, name, cell)) for name, cell in group[0].items()])
                writer = parquet.ParquetWriter(sink, schema)
            writer.write_table(pyarrow.Table.from_pylist([_make_cells(row) for row in group], schema=schema))
    except BaseException:
        sink.is_abandoned = True
        raise
    if writer is not None:
        writer.close()


class _Sink(io.RawIOBase):
    """Stdout for pyarrow, whose writer ends a file also after an error, as soon as nobody refers to it."""

    is_abandoned = False
    """True after an error: what comes now would make the file look whole."""

    def writable(self) -> bool:
        """Return True."""
        return True

    def write(self, data: Any) -> int:
        """Write bytes, and return their number; drop them after an error. Raise OutputError and ReaderLeftError."""
        if not self.is_abandoned:
            out.binary.write(data)
        return len(data)


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

    Texts that are not Unicode, such as some paths, have visible escapes.

    `headers`, if the row has them, are pairs of name and value, and not the objects that encode_headers makes for bytes
    that are not UTF-8. Other cells stay, also lists.
    """
    cells = {name: _make_text(cell) if isinstance(cell, (dict, str)) else cell for name, cell in row.items()}
    if "headers" in cells:
        cells["headers"] = [{"name": name, "value": value} for name, value in row["headers"]]
    return cells


def _make_text(cell: dict[str, Any] | str) -> str:
    """Return a text without lone surrogates: the text itself, or a dict as JSON."""
    return make_valid_text(cell if isinstance(cell, str) else json.dumps(cell, ensure_ascii=False))
