"""Recurring revenue, cohorts and life cycles by plain loops over the events, written from the definitions.

The second opinion on `mrr_movement`, `mrr_month`, `cohort_retention`, `cohort_revenue` and `lifecycle`. Slow and
obvious on purpose; it knows one tenant. Who belongs to whom beyond the ids of an event is not its matter: a user is a
person here.
"""

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from tests.laws.compiled import Event, Row, utc

DAY = timedelta(days=1)
PERIODS = ("billing.subscription.started", "billing.subscription.renewed")
MARGIN = 0.8
"""gross_margin_rate of seeds/assumption.csv."""


def next_month(month: date) -> date:
    return (month.replace(day=28) + 4 * DAY).replace(day=1)


def months_later(month: date, count: int) -> date:
    for _ in range(count):
        month = next_month(month)
    return month


def month_of(day: date) -> date:
    return day.replace(day=1)


@dataclass(frozen=True)
class Stock:
    """What a subscription is worth on a day."""

    mrr: float
    currency: str
    plan: str | None


class Ledger:
    """All that the log says, up to its last event."""

    def __init__(self, log: list[Event]) -> None:
        self.events = sorted(log, key=lambda event: (utc(event["time"]), event["id"], event["source"]))
        self.as_of = utc(self.events[-1]["time"])
        self.today = self.as_of.date()
        # rates are known from a week before the first event on
        self.first_day = utc(self.events[0]["time"]).date() - 7 * DAY
        self.subscriptions: dict[str, list[Event]] = defaultdict(list)
        self.payments: dict[str, list[Event]] = defaultdict(list)
        for event in self.events:
            if event["type"].startswith("billing.subscription."):
                self.subscriptions[event["data"]["subscription_id"]].append(event)
            elif event["type"].startswith("billing.payment."):
                self.payments[event["data"]["payment_id"]].append(event)
        for history in self.subscriptions.values():
            # of the same instant the start comes first
            history.sort(
                key=lambda event: (utc(event["time"]), event["type"] != PERIODS[0], event["id"], event["source"])
            )

    def rate(self, currency: str, day: date) -> float | None:
        if currency == "USD":
            return 1.0
        known: dict[str, float] = {}
        for event in self.events:
            data = event["data"]
            if (
                event["type"] == "finance.fx_rate.published"
                and data["currency"] == currency
                and data["date"] <= day.isoformat()
            ):
                known[data["date"]] = data["rate"]
        return known[max(known)] if known and day >= self.first_day else None

    def customer(self, subscription_id: str) -> str | None:
        """Who pays for a subscription: the account that was stated last, else the user."""
        if subscription_id not in self.subscriptions:
            return None
        for kind in ("account", "user"):
            stated = [event["data"].get(f"{kind}_id") for event in self.subscriptions[subscription_id]]
            stated = [value for value in stated if value]
            if stated:
                return f"{kind}:{stated[-1]}"
        return f"subscription:{subscription_id}"

    def stock(self, subscription_id: str, day: date) -> Stock | None:
        """What is paid for on a day; None where nothing is."""
        history = self.subscriptions[subscription_id]
        holding: list[int] = []
        for number, event in enumerate(history):
            data = event["data"]
            if event["type"] == "billing.subscription.cancelled":
                continue
            begins = date.fromisoformat(data["period_start"]) if event["type"] in PERIODS else utc(event["time"]).date()
            is_void = event["type"] in PERIODS and any(
                later["type"] == "billing.subscription.cancelled"
                and later["data"]["effective_date"] <= data["period_start"]
                for later in history[number + 1 :]
            )
            if begins <= day and not is_void:
                holding.append(number)
        periods = [number for number in holding if history[number]["type"] in PERIODS]
        is_paid = any(history[number]["data"]["period_end"] > day.isoformat() for number in periods)
        if not is_paid or history[max(periods)]["data"].get("is_trial"):
            return None
        word = history[max(holding)]["data"]
        named = [event["data"]["plan"] for event in history[: max(holding) + 1] if event["data"].get("plan")]
        return Stock(word["mrr"], word["currency"], named[-1] if named else None) if word["mrr"] > 0 else None

    def months(self, first: date) -> Iterator[tuple[date, date, bool]]:
        """Months until today: the month, the day that it is valued on, whether it is over."""
        month = month_of(first)
        while month <= self.today:
            is_complete = datetime.combine(next_month(month), datetime.min.time()) <= self.as_of
            yield month, min(next_month(month) - DAY, self.today), is_complete
            month = next_month(month)

    def value(self, stocks: list[Stock], day: date, fallback: date | None = None) -> float | None:
        """Sum in US dollars at the rates of a day (where there is none, of another); None if one is missing."""
        total = 0.0
        for one in stocks:
            rate = self.rate(one.currency, day)
            if rate is None and fallback:
                rate = self.rate(one.currency, fallback)
            if rate is None:
                return None
            total += one.mrr * rate
        return total

    def main_plan(self, held: dict[str, Stock], day: date) -> str:
        largest = min(held, key=lambda key: (-(held[key].mrr * (self.rate(held[key].currency, day) or 0.0)), key))
        return held[largest].plan or "(not set)"


