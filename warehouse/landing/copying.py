"""Copies a file and hashes it on the way, durably."""

import hashlib
import os
import queue
import threading
from pathlib import Path

_CHUNK_BYTES = 4 * 2**20


def copy_hashed(origin: Path, target: Path) -> tuple[str, int]:
    """Copy `origin` to the new file `target`, synced to disk; return its SHA-256 and size in bytes.

    A thread hashes while this one reads and writes: both release the interpreter lock.
    """
    digest = hashlib.sha256()
    chunks: queue.Queue[bytes | None] = queue.Queue(maxsize=8)

    def consume() -> None:
        while (chunk := chunks.get()) is not None:
            digest.update(chunk)

    hasher = threading.Thread(target=consume, daemon=True)
    hasher.start()
    size = 0
    try:
        with origin.open("rb") as source, target.open("xb", buffering=0) as sink:
            while chunk := source.read(_CHUNK_BYTES):
                chunks.put(chunk)
                view = memoryview(chunk)
                while view:
                    view = view[sink.write(view) :]
                size += len(chunk)
            os.fsync(sink.fileno())
    finally:
        chunks.put(None)
        hasher.join()
    return digest.hexdigest(), size


def file_hash(path: Path) -> str:
    """SHA-256 of a file."""
    with path.open("rb") as content:
        return hashlib.file_digest(content, "sha256").hexdigest()
