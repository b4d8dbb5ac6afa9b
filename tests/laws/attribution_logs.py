"""Random logs of what leads to conversions: few persons, few instants, channels that repeat, shared accounts."""

from datetime import timedelta
from typing import Any

from hypothesis import strategies as st

from tests.laws.compiled import Event
from tests.laws.logs import START, instant

CHANNELS = ["google", "meta", "linkedin", None]
"""Those of ``utm_source``; None is direct."""


@st.composite
def attribution_log(draw: st.DrawFn, max_touches: int = 14) -> list[Event]:
    """A log of one tenant: touches, payments, leads, contacts, deals, spend, other costs."""
    log: list[Event] = []
    hours = st.one_of(st.integers(0, 130).map(lambda days: days * 24.0), st.integers(0, 24 * 130).map(float))

    def add(source: str, kind: str, at: float, **data: Any) -> None:
        named = {key: value for key, value in data.items() if value is not None}
        log.append({"source": source, "id": f"e{len(log):03}", "type": kind, "time": instant(at), "data": named})

    users = [f"u{number}" for number in range(draw(st.integers(1, 3)))]
    contacts = [f"c{number}" for number in range(draw(st.integers(1, 3)))]
    for _ in range(draw(st.integers(0, max_touches))):
        source = draw(st.sampled_from(["web", "zine"]))
        kind = draw(st.sampled_from(["session", "session", "session", "click", "event"]))
        at = draw(hours)
        if kind == "session":
            user = draw(st.sampled_from(users))
            data = {"visitor_id": f"v-{user}", "user_id": user, "utm_source": draw(st.sampled_from(CHANNELS))}
            add(source, "web.session.started", at, session_id=f"s{len(log)}", **data)
            continue
        who: dict[str, Any] = draw(
            st.sampled_from([{"user_id": user} for user in users] + [{"contact_id": contact} for contact in contacts])
        )
        if kind == "click":
            add(source, "crm.email.clicked", at, message_id=f"m{len(log)}", **who)
        else:
            add(source, "club.event.attended", at, event_id="fair", **who)
    for number in range(draw(st.integers(0, 4))):
        add(
            "billing",
            "billing.payment.received",
            draw(hours),
            payment_id=f"p{number}",
            user_id=draw(st.sampled_from(users)),
            amount=draw(st.sampled_from([0.0, 10.0, 99.5])),
            currency=draw(st.sampled_from(["USD", "USD", "GBP"])),
            deal_id=draw(st.sampled_from([None, None, None, "d0"])),
        )
    for contact in contacts:
        if draw(st.booleans()):
            add("crm", "crm.contact.upserted", 0.0, contact_id=contact, account_id=draw(st.sampled_from(["a0", "a1"])))
        for number in range(draw(st.integers(0, 2))):
            lead, at = f"l-{contact}-{number}", draw(hours)
            add("crm", "crm.lead.created", at, lead_id=lead, lead_source="paid")
            add("crm", "crm.lead.converted", at, lead_id=lead, contact_id=contact)
    for number in range(draw(st.integers(0, 2))):
        created, deal = draw(hours), f"d{number}"
        add(
            "crm",
            "crm.deal.created",
            created,
            deal_id=deal,
            account_id=draw(st.sampled_from([None, "a0", "a1"])),
            contact_id=draw(st.sampled_from([None, *contacts])),
            amount=500.0,
            currency="USD",
        )
        closing = draw(st.sampled_from([None, "crm.deal.won", "crm.deal.won", "crm.deal.lost"]))
        if closing:
            reason = "price" if closing == "crm.deal.lost" else None
            add("crm", closing, created + draw(st.sampled_from([1.0, 24.0, 480.0])), deal_id=deal, lost_reason=reason)
    for _ in range(draw(st.integers(0, 3))):
        day = draw(st.integers(0, 60))
        add(
            "ads",
            "ads.spend.reported",
            day * 24.0 + draw(st.sampled_from([24.0, 30.0])),
            date=(START + timedelta(days=day)).date().isoformat(),
            channel=draw(st.sampled_from(["google", "tv"])),
            amount=draw(st.sampled_from([0.0, 40.0])),
            currency="USD",
        )
    for number in range(draw(st.integers(0, 2))):
        add(
            "crm",
            "crm.campaign.sent",
            draw(hours),
            campaign_id=f"k{number}",
            name="Mailing",
            channel=draw(st.sampled_from(["email", "sms"])),
            cost=draw(st.sampled_from([None, 7.0])),
            currency="USD",
        )
    if draw(st.booleans()):
        at = draw(hours)
        day = (START + timedelta(hours=at)).date().isoformat()
        category = draw(st.sampled_from(["marketing", "rent"]))
        add(
            "finance",
            "finance.expense.recorded",
            at,
            expense_id="x0",
            category=category,
            amount=11.0,
            currency="USD",
            date=day,
        )
    return log
