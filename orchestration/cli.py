"""``dealhouse run`` and ``dealhouse build``: the main job, and its middle part alone."""

from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from warehouse.cli.app import DONE_WITH_REJECTS, app, err, out, settings
from warehouse.errors import UsageError
from warehouse.landing import named_files

AsOf = Annotated[
    str,
    typer.Option("--as-of", help="Build as the world stood then (ISO 8601). Default: the latest event time."),
]
KnownAt = Annotated[
    str,
    typer.Option("--known-at", help="Build with what had been received then (ISO 8601). Default: everything."),
]
FullRefresh = Annotated[bool, typer.Option("--full-refresh", help="Build every table anew.")]


@app.command()
def run(
    paths: Annotated[
        list[Path] | None,
        typer.Argument(help="Files, folders or globs to take in. Default: the inbox.", metavar="[PATH]..."),
    ] = None,
    mapping: Annotated[
        Path | None,
        typer.Option(
            help="Mapping (TOML) for CSV or Parquet of another shape, see docs/mapping.md.", exists=True, dir_okay=False
        ),
    ] = None,
    as_of: AsOf = "",
    known_at: KnownAt = "",
    full_refresh: FullRefresh = False,
    strict: Annotated[bool, typer.Option("--strict", help="Exit with 3 when rows were rejected.")] = False,
    sample_if_empty: Annotated[
        bool,
        typer.Option("--sample-if-empty", help="Make a sample company when nothing has ever been received."),
    ] = False,
) -> None:
    """Take in what has arrived, build what is due, publish it: the whole job, in this process.

    Starting it again is always safe: nothing is lost, nothing is doubled, and what is done is not done again.
    """
    for value in (as_of, known_at):
        _check_instant(value)
    current = settings()
    home = current.layout()
    out.print(f"Home: {home.root}")
    if sample_if_empty:
        _make_sample(home.landing, home.inbox)

    if paths:
        # Before the job starts, so that a mistyped path is wrong usage and no failed run.
        named_files(paths, mapping)

    from orchestration.execute import execute
    from warehouse.dbt import NodeResult

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=err, transient=True) as progress:
        task = progress.add_task("taking in what has arrived", total=None)

        def show(node: NodeResult, number: int, total: int) -> None:
            progress.update(task, description=f"building: {node.name[:48]}", completed=number, total=total)

        done = execute(current, list(paths or []), mapping, as_of, known_at, full_refresh, show)

    for problem in done.problems:
        err.print(f"[yellow]{escape(problem)}[/yellow]")
    rejected = sum(batch.rejected for batch in done.batches)
    from warehouse.cli.ingest import batch_notes, batch_table, nothing_new, print_known

    print_known(done.known)
    if done.batches:
        out.print(batch_table(done.batches))
        for note in batch_notes(done.batches):
            out.print(note, markup=False)
    else:
        out.print(nothing_new(paths, [*done.known, *done.problems]))
    assert done.built is not None
    if done.built.plan.action == "nothing":
        out.print(f"Nothing to build: {done.built.plan.reason}.")
    else:
        models = sum(node.unique_id.startswith("model.") for node in done.built.nodes)
        checks = sum(node.unique_id.startswith("test.") for node in done.built.nodes)
        out.print(
            f"Built {models} models ({done.built.plan.action}: {done.built.plan.reason}); {checks} checks passed."
        )
    if done.published is not None:
        out.print(f"Published [bold]{done.published.version}[/bold], as of {done.built.as_of} UTC.")
    else:
        out.print(f"The publication stays as it was, as of {done.built.as_of} UTC.")
    _print_kpis(home)
    out.print(
        "\nNext: [bold]make dashboards[/bold] shows it as pages, "
        '[bold]dealhouse query "from marts.united_stage"[/bold] where deals stand,\n'
        "[bold]dealhouse status[/bold] what was taken in, [bold]dealhouse rejects[/bold] what was not and why,\n"
        "[bold]make dev[/bold] the lineage and the runs."
    )
    if strict and rejected:
        raise typer.Exit(DONE_WITH_REJECTS)


@app.command()
def build(as_of: AsOf = "", known_at: KnownAt = "", full_refresh: FullRefresh = False) -> None:
    """Build facts and marts from what has been taken in, with all checks, without publishing."""
    from orchestration.resources import BuildOptions
    from warehouse.build import build as build_now
    from warehouse.lock import writer_lock

    for value in (as_of, known_at):
        _check_instant(value)
    current = settings()
    clocks = BuildOptions(as_of=as_of, known_at=known_at, full_refresh=full_refresh).clocks()
    with writer_lock(current.layout(), "build", wait_seconds=current.lock_wait_seconds):
        built = build_now(
            current,
            clocks,
            full_refresh,
            lambda node, number, total: err.print(f"{number}/{total} {node.name}"),
        )
    out.print(f"Build: {built.plan.action}, because {built.plan.reason}. As of {built.as_of} UTC.")


def _check_instant(text: str) -> None:
    if not text:
        return
    try:
        datetime.fromisoformat(text)
    except ValueError as error:
        raise UsageError(
            f"{text!r} is not an instant.",
            why=str(error),
            todo="Give it like 2026-03-31 or 2026-03-31T18:00:00Z.",
        ) from error


def _make_sample(landing: Path, inbox: Path) -> None:
    if (landing / "manifest.ndjson").exists() or (inbox.exists() and any(inbox.iterdir())):
        return
    from warehouse.sample import write_company

    out.print("The inbox is empty: making a sample company ...")
    write_company(inbox)


def _print_kpis(home: object) -> None:
    from warehouse.publish import query
    from warehouse.settings import Home

    assert isinstance(home, Home)
    rows = query(
        home,
        "select tenant_id, kpi, kpi_month, kpi_value, basis_count, target, target_status from ("
        "select *, row_number() over (partition by tenant_id, kpi order by kpi_month desc) as recency "
        "from marts.kpi where kpi_value is not null) where recency <= 3 "
        "and tenant_id = (select tenant_id from marts.kpi group by 1 order by count(*) desc, 1 limit 1) "
        "order by kpi, kpi_month",
    ).to_pylist()
    if not rows:
        return
    tenant = rows[0]["tenant_id"]
    table = Table(title=f"KPIs so far (the last three months of tenant {tenant})", title_justify="left")
    for name in ("KPI", "Month"):
        table.add_column(name)
    for name in ("Value", "Based on", "Target"):
        table.add_column(name, justify="right")
    table.add_column("Status")
    for row in rows:
        _, kpi, month, value, basis, target, status = row.values()
        table.add_row(
            kpi,
            f"{month:%Y-%m}",
            f"{value:,.2f}",
            f"{basis:,}",
            "" if target is None else f"{target:g}",
            status,
        )
    out.print(table)
