"""Organisations and the people in them: accounts, contacts, double entries and their merging.

Deals with them and subscriptions of theirs belong elsewhere.
"""

from dataclasses import dataclass

import numpy as np
import polars as pl

from warehouse.sample import names, season, truth
from warehouse.sample.log import Column, EventLog, as_series, derived, numbered, pick, take, when
from warehouse.sample.ragged import Floats, Ints, choose, lognormal, spread
from warehouse.sample.streams import Streams

CURRENCY = ["USD", "EUR", "USD", "RUB", "UAH", "KZT", "EUR", "EUR"]
"""Currency of an account by the position of its country in :data:`names.COUNTRIES`."""

KINDS = ["university", "corporation", "ngo", "brand", "agency", "other"]
ROLES = ["decision_maker", "champion", "influencer", "user", "other"]
SUPPORTERS = 2
"""The first so many of :data:`ROLES` win deals."""


@dataclass(frozen=True)
class Accounts:
    """The accounts, and their contacts in the order of their accounts."""

    id: pl.Series
    created: Floats
    country: Ints
    size: Floats
    name: pl.Series
    contact_id: pl.Series
    contact_account: Ints
    contact_role: Ints
    contact_count: Ints
    contact_born: Floats
    owner: pl.Series

    def contact_of(self, rng: np.random.Generator, account: Ints) -> Ints:
        """Draw one contact of each given account."""
        first = np.cumsum(self.contact_count) - self.contact_count
        return np.asarray(first[account] + rng.integers(0, self.contact_count[account]), dtype=np.int64)


def owners(count: int) -> list[str]:
    """Sales people of a company with ``count`` accounts."""
    return [f"U-S{number:02d}" for number in range(1, max(4, min(60, count // 60)) + 1)]


def make(streams: Streams, log: EventLog, count: int) -> Accounts:
    """Make ``count`` accounts with their contacts, and emit what the CRM says about them."""
    rng = streams("accounts")
    created = log.start + rng.uniform(0.3, 9.0, count)
    later = rng.random(count) > 0.4
    created[later] = season.arrivals(rng, log.start, log.end, int(later.sum()))
    created.sort()
    kind, country = choose(rng, [2, 4, 1, 2, 2, 1], count), choose(rng, [5, 3, 2, 2, 2, 2, 1, 1], count)
    industry, size = rng.integers(0, len(names.INDUSTRIES), count), np.ceil(lognormal(rng, 180.0, 1.6, count))
    called, sales = names.companies(rng, count), owners(count)
    owner = rng.integers(0, len(sales), count)
    fit = np.clip(np.round(45 + 25 * (industry < names.GOOD_INDUSTRIES) + rng.normal(0, 14, count)), 0, 100)
    segment = np.digitize(size, [100.0, 1000.0])
    account_id, owner_id = numbered("A-", count), pick(sales, owner)
    data: dict[str, Column] = {
        "account_id": account_id,
        "name": called["name"],
        "kind": pick(KINDS, kind),
        "domain": when(rng.random(count) < 0.9, called["domain"]),
        "industry": pick(names.INDUSTRIES, industry),
        "segment": pick(["smb", "mid", "enterprise"], segment.astype(np.int64)),
        "size": size.astype(np.int64),
        "budget": when(rng.random(count) < 0.6, np.round(lognormal(rng, 40_000.0, 0.9, count), -2)),
        "country": pick(names.COUNTRIES, country),
        "region": pick(names.REGIONS, country),
        "owner_id": owner_id,
        "status": "active",
        "icp_fit_score": when(rng.random(count) < 0.8, fit.astype(np.int64)),
    }
    log.emit("crm.account.upserted", created, data, actor=owner_id)
    changed = created + rng.uniform(20, 200, count)
    moved = {**data, "owner_id": pick(sales, (owner + 1) % len(sales)), "icp_fit_reason": "reviewed by sales"}
    log.emit("crm.account.upserted", changed, moved, keep=rng.random(count) < 0.3, actor="system")

    contact_count = 1 + rng.binomial(3, 0.45, count)
    owned, _ = spread(contact_count)
    people = len(owned)
    role = choose(rng, [2, 2, 2, 3, 1], people)
    born = created[owned] + rng.uniform(0.01, 0.9, people)
    accounts = Accounts(
        id=account_id,
        created=created,
        country=country,
        size=size,
        name=called["name"],
        contact_id=numbered("C-", people),
        contact_account=owned,
        contact_role=role,
        contact_count=contact_count,
        contact_born=born,
        owner=owner_id,
    )
    person = names.people(rng, people)
    contact: dict[str, Column] = {
        "contact_id": accounts.contact_id,
        "account_id": take(accounts.id, owned),
        "first_name": person["first_name"],
        "last_name": person["last_name"],
        "email": when(rng.random(people) < 0.95, person["email"]),
        "phone": when(rng.random(people) < 0.7, person["phone"]),
        "role": pick(ROLES, role),
        "influence_score": np.clip(np.round(80 - 14 * role + rng.normal(0, 9, people)), 0, 100).astype(np.int64),
        "lifecycle_stage": "prospect",
        "birth_year": when(rng.random(people) < 0.3, rng.integers(1955, 2004, people)),
        "city": pick(names.CITIES, rng.integers(0, len(names.CITIES), people)),
        "education": when(rng.random(people) < 0.2, "university"),
    }
    tags = pl.Series([["budget", "signs"], ["sponsor"], ["technical"], ["daily-user"], ["other"]]).gather(
        pl.Series(role)
    )
    log.emit("crm.contact.upserted", born, {**contact, "role_tags": tags}, actor="system")
    log.emit(
        "identity.consent.changed",
        born + 0.002,
        {
            "contact_id": accounts.contact_id,
            "channel": pick(["email", "sms", "push", "chat"], choose(rng, [6, 2, 1, 1], people)),
            "granted": rng.random(people) < 0.85,
        },
    )
    _enter_twice(streams, log, data, created, contact, born)
    return accounts


def _enter_twice(
    streams: Streams,
    log: EventLog,
    account: dict[str, Column],
    account_born: Floats,
    contact: dict[str, Column],
    contact_born: Floats,
) -> None:
    """Enter some accounts and contacts again under another id, and merge a part of them."""
    rng = streams("accounts.twice")
    for kind, row, born in (("account", account, account_born), ("contact", contact, contact_born)):
        key, column = f"{kind}_id", "name" if kind == "account" else "email"
        chosen = np.flatnonzero(rng.random(len(born)) < truth.DUPLICATE_ACCOUNT_RATE)
        original = {
            name: take(values, chosen) if isinstance(values, pl.Series) else values
            for name, values in row.items()
            if not isinstance(values, np.ndarray)
        }
        winner, called = take(as_series(row[key], len(born)), chosen), take(as_series(row[column], len(born)), chosen)
        loser = derived("{}-X", winner)
        copy = {**original, key: loser, column: called.str.to_uppercase()}
        again = born[chosen] + rng.uniform(5, 90, len(chosen))
        log.emit(f"crm.{kind}.upserted", again, copy, actor="system")
        log.emit(
            f"crm.{kind}.merged",
            again + rng.uniform(1, 25, len(chosen)),
            {"winner_id": winner, "loser_id": loser, "reason": "entered twice"},
            keep=rng.random(len(chosen)) < truth.MERGED_RATE,
            actor=pick(["U-S01", "U-S02"], rng.integers(0, 2, len(chosen))),
        )
