"""Brings the work file up to landing: takes in what has landed and is not in it yet, replays, rebuilds."""

from collections.abc import Callable
from datetime import UTC, datetime

import duckdb

from warehouse.clock import utc_now
from warehouse.erasure.pending import refuse_while_pending
from warehouse.errors import DealhouseError
from warehouse.ingest.batch import BatchResult, ingest_entry, try_entry
from warehouse.ingest.deduplicate import CONFLICT
from warehouse.ingest.reading import Deferred, origin
from warehouse.landing import Entry, Landing
from warehouse.settings import Home, Settings
from warehouse.store import open_store

OnBatch = Callable[[BatchResult], None]


def ingest_pending(
    con: duckdb.DuckDBPyConnection, home: Home, settings: Settings, on_batch: OnBatch | None = None
) -> list[BatchResult]:
    """Take in every entry of landing that the work file does not have, oldest first.

    The caller holds the writer lock. A work file that has lost its last batches is healed by this.

    Raises
    ------
    DealhouseError
        If the work file holds a batch that landing does not: what lands under its number would be passed over.
    """
    landing = Landing(home)
    entries = landing.entries()
    done = _done(con, landing, entries)
    deferred = _deferred(entries)
    results = []
    for entry in entries:
        if entry.seq in done:
            continue
        result = ingest_entry(con, landing, settings, entry, deferred.get(entry.seq, {}))
        results.append(result)
        if on_batch is not None:
            on_batch(result)
    return results


def replay(
    con: duckdb.DuckDBPyConnection, home: Home, settings: Settings, received_at: datetime | None = None
) -> BatchResult | None:
    """Take in the rejected rows that the present contracts accept; None where they accept none.

    A row that they accept, but that contradicts an event that is in, goes along and is rejected for that: otherwise a
    rebuild would judge it in its first batch, where it may come before the event that it contradicts.

    Raises
    ------
    DealhouseError
        If an erasure or a retention was cut off: the rows of the work file are not those of landing then.
    """
    refuse_while_pending(home, "Nothing was replayed")
    landing = Landing(home)
    ingest_pending(con, home, settings)
    rows = con.execute(
        "select batch_id, row_number, reason, message from raw.rejected_events where replay_batch_id is null"
    ).fetchall()
    if not rows:
        return None
    entries = landing.entries()
    # In the order of first arrival, also of rows that a former replay could not take in: of two that contradict
    # each other the first stays.
    by_number = {entry.seq: entry for entry in entries}
    rows.sort(key=lambda row: origin(by_number, int(row[0]), int(row[1])))
    received_at = received_at or utc_now()
    instant = received_at.astimezone(UTC).replace(tzinfo=None) if received_at.tzinfo else received_at
    pairs = tuple((int(batch), int(row)) for batch, row, _, _ in rows)
    trial = Entry(entries[-1].seq + 1, "replay", "replay", (), instant, "", pairs)
    refused = try_entry(con, landing, settings, trial)
    wanted = [
        row
        for number, row in enumerate(rows, 1)
        if number not in refused or (refused[number] == CONFLICT and row[2] != CONFLICT)
    ]
    if not wanted:
        return None
    landing.record_replay(wanted, received_at)
    return ingest_pending(con, home, settings)[-1]


def rebuild(home: Home, settings: Settings, on_batch: OnBatch | None = None) -> list[BatchResult]:
    """Make the work file anew from landing, to the same rows. The caller holds the writer lock."""
    for path in (home.warehouse, home.warehouse.with_name(home.warehouse.name + ".wal")):
        path.unlink(missing_ok=True)
    with open_store(home, settings) as con:
        return ingest_pending(con, home, settings, on_batch)


def _done(con: duckdb.DuckDBPyConnection, landing: Landing, entries: list[Entry]) -> set[int]:
    """Numbers of the batches that are in the work file, each made sure to be the entry of that number."""
    landed = {entry.seq: entry.content_hash for entry in entries}
    batches = con.execute("select batch_id, file, content_hash from raw.batches order by batch_id").fetchall()
    for batch_id, file, content_hash in batches:
        if landed.get(batch_id) != content_hash:
            raise DealhouseError(
                f"The work file holds a batch {batch_id} ({file}) that landing does not.",
                where=str(landing.manifest),
                why="landing has lost entries, or the work file belongs to another landing folder",
                todo="If `dealhouse verify` names a file that the manifest has lost, land it again as it says there. "
                "Else bring landing back from a backup. To go on with what landing holds: dealhouse rebuild.",
            )
    return {batch_id for batch_id, _, _ in batches}


def _deferred(entries: list[Entry]) -> dict[int, Deferred]:
    """Rows that replays take in, by the batch that they were rejected in."""
    found: dict[int, dict[int, tuple[str, str]]] = {}
    for entry in entries:
        for batch_id, row, reason, message in entry.rejects:
            found.setdefault(batch_id, {})[row] = (reason, message)
    return dict(found)
