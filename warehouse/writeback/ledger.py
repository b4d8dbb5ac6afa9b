"""The ledger of write-back under home: every row that was attempted, and what became of it.

A journal whose lines are chained by their hashes names files of receipts, each with the rows of one batch. What goes to
a destination that cannot tell what it has is noted before it is sent, so that after a crash it counts as perhaps
arrived, and is sent again as it was. The work file holds a copy of the outcome, which is made from here.
"""

import hashlib
import os
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from warehouse import chain
from warehouse.clock import utc_now
from warehouse.errors import DealhouseError
from warehouse.settings import Home
from warehouse.writeback.destination import Outcome

SCHEMA = pa.schema(
    [
        ("seq", pa.int64()),
        ("destination", pa.string()),
        ("object_name", pa.string()),
        ("tenant_id", pa.string()),
        ("sync_key", pa.string()),
        ("operation", pa.string()),
        ("payload", pa.string()),
        ("message_id", pa.string()),
        ("status", pa.string()),
        ("code", pa.string()),
        ("message", pa.string()),
        ("field", pa.string()),
        ("attempts", pa.int64()),
        ("sent_at", pa.timestamp("us")),
    ]
)
ATTEMPTED, RELEASED = "attempted", "released"
"""Statuses beside those of an outcome: on its way, and let go for another try."""
FOLD = """
with receipts as (
    select *, row_number() over (
        partition by destination, object_name, tenant_id, sync_key order by seq desc
    ) as recency from read_parquet(?)
),
last as (select * from receipts where recency = 1),
held as (
    select destination, object_name, tenant_id, sync_key,
        arg_max(operation, seq) as operation, arg_max(payload, seq) as payload, arg_max(message_id, seq) as message_id
    from receipts where status = 'acknowledged' group by all
)
select
    last.destination, last.object_name, last.tenant_id, last.sync_key,
    case
        when last.status in ('attempted', 'failed') then last.payload
        when held.operation <> 'delete' then held.payload
    end as payload,
    last.status in ('attempted', 'failed') as is_uncertain,
    case when last.status in ('kept', 'rejected') then last.payload end as refused_payload,
    last.status, last.code, last.message, last.field, last.attempts, last.operation,
    case when last.status in ('attempted', 'failed') then last.message_id else held.message_id end as message_id,
    last.sent_at
from last left join held using (destination, object_name, tenant_id, sync_key)
"""
"""What the receipts come to, a row per key: what is held there, for sure or perhaps, and what was refused last.

Of a delete that may not have arrived this is what it was to take away, also where that had perhaps never arrived.
"""


class Ledger:
    """The journal and the receipts of one home. The caller holds the lock of the outbox."""

    def __init__(self, home: Home) -> None:
        self.home = home
        self.journal = home.outbox / "journal.ndjson"
        self.folder = home.outbox / "receipts"

    def entries(self) -> list[dict[str, Any]]:
        """All lines of the journal, after their chain has been checked."""
        return chain.read(self.journal)

    def head(self) -> int:
        """Number of the last line; 0 while nothing was ever sent."""
        return chain.head(self.journal)

    def attempt(self, destination: str, object_name: str, rows: pa.Table) -> None:
        """Note that these rows are about to be sent."""
        self._write("attempted", destination, object_name, rows, [Outcome("failed")] * rows.num_rows, ATTEMPTED)

    def answer(self, destination: str, object_name: str, rows: pa.Table, outcomes: Sequence[Outcome]) -> None:
        """Note what became of rows, one outcome for each."""
        self._write("answered", destination, object_name, rows, outcomes)

    def release(self, destination: str, object_name: str, rows: pa.Table) -> None:
        """Let go of rows that were refused, so that they are tried once more."""
        self._write("released", destination, object_name, rows, [Outcome("failed")] * rows.num_rows, RELEASED)

    def note(self, kind: str, **fields: Any) -> None:
        """Add a line without receipts, such as the end of a sync."""
        self.home.outbox.mkdir(parents=True, exist_ok=True)
        chain.append(self.journal, {"kind": kind, "at": _now().isoformat(timespec="microseconds"), **fields})

    def _write(
        self,
        kind: str,
        destination: str,
        object_name: str,
        rows: pa.Table,
        outcomes: Sequence[Outcome],
        status: str | None = None,
    ) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        seq, count = self.head() + 1, rows.num_rows
        columns = {
            "seq": pa.repeat(pa.scalar(seq, pa.int64()), count),
            "destination": pa.repeat(destination, count),
            "object_name": pa.repeat(object_name, count),
            **{name: rows[name] for name in ("tenant_id", "sync_key", "operation", "payload", "message_id")},
            "status": [status or one.status for one in outcomes],
            "code": [one.code for one in outcomes],
            "message": [one.message for one in outcomes],
            "field": [one.field for one in outcomes],
            "attempts": [one.attempts for one in outcomes],
            "sent_at": pa.repeat(pa.scalar(_now(), pa.timestamp("us")), count),
        }
        path = self.folder / f"{seq:08}.parquet"
        draft = path.with_suffix(".tmp")
        pq.write_table(pa.table([columns[name] for name in SCHEMA.names], schema=SCHEMA), draft)
        with draft.open("rb+") as sink:
            os.fsync(sink.fileno())
        digest = hashlib.sha256(draft.read_bytes()).hexdigest()
        draft.replace(path)
        chain.fsync_folder(self.folder)
        chain.append(
            self.journal,
            {
                "kind": kind,
                "at": _now().isoformat(timespec="microseconds"),
                "destination": destination,
                "object": object_name,
                "rows": count,
                "file": path.name,
                "sha256": digest,
            },
        )

    def files(self) -> list[Path]:
        """Files of receipts that the journal names, checked against their hashes.

        Raises
        ------
        DealhouseError
            If one is missing or not what was once written.
        """
        found = []
        for entry in self.entries():
            if "file" not in entry:
                continue
            path = self.folder / entry["file"]
            if not path.exists() or hashlib.sha256(path.read_bytes()).hexdigest() != entry["sha256"]:
                raise DealhouseError(
                    "The ledger of write-back cannot be read, so nothing is sent.",
                    where=str(path),
                    why="the file is missing or was changed after it was written: its hash is not the journal's",
                    todo="Bring home/outbox back from a backup.",
                )
            found.append(path)
        return found

    def hand_over(self, con: duckdb.DuckDBPyConnection) -> None:
        """Put what the receipts come to into ``raw.delivery`` of the work file, and the syncs into ``raw.sync_run``."""
        files = [str(path) for path in self.files()]
        runs = [entry for entry in self.entries() if entry["kind"] == "synced"]
        con.execute("begin")
        con.execute("delete from raw.delivery")
        con.execute("delete from raw.sync_run")
        if files:
            con.execute(f"insert into raw.delivery by name {FOLD}", [files])
        if runs:
            con.executemany(
                "insert into raw.sync_run values (?, ?, ?, ?, ?, ?, ?, ?, ?)",
                [
                    [
                        run["seq"],
                        run["destination"],
                        datetime.fromisoformat(run["at"]),
                        *(run["counts"].get(name, 0) for name in ("acknowledged", "kept", "rejected", "failed")),
                        run["waiting"],
                        run["is_stopped"],
                    ]
                    for run in runs
                ],
            )
        con.execute("commit")


def _now() -> datetime:
    return utc_now().replace(tzinfo=None)
