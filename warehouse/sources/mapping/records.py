"""What every reader of files gives: chunks of rows as text, and the records that could not be read."""

from dataclasses import dataclass

import polars as pl

CHUNK_ROWS = 50_000
RECORD, LINE = "i:record", "i:line"
"""Columns beside those of the file: the record, from 0, and the physical line on which it begins."""


@dataclass(frozen=True)
class BadRecord:
    """A record that could not be read; ``record`` counts from 0 over all records of the file."""

    record: int
    line: int
    reason: str
    message: str


@dataclass(frozen=True)
class Chunk:
    """Some records of a file: readable ones in ``frame`` (``c:<column>``, record, line), and the others."""

    frame: pl.DataFrame
    bad: list[BadRecord]
    records: int