def holdings(ledger: Ledger) -> dict[str, dict[date, dict[str, Stock]]]:
    """By customer and month what each subscription is worth at its end."""
    held: dict[str, dict[date, dict[str, Stock]]] = defaultdict(lambda: defaultdict(dict))
    starts = [date.fromisoformat(event["data"]["period_start"]) for event in ledger.events if event["type"] in PERIODS]
    if not starts:
        return {}
    for month, day, _ in ledger.months(min(starts)):
        for subscription_id in ledger.subscriptions:
            stock = ledger.stock(subscription_id, day)
            if stock:
                held[str(ledger.customer(subscription_id))][month][subscription_id] = stock
    return held


def mrr_movement(ledger: Ledger) -> list[Row]:
    rows = []
    for customer, by_month in holdings(ledger).items():
        ever = False
        day_before = None
        before: dict[str, Stock] = {}
        for month, day, is_complete in ledger.months(min(by_month)):
            now = by_month.get(month, {})
            if before or now:
                rows.append(
                    {"customer_id": customer, "mrr_month": month, "is_complete": is_complete}
                    | compare(ledger, before, now, day_before, day, ever)
                )
            ever = ever or bool(now)
            before, day_before = now, day
    return rows


def compare(
    ledger: Ledger, before: dict[str, Stock], now: dict[str, Stock], day_before: date | None, day: date, ever: bool
) -> Row:
    """Two ends of a month of a customer, in the order of metrics."""
    old, new = list(before.values()), list(now.values())
    start = ledger.value(old, day_before) if day_before else 0.0
    end = ledger.value(new, day)
    amount: float | None = None
    fx = 0.0
    if not before:
        movement, amount = ("reactivation" if ever else "new"), end
    elif not now:
        movement, amount = "churn", None if start is None else -start
    elif start is None or end is None:
        movement, fx = "unknown", (end or 0.0) - (start or 0.0)
    else:
        assert day_before is not None
        compared = ledger.value(new, day_before, fallback=day)
        assert compared is not None
        amount = compared - start
        if abs(amount) <= 1e-9 * start:
            amount = 0.0
        movement = "unchanged" if amount == 0 else "expansion" if amount > 0 else "contraction"
        fx = end - start - amount
    return {
        "movement": movement,
        "start_base": start,
        "amount_base": amount,
        "fx_base": fx,
        "end_base": end,
        "start_plan": ledger.main_plan(before, day_before) if before and day_before else None,
        "end_plan": ledger.main_plan(now, day) if now else None,
    }


LINES = ["start", "new", "reactivation", "expansion", "contraction", "churn", "fx", "end"]


def ratio(part: float, whole: float) -> float | None:
    return part / whole if whole else None


