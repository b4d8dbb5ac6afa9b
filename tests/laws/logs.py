"""Random event logs for the laws: few deals, few instants, so that ties, reopenings, late events abound."""

from datetime import UTC, datetime, timedelta
from typing import Any

from hypothesis import strategies as st

from tests.laws.compiled import Event, Row

START = datetime(2026, 3, 20, tzinfo=UTC)
"""Shortly before daylight saving starts in Europe, and after it has in New York."""
GATE_TYPES = [
    "crm.brief.submitted",
    "media.planning.started",
    "media.mediaplan.ready",
    "crm.offer.approved",
    "docflow.contract.sent",
    "docflow.contract.signed",
    "docflow.contract.signed",
    "docflow.contract.revoked",
    "docflow.contract.revoked",
    "mediapush.campaign.started",
    "dcm.invoice.issued",
    "dcm.closeout.completed",
]
STAGE_NAMES = {
    "b2b": [
        "lead",
        "qualified",
        "meeting",
        "proposal",
        "negotiation",
        "contract",
        "closed_won",
        "closed_lost",
    ],
    "studio": ["lead", "qualified", "discovery", "proposal_sent", "negotiation", "won", "lost"],
    "adtech": ["draft", "running", "creative_review"],
}
OTHER_STAGE = "pilot"

hours_later = st.one_of(
    st.integers(0, 6).map(lambda days: days * 24.0),
    st.integers(0, 24 * 4).map(lambda quarters: quarters / 4),
    st.integers(0, 24 * 60).map(float),
)
"""Offsets of events from START; whole days come often, so that events share an instant."""


def instant(hours: float) -> str:
    return (START + timedelta(hours=hours)).isoformat().replace("+00:00", "Z")


