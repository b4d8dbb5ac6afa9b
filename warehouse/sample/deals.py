"""Deals of sales (b2b) and of the studio: stages in order, with skips and returns, next steps, pushes, ends.

MasterDeals go through gates and are in ``masterdeal``.
"""

from dataclasses import dataclass

import numpy as np
import polars as pl

from warehouse.sample import season, truth
from warehouse.sample.accounts import CURRENCY, SUPPORTERS, Accounts, owners
from warehouse.sample.conversion import Outcome
from warehouse.sample.finance import RATES, WITHOUT_RATE
from warehouse.sample.leads import Leads
from warehouse.sample.log import Column, EventLog, dates, derived, moments, numbered, pick, take, when
from warehouse.sample.ragged import Bools, Floats, Ints, choose, lognormal, sigmoid, spread
from warehouse.sample.streams import Streams

STAGES = {
    "b2b": ["lead", "qualified", "meeting", "proposal", "negotiation", "contract", "closed_won", "closed_lost"],
    "studio": ["lead", "qualified", "discovery", "proposal_sent", "negotiation", "won", "lost"],
}
_STAGE_DAYS = {"b2b": [4.0, 7.0, 9.0, 11.0, 12.0, 6.0], "studio": [3.0, 5.0, 9.0, 10.0, 7.0]}
_PROBABILITY = {"b2b": [0.05, 0.15, 0.3, 0.5, 0.7, 0.9], "studio": [0.05, 0.2, 0.35, 0.55, 0.75]}
LOST_REASONS = ["price", "competitor", "no budget", "no decision", "timing", "missing feature"]
COMPETITORS = ["Altera Demo", "Sample Rival", "Testwise", "Mockingway"]
MAX_PUSHES = 4


@dataclass(frozen=True)
class Deals:
    """One element per deal."""

    pipeline: str
    id: pl.Series
    account: pl.Series
    contact: pl.Series
    lead: pl.Series
    owner: pl.Series
    created: Floats
    amount: Floats
    currency: pl.Series
    supporter: Bools
    competitor: Ints
    inbound: Bools
    disciplined: Bools
    source: pl.Series
    wins: Bools

    def __len__(self) -> int:
        return len(self.created)


@dataclass(frozen=True)
class Course:
    """The course of every deal: a row per deal, a column per step that it may take.

    ``stage`` is the stage that a step enters, ``entered`` the instant or NaN where the step is not taken,
    ``came_from`` the stage before it. ``closed`` is when the deal is won or lost for the last time.
    """

    stage: Ints
    entered: Floats
    came_from: Ints
    closed: Floats
    first_lost: Floats
    reopened: Floats
    wins: Bools


def logit(deals_amount: Floats, supporter: Bools, competitor: Ints, inbound: Bools, disciplined: Bools) -> Floats:
    """Log-odds of winning, by the drivers of ``truth``."""
    return np.asarray(
        truth.DEAL_BASE
        + truth.DEAL_CHAMPION * supporter
        + truth.DEAL_COMPETITOR * (competitor >= 0)
        + truth.DEAL_INBOUND * inbound
        + truth.DEAL_AMOUNT * np.log(deals_amount / 20_000.0)
        + truth.DEAL_DISCIPLINE * disciplined,
        dtype=np.float64,
    )


