"""Deals, stage visits, gates and days of deals, computed by plain loops over the sorted events.

Written from the definitions (docs, DECISIONS.md, the seeds) and not from models/: it is the second opinion that
the SQL is held to. Slow and obvious on purpose. Timers are in :mod:`tests.laws.brute_force_sla`.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any

from tests.laws.compiled import Event, Row, seed_rows, utc

DAY = timedelta(days=1)
GATE_ROWS = seed_rows("gate")
"""What each event type sets or takes back."""
GATE_EVENTS = {row["event_type"] for row in GATE_ROWS}
DEAL_EVENTS = {
    f"crm.deal.{name}"
    for name in ["created", "updated", "stage_changed", "next_step_set", "next_step_done", "won", "lost", "reopened"]
}
CREATED = "crm.deal.created"
KEPT_FIELDS = [
    "account_id",
    "contact_id",
    "lead_id",
    "owner_id",
    "title",
    "client_type",
    "deal_source",
    "campaign_id",
    "primary_competitor",
    "amount",
    "currency",
    "probability",
    "forecast_category",
    "expected_close_date",
]
"""Fields of a deal whose last stated value holds."""


@dataclass(frozen=True)
class Stage:
    """A row of seeds/stage.csv."""

    order: int
    is_won: bool
    is_lost: bool

    @property
    def is_closing(self) -> bool:
        return self.is_won or self.is_lost


STAGES = {
    (row["pipeline"], row["stage"]): Stage(int(row["stage_order"]), row["is_won"] == "true", row["is_lost"] == "true")
    for row in seed_rows("stage")
}


def named_stage(pipeline: str, kind: str) -> str:
    """The stage of a pipeline that means won or lost, or its first one."""
    for (of, name), stage in STAGES.items():
        meant = {"won": stage.is_won, "lost": stage.is_lost and name != "cancelled", "first": stage.order == 1}
        if of == pipeline and meant[kind]:
            return str(name)
    raise AssertionError(pipeline)


def moment(event: Event) -> datetime:
    return utc(event["time"])


def in_order(events: Iterable[Event]) -> list[Event]:
    """Events in their one order: by time; of one instant the creation first, the rest by id, then source."""
    return sorted(events, key=lambda e: (moment(e), e["type"] != CREATED, e["id"], e["source"]))


def aggregated_stage(is_set: set[str], rule_set: str) -> str:
    """First rule that holds."""
    rules = [rule for rule in seed_rows("stage_rule") if rule["rule_set"] == rule_set]
    for rule in sorted(rules, key=lambda rule: int(rule["priority"])):
        required = set((rule["required"] or "").split())
        forbidden = set((rule["forbidden"] or "").split())
        if required <= is_set and not forbidden & is_set:
            return str(rule["stage"])
    raise AssertionError(is_set)


@dataclass
class GateChange:
    """A gate or marker that became true or was taken back."""

    gate: str
    value: bool
    at: datetime
    event: Event


@dataclass
class Visit:
    """A stay in a stage."""

    stage: str
    entered_at: datetime
    event: Event
    left_at: datetime | None = None


@dataclass
class Deal:
    """A deal as the log tells it up to an instant."""

    tenant_id: str
    deal_id: str
    events: list[Event]
    rule_set: str
    pipeline: str = ""
    fields: dict[str, Any] = field(default_factory=dict)
    created_at: datetime | None = None
    is_set: set[str] = field(default_factory=set)
    gate_changes: list[GateChange] = field(default_factory=list)
    visits: list[Visit] = field(default_factory=list)
    status: str = "open"
    closed_at: datetime | None = None
    lost_reason: str | None = None
    lost_reason_at: datetime | None = None
    lost_at: datetime | None = None
    won_at: datetime | None = None
    next_step: str | None = None
    next_step_due_at: datetime | None = None
    push_count: int = 0

    @property
    def gates(self) -> set[str]:
        return self.is_set & {f"G{n}" for n in range(1, 8)}

    @property
    def has_gate_events(self) -> bool:
        return any(event["type"] in GATE_EVENTS for event in self.events)

    @property
    def stage(self) -> str | None:
        return self.visits[-1].stage if self.visits else None


def pipeline_of(events: list[Event]) -> str:
    """As the creation says; b2b where it says nothing; without a creation adtech when there are gates."""
    created = [event for event in events if event["type"] == CREATED]
    if created:
        stated = [event["data"]["pipeline"] for event in created if event["data"].get("pipeline")]
        return str(stated[-1]) if stated else "b2b"
    return "adtech" if any(event["type"] in GATE_EVENTS for event in events) else "b2b"


def replay(tenant_id: str, deal_id: str, events: list[Event], until: datetime, rule_set: str) -> Deal:
    """Walk through the deal's events up to an instant, instant by instant.

    The pipeline is what all `events` say, since nothing but the creation can say it, whenever it was.
    """
    deal = Deal(tenant_id, deal_id, [event for event in events if moment(event) <= until], rule_set)
    deal.pipeline = pipeline_of(events)
    creations = [moment(event) for event in deal.events if event["type"] == CREATED]
    deal.created_at = min(creations) if creations else moment(deal.events[0])
    for at in sorted({moment(event) for event in deal.events}):
        now = [event for event in deal.events if moment(event) == at]
        pushes = 0
        for event in now:
            before = deal.fields.get("expected_close_date")
            apply_fields(deal, event)
            apply_gates(deal, event, at)
            after = deal.fields.get("expected_close_date")
            if event["type"] != CREATED and before and after and after[:7] > before[:7]:
                pushes += 1
        if deal.pipeline == "adtech":
            move_by_gates(deal, now, at)
        else:
            move_by_stages(deal, now, at)
        if deal.status == "open":
            deal.push_count += pushes
    return deal


def apply_fields(deal: Deal, event: Event) -> None:
    data = event["data"]
    if event["type"] in DEAL_EVENTS:
        for name in KEPT_FIELDS:
            if data.get(name) is not None:
                deal.fields[name] = data[name]
    if event["type"] == "crm.deal.lost" and data.get("competitor"):
        deal.fields["primary_competitor"] = data["competitor"]
    if event["type"] == "crm.deal.next_step_set":
        deal.next_step, deal.next_step_due_at = data["next_step"], utc(data["due_at"])
    if event["type"] == "crm.deal.next_step_done":
        deal.next_step, deal.next_step_due_at = None, None


def apply_gates(deal: Deal, event: Event, at: datetime) -> None:
    for row in GATE_ROWS:
        if row["event_type"] != event["type"]:
            continue
        gate, value = str(row["gate"]), row["is_set"] == "true"
        if value == (gate in deal.is_set):
            continue
        (deal.is_set.add if value else deal.is_set.discard)(gate)
        deal.gate_changes.append(GateChange(gate, value, at, event))


def enter(deal: Deal, stage: str, at: datetime, event: Event) -> None:
    """Move to a stage, unless the deal is in it."""
    if deal.visits and deal.visits[-1].stage == stage:
        return
    if deal.visits:
        deal.visits[-1].left_at = at
    deal.visits.append(Visit(stage, at, event))


def move_by_stages(deal: Deal, now: list[Event], at: datetime) -> None:
    """b2b and studio: events say where the deal goes; one that was only heard of has no stage yet."""
    for event in now:
        kind, data = event["type"], event["data"]
        target = None
        if kind == CREATED:
            target = data.get("stage") or (None if deal.visits else named_stage(deal.pipeline, "first"))
        elif kind == "crm.deal.stage_changed":
            target = data["to_stage"]
        elif kind in ("crm.deal.won", "crm.deal.lost"):
            target = named_stage(deal.pipeline, kind.rsplit(".", 1)[1])
        elif kind == "crm.deal.reopened":
            opened = [visit.stage for visit in deal.visits if not is_closing(deal.pipeline, visit.stage)]
            target = opened[-1] if opened else named_stage(deal.pipeline, "first")
        if kind == "crm.deal.lost":
            deal.lost_reason, deal.lost_reason_at = data["lost_reason"], at
        if target:
            enter(deal, target, at, event)
    stage = STAGES.get((deal.pipeline, deal.stage or ""))
    deal.status = "won" if stage and stage.is_won else "lost" if stage and stage.is_lost else "open"
    deal.closed_at = None if deal.status == "open" else deal.visits[-1].entered_at


def is_closing(pipeline: str, stage: str) -> bool:
    known = STAGES.get((pipeline, stage))
    return bool(known and known.is_closing)


def move_by_gates(deal: Deal, now: list[Event], at: datetime) -> None:
    """adtech: gates say where the deal stands, except that a lost deal is lost.

    Of won, lost and reopened the last one counts. A deal is closed since what closes it came about, whatever lay
    between: gates keep their instants while the deal is lost.
    """
    for event in now:
        if event["type"] == "crm.deal.lost":
            deal.lost_reason, deal.lost_reason_at = event["data"]["lost_reason"], at
            deal.lost_at, deal.won_at = deal.lost_at or at, None
        elif event["type"] == "crm.deal.won":
            deal.lost_at, deal.won_at = None, deal.won_at or at
        elif event["type"] == "crm.deal.reopened":
            deal.lost_at, deal.won_at = None, None
    enter(deal, "lost" if deal.lost_at else aggregated_stage(deal.is_set, deal.rule_set), at, now[-1])
    wins = [deal.won_at] if deal.won_at else []
    wins += [change.at for change in deal.gate_changes if change.gate == "G7"]
    if deal.lost_at:
        # Lost again within the instant of the reopening is a loss that goes on.
        deal.status, deal.closed_at = "lost", deal.visits[-1].entered_at
    elif "revoked" in deal.is_set:
        revocations = [change.at for change in deal.gate_changes if change.gate == "revoked" and change.value]
        deal.status, deal.closed_at = "cancelled", revocations[-1]
    elif wins:
        deal.status, deal.closed_at = "won", min(wins)
    else:
        deal.status, deal.closed_at = "open", None


@dataclass
class World:
    """All that the log says, seen from as_of."""

    deals: list[Deal]
    as_of: datetime
    accounts: dict[tuple[str, str], dict[str, Any]]
    rates: dict[str, dict[date, float]]
    histories: dict[tuple[str, str], list[Event]]
    rule_set: str = "adtech"


def world(events: list[Event], as_of: datetime | None = None, rule_set: str = "adtech") -> World:
    """Read the log: what had happened at as_of (the time of the last event by default)."""
    as_of = as_of or max(moment(event) for event in events)
    visible = in_order(event for event in events if moment(event) <= as_of)
    accounts: dict[tuple[str, str], dict[str, Any]] = {}
    rates: dict[str, dict[date, float]] = {}
    histories: dict[tuple[str, str], list[Event]] = {}
    for event in visible:
        tenant, data = event.get("tenantid", "default"), event["data"]
        if event["type"] == "crm.account.upserted":
            stated = {key: value for key, value in data.items() if value is not None}
            accounts.setdefault((tenant, data["account_id"]), {}).update(stated)
        elif event["type"] == "finance.fx_rate.published":
            rates.setdefault(data["currency"], {})[date.fromisoformat(data["date"])] = float(data["rate"])
        elif event["type"] in DEAL_EVENTS | GATE_EVENTS:
            histories.setdefault((tenant, data["deal_id"]), []).append(event)
    deals = [replay(*key, history, as_of, rule_set) for key, history in histories.items()]
    return World(deals, as_of, accounts, rates, histories, rule_set)


def to_base(seen: World, amount: float | None, currency: str | None, day: date) -> float | None:
    """Amount in US dollars by the latest rate published on or before the day."""
    if amount is None or currency is None:
        return None
    if currency == "USD":
        return amount
    known = [on for on in seen.rates.get(currency, {}) if on <= day]
    return amount * seen.rates[currency][max(known)] if known else None


def days_between(earlier: datetime, later: datetime) -> float:
    return (later - earlier) / DAY


def fact_deal(seen: World) -> list[Row]:
    rows = []
    for deal in seen.deals:
        account = seen.accounts.get((deal.tenant_id, deal.fields.get("account_id", "")), {})
        amount = None if deal.fields.get("amount") is None else float(deal.fields["amount"])
        base = to_base(seen, amount, deal.fields.get("currency"), (deal.closed_at or seen.as_of).date())
        expected = deal.fields.get("expected_close_date")
        expected_date = date.fromisoformat(expected) if expected else None
        is_open = deal.status == "open"
        assert deal.created_at is not None
        cycle = days_between(deal.created_at, deal.closed_at) if deal.closed_at else None
        has_stage_of_gates = deal.pipeline == "adtech" or deal.has_gate_events
        rows.append(
            {
                "tenant_id": deal.tenant_id,
                "deal_id": deal.deal_id,
                "pipeline": deal.pipeline,
                **{
                    name: deal.fields.get(name) for name in ["account_id", "contact_id", "lead_id", "owner_id", "title"]
                },
                "industry": account.get("industry"),
                "client_type": deal.fields.get("client_type") or account.get("kind"),
                "budget_band": budget_band(base),
                "deal_source": deal.fields.get("deal_source"),
                "campaign_id": deal.fields.get("campaign_id"),
                "primary_competitor": deal.fields.get("primary_competitor"),
                "amount": amount,
                "currency": deal.fields.get("currency"),
                "amount_base": base,
                "stage": deal.stage,
                "aggregated_stage": aggregated_stage(deal.is_set, deal.rule_set) if has_stage_of_gates else None,
                "status": deal.status,
                "probability": deal.fields.get("probability"),
                "forecast_category": deal.fields.get("forecast_category", "pipeline"),
                "created_at": deal.created_at,
                "stage_entered_at": deal.visits[-1].entered_at if deal.visits else None,
                "expected_close_date": expected_date,
                "closed_at": deal.closed_at,
                "sales_cycle_days": cycle if deal.status == "won" else None,
                "days_to_loss": cycle if deal.status == "lost" else None,
                "lost_reason": reason_of_this_loss(deal),
                "next_step": deal.next_step,
                "next_step_due_at": deal.next_step_due_at,
                "is_next_step_overdue": bool(
                    is_open and deal.next_step_due_at is not None and deal.next_step_due_at < seen.as_of
                ),
                "is_slipping": bool(
                    is_open and expected_date is not None and seen.as_of.date() > expected_date + 14 * DAY
                ),
                "push_count": deal.push_count,
            }
        )
    return rows


def reason_of_this_loss(deal: Deal) -> str | None:
    """The last reason given since the deal was lost; an earlier loss has nothing to say."""
    if deal.status != "lost" or deal.closed_at is None or deal.lost_reason_at is None:
        return None
    return deal.lost_reason if deal.lost_reason_at >= deal.closed_at else None


def budget_band(base: float | None) -> str | None:
    for row in seed_rows("budget_band"):
        low, high = float(row["amount_base_from"]), row["amount_base_to"]
        if base is not None and base >= low and (high is None or base < float(high)):
            return str(row["budget_band"])
    return None


def is_jump(pipeline: str, left: str, entered: str) -> bool:
    """Whether a working stage lies between the two; nothing is on the way out (lost, cancelled)."""
    old, new = STAGES.get((pipeline, left)), STAGES.get((pipeline, entered))
    if old is None or new is None or new.is_lost:
        return False
    return any(
        old.order < stage.order < new.order and not stage.is_closing
        for (of, _), stage in STAGES.items()
        if of == pipeline
    )


def fact_deal_stage(seen: World) -> list[Row]:
    rows = []
    for deal in seen.deals:
        for number, visit in enumerate(deal.visits):
            closing = is_closing(deal.pipeline, visit.stage)
            end = visit.left_at or (None if closing else seen.as_of)
            rows.append(
                {
                    "tenant_id": deal.tenant_id,
                    "deal_id": deal.deal_id,
                    "pipeline": deal.pipeline,
                    "visit_number": number + 1,
                    "stage": visit.stage,
                    "entered_at": visit.entered_at,
                    "left_at": visit.left_at,
                    "days_in_stage": days_between(visit.entered_at, end) if end else None,
                    "is_current": visit.left_at is None,
                    "is_closing": closing,
                    "is_skipped_into": number > 0
                    and is_jump(deal.pipeline, deal.visits[number - 1].stage, visit.stage),
                    "actor": visit.event.get("actor"),
                    "evidence_refs": visit.event["data"].get("evidence_refs"),
                }
            )
    return rows


def fact_gate(seen: World) -> list[Row]:
    rows = []
    for deal in seen.deals:
        for gate in sorted({change.gate for change in deal.gate_changes if change.gate.startswith("G")}):
            changes = [change for change in deal.gate_changes if change.gate == gate]
            rows.append(
                {
                    "tenant_id": deal.tenant_id,
                    "deal_id": deal.deal_id,
                    "gate": gate,
                    "gate_name": next(row["gate_name"] for row in GATE_ROWS if row["gate"] == gate),
                    "gate_status": changes[-1].value,
                    "first_true_at": next((change.at for change in changes if change.value), None),
                    "changed_at": changes[-1].at,
                    "source": changes[-1].event["source"],
                    "event_id": changes[-1].event["id"],
                }
            )
    return rows


DAY_FIELDS = [
    "stage",
    "status",
    "owner_id",
    "amount",
    "currency",
    "expected_close_date",
    "probability",
    "forecast_category",
]


def deal_days(seen: World) -> list[Row]:
    """Replay each deal to the end of each day with an event, and keep the days that ended differently."""
    rows: list[Row] = []
    for (tenant, deal_id), history in seen.histories.items():
        states: list[Row] = []
        for day in sorted({moment(event).date() for event in history}):
            end = datetime.combine(day, datetime.max.time())
            then = replay(tenant, deal_id, history, end, seen.rule_set)
            if not then.visits and not any(event["type"] in DEAL_EVENTS for event in then.events):
                continue  # only gates of a deal that moves by stages: there is nothing to show yet
            expected = then.fields.get("expected_close_date")
            amount = then.fields.get("amount")
            state = {
                "tenant_id": tenant,
                "deal_id": deal_id,
                "valid_from_date": day,
                "valid_to_date": None,
                "pipeline": then.pipeline,
                "stage": then.stage,
                "status": then.status,
                "owner_id": then.fields.get("owner_id"),
                "amount": None if amount is None else float(amount),
                "currency": then.fields.get("currency"),
                "amount_base": to_base(seen, amount, then.fields.get("currency"), day),
                "expected_close_date": date.fromisoformat(expected) if expected else None,
                "probability": then.fields.get("probability"),
                "forecast_category": then.fields.get("forecast_category", "pipeline"),
            }
            if states and all(states[-1][name] == state[name] for name in DAY_FIELDS):
                continue
            if states:
                states[-1]["valid_to_date"] = day
            states.append(state)
        rows += states
    return rows
