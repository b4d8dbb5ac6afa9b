"""How subscribers use the product, ask for help and answer surveys, as their months were lived.

The numbers of each month come from ``subscriptions``; here they only get their instants.
"""

import numpy as np
import polars as pl

from warehouse.sample.log import Column, EventLog, derived, numbered, pick, take
from warehouse.sample.ragged import Floats, Ints, choose, spread
from warehouse.sample.streams import Streams
from warehouse.sample.subscriptions import MONTH_END_DAYS, Months, Subscribers

_FEATURES = ["lesson", "exercise", "report", "export", "team-space", "calendar"]
KEY_FEATURES = 3
"""The first so many features are key features."""


def emit(streams: Streams, log: EventLog, name: str, subscribers: Subscribers, months: Months) -> None:
    """Emit logins, features, courses, tickets and answers of all subscribers.

    Parameters
    ----------
    streams, log
        Random streams and event log.
    name
        Name of the stream, one per call.
    subscribers, months
        The subscriptions and their lives.
    """
    rng = streams(f"usage.{name}")
    # A company's seats log in as users of their own.
    seat_of = numbered("", int(subscribers.seats.max()), digits=1)

    def user(who: Ints) -> pl.Series:
        seat = derived(
            "U-{}-{}", take(subscribers.account, who), take(seat_of, rng.integers(0, subscribers.seats[who]))
        )
        personal = take(subscribers.user, who)
        return personal.zip_with(personal.is_not_null(), seat)

    def within(month: Ints) -> Floats:
        length = months.end[month] - MONTH_END_DAYS - months.start[month]
        return np.asarray(months.start[month] + 0.01 + rng.random(len(month)) * (length - 0.02))

    month, _ = spread(months.logins)
    log.emit("app.login", within(month), {"user_id": user(months.subscriber[month])})
    month, position = spread(months.features)
    key = position < months.key_features[month]
    feature = np.where(key, 0, KEY_FEATURES) + rng.integers(0, KEY_FEATURES, len(month))
    data: dict[str, Column] = {
        "feature": pick(_FEATURES, feature),
        "is_key": key,
        "quantity": 1 + rng.poisson(1.5, len(month)),
    }
    log.emit("app.feature.used", within(month), {"user_id": user(months.subscriber[month]), **data})
    everyone = np.arange(len(months.subscriber))
    course = derived("course-{}", numbered("", 12, digits=2).gather(rng.integers(0, 12, len(everyone))))
    done = rng.random(len(everyone)) < 0.02 * np.minimum(months.logins, 12)
    log.emit(
        "lms.course.completed", within(everyone), {"user_id": user(months.subscriber), "course_id": course}, keep=done
    )
    _tickets(rng, log, name, subscribers, months)
    comment = np.where(months.nps >= 9, 0, np.where(months.nps <= 4, 1, -1))
    log.emit(
        "survey.nps.responded",
        months.nps_at,
        {
            "response_id": numbered(f"N-{name}-", len(everyone)),
            "score": months.nps,
            "user_id": user(months.subscriber),
            "comment": pick(["Very useful", 'It is "fine",\nbut slow'], comment),
        },
    )


def _tickets(rng: np.random.Generator, log: EventLog, name: str, subscribers: Subscribers, months: Months) -> None:
    month, column = np.nonzero(~np.isnan(months.ticket_opened))
    opened, resolved = months.ticket_opened[month, column], months.ticket_resolved[month, column]
    who, count = months.subscriber[month], len(month)
    ticket: dict[str, Column] = {"ticket_id": numbered(f"K-{name}-", count)}
    log.emit(
        "support.ticket.opened",
        opened,
        {
            **ticket,
            "user_id": take(subscribers.user, who),
            "account_id": take(subscribers.account, who),
            "category": pick(["bug", "billing", "how-to", "access"], rng.integers(0, 4, count)),
            "priority": pick(["low", "normal", "high", "urgent"], choose(rng, [3, 5, 2, 1], count)),
        },
    )
    log.emit("support.ticket.resolved", resolved, ticket, actor="U-H01")
    # Reopened ones are resolved again inside the month, so that the ticket's state at its end stands as drawn.
    again = resolved + rng.uniform(0.3, 2.0, count)
    closed = again + rng.uniform(0.2, 2.0, count)
    inside = (closed < months.end[month] - MONTH_END_DAYS) & (rng.random(count) < 0.12)
    log.emit("support.ticket.reopened", again, ticket, keep=inside)
    log.emit("support.ticket.resolved", closed, ticket, keep=inside, actor="U-H02")