def maybe(values: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.one_of(st.none(), values)


amounts = st.sampled_from([0.0, 500.0, 999.99, 1000.0, 12345.67, 60000.0, 250000.0])
currencies = st.sampled_from(["USD", "EUR", "GBP", "JPY"])
dates = st.integers(-40, 70).map(lambda days: (START + timedelta(days=days)).date().isoformat())
owners = st.sampled_from(["u1", "u2"])
deal_fields = {
    "amount": amounts,
    "currency": currencies,
    "probability": st.sampled_from([0.0, 0.25, 0.9, 1.0]),
    "forecast_category": st.sampled_from(["pipeline", "best_case", "commit"]),
    "expected_close_date": dates,
    "owner_id": owners,
    "title": st.sampled_from(["A", "B"]),
    "primary_competitor": st.sampled_from(["x", "y"]),
}
creation_fields = deal_fields | {
    "account_id": st.sampled_from(["a1", "a2"]),
    "contact_id": st.just("c1"),
    "lead_id": st.just("l1"),
    "client_type": st.sampled_from(["brand", "agency"]),
    "deal_source": st.just("partner"),
    "campaign_id": st.just("k1"),
}


@st.composite
def optional_fields(draw: st.DrawFn, fields: dict[str, st.SearchStrategy[Any]]) -> dict[str, Any]:
    """Some of these fields; an explicit null is drawn now and then."""
    chosen = draw(st.lists(st.sampled_from(sorted(fields)), unique=True, max_size=4))
    return {name: draw(maybe(fields[name]) if draw(st.integers(0, 9)) == 0 else fields[name]) for name in chosen}


@st.composite
def deal_event(draw: st.DrawFn, deal_id: str, pipeline: str | None) -> tuple[str, dict[str, Any]]:
    """Type and data of one event of a deal that exists."""
    stages = STAGE_NAMES[pipeline or "b2b"]
    kinds = GATE_TYPES if pipeline == "adtech" or draw(st.integers(0, 9)) == 0 else []
    kind = draw(
        st.sampled_from(
            [
                *kinds,
                "crm.deal.updated",
                "crm.deal.stage_changed",
                "crm.deal.stage_changed",
                "crm.deal.stage_changed",
                "crm.deal.next_step_set",
                "crm.deal.next_step_done",
                "crm.deal.won",
                "crm.deal.lost",
                "crm.deal.reopened",
                "crm.deal.reopened",
            ]
        )
    )
    data: dict[str, Any] = {"deal_id": deal_id}
    if kind == "crm.deal.updated":
        data |= draw(optional_fields(deal_fields))
    elif kind == "crm.deal.stage_changed":
        data["to_stage"] = draw(st.sampled_from([*stages, OTHER_STAGE]))
        if draw(st.booleans()):
            data["evidence_refs"] = ["doc-1", "doc-2"]
    elif kind == "crm.deal.next_step_set":
        data |= {"next_step": draw(st.sampled_from(["call", "visit"])), "due_at": instant(draw(hours_later))}
    elif kind == "crm.deal.won":
        data |= draw(optional_fields({"amount": amounts, "currency": currencies}))
    elif kind == "crm.deal.lost":
        data |= {"lost_reason": draw(st.sampled_from(["price", "silence"]))}
        data |= draw(optional_fields({"competitor": st.just("z")}))
    elif kind in ("crm.offer.approved", "dcm.invoice.issued"):
        data |= draw(optional_fields({"amount": amounts, "currency": currencies}))
    elif kind == "mediapush.campaign.started":
        data |= draw(optional_fields({"campaign_id": st.just("k2")}))
    return kind, data


@st.composite
def deal_history(draw: st.DrawFn, deal_id: str, max_events: int) -> list[tuple[str, dict[str, Any], float]]:
    """Events of one deal with their hours; some deals have no creation, or moved before they were created."""
    pipeline = draw(st.sampled_from(["b2b", "studio", "adtech", "adtech", None]))
    history = []
    if draw(st.integers(0, 5)) > 0:
        data = (
            {"deal_id": deal_id} | ({"pipeline": pipeline} if pipeline else {}) | draw(optional_fields(creation_fields))
        )
        if draw(st.integers(0, 2)) == 0:
            data["stage"] = draw(st.sampled_from(STAGE_NAMES[pipeline or "b2b"]))
        at = draw(hours_later) if draw(st.integers(0, 4)) == 0 else 0.0
        history.append(("crm.deal.created", data, at))
    for _ in range(draw(st.integers(0 if history else 1, max_events))):
        history.append((*draw(deal_event(deal_id, pipeline)), draw(hours_later)))
    return history


@st.composite
def side_event(draw: st.DrawFn) -> tuple[str, dict[str, Any], float]:
    """A rate or an account."""
    at = draw(hours_later)
    if draw(st.booleans()):
        day = draw(st.integers(-30, 50).map(lambda days: (START + timedelta(days=days)).date().isoformat()))
        data = {
            "date": day,
            "currency": draw(st.sampled_from(["EUR", "GBP", "USD"])),
            "rate": draw(st.sampled_from([0.5, 1.1, 1.25])),
        }
        return "finance.fx_rate.published", data, at
    data = {"account_id": draw(st.sampled_from(["a1", "a2"])), "name": "Acme"}
    data |= draw(
        optional_fields({"industry": st.sampled_from(["retail", "media"]), "kind": st.sampled_from(["brand", "ngo"])})
    )
    return "crm.account.upserted", data, at


@st.composite
def deal_log(draw: st.DrawFn, max_deals: int = 3, max_events: int = 9) -> list[Event]:
    """A log of a few deals with accounts and rates, in the order of arrival, which says nothing."""
    bare: list[tuple[str, dict[str, Any], float]] = []
    for number in range(draw(st.integers(1, max_deals))):
        bare += draw(deal_history(f"d{number}", max_events))
    bare += draw(st.lists(side_event(), max_size=4))
    ids = draw(st.permutations(range(len(bare))))
    tenants = draw(st.sampled_from([["default"], ["default", "other"]]))
    log = []
    for number, (kind, data, hours) in zip(ids, bare, strict=True):
        event: Event = {
            "specversion": "1.0",
            "id": f"e{number // 2:03}",
            "source": ["crm", "media"][number % 2],
            "type": kind,
            "time": instant(hours),
            "data": data,
        }
        tenant = draw(st.sampled_from(tenants))
        if tenant != "default":
            event["tenantid"] = tenant
        actor = draw(maybe(st.sampled_from(["u1", "ai"])))
        if actor:
            event["actor"] = actor
        log.append(event)
    return log


def windows(calendar: str, days: range, opens: str, closes: str) -> list[Row]:
    return [{"calendar": calendar, "iso_weekday": str(day), "opens": opens, "closes": closes} for day in days]


CALENDARS: dict[str, list[Row]] = {
    "calendar": [
        {"calendar": "24x7", "time_zone": "UTC", "is_always_open": "true"},
        {"calendar": "office", "time_zone": "Europe/Kyiv", "is_always_open": "false"},
        {"calendar": "nights", "time_zone": "America/New_York", "is_always_open": "false"},
        {"calendar": "shop", "time_zone": "Asia/Kolkata", "is_always_open": "false"},
    ],
    "calendar_window": [
        *windows("office", range(1, 6), "09:00", "13:00"),
        *windows("office", range(1, 6), "14:00", "18:00"),
        *windows("nights", range(1, 8), "22:00", "06:00"),
        *windows("shop", range(6, 8), "00:00", "00:00"),
        *windows("shop", range(3, 4), "10:15", "10:45"),
    ],
    "calendar_holiday": [
        {
            "calendar": "office",
            "holiday_date": "2026-03-30",
            "holiday_name": "Monday after the clocks change",
        },
        {"calendar": "nights", "holiday_date": "2026-03-21", "holiday_name": "Second day of the log"},
    ],
}
"""Two windows a day; overnight ones through changes of the clocks; whole days; a zone with a half hour."""


@st.composite
def other_event(draw: st.DrawFn) -> tuple[str, dict[str, Any]]:
    """An event of a kind that is not about deals: leads, contacts, activities, KPIs, answers, traffic."""
    kind = draw(
        st.sampled_from(
            [
                "crm.lead.created",
                "crm.lead.assigned",
                "crm.lead.qualified",
                "crm.lead.disqualified",
                "crm.lead.converted",
                "crm.lead.stage_changed",
                "crm.contact.upserted",
                "crm.activity.logged",
                "mediapush.kpi.reported",
                "survey.nps.responded",
                "web.session.started",
            ]
        )
    )
    number = draw(st.integers(1, 3))
    user = {"assigned_to": draw(owners)}
    payloads: dict[str, dict[str, Any]] = {
        "crm.lead.created": {"lead_source": "paid", "city": draw(st.sampled_from(["Kyiv", "Lviv"]))},
        "crm.lead.assigned": user,
        "crm.lead.qualified": {"method": "bant", "budget_confirmed": draw(st.booleans())},
        "crm.lead.disqualified": {"reason": "student"},
        "crm.lead.converted": {"deal_id": "d0"},
        "crm.lead.stage_changed": {"to_stage": "ai_dialog", "changed_by": "ai"},
        "crm.contact.upserted": {"contact_id": f"c{number}", "role": draw(st.sampled_from(["user", "champion"]))},
        "crm.activity.logged": {
            "activity_id": f"t{number}",
            "activity_type": draw(st.sampled_from(["call", "email"])),
            "deal_id": "d0",
        },
        "mediapush.kpi.reported": {
            "deal_id": f"d{number}",
            "date": "2026-03-25",
            "kpi": "clicks",
            "actual": draw(st.sampled_from([90.0, 110.0])),
            "target": 100,
        },
        "survey.nps.responded": {"response_id": f"r{number}", "score": draw(st.integers(0, 10))},
        "web.session.started": {"session_id": f"s{number}", "visitor_id": "v1"},
    }
    lead = {"lead_id": f"l{number}"} if kind.startswith("crm.lead.") else {}
    return kind, lead | payloads[kind]


@st.composite
def company_log(draw: st.DrawFn, max_deals: int = 3, max_others: int = 8) -> list[Event]:
    """A log of deals together with all other events that have facts, in a random order of arrival."""
    log = draw(deal_log(max_deals=max_deals))
    for number in range(draw(st.integers(0, max_others))):
        kind, data = draw(other_event())
        log.append(
            {
                "id": f"o{number // 2}",
                "source": ["crm", "survey"][number % 2],
                "type": kind,
                "time": instant(draw(hours_later)),
                "data": data,
            }
        )
    return draw(st.permutations(log))