def mrr_month(ledger: Ledger) -> list[Row]:
    """The total of every month."""
    movements = mrr_movement(ledger)
    if not movements:
        return []
    rows = []
    ends = {(row["customer_id"], row["mrr_month"]): row["end_base"] for row in movements}
    for month, _, is_complete in ledger.months(min(row["mrr_month"] for row in movements)):
        lines = dict.fromkeys(LINES, 0.0)
        counts: dict[str, int] = defaultdict(int)
        for row in movements:
            if row["mrr_month"] != month:
                continue
            lines["start"] += row["start_base"] or 0.0
            lines["end"] += row["end_base"] or 0.0
            lines["fx"] += row["fx_base"]
            if row["movement"] in lines:
                lines[row["movement"]] += abs(row["amount_base"] or 0.0)
            counts[row["movement"]] += 1
            counts["unpriced"] += row["start_base"] is None or row["end_base"] is None
            counts["start"] += row["movement"] not in ("new", "reactivation")
            counts["end"] += row["movement"] != "churn"
        then, kept, kept_at_most = 0.0, 0.0, 0.0
        for (customer, earlier), amount in ends.items():
            later = ends.get((customer, month), 0.0)
            if months_later(earlier, 12) == month and amount and later is not None:
                then, kept, kept_at_most = then + amount, kept + later, kept_at_most + min(amount, later)
        start, lost = lines["start"], lines["churn"] + lines["contraction"]
        rows.append(
            {f"{name}_base": amount for name, amount in lines.items()}
            | {
                "mrr_month": month,
                "moved_base": 0.0,
                "arr_base": 12 * lines["end"],
                "nrr": ratio(start + lines["expansion"] - lost, start),
                "grr": ratio(start - lost, start),
                "nrr_incl_reactivation": ratio(start + lines["expansion"] + lines["reactivation"] - lost, start),
                "nrr_trailing_12m": ratio(kept, then),
                "grr_trailing_12m": ratio(kept_at_most, then),
                "quick_ratio": ratio(lines["new"] + lines["expansion"] + lines["reactivation"], lost),
                "logo_churn_rate": ratio(counts["churn"], counts["start"]),
                "revenue_churn_rate": ratio(lost, start),
                "start_customer_count": counts["start"],
                "new_customer_count": counts["new"],
                "reactivated_customer_count": counts["reactivation"],
                "churned_customer_count": counts["churn"],
                "end_customer_count": counts["end"],
                "unpriced_customer_count": counts["unpriced"],
                "is_complete": is_complete,
            }
        )
    return rows


@dataclass
class Payment:
    """A payment that came, who made it, and what went back."""

    customer: str
    month: date
    base: float | None
    refunds: list[tuple[date, float | None]]


def payments(ledger: Ledger) -> list[Payment]:
    found = []
    for history in ledger.payments.values():
        stated: dict[str, Any] = {}
        for event in history:
            stated |= {key: value for key, value in event["data"].items() if key.endswith("_id")}
        outcomes = [event for event in history if not event["type"].endswith("refunded")]
        received = [event for event in outcomes if event["type"].endswith("received")]
        if not received or outcomes[-1] is not received[-1]:
            continue
        amount, currency = received[-1]["data"]["amount"], received[-1]["data"]["currency"]
        if stated.get("account_id"):
            customer: str | None = f"account:{stated['account_id']}"
        elif stated.get("user_id"):
            customer = f"user:{stated['user_id']}"
        else:
            customer = ledger.customer(stated.get("subscription_id", ""))
        day = utc(received[0]["time"]).date()
        rate = ledger.rate(currency, day)
        refunds = []
        for event in history:
            if event["type"].endswith("refunded"):
                on = utc(event["time"]).date()
                at = ledger.rate(event["data"]["currency"], on)
                refunds.append((on, None if at is None else at * event["data"]["amount"]))
        if customer and amount > 0:
            found.append(Payment(customer, month_of(day), None if rate is None else rate * amount, refunds))
    return found


