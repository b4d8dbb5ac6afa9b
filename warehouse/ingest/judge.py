"""Judges events before they land, by the very steps that judge a batch, and takes nothing in.

What depends on all earlier events, whether (source, id) came before, is not judged here.
"""

import fcntl
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import duckdb

from warehouse.ingest import envelope, validate
from warehouse.ingest.batch import stage
from warehouse.lock import is_in_place
from warehouse.sources.ndjson import NdjsonReader


@dataclass(frozen=True, slots=True)
class Judged:
    """What ingestion would say of a line."""

    tenant_id: str
    reason: str = ""
    """Why it would be rejected: a reason code; empty where it would not."""
    message: str = ""


class Judge:
    """An engine in memory, with a file of its own to read from.

    Parameters
    ----------
    path
        File that the lines are written to, which is locked (flock) as long as it stands; it is replaced by the next.
        Ends in ``.ndjson``.
    max_event_bytes
        Longest line that is accepted.
    """

    def __init__(self, path: Path, max_event_bytes: int) -> None:
        self.path, self.max_event_bytes = path, max_event_bytes
        self._con = _connect()

    def judge(self, lines: list[bytes], received_at: datetime) -> list[Judged]:
        """Judge lines, none of them blank, in their order.

        Parameters
        ----------
        received_at
            Ingestion clock, naive UTC.
        """
        if not lines:
            return []
        with self._written(b"\n".join(lines) + b"\n"):
            return self._judged(lines, received_at)

    def _judged(self, lines: list[bytes], received_at: datetime) -> list[Judged]:
        reader = NdjsonReader(self.path, "events", self.max_event_bytes, self.path.with_suffix(""))
        try:
            self._con.execute("begin")
            staged = stage(self._con, reader)
            assert staged == len(lines), f"{len(lines)} lines were read as {staged} rows"
            validate.refuse(self._con, received_at, reader)
            tenants = self._con.execute("select tenant_id from staged order by row_number").fetchall()
            refused = {
                int(number): (str(reason), str(message))
                for number, reason, message in self._con.execute(
                    "select row_number, arg_min(reason, rank), arg_min(message, rank) from refused group by row_number"
                ).fetchall()
            }
            self._con.execute("rollback")
        except BaseException:
            self.close()
            self._con = _connect()
            raise
        found = [Judged(str(tenant)) for (tenant,) in tenants]
        for raw in reader.raw_rows(refused.keys()):
            _, reason, message = envelope.explained(raw, *refused[raw.row_number])
            found[raw.row_number - 1] = Judged(found[raw.row_number - 1].tenant_id, reason, message)
        return found

    @contextmanager
    def _written(self, content: bytes) -> Iterator[None]:
        """Have the file for the length of the block. The kernel drops its lock with the process, however that ends."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        descriptor = self._locked()
        try:
            written = 0
            while written < len(content):
                written += os.pwrite(descriptor, content[written:], written)
            yield
        finally:
            self._remove()
            os.close(descriptor)

    def _locked(self) -> int:
        while True:
            descriptor = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX)
                if is_in_place(self.path, descriptor):
                    return descriptor
            except BaseException:
                os.close(descriptor)
                raise
            os.close(descriptor)  # somebody who tidies up took it for one that was left behind

    def _remove(self) -> None:
        # Before the lock goes: what it stands for is gone by then. The reader may have made a folder beside it.
        shutil.rmtree(self.path.with_suffix(""), ignore_errors=True)
        self.path.unlink(missing_ok=True)

    def close(self) -> None:
        """Give the engine back."""
        self._con.close()


def _connect() -> duckdb.DuckDBPyConnection:
    con = duckdb.connect(
        config={
            "threads": 1,
            "memory_limit": "1GB",
            "temp_directory": "",
            "autoinstall_known_extensions": False,
            "autoload_known_extensions": False,
        }
    )
    con.execute("set TimeZone = 'UTC'")
    con.execute("set enable_progress_bar = false")
    return con
