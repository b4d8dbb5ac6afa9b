"""Where does every MasterDeal stand, which timers run out, and where is the bottleneck."""

from typing import Any

import streamlit as st

from dashboards.charts.bars import bars, bullets, funnel
from dashboards.charts.heat import heat
from dashboards.data import SEGMENTS, Not, Rows
from dashboards.frame import Page, begin, done
from dashboards.parts import Number, card, numbers, table
from warehouse.numbers import fmt

ABOUT = {"group": "revenue", "icon": "timer", "order": 2}

# As in the mart, over several of its rows: timers that still run are shown, not counted.
BREACH_RATE = {"breach_rate": (("breached_count", "overdue_count"), ("met_count", "breached_count", "overdue_count"))}

TIMERS = ("lead_to_brief", "brief_to_offer", "offer_to_contract", "contract_to_launch", "launch_to_close")
STAGES = ("draft", "planning", "contracting", "launching", "running", "closing", "closed", "cancelled")


def main() -> None:
    """Draw the page."""
    page = begin("stages", "period", "segment")
    view = page.view
    timers = ("running_timer_count", "at_risk_timer_count", "overdue_timer_count")
    united = view.read(
        "marts.united_stage",
        ("aggregated_stage",),
        sums=("deal_count", "open_deal_count", "amount_base", *timers),
        by="columns",
    )
    total = view.read("marts.united_stage", sums=("open_deal_count", "amount_base", *timers), by="columns")
    breached = view.read("marts.sla_bottleneck", ratios=BREACH_RATE, months="started_month", by="columns")
    totals, breach = total.first(), breached.first()
    numbers(
        page,
        [
            Number(page.say("stages.open"), totals.get("open_deal_count"), meaning=view.meaning("marts.united_stage")),
            Number(page.say("stages.running"), totals.get("running_timer_count")),
            Number(page.say("stages.at_risk"), totals.get("at_risk_timer_count")),
            Number(page.say("stages.overdue"), totals.get("overdue_timer_count")),
            Number(
                page.say("stages.breach_rate"),
                breach.get("breach_rate"),
                "rate",
                meaning=view.meaning("marts.sla_bottleneck.breach_rate"),
            ),
        ],
        5,
        of=(total, breached),
    )
    left, right = st.columns((2, 3))
    with left:
        card(page, "stages.united", united, lambda: _united(page, united), note=page.say("stages.united.note"))
    split = st.session_state.get("split")
    segment: str = split if split in SEGMENTS else SEGMENTS[0]
    cells = view.read(
        "marts.sla_bottleneck",
        ("sla", segment),
        sums=("timer_count",),
        ratios=BREACH_RATE,
        months="started_month",
        by="columns",
        order=(segment, "sla"),
    )
    policies = view.read("facts.dim_sla_policy", ("sla", "target_hours"), order=("sla",))
    gates = [sla for sla in TIMERS if sla in set(cells.column("sla"))] or sorted(set(cells.column("sla")))
    with right:
        card(
            page,
            "stages.heat",
            cells,
            lambda: _heat(page, cells, gates, segment),
            note=page.say("stages.heat.note"),
            controls=lambda: st.segmented_control(
                page.say("stages.split"),
                list(SEGMENTS),
                default=SEGMENTS[0],
                key="split",
                bind="query-params",
                required=True,
                label_visibility="collapsed",
            ),
        )
    left, right = st.columns(2)
    times = view.read(
        "marts.sla_bottleneck",
        ("sla", "started_month", "industry", "median_elapsed_hours", "p90_elapsed_hours", "timer_count", "breach_rate"),
        months="started_month",
        by="columns",
        order=("-median_elapsed_hours",),
    )
    running = view.read(
        "facts.fact_sla",
        ("deal_id", "sla", "status", "started_at", "due_at", "elapsed_hours", "target_hours", "owner_domain"),
        where={"status": ("running", "at_risk", "overdue")},
        order=("due_at",),
    )
    with left:
        card(page, "stages.running_timers", running, lambda: _running(page, running), note=page.say("stages.limit"))
    with right:
        gate_rows = view.read(
            "facts.fact_gate", ("gate", "gate_name"), count=True, where={"gate_status": True}, order=("gate",)
        )
        card(page, "stages.gates", gate_rows, lambda: _gates(page, gate_rows))
    table(page, "stages.timers", running, opens={"deal_id": "deal"}, note=page.say("stages.timers.note"))
    deals = view.read(
        "facts.fact_deal",
        (
            "deal_id",
            "aggregated_stage",
            "status",
            "industry",
            "client_type",
            "budget_band",
            "amount_base",
            "owner_id",
            "stage_entered_at",
            "expected_close_date",
        ),
        where={"aggregated_stage": Not(None), "status": "open"},
        by="columns",
        order=("-amount_base",),
    )
    table(page, "stages.deals", deals, opens={"deal_id": "deal"})
    conversion = view.read(
        "marts.stage_conversion",
        (
            "pipeline",
            "from_stage",
            "to_stage",
            "cohort_month",
            "entered",
            "converted",
            "matured_conversion_rate",
            "estimated_conversion_rate",
            "median_hours",
            "is_mature",
        ),
        months="cohort_month",
        by="dimension",
        order=("pipeline", "-cohort_month", "from_stage_order", "to_stage_order"),
        limit=500,
    )
    table(page, "stages.conversion", conversion, note=page.say("stages.conversion.note"))
    table(page, "stages.policies", policies)
    table(page, "stages.bottleneck", times)
    done("stages")


def _united(page: Page, rows: Rows) -> Any:
    by = {row["aggregated_stage"]: row for row in rows}
    listed = [stage for stage in STAGES if stage in by] + [stage for stage in by if stage not in STAGES]
    return bars(
        page.theme,
        [page.name_of("val", stage) for stage in listed],
        [by[stage]["deal_count"] for stage in listed],
        notes=[fmt(by[stage]["amount_base"], "amount", currency=page.currency) for stage in listed],
    )


def _heat(page: Page, rows: Rows, gates: list[str], segment: str) -> Any:
    lines = sorted({row[segment] or "–" for row in rows})
    rate = {(row[segment] or "–", row["sla"]): row for row in rows}
    found = [[rate.get((line, gate), {}) for gate in gates] for line in lines]
    return heat(
        page.theme,
        [page.name_of("val", gate) for gate in gates],
        lines,
        [[cell.get("breach_rate") for cell in line] for line in found],
        top=0.5,
        is_risk=True,
        notes=[[f"n = {cell.get('timer_count', 0)}" for cell in line] for line in found],
    )


def _running(page: Page, rows: Rows) -> Any:
    listed = list(rows)[:10]
    return bullets(
        page.theme,
        [f"{row['deal_id']} · {page.name_of('val', row['sla'])}" for row in listed],
        [row["elapsed_hours"] for row in listed],
        [row["target_hours"] for row in listed],
        "hours",
    )


def _gates(page: Page, rows: Rows) -> Any:
    counts = rows.column("row_count")
    names = [f"{row['gate']} {page.name_of('val', row['gate_name'])}" for row in rows]
    return funnel(page.theme, names, counts, [None] * len(counts))


main()
