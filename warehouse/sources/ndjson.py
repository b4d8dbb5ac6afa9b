"""JSON lines, plain, gzip or zstd.

DuckDB reads them, in parallel, and yields a row of nulls for a line that is no JSON object. What such a line was is
looked up by a second pass in Python, over the file as it was received. A file that DuckDB refuses as a whole (a line
longer than it may be) or would misread (a compressed file that breaks off) is rewritten once, with ``null`` in place of
such lines.
"""

import json
import mmap
from collections.abc import Iterator, Set
from pathlib import Path
from typing import Any

import duckdb

from warehouse.sources.lines import LongLines, rows_at
from warehouse.sources.packed import COMPRESSIONS, DamagedError, TruncatedError, chunks
from warehouse.sources.reader import RawRow, Relation

BOM = b"\xef\xbb\xbf"
_EXACT_DIGITS = 1000
_SMALLEST_LIMIT = 1 << 24
"""DuckDB heeds no smaller ``maximum_object_size``, and is generous with larger ones: the limit is kept by us."""
_MISCOUNTS = duckdb.__version__.startswith("1.")
"""DuckDB 1.5 gives a last line of ``NaN`` two rows, and takes a lone ``[`` and the next line for one."""
_READ = """
select
    row_number() over () as row_number, specversion, id, source, type, subject, time, tenantid, actor, data
from read_json(
    ?, format = 'newline_delimited', ignore_errors = true, maximum_object_size = ?, compression = ?,
    columns = {
        specversion: 'VARCHAR', id: 'VARCHAR', source: 'VARCHAR', type: 'VARCHAR', subject: 'VARCHAR', time: 'VARCHAR',
        tenantid: 'VARCHAR', actor: 'VARCHAR', data: 'JSON'
    }
)
"""


class NdjsonReader:
    """One file of JSON lines.

    Parameters
    ----------
    path
        The landed file.
    name
        Its name as received.
    max_bytes
        Longest line that is taken in.
    workspace
        Folder for the rewritten file, if one is needed; it is replaced by the next.
    """

    def __init__(self, path: Path, name: str, max_bytes: int, workspace: Path) -> None:
        self.path, self.name, self.max_bytes, self.workspace = path, name, max_bytes, workspace
        self.note = ""
        self._readable: Path | None = None
        self._damage = ""
        if self._is_odd():
            self.read_carefully()

    def relation(self) -> Relation:
        """Rows numbered by non-blank line."""
        path = self._readable or self.path
        return Relation(
            _READ,
            [str(path), max(self.max_bytes, _SMALLEST_LIMIT) + 4096, COMPRESSIONS.get(path.suffix, "uncompressed")],
        )

    def read_carefully(self) -> bool:
        """Write the lines that can be read to a file of their own, in the same order and number."""
        if self._readable is not None:
            return False
        self.workspace.mkdir(parents=True, exist_ok=True)
        target = self.workspace / "readable.ndjson"
        with target.open("wb") as clean:
            for row in self._lines():
                text = row.raw.strip()
                clean.write(b"null\n" if row.reason or not text.startswith(b"{") else text + b"\n")
        self._readable = target
        self.note = "read line by line"
        return True

    def raw_rows(self, wanted: Set[int]) -> Iterator[RawRow]:
        """Originals, each with the reason why it is no JSON object, if it is none."""
        if self._readable is None:
            for number, line, raw in rows_at(chunks(self.path), wanted):
                yield _judged(RawRow(number, self.name, line, raw.rstrip(b"\r")))
            return
        for row in self._lines():
            if row.row_number in wanted:
                yield row if row.reason else _judged(row)

    def _is_odd(self) -> bool:
        """Whether DuckDB would read the file otherwise than it is meant, or than the second pass does.

        It takes a byte order mark for content, overlooks a file of one byte, checks no checksum of gzip, and lets lines
        pass that are longer than it was told.
        """
        head = b""
        long_lines = LongLines(self.max_bytes)
        try:
            for content in chunks(self.path):
                head = head + content if len(head) < len(BOM) else head
                if self.path.suffix not in COMPRESSIONS and len(head) >= len(BOM):
                    _feed_mapped(self.path, long_lines)
                    break
                long_lines.feed(content)
        except TruncatedError:
            return True
        except DamagedError as error:
            self._damage = str(error)
            return True
        return _MISCOUNTS or head.startswith(BOM) or len(head) < len(BOM) or long_lines.found

    def _lines(self) -> Iterator[RawRow]:
        """All non-blank lines. A line that is too long comes cut; what breaks off comes as a last row."""
        if self._damage:
            yield RawRow(
                1, self.name, 1, b"", "unreadable_file",
                f"The file is damaged, or not compressed as its name says ({self._damage}). Nothing of it is taken in; "
                "send it again, whole.",
            )  # fmt: skip
            return
        number = 0
        for line, (raw, is_cut, is_broken) in enumerate(_split(chunks(self.path), self.max_bytes), start=1):
            text = raw.removeprefix(BOM) if line == 1 else raw
            if is_broken:
                yield RawRow(
                    number + 1, self.name, line, text, "truncated_file",
                    f"The compressed file breaks off in line {line}. The lines before are taken in; send the file "
                    "again, whole: what is in already is not doubled.",
                )  # fmt: skip
                return
            if not text.strip():
                continue
            number += 1
            if is_cut:
                yield RawRow(
                    number, self.name, line, text, "too_large",
                    f"The line is longer than {self.max_bytes:,} bytes. Send smaller events, or raise "
                    "DEALHOUSE_MAX_EVENT_BYTES and replay.",
                )  # fmt: skip
            else:
                yield RawRow(number, self.name, line, text.rstrip(b"\r"))


