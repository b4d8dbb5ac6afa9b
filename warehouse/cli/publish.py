"""``dealhouse publish``, ``rollback`` and ``query``: the published file, from making it to reading it."""

from __future__ import annotations

import sys
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.box import SIMPLE
from rich.console import Console
from rich.markup import escape
from rich.table import Column, Table

from warehouse.cli.app import app, err, out, settings
from warehouse.errors import DealhouseError, UsageError

if TYPE_CHECKING:
    import duckdb
    import pyarrow as pa

    from warehouse.publish import Published, RunInfo
    from warehouse.settings import Settings

SHOWN_ROWS = 50
"""Rows that a table shows where no --limit is given."""


class Format(StrEnum):
    """How an answer is written."""

    table = "table"
    csv = "csv"
    json = "json"
    parquet = "parquet"


@app.command()
def publish() -> None:
    """Publish the last finished build, if readers have not got it yet.

    `dealhouse run` does this by itself; this is for after `dealhouse build`.
    """
    from warehouse.lock import writer_lock
    from warehouse.publish import is_current
    from warehouse.publish import publish as publish_now
    from warehouse.recover import ensure_warehouse
    from warehouse.store import open_store

    current = settings()
    home = current.layout()
    with writer_lock(home, "publish", current.lock_wait_seconds):
        ensure_warehouse(home, current)
        with open_store(home, current) as con:
            run = _finished_build(con, current)
        if is_current(home, run):
            out.print("Readers were given this build before; nothing was published.")
        else:
            published = publish_now(home, current, run)
            out.print(f"Published [bold]{published.version}[/bold], as of {published.as_of} UTC.")


@app.command()
def rollback(
    version: Annotated[str | None, typer.Argument(help="Version to go to; see --list.")] = None,
    steps: Annotated[int, typer.Option(help="Versions to go back, where none is named.")] = 1,
    show: Annotated[bool, typer.Option("--list", help="List the versions and change nothing.")] = False,
) -> None:
    """Let readers see an older published version again, at once.

    The next run that builds something new publishes again; until then it stays.
    """
    from warehouse.publish import rollback as roll_back
    from warehouse.publish import versions

    home = settings().layout()
    if not show:
        chosen = roll_back(home, version, steps)
        out.print(f"Readers now see [bold]{chosen.version}[/bold], as of {chosen.as_of} UTC.")
    known = versions(home)
    if known:
        out.print(_version_table(known))
    else:
        out.print("Nothing is published yet. `dealhouse run` does it.")


@app.command()
def query(
    sql: Annotated[str, typer.Argument(help="One statement; - reads it from standard input.", metavar="SQL")],
    form: Annotated[
        Format | None, typer.Option("--format", help="How to write it. Default: by --out, else a table.")
    ] = None,
    target: Annotated[Path | None, typer.Option("--out", help="File to write (.csv, .json, .parquet).")] = None,
    limit: Annotated[int | None, typer.Option(min=0, help="Rows at most.")] = None,
    timeout: Annotated[float, typer.Option(min=0.1, help="Seconds after which to break off.")] = 60.0,
) -> None:
    """Ask the published file: tables of facts, marts, scores and meta. It can be read only, and never waits.

    Examples: dealhouse query "show all tables"
    dealhouse query "from marts.united_stage" --out united.csv
    """
    from warehouse.publish import open_published
    from warehouse.publish.export import WRITERS, write_file
    from warehouse.publish.reader import answering

    kind = form.value if form else _kind_of(target)
    if kind == "table" and target is not None:
        raise UsageError("A table is for the screen.", todo="Choose csv, json or parquet for a file.")
    if kind == "parquet" and target is None:
        raise UsageError("Parquet needs a file to go to.", todo="Add --out FILE.parquet.")
    text = sys.stdin.read() if sql == "-" else sql
    with (
        open_published(settings().layout()) as con,
        answering(con, text, timeout=timeout) as answer,
    ):
        reader = answer if limit is None else _first(answer, limit)
        if kind == "table":
            _print_table(reader, is_limited=limit is not None)
        elif target is None:
            WRITERS[kind](reader, sys.stdout.buffer)
        else:
            rows = write_file(reader, target, kind)
            err.print(f"Wrote {rows:,} rows to {target}.")


def _finished_build(con: duckdb.DuckDBPyConnection, current: Settings) -> RunInfo:
    """Describe the build that the work file holds, which must be whole: a half one is never published."""
    from warehouse.build import Clocks, plan
    from warehouse.publish import RunInfo

    plan(con, current, Clocks())  # makes the table of builds where it is missing
    row = con.execute("select build_id, as_of, asked_as_of, asked_known_at, batch_id from raw.build_state").fetchone()
    reason = "there is no finished build"
    if row is not None:
        build_id, as_of, asked_as_of, asked_known_at, batch_id = row
        due = plan(con, current, Clocks(asked_as_of, asked_known_at))
        if due.action == "nothing":
            return RunInfo(build_id, as_of, asked_known_at, batch_id)
        reason = due.reason
    raise DealhouseError(
        "There is nothing to publish: what is built is not whole, or not up to date.",
        where=str(current.layout().warehouse),
        why=reason,
        todo="Run `dealhouse run`, or `dealhouse build` first.",
    )


def _kind_of(target: Path | None) -> str:
    if target is None:
        return "table"
    kind = target.suffix.lstrip(".").lower()
    if kind not in ("csv", "json", "parquet"):
        raise UsageError(
            f"The name {target.name} does not say how to write it.",
            todo="Name it .csv, .json or .parquet, or add --format.",
        )
    return kind


def _first(reader: pa.RecordBatchReader, limit: int) -> pa.RecordBatchReader:
    import pyarrow as pa

    def batches() -> Any:
        left = limit
        for batch in reader:
            if left <= 0:
                return
            yield batch.slice(0, left)
            left -= batch.num_rows

    return pa.RecordBatchReader.from_batches(reader.schema, batches())


def _print_table(reader: pa.RecordBatchReader, is_limited: bool) -> None:
    from warehouse.publish.export import rows_of, shown

    table = Table(box=SIMPLE)
    for name in reader.schema.names:
        table.add_column(escape(name), overflow="fold")
    count = 0
    for row in rows_of(reader):
        if is_limited or count < SHOWN_ROWS:
            table.add_row(*(escape(shown(value)) for value in row.values()))
        count += 1
    # A pipe has no width; without one, columns would be folded for a screen that is not there.
    screen = out if out.is_terminal else Console(width=10_000, highlight=False)
    screen.print(table)
    hidden = 0 if is_limited else max(0, count - SHOWN_ROWS)
    more = f", {hidden:,} of them not shown (--limit, or --out)" if hidden else ""
    screen.print(f"{count:,} row{'' if count == 1 else 's'}{more}")


def _version_table(known: list[Published]) -> Table:
    table = Table(
        "", Column("version", no_wrap=True), "published (UTC)", "as of (UTC)", "tables", "rows", "MB", box=SIMPLE
    )
    for each in reversed(known):
        table.add_row(
            "→" if each.is_current else "",
            each.version,
            f"{each.published_at:%Y-%m-%d %H:%M:%S}",
            f"{each.as_of:%Y-%m-%d %H:%M:%S}" if each.as_of else "",
            f"{len(each.rows)}",
            f"{sum(each.rows.values()):,}",
            f"{each.bytes / 1e6:,.1f}",
        )
    return table
