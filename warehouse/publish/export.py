"""Writes answers of the published file as a table for people, CSV, JSON or Parquet.

Written from Python: the connection that answers has no access to the disk. Which statement is answered
belongs to :mod:`warehouse.publish.reader`.
"""

import json
import math
from collections.abc import Iterator
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from pathlib import Path
from typing import IO, Any

import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet


def write_csv(reader: pa.RecordBatchReader, sink: IO[bytes]) -> int:
    """Write all rows with a header; lists and structs as JSON, empty text as ``""``, nothing as nothing."""
    rows = 0
    schema = pa.schema([(field.name, _csv_type(field.type)) for field in reader.schema])
    with pa.csv.CSVWriter(sink, schema) as writer:
        for batch in reader:
            columns = [_csv_column(batch.column(i), schema.field(i).type) for i in range(batch.num_columns)]
            writer.write_batch(pa.record_batch(columns, schema=schema))
            rows += batch.num_rows
    return rows


def write_json(reader: pa.RecordBatchReader, sink: IO[bytes]) -> int:
    """Write an array of objects, one per line."""
    rows = 0
    sink.write(b"[")
    for row in rows_of(reader):
        sink.write(b",\n" if rows else b"\n")
        sink.write(json.dumps(plain(row), ensure_ascii=False, allow_nan=False).encode())
        rows += 1
    sink.write(b"\n]\n" if rows else b"]\n")
    return rows


def write_parquet(reader: pa.RecordBatchReader, sink: IO[bytes]) -> int:
    """Write all rows, zstd-compressed."""
    rows = 0
    with pa.parquet.ParquetWriter(sink, reader.schema, compression="zstd") as writer:
        for batch in reader:
            writer.write_batch(batch)
            rows += batch.num_rows
    return rows


WRITERS = {"csv": write_csv, "json": write_json, "parquet": write_parquet}


def write_file(reader: pa.RecordBatchReader, path: Path, kind: str) -> int:
    """Write to `path`, which appears whole or not at all; return the number of rows."""
    draft = path.with_name(f".{path.name}.draft")
    try:
        with draft.open("wb") as sink:
            rows = WRITERS[kind](reader, sink)
        draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)
    return rows


def rows_of(reader: pa.RecordBatchReader) -> Iterator[dict[str, Any]]:
    """Yield rows as Python values, one by one."""
    for batch in reader:
        yield from batch.to_pylist()


def shown(value: Any) -> str:
    """Write a value for the screen."""
    if value is None:
        return ""
    return str(value) if isinstance(value, datetime | Decimal) else str(plain(value))


def plain(value: Any) -> Any:
    """Turn a value into what JSON knows: instants as ISO 8601, what is no number as nothing."""
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, datetime | date | time):
        return value.isoformat()
    if isinstance(value, Decimal):
        return int(value) if value == value.to_integral_value() else float(value)
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    if isinstance(value, dict):
        return {str(name): plain(item) for name, item in value.items()}
    if value is None or isinstance(value, str | int | bool):
        return value
    return value.hex() if isinstance(value, bytes) else _seconds(value)


def _seconds(value: Any) -> Any:
    return value.total_seconds() if isinstance(value, timedelta) else str(value)


def _csv_type(kind: pa.DataType) -> pa.DataType:
    has_text = pa.types.is_nested(kind) or pa.types.is_binary(kind) or pa.types.is_interval(kind)
    return pa.string() if has_text or pa.types.is_dictionary(kind) else kind


def _csv_column(column: pa.Array, kind: pa.DataType) -> pa.Array:
    if column.type == kind:
        return column
    if pa.types.is_dictionary(column.type):
        return column.cast(kind)
    texts = [None if value is None else plain(value) for value in column.to_pylist()]
    return pa.array([t if t is None or isinstance(t, str) else json.dumps(t, ensure_ascii=False) for t in texts], kind)
