"""Takes one entry of landing into the work file: all of it, or nothing.

Everything about a batch is written in one transaction: its events, its rejects, the drift that it showed, its
pseudonyms, and the row that says how many there were of each. For every batch rows = accepted + duplicate + rejected.
"""

import contextlib
from dataclasses import dataclass

import duckdb
import polars as pl

from warehouse import __version__, contracts, pseudonym
from warehouse.contracts import CONTRACTS_VERSION
from warehouse.errors import DealhouseError
from warehouse.ingest import envelope, validate
from warehouse.ingest.deduplicate import find_repeated
from warehouse.ingest.reading import Deferred, open_reader
from warehouse.landing import Entry, Landing
from warehouse.settings import Settings
from warehouse.sources.reader import RawRow, Reader

RAW_BYTES_KEPT = 1 << 20
"""Of a longer original this much is kept in quarantine; all of it is in landing."""

_REJECTS_AT_ONCE = 20_000
_NOWHERE = '$.""'


@dataclass(frozen=True)
class BatchResult:
    """What became of a batch."""

    batch_id: int
    file: str
    rows: int
    accepted: int
    duplicate: int
    rejected: int
    drift: tuple[tuple[str, str], ...] = ()
    """Unknown fields seen for the first time, as (event type, field)."""
    note: str = ""

    def __str__(self) -> str:
        """Say it in a line."""
        return (
            f"batch {self.batch_id} ({self.file}): {self.rows:,} rows, {self.accepted:,} accepted, "
            f"{self.duplicate:,} duplicate, {self.rejected:,} rejected"
        )


def ingest_entry(
    con: duckdb.DuckDBPyConnection, landing: Landing, settings: Settings, entry: Entry, deferred: Deferred
) -> BatchResult:
    """Take in one entry.

    Parameters
    ----------
    con
        The work file, without an open transaction.
    deferred
        Rows of this batch that a later replay takes in: they stay rejected here, so that a rebuild gives the same rows.
    """
    reader = open_reader(con, landing, settings, entry)
    con.execute("begin")
    try:
        result = _ingest(con, landing, settings, entry, reader, deferred)
        con.execute("commit")
    except BaseException as error:
        # After a fatal error of the engine there is nothing to roll back, and it is that error that counts.
        with contextlib.suppress(duckdb.Error):
            con.execute("rollback")
        if _is_full_disk(error):
            raise DealhouseError(
                f"Batch {entry.seq} was not taken in: the disk is full.",
                where=entry.name,
                why=str(error).split("\n")[0],
                todo="Free space and run again. The file has landed safely and will be taken in then.",
            ) from error
        raise
    return result


def _is_full_disk(error: BaseException) -> bool:
    return isinstance(error, duckdb.OutOfMemoryException) or "No space left on device" in str(error)


def try_entry(con: duckdb.DuckDBPyConnection, landing: Landing, settings: Settings, entry: Entry) -> dict[int, str]:
    """Rows that would be rejected if this entry were taken in now, each with one reason; nothing is taken in."""
    reader = open_reader(con, landing, settings, entry)
    con.execute("begin")
    try:
        stage(con, reader)
        validate.refuse(con, entry.received_at, reader)
        find_repeated(con, entry.seq)
        found = con.execute("select row_number, min(reason) from refused group by row_number").fetchall()
        return {int(row): str(reason) for row, reason in found}
    finally:
        con.execute("rollback")


def _ingest(
    con: duckdb.DuckDBPyConnection,
    landing: Landing,
    settings: Settings,
    entry: Entry,
    reader: Reader,
    deferred: Deferred,
) -> BatchResult:
    rows = stage(con, reader)
    drift = validate.refuse(con, entry.received_at, reader)
    _defer(con, deferred)
    duplicate = find_repeated(con, entry.seq)
    rejected = _quarantine(con, entry, reader)
    _keep_the_rest(con, entry)
    new_drift = _note_drift(con, entry.seq, drift)
    _pseudonymise(con, landing, settings, entry.seq)
    if entry.kind == "replay":
        _mark_replayed(con, entry)
    accepted = rows - duplicate - rejected
    note = reader.note or ("" if rows else "it holds no events")
    con.execute(
        "insert into raw.batches values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        [
            entry.seq, entry.kind, entry.name, entry.content_hash, rows, accepted, duplicate, rejected,
            entry.received_at, CONTRACTS_VERSION, __version__, note,
        ],
    )  # fmt: skip
    return BatchResult(entry.seq, entry.name, rows, accepted, duplicate, rejected, new_drift, note)


