"""Random logs of subscriptions, payments, rates and logins: few days and few ids, so that they meet."""

from datetime import UTC, datetime, timedelta
from typing import Any

from hypothesis import strategies as st

from tests.laws.compiled import Event

START = datetime(2025, 1, 1, tzinfo=UTC)
DAYS = 430
"""More than a year, so that there are customers of twelve months ago."""

month_ends = st.sampled_from([0, 30, 31, 58, 59, 89, 90, 364, 365, 395, 396, 424])
days = st.one_of(month_ends, st.integers(0, DAYS))
lengths = st.sampled_from([0, 7, 30, 31, 90, 365])
prices = st.sampled_from([0.0, 10.0, 10.0, 25.0, 99.5])
currencies = st.sampled_from(["USD", "USD", "USD", "EUR", "EUR", "GEL"])
plans = st.sampled_from(["basic", "pro"])


def date_of(day: int) -> str:
    return (START + timedelta(days=day)).date().isoformat()


@st.composite
def subscription_event(draw: st.DrawFn, number: int) -> tuple[str, dict[str, Any], int]:
    """One event of a subscription, with the day on which it is told."""
    kind = draw(st.sampled_from(["started", "renewed", "renewed", "renewed", "changed", "cancelled"]))
    told = draw(days)
    begins = max(0, told + draw(st.sampled_from([0, 0, 0, -3, 10])))
    data: dict[str, Any] = {"subscription_id": f"s{number}"}
    if kind == "cancelled":
        return "billing.subscription.cancelled", data | {"effective_date": date_of(begins)}, told
    data |= {"mrr": draw(prices), "currency": draw(currencies)}
    if kind in ("started", "changed"):
        data["plan"] = draw(plans)
    if kind in ("started", "renewed"):
        data |= {"period_start": date_of(begins), "period_end": date_of(begins + draw(lengths))}
    if kind == "started":
        payer = draw(st.sampled_from([{"user_id": "u1"}, {"user_id": "u2"}, {"account_id": "a1", "user_id": "u1"}, {}]))
        data |= payer | draw(st.sampled_from([{}, {}, {"is_trial": True}, {"is_trial": False}]))
    return f"billing.subscription.{kind}", data, told


@st.composite
def payment_event(draw: st.DrawFn) -> tuple[str, dict[str, Any], int]:
    """One event of a payment."""
    kind = draw(st.sampled_from(["received", "received", "received", "failed", "refunded"]))
    data: dict[str, Any] = {
        "payment_id": f"p{draw(st.integers(1, 5))}",
        "amount": draw(st.sampled_from([0.0, 5.0, 20.0])),
        "currency": draw(currencies),
    }
    if kind == "received":
        data |= draw(
            st.sampled_from([{"user_id": "u1"}, {"user_id": "u2"}, {"account_id": "a1"}, {"subscription_id": "s1"}, {}])
        )
    return f"billing.payment.{kind}", data, draw(days)


@st.composite
def other_event(draw: st.DrawFn) -> tuple[str, dict[str, Any], int]:
    """A rate or a login."""
    if draw(st.integers(0, 2)) == 0:
        return "app.login", {"user_id": f"u{draw(st.integers(1, 3))}"}, draw(days)
    day = draw(days)
    data = {"date": date_of(day), "currency": "EUR", "rate": draw(st.sampled_from([0.5, 1.25, 2.0]))}
    return "finance.fx_rate.published", data, day


@st.composite
def revenue_log(draw: st.DrawFn, max_events: int = 14) -> list[Event]:
    """A log in the order of arrival, which says nothing."""
    bare = draw(st.lists(st.one_of(subscription_event(1), subscription_event(2)), min_size=1, max_size=max_events))
    bare += draw(st.lists(payment_event(), max_size=8)) + draw(st.lists(other_event(), max_size=6))
    log: list[Event] = []
    for number, (kind, data, day) in enumerate(draw(st.permutations(bare))):
        at = START + timedelta(days=day, hours=draw(st.sampled_from([0, 9, 9, 23])))
        log.append(
            {
                "id": f"e{number // 2:03}",
                "source": ["billing", "erp"][number % 2],
                "type": kind,
                "time": at.isoformat().replace("+00:00", "Z"),
                "data": data,
            }
        )
    return log
