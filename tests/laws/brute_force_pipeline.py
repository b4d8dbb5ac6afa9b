"""The marts about the pipeline over time, by plain loops over deals and days.

Written from the definitions and not from models/: the second opinion that the SQL is held to. What a deal was on a day,
and what it is now, is told by :mod:`tests.laws.brute_force`; funnels and conversions are in
:mod:`tests.laws.brute_force_conversion`.
"""

from collections import defaultdict
from collections.abc import Iterator
from datetime import date, timedelta
from typing import Any

from tests.laws.brute_force import DAY, World, deal_days, fact_deal, to_base
from tests.laws.compiled import Row

DIMENSIONS = {
    "total": None,
    "owner": "owner_id",
    "industry": "industry",
    "client_type": "client_type",
    "budget_band": "budget_band",
    "source": "deal_source",
}
FLOWS = ["opening", "new", "moved_in", "reopened", "moved_out", "won", "lost", "cancelled", "closing"]


def value_of(dimension: str, row: Row) -> str:
    column = DIMENSIONS[dimension]
    return "(all)" if column is None else row[column] or "(not set)"


def month_of(day: date) -> date:
    return day.replace(day=1)


def next_month(month: date) -> date:
    return month_of(month + timedelta(days=31))


def start_of(kind: str, day: date) -> date:
    if kind == "week":
        return day - timedelta(days=day.weekday())
    if kind == "month":
        return month_of(day)
    return day.replace(month=(day.month - 1) // 3 * 3 + 1, day=1)


class History:
    """Each deal's state at the end of each day, None before it was heard of."""

    def __init__(self, seen: World) -> None:
        self.seen = seen
        self.last = seen.as_of.date()
        self.deals = {(row["tenant_id"], row["deal_id"]): row for row in fact_deal(seen)}
        self.days: dict[tuple[str, str], list[Row]] = defaultdict(list)
        for row in deal_days(seen):
            self.days[row["tenant_id"], row["deal_id"]].append(row)

    def state(self, key: tuple[str, str], day: date) -> Row | None:
        held = [row for row in self.days[key] if row["valid_from_date"] <= day]
        return held[-1] if held else None

    def worth(self, state: Row, day: date) -> float | None:
        return to_base(self.seen, state["amount"], state["currency"], day)

    def dates(self, key: tuple[str, str]) -> Iterator[date]:
        day = self.days[key][0]["valid_from_date"]
        while day <= self.last:
            yield day
            day += DAY


def changes_of_day(history: History, key: tuple[str, str], day: date) -> Iterator[tuple[str, str | None, float]]:
    """What happens to a deal on a day: the flow, the owner that it counts for, and the amount."""
    before, after = history.state(key, day - DAY), history.state(key, day)
    assert after is not None
    now = history.worth(after, day) or 0.0
    if before is not None and before["status"] == "open":
        owner, then = before["owner_id"], history.worth(before, day) or 0.0
        yield "fx", owner, then - (history.worth(before, day - DAY) or 0.0)
        if owner != after["owner_id"]:
            yield "moved_out", owner, then
            yield "moved_in", after["owner_id"], then
        if now > then:
            yield "increased", after["owner_id"], now - then
        if now < then:
            yield "decreased", after["owner_id"], then - now
        if after["status"] != "open":
            yield after["status"], after["owner_id"], now
    elif before is None or before["status"] != after["status"]:
        yield "new" if before is None else "reopened", after["owner_id"], now
        if after["status"] != "open":
            yield after["status"], after["owner_id"], now


def pipeline_flow(seen: World) -> list[Row]:
    history = History(seen)
    rows: dict[tuple[Any, ...], Row] = {}

    def add(key: tuple[str, str], kind: str, start: date, flow: str, owner: str | None, amount: float | None) -> None:
        deal = history.deals[key] | {"owner_id": owner}
        for dimension in DIMENSIONS:
            if flow in ("moved_in", "moved_out") and dimension != "owner":
                continue
            end = min(history.last, start + {"week": 6, "month": 31, "quarter": 93}[kind] * DAY)
            while start_of(kind, end) != start:
                end -= DAY
            grain = {
                "tenant_id": key[0],
                "pipeline": deal["pipeline"],
                "period_kind": kind,
                "period_start_date": start,
                "period_last_date": end,
                "dimension": dimension,
                "dimension_value": value_of(dimension, deal),
            }
            nothing = {f"{name}_count": 0 for name in FLOWS} | {f"{name}_base": 0.0 for name in FLOWS}
            nothing |= {"increased_base": 0.0, "decreased_base": 0.0, "fx_base": 0.0, "unvalued_count": 0}
            row = rows.setdefault(tuple(grain.values()), grain | nothing)
            row[f"{flow}_base"] += amount or 0.0
            if flow in FLOWS:
                row[f"{flow}_count"] += 1
            if flow == "closing" and amount is None:
                row["unvalued_count"] += 1

    for key in history.days:
        for day in history.dates(key):
            for kind in ("week", "month", "quarter"):
                start = start_of(kind, day)
                before, after = history.state(key, day - DAY), history.state(key, day)
                if day == start and before is not None and before["status"] == "open":
                    add(key, kind, start, "opening", before["owner_id"], history.worth(before, day - DAY))
                for flow, owner, amount in changes_of_day(history, key, day):
                    add(key, kind, start, flow, owner, amount)
                is_last = day == history.last or start_of(kind, day + DAY) != start
                if is_last and after is not None and after["status"] == "open":
                    add(key, kind, start, "closing", after["owner_id"], history.worth(after, day))
    return list(rows.values())


def slippage(seen: World) -> list[Row]:
    history = History(seen)
    found: dict[tuple[Any, ...], dict[str, Any]] = {}

    def cell(key: tuple[str, str], month: date, owner: str | None, dimension: str) -> dict[str, Any]:
        deal = history.deals[key] | {"owner_id": owner}
        grain = (key[0], deal["pipeline"], month, dimension, value_of(dimension, deal))
        return found.setdefault(grain, {"due": [], "slipped": [], "pushed": []})

    for key, days in history.days.items():
        for before, after in zip([None, *days], days, strict=False):
            if before is None or before["status"] != "open" or after["status"] != "open":
                continue
            old, new = before["expected_close_date"], after["expected_close_date"]
            if old and new and month_of(new) > month_of(old):
                for dimension in DIMENSIONS:
                    cell(key, month_of(after["valid_from_date"]), after["owner_id"], dimension)["pushed"].append(key)
        months = {month_of(row["expected_close_date"]) for row in days if row["expected_close_date"]}
        for month in months:
            at_start = history.state(key, month - DAY)
            if month > history.last or at_start is None or at_start["status"] != "open":
                continue
            if at_start["expected_close_date"] is None or month_of(at_start["expected_close_date"]) != month:
                continue
            closed = [row for row in days if month_of(row["valid_from_date"]) == month and row["status"] != "open"]
            for dimension in DIMENSIONS:
                one = cell(key, month, at_start["owner_id"], dimension)
                one["due"].append(history.worth(at_start, month - DAY))
                if not closed:
                    one["slipped"].append(history.worth(at_start, month - DAY))
    rows = []
    for (tenant, pipeline, month, dimension, value), lists in found.items():
        is_over = next_month(month) <= history.last
        due, slipped = (sum(amount or 0.0 for amount in lists[name]) for name in ("due", "slipped"))
        rows.append(
            {
                "tenant_id": tenant,
                "pipeline": pipeline,
                "period_month": month,
                "dimension": dimension,
                "dimension_value": value,
                "is_month_complete": is_over,
                "due_count": len(lists["due"]),
                "due_base": due,
                "slipped_count": len(lists["slipped"]) if is_over else None,
                "slipped_base": slipped if is_over else None,
                "slippage_rate": len(lists["slipped"]) / len(lists["due"]) if is_over and lists["due"] else None,
                "slippage_base_rate": slipped / due if is_over and due else None,
                "pushed_count": len(set(lists["pushed"])),
                "push_count": len(lists["pushed"]),
            }
        )
    return rows


def snapshot(history: History, day: date) -> Iterator[tuple[tuple[str, str], date, Row, float | None]]:
    """Open and won deals as they stood on a day: with the month that they count for, and their amount."""
    for key, days in history.days.items():
        state = history.state(key, day)
        if state is None or state["status"] not in ("open", "won"):
            continue
        if state["status"] == "won":
            since = state["valid_from_date"]
            for row in reversed([row for row in days if row["valid_from_date"] <= day]):
                if row["status"] != "won":
                    break
                since = row["valid_from_date"]
            yield key, month_of(since), state, history.worth(state, since)
        elif state["expected_close_date"]:
            yield key, month_of(state["expected_close_date"]), state, history.worth(state, day)


def forecast(seen: World, targets: dict[tuple[str, str, str, str, date], float]) -> list[Row]:
    """Targets are by tenant, pipeline, dimension, its value and month."""
    history = History(seen)
    cells: dict[tuple[Any, ...], dict[str, Any]] = {}
    actual: dict[tuple[Any, ...], float] = defaultdict(float)
    first: dict[tuple[str, str], date] = {}
    for key, days in history.days.items():
        of = (key[0], history.deals[key]["pipeline"])
        first[of] = min(first.get(of, days[0]["valid_from_date"]), days[0]["valid_from_date"])
    snapshots = []
    day = min(first.values(), default=history.last)
    while day <= history.last:
        if day.day == 1 or day.weekday() == 0 or day == history.last:
            snapshots.append(day)
        day += DAY
    for day in snapshots:
        for key, month, state, amount in snapshot(history, day):
            for dimension in ("total", "owner"):
                value = value_of(dimension, state)
                one = cells.setdefault((key[0], state["pipeline"], dimension, value, month, day), defaultdict(float))
                base = amount or 0.0
                if state["status"] == "won":
                    one["won_to_date_count"] += 1
                    one["won_to_date_base"] += base
                else:
                    category = state["forecast_category"]
                    one["open_count"] += 1
                    one["commit_base"] += base if category == "commit" else 0.0
                    one["best_case_base"] += base if category in ("commit", "best_case") else 0.0
                    one["pipeline_base"] += base
                    one["weighted_base"] += base * (state["probability"] or 0.0)
    for deal in history.deals.values():
        if deal["status"] == "won":
            for dimension in ("total", "owner"):
                of_month = (deal["tenant_id"], deal["pipeline"], dimension, value_of(dimension, deal))
                actual[(*of_month, month_of(deal["closed_at"].date()))] += deal["amount_base"] or 0.0
    rows = []
    for group in {cell[:5] for cell in cells} | set(actual) | set(targets):
        month = group[4]
        opens = month
        for _ in range(3):
            opens = month_of(opens - DAY)
        for day in snapshots:
            if group[:2] in first and first[group[:2]] <= day and opens <= day < next_month(month):
                one = cells.get((*group, day), {})
                rows.append(forecast_row(group, day, one, actual.get(group, 0.0), targets.get(group), history.last))
    return rows


def forecast_row(
    group: tuple[Any, ...], day: date, one: dict[str, Any], actual: float, target: float | None, last: date
) -> Row:
    is_over = next_month(group[4]) <= last
    row: Row = dict(
        zip(["tenant_id", "pipeline", "dimension", "dimension_value", "period_month"], group, strict=True)
    ) | {"snapshot_date": day, "is_month_complete": is_over}
    for name in ("won_to_date", "commit", "best_case", "pipeline", "weighted"):
        row[f"{name}_base"] = one.get(f"{name}_base", 0.0)
    row |= {name: int(one.get(name, 0)) for name in ("won_to_date_count", "open_count")}
    row["actual_won_base"] = actual if is_over else None
    for name in ("commit", "best_case", "pipeline", "weighted"):
        error = row["won_to_date_base"] + row[f"{name}_base"] - actual
        known = is_over and actual != 0
        row[f"{name}_accuracy"] = 1 - abs(error) / actual if known else None
        row[f"{name}_bias"] = error / actual if known else None
    won = row["won_to_date_base"]
    row["target_base"] = target
    row["is_target_met"] = None if target is None else won >= target
    row["target_coverage"] = row["pipeline_base"] / target if target else None
    row["gap_coverage"] = row["pipeline_base"] / (target - won) if target is not None and won < target else None
    return row