def _defer(con: duckdb.DuckDBPyConnection, deferred: Deferred) -> None:
    if not deferred:
        return
    rows = [(row_number, reason, message) for row_number, (reason, message) in deferred.items()]
    schema = {"row_number": pl.Int64, "reason": pl.String, "message": pl.String}
    con.register("deferred_rows", pl.DataFrame(rows, schema=schema, orient="row").to_arrow())
    con.execute("insert into refused select row_number, -1, reason, message from deferred_rows")
    con.unregister("deferred_rows")


def _mark_replayed(con: duckdb.DuckDBPyConnection, entry: Entry) -> None:
    """Say in the rejects of earlier batches that this replay has taken them over."""
    con.execute(
        "update raw.rejected_events set replay_batch_id = $batch_id where replay_batch_id is null "
        "and (batch_id, row_number) in (select (unnest($batches), unnest($rows)))",
        {
            "batch_id": entry.seq,
            "batches": [batch for batch, _ in entry.rows],
            "rows": [row for _, row in entry.rows],
        },
    )


def stage(con: duckdb.DuckDBPyConnection, reader: Reader) -> int:
    """Read all rows into the temporary table ``staged``, which costs a third of writing them to the work file."""
    while True:
        relation = reader.relation()
        try:
            row = con.execute(envelope.STAGE.replace("__RELATION__", relation.sql), relation.parameters).fetchone()
        except duckdb.Error as error:
            if _is_full_disk(error) or not reader.read_carefully():
                raise
            # The transaction is lost with the statement.
            con.execute("rollback")
            con.execute("begin")
            continue
        assert row is not None
        return int(row[0])


def _keep_the_rest(con: duckdb.DuckDBPyConnection, entry: Entry) -> None:
    """Write what was neither refused nor a duplicate, once: rows that are deleted again make a commit slow."""
    con.execute(
        "insert into raw.events select $batch_id, row_number, source, event_id, event_type, subject, tenant_id, actor, "
        "occurred_at, $received_at, data, key_hash from staged where row_number not in "
        "(select row_number from refused union all select row_number from duplicates)",
        {"batch_id": entry.seq, "received_at": entry.received_at},
    )
    con.execute("drop table staged")


def _quarantine(con: duckdb.DuckDBPyConnection, entry: Entry, reader: Reader) -> int:
    """Keep every refused row with its original and the first reason; return how many there are."""
    reasons: dict[int, tuple[str, str]] = {}
    # Many rows are refused for few reasons: equal ones are held once.
    held: dict[tuple[str, str], tuple[str, str]] = {}
    found = con.execute(
        "select row_number, arg_min(reason, rank), arg_min(message, rank) from refused group by row_number"
    )
    while rows := found.fetchmany(_REJECTS_AT_ONCE):
        for number, reason, message in rows:
            reasons[int(number)] = held.setdefault((reason, message), (reason, message))
    if not reasons:
        return 0
    kept: list[dict[str, object]] = []
    count = 0
    for raw in reader.raw_rows(reasons.keys()):
        kept.append(_reject(entry, raw, *reasons[raw.row_number]))
        count += 1
        if len(kept) >= _REJECTS_AT_ONCE:
            _write_rejects(con, kept)
            kept = []
    _write_rejects(con, kept)
    if count != len(reasons):
        raise AssertionError(f"{len(reasons)} rows were refused, but {count} originals found in {entry.name}")
    return count


