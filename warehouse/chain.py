"""An append-only file of JSON lines in which each line carries the hash of the one before it.

A changed, removed or swapped line breaks the chain; a last line that a crash cut short is recognised and
dropped. What the lines mean, and the files that they speak of, belong to the modules that use it.
"""

import hashlib
import json
import os
from pathlib import Path
from typing import Any

from warehouse.errors import DealhouseError

GENESIS = "0" * 64
"""``previous`` of the first entry."""


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
    return _parse(path)[0]


def append(path: Path, record: dict[str, Any]) -> dict[str, Any]:
    """Add an entry holding `record`, durably, and return it with its ``seq``, ``previous`` and ``hash``.

    The caller holds a lock: two appends at once would fork the chain.
    """
    entries, good_bytes = _parse(path)
    last = entries[-1] if entries else {"seq": 0, "hash": GENESIS}
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


def fsync_folder(folder: Path) -> None:
    """Make renames and new files in `folder` survive a power cut."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _parse(path: Path) -> tuple[list[dict[str, Any]], int]:
    """Return the entries, and the length in bytes of their lines."""
    content = path.read_bytes() if path.exists() else b""
    entries: list[dict[str, Any]] = []
    good_bytes = content.rfind(b"\n") + 1
    previous = GENESIS
    for number, line in enumerate(content[:good_bytes].splitlines(), start=1):
        try:
            entry = json.loads(line)
            is_good = entry["previous"] == previous and entry["hash"] == entry_hash(entry)
        except (ValueError, KeyError, TypeError):
            is_good = False
        if not is_good:
            raise BrokenChainError(
                "A line of a manifest was changed, removed or swapped.",
                where=f"{path}, line {number}",
                why="its hash does not follow from the line before it",
                todo="Bring the file back from a backup; what it speaks of can no longer be trusted.",
            )
        entries.append(entry)
        previous = entry["hash"]
    return entries, good_bytes
