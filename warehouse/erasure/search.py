"""Looks for values in the bytes of every file under a folder: the proof that an erasure left nothing.

Run as a program, in a process of its own: one that writes with DuckDB must not open its files in another way. It
unpacks what is packed, and looks into DuckDB, Parquet and SQLite files also by their content, since what they
compress does not show in their bytes. What is looked for, and what is done about it, is decided by its caller.
"""

import io
import json
import re
import sqlite3
import subprocess
import sys
import zipfile
import zlib
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

_OVERLAP = 1024
_CHUNK = 4 * 2**20
_STEP = 1024
"""Of a damaged file all up to the damage is looked at, which larger steps would drop."""
_LEVELS = 3
"""How deeply packed files may stand in each other."""


class Needles:
    """What is looked for.

    Parameters
    ----------
    values
        By the value's number, its forms: `exact` ones are compared as they are, the `folded` ones without case.
        None of either is part of a longer word.
    """

    def __init__(self, folded: dict[str, int], exact: dict[str, int]) -> None:
        self._numbers = {form.lower(): number for form, number in folded.items()}
        self._exact = exact
        wide = {case for form in folded for case in {form, form.lower(), form.upper(), form.title()}}
        self._bounded = _alternatives(wide, re.IGNORECASE, bounded=True)
        self._loose = _alternatives(wide, re.IGNORECASE, bounded=False)
        self._encoded = _alternatives(set(exact), 0, bounded=False)

    def find(self, content: bytes, *, is_bounded: bool = True) -> set[int]:
        """Numbers of the values that stand in these bytes."""
        plain = self._bounded if is_bounded else self._loose
        found = {self._numbers.get(hit.decode(errors="replace").lower(), -1) for hit in plain.findall(content)}
        found |= {self._exact[hit.decode()] for hit in self._encoded.findall(content)}
        return found


def _alternatives(forms: set[str], flags: int, *, bounded: bool) -> re.Pattern[bytes]:
    if not forms:
        return re.compile(rb"(?!)")
    body = any_of(form.encode() for form in forms)
    if bounded:
        body = rb"(?<![A-Za-z0-9])(?:" + body + rb")(?![A-Za-z0-9])"
    return re.compile(body, flags)


def any_of(forms: Iterable[bytes]) -> bytes:
    """Regular expression for any of these, the longest first; forms that begin alike are tried together.

    Thousands of persons cost little more than one, while of a plain list each form is tried at each byte.
    """
    trie: dict[int, Any] = {}
    for form in forms:
        node = trie
        for sign in form:
            node = node.setdefault(sign, {})
        node[-1] = {}
    return _expression(trie)


def _expression(node: dict[int, Any]) -> bytes:
    run = b""
    while len(node) == 1 and -1 not in node:
        ((sign, node),) = node.items()
        run += re.escape(bytes([sign]))
    branches = [re.escape(bytes([sign])) + _expression(inner) for sign, inner in sorted(node.items()) if sign != -1]
    if not branches:
        return run
    return run + b"(?:" + b"|".join(branches) + b")" + (b"?" if -1 in node else b"")


def search(root: Path, folded: dict[str, int], exact: dict[str, int]) -> list[dict[str, Any]]:
    """Where values stand under a folder, found by another process.

    Parameters
    ----------
    folded, exact
        Forms to the number of their value; the first are found in any case.

    Returns
    -------
    list of dict
        ``path`` relative to `root`, ``place`` within it, ``values`` (numbers); or ``path`` and ``error``.
    """
    question = json.dumps({"root": str(root), "folded": folded, "exact": exact})
    answer = subprocess.run(
        [sys.executable, "-P", __file__], input=question, capture_output=True, text=True, check=False
    )
    if answer.returncode != 0:
        return [{"path": ".", "error": answer.stderr.strip()[-500:] or f"it ended with code {answer.returncode}"}]
    found: list[dict[str, Any]] = json.loads(answer.stdout)
    return found


def _look(root: Path, needles: Needles) -> Iterator[dict[str, Any]]:
    for path in sorted(root.rglob("*")):
        name = path.relative_to(root).as_posix()
        target = str(path.readlink()) if path.is_symlink() else ""
        if found := needles.find(f"{name}\n{target}".encode(), is_bounded=True):
            yield {"path": name, "place": "its name", "values": sorted(found)}
        if path.is_symlink() or not path.is_file():
            continue
        try:
            for place, values in _in_file(path, needles):
                if values:
                    yield {"path": name, "place": place, "values": sorted(values)}
        except FileNotFoundError:
            continue  # it was removed meanwhile, as logs are
        except Exception as error:
            yield {"path": name, "error": f"{type(error).__name__}: {error}"}


def _in_file(path: Path, needles: Needles) -> Iterator[tuple[str, set[int]]]:
    with path.open("rb") as file:
        head = file.read(16)
    if head[8:12] == b"DUCK":
        yield from _in_duckdb(path, needles)
        return
    yield "its bytes", _in_bytes(_pieces(path), needles)
    if head.startswith(b"SQLite format 3"):
        yield from _in_sqlite(path, needles)
    elif head.startswith(b"PAR1"):
        yield "its rows", _in_parquet(path, needles)
    else:
        yield from _unpacked(head, path.read_bytes if _is_packed(head) else bytes, needles, 1)


