"""``dealhouse export``, ``compute`` and ``import-marts``: what was taken in goes to another engine, and back."""

from pathlib import Path
from typing import Annotated

import typer

from warehouse.cli.app import app, out, settings


@app.command()
def export(
    folder: Annotated[Path, typer.Option(help="Folder for the manifest and the files; made where it is missing.")],
) -> None:
    """Write the events that were taken in as partitioned Parquet with a manifest, for `dbt build --target spark`.

    It replaces the former export at once. It is a copy: after an erasure, export again. See docs/spark.md.
    """
    from warehouse.lake import export as export_now
    from warehouse.lock import writer_lock

    current = settings()
    home = current.layout()
    with writer_lock(home, "export", current.lock_wait_seconds):
        done = export_now(home, current, folder.expanduser().resolve())
    out.print(
        f"Exported [bold]{done.version}[/bold] to {done.folder}: {done.rows['raw.events']:,} events up to batch "
        f"{done.batch_id}, {len(done.rows)} tables, {done.bytes / 1e6:,.1f} MB."
    )


@app.command()
def compute(
    back: Annotated[Path, typer.Option(help="Folder that the build was handed back to (DEALHOUSE_SPARK_HANDBACK).")],
    folder: Annotated[Path, typer.Option(help="Folder of the export, whose statistics and scores are replaced.")],
) -> None:
    """Compute statistics and scores from what Spark has built, for `dbt build --target spark -s source:computed+`.

    Only where DuckDB does not build: an export of a home that was built here has them. See docs/spark.md.
    """
    from warehouse.lake import compute as compute_now
    from warehouse.lock import writer_lock

    current = settings()
    home = current.layout()
    with writer_lock(home, "compute", current.lock_wait_seconds):
        rows = compute_now(home, current, back.expanduser().resolve(), folder.expanduser().resolve())
    out.print(f"Computed {len(rows)} tables, {sum(rows.values()):,} rows.")


@app.command("import-marts")
def import_marts(
    folder: Annotated[Path, typer.Option(help="Folder that the build was handed back to (DEALHOUSE_SPARK_HANDBACK).")],
) -> None:
    """Publish what Spark has built, so that dashboards, queries and reports go on as before.

    It opens no work file: facts, marts, scores and contacts come from the folder alone. See docs/spark.md.
    """
    from warehouse.lake import import_marts as import_now
    from warehouse.lock import writer_lock

    current = settings()
    home = current.layout()
    with writer_lock(home, "import-marts", current.lock_wait_seconds):
        published = import_now(home, current, folder.expanduser().resolve())
    if published is None:
        out.print("Readers were given this build before; nothing was published.")
    else:
        out.print(
            f"Published [bold]{published.version}[/bold], as of {published.as_of} UTC: {len(published.rows)} tables, "
            f"{sum(published.rows.values()):,} rows."
        )
