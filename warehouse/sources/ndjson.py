"""JSON lines, plain, gzip or zstd.

DuckDB reads them, in parallel, and yields a row of nulls for a line that is no JSON object. What such a line was is
looked up by a second pass in Python, over the file as it was received. A file that DuckDB refuses as a whole (a line
longer than it may be, a compressed file that breaks off) is rewritten once, with ``null`` in place of such lines.
"""

import gzip
import json
import zlib
from collections.abc import Iterator, Set
from pathlib import Path
from typing import IO, Any

import zstandard

from warehouse.sources.kinds import suffix
from warehouse.sources.reader import RawRow, Relation

BOM = b"\xef\xbb\xbf"
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
        if _starts_with_bom(path):
            self.read_carefully()

    def relation(self) -> Relation:
        """Rows numbered by non-blank line."""
        path = self._readable or self.path
        packed = {".gz": "gzip", ".zst": "zstd"}.get(
            suffix(path)[-3:] if suffix(path).endswith(".gz") else suffix(path)[-4:], "none"
        )
        return Relation(_READ, [str(path), max(self.max_bytes, 1 << 20) + 4096, packed])

    def read_carefully(self) -> bool:
        """Write the lines that can be read to a file of their own, in the same order and number."""
        if self._readable is not None:
            return False
        self.workspace.mkdir(parents=True, exist_ok=True)
        target = self.workspace / "readable.ndjson"
        with target.open("wb") as clean:
            for row in self._lines():
                clean.write(b"null\n" if row.reason else row.raw.strip() + b"\n")
        self._readable = target
        self.note = "read line by line"
        return True

    def raw_rows(self, wanted: Set[int]) -> Iterator[RawRow]:
        """Originals, each with the reason why it is no JSON object, if it is none."""
        for row in self._lines():
            if row.row_number in wanted:
                yield row if row.reason else _judged(row)

    def _lines(self) -> Iterator[RawRow]:
        """All non-blank lines. A line that is too long comes cut; what breaks off comes as a last row."""
        number = 0
        line = 0
        with _opened(self.path) as content:
            first = True
            while True:
                try:
                    raw, is_cut = _read_line(content, self.max_bytes)
                except (EOFError, zlib.error, gzip.BadGzipFile, zstandard.ZstdError) as error:
                    yield RawRow(
                        number + 1, self.name, line + 1, b"", "truncated_file",
                        f"The compressed file breaks off after line {line} ({error}). The lines before are taken in; "
                        "send the file again, whole: what is in already is not doubled.",
                    )  # fmt: skip
                    return
                if not raw:
                    return
                line += 1
                if first:
                    first = False
                    raw = raw.removeprefix(BOM)
                if not raw.strip():
                    continue
                number += 1
                if is_cut:
                    yield RawRow(
                        number, self.name, line, raw, "too_large",
                        f"The line is longer than {self.max_bytes:,} bytes. Send smaller events, or raise "
                        "DEALHOUSE_MAX_EVENT_BYTES and replay.",
                    )  # fmt: skip
                else:
                    yield RawRow(number, self.name, line, raw.rstrip(b"\r\n"))


def _judged(row: RawRow) -> RawRow:
    reason, message = unreadable(row.raw)
    return RawRow(row.row_number, row.file, row.line, row.raw, reason, message)


def unreadable(raw: bytes) -> tuple[str, str]:
    """Why bytes are no JSON object: reason code and sentence, both empty where they are one."""
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError as error:
        return (
            "not_utf8",
            f"Byte {error.start + 1} of the line is not UTF-8. Encode the file as UTF-8 and send it again.",
        )
    try:
        value = json.loads(text)
    except (json.JSONDecodeError, RecursionError) as error:
        return "malformed_json", f"The line is no JSON: {error}. Send one whole JSON object on each line."
    if not isinstance(value, dict):
        return "not_an_object", f"The line holds a JSON {_kind(value)}. Send one JSON object on each line."
    return "", ""


def _kind(value: Any) -> str:
    return {list: "array", str: "string", bool: "boolean", type(None): "null"}.get(type(value), "number")


def _opened(path: Path) -> IO[bytes]:
    if path.suffix == ".gz":
        return gzip.open(path, "rb")
    if path.suffix == ".zst":
        return zstandard.open(path, "rb")
    return path.open("rb")


def _starts_with_bom(path: Path) -> bool:
    try:
        with _opened(path) as content:
            return content.read(3) == BOM
    except (EOFError, OSError, zlib.error, zstandard.ZstdError):
        return False


def _read_line(content: IO[bytes], limit: int) -> tuple[bytes, bool]:
    """One line; of a longer one than `limit` the first `limit` bytes, the rest passed over."""
    raw = content.readline(limit + 1)
    if len(raw) <= limit or raw.endswith(b"\n"):
        return raw, False
    while (rest := content.readline(1 << 20)) and not rest.endswith(b"\n"):
        pass
    return raw[:limit], True
