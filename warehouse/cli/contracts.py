"""``dealhouse contracts``: which events are taken in, and what each must carry."""

from __future__ import annotations

import json
import sys
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.box import SIMPLE
from rich.table import Table

from warehouse.cli.app import app, out
from warehouse.errors import UsageError

if TYPE_CHECKING:
    from warehouse.contracts import EventContract


@app.command()
def contracts(
    event_type: Annotated[
        str | None, typer.Argument(help="Show this type, e.g. crm.deal.won; all types when left out.")
    ] = None,
    as_json_schema: Annotated[
        bool, typer.Option("--json-schema", help="Print JSON Schema (draft 2020-12) of the whole event.")
    ] = False,
    folder: Annotated[
        Path | None, typer.Option("--out", help="With --json-schema: write one file per type to this folder.")
    ] = None,
    as_markdown: Annotated[bool, typer.Option("--markdown", help="Print the reference page.")] = False,
) -> None:
    """List the event types, show one with its fields and an example, or export JSON Schema."""
    # Pandera and polars take a second to import; --help should not wait for them.
    from warehouse.contracts import envelope, reference

    if folder and not as_json_schema:
        raise UsageError("--out says where JSON Schema goes.", todo="Add --json-schema, or leave --out away.")
    if as_markdown and (as_json_schema or event_type):
        raise UsageError("--markdown renders all contracts as one page.", todo="Use it alone.")
    contract = _find(event_type) if event_type else None
    if as_markdown:
        sys.stdout.write(reference.markdown())
    elif folder:
        _write_schemas(folder, contract)
    elif as_json_schema:
        sys.stdout.write(_as_text(envelope.json_schema(contract)))
    elif contract:
        _show(contract)
    else:
        _list()


def _find(event_type: str) -> type[EventContract]:
    from warehouse import contracts as registry

    contract = registry.get(event_type)
    if contract:
        return contract
    similar = registry.closest(event_type)
    raise UsageError(
        f"There is no event type {event_type}.",
        why="No contract has that name.",
        todo=f"Did you mean {' or '.join(similar)}?" if similar else "dealhouse contracts lists all types.",
    )


def _list() -> None:
    from warehouse import contracts as registry

    for section, members in groupby(registry.all().values(), key=lambda contract: contract.section):
        table = Table(box=None, show_header=False, padding=(0, 2, 0, 0))
        for contract in members:
            table.add_row(contract.type, contract.source, contract.summary)
        out.print(f"[bold]{section}[/bold]")
        out.print(table)
        out.print()
    out.print(f"{len(registry.all())} types, contracts {registry.CONTRACTS_VERSION}.")
    out.print("dealhouse contracts TYPE shows one of them with its fields and an example.")


def _show(contract: type[EventContract]) -> None:
    from warehouse.contracts import envelope, reference

    out.print(f"[bold]{contract.type}[/bold]  {contract.summary} Usually sent by {contract.source}.")
    table = Table("field", "kind", "required", "values", "meaning", box=SIMPLE)
    for spec in contract.fields():
        values = reference.rule_in_short(spec).replace("[", r"\[")
        required = "yes" if spec.required else ""
        table.add_row(spec.name, spec.kind, required, values, spec.description)
    out.print(table)
    out.print("An example, one line in an NDJSON file:")
    sys.stdout.write(json.dumps(envelope.example(contract), ensure_ascii=False) + "\n")


def _write_schemas(folder: Path, contract: type[EventContract] | None) -> None:
    from warehouse import contracts as registry
    from warehouse.contracts import envelope

    chosen = [contract] if contract else list(registry.all().values())
    folder.mkdir(parents=True, exist_ok=True)
    for each in chosen:
        (folder / f"{each.type}.json").write_text(_as_text(envelope.json_schema(each)), encoding="utf-8")
    if not contract:
        (folder / "event.json").write_text(_as_text(envelope.json_schema()), encoding="utf-8")
    out.print(f"{len(chosen) + (not contract)} files of JSON Schema written to {folder}.")


def _as_text(schema: dict[str, Any]) -> str:
    return json.dumps(schema, indent=2, ensure_ascii=False) + "\n"
