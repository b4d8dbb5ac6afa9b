"""``dealhouse sample``: make the events of a plausible company."""

from __future__ import annotations

from datetime import date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.box import SIMPLE
from rich.table import Table

from warehouse.cli.app import app, out

if TYPE_CHECKING:
    from warehouse.sample import SampleSummary


@app.command()
def sample(
    folder: Annotated[Path, typer.Option("--out", help="Folder for the files; made where it is missing.")],
    days: Annotated[int, typer.Option(help="Length of the company's life, in days.")] = 400,
    accounts: Annotated[int, typer.Option(help="Number of accounts; all else grows with it.")] = 500,
    seed: Annotated[int, typer.Option(help="Equal arguments give equal bytes.")] = 7,
    until: Annotated[
        datetime | None,
        typer.Option(
            formats=["%Y-%m-%d"], help="Last day, the same on whatever day it is made.", show_default="2026-06-30"
        ),
    ] = None,
    compress: Annotated[bool, typer.Option("--gzip", help="Write .ndjson.gz.")] = False,
) -> None:
    """Make a sample company: its events of all types as monthly NDJSON files, with known effects in them."""
    # Polars takes a while to import; --help should not wait for it.
    from warehouse.sample import DEFAULT_UNTIL, write_company

    last: date = until.date() if until else DEFAULT_UNTIL
    _show(write_company(folder, days, accounts, seed, last, compress=compress))


def _show(summary: SampleSummary) -> None:
    table = Table("source", "events", box=SIMPLE)
    table.columns[1].justify = "right"
    for source, events in summary.by_source.items():
        table.add_row(source, f"{events:,}")
    out.print(table)
    bad = ", ".join(f"{count} {reason}" for reason, count in summary.bad.items())
    out.print(
        f"{summary.events:,} events of {len(summary.by_type)} types in {len(summary.files)} files "
        f"({summary.rows:,} rows) in {summary.files[0].parent}.\n"
        f"Planted: {summary.duplicates:,} exact duplicates; {summary.late:,} events in a later file than their "
        f"month; {summary.drifted:,} with an unknown field; bad rows: {bad}.\n"
        "What drives conversion, churn and wins in it, and by how much: docs/sample.md."
    )
