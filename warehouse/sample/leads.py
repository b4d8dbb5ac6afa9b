"""Leads of the main tenant: who they are, by which channel they come, how fast somebody answers.

Whether they convert is decided in ``conversion``, from what is drawn here, in ``touches`` and in ``emails``.
"""

from dataclasses import dataclass

import numpy as np
import polars as pl

from warehouse.sample import names, season, truth
from warehouse.sample.accounts import owners
from warehouse.sample.log import Column, EventLog, derived, numbered, pick, take, when
from warehouse.sample.ragged import Bools, Floats, Ints, choose, lognormal
from warehouse.sample.streams import Streams

CHANNELS = list(truth.CHANNEL_SHARE)
LEAD_SOURCE = {
    "organic": "organic",
    "google": "paid",
    "meta": "paid",
    "linkedin": "paid",
    "content": "content",
    "event": "event",
    "referral": "referral",
    "partner": "partnership",
    "direct": "other",
    "newsletter": "other",
}
UTM_SOURCE = {
    "google": "google",
    "meta": "meta",
    "linkedin": "linkedin",
    "content": "blog",
    "event": "club",
    "referral": "referral",
    "partner": "partner",
    "newsletter": "newsletter",
}
UTM_MEDIUM = {
    "google": "cpc",
    "meta": "paid_social",
    "linkedin": "paid_social",
    "content": "content",
    "event": "event",
    "referral": "referral",
    "partner": "partner",
    "newsletter": "email",
}
PAID = ("google", "meta", "linkedin")
CAMPAIGNS = ("brand", "generic", "retarget")
_COMPANY_SHARE = {
    "organic": 0.3,
    "google": 0.3,
    "meta": 0.12,
    "linkedin": 0.85,
    "content": 0.4,
    "event": 0.4,
    "referral": 0.35,
    "partner": 0.7,
}


@dataclass(frozen=True)
class Leads:
    """One element per lead, in order of creation."""

    id: pl.Series
    visitor: pl.Series
    user: pl.Series
    created: Floats
    channel: Ints
    campaign: Ints
    is_company: Bools
    size: Floats
    industry: Ints
    title: Ints
    budget: Floats
    engagement: Floats
    responded: Floats
    response_hours: Floats
    owner: pl.Series
    onboarding_b: Bools
    subject_b: Bools
    person: dict[str, pl.Series]
    company: pl.Series

    def __len__(self) -> int:
        return len(self.created)


def utm(channel: Ints, campaign: Ints, vocabulary: list[str]) -> dict[str, Column]:
    """Return the utm fields of touches by ``channel``; a paid channel names its campaign."""
    paid = np.isin(channel, [vocabulary.index(name) for name in PAID])
    source = pick([UTM_SOURCE.get(name, "") for name in vocabulary], channel)
    campaign_id = derived("{}-{}", source, pick(list(CAMPAIGNS), campaign))
    return {
        "utm_source": source,
        "utm_medium": pick([UTM_MEDIUM.get(name, "") for name in vocabulary], channel),
        "utm_campaign": when(paid, campaign_id),
    }


def draw(streams: Streams, log: EventLog, accounts: int) -> Leads:
    """Draw the leads of a company with ``accounts`` accounts."""
    rng = streams("leads")
    count = round(accounts * (log.end - log.start) * truth.LEADS_PER_ACCOUNT_DAY)
    created = season.arrivals(rng, log.start, log.end, count)
    channel = choose(rng, list(truth.CHANNEL_SHARE.values()), count)
    is_company = rng.random(count) < np.array([_COMPANY_SHARE[name] for name in CHANNELS])[channel]
    answer = streams("leads.response")
    owner = answer.integers(0, len(owners(accounts)), count)
    pace = np.exp(answer.normal(0, 0.4, len(owners(accounts))))
    night = (season.weekday(created) >= 5) | (created % 1.0 > 0.75) | (created % 1.0 < 0.33)
    hours = np.minimum(lognormal(answer, 2.2, 1.2, count) * pace[owner] * np.where(night, 3.0, 1.0), 150.0)
    never = answer.random(count) < truth.LEAD_NEVER_SHARE
    experiment = streams("leads.experiments")
    return Leads(
        id=numbered("L-", count),
        visitor=numbered("V-", count),
        user=numbered("U-", count),
        created=created,
        channel=channel,
        campaign=rng.integers(0, len(CAMPAIGNS), count),
        is_company=is_company,
        size=np.where(is_company, np.ceil(lognormal(rng, 120.0, 1.7, count)), np.nan),
        industry=np.where(is_company, rng.integers(0, len(names.INDUSTRIES), count), -1),
        title=rng.integers(0, len(names.TITLES), count),
        budget=np.where(is_company, np.round(lognormal(rng, 5_000.0, 1.0, count), -1), np.nan),
        engagement=rng.standard_normal(count),
        responded=np.where(never, np.nan, created + hours / 24.0),
        response_hours=np.where(never, float(truth.LEAD_NEVER_HOURS), hours),
        owner=pick(owners(accounts), owner),
        onboarding_b=experiment.random(count) < 0.5,
        subject_b=experiment.random(count) < 0.5,
        person=names.people(rng, count, np.arange(count) + 5_000_000),
        company=names.companies(rng, count)["name"],
    )


