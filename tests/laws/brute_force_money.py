"""The shop's months, and what customers bring and cost, by plain loops over the sorted events.

Written from the definitions and not from models/: the second opinion that the SQL is held to. Movements of recurring
revenue are handed over as rows; they have a brute force of their own. One tenant, USD, the shipped seeds.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable
from datetime import date, datetime, timedelta
from typing import Any

from tests.laws.compiled import Event, Row, utc

CHANNELS = {"google": "google", "blog": "content", "fair": "fair"}
MARGIN = 0.8
LONGEST_LIFE = 60


def month(at: date | datetime) -> date:
    return date(at.year, at.month, 1)


def next_month(first: date) -> date:
    return month(first + timedelta(days=31))


def months_since(earlier: date, later: date) -> int:
    return (later.year - earlier.year) * 12 + later.month - earlier.month


def in_order(log: Iterable[Event], *kinds: str) -> list[Event]:
    """Events of these types by time, id and source; of an instant, the creation of an order comes first."""
    wanted = [event for event in log if event["type"] in kinds]
    return sorted(wanted, key=lambda e: (utc(e["time"]), e["type"] != "shop.order.created", e["id"], e["source"]))


class Money:
    """Rates, and what follows from them."""

    def __init__(self, log: list[Event]) -> None:
        self.rates: dict[tuple[str, date], float] = {}
        for event in in_order(log, "finance.fx_rate.published"):
            data = event["data"]
            self.rates[data["currency"], date.fromisoformat(data["date"])] = data["rate"]
        self.first_day = min(utc(event["time"]) for event in log).date() - timedelta(days=7)

    def base(self, amount: float | None, currency: str | None, day: date) -> float | None:
        if amount is None or currency is None:
            return None
        if currency == "USD":
            return amount
        if day < self.first_day:
            return None
        known = [since for name, since in self.rates if name == currency and since <= day]
        return amount * self.rates[currency, max(known)] if known else None


def total(values: Iterable[float | None]) -> float | None:
    """0 of nothing, and None where nothing of what there is is known."""
    listed = list(values)
    known = [value for value in listed if value is not None]
    return sum(known) if known or not listed else None


def ratio(above: float | None, below: float | None) -> float | None:
    return None if above is None or not below else above / below


def less(*values: float | None) -> float | None:
    """The first minus the others; None where one is unknown."""
    return None if None in values else values[0] - sum(values[1:])  # type: ignore[operator, arg-type]


def percentile(values: list[float], share: float) -> float | None:
    if not values:
        return None
    ordered = sorted(values)
    place = share * (len(ordered) - 1)
    low = int(place)
    high = min(low + 1, len(ordered) - 1)
    return ordered[low] + (ordered[high] - ordered[low]) * (place - low)


def orders(log: list[Event], money: Money) -> list[Row]:
    found: dict[str, Row] = {}
    for event in in_order(log, "shop.order.created", "shop.order.status_changed"):
        data, at = event["data"], utc(event["time"])
        row = found.setdefault(
            data["order_id"],
            {
                "order_id": data["order_id"],
                "status": "new",
                "since": None,
                "created": None,
                "first": at,
                "firsts": {},
            },
        )
        row |= {name: data[name] for name in ("amount", "cost", "currency", "contact_id") if data.get(name) is not None}
        if event["type"] == "shop.order.created":
            row["created"] = row["created"] or at
        else:
            if data["status"] != row["status"] or row["since"] is None:
                row["since"] = at
            row["status"] = data["status"]
            row["firsts"].setdefault(data["status"], at)
    for row in found.values():
        created = row["created"] or row["first"]
        row |= {"created": created}
        row["base"] = money.base(row.get("amount"), row.get("currency"), created.date())
        row["cost_base"] = money.base(row.get("cost"), row.get("currency"), created.date())
        bought = [row["firsts"][name] for name in ("paid", "issued") if name in row["firsts"]]
        row["sold"] = min(bought) if bought and row["status"] != "cancelled" else None
        row["issued"] = row["firsts"].get("issued")
    return list(found.values())


def payments(log: list[Event], money: Money) -> list[Row]:
    found: dict[str, Row] = {}
    kinds = [f"billing.payment.{name}" for name in ("received", "failed", "refunded")]
    for event in in_order(log, *kinds):
        data, at = event["data"], utc(event["time"])
        row = found.setdefault(data["payment_id"], {"refunds": [], "received": [], "last": None})
        row |= {name: data[name] for name in ("user_id", "account_id", "order_id", "deal_id") if data.get(name)}
        if event["type"] == kinds[2]:
            row["refunds"].append((at, money.base(data["amount"], data["currency"], at.date())))
        else:
            row["last"] = event["type"]
        if event["type"] == kinds[0]:
            row["received"].append((at, data["amount"], data["currency"]))
    buyers = {row["order_id"]: row.get("contact_id") for row in orders(log, money)}
    for row in found.values():
        buyer = buyers.get(row.get("order_id", ""))
        is_paid = row["last"] == kinds[0]
        row["paid"] = row["received"][0][0] if is_paid else None
        row["base"] = money.base(*row["received"][-1][1:], row["paid"].date()) if is_paid else None
        row["refunded"] = max(at for at, _ in row["refunds"]) if row["refunds"] else None
        parts = [part for _, part in row["refunds"]]
        row["back"] = None if None in parts else sum(parts)
        row["customer"] = (
            f"account:{row['account_id']}"
            if "account_id" in row
            else f"user:{row['user_id']}"
            if "user_id" in row
            else f"person:contact:{buyer}"
            if buyer
            else None
        )
    return list(found.values())


def expenses(log: list[Event], money: Money) -> list[Row]:
    last = {event["data"]["expense_id"]: event["data"] for event in in_order(log, "finance.expense.recorded")}
    return [
        {
            "day": (day := date.fromisoformat(x["date"])),
            "category": x["category"],
            "base": money.base(x["amount"], x["currency"], day),
        }
        for x in last.values()
    ]


def shop_month(log: list[Event]) -> list[Row]:
    money = Money(log)
    sales, cash, spent = orders(log, money), payments(log, money), expenses(log, money)
    if not sales:
        return []
    cash = [row for row in cash if "deal_id" not in row]
    as_of = max(utc(event["time"]) for event in log)
    # What happened, in which month, for how much.
    moves: list[tuple[str, date, float | None]] = []
    for row in sales:
        moves.append(("ordered", month(row["created"]), row["base"]))
        if row["sold"]:
            moves.append(("sold", month(row["sold"]), row["base"]))
            if row.get("cost") is not None:
                moves.append(("cost", month(row["sold"]), row["cost_base"]))
        if row["issued"]:
            moves.append(("issued", month(row["issued"]), None))
        if row["status"] in ("cancelled", "refunded"):
            moves.append((row["status"], month(row["since"]), row["base"]))
    moves += [("expense", month(row["day"]), row["base"]) for row in spent]
    moves += [("in", month(row["paid"]), row["base"]) for row in cash if row["paid"]]
    moves += [("out", month(row["refunded"]), row["back"]) for row in cash if row["refunded"]]
    wanted = {at for _, at, _ in moves}
    current = min(wanted)
    while current <= month(as_of):
        wanted.add(current)
        current = next_month(current)
    first_sale: dict[str, datetime] = {}
    for row in sales:
        if row["sold"] and row.get("contact_id"):
            first_sale[row["contact_id"]] = min(first_sale.get(row["contact_id"], row["sold"]), row["sold"])
    rows = []
    for at in sorted(wanted):
        here = {kind: [base for name, when, base in moves if (name, when) == (kind, at)] for kind, *_ in moves}
        of: Callable[[str], list[float | None]] = lambda kind, here=here: here.get(kind, [])  # noqa: E731
        buyers = {
            row["contact_id"] for row in sales if row["sold"] and month(row["sold"]) == at and row.get("contact_id")
        }
        new = {who for who in buyers if month(first_sale[who]) == at}
        times = [
            max((row["issued"] - row["created"]).total_seconds() / 3600, 0.0)
            for row in sales
            if row["issued"] and month(row["issued"]) == at
        ]
        revenue, cost, expense = total(of("sold")), total(of("cost")), total(of("expense"))
        margin = less(revenue, cost)
        rows.append(
            {
                "tenant_id": "default",
                "calendar_month": at,
                "order_count": len(of("ordered")),
                "sold_count": len(of("sold")),
                "issued_count": len(of("issued")),
                "cancelled_count": len(of("cancelled")),
                "refunded_count": len(of("refunded")),
                "customer_count": len(buyers),
                "new_customer_count": len(new),
                "returning_customer_count": len(buyers - new),
                "revenue_base": revenue,
                "cost_base": cost,
                "margin_base": margin,
                "margin_rate": ratio(margin, revenue),
                "average_order_base": ratio(revenue, sum(base is not None for base in of("sold"))),
                "refund_base": total(of("refunded")),
                "expense_base": expense,
                "expenses_to_revenue": ratio(expense, revenue),
                "profit_base": less(margin, total(of("refunded")), expense),
                "cash_in_base": total(of("in")),
                "cash_out_base": total(of("out")),
                "median_hours_to_issue": percentile(times, 0.5),
                "p90_hours_to_issue": percentile(times, 0.9),
                "uncosted_count": len(of("sold")) - len(of("cost")),
                "unconverted_count": sum(
                    base is None for kind in ("sold", "cost", "refunded", "expense", "in", "out") for base in of(kind)
                ),
                "is_complete": next_month(at) <= month(as_of),
            }
        )
    return rows


def channels_of_users(log: list[Event]) -> dict[str, str]:
    """Where each user's first session came from; ties by source and id."""
    first: dict[str, tuple[Any, ...]] = {}
    for event in log:
        if event["type"] == "web.session.started":
            key = (utc(event["time"]), f"{event['source']}:{event['id']}", CHANNELS[event["data"]["utm_source"]])
            user = f"user:{event['data']['user_id']}"
            first[user] = min(first.get(user, key), key)
    return {user: key[2] for user, key in first.items()}


