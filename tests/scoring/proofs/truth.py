"""What the sample company's generator knows and its events do not say: each lead's odds, each customer's hazard.

The streams of the generator are named, so that the same arguments draw the same people again, without a single event.
"""

from datetime import date, datetime, timedelta

import numpy as np
import polars as pl
from scipy.stats import poisson

from warehouse.sample import accounts as account_book
from warehouse.sample import conversion, customers, emails, subscriptions, touches, truth
from warehouse.sample import deals as deal_book
from warehouse.sample import leads as lead_book
from warehouse.sample.company import DEFAULT_UNTIL
from warehouse.sample.log import EventLog
from warehouse.sample.ragged import sigmoid
from warehouse.sample.streams import Streams
from warehouse.sample.subscriptions import MONTH_END_DAYS, Months, Subscribers

EPOCH = date(1970, 1, 1)


class Truth:
    """The company of these arguments, drawn again as :func:`warehouse.sample.company.live` draws it."""

    def __init__(self, days: int, accounts: int, seed: int = 7) -> None:
        end = float((DEFAULT_UNTIL - EPOCH + timedelta(days=1)).days)
        streams, log = Streams(seed), EventLog(end - days, end, "truth")
        book = account_book.make(streams, log, accounts)
        self.leads = lead_book.draw(streams, log, accounts)
        engagement = touches.draw(streams, self.leads)
        clicks = emails.onboarding(streams, log, self.leads)
        trials = conversion.try_out(streams, self.leads)
        self.odds = conversion.log_odds(self.leads, engagement, clicks, trials)
        outcome = conversion.decide(streams, self.leads, self.odds)
        deals = deal_book.draw(streams, log, "b2b", book, self.leads, outcome)
        people = customers.people(streams, self.leads, outcome)
        organisations = customers.organisations(streams, book, deals, deal_book.walk(streams, deals))
        of_organisations = subscriptions.live(streams, "organisations", organisations, end)
        of_people = subscriptions.live(streams, "people", people, end)
        returned = subscriptions.returning(streams, people, of_people)
        self.lives = [(organisations, of_organisations), (people, of_people)]
        if (returned.start < end).any():
            self.lives.append((returned, subscriptions.live(streams, "returned", returned, end)))

    def lead_odds(self) -> pl.DataFrame:
        """A row per lead: its log-odds of conversion."""
        return pl.DataFrame({"lead_id": self.leads.id, "log_odds": self.odds})

    def leaving(self, cutoffs: list[datetime], days: int) -> pl.DataFrame:
        """A row per customer and cut-off, with two chances that it is gone so many days later.

        ``leaves`` is that by which the dice were thrown: it knows all that the customer did until its month ended,
        which nobody can know at the cut-off. ``would_leave`` is what its state at the cut-off implies, the hidden
        satisfaction included, before it is known how much it then uses the product: the true hazard as of the cut-off.
        """
        frames = []
        for subscribers, months in self.lives:
            customer = _customer(subscribers)
            thrown = _hazard(subscribers, months)
            for cutoff in cutoffs:
                at = (cutoff - datetime(1970, 1, 1)) / timedelta(days=1)
                lived = (months.start <= at) & (months.end > at)
                going = np.zeros(len(subscribers), dtype=bool)
                going[months.subscriber[lived]] = True
                rows = np.flatnonzero(going)
                frame = {"customer_id": customer.gather(pl.Series(rows)), "cutoff_at": [cutoff] * len(rows)}
                decides = np.flatnonzero((months.end > at) & (months.end <= at + days))
                for name, hazard in (
                    ("leaves", thrown[decides]),
                    ("would_leave", _implied(subscribers, months, decides, at)),
                ):
                    stays = np.ones(len(subscribers))
                    np.multiply.at(stays, months.subscriber[decides], 1 - hazard)
                    frame[name] = 1 - stays[rows]
                frames.append(pl.DataFrame(frame))
        # A customer is gone when its last subscription is.
        return pl.concat(frames).group_by("customer_id", "cutoff_at").agg(pl.col("leaves", "would_leave").product())


def _customer(subscribers: Subscribers) -> pl.Series:
    frame = pl.DataFrame({"user": subscribers.user, "account": subscribers.account})
    return frame.select(
        pl.when(pl.col("account").is_not_null())
        .then("account:" + pl.col("account"))
        .otherwise("user:" + pl.col("user"))
    ).to_series()


def _hazard(subscribers: Subscribers, months: Months) -> np.ndarray:
    """Chance of leaving at the end of each month, from what happened in it; 0 inside a longer term."""
    decided = months.end - MONTH_END_DAYS
    odds = (
        _standing(subscribers, months)
        + truth.CHURN_LOGINS * np.log1p(months.logins)
        + truth.CHURN_OPEN_TICKET * np.nansum(months.ticket_resolved > decided[:, None], axis=1)
        + truth.CHURN_NO_KEY_FEATURE * (months.key_features == 0)
    )
    return np.where(_ends_term(subscribers, months), sigmoid(np.asarray(odds, dtype=np.float64)), 0.0)


def _implied(subscribers: Subscribers, months: Months, rows: np.ndarray, at: float) -> np.ndarray:
    """The same for some months, over all numbers of logins that the hidden satisfaction makes likely.

    Key features are a hidden share, from 0.02 to 0.6, of uses, which are half as many as logins: none occurs with a
    chance of exp(−share × logins ÷ 2), taken at nine shares. A ticket counts where it is open at the cut-off.
    """
    who = months.subscriber[rows]
    mean = np.exp(2.1 + truth.USAGE_SATISFACTION * months.satisfaction[rows]) * np.sqrt(subscribers.seats[who])
    logins = np.arange(151.0)
    chance = poisson.pmf(logins, mean[:, None])
    chance[:, -1] += poisson.sf(150, mean)
    shares = np.linspace(0.02, 0.6, 9)
    none = np.exp(-0.5 * shares[:, None] * logins).mean(axis=0)
    is_open = (months.ticket_opened[rows] <= at) & (months.ticket_resolved[rows] > at)
    odds = _standing(subscribers, months)[rows] + truth.CHURN_OPEN_TICKET * is_open.sum(axis=1)
    with_logins = odds[:, None] + truth.CHURN_LOGINS * np.log1p(logins)
    hazard = none * sigmoid(with_logins + truth.CHURN_NO_KEY_FEATURE) + (1 - none) * sigmoid(with_logins)
    return np.where(_ends_term(subscribers, months)[rows], (chance * hazard).sum(axis=1), 0.0)


def _standing(subscribers: Subscribers, months: Months) -> np.ndarray:
    """Log-odds of leaving by what does not depend on the use in the month: last answer, payment, first months."""
    asked = ~np.isnan(months.nps_at)
    detractor = np.zeros(len(months.number), dtype=bool)
    last = np.zeros(len(subscribers), dtype=bool)
    for number in range(int(months.number.max()) + 1):
        rows = np.flatnonzero(months.number == number)
        who = months.subscriber[rows]
        last[who] = np.where(asked[rows], months.nps[rows] <= 6, last[who])
        detractor[rows] = last[who]
    return np.asarray(
        truth.CHURN_BASE
        + truth.CHURN_DETRACTOR * detractor
        + truth.CHURN_FAILED_PAYMENT * months.failed
        + truth.CHURN_FIRST_MONTHS * (months.number < 2),
        dtype=np.float64,
    )


def _ends_term(subscribers: Subscribers, months: Months) -> np.ndarray:
    return (months.number + 1) % subscribers.term[months.subscriber] == 0
