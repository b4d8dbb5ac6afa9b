"""An append-only file of JSON lines in which each line carries the hash of the one before it.

A changed, removed or swapped line breaks the chain; a last line that a crash cut short is recognised and
dropped. What the lines mean, and the files that they speak of, belong to the modules that use it.
"""

import hashlib
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from warehouse.errors import DealhouseError

GENESIS = "0" * 64
"""``previous`` of the first entry."""


_BLOCK = 64 * 1024


class BrokenChainError(DealhouseError):
    """A line of a hash-chained file is not what was once written."""


def entry_hash(entry: dict[str, Any]) -> str:
    """SHA-256 over the canonical JSON of `entry` without its ``hash``."""
    body = {name: value for name, value in entry.items() if name != "hash"}
    text = json.dumps(body, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()


def read(path: Path) -> list[dict[str, Any]]:
    """Return all entries in order, without a last line that was cut short.

    Raises
    ------
    BrokenChainError
        At the first line that does not follow from the one before it.
    """
    content = path.read_bytes() if path.exists() else b""
    entries: list[dict[str, Any]] = []
    for number, line in enumerate(content[: content.rfind(b"\n") + 1].splitlines(), start=1):
        entries.append(_checked(path, line, number, entries[-1]["hash"] if entries else GENESIS))
    return entries


def append(path: Path, record: dict[str, Any]) -> dict[str, Any]:
    """Add an entry holding `record`, durably, and return it with its ``seq``, ``previous`` and ``hash``.

    The caller holds a lock: two appends at once would fork the chain. Only the last entry is checked, so that
    the cost does not grow with the file.
    """
    last, good_bytes = _last(path)
    entry = {"seq": last["seq"] + 1, **record, "previous": last["hash"]}
    entry["hash"] = entry_hash(entry)
    is_new = not path.exists()
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o644)
    try:
        os.ftruncate(descriptor, good_bytes)
        line = json.dumps(entry, ensure_ascii=False).encode() + b"\n"
        written = 0
        while written < len(line):
            written += os.pwrite(descriptor, line[written:], good_bytes + written)
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
    if is_new:
        fsync_folder(path.parent)
    return entry


def rewrite(path: Path, change: Callable[[dict[str, Any]], dict[str, Any]]) -> None:
    """Put other records in place of those of a chain, all at once, each with the hash that then follows.

    For erasures alone, which say so in a signed record: whoever had noted the hash of the last line sees that the
    chain was made anew. The caller holds the lock.
    """
    previous = GENESIS
    lines = []
    for entry in read(path):
        record = change({name: value for name, value in entry.items() if name not in ("previous", "hash")})
        fresh = {**record, "seq": entry["seq"], "previous": previous}
        previous = fresh["hash"] = entry_hash(fresh)
        lines.append(json.dumps(fresh, ensure_ascii=False).encode() + b"\n")
    draft = path.with_name(path.name + ".tmp")
    with draft.open("wb") as sink:
        sink.write(b"".join(lines))
        sink.flush()
        os.fsync(sink.fileno())
    draft.rename(path)
    fsync_folder(path.parent)


def head(path: Path) -> int:
    """Number of the last whole entry, without reading those before it; 0 where there is none."""
    return int(_last(path)[0]["seq"])


def fsync_folder(folder: Path) -> None:
    """Make renames and new files in `folder` survive a power cut."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _last(path: Path) -> tuple[dict[str, Any], int]:
    """Return the last whole entry, and the length in bytes of all whole lines."""
    content, start = b"", 0
    if path.exists():
        with path.open("rb") as file:
            start = file.seek(0, os.SEEK_END)
            # Backwards, until the last whole line is in it from its beginning.
            while start > 0 and content.count(b"\n") < 2:
                start = max(0, start - _BLOCK)
                file.seek(start)
                content = file.read()
    whole = content[: content.rfind(b"\n") + 1]
    if not whole:
        return {"seq": 0, "hash": GENESIS}, 0
    return _checked(path, whole.splitlines()[-1], None, None), start + len(whole)


def _checked(path: Path, line: bytes, number: int | None, previous: str | None) -> dict[str, Any]:
    """Return the entry of a line, if it is what was written and follows from `previous` (None: not asked)."""
    try:
        entry: dict[str, Any] = json.loads(line)
        is_good = entry["hash"] == entry_hash(entry) and previous in (None, entry["previous"])
    except (ValueError, KeyError, TypeError):
        is_good = False
    if not is_good:
        raise BrokenChainError(
            "A line of a manifest was changed, removed or swapped.",
            where=f"{path}, {f'line {number}' if number else 'last line'}",
            why="its hash does not follow from the line before it",
            todo="Bring the file back from a backup; what it speaks of can no longer be trusted.",
        )
    return entry


def fsync_file(path: Path) -> None:
    """Put on disk what another program, or a closed handle, has written."""
    fsync_folder(path)