def emit(streams: Streams, log: EventLog, leads: Leads, referrer: pl.Series) -> None:
    """Emit creation, assignment, experiments, first answer and corrections of every lead.

    Parameters
    ----------
    streams, log, leads
        As drawn.
    referrer
        User who referred each lead, null for most.
    """
    rng = streams("leads.emit")
    count = len(leads)
    form: dict[str, Column] = {
        "lead_id": leads.id,
        "email": leads.person["email"],
        "phone": when(rng.random(count) < 0.55, leads.person["phone"]),
        "first_name": leads.person["first_name"],
        "last_name": when(rng.random(count) < 0.8, leads.person["last_name"]),
        "company": when(leads.is_company, leads.company),
        "company_size": pl.Series(leads.size, nan_to_null=True).cast(pl.Int64),
        "industry": pick(names.INDUSTRIES, leads.industry),
        "job_title": pick(names.TITLES, leads.title),
        "budget": leads.budget,
        "city": when(rng.random(count) < 0.7, pick(names.CITIES, rng.integers(0, len(names.CITIES), count))),
        "lead_source": pick([LEAD_SOURCE[name] for name in CHANNELS], leads.channel),
        **utm(leads.channel, leads.campaign, CHANNELS),
        "referrer_user_id": referrer,
        "visitor_id": leads.visitor,
    }
    form["utm_content"] = when(np.isin(leads.channel, [1, 2, 3]) & (rng.random(count) < 0.3), "video-a")
    form["utm_term"] = when((leads.channel == 1) & (rng.random(count) < 0.4), "crm course")
    log.emit("crm.lead.created", leads.created, form, actor="system")
    log.emit("identity.linked", leads.created + 1e-4, {"visitor_id": leads.visitor, "lead_id": leads.id})
    method = pick(["round_robin", "territory", "manual"], choose(rng, [7, 2, 1], count))
    assigned = leads.created + rng.uniform(1, 20, count) / 1440.0
    log.emit(
        "crm.lead.assigned",
        assigned,
        {"lead_id": leads.id, "assigned_to": leads.owner, "method": method},
        actor="system",
    )
    for name, is_b in (("onboarding-checklist", leads.onboarding_b), ("subject-line", leads.subject_b)):
        variant = pick(["a", "b"], is_b.astype(np.int64))
        log.emit(
            "crm.experiment.exposed",
            leads.created + 0.001,
            {"lead_id": leads.id, "experiment_id": name, "variant": variant},
            actor="system",
        )
    log.emit(
        "crm.activity.logged",
        leads.responded,
        {
            "activity_id": derived("{}-first", leads.id),
            "activity_type": pick(["call", "email"], rng.integers(0, 2, count)),
            "lead_id": leads.id,
            "user_id": leads.owner,
            "subject_line": "First answer",
        },
        actor=leads.owner,
    )
    corrected = {
        "lead_id": leads.id,
        "city": pick(names.CITIES, rng.integers(0, len(names.CITIES), count)),
        "phone": leads.person["phone"],
    }
    log.emit("crm.lead.updated", leads.created + rng.uniform(0.1, 4, count), corrected, keep=rng.random(count) < 0.2,
             actor=leads.owner)  # fmt: skip
    _create_twice(streams, log, leads, form)


def _create_twice(streams: Streams, log: EventLog, leads: Leads, form: dict[str, Column]) -> None:
    """Let some leads fill in a form again: another id, the e-mail in another case, sometimes no company."""
    rng = streams("leads.twice")
    chosen = np.flatnonzero(rng.random(len(leads)) < truth.DUPLICATE_LEAD_RATE)
    again = leads.created[chosen] + rng.uniform(1, 30, len(chosen))
    kept = ("email", "phone", "first_name", "last_name", "lead_source")
    copy: dict[str, Column] = {"lead_id": derived("{}-X", take(leads.id, chosen))}
    for name in kept:
        values = form[name]
        assert isinstance(values, pl.Series)
        copy[name] = take(values, chosen)
    email = take(leads.person["email"], chosen)
    copy["email"] = pl.select(pl.when(pl.Series(rng.random(len(chosen)) < 0.5)).then(pl.lit(email.str.to_titlecase()))
                              .otherwise(pl.lit(email))).to_series()  # fmt: skip
    log.emit("crm.lead.created", again, copy, actor="system")
    log.emit(
        "crm.lead.disqualified",
        again + rng.uniform(0.2, 6, len(chosen)),
        {"lead_id": copy["lead_id"], "reason": "duplicate"},
        keep=rng.random(len(chosen)) < 0.6,
        actor="U-S01",
    )
