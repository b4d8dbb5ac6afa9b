"""Making reports of a publication, keeping them as files, and sending each of them once.

What a report says belongs to :mod:`warehouse.reports.content`.
"""

from dataclasses import dataclass, replace
from datetime import date
from email.generator import BytesGenerator
from io import BytesIO
from pathlib import Path
from urllib.parse import quote

from warehouse import chain
from warehouse.clock import utc_now
from warehouse.errors import DealhouseError, UsageError
from warehouse.links import LinkSettings
from warehouse.lock import file_lock
from warehouse.mail import Mail, SmtpSettings, compose, recipients_of, send
from warehouse.publish import current, open_published
from warehouse.publish.reader import NothingPublishedError
from warehouse.reports.content import compile_report
from warehouse.reports.parts import Report, tenants
from warehouse.reports.period import Period, PeriodKind, last_complete, period_of
from warehouse.reports.render import render_report, standalone
from warehouse.settings import Home, Settings

WAIT_SECONDS = 60.0


@dataclass(frozen=True)
class Written:
    """A report that was kept, and what became of its mail."""

    report: Report
    rendered: Mail
    page: Path
    mail: Path
    sent_to: tuple[str, ...] = ()
    why_not_sent: str = ""
    """In words; empty where it was sent, or where that was not asked for."""


def write_reports(
    settings: Settings,
    kind: PeriodKind,
    *,
    day: date | None = None,
    tenant_id: str = "",
    folder: Path | None = None,
    is_sent: bool = False,
    is_sent_again: bool = False,
) -> list[Written]:
    """Make the reports of a period, one per tenant, keep them, and send those that were not sent before.

    Parameters
    ----------
    day
        A day of the period; by default that of the last period that is over.
    tenant_id
        The only tenant to report on; by default all that there is something to report on.
    folder
        Where they are kept; by default ``reports`` of the home. What was sent is not replaced there: a fresh look at it
        gets files of its own, whose names end in ``-fresh``.
    is_sent_again
        Whether what was sent before is sent once more.

    Raises
    ------
    NothingPublishedError
        If there is nothing to report on.
    UsageError
        If the tenant does not exist, or the settings of mail cannot be used.
    """
    home = settings.layout()
    published = current(home)
    if published is None or published.as_of is None:
        raise NothingPublishedError(
            "There is nothing to report on: nothing is published yet.",
            where=str(home.published),
            todo="`dealhouse run` takes in what is in the inbox, builds, and publishes.",
        )
    period = period_of(kind, day) if day else last_complete(kind, published.as_of)
    with open_published(home) as con:
        known = tenants(con)
        if tenant_id and tenant_id not in known:
            raise UsageError(
                f"There is nothing of a tenant {tenant_id!r}.", todo=f"Known are: {', '.join(known) or 'none'}."
            )
        reports = [
            compile_report(con, each, period, published.as_of, published.version, settings.reporting_currency)
            for each in ([tenant_id] if tenant_id else known)
        ]
    smtp, dashboards_url = SmtpSettings(), LinkSettings().dashboards_url
    target = folder or home.reports
    target.mkdir(parents=True, exist_ok=True)
    written = [_keep(home, report, target, dashboards_url, smtp, is_sent) for report in reports]
    if not is_sent:
        return written
    sent = []
    failures: list[DealhouseError] = []
    for one in written:
        try:
            sent.append(_send_once(home, one, smtp, is_sent_again))
        except DealhouseError as error:
            failures.append(error)  # the other tenants' reports go out nevertheless
    if failures:
        raise failures[0]
    return sent


def _keep(home: Home, report: Report, folder: Path, dashboards_url: str, smtp: SmtpSettings, is_sent: bool) -> Written:
    # No tenant's name is a path, and no two have one file.
    name = f"{quote(report.tenant_id, safe='')}-{report.period.slug}"
    made = Written(report, render_report(report, dashboards_url), folder / f"{name}.html", folder / f"{name}.eml")
    if made.page.exists() and made.mail.exists() and _was_sent(home, report.tenant_id, report.period):
        # What is kept is what was sent, not what it would be by now; only another sending replaces it.
        if is_sent:
            return made
        if folder.resolve() == home.reports.resolve():
            made = replace(made, page=folder / f"{name}-fresh.html", mail=folder / f"{name}-fresh.eml")
    _write_down(made, smtp)
    return made


def _write_down(one: Written, smtp: SmtpSettings) -> None:
    recipients = recipients_of(one.report.tenant_id, smtp.report_recipients)
    message = BytesIO()
    # It carries the instant that its figures stand for, so that the same report is the same file.
    BytesGenerator(message).flatten(compose(one.rendered, smtp.sender, recipients, one.report.as_of))
    _write(one.mail, message.getvalue())
    _write(one.page, standalone(one.rendered).encode())


def _send_once(home: Home, one: Written, smtp: SmtpSettings, is_sent_again: bool) -> Written:
    report = one.report
    recipients = recipients_of(report.tenant_id, smtp.report_recipients)
    if not recipients:
        return _unsent(one, "nobody is named in DEALHOUSE_SMTP_REPORT_RECIPIENTS")
    if not report.is_complete and not is_sent_again:
        return _unsent(one, f"the {report.period.kind} is not over yet")
    home.reports.mkdir(parents=True, exist_ok=True)
    # Held while the mail is handed over: two that start together must not both find that it was not sent.
    with file_lock(home.reports / ".sent.lock", "sending a report", WAIT_SECONDS):
        if not is_sent_again and _was_sent(home, report.tenant_id, report.period):
            return _unsent(one, "it was sent before")
        refused = send(smtp, one.rendered, recipients)
        taken = tuple(address for address in recipients if address not in refused)
        chain.append(
            _journal(home),
            {
                "tenant_id": report.tenant_id,
                "period": report.period.slug,
                "version": report.version,
                "recipient_count": len(taken),
                "sent_at": f"{utc_now():%Y-%m-%dT%H:%M:%SZ}",
            },
        )
        _write_down(one, smtp)
    why_not = "; ".join(f"{address}: {code} {words}" for address, (code, words) in refused.items())
    return replace(one, sent_to=taken, why_not_sent=why_not)


def _journal(home: Home) -> Path:
    return home.reports / "sent.ndjson"


def _was_sent(home: Home, tenant_id: str, period: Period) -> bool:
    return any(
        entry["tenant_id"] == tenant_id and entry["period"] == period.slug for entry in chain.read(_journal(home))
    )


def _unsent(one: Written, why: str) -> Written:
    return replace(one, why_not_sent=why)


def _write(path: Path, content: bytes) -> None:
    """Replace a file at once, so that nobody reads half of one."""
    new = path.with_name(f".{path.name}.new")
    new.write_bytes(content)
    new.replace(path)