def ltv_cac(log: list[Event], movements: list[Row]) -> list[Row]:
    money = Money(log)
    as_of = max(utc(event["time"]) for event in log)
    paid, channel = payments(log, money), channels_of_users(log)
    costs: list[tuple[date, str, float | None]] = []
    reports = {}
    for event in in_order(log, "ads.spend.reported"):
        reports[event["data"]["date"], event["data"]["channel"]] = event["data"]
    for (day, source), data in reports.items():
        at = date.fromisoformat(day)
        costs.append((at, CHANNELS[source.lower()], money.base(data["amount"], data["currency"], at)))
    costs += [(row["day"], "(shared)", row["base"]) for row in expenses(log, money) if row["category"] == "marketing"]
    costs = [cost for cost in costs if month(cost[0]) <= as_of.date()]
    joined: dict[str, datetime] = {}
    for row in paid:
        if row["customer"] and row["paid"]:
            joined[row["customer"]] = min(joined.get(row["customer"], row["paid"]), row["paid"])
    cohorts: dict[tuple[date, str], set[str]] = defaultdict(set)
    seen: set[tuple[date, str]] = set()
    for customer, at in joined.items():
        cohorts[month(at), channel.get(customer, "(unknown)")].add(customer)
        cohorts[month(at), "(all)"].add(customer)
    seen |= cohorts.keys() | {(month(day), name) for day, name, _ in costs}
    seen |= {(row["mrr_month"], channel.get(row["customer_id"], "(unknown)")) for row in movements}
    seen |= {(at, "(all)") for at, _ in seen}
    rows = []
    for at, name in seen:
        mine = [base for day, owner, base in costs if month(day) == at and name in (owner, "(all)")]
        cost = sum(base for base in mine if base is not None)
        moved = [
            row
            for row in movements
            if row["mrr_month"] == at and name in (channel.get(row["customer_id"], "(unknown)"), "(all)")
        ]
        start = sum(row["start_base"] or 0 for row in moved)
        lost = sum(-row["amount_base"] for row in moved if row["movement"] in ("contraction", "churn"))
        new = sum(row["amount_base"] for row in moved if row["movement"] == "new")
        end = sum(row["end_base"] or 0 for row in moved)
        payers = sum((row["end_base"] or 0) > 0 for row in moved)
        arpa, churn = ratio(end, payers), ratio(lost, start)
        life = None if churn is None else LONGEST_LIFE if churn * LONGEST_LIFE <= 1 else 1 / churn
        value = None if arpa is None or life is None else arpa * MARGIN * life
        members = cohorts.get((at, name), set())
        cac = ratio(cost, len(members))
        # Month by month, of those that have ended, what the cohort has brought.
        ages = max(months_since(at, month(as_of)), 0)
        brought, payback, has_paid = 0.0, None, False
        for age in range(ages):
            for row in paid:
                if row["customer"] in members:
                    if row["paid"] and months_since(at, month(row["paid"])) == age:
                        brought, has_paid = brought + (row["base"] or 0) * MARGIN, True
                    # What was given back before anything came counts in the first month.
                    if row["refunded"] and max(months_since(at, month(row["refunded"])), 0) == age:
                        brought, has_paid = brought - (row["back"] or 0) * MARGIN, True
            if members and payback is None and brought >= cost:
                payback = age + 1
        rows.append(
            {
                "tenant_id": "default",
                "calendar_month": at,
                "channel": name,
                "new_customers": len(members),
                "cost_base": cost,
                "cac": cac,
                "end_mrr_base": end,
                "end_customer_count": payers,
                "arpa": arpa,
                "gross_margin_rate": MARGIN,
                "revenue_churn_rate": churn,
                "life_months": life,
                "is_life_capped": churn is not None and churn * LONGEST_LIFE < 1,
                "ltv": value,
                "ltv_cac_ratio": ratio(value, cac),
                "new_mrr_base": new,
                "payback_months": ratio(cost, new * MARGIN),
                "cohort_age_months": ages if has_paid else None,
                "ltv_cohort": brought / len(members) if has_paid else None,
                "cohort_payback_months": payback if has_paid else None,
                "unconverted_count": sum(base is None for base in mine),
                "is_complete": next_month(at) <= month(as_of),
            }
        )
    return rows
