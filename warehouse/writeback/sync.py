"""A sync: plan for every destination, brake, deliver in batches, keep the answers.

Under the writer lock only while it is planned; what is slow, the delivering, holds the lock of the outbox alone, so
that runs go on meanwhile. What differs is computed in models/sync, how rows travel in the destinations.
"""

import json
import math
import time
from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.compute as pc

from warehouse.erasure.pending import Erased, acknowledge, erased, refuse_while_pending
from warehouse.errors import DealhouseError, UsageError
from warehouse.lock import file_lock, writer_lock
from warehouse.recover import ensure_warehouse
from warehouse.settings import Settings
from warehouse.store import open_store
from warehouse.writeback import plan as planning
from warehouse.writeback import segments
from warehouse.writeback.destination import Destination, Outcome, StatefulDestination, configured
from warehouse.writeback.ledger import FOLD, Ledger
from warehouse.writeback.plan import Plan
from warehouse.writeback.rows import Rows
from warehouse.writeback.settings import SyncSettings

FAILURES = ("rejected", "failed")
HELD = pa.schema([("tenant_id", pa.string()), ("sync_key", pa.string()), ("payload", pa.string())])
STATUSES = ("acknowledged", "kept", *FAILURES)


@dataclass
class Delivered:
    """What became of one destination."""

    destination: str
    plans: list[Plan] = field(default_factory=list)
    counts: Counter[str] = field(default_factory=Counter)
    """Rows by status."""
    problem: str = ""
    """Why it was left alone, before or after some rows; empty where it was not."""
    withheld: list[Plan] = field(default_factory=list)
    """Plans that a brake holds back."""
    is_new: bool = False
    """Whether nothing was ever sent there."""
    forgotten: int = 0
    """Ids of erased persons that it was told of."""
    answers: list[tuple[str, str, Outcome]] = field(default_factory=list)
    """Object, key and outcome of the first rows that were not acknowledged."""

    @property
    def waiting(self) -> int:
        """Rows that were planned and not attempted."""
        return sum(len(plan.rows) for plan in self.plans) - sum(self.counts.values())


Progress = Callable[[str, str, int, int], None]
"""Told of destination, object, rows done and rows planned."""


def sync(
    settings: Settings,
    *,
    is_dry_run: bool = False,
    is_first: bool = False,
    only: Collection[str] = (),
    approved: Collection[str] = (),
    retry_dead: bool = False,
    on_progress: Progress = lambda *_: None,
    destinations: Sequence[Destination] | None = None,
) -> list[Delivered]:
    """Send each destination what differs from what it has acknowledged.

    Parameters
    ----------
    settings
        Whose home is meant.
    is_dry_run
        Plan, and send nothing.
    is_first
        Allow destinations that nothing was ever sent to.
    only
        Names of the destinations that are meant; all by default.
    approved
        Hashes of plans that may pass their brakes.
    retry_dead
        Let go of all rows that were refused before, so that they are tried again.
    on_progress
        Told of each batch.
    destinations
        Instead of those that the settings name.

    Raises
    ------
    UsageError
        If no destination is set up, or one that is named is not.
    DealhouseError
        If the last build did not finish well, or is not of the present, or an erasure or a retention was cut off.
    """
    home, own = settings.layout(), SyncSettings()
    chosen = _chosen(configured(settings) if destinations is None else destinations, only)
    home.outbox.mkdir(parents=True, exist_ok=True)
    try:
        with file_lock(home.outbox / "sync.lock", "sync", settings.lock_wait_seconds):
            ledger = Ledger(home)
            if retry_dead and not is_dry_run:
                _release(ledger, [one.name for one in chosen])
            # Before the lock, which runs wait for: a destination may take minutes to answer, or not to.
            states = {one.name: _state(one) for one in chosen if isinstance(one, StatefulDestination)}
            with writer_lock(home, "sync", settings.lock_wait_seconds):
                refuse_while_pending(home, "Nothing was sent")
                ensure_warehouse(home, settings)
                with open_store(home, settings) as con:
                    _require_good_build(con)
                    results = _plan_all(con, settings, own, ledger, chosen, states, is_first or is_dry_run)
                notices = [] if is_dry_run else erased(home, settings)
            for destination, result in zip(chosen, results, strict=True):
                result.withheld = [plan for plan in result.plans if plan.brakes and plan.digest not in approved]
                if not is_dry_run:
                    _deliver_all(ledger, own, destination, result, on_progress)
                    # At once: whatever cuts this sync off later, the rows of this one have gone.
                    _note(ledger, result, is_over=not notices)
            if notices:
                done = _pass_on(chosen, results, notices)
                for result in results:
                    _note_end(ledger, result)
                if not only:
                    with writer_lock(home, "sync", settings.lock_wait_seconds):
                        for notice in done:
                            acknowledge(home, settings, notice.message_id)
            return results
    finally:
        for one in chosen:
            one.close()


