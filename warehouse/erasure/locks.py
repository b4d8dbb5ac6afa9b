"""What an erasure and a retention hold, so that nobody sends, or notes a sending, while files are written anew."""

from collections.abc import Iterator
from contextlib import contextmanager

from warehouse.lock import file_lock, writer_lock
from warehouse.settings import Home

_JOURNAL_WAIT_SECONDS = 120.0
"""A report is noted as sent under this lock, which is held while its mail is handed over."""


@contextmanager
def forgetting(home: Home, purpose: str, wait_seconds: float = 0) -> Iterator[None]:
    """Hold the outbox, then the right to write to the home: the order in which a sync takes them.

    A sync delivers without the writer lock. It would send the rows that it had planned of a person who is being erased,
    and what it adds to its journal would be lost where that is written anew.

    Raises
    ------
    warehouse.lock.WarehouseBusyError
        Where a sync, or another writer, holds one of them for longer than `wait_seconds`.
    """
    with file_lock(home.outbox / "sync.lock", purpose, wait_seconds), writer_lock(home, purpose, wait_seconds):
        yield


@contextmanager
def no_report_is_sent(home: Home) -> Iterator[None]:
    """Hold the journal of reports while it may be written anew. The caller holds the other locks."""
    with file_lock(home.reports / ".sent.lock", "forgetting", _JOURNAL_WAIT_SECONDS):
        yield
