"""Records of a CSV file.

Python's csv module reads them: it takes any encoding, knows the physical line of every record, and goes on
after a broken one. On a log of 262,200 rows that cost no more than the engines' own readers.
"""

import csv
import gzip
import io
import zlib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

import polars as pl
import zstandard

from warehouse.sources.mapping.records import LINE, RECORD, BadRecord, Chunk
from warehouse.sources.mapping.spec import MappingError, Reading

LONGEST_FIELD = 16 * 2**20
"""Characters of the longest field that is read, as the longest event line elsewhere."""
GZIP, ZSTD = (".gz",), (".zst", ".zstd")

_DAMAGED = (EOFError, OSError, zlib.error, zstandard.ZstdError)


@contextmanager
def open_text(path: Path, name: str, reading: Reading) -> Iterator[IO[str]]:
    """The file as text, decompressed by its name."""
    # Bytes that are not of the encoding stay recognisable (surrogates), so that only their rows suffer.
    encoding = "utf-8-sig" if reading.encoding.lower().replace("_", "-") in ("utf-8", "utf8") else reading.encoding
    with path.open("rb") as stored:
        raw: Any = stored
        if name.endswith(GZIP):
            raw = gzip.GzipFile(fileobj=stored)
        elif name.endswith(ZSTD):
            raw = zstandard.ZstdDecompressor().stream_reader(stored, read_across_frames=True)
        with io.TextIOWrapper(io.BufferedReader(raw), encoding=encoding, errors="surrogateescape", newline="") as text:
            yield text


def csv_reader(lines: Iterable[str], reading: Reading) -> Any:
    """Python's reader with the dialect of the file."""
    quoting: Any = csv.QUOTE_MINIMAL if reading.quote else csv.QUOTE_NONE
    return csv.reader(
        lines,
        delimiter=reading.delimiter,
        quotechar=reading.quote or None,
        escapechar=reading.escape or None,
        skipinitialspace=reading.collapse,
        doublequote=reading.escape in ("", reading.quote),
        quoting=quoting,
        strict=True,
    )


def read_header(lines: IO[str], reading: Reading, name: str) -> tuple[list[str] | None, int]:
    """Names of the columns (None where there is nothing), and the line on which the records begin."""
    for _ in range(reading.skip_lines):
        lines.readline()
    if not reading.header:
        return list(reading.columns), reading.skip_lines + 1
    reader = csv_reader(lines, reading)
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
        self.reader = csv_reader(lines, reading)
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
            except (UnicodeDecodeError, *_DAMAGED) as error:
                bad.append(BadRecord(self.count, line, *_end(error)))
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
                    f"The row has {len(row)} fields where the header has {width}. Correct the row, or the delimiter."
                )
                bad.append(BadRecord(self.count, line, "unmappable_row", message))
            self.count += 1
        return rows, numbers, lines, bad


def _end(error: Exception) -> tuple[str, str]:
    """Reason and sentence where a file cannot be read any further."""
    if isinstance(error, UnicodeDecodeError):
        return "not_utf8", f"From here on the bytes are not {error.encoding} ({error.reason}). Say the encoding."
    return "truncated_file", (
        f"The compressed file ends too early or is damaged ({error}). Rows before this line were read; send it whole."
    )


def _broken(error: str) -> str:
    if "field limit" in error:
        return f"A field is longer than {LONGEST_FIELD} characters; look for a quote that is not closed."
    return f"The row is not valid CSV: {error}. Correct its quotes, or say quote or escape in the mapping."


def chunks(path: Path, name: str, reading: Reading, size: int) -> Iterator[Chunk]:
    """All records, in order."""
    with open_text(path, name, reading) as lines:
        names, first = read_header(lines, reading, name)
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
    texts = [pl.Series(f"c:{name}", values, dtype=pl.String) for name, values in zip(names, columns, strict=True)]
    return pl.DataFrame([*texts, pl.Series(RECORD, numbers, dtype=pl.Int64), pl.Series(LINE, lines, dtype=pl.Int64)])


def _without_undecodable(
    rows: list[list[str]], numbers: list[int], lines: list[int], bad: list[BadRecord], reading: Reading
) -> tuple[list[list[str]], list[int], list[int]]:
    good: tuple[list[list[str]], list[int], list[int]] = ([], [], [])
    for row, number, line in zip(rows, numbers, lines, strict=True):
        try:
            "".join(row).encode()
        except UnicodeEncodeError:
            message = (
                f"The row has bytes that are not {reading.encoding}. Correct them, or say the encoding in the mapping."
            )
            bad.append(BadRecord(number, line, "not_utf8", message))
        else:
            good[0].append(row)
            good[1].append(number)
            good[2].append(line)
    return good


def raw_records(path: Path, name: str, reading: Reading, lines: set[int]) -> dict[int, bytes]:
    """The records that begin on these lines, byte for byte as far as the encoding allows.

    A second reading of the file, paid only when rows were refused.
    """
    found: dict[int, list[str]] = {}
    with open_text(path, name, reading) as text:
        seen: list[str] = []

        def remembered() -> Iterator[str]:
            for line in text:
                seen.append(line)
                yield line

        for _ in range(reading.skip_lines):
            text.readline()
        reader = csv_reader(remembered(), reading)
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
                except (UnicodeDecodeError, *_DAMAGED):
                    break
                if line in lines:
                    found[line] = list(seen)
    return {line: _bytes("".join(parts).rstrip("\r\n"), reading) for line, parts in found.items()}


def _bytes(text: str, reading: Reading) -> bytes:
    try:
        return text.encode(reading.encoding, "surrogateescape")
    except UnicodeEncodeError:  # an encoding of more than one byte cannot give back a single one
        return text.encode("utf-8", "surrogateescape")
