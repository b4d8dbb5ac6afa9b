"""Rows of a Parquet file, each column as a file of text would have written it."""

import json
from collections.abc import Iterator
from pathlib import Path

import polars as pl
import pyarrow.parquet as pq

from warehouse.sources.mapping.records import CHUNK_ROWS, LINE, RECORD, BadRecord, Chunk
from warehouse.sources.mapping.spec import MappingError


def open_parquet(path: Path, name: str) -> pq.ParquetFile:
    """Open the file, or say that it cannot be read."""
    try:
        return pq.ParquetFile(path)
    except (OSError, ValueError) as error:
        raise MappingError("The file is not readable Parquet.", where=name, why=str(error)) from error


def chunks(path: Path, name: str, size: int) -> Iterator[Chunk]:
    """All rows, in order; the line is the number of the row."""
    first = 0
    file = open_parquet(path, name)
    names, batches = file.schema_arrow.names, file.iter_batches(size)
    while True:
        try:
            batch = next(batches, None)
        except (OSError, ValueError) as error:
            message = f"The Parquet file is damaged ({error}). Rows before this one were read; send it whole."
            bad = BadRecord(first, first + 1, "unreadable_file", message)
            columns = {f"c:{one}": pl.String for one in names}
            yield Chunk(pl.DataFrame(schema={**columns, RECORD: pl.Int64, LINE: pl.Int64}), [bad], 1)
            return
        if batch is None:
            return
        frame = pl.DataFrame(pl.from_arrow(batch))
        numbers = pl.int_range(first, first + frame.height, dtype=pl.Int64)
        texts = frame.select([_as_text(frame.schema[one], one).alias(f"c:{one}") for one in frame.columns])
        yield Chunk(texts.with_columns(numbers.alias(RECORD), (numbers + 1).alias(LINE)), [], frame.height)
        first += frame.height


def _as_text(kind: pl.DataType, name: str) -> pl.Expr:
    """A typed column as a file of text would have written it."""
    value = pl.col(name)
    if isinstance(kind, pl.Datetime):
        if kind.time_zone is None:
            return value.dt.to_string("%Y-%m-%dT%H:%M:%S%.f")
        return value.dt.convert_time_zone("UTC").dt.to_string("%Y-%m-%dT%H:%M:%S%.fZ")
    if isinstance(kind, pl.Date):
        return value.dt.to_string("%Y-%m-%d")
    if isinstance(kind, pl.Boolean):
        return pl.when(value).then(pl.lit("true")).when(~value).then(pl.lit("false"))
    if isinstance(kind, pl.Binary):
        return value.bin.encode("base64")
    if isinstance(kind, pl.List | pl.Struct | pl.Array):
        one = pl.struct(value.alias("v")).struct.json_encode()
        return pl.when(value.is_not_null()).then(one.str.strip_prefix('{"v":').str.strip_suffix("}"))
    return value.cast(pl.String)


def raw_records(path: Path, name: str, lines: set[int]) -> dict[int, bytes]:
    """The rows of these numbers as JSON."""
    found = {}
    for chunk in chunks(path, name, CHUNK_ROWS):
        for row in chunk.frame.filter(pl.col(LINE).is_in(sorted(lines))).to_dicts():
            values = {key.removeprefix("c:"): value for key, value in row.items() if key.startswith("c:")}
            found[int(row[LINE])] = json.dumps(values, ensure_ascii=False).encode()
    return found