def _pieces(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        while piece := file.read(_CHUNK):
            yield piece


def _in_bytes(pieces: Iterator[bytes], needles: Needles, *, is_bounded: bool = True) -> set[int]:
    found: set[int] = set()
    rest = b""
    for piece in pieces:
        found |= needles.find(rest + piece, is_bounded=is_bounded)
        rest = (rest + piece)[-_OVERLAP:]
    return found


def _is_packed(head: bytes) -> bool:
    return head.startswith((b"\x1f\x8b", b"\x28\xb5\x2f\xfd", b"PK\x03\x04"))


def _unpacked(head: bytes, read: Any, needles: Needles, level: int) -> Iterator[tuple[str, set[int]]]:
    if not _is_packed(head) or level > _LEVELS:
        return
    content = read()
    if head.startswith(b"PK\x03\x04"):
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            for member in archive.namelist():
                inner = archive.read(member)
                yield f"its member {member}", needles.find(inner)
                yield from _unpacked(inner[:16], lambda inner=inner: inner, needles, level + 1)
        return
    inner = _gunzip(content) if head.startswith(b"\x1f\x8b") else _unzstd(content)
    yield "its content", needles.find(inner)
    yield from _unpacked(inner[:16], lambda: inner, needles, level + 1)


def _gunzip(content: bytes) -> bytes:
    """As much as can be unpacked; a file may break off, or be damaged."""
    parts = []
    while content:
        unpacker = zlib.decompressobj(31)
        try:
            for start in range(0, len(content), _STEP):
                parts.append(unpacker.decompress(content[start : start + _STEP]))
                if unpacker.eof:
                    content = unpacker.unused_data + content[start + _STEP :]
                    break
            else:
                break
        except zlib.error:
            break
        content = content.lstrip(b"\0")
    return b"".join(parts)


def _unzstd(content: bytes) -> bytes:
    import zstandard

    parts = []
    try:
        with zstandard.ZstdDecompressor().stream_reader(content, read_across_frames=True) as reader:
            while piece := reader.read(_CHUNK):
                parts.append(piece)
    except zstandard.ZstdError:
        pass
    return b"".join(parts)


def _in_duckdb(path: Path, needles: Needles) -> Iterator[tuple[str, set[int]]]:
    import duckdb

    explained: set[int] = set()
    settings = {"threads": "2", "autoload_known_extensions": "false"}
    with duckdb.connect(str(path), read_only=True, config=settings) as con:
        columns = con.execute(
            "select schema_name, table_name, column_name, data_type from duckdb_columns() where not internal"
        ).fetchall()
        for schema, table, column, kind in columns:
            if not re.search(r"VARCHAR|JSON|BLOB|STRUCT|MAP|ENUM|\[\]", kind):
                continue
            name = ".".join('"' + part.replace('"', '""') + '"' for part in (schema, table))
            text = '"' + column.replace('"', '""') + '"'
            text = f"decode({text})" if kind == "BLOB" else f"cast({text} as varchar)"
            found: set[int] = set()
            try:
                values = con.execute(f"select distinct {text} from {name}")
                batch = values.fetchmany(10_000)
            except duckdb.Error:  # bytes that are no text
                values = con.execute(f'select distinct cast("{column}" as varchar) from {name}')
                batch = values.fetchmany(10_000)
            while batch:
                content = "\n".join(value for (value,) in batch if value is not None).encode(errors="replace")
                found |= needles.find(content)
                explained |= needles.find(content, is_bounded=False)
                batch = values.fetchmany(10_000)
            yield f"{schema}.{table}.{column}", found
    # In a block, texts stand side by side: what is part of another value there is no trace.
    yield "its bytes", _in_bytes(_pieces(path), needles, is_bounded=False) - explained


def _in_parquet(path: Path, needles: Needles) -> set[int]:
    import pyarrow.parquet as pq

    found: set[int] = set()
    for batch in pq.ParquetFile(path).iter_batches():
        found |= needles.find(json.dumps(batch.to_pylist(), ensure_ascii=False, default=str).encode(errors="replace"))
        found |= needles.find(repr(batch.to_pylist()).encode(errors="replace"))
    return found


def _in_sqlite(path: Path, needles: Needles) -> Iterator[tuple[str, set[int]]]:
    con = sqlite3.connect(f"file:{path}?mode=ro", uri=True)
    try:
        tables = [row[0] for row in con.execute("select name from sqlite_master where type = 'table'")]
        for table in tables:
            found: set[int] = set()
            for row in con.execute('select * from "{}"'.format(table.replace('"', '""'))):
                for value in row:
                    content = value.encode(errors="replace") if isinstance(value, str) else value
                    if isinstance(content, bytes):
                        found |= needles.find(content)
                        found |= needles.find(_inflated(content)) if content[:1] == b"\x78" else set()
            yield table, found
    finally:
        con.close()


def _inflated(content: bytes) -> bytes:
    try:
        return zlib.decompress(content)
    except zlib.error:
        return b""


def main() -> None:
    """Answer one question from standard input."""
    question = json.load(sys.stdin)
    needles = Needles(question["folded"], question["exact"])
    json.dump(list(_look(Path(question["root"]), needles)), sys.stdout)


if __name__ == "__main__":
    main()