def _reject(entry: Entry, raw: RawRow, reason: str, message: str) -> dict[str, object]:
    event, reason, message = envelope.explained(raw, reason, message)
    kept = raw.raw[:RAW_BYTES_KEPT]
    return {
        "batch_id": entry.seq,
        "row_number": raw.row_number,
        "file": raw.file,
        "line": raw.line,
        "source": _text(event.get("source")),
        "event_id": _text(event.get("id")),
        "event_type": _text(event.get("type")),
        "reason": reason,
        "message": message,
        "raw_text": kept.decode("utf-8", errors="replace").replace("\0", "\N{REPLACEMENT CHARACTER}"),
        "raw_bytes": kept,
        "is_truncated": len(raw.raw) > RAW_BYTES_KEPT or reason == "too_large",
        "contracts_version": CONTRACTS_VERSION,
        "rejected_at": entry.received_at,
        "replay_batch_id": None,
    }


def _text(value: object) -> str | None:
    return None if value is None else str(value)[:200]


_REJECT_SCHEMA: dict[str, pl.DataType | type[pl.DataType]] = {
    "batch_id": pl.Int64, "row_number": pl.Int64, "file": pl.String, "line": pl.Int64, "source": pl.String,
    "event_id": pl.String, "event_type": pl.String, "reason": pl.String, "message": pl.String, "raw_text": pl.String,
    "raw_bytes": pl.Binary, "is_truncated": pl.Boolean, "contracts_version": pl.String,
    "rejected_at": pl.Datetime("us"), "replay_batch_id": pl.Int64,
}  # fmt: skip


def _write_rejects(con: duckdb.DuckDBPyConnection, rows: list[dict[str, object]]) -> None:
    if not rows:
        return
    con.register("fresh_rejects", pl.DataFrame(rows, schema=_REJECT_SCHEMA).to_arrow())
    con.execute("insert into raw.rejected_events select * from fresh_rejects")
    con.unregister("fresh_rejects")


def _note_drift(
    con: duckdb.DuckDBPyConnection, batch_id: int, drift: list[tuple[str, str, str]]
) -> tuple[tuple[str, str], ...]:
    known = set(con.execute("select event_type, field from raw.schema_drift").fetchall())
    fresh: dict[tuple[str, str], str] = {}
    for event_type, name, json_type in drift:
        if (event_type, name) not in known:
            fresh.setdefault((event_type, name), json_type)
    for (event_type, name), json_type in sorted(fresh.items()):
        con.execute("insert into raw.schema_drift values (?, ?, ?, ?)", [event_type, name, json_type, batch_id])
    return tuple(sorted(fresh))


def _pseudonymise(con: duckdb.DuckDBPyConnection, landing: Landing, settings: Settings, batch_id: int) -> None:
    """Write keyed pseudonyms beside the events of the batch that carry an e-mail or a phone."""
    types = [
        row[0]
        for row in con.execute("select distinct event_type from raw.events where batch_id = ?", [batch_id]).fetchall()
    ]
    maker = None
    for event_type in sorted(types):
        contract = contracts.get(event_type)
        if contract is None:
            continue
        emails = [f'$."{spec.name}"' for spec in contract.fields() if spec.pii == "email"]
        phones = [f'$."{spec.name}"' for spec in contract.fields() if spec.pii == "phone"]
        if not emails and not phones:
            continue
        maker = maker or pseudonym.load(landing.home, settings)
        found = con.sql(
            "select source, event_id, json_extract_string(data, $emails)[1] as email, "
            "json_extract_string(data, $phones)[1] as phone "
            "from raw.events where batch_id = $batch_id and event_type = $event_type",
            params={
                "emails": emails or [_NOWHERE],
                "phones": phones or [_NOWHERE],
                "batch_id": batch_id,
                "event_type": event_type,
            },
        ).pl()
        rows = found.select(
            "source",
            "event_id",
            batch_id=pl.lit(batch_id),
            email_key=pl.Series([maker.email(value) for value in found["email"]], dtype=pl.String),
            phone_key=pl.Series([maker.phone(value) for value in found["phone"]], dtype=pl.String),
            key_id=pl.lit(maker.key_id),
        ).filter(pl.col("email_key").is_not_null() | pl.col("phone_key").is_not_null())
        con.register("fresh_pseudonyms", rows.to_arrow())
        con.execute("insert into raw.event_pseudonyms by name select * from fresh_pseudonyms")
        con.unregister("fresh_pseudonyms")
