"""The Typer application that the commands register with, and what all of them share.

A command belongs in a module of its own beside this file; this one knows none of them by name.
"""

import importlib
import pkgutil
import sys
from importlib import metadata
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from warehouse import __version__
from warehouse.errors import DealhouseError, UsageError
from warehouse.settings import Settings

DONE, FAILED, WRONG_USAGE, DONE_WITH_REJECTS = 0, 1, 2, 3
"""Exit codes of every command."""

app = typer.Typer(
    name="dealhouse",
    no_args_is_help=True,
    rich_markup_mode="rich",
    context_settings={"help_option_names": ["-h", "--help"]},
    help=(
        "A warehouse for CRM events: takes them in exactly once, builds facts and marts, and publishes them.\n\n"
        "Start with [bold]dealhouse run[/bold]; look with [bold]dealhouse query[/bold] and "
        "[bold]dealhouse status[/bold].\n\nExit codes: 0 done, 1 failed, 2 wrong usage, 3 done with rejected rows "
        "where --strict is given."
    ),
)
out = Console(highlight=False)
err = Console(stderr=True, highlight=False)


def settings() -> Settings:
    """Settings of this call: environment, ``.env``, and the options before the command."""
    return Settings(home=_given["home"]) if "home" in _given else Settings()


_given: dict[str, Path] = {}
"""Options that stand before the command."""


def _show_version(value: bool) -> None:
    if value:
        out.print(__version__)
        raise typer.Exit


@app.callback()
def _common(
    home: Annotated[
        Path | None,
        typer.Option(help="Folder that holds all state (also DEALHOUSE_HOME).", show_default="./home"),
    ] = None,
    version: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    _given.clear()
    if home is not None:
        _given["home"] = home


def load_commands() -> None:
    """Import the modules beside this one, and those that other packages announce, so that their commands register."""
    package = importlib.import_module("warehouse.cli")
    for module in pkgutil.iter_modules(package.__path__):
        importlib.import_module(f"warehouse.cli.{module.name}")
    for entry in metadata.entry_points(group="dealhouse.commands"):
        entry.load()


def main() -> None:
    """Entry point of the console script; turns errors of the product into a message and an exit code."""
    load_commands()
    try:
        app()
    except UsageError as error:
        err.print(f"[red]{error}[/red]")
        sys.exit(WRONG_USAGE)
    except DealhouseError as error:
        err.print(f"[red]{error}[/red]")
        sys.exit(FAILED)