def activity(ledger: Ledger) -> dict[tuple[str, str], set[date]]:
    """Months of activity, by activity and member: customers by revenue, users by usage."""
    months: dict[tuple[str, str], set[date]] = defaultdict(set)
    for payment in payments(ledger):
        months["revenue", payment.customer].add(payment.month)
    for customer, by_month in holdings(ledger).items():
        months["revenue", customer] |= {month for month, stocks in by_month.items() if stocks}
    for event in ledger.events:
        if event["type"] == "app.login":
            months["usage", f"user:{event['data']['user_id']}"].add(month_of(utc(event["time"]).date()))
    return months


def cohorts(ledger: Ledger) -> dict[tuple[date, str], set[str]]:
    """Members by month and way of beginning: customers who paid, users who signed up."""
    first_payment: dict[str, date] = {}
    for payment in payments(ledger):
        first_payment[payment.customer] = min(payment.month, first_payment.get(payment.customer, payment.month))
    signup: dict[str, date] = {}
    for event in ledger.events:
        if event["type"] in ("app.login", PERIODS[0]) and event["data"].get("user_id"):
            signup.setdefault(f"user:{event['data']['user_id']}", month_of(utc(event["time"]).date()))
    members: dict[tuple[date, str], set[str]] = defaultdict(set)
    for kind, firsts in (("first_payment", first_payment), ("signup", signup)):
        for member, month in firsts.items():
            members[month, kind].add(member)
    return members


def cohort_retention(ledger: Ledger) -> list[Row]:
    rows = []
    active = activity(ledger)
    for (cohort_month, kind), members in cohorts(ledger).items():
        for number, (month, _, is_complete) in enumerate(ledger.months(cohort_month)):
            if not is_complete:
                continue
            for name in ("revenue", "usage"):
                now = sum(month in active.get((name, member), ()) for member in members)
                later = sum(any(one >= month for one in active.get((name, member), ())) for member in members)
                rows.append(
                    {
                        "cohort_month": cohort_month,
                        "cohort_kind": kind,
                        "activity": name,
                        "period_number": number,
                        "cohort_size": len(members),
                        "active_count": now,
                        "still_active_count": later,
                        "retention_bounded": now / len(members),
                        "retention_unbounded": later / len(members),
                    }
                )
    return rows


def cohort_revenue(ledger: Ledger) -> list[Row]:
    rows = []
    paid = payments(ledger)
    for (cohort_month, kind), members in cohorts(ledger).items():
        total = 0.0
        for number, (month, _, is_complete) in enumerate(ledger.months(cohort_month)):
            if not is_complete:
                continue
            came = [payment.base for payment in paid if payment.customer in members and payment.month == month]
            for payment in paid:
                # what goes back in parts goes back in the month of the last one
                if payment.customer in members and payment.refunds and month_of(max(payment.refunds)[0]) == month:
                    parts = [base for _, base in payment.refunds]
                    came.append(None if None in parts else -sum(part for part in parts if part is not None))
            revenue = sum(base for base in came if base is not None)
            total += revenue
            rows.append(
                {
                    "cohort_month": cohort_month,
                    "cohort_kind": kind,
                    "period_number": number,
                    "cohort_size": len(members),
                    "revenue_base": revenue,
                    "unpriced_count": came.count(None),
                    "cumulative_revenue_base": total,
                    "cumulative_margin_base": total * MARGIN,
                    "margin_per_member_base": total * MARGIN / len(members),
                }
            )
    return rows


def lifecycle(ledger: Ledger) -> list[Row]:
    rows = []
    active = activity(ledger)
    for name in ("revenue", "usage"):
        members = [months for (of, _), months in active.items() if of == name and months]
        if not members:
            continue
        for month, _, is_complete in ledger.months(min(min(months) for months in members)):
            last = month_of(month - DAY)
            there = [months for months in members if month in months]
            rows.append(
                {
                    "activity_month": month,
                    "activity": name,
                    "active_count": len(there),
                    "new_count": sum(min(months) == month for months in there),
                    "returning_count": sum(last in months for months in there),
                    "resurrected_count": sum(min(months) < month and last not in months for months in there),
                    "dormant_count": sum(last in months and month not in months for months in members),
                    "is_complete": is_complete,
                }
            )
    return rows
