"""Where does the business stand against its targets, and what has changed since the last publication."""

from collections import defaultdict
from datetime import timedelta
from typing import Any

import streamlit as st

from dashboards import definitions, session
from dashboards.charts.bars import bars
from dashboards.charts.lines import columns
from dashboards.data import Between, NotYet
from dashboards.frame import Page, begin, done
from dashboards.parts import Number, card, link, numbers, table
from dashboards.publications import changes
from warehouse.numbers import fmt, kind_of_unit

ABOUT = {"group": "leadership", "icon": "monitoring", "order": 1}

HERO = ("nrr", "mrr_growth", "lead_to_customer_rate", "ltv_cac_ratio", "sla_breach_rate")
REST = (
    "average_deal_size",
    "sales_cycle_days",
    "cac",
    "ltv",
    "payback_months",
    "churn_rate",
    "time_to_first_value",
    "activation_rate",
    "nps",
    "no_show_rate",
    "ai_accuracy",
    "expenses_to_revenue",
)


def kpi_card(page: Page, name: str, history: list[dict[str, Any]]) -> Number:
    """The last month that is over, with what the mart says of its change and its target."""
    over = [row for row in history if row["is_complete"]] or history
    last = over[-1]
    kind = kind_of_unit(last["kpi_unit"])
    change = last["value_change"]
    is_better = {"better": True, "worse": False}.get(last["trend"])
    notes = []
    if last["target"] is not None:
        mark = {"met": "✓", "missed": "✗"}.get(last["target_status"], "")
        notes.append(page.say("kpi.target", value=fmt(last["target"], kind, currency=page.currency), mark=mark))
    notes.append(fmt(last["kpi_month"], "month"))
    if (last["basis_count"] or 0) < 100:
        notes.append(f"n\u00a0=\u00a0{last['basis_count']}")
    return Number(
        page.say(f"kpi.{name}"),
        last["kpi_value"],
        kind,
        change,
        None if is_better is None or not change else (change > 0) == is_better,
        " · ".join(notes),
        definitions.kpi(name),
        [row["kpi_value"] for row in over],
    )


def main() -> None:
    """Draw the page."""
    page = begin("overview", "period")
    view = page.view
    kpis = view.read(
        "marts.kpi",
        (
            "kpi",
            "kpi_month",
            "kpi_value",
            "kpi_unit",
            "basis_count",
            "target",
            "target_status",
            "previous_value",
            "value_change",
            "trend",
            "is_complete",
        ),
        months="kpi_month",
        order=("kpi", "kpi_month"),
    )
    history: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for row in kpis:
        if row["kpi_value"] is not None:
            history[row["kpi"]].append(row)
    numbers(page, [kpi_card(page, name, history[name]) for name in HERO if name in history], 5)
    numbers(page, [kpi_card(page, name, history[name]) for name in REST if name in history], 5)
    if not history:
        st.info(page.say("state.empty"))

    then = view.filters.as_of + timedelta(days=1)
    is_open = {"raised_at": Between(before=then), "resolved_at": NotYet(then)}
    left, right = st.columns((3, 2))
    won = view.read(
        "marts.win_loss",
        ("period_month", "pipeline", "won_base", "won_count", "is_month_complete"),
        where={"dimension": "total"},
        months="period_month",
        order=("period_month", "pipeline"),
    )
    with left:
        card(page, "overview.won", won, lambda: _won(page, won), note=page.say("overview.won.note"))
    alerts = view.read(
        "marts.alert", ("alert_rule", "severity"), count=True, where=is_open, order=("severity", "alert_rule")
    )
    with right:
        card(page, "overview.alerts", alerts, lambda: _alerts(page, alerts))
    with st.container(horizontal=True):
        for target in ("sales", "stages", "finance", "customers", "marketing"):
            link(page, target, page.say("overview.why", page=page.say(f"page.{target}")))
    table(
        page,
        "overview.open_alerts",
        view.read(
            "marts.alert",
            (
                "severity",
                "alert_rule",
                "subject_type",
                "subject_id",
                "deal_id",
                "owner_id",
                "raised_at",
                "alert_value",
                "alert_threshold",
                "alert_unit",
            ),
            where=is_open,
            order=("severity", "-raised_at"),
            limit=500,
        ),
        opens={"deal_id": "deal"},
        note=page.say("overview.open_alerts.note"),
    )
    table(page, "overview.changes", changes(session.hub().home, view), note=page.say("overview.changes.note"))
    table(page, "overview.kpis", kpis)
    done("overview")


def _won(page: Page, rows: Any) -> Any:
    months = sorted(set(rows.column("period_month")))
    by = {(row["pipeline"], row["period_month"]): row["won_base"] for row in rows}
    pipelines = sorted(set(rows.column("pipeline")))
    return columns(
        page.theme,
        [fmt(month, "month") for month in months],
        {page.name_of("val", one): [by.get((one, month)) for month in months] for one in pipelines},
        kind="amount",
        currency=page.currency,
    )


def _alerts(page: Page, rows: Any) -> Any:
    listed = sorted(rows, key=lambda row: -row["row_count"])
    return bars(
        page.theme,
        [page.name_of("val", row["alert_rule"]) for row in listed],
        [row["row_count"] for row in listed],
        colours=[page.theme.bad if row["severity"] == "critical" else page.theme.warn for row in listed],
        notes=[page.name_of("val", row["severity"]) for row in listed],
    )


main()