def _pass_on(
    chosen: Sequence[Destination], results: Sequence[Delivered], notices: Sequence[Erased]
) -> Sequence[Erased]:
    """Tell destinations whom to forget; return those of whom all know. None of it is noted in the ledger."""
    done = list(notices)
    for destination, result in zip(chosen, results, strict=True):
        if result.is_new:
            continue
        try:
            outcomes = destination.forget(notices)
        except Exception as error:  # as with rows: a destination that cannot be used is no matter of the others
            result.problem = result.problem or _first_line(error)
            done = []
            continue
        taken = [one for one, outcome in zip(notices, outcomes, strict=True) if outcome.status == "acknowledged"]
        result.forgotten = len(taken)
        if len(taken) < len(notices) and not result.problem:
            result.problem = f"{len(notices) - len(taken)} erasures were not taken there; the next sync tells it again"
        done = [one for one in done if one in taken]
    return done


def _chosen(destinations: Sequence[Destination], only: Collection[str]) -> list[Destination]:
    names = [one.name for one in destinations]
    unknown = sorted(set(only) - set(names))
    if unknown:
        raise UsageError(
            f"There is no destination {unknown[0]}.",
            why=f"set up are {', '.join(names) or 'none'}",
            todo="See .env.example for the settings of each kind.",
        )
    if not names:
        raise UsageError("No destination is set up.", todo="See .env.example for the settings of each kind.")
    return [one for one in destinations if not only or one.name in only]


def _require_good_build(con: duckdb.DuckDBPyConnection) -> None:
    exists = con.execute(
        "select count(*) from duckdb_tables() where schema_name = 'raw' and table_name = 'build_state'"
    ).fetchone()
    row = None
    if exists and exists[0]:
        row = con.execute("select is_whole, asked_as_of, asked_known_at from raw.build_state").fetchone()
    if row is None or not row[0]:
        raise DealhouseError(
            "Nothing was sent: the tables are not those of a build that finished well.",
            why="a model or a check of severity error failed, the build was cut short, or there has been none",
            todo="Run `dealhouse run` until it succeeds.",
        )
    if row[1] is not None or row[2] is not None:
        raise DealhouseError(
            "Nothing was sent: the tables show the past.",
            why=f"they were built with --as-of {row[1]} --known-at {row[2]}",
            todo="Run `dealhouse run` without these, then sync.",
        )


def _release(ledger: Ledger, names: Sequence[str]) -> None:
    con = duckdb.connect()
    try:
        con.execute("create schema raw")
        files = [str(path) for path in ledger.files()]
        if not files:
            return
        dead = con.sql(
            f"select destination, object_name, tenant_id, sync_key, operation, refused_payload as payload, message_id "
            f"from ({FOLD}) where refused_payload is not null and destination in (select unnest(?))",
            params=[files, list(names)],
        ).to_arrow_table()
    finally:
        con.close()
    for name in names:
        of_name = dead.filter(pc.equal(dead["destination"], name))
        for object_name in sorted(set(of_name["object_name"].to_pylist())):
            ledger.release(name, object_name, of_name.filter(pc.equal(of_name["object_name"], object_name)))


