"""``dealhouse sync``: sends back what other systems have not got yet."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.markup import escape
from rich.table import Table

from warehouse.cli.app import DONE_WITH_REJECTS, FAILED, app, err, out, settings

if TYPE_CHECKING:
    from warehouse.writeback.plan import Plan
    from warehouse.writeback.sync import Delivered


@app.command()
def sync(
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Show what would be sent, with ten examples, and send nothing.")
    ] = False,
    first: Annotated[bool, typer.Option("--first", help="Allow destinations that nothing was ever sent to.")] = False,
    destination: Annotated[
        list[str] | None, typer.Option("--destination", "-d", help="Only this destination; may be given again.")
    ] = None,
    retry_dead: Annotated[
        bool, typer.Option("--retry-dead", help="Try rows again that were refused before (dead letters).")
    ] = False,
    approve: Annotated[
        list[str] | None,
        typer.Option(help="Hash of a plan that a brake holds back, as --dry-run shows it; may be given again."),
    ] = None,
    strict: Annotated[bool, typer.Option("--strict", help="Exit with 3 when rows were refused or edits stay.")] = False,
) -> None:
    """Send other systems what differs from what they have last acknowledged: scores, stages, segments, news, lists.

    Sends nothing from a build that failed, and nothing twice in effect: start it as often as you like. A sync that
    would delete or change unusually much waits for approval. What was sent, refused and given up stands in home/outbox,
    and in facts.fact_delivery after the next run.

    Exit codes: 0 done, 1 a destination failed, was stopped or waits for approval, 2 wrong usage, 3 rows were refused or
    edits stay (with --strict).
    """
    from warehouse.writeback.sync import sync as sync_now

    results = sync_now(
        settings(),
        is_dry_run=dry_run,
        is_first=first,
        only=destination or (),
        approved=approve or (),
        retry_dead=retry_dead,
        on_progress=lambda name, object_name, done, total: err.print(f"{name}: {object_name} {done:,} of {total:,}"),
    )
    for result in results:
        if dry_run:
            _print_plan(result)
        _print_result(result, dry_run)
    if any(result.problem or result.withheld for result in results) and not dry_run:
        raise typer.Exit(FAILED)
    if strict and any(result.counts["rejected"] or result.counts["kept"] for result in results):
        raise typer.Exit(DONE_WITH_REJECTS)


def _print_plan(result: Delivered) -> None:
    from warehouse.writeback.plan import examples

    table = Table(title=f"What {result.destination} would get", title_justify="left")
    table.add_column("Object")
    for name in ("Insert", "Update", "Delete", "In sync", "Refused"):
        table.add_column(name, justify="right")
    table.add_column("Plan")
    for plan in result.plans:
        counts = plan.counts
        numbers = [counts.get(name, 0) for name in ("insert", "update", "delete")]
        in_sync = max(0, plan.held - numbers[1] - numbers[2])
        table.add_row(plan.object_name, *(f"{number:,}" for number in [*numbers, in_sync, plan.refused]), plan.digest)
    out.print(table)
    for plan in result.plans:
        for one in examples(plan):
            fields = ", ".join(f"{name}: {_shown(old)} → {_shown(new)}" for name, (old, new) in one["fields"].items())
            out.print(f"  {plan.object_name} {one['operation']} {one['key']}: {fields}", markup=False)


def _shown(value: Any) -> str:
    text = "nothing" if value is None else str(value)
    return text if len(text) <= 60 else text[:57] + "..."


def _print_result(result: Delivered, dry_run: bool) -> None:
    for plan in result.withheld:
        _print_brake(result, plan, dry_run)
    if result.problem:
        err.print(f"[red]{result.destination}: {escape(result.problem)}[/red]")
    if dry_run:
        return
    if not result.counts and not result.problem and not result.withheld:
        out.print(f"{result.destination}: in sync, nothing was sent.")
    elif result.counts:
        parts = [f"{count:,} {status}" for status, count in sorted(result.counts.items())]
        waiting = f"; {result.waiting:,} wait" if result.waiting else ""
        out.print(f"{result.destination}: {', '.join(parts)}{waiting}.")
    if result.forgotten:
        out.print(f"{result.destination}: {result.forgotten:,} ids of erased persons were passed on.")
    for object_name, key, outcome in result.answers:
        err.print(f"  {object_name} {key}: {outcome.status} {outcome.code} {outcome.message}", markup=False)


def _print_brake(result: Delivered, plan: Plan, dry_run: bool) -> None:
    verb = "would wait" if dry_run else "waits"
    err.print(
        f"[yellow]{result.destination}: {plan.object_name} {verb} for approval, because "
        f"{escape('; '.join(plan.brakes))}. If that is right: dealhouse sync --approve {plan.digest}[/yellow]"
    )