def draw(streams: Streams, log: EventLog, pipeline: str, accounts: Accounts, leads: Leads, outcome: Outcome) -> Deals:
    """Draw the deals of a pipeline: those of sales, and for b2b those that leads became."""
    rng = streams(f"deals.{pipeline}")
    years = (log.end - log.start) / 365.25
    per_account = truth.DEALS_PER_ACCOUNT if pipeline == "b2b" else truth.STUDIO_DEALS_PER_ACCOUNT
    own = round(len(accounts.id) * per_account * years)
    converts = np.flatnonzero(outcome.converted & leads.is_company) if pipeline == "b2b" else np.arange(0)
    # Sales works on accounts that exist: each deal picks among those created before it.
    at = season.arrivals(rng, log.start, log.end, own)
    known = np.maximum(np.searchsorted(accounts.created + 1.0, at), 1)
    account = np.floor(rng.random(own) * known).astype(np.int64)
    at = np.maximum(at, accounts.created[account] + 1.0)
    contact = accounts.contact_of(rng, account)
    rows = pl.Series(converts)
    inbound_lead = np.concatenate([np.zeros(own, dtype=bool), np.ones(len(converts), dtype=bool)])
    count = own + len(converts)
    lead_id = leads.id.gather(rows)
    amount_usd = lognormal(rng, 20_000.0 if pipeline == "b2b" else 9_000.0, 0.8, count)
    currency = pl.concat([take(pl.Series(CURRENCY), accounts.country[account]), as_text("USD", len(converts))])
    currency = pl.select(
        pl.when(pl.Series(rng.random(count) < 0.004)).then(pl.lit(WITHOUT_RATE)).otherwise(pl.lit(currency))
    ).to_series()
    rate = currency.replace_strict({**RATES, "USD": 1.0, WITHOUT_RATE: 0.37}, return_dtype=pl.Float64).to_numpy()
    amount = np.round(amount_usd / rate, -2) + 100.0
    supporter = np.concatenate([accounts.contact_role[contact] < SUPPORTERS, leads.title[converts] < 5])
    competitor = np.where(rng.random(count) < 0.3, rng.integers(0, len(COMPETITORS), count), -1)
    source = np.where(inbound_lead, 1, choose(rng, [5, 0, 2, 1], count))
    inbound = inbound_lead | (source == 2)
    sales = owners(len(accounts.id))
    disciplined = rng.random(count) < 0.55
    chance = sigmoid(logit(amount * rate, supporter, competitor, inbound, disciplined))
    return Deals(
        pipeline=pipeline,
        id=pl.concat([numbered("D-" if pipeline == "b2b" else "O-", own), derived("D-{}", lead_id)]),
        account=pl.concat([take(accounts.id, account), derived("A-{}", lead_id)]),
        contact=pl.concat([take(accounts.contact_id, contact), derived("C-{}", lead_id)]),
        lead=pl.concat([pl.Series([None] * own, dtype=pl.String), lead_id]),
        owner=pick(sales, rng.integers(0, len(sales), count)),
        created=np.concatenate([at, outcome.converted_at[converts] + 1e-4]),
        amount=amount,
        currency=currency,
        supporter=supporter,
        competitor=competitor,
        inbound=inbound,
        disciplined=disciplined,
        source=pick(["outbound", "inbound", "referral", "partner"], source),
        wins=rng.random(count) < chance,
    )


def as_text(value: str, count: int) -> pl.Series:
    """Return a text ``count`` times."""
    return pl.repeat(value, count, dtype=pl.String, eager=True)


def walk(streams: Streams, deals: Deals) -> Course:
    """Draw the course of every deal through the stages of its pipeline."""
    rng = streams(f"deals.{deals.pipeline}.course")
    days, count = _STAGE_DAYS[deals.pipeline], len(deals)
    last = len(days) - 1
    # Steps: each open stage in order, and after each late stage a possible return to the one before and back.
    stages: list[int] = [0]
    for s in range(1, last + 1):
        stages += [s] if s < 3 else [s, s - 1, s]
    stage = np.array(stages)
    taken = np.zeros((count, len(stages)), dtype=bool)
    reach = np.where(deals.wins, last, choose(rng, [2.0, 3.0, 3.0, 3.0, 2.0, 1.0][: last + 1], count))
    column = 0
    for s in range(last + 1):
        skipped = (rng.random(count) < truth.STAGE_SKIP_RATE) & (0 < s < last)
        taken[:, column] = (s <= reach) & (~skipped | (s == reach))
        column += 1
        if s >= 3:
            back = (
                taken[:, column - 1]
                & taken[:, _column_of(stages, s - 1)]
                & (rng.random(count) < truth.STAGE_RETURN_RATE)
            )
            taken[:, column] = taken[:, column + 1] = back
            column += 2
    pace = np.exp(rng.normal(0, 0.35, count)) * np.where(deals.wins, 1.0, truth.DEAL_LOST_PACE)
    stay = lognormal(rng, 1.0, 0.6, taken.size).reshape(taken.shape) * np.array(days)[stage] * pace[:, None]
    stay = np.where(taken, stay, 0.0)
    entered = deals.created[:, None] + np.cumsum(stay, axis=1) - stay
    came_from = np.full(taken.shape, -1)
    previous = np.full(count, -1)
    for column in range(len(stages)):
        came_from[:, column] = previous
        previous = np.where(taken[:, column], stage[column], previous)
    closed = deals.created + stay.sum(axis=1)
    reopens = ~deals.wins & (rng.random(count) < truth.REOPEN_RATE)
    reopened = np.where(reopens, closed + rng.uniform(10, 60, count), np.nan)
    wins = deals.wins | (reopens & (rng.random(count) < truth.REOPEN_WIN_RATE))
    return Course(
        stage=stage,
        entered=np.where(taken, entered, np.nan),
        came_from=came_from,
        closed=np.where(reopens, reopened + rng.uniform(5, 40, count), closed),
        first_lost=np.where(deals.wins, np.nan, closed),
        reopened=reopened,
        wins=wins,
    )


def _column_of(stages: list[int], stage: int) -> int:
    return stages.index(stage)


