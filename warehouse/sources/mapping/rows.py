"""Rows of a file of either kind as frames of text columns, tidied as the mapping says.

What a row means belongs elsewhere.
"""

from collections.abc import Iterator
from pathlib import Path, PurePosixPath

import polars as pl

from warehouse.sources.mapping import csv_rows, parquet_rows
from warehouse.sources.mapping.records import CHUNK_ROWS, Chunk
from warehouse.sources.mapping.spec import MappingError, Reading


def plain_name(name: str) -> str:
    """The file name without its compression suffix."""
    path = PurePosixPath(name)
    return str(path.with_suffix("")) if path.suffix in (*csv_rows.GZIP, *csv_rows.ZSTD) else name


def is_parquet(name: str, reading: Reading) -> bool:
    """Whether the mapping, or else the name, says Parquet."""
    return reading.format == "parquet" or (reading.format == "" and name.lower().endswith((".parquet", ".pq")))


def header(path: Path, name: str, reading: Reading) -> list[str] | None:
    """Names of the columns; None for a file with nothing in it.

    Raises
    ------
    MappingError
        When the header cannot be read, or names a column twice.
    """
    if is_parquet(name, reading):
        return [str(field) for field in parquet_rows.open_parquet(path, name).schema_arrow.names]
    with csv_rows.open_text(path, name, reading) as lines:
        names, _ = csv_rows.read_header(lines, reading, name)
    if names is None:
        return None
    twice = sorted({one for one in names if names.count(one) > 1})
    if twice:
        raise MappingError(
            f"The header names {', '.join(map(repr, twice))} more than once.",
            where=name,
            todo="Rename the columns, or say header = false, skip_lines = 1 and columns = [ … ].",
        )
    return names


def chunks(path: Path, name: str, reading: Reading, size: int = CHUNK_ROWS) -> Iterator[Chunk]:
    """All records of a file, in order; empty values are null."""
    source = (
        parquet_rows.chunks(path, name, size)
        if is_parquet(name, reading)
        else csv_rows.chunks(path, name, reading, size)
    )
    for chunk in source:
        yield Chunk(chunk.frame.with_columns(_tidy(chunk.frame, reading)), chunk.bad, chunk.records)


def _tidy(frame: pl.DataFrame, reading: Reading) -> list[pl.Expr]:
    texts = [pl.col(name) for name in frame.columns if name.startswith("c:")]
    if reading.trim:
        texts = [text.str.strip_chars() for text in texts]
    nulls = list(reading.null_values)
    return [pl.when(~text.is_in(nulls)).then(text).name.keep() for text in texts]


def raw_records(path: Path, name: str, reading: Reading, lines: set[int]) -> dict[int, bytes]:
    """The records that begin on these lines as they stand in the file; of Parquet, the rows as JSON."""
    if not lines:
        return {}
    if is_parquet(name, reading):
        return parquet_rows.raw_records(path, name, lines)
    return csv_rows.raw_records(path, name, reading, lines)
