"""Who subscribes: people who converted, organisations with a won deal, and accounts that buy by themselves.

Whom they refer, and which people use what an organisation has bought, is here as well. How a subscription goes on is
decided in ``subscriptions``.
"""

import numpy as np
import polars as pl

from warehouse.sample import names, truth
from warehouse.sample.accounts import CURRENCY, Accounts
from warehouse.sample.conversion import Outcome
from warehouse.sample.deals import Course, Deals
from warehouse.sample.leads import CHANNELS, Leads
from warehouse.sample.log import Column, EventLog, derived, pick, take
from warehouse.sample.ragged import Floats, Ints, choose, spread
from warehouse.sample.streams import Streams
from warehouse.sample.subscriptions import PRICES, Subscribers

_CURRENCIES = ["USD", "EUR", "UAH", "KZT", "RUB"]
_PRICE_FACTOR = np.array([1.0, 0.9, 40.0, 480.0, 90.0])
"""A plan's price in each currency, rounded for the shop window, against the price in US dollars."""


def people(streams: Streams, leads: Leads, outcome: Outcome) -> Subscribers:
    """Return the converted people, who pay by the month, a few by the year."""
    rng = streams("customers.people")
    rows = np.flatnonzero(outcome.converted & ~leads.is_company)
    return _subscribers(
        rng,
        id_=derived("B-{}", take(leads.id, rows)),
        user=take(leads.user, rows),
        account=pl.Series([None] * len(rows), dtype=pl.String),
        currency=choose(rng, [5, 3, 1, 1, 1], len(rows)),
        start=outcome.converted_at[rows],
        plan=choose(rng, [6, 3, 1], len(rows)),
        yearly=0.1,
    )


def organisations(streams: Streams, accounts: Accounts, deals: Deals, course: Course) -> Subscribers:
    """Return the organisations: after a won deal of sales, or because somebody there signed up."""
    rng = streams("customers.organisations")
    won = np.flatnonzero(course.wins)
    bought = np.flatnonzero(rng.random(len(accounts.id)) < truth.SELF_SERVICE_RATE)
    account = pl.concat([take(deals.account, won), take(accounts.id, bought)])
    abroad = pl.Series(CURRENCY).replace_strict({name: i for i, name in enumerate(_CURRENCIES)}).to_numpy()
    count = len(account)
    return _subscribers(
        rng,
        id_=pl.concat([derived("B-{}", take(deals.id, won)), derived("B-{}", take(accounts.id, bought))]),
        user=pl.Series([None] * count, dtype=pl.String),
        account=account,
        currency=np.concatenate([np.zeros(len(won), dtype=np.int64), abroad[accounts.country[bought]]]),
        start=np.concatenate(
            [
                course.closed[won] + rng.uniform(1, 9, len(won)),
                accounts.created[bought] + rng.uniform(2, 150, len(bought)),
            ]
        ),
        plan=choose(rng, [1, 4, 5], count),
        yearly=0.15,
        seats=rng.integers(2, 9, count),
    )


def emit_seats(streams: Streams, log: EventLog, accounts: Accounts, organisations: Subscribers) -> None:
    """Say who the users of each organisation are, once its first subscription with so many seats begins.

    The first seats go to the contacts that sales knows already, the others to contacts who are known from then on.
    """
    rng = streams("customers.seats")
    who, position = spread(organisations.seats)
    held = (
        pl.DataFrame(
            {
                "account": take(organisations.account, who),
                "seat": position + 1,
                "start": organisations.start[who],
            }
        )
        .group_by("account", "seat")
        .agg(pl.col("start").min())
        .join(
            pl.DataFrame(
                {
                    "account": accounts.id,
                    "known": accounts.contact_count,
                    "first": np.cumsum(accounts.contact_count) - accounts.contact_count,
                }
            ),
            on="account",
            how="left",
        )
        .sort("account", "seat")
    )
    account, seat = held["account"], held["seat"].to_numpy()
    count = len(held)
    # An account that a lead became has the contact that the lead became.
    from_lead = account.str.starts_with("A-L-")
    known = np.where(from_lead, 1, held["known"].fill_null(0).to_numpy())
    of_book = take(accounts.contact_id, np.where(seat <= known, held["first"].fill_null(0).to_numpy() + seat - 1, 0))
    of_lead = derived("C-{}", account.str.strip_prefix("A-"))
    is_known = seat <= known
    existing = of_lead.zip_with(from_lead, of_book) if count else of_lead
    contact = existing.zip_with(pl.Series(is_known), derived("C-{}-{}", account, pl.Series(seat)))
    user = derived("U-{}-{}", account, pl.Series(seat))
    at = held["start"].to_numpy() + rng.uniform(1e-3, 9e-3, count)
    person = names.people(rng, count, np.arange(count) + 8_000_000)
    new: dict[str, Column] = {"contact_id": contact, "account_id": account, "user_id": user, **person, "role": "user"}
    log.emit("crm.contact.upserted", at, {**new, "lifecycle_stage": "customer"}, keep=~is_known, actor="system")
    log.emit("identity.linked", at, {"contact_id": contact, "user_id": user}, keep=is_known)


def _subscribers(
    rng: np.random.Generator,
    id_: pl.Series,
    user: pl.Series,
    account: pl.Series,
    currency: Ints,
    start: Floats,
    plan: Ints,
    yearly: float,
    seats: Ints | None = None,
) -> Subscribers:
    count = len(id_)
    many = np.ones(count, dtype=np.int64) if seats is None else seats
    return Subscribers(
        id=id_,
        user=user,
        account=account,
        currency=pick(_CURRENCIES, currency),
        start=start,
        plan=plan,
        price=np.round(PRICES[plan] * _PRICE_FACTOR[currency], 2),
        term=np.where(rng.random(count) < yearly, 12, 1),
        satisfaction=rng.normal(0.1, 0.9, count),
        seats=many,
    )


def referrers(streams: Streams, leads: Leads, outcome: Outcome) -> pl.Series:
    """Return who referred each lead of that channel: a customer of before, or nobody known."""
    rng = streams("customers.referrers")
    customers = np.flatnonzero(outcome.converted & ~leads.is_company)
    customers = customers[np.argsort(outcome.converted_at[customers], kind="stable")]
    known = np.searchsorted(outcome.converted_at[customers], leads.created - 1.0)
    drawn = np.floor(rng.random(len(leads)) * known).astype(np.int64)
    is_referred = (leads.channel == CHANNELS.index("referral")) & (known > 0)
    return pick(take(leads.user, customers).to_list(), np.where(is_referred, drawn, -1))


def emit_referrals(streams: Streams, log: EventLog, leads: Leads, referrer: pl.Series) -> None:
    """Emit the referral of every lead with a referrer, and some that led to nobody."""
    rng = streams("customers.referrals")
    rows = np.flatnonzero(referrer.is_not_null().to_numpy())
    who, lead = take(referrer, rows), take(leads.id, rows)
    data: dict[str, Column] = {
        "referral_id": derived("R-{}", lead),
        "referrer_user_id": who,
        "lead_id": lead,
        "code": who.str.replace("U-", "FRIEND"),
    }
    log.emit("crm.referral.made", leads.created[rows] + 0.002, data)
    unheard = {**data, "referral_id": derived("R-{}-0", lead), "lead_id": ""}
    log.emit("crm.referral.made", leads.created[rows] + rng.uniform(1, 40, len(rows)), unheard,
             keep=rng.random(len(rows)) < 0.4)  # fmt: skip