def emit(streams: Streams, log: EventLog, deals: Deals, course: Course) -> None:
    """Emit all that the CRM says about the deals of a pipeline."""
    rng = streams(f"deals.{deals.pipeline}.emit")
    count, names = len(deals), STAGES[deals.pipeline]
    cycle = sum(_STAGE_DAYS[deals.pipeline])
    expected = deals.created + cycle * rng.uniform(0.7, 1.5, count)
    competitor = pick(COMPETITORS, deals.competitor)
    probability = _PROBABILITY[deals.pipeline]
    title = derived("{} for {}", as_text("Project" if deals.pipeline == "studio" else "Contract", count), deals.account)
    log.emit(
        "crm.deal.created",
        deals.created,
        {
            "deal_id": deals.id,
            # b2b is the default, which a part of the producers leaves out.
            "pipeline": when((rng.random(count) < 0.7) | (deals.pipeline != "b2b"), deals.pipeline),
            "account_id": deals.account,
            "contact_id": deals.contact,
            "lead_id": deals.lead,
            "title": title,
            "amount": deals.amount,
            "currency": deals.currency,
            "stage": names[0],
            "probability": probability[0],
            "forecast_category": "pipeline",
            "expected_close_date": dates(expected),
            "owner_id": deals.owner,
            "deal_source": deals.source,
            "primary_competitor": competitor,
        },
        actor=deals.owner,
    )
    _stages(rng, log, deals, course)
    _ends(rng, log, deals, course, competitor)
    _pushes(rng, log, deals, course, expected)
    _next_steps(rng, log, deals, course)
    _activities(rng, log, deals, course)


def _stages(rng: np.random.Generator, log: EventLog, deals: Deals, course: Course) -> None:
    names, chance = STAGES[deals.pipeline], np.array(_PROBABILITY[deals.pipeline])
    who, column = np.nonzero(~np.isnan(course.entered[:, 1:]))
    column += 1
    at, stage = course.entered[who, column], course.stage[column]
    deal, owner, count = take(deals.id, who), take(deals.owner, who), len(who)
    evidence = pl.Series(np.arange(count)).cast(pl.String)
    evidence = pl.select(pl.concat_list(pl.format("msg-{}", pl.lit(evidence)))).to_series()
    has_evidence = rng.random(count) < (0.7 if deals.pipeline == "studio" else 0.15)
    data: dict[str, Column] = {
        "deal_id": deal,
        "from_stage": pick(names, course.came_from[who, column]),
        "to_stage": pick(names, stage),
        "evidence_refs": when(has_evidence, evidence),
    }
    log.emit("crm.deal.stage_changed", at, data, actor=owner)
    sure = chance[stage]
    category = pick(["pipeline", "best_case", "commit"], np.digitize(sure, [0.45, 0.69]).astype(np.int64))
    log.emit("crm.deal.updated", at + 0.002, {"deal_id": deal, "probability": sure, "forecast_category": category},
             keep=rng.random(count) < 0.6, actor=owner)  # fmt: skip
    priced = np.round(deals.amount[who] * rng.uniform(0.75, 1.25, count), -2)
    log.emit("crm.deal.updated", at + 0.003, {"deal_id": deal, "amount": priced, "currency": take(deals.currency, who)},
             keep=(stage >= 3) & (rng.random(count) < 0.12), actor=owner)  # fmt: skip
    log.emit(
        "crm.deal.updated",
        at + 0.004,
        {"deal_id": deal, "owner_id": "U-S01"},
        keep=rng.random(count) < 0.02,
        actor="U-S01",
    )


