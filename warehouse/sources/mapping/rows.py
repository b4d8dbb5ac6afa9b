"""Rows of a CSV or Parquet file, in frames of text columns, with the records that could not be read.

Python's csv module reads the records: it takes any encoding, knows the physical line of every record, and
goes on after a broken one. What a row means belongs elsewhere.
"""

import csv
import gzip
import io
import json
import zlib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import IO, Any

import polars as pl
import pyarrow.parquet as pq
import zstandard

from warehouse.sources.mapping.spec import MappingError, Reading

CHUNK_ROWS = 50_000
LONGEST_FIELD = 16 * 2**20
"""Bytes of the longest field that is read, as the longest event line elsewhere."""
RECORD, LINE = "i:record", "i:line"

_GZIP, _ZSTD = (".gz",), (".zst", ".zstd")
_DAMAGED = (EOFError, OSError, zlib.error, zstandard.ZstdError)


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


def plain_name(name: str) -> str:
    """The file name without its compression suffix."""
    path = PurePosixPath(name)
    return str(path.with_suffix("")) if path.suffix in (*_GZIP, *_ZSTD) else name


def is_parquet(name: str, reading: Reading) -> bool:
    """Whether the mapping, or else the name, says Parquet."""
    return reading.format == "parquet" or (
        reading.format == "" and name.lower().endswith((".parquet", ".pq"))
    )


def header(path: Path, name: str, reading: Reading) -> list[str] | None:
    """Names of the columns; None for a file with nothing in it.

    Raises
    ------
    MappingError
        When the header cannot be read, or names a column twice.
    """
    if is_parquet(name, reading):
        return [str(field) for field in _parquet(path, name).schema_arrow.names]
    with _open(path, name, reading) as lines:
        names, _ = _header(lines, reading, name)
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
        _parquet_chunks(path, name, size)
        if is_parquet(name, reading)
        else _csv_chunks(path, name, reading, size)
    )
    for chunk in source:
        yield Chunk(chunk.frame.with_columns(_tidy(chunk.frame, reading)), chunk.bad, chunk.records)


def _tidy(frame: pl.DataFrame, reading: Reading) -> list[pl.Expr]:
    texts = [pl.col(name) for name in frame.columns if name.startswith("c:")]
    if reading.trim:
        texts = [text.str.strip_chars() for text in texts]
    nulls = list(reading.null_values)
    return [pl.when(~text.is_in(nulls)).then(text).name.keep() for text in texts]


# --- csv ---------------------------------------------------------------------------------------------


@contextmanager
def _open(path: Path, name: str, reading: Reading) -> Iterator[IO[str]]:
    # Bytes that are not of the encoding stay recognisable (surrogates), so that only their rows suffer.
    encoding = (
        "utf-8-sig" if reading.encoding.lower().replace("_", "-") in ("utf-8", "utf8") else reading.encoding
    )
    with path.open("rb") as stored:
        raw: Any = stored
        if name.endswith(_GZIP):
            raw = gzip.GzipFile(fileobj=stored)
        elif name.endswith(_ZSTD):
            raw = zstandard.ZstdDecompressor().stream_reader(stored, read_across_frames=True)
        with io.TextIOWrapper(
            io.BufferedReader(raw), encoding=encoding, errors="surrogateescape", newline=""
        ) as text:
            yield text


def _csv_reader(lines: Iterable[str], reading: Reading) -> Any:
    quoting: Any = csv.QUOTE_MINIMAL if reading.quote else csv.QUOTE_NONE
    return csv.reader(
        lines,
        delimiter=reading.delimiter,
        quotechar=reading.quote or None,
        escapechar=reading.escape or None,
        doublequote=reading.escape in ("", reading.quote),
        quoting=quoting,
        strict=True,
    )


def _header(lines: IO[str], reading: Reading, name: str) -> tuple[list[str] | None, int]:
    """Names of the columns (None where there is nothing), and the line on which the records begin."""
    for _ in range(reading.skip_lines):
        lines.readline()
    if not reading.header:
        return list(reading.columns), reading.skip_lines + 1
    reader = _csv_reader(lines, reading)
    try:
        with _field_limit():
            names = next(reader, None)
        "".join(names or []).encode()
    except (csv.Error, UnicodeError, *_DAMAGED) as error:
        raise MappingError(
            "The header of the file cannot be read.",
            where=name,
            why=str(error),
            todo="Look at its first line; say encoding, delimiter, quote or skip_lines in the mapping.",
        ) from error
    if names is None:
        return None, 1
    return [one.strip() or f"column_{number}" for number, one in enumerate(names, 1)], (
        reading.skip_lines + int(reader.line_num) + 1
    )


@contextmanager
def _field_limit() -> Iterator[None]:
    before = csv.field_size_limit(LONGEST_FIELD)
    try:
        yield
    finally:
        csv.field_size_limit(before)


