"""Funnels, stage conversions and win rates of deals, by plain loops.

Written from the definitions and not from models/; the rest of the pipeline: :mod:`tests.laws.brute_force_pipeline`.
"""

from collections import defaultdict
from datetime import datetime
from statistics import median
from typing import Any

from tests.laws.brute_force import STAGES, Deal, Stage, World, days_between, fact_deal
from tests.laws.brute_force_pipeline import DIMENSIONS, month_of, next_month, pipeline_flow, value_of
from tests.laws.compiled import Row, seed_rows

WITHIN = {
    (row["pipeline"], row["stage"]): (int(row["next_within_days"] or 0), int(row["won_within_days"] or 0))
    for row in seed_rows("stage")
}
OUTCOMES = {"open": "censored", "won": "event", "lost": "competing", "cancelled": "competing"}
Spell = tuple[float, str]
"""Days that a deal was watched in a step, and what ended that: event, competing or censored."""


def steps_of(pipeline: str) -> list[tuple[str, Stage]]:
    known = [(name, stage) for (of, name), stage in STAGES.items() if of == pipeline and not stage.is_lost]
    return sorted(known, key=lambda one: one[1].order)


def spell(deal: Deal, entered: datetime, reached: datetime | None, as_of: datetime) -> Spell:
    if reached is not None:
        return days_between(entered, reached), "event"
    if deal.closed_at is not None:
        return max(0.0, days_between(entered, deal.closed_at)), "competing"
    return days_between(entered, as_of), "censored"


def estimate(spells: list[Spell], within: float) -> float | None:
    """Aalen–Johansen, as the books have it; None beyond the last observation."""
    undecided, incidence = 1.0, 0.0
    for duration in sorted({one[0] for one in spells}):
        at_risk = [one for one in spells if one[0] >= duration]
        here = [one[1] for one in spells if one[0] == duration]
        if duration <= within:
            incidence += undecided * here.count("event") / len(at_risk)
            undecided *= 1 - (len(here) - here.count("censored")) / len(at_risk)
            if len(here) - here.count("censored") == len(at_risk):
                return incidence
    return incidence if max(one[0] for one in spells) >= within else None


def rates(spells: list[Spell], ages: list[float], within: float) -> dict[str, Any]:
    got = [one[1] == "event" and one[0] <= within for one in spells]
    matured = [is_got for is_got, age in zip(got, ages, strict=True) if age >= within]
    plain = sum(matured) / len(matured) if matured else None
    return {
        "converted": sum(got),
        "matured_count": len(matured),
        "matured_conversion_rate": plain,
        "estimated_conversion_rate": plain if len(matured) == len(spells) else estimate(spells, within),
    }


def stage_conversion(seen: World) -> list[Row]:
    facts = {(row["tenant_id"], row["deal_id"]): row for row in fact_deal(seen)}
    members: dict[tuple[Any, ...], list[tuple[Spell, float]]] = defaultdict(list)
    entries: dict[tuple[Any, ...], int] = defaultdict(int)
    for deal in seen.deals:
        fact = facts[deal.tenant_id, deal.deal_id]
        steps = steps_of(deal.pipeline)
        names = [name for name, _ in steps]
        for dimension in DIMENSIONS:
            of = (deal.tenant_id, deal.pipeline, dimension, value_of(dimension, fact))
            for visit in deal.visits:
                if visit.stage in names:
                    entries[(*of, visit.stage, month_of(visit.entered_at.date()))] += 1
            for name, stage in steps:
                numbers = [number for number, visit in enumerate(deal.visits) if visit.stage == name]
                if not numbers or stage.is_won:
                    continue
                entered = deal.visits[numbers[0]].entered_at
                for later, later_stage in steps:
                    if later_stage.order <= stage.order:
                        continue
                    after = [visit.entered_at for visit in deal.visits[numbers[0] + 1 :] if visit.stage == later]
                    if later_stage.is_won and deal.status == "won" and deal.closed_at and not after:
                        after = [max(deal.closed_at, entered)]
                    one = spell(deal, entered, min(after) if after else None, seen.as_of)
                    members[(*of, name, later, month_of(entered.date()))].append(
                        (one, days_between(entered, seen.as_of))
                    )
    rows = []
    for (tenant, pipeline, dimension, value, name, later, month), listed in members.items():
        spells, ages = [one for one, _ in listed], [age for _, age in listed]
        order, later_order = STAGES[pipeline, name].order, STAGES[pipeline, later].order
        within = WITHIN[pipeline, name][0 if later_order == order + 1 else 1]
        got = [days * 24 for days, outcome in spells if outcome == "event"]
        of = (tenant, pipeline, dimension, value)
        found = rates(spells, ages, within)
        rows.append(
            {
                "tenant_id": tenant,
                "pipeline": pipeline,
                "from_stage": name,
                "from_stage_order": order,
                "to_stage": later,
                "to_stage_order": later_order,
                "cohort_month": month,
                "dimension": dimension,
                "dimension_value": value,
                "window_days": within,
                "entered": len(spells),
                **found,
                "is_mature": found["matured_count"] == len(spells) and next_month(month) <= seen.as_of.date(),
                "median_hours": median(got) if got else None,
                "from_entry_count": entries[(*of, name, month)],
                "to_entry_count": entries[(*of, later, month)],
                "throughput_ratio": entries[(*of, later, month)] / entries[(*of, name, month)],
            }
        )
    return rows


