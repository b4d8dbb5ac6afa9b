"""Which leads become customers: one logistic model over fit, engagement, channel, response and the trial.

What drives conversion happens first, in the seven days before anybody converts. The coefficients are in ``truth``.
What converted people then use and pay is in ``usage`` and ``billing``; the deals that converted companies open are in
``deals``.
"""

from dataclasses import dataclass

import numpy as np
import polars as pl

from warehouse.sample import names, truth
from warehouse.sample.leads import Leads
from warehouse.sample.log import EventLog, derived, pick, when
from warehouse.sample.ragged import Bools, Floats, Ints, lognormal, sigmoid
from warehouse.sample.streams import Streams
from warehouse.sample.touches import Engagement

OBSERVED_DAYS = 7.0
"""Nobody converts earlier: what drives conversion is over by then."""


@dataclass(frozen=True)
class Trials:
    """Who tries the product, and who does something with it; NaN where never. People only."""

    started_at: Floats
    activated_at: Floats


@dataclass(frozen=True)
class Outcome:
    """What becomes of each lead.

    Parameters
    ----------
    converted_at
        NaN where never; may lie after the end of the sample.
    qualified_at
        NaN where never.
    """

    converted_at: Floats
    qualified_at: Floats

    @property
    def converted(self) -> Bools:
        """Who converts, sooner or later."""
        return np.isfinite(self.converted_at)


def try_out(streams: Streams, leads: Leads) -> Trials:
    """Draw who tries the product in the first days, and who activates it; all of it is over within seven days."""
    rng = streams("conversion.trials")
    count, eager = len(leads), leads.engagement
    tries = ~leads.is_company & (rng.random(count) < sigmoid(truth.TRIAL_BASE + truth.TRIAL_ENGAGEMENT * eager))
    started_at = np.where(tries, leads.created + rng.uniform(0.01, 6.0, count), np.nan)
    activates = rng.random(count) < sigmoid(truth.ACTIVATION_BASE + truth.ACTIVATION_ENGAGEMENT * eager)
    minutes = lognormal(rng, truth.ACTIVATION_MINUTES, 1.4, count)
    activated_at = np.where(activates, started_at + np.minimum(minutes / 1440.0, 0.9), np.nan)
    return Trials(started_at, activated_at)


def log_odds(leads: Leads, engagement: Engagement, clicks: Ints, trials: Trials) -> Floats:
    """Log-odds of conversion of each lead."""
    quality = np.array([float(value) for value in truth.CHANNEL_QUALITY.values()])
    mid = (leads.size >= 50) & (leads.size <= 1000)
    known_budget = np.where(leads.is_company, leads.budget, 5_000.0)
    score = (
        truth.LEAD_BASE
        + quality[leads.channel]
        + truth.LEAD_MID_SIZE * mid
        + truth.LEAD_INDUSTRY * ((leads.industry >= 0) & (leads.industry < names.GOOD_INDUSTRIES))
        + truth.LEAD_DECIDER * (leads.title < names.DECIDERS)
        + truth.LEAD_BUDGET * np.log(known_budget / 5_000.0)
        + truth.LEAD_SESSION * np.log1p(engagement.sessions)
        + truth.LEAD_DOWNLOAD * engagement.downloads
        + truth.LEAD_EVENT * engagement.attended
        + truth.LEAD_EMAIL_CLICK * clicks
        + truth.LEAD_RESPONSE * np.log1p(leads.response_hours)
        + truth.LEAD_TRIAL * np.isfinite(trials.started_at)
        + truth.LEAD_ACTIVATED * np.isfinite(trials.activated_at)
        + truth.ONBOARDING_LIFT * leads.onboarding_b
        + truth.SUBJECT_LINE_LIFT * leads.subject_b
    )
    return np.asarray(score, dtype=np.float64)