def _feed_mapped(path: Path, long_lines: LongLines) -> None:
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
        long_lines.feed(content)


def _judged(row: RawRow) -> RawRow:
    reason, message = unreadable(row.raw)
    return RawRow(row.row_number, row.file, row.line, row.raw, reason, message)


def unreadable(raw: bytes) -> tuple[str, str]:
    """Why bytes are no JSON object: reason code and sentence, both empty where they are one.

    RFC 8259 to the letter: without Python's NaN and Infinity, and without halves of surrogate pairs.
    """
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError as error:
        return (
            "not_utf8",
            f"Byte {error.start + 1} of the line is not UTF-8. Encode the file as UTF-8 and send it again.",
        )
    try:
        value = parse_json(text)
    except ValueError as error:
        return "malformed_json", f"The line is no JSON: {error}. Send one whole JSON object on each line."
    except RecursionError:
        return "malformed_json", "The line is nested too deeply to be read. Send one flat JSON object on each line."
    if not isinstance(value, dict):
        return "not_an_object", f"The line holds a JSON {_kind(value)}. Send one JSON object on each line."
    return "", ""


def parse_json(text: str) -> Any:
    """Parse JSON by RFC 8259 to the letter, whatever the length of its numbers.

    Raises
    ------
    ValueError
        If it is none.
    RecursionError
        If it is nested more deeply than Python can follow.
    """
    value = json.loads(text, parse_int=_integer, parse_constant=_no_constant)
    if "\\u" in text:
        try:
            json.dumps(value, ensure_ascii=False).encode()
        except UnicodeEncodeError as error:
            raise ValueError("an escape is half of a surrogate pair") from error
    return value


def _integer(digits: str) -> int | float:
    # Python refuses to read integers of thousands of digits; no contract takes one of more than 16.
    return int(digits) if len(digits) <= _EXACT_DIGITS else float(digits)


def _no_constant(name: str) -> None:
    raise ValueError(f"{name} is not JSON")


def _kind(value: Any) -> str:
    return {list: "array", str: "string", bool: "boolean", type(None): "null"}.get(type(value), "number")


def _split(content: Iterator[bytes], limit: int) -> Iterator[tuple[bytes, bool, bool]]:
    """Lines without their ends; of each, whether it was cut to `limit` and whether the file breaks off in it."""
    begun = b""
    is_broken = False
    try:
        for piece in content:
            lines = piece.split(b"\n")
            for line in lines[:-1]:
                whole = begun + line
                begun = b""
                yield whole[:limit], len(whole) > limit, False
            # Of an endless line no more is held than tells that it is too long.
            begun = (begun + lines[-1])[: limit + 1]
    except TruncatedError:
        is_broken = True
    if begun or is_broken:
        yield begun[:limit], len(begun) > limit, is_broken
