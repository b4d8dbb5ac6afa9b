"""``dealhouse ingest``, ``rejects``, ``verify`` and ``rebuild``."""

import sys
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.markup import escape
from rich.table import Table

from warehouse.cli.app import DONE_WITH_REJECTS, FAILED, app, err, out, settings
from warehouse.errors import UsageError

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

    from warehouse.ingest import BatchResult
    from warehouse.landing import Landing

KNOWN_SHOWN = 10
"""Of files that had been taken in before, so many are named one by one."""


@app.command()
def ingest(
    paths: Annotated[
        list[Path] | None,
        typer.Argument(help="Files, folders or globs. Default: the inbox.", metavar="[PATH]..."),
    ] = None,
    mapping: Annotated[
        Path | None,
        typer.Option(help="Mapping (TOML) for CSV or Parquet of another shape.", exists=True, dir_okay=False),
    ] = None,
    strict: Annotated[bool, typer.Option("--strict", help="Exit with 3 when rows were rejected.")] = False,
    received_at: Annotated[
        str,
        typer.Option(
            "--received-at",
            help="When the files were received (ISO 8601), for loading history. Default: now.",
        ),
    ] = "",
) -> None:
    """Land files and take them in, exactly once, without building anything."""
    from warehouse.lock import writer_lock
    from warehouse.pipeline import take_in

    current = settings()
    problems: list[str] = []
    known: list[str] = []
    with writer_lock(current.layout(), "ingest", wait_seconds=current.lock_wait_seconds):
        batches = take_in(current, paths or [], mapping, _instant(received_at), problems.append, known.append)
    for problem in problems:
        out.print(problem, style="yellow", markup=False)
    print_known(known)
    if not batches:
        out.print(nothing_new(paths, [*known, *problems]))
        return
    out.print(batch_table(batches))
    for note in batch_notes(batches):
        out.print(note, markup=False)
    if any(batch.rejected for batch in batches):
        out.print("See why with [bold]dealhouse rejects[/bold]; nothing that was rejected is lost.")
        if strict:
            raise typer.Exit(DONE_WITH_REJECTS)


def print_known(known: "Sequence[str]") -> None:
    """Name the files that had been taken in before, the first ones of many."""
    for sentence in known[:KNOWN_SHOWN]:
        out.print(sentence, markup=False, soft_wrap=True)
    if len(known) > KNOWN_SHOWN:
        out.print(f"So had {len(known) - KNOWN_SHOWN:,} more files.")


def nothing_new(paths: "Sequence[Path] | None", said: "Sequence[str]") -> str:
    """Why nothing was taken in, unless that has been `said` of each file."""
    if said:
        return "Nothing new."
    return "Nothing new: no file was found there." if paths else "Nothing new: the inbox is empty."


def batch_table(batches: "Sequence[BatchResult]") -> Table:
    """What was taken in, a row a batch."""
    table = Table(title="Taken in", title_justify="left")
    table.add_column("Batch", justify="right")
    table.add_column("File", overflow="fold")
    for name in ("Rows", "Accepted", "Duplicate", "Rejected"):
        table.add_column(name, justify="right")
    for batch in batches:
        numbers = (batch.rows, batch.accepted, batch.duplicate, batch.rejected)
        table.add_row(str(batch.batch_id), escape(batch.file), *(f"{number:,}" for number in numbers))
    return table


def batch_notes(batches: "Sequence[BatchResult]") -> list[str]:
    """What is worth saying of single batches, a sentence each."""
    notes = [f"Batch {batch.batch_id}: {batch.note}." for batch in batches if batch.note]
    notes += [
        f"Batch {batch.batch_id} carries fields that no contract knows, kept as they are: "
        + ", ".join(f"{name} of {kind}" for kind, name in batch.drift)
        + "."
        for batch in batches
        if batch.drift
    ]
    return notes