def decide(streams: Streams, leads: Leads, odds: Floats) -> Outcome:
    """Decide who converts and when, and whom sales qualifies before.

    Parameters
    ----------
    streams, leads
        As drawn.
    odds
        Log-odds of conversion, shape (n,).
    """
    rng = streams("conversion")
    count = len(leads)
    converts = rng.random(count) < sigmoid(odds)
    wait = OBSERVED_DAYS + 0.1 + lognormal(rng, truth.LEAD_DAYS_TO_CONVERT - OBSERVED_DAYS, 0.7, count)
    converted_at = np.where(converts, leads.created + wait, np.nan)
    # Sales judges by what it sees, and has done so by the time at which the first convert: its word is no hindsight.
    qualifies = rng.random(count) < sigmoid(np.asarray(truth.QUALIFY_BASE + truth.QUALIFY_ODDS * odds))
    answered = np.where(np.isfinite(leads.responded), leads.responded, leads.created + OBSERVED_DAYS)
    left = np.maximum(leads.created + OBSERVED_DAYS - answered, 0.05)
    qualified_at = np.where(qualifies, answered + rng.uniform(0.01, 0.98, count) * left, np.nan)
    return Outcome(converted_at, qualified_at)


def emit(streams: Streams, log: EventLog, leads: Leads, trials: Trials, outcome: Outcome) -> None:
    """Emit qualification, disqualification, trials, activation and conversion of leads."""
    rng = streams("conversion.emit")
    count = len(leads)
    yes = {f"{name}_confirmed": rng.random(count) < 0.75 for name in ("budget", "authority", "need", "timing")}
    log.emit(
        "crm.lead.qualified",
        outcome.qualified_at,
        {
            "lead_id": leads.id,
            "method": pick(["bant", "champ", "icp", "manual"], rng.integers(0, 4, count)),
            **yes,
            "challenges": when(rng.random(count) < 0.3, "onboarding takes too long"),
            "prioritization": rng.integers(1, 6, count),
            "icp_fit_score": np.clip(40 + 20 * (leads.title < 3) + rng.integers(-15, 25, count), 0, 100),
        },
        actor=leads.owner,
    )
    reasons = pick(["no budget", "no need", "not reachable", "student work"], rng.integers(0, 4, count))
    given_up = ~outcome.converted & ~np.isfinite(outcome.qualified_at) & (rng.random(count) < 0.4)
    log.emit("crm.lead.disqualified", leads.created + rng.uniform(8, 45, count),
             {"lead_id": leads.id, "reason": reasons}, keep=given_up, actor=leads.owner)  # fmt: skip

    plan = pick(["solo", "team"], (rng.random(count) < 0.3).astype(np.int64))
    log.emit("lms.trial.started", trials.started_at,
             {"user_id": leads.user, "lead_id": leads.id, "visitor_id": leads.visitor, "plan": plan})  # fmt: skip
    log.emit("identity.linked", trials.started_at + 1e-4, {"user_id": leads.user, "lead_id": leads.id})
    log.emit("app.activated", trials.activated_at, {"user_id": leads.user})
    _become_customers(streams, log, leads, outcome)


def _become_customers(streams: Streams, log: EventLog, leads: Leads, outcome: Outcome) -> None:
    rng = streams("conversion.customers")
    at = outcome.converted_at
    contact, account, deal = (derived(f"{prefix}-{{}}", leads.id) for prefix in ("C", "A", "D"))
    log.emit("crm.lead.converted", at, {
        "lead_id": leads.id,
        "contact_id": contact,
        "account_id": when(leads.is_company, account),
        "deal_id": when(leads.is_company, deal),
    }, actor=leads.owner)  # fmt: skip
    log.emit("crm.contact.upserted", at - 1e-3, {
        "contact_id": contact,
        "account_id": when(leads.is_company, account),
        "user_id": when(~leads.is_company, leads.user),
        "lead_id": leads.id,
        **leads.person,
        "role": pick(["decision_maker", "user"], (leads.title >= names.DECIDERS).astype(np.int64)),
        "lifecycle_stage": "customer",
    }, actor="system")  # fmt: skip
    log.emit("identity.linked", at - 5e-4, {"contact_id": contact, "lead_id": leads.id})
    log.emit("crm.account.upserted", at - 2e-3, {
        "account_id": account,
        "name": leads.company,
        "kind": "corporation",
        "industry": pick(names.INDUSTRIES, leads.industry),
        "segment": pick(["smb", "mid", "enterprise"], np.digitize(leads.size, [100.0, 1000.0]).astype(np.int64)),
        "size": pl.Series(leads.size, nan_to_null=True).cast(pl.Int64),
        "budget": leads.budget,
        "owner_id": leads.owner,
        "status": "active",
    }, keep=leads.is_company, actor=leads.owner)  # fmt: skip
    log.emit("identity.consent.changed", at + 0.01,
             {"contact_id": contact, "channel": "email", "granted": rng.random(len(at)) < 0.8})  # fmt: skip
