"""One writer at a time, by an flock of our own on ``<home>/dealhouse.lock``.

DuckDB's lock on the work file is a POSIX lock: it vanishes silently as soon as the writing process opens and
closes that file in any other way, and two writers then overwrite each other's commits. Therefore the promise
of one writer rests on this file, and no code of the writer process touches a ``.duckdb`` file except through
DuckDB. Readers need no lock: they open published files.

What the lock is held for, and for how long, belongs to the callers. Whoever runs several steps takes it once,
around all of them: it is not re-entrant, a second request in the same process is refused like any other.
"""

import fcntl
import json
import os
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path

from warehouse.clock import utc_now
from warehouse.errors import DealhouseError
from warehouse.settings import Home

_PATIENCE_SECONDS = 0.25
"""A look at the lock (:func:`holder`) holds it for some microseconds; no writer is refused for that."""

_POLL_SECONDS = 0.05
_held: set[int] = set()


@dataclass(frozen=True)
class Holder:
    """Who holds the lock, as written into it."""

    pid: int
    purpose: str
    host: str
    since: datetime

    def __str__(self) -> str:
        """Describe the holder in one line."""
        return f"process {self.pid} on {self.host}, '{self.purpose}', since {self.since:%Y-%m-%d %H:%M:%S} UTC"


class WarehouseBusyError(DealhouseError):
    """Another process is writing to this home."""


@contextmanager
def writer_lock(home: Home, purpose: str, wait_seconds: float = 0) -> Iterator[None]:
    """Hold the right to write to `home` for the length of the block.

    The kernel drops the lock when the process ends, however it ends, so that none can be left behind.
    A forked child does not inherit it, and neither does a program started from here.

    Parameters
    ----------
    purpose
        What the lock is taken for, shown to whoever has to wait, for instance ``"run"``.
    wait_seconds
        How long to wait for another writer.

    Raises
    ------
    WarehouseBusyError
        Where another writer holds it for longer than `wait_seconds`; names it.
    """
    with file_lock(home.lock, purpose, wait_seconds):
        yield


@contextmanager
def file_lock(path: Path, purpose: str, wait_seconds: float = 0) -> Iterator[None]:
    """Hold a lock on any file, as :func:`writer_lock` does on the home's; for steps within a home."""
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor = _acquire(path, max(wait_seconds, _PATIENCE_SECONDS))
    if descriptor is None:
        raise _busy(path, wait_seconds)
    _held.add(descriptor)
    try:
        _write_holder(descriptor, Holder(os.getpid(), purpose, socket.gethostname(), utc_now()))
        yield
    finally:
        _held.discard(descriptor)
        os.ftruncate(descriptor, 0)
        os.close(descriptor)


def holder(home: Home) -> Holder | None:
    """Return who is writing to `home` at present, or None; never waits and never stands in a writer's way."""
    return _holder(home.lock)


def _holder(path: Path) -> Holder | None:
    try:
        descriptor = os.open(path, os.O_RDONLY)
    except OSError:
        return None
    try:
        # Shared: two onlookers must not take each other for a writer.
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return _read_holder(descriptor)
    else:
        return None
    finally:
        os.close(descriptor)


def _acquire(path: Path, wait_seconds: float) -> int | None:
    deadline = time.monotonic() + wait_seconds
    while True:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(descriptor)
        except BaseException:
            os.close(descriptor)
            raise
        else:
            if is_in_place(path, descriptor):
                return descriptor
            os.close(descriptor)
        if time.monotonic() >= deadline:
            return None
        time.sleep(_POLL_SECONDS)


def is_in_place(path: Path, descriptor: int) -> bool:
    """Tell whether an open file is the one under that name: somebody may have deleted it meanwhile."""
    try:
        return os.path.samestat(os.fstat(descriptor), path.stat())
    except FileNotFoundError:
        return False


def _write_holder(descriptor: int, holder: Holder) -> None:
    text = json.dumps({**asdict(holder), "since": holder.since.isoformat()}).encode()
    os.ftruncate(descriptor, 0)
    os.pwrite(descriptor, text, 0)


def _read_holder(descriptor: int) -> Holder:
    """Read the note of the holder, who may not have written it yet."""
    try:
        note = json.loads(os.pread(descriptor, 4096, 0))
        return Holder(**{**note, "since": datetime.fromisoformat(note["since"])})
    except (ValueError, KeyError, TypeError):
        return Holder(0, "starting", "unknown host", utc_now())


def _busy(path: Path, waited: float) -> WarehouseBusyError:
    other = _holder(path) or Holder(0, "just ended", "unknown host", utc_now())
    if other.pid == os.getpid():
        todo = "Take the lock once, around all that is to be done; it is held by this very process."
    else:
        todo = (
            "Wait for it to end and start again, or give it time with DEALHOUSE_LOCK_WAIT_SECONDS. Reading "
            "(query, dashboards) works meanwhile. The lock ends with its process; there is nothing to delete."
        )
    return WarehouseBusyError(
        "Another process is writing to this warehouse" + (f"; waited {waited:g} s for it." if waited else "."),
        where=str(path),
        why=f"held by {other}",
        todo=todo,
    )


def _forget_in_child() -> None:
    # Closing a forked copy leaves the parent's lock as it is; keeping it open would outlive a killed parent.
    for descriptor in _held:
        os.close(descriptor)
    _held.clear()


os.register_at_fork(after_in_child=_forget_in_child)
