"""``dealhouse models``: which models are in force, what they are worth, and how that is changed."""

from typing import Annotated

import typer
from rich.markup import escape
from rich.table import Table

from warehouse.cli.app import app, out, settings

models = typer.Typer(
    no_args_is_help=True,
    help="Fitted scores: list, show a card, train, promote, go back. The next run scores with what is in force.",
)
app.add_typer(models, name="models")

Score = Annotated[str, typer.Argument(help="Name of a score, such as churn_90d.")]


@app.command()
def score() -> None:
    """Score with the models in force: build what they, and new events, change, without publishing.

    A run does this too. Alone it shows at once what a promotion has changed.
    """
    from warehouse.build import build
    from warehouse.lock import writer_lock

    current = settings()
    with writer_lock(current.layout(), "score", wait_seconds=current.lock_wait_seconds):
        built = build(current)
    out.print(f"Scores as of {built.as_of} UTC: {built.plan.action}, because {built.plan.reason}.")


@models.command("list")
def list_models() -> None:
    """List all versions, and which are in force."""
    from warehouse.registry import versions

    found = versions(settings().layout())
    if not found:
        out.print("No model has been fitted yet. [bold]dealhouse models train[/bold] fits all of them.")
        return
    table = Table(title="Models", title_justify="left")
    for name in ("Score", "Version", "Fitted (UTC)", "In force", "SHA-256"):
        table.add_column(name)
    for one in found:
        in_force = f"since {one.promoted_at}" if one.is_champion else ""
        table.add_row(one.score, one.version, one.fitted_at, in_force, one.sha256[:12])
    out.print(table)


@models.command()
def show(
    score: Score,
    version: Annotated[str, typer.Option(help="A version. Default: the one in force, else the latest.")] = "",
) -> None:
    """Print the card of a model: what it has learnt from, how it would have done, where it must not be trusted."""
    from warehouse import registry
    from warehouse.errors import UsageError

    home = settings().layout()
    own = [one for one in registry.versions(home) if one.score == score]
    if not own:
        raise UsageError(f"There is no model of {score}.", todo="See `dealhouse models list`.")
    chosen = version or next((one.version for one in own if one.is_champion), own[-1].version)
    out.print(registry.load(home, score, chosen, registry.CARD_TEXT), markup=False, soft_wrap=True)
    folder = registry.find(home, score, chosen).folder
    out.print(f"Files: {folder}", markup=False, soft_wrap=True)


@models.command()
def train(
    scores: Annotated[
        list[str] | None, typer.Argument(help="Names of scores. Default: all.", metavar="[SCORE]...")
    ] = None,
    only_missing: Annotated[bool, typer.Option("--only-missing", help="Fit those that have none in force.")] = False,
) -> None:
    """Fit scores on the features of the last build, and say which of them come into force, and why.

    A first model does so at once; a later one where it is not worse than the present one on what has happened since.
    """
    from scoring.fitting import fit_all
    from warehouse.lock import writer_lock

    current = settings()
    with writer_lock(current.layout(), "train", wait_seconds=current.lock_wait_seconds):
        outcomes = fit_all(current, scores or [], only_missing=only_missing)
    for one in outcomes:
        state = "in force" if one.version.is_champion else "challenger"
        out.print(f"[bold]{one.version.version}[/bold] ({one.chosen}, {state})")
        out.print(f"  {escape(one.reason)}\n  {escape(one.decision)}")
    if any(one.version.is_champion for one in outcomes):
        out.print("The next [bold]dealhouse run[/bold] scores with them.")


@models.command()
def promote(score: Score, version: Annotated[str, typer.Argument(help="The version to put in force.")]) -> None:
    """Put a version in force."""
    from warehouse import registry
    from warehouse.lock import writer_lock

    current = settings()
    with writer_lock(current.layout(), "promote", wait_seconds=current.lock_wait_seconds):
        one = registry.promote(current.layout(), score, version, "by a person")
    out.print(f"{one.version} is in force. The next run scores with it.")


@models.command()
def rollback(score: Score) -> None:
    """Put the version in force that was so before."""
    from warehouse import registry
    from warehouse.lock import writer_lock

    current = settings()
    with writer_lock(current.layout(), "rollback of a model", wait_seconds=current.lock_wait_seconds):
        one = registry.rollback(current.layout(), score)
    out.print(f"{one.version} is in force again. The next run scores with it.")