class _Records:
    """Records of an open CSV file with their lines; broken ones come back as a reason and a sentence."""

    def __init__(self, lines: IO[str], reading: Reading, first_line: int, width: int) -> None:
        self.reader = _csv_reader(lines, reading)
        self.first_line, self.width = first_line, width
        self.count = 0
        self.ended = False

    def take(self, size: int) -> tuple[list[list[str]], list[int], list[int], list[BadRecord]]:
        """Up to `size` records: good rows, their record numbers and lines, and the bad ones."""
        rows: list[list[str]] = []
        numbers: list[int] = []
        lines: list[int] = []
        bad: list[BadRecord] = []
        reader, width, first = self.reader, self.width, self.first_line
        for _ in range(size):
            line = first + reader.line_num
            try:
                row = next(reader)
            except StopIteration:
                self.ended = True
                break
            except csv.Error as error:
                bad.append(BadRecord(self.count, line, "unmappable_row", _broken(str(error))))
                self.count += 1
                continue
            except _DAMAGED as error:
                bad.append(BadRecord(self.count, line, "truncated_file", _TRUNCATED.format(error)))
                self.count += 1
                self.ended = True
                break
            if not row:
                continue  # a blank line is no record
            if len(row) == width:
                rows.append(row)
                numbers.append(self.count)
                lines.append(line)
            else:
                message = (
                    f"The row has {len(row)} fields where the header has {width}. "
                    "Correct the row, or the delimiter."
                )
                bad.append(BadRecord(self.count, line, "unmappable_row", message))
            self.count += 1
        return rows, numbers, lines, bad


_TRUNCATED = (
    "The compressed file ends too early or is damaged ({}). Rows before this line were read; send it whole."
)


def _broken(error: str) -> str:
    if "field limit" in error:
        return f"A field is longer than {LONGEST_FIELD} characters; look for a quote that is not closed."
    return f"The row is not valid CSV: {error}. Correct its quotes, or say quote or escape in the mapping."


def _csv_chunks(path: Path, name: str, reading: Reading, size: int) -> Iterator[Chunk]:
    with _open(path, name, reading) as lines:
        names, first = _header(lines, reading, name)
        if names is None:
            return
        records = _Records(lines, reading, first, len(names))
        while not records.ended:
            before = records.count
            with _field_limit():
                rows, numbers, at, bad = records.take(size)
            yield Chunk(_frame(names, rows, numbers, at, bad, reading), bad, records.count - before)


def _frame(
    names: list[str],
    rows: list[list[str]],
    numbers: list[int],
    lines: list[int],
    bad: list[BadRecord],
    reading: Reading,
) -> pl.DataFrame:
    try:
        return _columns(names, rows, numbers, lines)
    except UnicodeEncodeError:
        return _columns(names, *_without_undecodable(rows, numbers, lines, bad, reading))


def _columns(names: list[str], rows: list[list[str]], numbers: list[int], lines: list[int]) -> pl.DataFrame:
    columns = list(zip(*rows, strict=True)) or [()] * len(names)
    texts = [
        pl.Series(f"c:{name}", values, dtype=pl.String) for name, values in zip(names, columns, strict=True)
    ]
    return pl.DataFrame(
        [*texts, pl.Series(RECORD, numbers, dtype=pl.Int64), pl.Series(LINE, lines, dtype=pl.Int64)]
    )


def _without_undecodable(
    rows: list[list[str]], numbers: list[int], lines: list[int], bad: list[BadRecord], reading: Reading
) -> tuple[list[list[str]], list[int], list[int]]:
    good: tuple[list[list[str]], list[int], list[int]] = ([], [], [])
    for row, number, line in zip(rows, numbers, lines, strict=True):
        try:
            "".join(row).encode()
        except UnicodeEncodeError:
            message = (
                f"The row has bytes that are not {reading.encoding}. "
                "Correct them, or say the encoding in the mapping."
            )
            bad.append(BadRecord(number, line, "not_utf8", message))
        else:
            good[0].append(row)
            good[1].append(number)
            good[2].append(line)
    return good


def raw_records(path: Path, name: str, reading: Reading, lines: set[int]) -> dict[int, bytes]:
    """The records that begin on these lines, byte for byte as far as the encoding allows.

    A second reading of the file, paid only when rows were refused. For Parquet, the row as JSON.
    """
    if not lines:
        return {}
    if is_parquet(name, reading):
        return _raw_parquet(path, name, lines)
    found: dict[int, list[str]] = {}
    with _open(path, name, reading) as text:
        seen: list[str] = []

        def remembered() -> Iterator[str]:
            for line in text:
                seen.append(line)
                yield line

        for _ in range(reading.skip_lines):
            text.readline()
        reader = _csv_reader(remembered(), reading)
        with _field_limit():
            while True:
                line = reading.skip_lines + reader.line_num + 1
                seen.clear()
                try:
                    next(reader)
                except StopIteration:
                    break
                except csv.Error:
                    pass
                except _DAMAGED:
                    break
                if line in lines:
                    found[line] = list(seen)
    return {
        line: "".join(parts).rstrip("\r\n").encode(reading.encoding, "surrogateescape")
        for line, parts in found.items()
    }


# --- parquet -----------------------------------------------------------------------------------------


def _parquet(path: Path, name: str) -> pq.ParquetFile:
    try:
        return pq.ParquetFile(path)
    except (OSError, ValueError) as error:
        raise MappingError("The file is not readable Parquet.", where=name, why=str(error)) from error


def _parquet_chunks(path: Path, name: str, size: int) -> Iterator[Chunk]:
    first = 0
    for batch in _parquet(path, name).iter_batches(size):
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


def _raw_parquet(path: Path, name: str, lines: set[int]) -> dict[int, bytes]:
    found = {}
    for chunk in _parquet_chunks(path, name, CHUNK_ROWS):
        for row in chunk.frame.filter(pl.col(LINE).is_in(sorted(lines))).to_dicts():
            values = {key.removeprefix("c:"): value for key, value in row.items() if key.startswith("c:")}
            found[int(row[LINE])] = json.dumps(values, ensure_ascii=False).encode()
    return found
