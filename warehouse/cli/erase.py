"""``dealhouse erase``: takes a person out of everything, and proves it."""

from enum import StrEnum
from typing import Annotated, Any

import typer
from rich.markup import escape

from warehouse.cli.app import app, err, out, settings
from warehouse.errors import UsageError
from warehouse.settings import Settings

SHOWN_FILES = 20


class Kind(StrEnum):
    """Kind of record that the id names."""

    contact = "contact"
    lead = "lead"
    user = "user"


@app.command()
def erase(
    kind: Annotated[Kind | None, typer.Argument(help="What the id names.")] = None,
    subject_id: Annotated[str | None, typer.Argument(help="Id of the person's record.", metavar="ID")] = None,
    tenant: Annotated[str | None, typer.Option(help="Tenant, where the id exists in several.")] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show what is known and where; change nothing.")] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    requested: Annotated[
        bool, typer.Option("--requested", help="Erase all whom events ask to erase (identity.erasure.requested).")
    ] = False,
    resume: Annotated[bool, typer.Option("--resume", help="Finish erasures that were cut off, and no more.")] = False,
) -> None:
    """Take a person out of everything that was received, made and published, and prove it by a search of all files.

    Counts stay: ids are replaced by tokens that lead nowhere, contact details and texts removed. It cannot be undone.
    """
    from warehouse.erasure import erase as erasing
    from warehouse.erasure.locks import forgetting
    from warehouse.lock import writer_lock

    if resume and (dry_run or requested or kind is not None):
        raise UsageError(
            "--resume finishes what was cut off, and nothing else.",
            why="with it nobody else is erased, and it cannot be tried out: it was begun for good",
            todo="Give --resume alone.",
        )
    current = settings()
    held = writer_lock if dry_run else forgetting
    with held(current.layout(), "erase", wait_seconds=current.lock_wait_seconds):
        if resume:
            done = erasing.resume(current, lambda text: err.print(text, markup=False))
            for receipt in done:
                out.print(f"Finished [bold]{receipt['receipt']}[/bold].")
            if not done:
                out.print("No erasure was cut off.")
            return
        if requested:
            _erase_requested(current, dry_run, yes)
            return
        if kind is None or not subject_id:
            raise UsageError("Whom to erase was not said.", todo="Give a kind and an id: dealhouse erase lead L-17")
        if dry_run or not yes:
            _show(erasing.preview(current, kind.value, subject_id, tenant))
        if dry_run:
            out.print("Nothing was changed.")
            return
        if not yes:
            typer.confirm("Erase this person everywhere? It cannot be undone.", abort=True)
        _tell(erasing.erase(current, kind.value, subject_id, tenant, lambda text: err.print(text, markup=False)))


def _erase_requested(current: Settings, dry_run: bool, yes: bool) -> None:
    from warehouse.erasure import erase as erasing

    if not dry_run:
        erasing.bring_up_to_date(current)
    persons = erasing.requested(current)
    out.print(f"{len(persons)} persons are asked to be erased who are not yet.")
    if dry_run or not persons:
        return
    if not yes:
        typer.confirm("Erase these persons everywhere? It cannot be undone.", abort=True)
    _tell(erasing.erase_all(current, persons, "request", lambda text: err.print(text, markup=False)))


def _tell(receipt: dict[str, Any]) -> None:
    out.print(
        f"Erased: {receipt['ids']} ids, {receipt['emails']} e-mails, {receipt['phones']} phones, {receipt['names']} "
        f"names, in {receipt['batches']} received files. {receipt['files_searched']} files were searched, and no trace "
        f"was found.\nPublished [bold]{receipt['published']}[/bold]; all former versions are removed. "
        f"Receipt: [bold]{receipt['receipt']}[/bold]."
    )


def _show(preview: object) -> None:
    from warehouse.erasure.erase import Preview

    assert isinstance(preview, Preview)
    person = preview.person
    ids = ", ".join(f"{kind} {value}" for kind, value in person.id_pairs)
    out.print(f"Tenant {person.tenant_id}: {ids}", markup=False)
    out.print(f"{len(person.emails)} e-mails, {len(person.phones)} phones, {len(person.names)} names are known.")
    if person.shared:
        out.print(
            f"{len(person.shared)} of these stand in records of others too, and stay there: if those are the same "
            "person, erase them as well."
        )
    for path, places in list(preview.files.items())[:SHOWN_FILES]:
        out.print(f"  {escape(path)}: {escape(', '.join(places[:4]))}{' …' if len(places) > 4 else ''}")
    if len(preview.files) > SHOWN_FILES:
        out.print(f"  and {len(preview.files) - SHOWN_FILES} more files")