@app.command()
def rejects(
    batch: Annotated[int | None, typer.Option(help="Only those of this batch.")] = None,
    reason: Annotated[str | None, typer.Option(help="Only those with this reason code.")] = None,
    limit: Annotated[int, typer.Option(min=1, help="How many to show.")] = 20,
    replay: Annotated[bool, typer.Option("--replay", help="Take in those that the present contracts accept.")] = False,
    raw: Annotated[
        str | None,
        typer.Option(metavar="BATCH:LINE", help="Write the original of one row, byte for byte, and nothing else."),
    ] = None,
) -> None:
    """Show what was rejected and why; with --replay take in what is acceptable now."""
    from warehouse.ingest import replay as replay_now
    from warehouse.lock import writer_lock
    from warehouse.store import open_store

    current = settings()
    home = current.layout()
    with (
        writer_lock(home, "rejects", wait_seconds=current.lock_wait_seconds),
        open_store(home, current) as con,
    ):
        if raw is not None:
            _write_original(con, raw)
            return
        if replay:
            result = replay_now(con, home, current)
            if result is None:
                out.print("The present contracts accept none of the rejected rows.")
            else:
                still = f", {result.rejected:,} rejected for another reason now" if result.rejected else ""
                out.print(
                    f"Taken in as batch {result.batch_id}: {result.accepted:,} accepted, "
                    f"{result.duplicate:,} duplicate{still}."
                )
            return
        where = (
            "replay_batch_id is null and ($batch is null or batch_id = $batch) "
            "and ($reason is null or reason = $reason)"
        )
        values = {"batch": batch, "reason": reason}
        counts = con.execute(
            f"select reason, count(*) from raw.rejected_events where {where} group by reason order by 2 desc, 1",
            values,
        ).fetchall()
        rows = con.execute(
            "select batch_id, file, line, event_type, reason, message, raw_text from raw.rejected_events "
            f"where {where} order by batch_id, row_number limit $limit",
            {**values, "limit": limit},
        ).fetchall()
    if not rows:
        out.print("Nothing is in quarantine.")
        return
    for batch_id, file, line, event_type, code, message, text in rows:
        where_from = f"batch {batch_id}, {file} line {line}{f', {event_type}' if event_type else ''}"
        out.print(f"[bold]{code}[/bold] {escape(where_from)}")
        out.print(f"  {message}", markup=False)
        out.print(f"  {(text or '')[:200]}", markup=False, style="dim")
    total = sum(count for _, count in counts)
    out.print(f"\n{len(rows)} of {total:,} shown: " + ", ".join(f"{count:,} {code}" for code, count in counts))


def _write_original(con: "DuckDBPyConnection", place: str) -> None:
    batch, _, line = place.partition(":")
    if not (batch.isdigit() and line.isdigit()):
        raise UsageError(f"{place!r} names no row.", todo="Give batch and line as in --raw 3:17.")
    rows = con.execute(
        "select raw_bytes, is_truncated, file from raw.rejected_events where batch_id = ? and line = ? "
        "order by row_number",
        [int(batch), int(line)],
    ).fetchall()
    if not rows:
        raise UsageError(f"Line {line} of batch {batch} was not rejected.", todo="See dealhouse rejects.")
    for original, is_truncated, file in rows:
        sys.stdout.buffer.write(original + b"\n")
        if is_truncated:
            err.print(f"That is the beginning of the line alone; all of it is in landing, in {file}.", markup=False)
    sys.stdout.buffer.flush()


@app.command()
def verify() -> None:
    """Check that landing holds what was received: every file against the hash-chained manifest."""
    from warehouse.landing import Landing

    landing = Landing(settings().layout())
    problems = landing.verify(settings())
    if problems:
        for problem in problems:
            out.print(problem, style="red", markup=False)
        out.print(
            f"{len(problems)} problem(s). Restore the files named above from a backup; "
            "until then do not run `dealhouse rebuild`."
        )
        raise typer.Exit(FAILED)
    out.print(f"Landing is whole: {len(landing.entries())} entries, every file as received{_amended(landing)}.")


def _amended(landing: "Landing") -> str:
    count = landing.amended_files()
    return f", but for {count} that signed erasures have changed" if count else ""


@app.command()
def rebuild() -> None:
    """Make the work file anew from landing, to the same rows. The next run builds all tables again."""
    from warehouse.ingest import rebuild as rebuild_now
    from warehouse.lock import writer_lock

    current = settings()
    with writer_lock(current.layout(), "rebuild", wait_seconds=current.lock_wait_seconds):
        batches = rebuild_now(current.layout(), current)
    out.print(
        f"Rebuilt from {len(batches)} batches: {sum(batch.accepted for batch in batches):,} events. "
        "Next: dealhouse run."
    )


def _instant(text: str) -> datetime | None:
    if not text:
        return None
    try:
        return datetime.fromisoformat(text)
    except ValueError as error:
        raise UsageError(
            f"{text!r} is not an instant.", why=str(error), todo="Give it like 2026-03-31T18:00:00Z."
        ) from error
