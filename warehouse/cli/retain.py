"""``dealhouse retain``: takes away what is older than the policy."""

from typing import Annotated

import typer
from rich.table import Table

from warehouse.cli.app import app, err, out, settings


@app.command()
def retain(
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show what is due and change nothing.")] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Carry it out, also for the first time.")] = False,
) -> None:
    """Take away what is older than the periods of the settings, and prove that nothing older is left.

    Until it was carried out once with --yes it only shows what is due, and so does the schedule.
    """
    from warehouse.erasure.locks import forgetting
    from warehouse.lock import writer_lock
    from warehouse.retention import Policy, due, is_confirmed
    from warehouse.retention import retain as retain_now

    current = settings()
    home = current.layout()
    policy = Policy()
    is_shown = dry_run or not (yes or is_confirmed(home))
    held = writer_lock if is_shown else forgetting
    with held(home, "retain", wait_seconds=current.lock_wait_seconds):
        if is_shown:
            table = Table(title="Older than the policy", title_justify="left")
            for name in ("What", "Count", "Oldest"):
                table.add_column(name, overflow="fold")
            found = due(current, policy)
            for one in found:
                table.add_row(one.what, f"{one.count:,}", f"{one.oldest:%Y-%m-%d}")
            out.print(table if found else "Nothing is older than the policy.")
            out.print("Nothing was changed." + ("" if dry_run else " To carry it out: dealhouse retain --yes"))
            return
        receipt = retain_now(current, policy, say=lambda text: err.print(text, markup=False))
    taken = ", ".join(f"{count:,} {what}" for what, count in receipt["taken"].items()) or "nothing"
    out.print(
        f"Taken away: {taken}. Nothing older than the policy is left. Receipt: [bold]{receipt['receipt']}[/bold]."
    )
