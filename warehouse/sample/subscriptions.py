"""Subscriptions month by month: hidden satisfaction, what it shows in, and who leaves because of it.

The life is drawn here, one loop over months with all subscribers at once; ``billing`` and ``usage`` tell it.
"""

from dataclasses import dataclass, fields

import numpy as np
import polars as pl

from warehouse.sample import truth
from warehouse.sample.ragged import Bools, Floats, Ints, lognormal, sigmoid
from warehouse.sample.streams import Streams

PLANS = ["basic", "pro", "team"]
PRICES = np.array([19.0, 49.0, 149.0])
MONTH_END_DAYS = 0.5
"""Use of a month ends this long before its end; whoever leaves says so in the time after it."""

MAX_TICKETS = 3


@dataclass(frozen=True)
class Subscribers:
    """One element per subscription at its start."""

    id: pl.Series
    user: pl.Series
    account: pl.Series
    currency: pl.Series
    start: Floats
    plan: Ints
    price: Floats
    term: Ints
    satisfaction: Floats
    seats: Ints

    def __len__(self) -> int:
        return len(self.start)


@dataclass(frozen=True)
class Months:
    """One element per subscription and month lived, with all that happens in it."""

    subscriber: Ints
    number: Ints
    start: Floats
    end: Floats
    begins_term: Bools
    plan: Ints
    mrr: Floats
    satisfaction: Floats
    logins: Ints
    features: Ints
    key_features: Ints
    nps_at: Floats
    nps: Ints
    failed: Bools
    cancels: Bools
    plan_change: Ints
    ticket_opened: Floats
    ticket_resolved: Floats


def add_months(day: Floats, months: int | Ints) -> Floats:
    """Return the same day of a later month, or its last day where it has no such day."""
    date = np.floor(day).astype(np.int64).astype("datetime64[D]")
    month = date.astype("datetime64[M]")
    of_month = (date - month.astype("datetime64[D]")).astype(np.int64)
    later = month + np.asarray(months).astype("timedelta64[M]")
    first = later.astype("datetime64[D]").astype(np.int64)
    length = (later + np.timedelta64(1, "M")).astype("datetime64[D]").astype(np.int64) - first
    return np.asarray(first + np.minimum(of_month, length - 1), dtype=np.float64)


def live(streams: Streams, name: str, subscribers: Subscribers, end: float) -> Months:
    """Live all subscriptions until they are cancelled or the sample ends.

    Parameters
    ----------
    streams
        Random streams.
    name
        Name of the stream, one per call.
    subscribers
        Who subscribes.
    end
        End of the sample.
    """
    rng = streams(f"subscriptions.{name}")
    count = len(subscribers)
    satisfaction, plan = subscribers.satisfaction.copy(), subscribers.plan.copy()
    price = subscribers.price.copy()
    key_share = rng.uniform(0.02, 0.6, count)
    detractor = np.zeros(count, dtype=bool)
    lived: list[Months] = []
    who = np.arange(count)
    number = 0
    while True:
        start = subscribers.start[who] if number == 0 else add_months(subscribers.start[who], number)
        who, start = who[start < end], start[start < end]
        if not len(who):
            break
        n = len(who)
        finish = add_months(subscribers.start[who], number + 1)
        decided = finish - MONTH_END_DAYS
        if number:
            satisfaction[who] = truth.SATISFACTION_MEMORY * satisfaction[who] + rng.normal(-0.02, 0.55, n)
        s = satisfaction[who]
        logins = rng.poisson(np.exp(2.1 + truth.USAGE_SATISFACTION * s) * np.sqrt(subscribers.seats[who])).clip(max=150)
        features = rng.poisson(0.5 * logins)
        key = rng.binomial(features, key_share[who])
        tickets = rng.poisson(np.exp(-1.9 + truth.TICKETS_SATISFACTION * s)).clip(max=MAX_TICKETS)
        exists = np.arange(MAX_TICKETS) < tickets[:, None]
        opened = start[:, None] + rng.random((n, MAX_TICKETS)) * (decided - start)[:, None]
        opened = np.where(exists, opened, np.nan)
        resolved = opened + lognormal(rng, 1.3, 1.5, n * MAX_TICKETS).reshape(n, MAX_TICKETS)
        still_open = np.nansum(exists & (resolved > decided[:, None]), axis=1)
        asked = (rng.random(n) < 0.4) & (number % 3 == 1)
        score = np.clip(np.round(7.6 + truth.NPS_SATISFACTION * s + rng.normal(0, 0.8, n)), 0, 10).astype(np.int64)
        detractor[who] = np.where(asked, score <= 6, detractor[who])
        term = subscribers.term[who]
        begins_term, ends_term = number % term == 0, (number + 1) % term == 0
        failed = begins_term & (rng.random(n) < truth.PAYMENT_FAILURE_RATE)
        hazard = sigmoid(
            np.asarray(
                truth.CHURN_BASE
                + truth.CHURN_LOGINS * np.log1p(logins)
                + truth.CHURN_OPEN_TICKET * still_open
                + truth.CHURN_DETRACTOR * detractor[who]
                + truth.CHURN_NO_KEY_FEATURE * (key == 0)
                + truth.CHURN_FAILED_PAYMENT * failed
                + truth.CHURN_FIRST_MONTHS * (number < 2)
            )
        )
        cancels = ends_term & (rng.random(n) < hazard)
        dice = rng.random(n)
        change = np.where(dice < truth.UPGRADE_RATE, 1, np.where(dice > 1 - truth.DOWNGRADE_RATE, -1, 0))
        change = np.where(cancels | (term > 1), 0, change)
        change = np.clip(plan[who] + change, 0, len(PLANS) - 1) - plan[who]
        lived.append(
            Months(
                subscriber=who,
                number=np.full(n, number),
                start=start,
                end=finish,
                begins_term=begins_term,
                plan=plan[who].copy(),
                mrr=price[who].copy(),
                satisfaction=s,
                logins=logins,
                features=features,
                key_features=key,
                nps_at=np.where(asked, start + rng.uniform(2, 20, n), np.nan),
                nps=score,
                failed=failed,
                cancels=cancels,
                plan_change=change,
                ticket_opened=opened,
                ticket_resolved=resolved,
            )
        )
        price[who] = np.round(price[who] * PRICES[plan[who] + change] / PRICES[plan[who]], 2)
        plan[who] = plan[who] + change
        who = who[~cancels]
        number += 1
    if not lived:
        raise ValueError("nobody subscribes: the sample is too small")
    return Months(**{f.name: np.concatenate([getattr(part, f.name) for part in lived]) for f in fields(Months)})


def returning(streams: Streams, subscribers: Subscribers, months: Months) -> Subscribers:
    """Draw the people who come back after they cancelled, as new subscriptions."""
    rng = streams("subscriptions.returning")
    left = np.flatnonzero(months.cancels)
    left = left[subscribers.user.is_not_null().to_numpy()[months.subscriber[left]]]
    left = left[rng.random(len(left)) < truth.RETURN_RATE]
    who = months.subscriber[left]
    rows = pl.Series(who)
    return Subscribers(
        id=pl.select(pl.format("{}-R", pl.lit(subscribers.id.gather(rows)))).to_series(),
        user=subscribers.user.gather(rows),
        account=subscribers.account.gather(rows),
        currency=subscribers.currency.gather(rows),
        start=months.end[left] + rng.uniform(60, 150, len(left)),
        plan=months.plan[left],
        price=months.mrr[left],
        term=subscribers.term[who],
        satisfaction=rng.normal(0.6, 0.8, len(left)),
        seats=subscribers.seats[who],
    )