def funnel_times(deal: Deal, rule: str) -> list[tuple[str, datetime, bool]]:
    """Steps that a deal reached, each with its time and whether it was seen in it."""
    steps = steps_of(deal.pipeline)
    orders = {name: stage.order for name, stage in steps}
    first: dict[str, datetime] = {}
    for visit in deal.visits:
        if visit.stage in orders and visit.stage not in first:
            first[visit.stage] = visit.entered_at
    if not first:
        return []
    entry = next(visit.stage for visit in deal.visits if visit.stage in orders)
    if deal.status == "won" and deal.closed_at:
        won = next(name for name, stage in steps if stage.is_won)
        first[won] = min(first.get(won, deal.closed_at), deal.closed_at)
    found: list[tuple[str, datetime, bool]] = []
    for name, stage in steps:
        if rule == "any":
            times = [at for other, at in first.items() if orders[other] >= stage.order]
            if times:
                found.append((name, min(times), name in first))
        elif stage.order >= orders[entry]:
            if name not in first or (found and first[name] < found[-1][1]):
                break
            found.append((name, first[name], True))
    return found


def cohort_of(deal: Deal) -> datetime:
    known = [visit.entered_at for visit in deal.visits if visit.stage in dict(steps_of(deal.pipeline))]
    return min(known + ([deal.closed_at] if deal.status == "won" and deal.closed_at else []))


def quantile(values: list[float], share: float) -> float | None:
    """Between the two nearest, as percentile_cont has it."""
    if not values:
        return None
    ordered = sorted(values)
    place = share * (len(ordered) - 1)
    low = int(place)
    high = min(low + 1, len(ordered) - 1)
    return ordered[low] + (ordered[high] - ordered[low]) * (place - low)


def funnel_b2b(seen: World) -> list[Row]:
    facts = {(row["tenant_id"], row["deal_id"]): row for row in fact_deal(seen)}
    members: dict[tuple[Any, ...], list[tuple[Spell, float, bool]]] = defaultdict(list)
    for deal in seen.deals:
        fact = facts[deal.tenant_id, deal.deal_id]
        for rule in ("strict", "any"):
            times = funnel_times(deal, rule)
            for number, (name, entered, is_seen) in enumerate(times):
                reached = times[number + 1][1] if number + 1 < len(times) else None
                one = spell(deal, entered, reached, seen.as_of)
                for dimension in DIMENSIONS:
                    grain = (deal.tenant_id, deal.pipeline, month_of(cohort_of(deal).date()), dimension)
                    members[(*grain, value_of(dimension, fact), rule, name)].append(
                        (one, days_between(entered, seen.as_of), is_seen)
                    )
    rows = []
    for (tenant, pipeline, month, dimension, value, rule, name), listed in members.items():
        within = WITHIN[pipeline, name][0] or None
        spells = [one for one, _, _ in listed]
        row: Row = {
            "tenant_id": tenant,
            "pipeline": pipeline,
            "cohort_month": month,
            "dimension": dimension,
            "dimension_value": value,
            "order_rule": rule,
            "step": name,
            "step_number": STAGES[pipeline, name].order,
            "window_days": within,
            "entered": len(spells),
        }
        if within is None:
            nothing = ["converted", "conversion_rate", "drop_off_count", "drop_off_rate", "median_hours", "p90_hours"]
            nothing += ["matured_count", "matured_conversion_rate", "estimated_conversion_rate"]
            rows.append(row | dict.fromkeys(nothing) | {"is_mature": True})
            continue
        found = rates(spells, [age for _, age, _ in listed], within)
        hours = [one[0] * 24 for one, _, is_seen in listed if is_seen and one[1] == "event" and one[0] <= within]
        lost = len(spells) - found["converted"]
        rows.append(
            row
            | found
            | {
                "conversion_rate": found["converted"] / len(spells),
                "drop_off_count": lost,
                "drop_off_rate": lost / len(spells),
                "median_hours": quantile(hours, 0.5),
                "p90_hours": quantile(hours, 0.9),
                "is_mature": found["matured_count"] == len(spells),
            }
        )
    return rows


def share(part: float, whole: float) -> float | None:
    return part / whole if whole else None


