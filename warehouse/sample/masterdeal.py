"""MasterDeals (adtech): gates in order with timed steps, revoked contracts, campaigns with their KPIs, answers.

A timer's target is a rule of the business and stands here; the share that breaches it is in ``truth``.
"""

from dataclasses import dataclass

import numpy as np
import polars as pl

from warehouse.sample import season, truth
from warehouse.sample.accounts import Accounts, owners
from warehouse.sample.deals import COMPETITORS, LOST_REASONS
from warehouse.sample.log import Column, EventLog, dates, derived, numbered, pick, take, when
from warehouse.sample.ragged import Bools, Floats, choose, lognormal, spread
from warehouse.sample.streams import Streams

TARGET_DAYS = {"lead_to_brief": 8 / 24, "brief_to_offer": 2.0, "offer_to_contract": 3.0, "contract_to_launch": 2.0,
                   "launch_to_close": 30.0}  # fmt: skip
_KPIS = ["impressions", "clicks", "conversions", "reach", "spend"]
_KPI_TARGETS = np.array([120_000.0, 1_400.0, 60.0, 45_000.0, 52_000.0])
CURRENCY = "RUB"


@dataclass(frozen=True)
class Gates:
    """When each MasterDeal passes each gate; NaN where it never does. All arrays have one element per deal."""

    created: Floats
    brief: Floats
    planning: Floats
    plan: Floats
    offer: Floats
    sent: Floats
    signed: Floats
    revoked: Floats
    signed_again: Floats
    started: Floats
    invoice: Floats
    closeout: Floats
    lost: Floats
    disordered: Bools


def _normal_quantile(share: float) -> float:
    from statistics import NormalDist

    return NormalDist().inv_cdf(share)


def duration(rng: np.random.Generator, policy: str, size: int) -> Floats:
    """Draw durations in days of which the policy's share of ``truth`` is longer than its target."""
    median = TARGET_DAYS[policy] * np.exp(-truth.SLA_SPREAD * _normal_quantile(1 - truth.SLA_BREACH_RATE[policy]))
    return lognormal(rng, float(median), truth.SLA_SPREAD, size)


def draw(streams: Streams, created: Floats) -> Gates:
    """Draw the gates of MasterDeals created at the given instants."""
    rng = streams("masterdeal.gates")
    count = len(created)
    drop = np.array([rng.random(count) < rate for rate in truth.GATE_DROP_RATE.values()])
    # The position of the first gate that a deal does not reach; beyond the last one for those that go on.
    stop = np.where(drop.any(axis=0), drop.argmax(axis=0), len(drop))
    brief = created + duration(rng, "lead_to_brief", count)
    to_offer = duration(rng, "brief_to_offer", count)
    offer = brief + to_offer
    planning = brief + to_offer * rng.uniform(0.05, 0.2, count)
    plan = brief + to_offer * rng.uniform(0.4, 0.85, count)
    disordered = (rng.random(count) < truth.GATE_DISORDER_RATE) & (stop >= 2)
    plan = np.where(disordered, brief - (brief - created) * rng.uniform(0.1, 0.8, count), plan)
    to_sign = duration(rng, "offer_to_contract", count)
    sent, signed = offer + to_sign * rng.uniform(0.15, 0.5, count), offer + to_sign
    to_launch = duration(rng, "contract_to_launch", count)
    revokes = (rng.random(count) < truth.REVOKE_RATE) & (stop >= 4)
    revoked = np.where(revokes, signed + to_launch * rng.uniform(0.1, 0.9, count), np.nan)
    resigns = revokes & (rng.random(count) < truth.RESIGN_RATE)
    signed_again = np.where(resigns, revoked + rng.uniform(0.5, 9.0, count), np.nan)
    started = np.where(resigns, signed_again, signed) + to_launch
    started = np.where((revokes & ~resigns) | (stop < 5), np.nan, started)
    to_close = duration(rng, "launch_to_close", count)
    lost = np.select([stop == 0, stop == 1, stop == 2, stop == 3, stop == 4],
                     [created, brief, plan, offer, signed], np.nan) + rng.uniform(2, 25, count)  # fmt: skip
    return Gates(
        created=created,
        brief=np.where(stop > 0, brief, np.nan),
        planning=np.where(stop > 0, planning, np.nan),
        plan=np.where(stop > 1, plan, np.nan),
        offer=np.where(stop > 2, offer, np.nan),
        sent=np.where(stop > 2, sent, np.nan),
        signed=np.where(stop > 3, signed, np.nan),
        revoked=revoked,
        signed_again=signed_again,
        started=started,
        invoice=started + to_close * rng.uniform(0.6, 0.9, count),
        closeout=started + to_close,
        lost=lost,
        disordered=disordered,
    )


