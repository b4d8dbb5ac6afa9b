"""Random logs of visitors who become leads, users, contacts and customers: few ids, so that links join and loop.

No deal and no account is in them; those are in ``logs``.
"""

from datetime import UTC, datetime, timedelta
from typing import Any

from hypothesis import strategies as st

from tests.laws.compiled import Event

START = datetime(2026, 1, 20, tzinfo=UTC)
"""Shortly before a month ends, so that cohorts of several months come about."""

NUMBERS = st.integers(1, 5)
hours = st.one_of(st.integers(0, 80).map(lambda days: days * 24.0), st.integers(0, 24 * 90 * 4).map(lambda n: n / 4))
utm = st.sampled_from(
    [
        {},
        {},
        {"referrer": "https://example.org"},
        {"utm_source": "google", "utm_medium": "cpc"},
        {"utm_source": " Facebook"},
        {"utm_source": "tiktok", "utm_medium": "social"},
        {"utm_source": "google", "utm_medium": "email"},
    ]
)


@st.composite
def some_ids(draw: st.DrawFn, fields: tuple[str, ...], least: int = 1) -> dict[str, str]:
    """Ids of some of these kinds; the numbers are few, so that they meet again."""
    chosen = draw(st.lists(st.sampled_from(fields), unique=True, min_size=least))
    return {field: f"{field[0]}{draw(NUMBERS)}" for field in chosen}


@st.composite
def payload(draw: st.DrawFn, kind: str) -> dict[str, Any]:
    user, subscription = f"u{draw(NUMBERS)}", f"b{draw(st.integers(1, 3))}"
    if kind == "identity.linked":
        return draw(some_ids(("visitor_id", "lead_id", "contact_id", "user_id"), least=2))
    if kind == "crm.contact.merged":
        return {"winner_id": f"c{draw(NUMBERS)}", "loser_id": f"c{draw(NUMBERS)}"}
    if kind == "web.session.started":
        ids = draw(some_ids(("lead_id", "user_id"), least=0))
        return {"session_id": "s", "visitor_id": f"v{draw(NUMBERS)}"} | ids | draw(utm)
    if kind == "lms.trial.started":
        return {"user_id": user} | draw(some_ids(("lead_id", "visitor_id"), least=0))
    if kind in ("app.login", "app.activated"):
        return {"user_id": user}
    if kind == "crm.contact.upserted":
        return {"contact_id": f"c{draw(NUMBERS)}"} | draw(some_ids(("lead_id", "user_id"), least=0))
    if kind == "content.downloaded":
        return {"content_id": "guide"} | draw(some_ids(("lead_id", "visitor_id")))
    if kind == "club.event.attended":
        return {"event_id": "e"} | draw(some_ids(("lead_id", "user_id", "contact_id")))
    if kind == "crm.email.clicked":
        return {"message_id": "m"} | draw(some_ids(("lead_id", "user_id", "contact_id")))
    if kind == "crm.referral.made":
        return {"referral_id": "r", "referrer_user_id": user} | draw(some_ids(("lead_id",), least=0))
    if kind == "crm.lead.converted":
        return {"lead_id": f"l{draw(NUMBERS)}"} | draw(some_ids(("contact_id",), least=0))
    money = {"currency": "USD"}
    period = {"period_start": "2026-02-01", "period_end": "2026-03-01", "mrr": 10.0} | money
    if kind == "billing.subscription.started":
        owner = {"user_id": user} if draw(st.integers(0, 3)) else {}
        return {"subscription_id": subscription, "plan": "solo", "is_trial": draw(st.booleans())} | period | owner
    if kind == "billing.subscription.renewed":
        return {"subscription_id": subscription} | period
    of = draw(
        st.sampled_from([{"subscription_id": subscription}, {"subscription_id": subscription}, {"order_id": "o"}])
    )
    payer = {"user_id": user} if draw(st.booleans()) else {}
    return {"payment_id": "p", "amount": draw(st.sampled_from([0.0, 10.0, 20.0]))} | money | of | payer


KINDS = [
    "identity.linked",
    "identity.linked",
    "crm.contact.merged",
    "web.session.started",
    "web.session.started",
    "lms.trial.started",
    "app.login",
    "app.activated",
    "crm.contact.upserted",
    "content.downloaded",
    "club.event.attended",
    "crm.email.clicked",
    "crm.referral.made",
    "crm.lead.converted",
    "billing.subscription.started",
    "billing.subscription.renewed",
    "billing.payment.received",
    "billing.payment.received",
]


def event(number: int, kind: str, at: float, data: dict[str, Any]) -> Event:
    time = (START + timedelta(hours=at)).isoformat().replace("+00:00", "Z")
    return {"source": "crm", "id": f"e{number:02d}", "type": kind, "time": time, "data": data}


@st.composite
def identity_log(draw: st.DrawFn, max_events: int = 30) -> list[Event]:
    """A log in a random order of arrival; every lead is created at most once, some never."""
    log = []
    for lead in range(1, 6):
        if draw(st.booleans()):
            data = {"lead_id": f"l{lead}", "lead_source": draw(st.sampled_from(["paid", "event", "other"]))}
            data |= {name: value for name, value in draw(utm).items() if name != "referrer"}
            data |= draw(st.sampled_from([{}, {"industry": "retail"}, {"industry": "media"}]))
            data |= draw(st.sampled_from([{}, {"visitor_id": "v1"}, {"visitor_id": "v2"}, {"referrer_user_id": "u1"}]))
            log.append(event(len(log), "crm.lead.created", draw(hours), data))
    for _ in range(draw(st.integers(0, max_events))):
        kind = draw(st.sampled_from(KINDS))
        log.append(event(len(log), kind, draw(hours), draw(payload(kind))))
    for number, one in enumerate(log):
        if number % 7 == 6:
            one["tenantid"] = "north"
    return draw(st.permutations(log))
