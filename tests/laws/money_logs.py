"""Random logs of a shop, of spend and of subscribers: few of each, few days, so that they meet."""

from datetime import UTC, datetime, timedelta
from typing import Any

from hypothesis import strategies as st

from tests.laws.compiled import Event
from tests.laws.logs import maybe

START = datetime(2026, 1, 20, tzinfo=UTC)
STATUSES = ["new", "paid", "paid", "ready", "issued", "issued", "cancelled", "refunded"]
amounts = st.sampled_from([0.0, 10.0, 99.5, 1200.0])
currencies = st.sampled_from(["USD", "USD", "EUR", "GEL"])
hours = st.one_of(st.integers(0, 60).map(lambda days: days * 24.0), st.integers(0, 24 * 60).map(float))
"""Offsets from START over three months; whole days come often, so that events share an instant."""


def instant(offset: float) -> str:
    return (START + timedelta(hours=offset)).isoformat().replace("+00:00", "Z")


def day(offset: float) -> str:
    return (START + timedelta(hours=offset)).date().isoformat()


def money(draw: st.DrawFn) -> dict[str, Any]:
    return {"amount": draw(amounts), "currency": draw(currencies)}


def order_event(draw: st.DrawFn) -> tuple[str, dict[str, Any]]:
    order: dict[str, Any] = {"order_id": draw(st.sampled_from(["o1", "o2", "o3"]))}
    if draw(st.integers(0, 2)):
        return "shop.order.status_changed", order | {"status": draw(st.sampled_from(STATUSES))}
    order |= money(draw) | {"product": draw(st.sampled_from(["pads", "heels"]))}
    if cost := draw(maybe(amounts)):
        order["cost"] = cost
    if contact := draw(maybe(st.sampled_from(["c1", "c2"]))):
        order["contact_id"] = contact
    return "shop.order.created", order


def payment_event(draw: st.DrawFn) -> tuple[str, dict[str, Any]]:
    number = draw(st.integers(1, 5))
    kind = draw(st.sampled_from(["received", "received", "received", "failed", "refunded"]))
    # What a payment is for follows from its number, so that all of its events agree.
    payer = [{}, {"order_id": "o1"}, {"user_id": "u1"}, {"user_id": "u2"}, {"account_id": "a1", "deal_id": "d1"}][
        number - 1
    ]
    data: dict[str, Any] = {
        "payment_id": f"p{number}",
        "amount": draw(amounts),
        "currency": "EUR" if number == 2 else "USD",
    }
    return f"billing.payment.{kind}", data | (payer if kind == "received" else {})


def subscription_event(draw: st.DrawFn, at: float) -> tuple[str, dict[str, Any]]:
    user = draw(st.sampled_from(["u1", "u2"]))
    return "billing.subscription.started", {
        "subscription_id": f"s-{user}-{draw(st.integers(1, 3))}",
        "user_id": user,
        "plan": "other",
        "mrr": draw(st.sampled_from([10.0, 40.0])),
        "currency": "USD",
        "period_start": day(at),
        "period_end": day(at + 24 * draw(st.sampled_from([10, 30, 50]))),
    }


def other_event(draw: st.DrawFn, at: float) -> tuple[str, dict[str, Any]]:
    kind = draw(st.sampled_from(["spend", "spend", "expense", "rate", "session"]))
    if kind == "spend":
        channel = draw(st.sampled_from(["google", "Blog", "fair"]))
        return "ads.spend.reported", money(draw) | {"date": day(draw(hours)), "channel": channel}
    if kind == "expense":
        category = draw(st.sampled_from(["rent", "marketing"]))
        number = draw(st.integers(1, 3))
        return "finance.expense.recorded", money(draw) | {
            "expense_id": f"x{number}", "category": category, "date": day(draw(hours)),
        }  # fmt: skip
    if kind == "rate":
        return "finance.fx_rate.published", {
            "date": day(at),
            "currency": "EUR",
            "rate": draw(st.sampled_from([0.5, 1.25])),
        }
    user = draw(st.sampled_from(["u1", "u2"]))
    source = draw(st.sampled_from(["google", "blog", "fair"]))
    return "web.session.started", {
        "session_id": f"{user}-{at}",
        "visitor_id": f"v-{user}",
        "user_id": user,
        "utm_source": source,
    }


@st.composite
def money_log(draw: st.DrawFn, max_events: int = 30) -> list[Event]:
    """A log in a random order of arrival."""
    log: list[Event] = []
    for number in range(draw(st.integers(1, max_events))):
        at = draw(hours)
        kind, data = draw(
            st.sampled_from(
                [
                    order_event,
                    order_event,
                    payment_event,
                    payment_event,
                    lambda draw, at=at: subscription_event(draw, at),
                    lambda draw, at=at: other_event(draw, at),
                    lambda draw, at=at: other_event(draw, at),
                ]
            )
        )(draw)
        log.append(
            {
                "source": ["crm", "shop"][number % 2],
                "id": f"e{number // 2:02}",
                "type": kind,
                "time": instant(at),
                "data": data,
            }
        )
    return draw(st.permutations(log))