def _plan_all(
    con: duckdb.DuckDBPyConnection,
    settings: Settings,
    own: SyncSettings,
    ledger: Ledger,
    chosen: Sequence[Destination],
    states: Mapping[str, dict[str, pa.Table] | Exception],
    may_be_first: bool,
) -> list[Delivered]:
    ledger.hand_over(con)
    segments.refresh(con, segments.load(own.segments or settings.layout().root / "segments", con))
    entries = ledger.entries()
    con.execute("begin")
    con.execute("delete from raw.sync_target")
    for one in chosen:
        for object_name in sorted(one.capabilities.objects):
            types: list[str | None] = [None]
            if object_name == "event" and one.capabilities.event_types is not None:
                types = [*sorted(one.capabilities.event_types)]
            con.executemany(
                "insert into raw.sync_target values (?, ?, ?, ?)",
                [[one.name, object_name, one.capabilities.tenant_id, kind] for kind in types],
            )
    con.execute("commit")
    results = []
    for one in chosen:
        result = Delivered(one.name)
        results.append(result)
        to_it = [entry for entry in entries if entry.get("destination") == one.name]
        earlier = [entry for entry in to_it if entry["kind"] == "synced"]
        state = states.get(one.name, {})
        if isinstance(state, Exception):
            result.problem = _first_line(state)
            continue
        held = _take_over_state(con, one.name, state)
        if not (to_it or held or may_be_first):  # a first sync that was cut off has sent something as well
            result.is_new = True
            result.problem = "nothing was ever sent there: look with --dry-run, and begin with --first"
            continue
        for object_name in sorted(one.capabilities.objects):
            sizes: list[int] = []
            for entry in earlier:
                if object_name in entry.get("approved", ()):
                    sizes.clear()  # what a person has approved is usual from then on
                if object_name in entry["sizes"]:
                    sizes.append(entry["sizes"][object_name])
            result.plans.append(planning.make(con, one, object_name, own, sizes))
    return results


def _state(destination: StatefulDestination) -> dict[str, pa.Table] | Exception:
    """What a destination holds, by object; or what keeps it from answering, which is no matter of the others."""
    tables = {}
    try:
        for object_name in sorted(destination.capabilities.objects):
            rows = [(one.tenant_id, one.key, json.dumps(one.payload)) for one in destination.acknowledged(object_name)]
            columns = [pa.array(column, pa.string()) for column in zip(*rows, strict=True)] or [[]] * 3
            tables[object_name] = pa.table(columns, schema=HELD)
    except Exception as error:
        return error
    return tables


def _take_over_state(con: duckdb.DuckDBPyConnection, name: str, state: Mapping[str, pa.Table]) -> int:
    """Believe a destination about what it holds, rather than the ledger; tell how many rows that is."""
    con.execute("begin")
    try:
        for object_name, table in state.items():
            con.execute(
                "update raw.delivery set payload = null, is_uncertain = false "
                "where destination = ? and object_name = ?",
                [name, object_name],
            )
            if not table.num_rows:
                continue
            con.register("held_rows", table)
            con.execute(
                "update raw.delivery set payload = held_rows.payload from held_rows where delivery.destination = ? and "
                "delivery.object_name = ? and delivery.tenant_id = held_rows.tenant_id and "
                "delivery.sync_key = held_rows.sync_key",
                [name, object_name],
            )
            con.execute(
                "insert into raw.delivery by name select ? as destination, ? as object_name, tenant_id, sync_key, "
                "payload, false as is_uncertain, 'acknowledged' as status, 0 as attempts, 'insert' as operation "
                "from held_rows anti join (select * from raw.delivery where destination = ? and object_name = ?) "
                "as delivery using (tenant_id, sync_key)",
                [name, object_name] * 2,
            )
            con.unregister("held_rows")
        con.execute("commit")
    except BaseException:
        con.execute("rollback")
        raise
    return sum(table.num_rows for table in state.values())


