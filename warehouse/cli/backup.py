"""``dealhouse backup`` and ``restore``: a copy of home that can be put back."""

from pathlib import Path
from typing import Annotated

import typer

from warehouse.cli.app import app, out, settings


@app.command()
def backup(
    to: Annotated[Path, typer.Option(help="Folder for backups, best on another disk; made where it is missing.")],
    keep: Annotated[int, typer.Option(min=1, help="How many backups stay.")] = 3,
) -> None:
    """Copy what cannot be made again, and what is published, while runs go on; and prove the copy.

    Backups of before an erasure or a retention are removed. A backup holds the keys: guard it as you guard home.
    """
    from warehouse.backup import back_up

    current = settings()
    done = back_up(current.layout(), current, to.expanduser().resolve(), keep)
    out.print(f"Copied {done.files:,} files, {done.bytes / 1e6:,.1f} MB, to [bold]{done.path}[/bold].")


@app.command()
def restore(
    source: Annotated[Path, typer.Option("--from", help="A backup, or the folder of backups: then the youngest.")],
) -> None:
    """Put a backup back into an empty home (DEALHOUSE_HOME). Readers have their numbers at once."""
    from warehouse.backup import restore as restore_now
    from warehouse.lock import writer_lock

    current = settings()
    home = current.layout()
    with writer_lock(home, "restore", current.lock_wait_seconds):
        done = restore_now(home, current, source.expanduser().resolve())
    version = f"version {done.published} is published" if done.published else "nothing had been published"
    out.print(
        f"Put {done.files:,} files back from {done.path}: {version}. "
        "The next [bold]dealhouse run[/bold] builds the work file anew from what was landed."
    )
