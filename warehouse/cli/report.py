"""``dealhouse report``: the weekly and the monthly report, as files and by mail."""

from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape

from warehouse.cli.app import app, err, out, settings


class PeriodName(StrEnum):
    """What a report is about."""

    week = "week"
    month = "month"


@app.command()
def report(
    period: Annotated[PeriodName, typer.Option(help="A week, from Monday, or a calendar month.")] = PeriodName.week,
    of: Annotated[
        datetime | None,
        typer.Option(formats=["%Y-%m-%d"], help="A day of it. Default: the last one that is over in the publication."),
    ] = None,
    tenant: Annotated[str, typer.Option(help="Only this tenant. Default: all.")] = "",
    target: Annotated[
        Path | None, typer.Option("--out", help="Folder for the files. Default: reports, in home.")
    ] = None,
    send: Annotated[
        bool, typer.Option("--send", help="Send them to DEALHOUSE_SMTP_REPORT_RECIPIENTS, each once.")
    ] = False,
    again: Annotated[bool, typer.Option("--again", help="With --send: also what was sent before.")] = False,
) -> None:
    """Make the report of a week or a month from the published figures, one for each tenant.

    A report is kept as .html, to open, and as .eml, as it would be sent. All figures in it are those of the marts.
    One that was sent stays as it was; a fresh look at it is kept beside it.
    """
    from warehouse.reports.sending import write_reports

    written = write_reports(
        settings(),
        period.value,
        day=of.date() if of else None,
        tenant_id=tenant,
        folder=target,
        is_sent=send,
        is_sent_again=again,
    )
    if not written:
        out.print("There are no figures to report on yet.")
    for one in written:
        out.print(f"[bold]{escape(one.report.tenant_id)}[/bold]  {escape(one.report.subject)}")
        out.print(f"  {one.page}", markup=False)
        out.print(f"  {one.mail}", markup=False)
        if one.sent_to:
            out.print(f"  sent to {', '.join(one.sent_to)}", markup=False)
        if one.why_not_sent:
            err.print(f"  [yellow]not sent: {escape(one.why_not_sent)}[/yellow]")