def run(streams: Streams, log: EventLog, accounts: Accounts) -> int:
    """Draw and emit all MasterDeals.

    Returns
    -------
    int
        How many of them have a media plan stamped before their brief, inside the sample's window.
    """
    rng = streams("masterdeal")
    count = round(len(accounts.id) * truth.ADTECH_DEALS_PER_ACCOUNT * (log.end - log.start) / 365.25)
    at = season.arrivals(rng, log.start, log.end, count)
    account = np.floor(rng.random(count) * np.maximum(np.searchsorted(accounts.created + 1.0, at), 1)).astype(np.int64)
    at = np.maximum(at, accounts.created[account] + 1.0)
    gates = draw(streams, at)
    deal, owner = numbered("MD-", count), pick(sales := owners(len(accounts.id)), rng.integers(0, len(sales), count))
    amount, campaign = np.round(lognormal(rng, 1_500_000.0, 0.7, count), -3), derived("adc-{}", deal)
    money: dict[str, Column] = {"amount": amount, "currency": CURRENCY}
    log.emit(
        "crm.deal.created",
        gates.created,
        {
            "deal_id": deal,
            "pipeline": "adtech",
            "account_id": take(accounts.id, account),
            "contact_id": take(accounts.contact_id, accounts.contact_of(rng, account)),
            "title": derived("Campaign for {}", take(accounts.id, account)),
            **money,
            "expected_close_date": dates(at + rng.uniform(35, 60, count)),
            "owner_id": owner,
            "deal_source": pick(["outbound", "inbound", "partner"], rng.integers(0, 3, count)),
            "client_type": pick(["direct", "agency"], (rng.random(count) < 0.45).astype(np.int64)),
            "campaign_id": when(rng.random(count) < 0.3, campaign),
        },
        actor=owner,
    )
    subject: dict[str, Column] = {"deal_id": deal}
    log.emit(
        "crm.brief.submitted",
        gates.brief,
        {**subject, "goals": pick(["reach", "sales"], rng.integers(0, 2, count))},
        actor=owner,
    )
    log.emit("media.planning.started", gates.planning, subject)
    planned: dict[str, Column] = {
        "planned_budget": np.round(amount * rng.uniform(0.9, 1.1, count), -3),
        "currency": CURRENCY,
    }
    # The media plan is announced by the planning system or, for a part, by the one that runs campaigns.
    by_push = rng.random(count) < 0.3
    log.emit("media.mediaplan.ready", gates.plan, {**subject, **planned}, keep=~by_push)
    log.emit("media.mediaplan.ready", gates.plan, {**subject, **planned}, keep=by_push, source="mediapush")
    agreed = np.round(amount * rng.uniform(0.85, 1.1, count), -3)
    log.emit("crm.offer.approved", gates.offer, {**subject, "amount": agreed, "currency": CURRENCY}, actor=owner)
    log.emit("docflow.contract.sent", gates.sent, subject)
    contract = derived("K-{}", deal)
    log.emit("docflow.contract.signed", gates.signed, {**subject, "contract_id": contract})
    log.emit(
        "docflow.contract.revoked", gates.revoked, {**subject, "reason": "terms changed"}, source="legal", actor="U-J01"
    )
    log.emit("docflow.contract.signed", gates.signed_again, {**subject, "contract_id": derived("{}-2", contract)})
    log.emit("mediapush.campaign.started", gates.started, {**subject, "campaign_id": campaign})
    invoice: dict[str, Column] = {"invoice_id": derived("I-{}", deal), "amount": agreed, "currency": CURRENCY}
    log.emit("dcm.invoice.issued", gates.invoice, {**subject, **invoice})
    log.emit("dcm.closeout.completed", gates.closeout, subject)
    paid: dict[str, Column] = {
        "payment_id": derived("P-{}", deal),
        "amount": agreed,
        "currency": CURRENCY,
        "account_id": take(accounts.id, account),
    }
    log.emit(
        "billing.payment.received",
        gates.invoice + rng.uniform(1, 15, count),
        {**paid, "deal_id": deal, "provider": "bank"},
    )
    log.emit("crm.deal.won", gates.closeout + 0.01, {**subject, "amount": agreed, "currency": CURRENCY}, actor=owner)
    competitor = np.where(rng.random(count) < 0.4, rng.integers(0, len(COMPETITORS), count), -1)
    reason = pick(LOST_REASONS, np.where(competitor >= 0, 1, choose(rng, [3, 0, 3, 3, 2, 1], count)))
    log.emit(
        "crm.deal.lost",
        gates.lost,
        {**subject, "lost_reason": reason, "competitor": pick(COMPETITORS, competitor)},
        actor=owner,
    )
    _domain_stages(rng, log, deal, gates)
    _kpis(streams, log, deal, campaign, gates)
    _answers(streams, log, deal, gates)
    return int((gates.disordered & (gates.plan >= log.start) & (gates.brief < log.end)).sum())