def _ends(rng: np.random.Generator, log: EventLog, deals: Deals, course: Course, competitor: pl.Series) -> None:
    names, count = STAGES[deals.pipeline], len(deals)
    won_name, lost_name = names[-2], names[-1]
    reopens = ~np.isnan(course.reopened)
    open_stages = len(names) - 3
    lost_data: dict[str, Column] = {
        "deal_id": deals.id,
        "lost_reason": pick(LOST_REASONS, np.where(deals.competitor >= 0, 1, choose(rng, [3, 0, 2, 3, 2, 1], count))),
        "competitor": competitor,
    }
    last = np.full(count, -1)
    for column in range(len(course.stage)):
        last = np.where(np.isnan(course.entered[:, column]), last, course.stage[column])
    at_end = pick(names, last)

    def change(at: Floats, from_stage: pl.Series | str, to_stage: str, keep: Bools) -> None:
        log.emit(
            "crm.deal.stage_changed",
            at - 1e-4,
            {"deal_id": deals.id, "from_stage": from_stage, "to_stage": to_stage},
            keep=keep,
            actor=deals.owner,
        )

    said = rng.random(count) < 0.8
    change(course.first_lost, at_end, lost_name, said)
    log.emit("crm.deal.lost", course.first_lost, lost_data, actor=deals.owner)
    log.emit("crm.deal.reopened", course.reopened, {"deal_id": deals.id, "reason": "budget found"}, actor=deals.owner)
    change(course.reopened + 0.01, lost_name, names[open_stages], reopens)
    again = reopens & ~course.wins
    change(course.closed, names[open_stages], lost_name, again & said)
    log.emit("crm.deal.lost", course.closed, lost_data, keep=again, actor=deals.owner)
    before = pl.select(
        pl.when(pl.Series(reopens)).then(pl.lit(names[open_stages])).otherwise(pl.lit(at_end))
    ).to_series()
    change(course.closed, before, won_name, course.wins & said)
    won: dict[str, Column] = {
        "deal_id": deals.id,
        "amount": when(rng.random(count) < 0.6, np.round(deals.amount * rng.uniform(0.85, 1.05, count), -2)),
        "currency": deals.currency,
        "evidence_refs": when(rng.random(count) < 0.3, pl.Series([["contract-scan"]] * count)),
    }
    log.emit("crm.deal.won", course.closed, won, keep=course.wins, actor=deals.owner)


def _pushes(rng: np.random.Generator, log: EventLog, deals: Deals, course: Course, expected: Floats) -> None:
    """Move the expected close date of deals that are still open when it comes; some people forget to."""
    count = len(deals)
    closed = _until(course)
    moving = np.ones(count, dtype=bool)
    for _ in range(MAX_PUSHES):
        at = expected - rng.uniform(0.5, 4.0, count)
        moving &= (at < closed - 3.0) & (at > deals.created) & (rng.random(count) < 0.75)
        expected = np.where(moving, expected + rng.uniform(14, 45, count), expected)
        log.emit("crm.deal.updated", at, {"deal_id": deals.id, "expected_close_date": dates(expected)}, keep=moving,
                 actor=deals.owner)  # fmt: skip


def _next_steps(rng: np.random.Generator, log: EventLog, deals: Deals, course: Course) -> None:
    """Set a next step on most stages from the second on; done before it is due by those with discipline."""
    who, column = np.nonzero(~np.isnan(course.entered[:, 1:]))
    at, count = course.entered[who, column + 1] + 0.005, len(who)
    due = at + rng.uniform(2, 10, count)
    step = ["call the sponsor", "send the offer", "show a demo", "agree the terms", "plan the start"]
    data: dict[str, Column] = {
        "deal_id": take(deals.id, who),
        "next_step": pick(step, rng.integers(0, 5, count)),
        "due_at": moments(due),
    }
    is_set = rng.random(count) < 0.85
    log.emit("crm.deal.next_step_set", at, data, keep=is_set, actor=take(deals.owner, who))
    in_time = rng.random(count) < np.where(deals.disciplined[who], truth.NEXT_STEP_KEPT, truth.NEXT_STEP_KEPT_OTHERS)
    ever = in_time | (rng.random(count) < 0.6)
    done = np.where(in_time, at + (due - at) * rng.uniform(0.2, 0.98, count), due + rng.uniform(0.2, 8, count))
    log.emit(
        "crm.deal.next_step_done",
        done,
        {"deal_id": take(deals.id, who)},
        keep=is_set & ever & (done < _until(course)[who]),
        actor=take(deals.owner, who),
    )


def _until(course: Course) -> Floats:
    """When each deal is closed for the first time."""
    return np.where(np.isnan(course.first_lost), course.closed, course.first_lost)


def _activities(rng: np.random.Generator, log: EventLog, deals: Deals, course: Course) -> None:
    weeks = (_until(course) - deals.created) / 7.0
    rate = np.where(deals.wins, truth.DEAL_ACTIVITY_WON, truth.DEAL_ACTIVITY_LOST)
    who, _ = spread(rng.poisson(rate * weeks))
    count = len(who)
    at = deals.created[who] + rng.random(count) * weeks[who] * 7.0
    kind = choose(rng, [4, 3, 2, 0.5, 0.5], count)
    log.emit(
        "crm.activity.logged",
        at,
        {
            "activity_id": numbered(f"T-{deals.pipeline}-", count),
            "activity_type": pick(["email", "call", "meeting", "note", "task"], kind),
            "deal_id": take(deals.id, who),
            "contact_id": take(deals.contact, who),
            "user_id": take(deals.owner, who),
            "due_at": when(kind == 4, moments(at + 3)),
            "completed_at": when((kind == 2) | (kind == 1), moments(at)),
            "subject_line": when(kind == 0, "About our offer"),
        },
        actor=take(deals.owner, who),
    )