def _deliver_all(
    ledger: Ledger, own: SyncSettings, destination: Destination, result: Delivered, on_progress: Progress
) -> None:
    capabilities = destination.capabilities
    size, rate = capabilities.batch_rows, capabilities.rows_per_second
    if rate is not None and not capabilities.is_snapshot:
        size = min(size, max(1, math.ceil(rate)))
    free_at = time.monotonic()
    for plan in result.plans:
        if plan in result.withheld:
            continue
        for start in range(0, len(plan.rows), size):
            if result.problem:
                return
            batch = plan.rows[start : start + size]
            if rate is not None:
                time.sleep(max(0.0, free_at - time.monotonic()))
                free_at = max(free_at, time.monotonic()) + len(batch) / rate
            _deliver(ledger, destination, plan.object_name, batch, result)
            bad = sum(result.counts[status] for status in FAILURES)
            attempted = sum(result.counts.values())
            if not result.problem and bad >= own.failures_from_rows and bad > own.max_failure_share * attempted:
                result.problem = (
                    f"{bad:,} of {attempted:,} rows were refused or failed, more than {own.max_failure_share:.0%}"
                )
            on_progress(destination.name, plan.object_name, start + len(batch), len(plan.rows))


def _deliver(ledger: Ledger, destination: Destination, object_name: str, batch: Rows, result: Delivered) -> None:
    if not isinstance(destination, StatefulDestination):
        ledger.attempt(destination.name, object_name, batch.table)
    try:
        outcomes = destination.deliver(object_name, batch)
        assert len(outcomes) == len(batch), f"{len(outcomes)} outcomes of {len(batch)} rows"
    except Exception as error:  # the destination is not usable; what was sent may have arrived
        result.problem = _first_line(error)
        outcomes = [Outcome("failed", type(error).__name__, result.problem)] * len(batch)
    ledger.answer(destination.name, object_name, batch.table, outcomes)
    result.counts.update(outcome.status for outcome in outcomes)
    if len(result.answers) < 10:
        keys = batch.table["sync_key"].to_pylist()
        told = [
            (object_name, key, one) for key, one in zip(keys, outcomes, strict=True) if one.status != "acknowledged"
        ]
        result.answers += told[: 10 - len(result.answers)]


def _note(ledger: Ledger, result: Delivered, *, is_over: bool) -> None:
    """Keep what became of rows, where anything happened or something is wrong or mended.

    While erasures are still to be told, `is_over` is false, and nothing is said to be mended: see :func:`_note_end`.
    """
    last = _last_note(ledger, result)
    was_stopped = bool(last) and last["is_stopped"]
    is_stopped = _is_stopped(result, last) or (was_stopped and not is_over)
    approved = [plan.object_name for plan in result.plans if plan.brakes and plan not in result.withheld]
    if result.counts or approved or is_stopped != was_stopped:
        ledger.note(
            "synced",
            destination=result.destination,
            counts={status: result.counts[status] for status in STATUSES},
            waiting=result.waiting,
            is_stopped=is_stopped,
            why=_why(result) or (last["why"] if is_stopped else ""),
            sizes={
                plan.object_name: plan.source_rows
                for plan in result.plans
                if plan.object_name in planning.SOURCES and plan not in result.withheld
            },
            approved=approved,
        )


def _note_end(ledger: Ledger, result: Delivered) -> None:
    """Keep whether erasures were taken, where that is news; of the rows all has been said."""
    last = _last_note(ledger, result)
    is_stopped = _is_stopped(result, last)
    if is_stopped != (bool(last) and last["is_stopped"]):
        ledger.note(
            "synced",
            destination=result.destination,
            counts={},
            waiting=result.waiting,
            is_stopped=is_stopped,
            why=_why(result),
            sizes={},
            approved=[],
        )


def _last_note(ledger: Ledger, result: Delivered) -> dict[str, Any]:
    notes = [one for one in ledger.entries() if one["kind"] == "synced" and one["destination"] == result.destination]
    return notes[-1] if notes else {}


def _is_stopped(result: Delivered, last: Mapping[str, Any]) -> bool:
    return bool(result.problem or result.withheld) and (bool(result.plans) or bool(last))


def _why(result: Delivered) -> str:
    return result.problem or "; ".join(reason for plan in result.withheld for reason in plan.brakes)


def _first_line(error: BaseException) -> str:
    if isinstance(error, DealhouseError):
        return " ".join(part for part in (error.what, error.why, error.todo) if part)[:500]
    return (str(error).strip().splitlines() or [type(error).__name__])[0][:500]