def _domain_stages(rng: np.random.Generator, log: EventLog, deal: pl.Series, gates: Gates) -> None:
    """Emit the stages of single domains, which the aggregated stage does not follow."""
    for at, stage in ((gates.planning + 0.01, "traffic_check"), (gates.sent + 0.05, "legal_review"),
                      (gates.started + 5.0, "optimisation")):  # fmt: skip
        log.emit("crm.deal.stage_changed", at, {"deal_id": deal, "to_stage": stage}, keep=rng.random(len(deal)) < 0.5)


def _kpis(streams: Streams, log: EventLog, deal: pl.Series, campaign: pl.Series, gates: Gates) -> None:
    rng = streams("masterdeal.kpi")
    runs = np.isfinite(gates.started)
    days = np.where(runs, np.minimum(np.floor(np.where(runs, gates.invoice - gates.started, 0.0)), 28), 0).astype(
        np.int64
    )
    who, day = spread(days * 3)
    kpi = (day % 3 + who) % len(_KPIS)
    at = np.floor(gates.started[who] + day // 3 + 1) + 0.2 + rng.uniform(0, 0.05, len(who))
    target = np.round(_KPI_TARGETS[kpi])
    actual = np.round(target * lognormal(rng, truth.KPI_ATTAINMENT, 0.25, len(who)), 1)
    data: dict[str, Column] = {
        "deal_id": take(deal, who),
        "campaign_id": take(campaign, who),
        "date": dates(at - 1),
        "kpi": pick(_KPIS, kpi),
    }
    log.emit(
        "mediapush.kpi.reported", at, {**data, "actual": actual, "target": when(rng.random(len(who)) < 0.9, target)}
    )


def _answers(streams: Streams, log: EventLog, deal: pl.Series, gates: Gates) -> None:
    """Ask for an NPS after the closeout; a campaign that took long answers worse."""
    rng = streams("masterdeal.nps")
    count = len(deal)
    late = (gates.closeout - gates.started) > TARGET_DAYS["launch_to_close"]
    score = np.clip(np.round(8.6 - 2.0 * late + rng.normal(0, 1.5, count)), 0, 10).astype(np.int64)
    log.emit(
        "survey.nps.responded",
        gates.closeout + rng.uniform(0.5, 6, count),
        {"response_id": derived("N-{}", deal), "score": score, "deal_id": deal},
        keep=rng.random(count) < 0.6,
    )
