"""The file of the inbox that live events are appended to, and how a run closes it.

Everybody who appends or closes takes a lock of the folder for as long as that takes: some milliseconds, never the
length of a run. So a run takes in all that was answered before it began, there is one file per run however many
processes append, and a process that was killed leaves nothing to be tidied: a line that it broke off was never
answered, and is cut away by whoever comes next.
"""

import fcntl
import os
import secrets
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from warehouse import chain
from warehouse.clock import utc_now
from warehouse.errors import DealhouseError
from warehouse.settings import Home

FOLDER = "collector"
OPEN_SUFFIX = ".part"
"""Ending of the file that is appended to, by which no run lands it before it is closed."""

LARGEST_BYTES = 256 * 2**20
"""A file that has grown to this is closed at once, so that no batch grows without bound."""

_TAIL_BYTES = 64 * 1024


class SpoolFullError(DealhouseError):
    """The disk takes no more; nothing of what was to be appended is kept."""


class Spool:
    """The open file of a home.

    Parameters
    ----------
    home
        Its inbox gets a folder ``collector``.
    """

    def __init__(self, home: Home) -> None:
        self.folder = home.inbox / FOLDER
        # A lock of a file is held by a process; among the threads of one, this one decides.
        self._threads = threading.Lock()

    def append(self, lines: bytes) -> None:
        """Add whole lines, each with its line break; when this returns they are on disk.

        Raises
        ------
        SpoolFullError
            If the disk does not take all of them; then none is kept.
        """
        try:
            with self._locked():
                if self._write(lines) >= LARGEST_BYTES:
                    self._close()
        except OSError as error:
            raise SpoolFullError(
                "Events were not taken: they could not be written to disk.",
                where=str(self.folder),
                why=error.strerror or str(error),
                todo="Free space, or mend the disk or its permissions, and send them again.",
            ) from error

    def close(self) -> Path | None:
        """Make what was appended so far an ordinary file of the inbox; None where there is nothing."""
        if self.open_file() is None:
            return None
        with self._locked():
            return self._close()

    def open_file(self) -> Path | None:
        """The file that is appended to at present; its name is of no other file before or after."""
        return next(iter(sorted(self.folder.glob("*" + OPEN_SUFFIX))), None)

    @contextmanager
    def _locked(self) -> Iterator[None]:
        with self._threads:
            self.folder.mkdir(parents=True, exist_ok=True)
            descriptor = os.open(self.folder / ".lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX)
                yield
            finally:
                os.close(descriptor)

    def _write(self, lines: bytes) -> int:
        path = self.open_file()
        is_new = path is None
        path = path or self.folder / f"{utc_now():%Y%m%dT%H%M%S%f}-{secrets.token_hex(4)}{OPEN_SUFFIX}"
        # Before it is landed, nobody but its owner has to read it.
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            size = _whole_bytes(descriptor)
            try:
                written = 0
                while written < len(lines):
                    written += os.pwrite(descriptor, lines[written:], size + written)
                os.fsync(descriptor)
            except OSError:
                os.ftruncate(descriptor, size)
                raise
        finally:
            os.close(descriptor)
        if is_new:
            chain.fsync_folder(self.folder)
            chain.fsync_folder(self.folder.parent)
        return size + len(lines)

    def _close(self) -> Path | None:
        path = self.open_file()
        if path is None:
            return None
        descriptor = os.open(path, os.O_RDWR | os.O_CLOEXEC)
        try:
            size = _whole_bytes(descriptor)
        finally:
            os.close(descriptor)
        if size == 0:
            path.unlink()
            return None
        closed = path.with_suffix(".ndjson")
        path.rename(closed)
        chain.fsync_folder(self.folder)
        return closed


def _whole_bytes(descriptor: int) -> int:
    """Cut away a last line that was broken off, and return the size of what is whole."""
    size = os.fstat(descriptor).st_size
    end = size
    while end > 0:
        start = max(0, end - _TAIL_BYTES)
        at = os.pread(descriptor, end - start, start).rfind(b"\n")
        if at >= 0:
            end = start + at + 1
            break
        end = start
    if end != size:
        os.ftruncate(descriptor, end)
    return end