def win_loss_row(closed: list[Row], created: list[tuple[Row, Spell, float]], horizon: int) -> Row:
    """Columns of one segment and month, from the deals closed and created in it."""
    row: Row = {}

    def amounts(rows: list[Row]) -> float:
        return sum(one["amount_base"] or 0.0 for one in rows)

    by_status = {status: [one for one in closed if one["status"] == status] for status in ("won", "lost", "cancelled")}
    for status, rows in by_status.items():
        row |= {f"{status}_count": len(rows), f"{status}_base": amounts(rows)}
    won, lost = by_status["won"], by_status["lost"]
    row["closed_win_rate"] = share(len(won), len(won) + len(lost))
    row["closed_win_base_rate"] = share(amounts(won), amounts(won) + amounts(lost))
    matured = [one for one in created if one[2] >= horizon]
    groups = {
        "created": [one for one, _, _ in created],
        "created_won": [one for one, _, _ in created if one["status"] == "won"],
        "matured": [one for one, _, _ in matured],
        "horizon_won": [one for one, watched, _ in matured if watched[1] == "event" and watched[0] <= horizon],
    }
    for name, rows in groups.items():
        row |= {f"{name}_count": len(rows), f"{name}_base": amounts(rows)}
    for name, whole in (("created", "created"), ("horizon", "matured")):
        row[f"{name}_win_rate"] = share(row[f"{name}_won_count"], row[f"{whole}_count"])
        row[f"{name}_win_base_rate"] = share(row[f"{name}_won_base"], row[f"{whole}_base"])
    row["horizon_days"] = horizon if created else None
    if len(matured) == len(created):
        row["estimated_win_rate"] = row["horizon_win_rate"]
    else:
        row["estimated_win_rate"] = estimate([watched for _, watched, _ in created], horizon)
    cycles = [one["sales_cycle_days"] for one in won]
    row |= {f"{name}_sales_cycle_days": quantile(cycles, at) for name, at in (("median", 0.5), ("p75", 0.75))}
    row["median_days_to_loss"] = quantile([one["days_to_loss"] for one in lost], 0.5)
    row["average_won_base"] = share(amounts(won), sum(one["amount_base"] is not None for one in won))
    return row


def win_loss(seen: World) -> list[Row]:
    grain = ["tenant_id", "pipeline", "period_start_date", "dimension", "dimension_value"]
    months = [row for row in pipeline_flow(seen) if row["period_kind"] == "month"]
    open_counts = {tuple(row[name] for name in grain): row["closing_count"] for row in months}
    closed: dict[tuple[Any, ...], list[Row]] = defaultdict(list)
    created: dict[tuple[Any, ...], list[tuple[Row, Spell, float]]] = defaultdict(list)
    for fact in fact_deal(seen):
        horizon = WITHIN[fact["pipeline"], steps_of(fact["pipeline"])[0][0]][1]
        watched = (days_between(fact["created_at"], fact["closed_at"] or seen.as_of), OUTCOMES[fact["status"]])
        values = {dimension: value_of(dimension, fact) for dimension in DIMENSIONS}
        values["competitor"] = fact["primary_competitor"] or "(not set)"
        if fact["status"] == "lost":
            values["lost_reason"] = fact["lost_reason"] or "(not set)"
        for dimension, value in values.items():
            of = (fact["tenant_id"], fact["pipeline"])
            if fact["closed_at"] is not None:
                closed[(*of, month_of(fact["closed_at"].date()), dimension, value, horizon)].append(fact)
            if dimension != "lost_reason":
                age = days_between(fact["created_at"], seen.as_of)
                month = month_of(fact["created_at"].date())
                created[(*of, month, dimension, value, horizon)].append((fact, watched, age))
    rows = []
    for group in set(closed) | set(created):
        tenant, pipeline, month, dimension, value, horizon = group
        row = win_loss_row(closed[group], created[group], horizon)
        losses = [one for one in closed[tenant, pipeline, month, "total", "(all)", horizon] if one["status"] == "lost"]
        is_over = next_month(month) <= seen.as_of.date()
        row["lost_share"] = share(row["lost_count"], len(losses))
        row["open_count"] = open_counts.get(group[:5], 0)
        if dimension in ("competitor", "lost_reason"):
            row["open_count"] = None
        if dimension == "lost_reason":
            row |= {"closed_win_rate": None, "closed_win_base_rate": None}
        parts = [row[name] for name in ("open_count", "average_won_base", "closed_win_rate", "median_sales_cycle_days")]
        row["velocity_base_per_day"] = (
            None if None in parts or parts[3] == 0 else parts[0] * parts[1] * parts[2] / parts[3]
        )
        row |= {"is_month_complete": is_over, "is_mature": is_over and row["matured_count"] == row["created_count"]}
        grain = ["tenant_id", "pipeline", "period_month", "dimension", "dimension_value"]
        rows.append(dict(zip(grain, group, strict=False)) | row)
    return rows
