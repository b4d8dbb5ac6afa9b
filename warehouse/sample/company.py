"""The whole sample company: draws its life in order of cause and effect, and writes the files.

Each part of the business is a module of its own; here stands which part needs which.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

from warehouse.errors import UsageError
from warehouse.sample import accounts as account_book
from warehouse.sample import (
    billing,
    conversion,
    customers,
    delivery,
    emails,
    finance,
    masterdeal,
    messengers,
    privacy,
    shop,
    subscriptions,
    touches,
    usage,
)
from warehouse.sample import deals as deal_book
from warehouse.sample import leads as lead_book
from warehouse.sample.log import EventLog
from warehouse.sample.streams import Streams
from warehouse.sample.subscriptions import Months, Subscribers

DEFAULT_UNTIL = date(2026, 6, 30)
"""Last day of the sample. A constant, since the same arguments give the same bytes on every day."""

MIN_DAYS, MIN_ACCOUNTS = 60, 20
_EPOCH = date(1970, 1, 1)


@dataclass(frozen=True)
class SampleSummary:
    """What was written.

    Parameters
    ----------
    files
        Paths, in order of time.
    events
        Good events, each counted once.
    rows
        Rows in the files: events, duplicates and bad rows.
    by_source, by_type
        Good events by producing system and by type.
    duplicates
        Exact copies.
    late
        Good events that stand in a later file than the month in which they happened.
    drifted
        Good events with a field that no contract names.
    bad
        Rows that are to be rejected, by reason code.
    """

    files: tuple[Path, ...]
    events: int
    rows: int
    by_source: Mapping[str, int]
    by_type: Mapping[str, int]
    duplicates: int
    late: int
    drifted: int
    bad: Mapping[str, int]


def write_company(
    out: Path,
    days: int = 400,
    accounts: int = 500,
    seed: int = 7,
    until: date = DEFAULT_UNTIL,
    *,
    compress: bool = False,
) -> SampleSummary:
    """Write the sample company's events as monthly NDJSON files.

    Parameters
    ----------
    out
        Folder, made where it is missing; files of the same name are replaced.
    days
        Length of the company's life, in days.
    accounts
        Number of accounts; everything else grows with it.
    seed
        Equal arguments give equal bytes.
    until
        Last day.
    compress
        Whether to write ``.ndjson.gz``.

    Raises
    ------
    UsageError
        The company would be too short or too small for its stories.
    """
    if days < MIN_DAYS or accounts < MIN_ACCOUNTS or seed < 0:
        raise UsageError(
            f"There is no sample company of {days} days and {accounts} accounts from seed {seed}.",
            why="Its stories need time and people.",
            todo=f"Ask for {MIN_DAYS} days, {MIN_ACCOUNTS} accounts and a seed of 0 at least.",
        )
    end = float((until - _EPOCH + timedelta(days=1)).days)
    arguments = f"{days} {accounts} {seed} {until.isoformat()}"
    tag = hashlib.sha256(arguments.encode()).hexdigest()[:6]
    streams, log = Streams(seed), EventLog(end - days, end, tag)
    live(streams, log, accounts)
    events = log.frame()
    sent = delivery.deliver(streams, events, end, tag)
    files = delivery.write(sent.rows, out, compress)
    return SampleSummary(
        files=tuple(files),
        events=len(events),
        rows=len(sent.rows),
        by_source=dict(events["source"].value_counts().sort("source").iter_rows()),
        by_type=dict(events["type"].value_counts().sort("type").iter_rows()),
        duplicates=sent.duplicates,
        late=sent.late,
        drifted=sent.drifted,
        bad=sent.bad,
    )


def live(streams: Streams, log: EventLog, count: int) -> None:
    """Let the company with ``count`` accounts live through the log's window."""
    finance.rates(streams, log)
    finance.expenses(streams, log, count)
    finance.ad_spend(streams, log, count)
    book = account_book.make(streams, log, count)

    leads = lead_book.draw(streams, log, count)
    engagement = touches.draw(streams, leads)
    clicks = emails.onboarding(streams, log, leads)
    trials = conversion.try_out(streams, leads)
    outcome = conversion.decide(streams, leads, conversion.log_odds(leads, engagement, clicks, trials))
    referrer = customers.referrers(streams, leads, outcome)
    lead_book.emit(streams, log, leads, referrer)
    touches.emit(streams, log, leads, engagement)
    emails.newsletters(streams, log, leads, book.contact_id, book.contact_born)
    conversion.emit(streams, log, leads, trials, outcome)
    customers.emit_referrals(streams, log, leads, referrer)

    courses = {}
    for pipeline in deal_book.STAGES:
        deals = deal_book.draw(streams, log, pipeline, book, leads, outcome)
        courses[pipeline] = deals, deal_book.walk(streams, deals)
        deal_book.emit(streams, log, *courses[pipeline])

    people = customers.people(streams, leads, outcome)
    organisations = customers.organisations(streams, book, *courses["b2b"])
    customers.emit_seats(streams, log, book, organisations)
    _subscribe(streams, log, "organisations", organisations)
    months = _subscribe(streams, log, "people", people)
    if months is not None:
        returned = subscriptions.returning(streams, people, months)
        _subscribe(streams, log, "returned", returned)
        privacy.run(streams, log, leads, trials, outcome, people, months, returned)

    masterdeal.run(streams, log, book)
    messengers.run(streams, log, book)
    shop.run(streams, log, count)


def _subscribe(streams: Streams, log: EventLog, name: str, subscribers: Subscribers) -> Months | None:
    """Live the subscriptions and tell them; None where all of them would begin after the sample's end."""
    if not (subscribers.start < log.end).any():
        return None
    months = subscriptions.live(streams, name, subscribers, log.end)
    billing.emit(streams, log, name, subscribers, months)
    usage.emit(streams, log, name, subscribers, months)
    return months
