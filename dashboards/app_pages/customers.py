"""Do customers stay, come back and recommend us, and what is one of them worth."""

from typing import Any

import streamlit as st

from dashboards.charts.bars import whiskers
from dashboards.charts.heat import heat
from dashboards.charts.lines import columns, lines
from dashboards.data import Rows
from dashboards.frame import Page, begin, done
from dashboards.parts import Number, card, numbers, table
from warehouse.numbers import fmt

ABOUT = {"group": "customers", "icon": "groups", "order": 1}

# A smaller cohort is not coloured: its share says nothing.
LEAST_COHORT = 5


def main() -> None:
    """Draw the page."""
    page = begin("customers", "period")
    view = page.view
    mrr = view.read(
        "marts.mrr_month",
        (
            "mrr_month",
            "end_customer_count",
            "new_customer_count",
            "churned_customer_count",
            "logo_churn_rate",
            "is_complete",
        ),
        where={"segment_kind": "total"},
        months="mrr_month",
        order=("mrr_month",),
    )
    last = next((row for row in reversed(list(mrr)) if row["is_complete"]), {})
    nps = view.read(
        "marts.nps",
        (
            "period_start_date",
            "nps",
            "nps_low",
            "nps_high",
            "response_count",
            "promoter_count",
            "passive_count",
            "detractor_count",
        ),
        where={"period": "month"},
        months="period_start_date",
        order=("period_start_date",),
    )
    worth = view.read(
        "marts.ltv_cac",
        ("calendar_month", "ltv", "cac", "ltv_cac_ratio", "arpa", "payback_months", "is_complete"),
        where={"channel": "(all)"},
        months="calendar_month",
        order=("calendar_month",),
    )
    value = next((row for row in reversed(list(worth)) if row["is_complete"]), {})
    said = (list(nps) or [{}])[-1]
    month = fmt(last.get("mrr_month"), "month")
    numbers(
        page,
        [
            Number(page.say("col.end_customer_count"), last.get("end_customer_count"), note=month),
            Number(page.say("col.new_customer_count"), last.get("new_customer_count"), note=month),
            Number(page.say("col.churned_customer_count"), last.get("churned_customer_count"), note=month),
            Number(
                page.say("kpi.churn_rate"),
                last.get("logo_churn_rate"),
                "rate",
                note=month,
                meaning=view.meaning("marts.mrr_month.logo_churn_rate"),
            ),
            Number(
                "LTV",
                value.get("ltv"),
                "amount",
                note=fmt(value.get("calendar_month"), "month"),
                meaning=view.meaning("marts.ltv_cac.ltv"),
            ),
            Number(
                "NPS",
                said.get("nps"),
                "score",
                note=f"n = {said.get('response_count', 0)}",
                meaning=view.meaning("marts.nps.nps"),
            ),
        ],
    )
    kind = st.segmented_control(
        page.say("customers.kind"),
        ["revenue", "usage"],
        default="revenue",
        key="activity",
        bind="query-params",
        required=True,
    )
    cohorts = view.read(
        "marts.cohort_retention",
        ("cohort_month", "period_number", "cohort_size", "active_count", "retention_bounded", "retention_unbounded"),
        where={"activity": kind, "cohort_kind": "first_payment"},
        months="cohort_month",
        order=("cohort_month", "period_number"),
    )
    margin = view.read(
        "marts.cohort_revenue",
        (
            "cohort_month",
            "period_number",
            "cohort_size",
            "revenue_base",
            "cumulative_margin_base",
            "margin_per_member_base",
        ),
        where={"cohort_kind": "first_payment"},
        months="cohort_month",
        order=("cohort_month", "period_number"),
    )
    left, right = st.columns(2)
    with left:
        card(
            page,
            "customers.retention",
            cohorts,
            lambda: _retention(page, cohorts),
            height=360,
            note=page.say("customers.retention.note"),
        )
    with right:
        card(
            page,
            "customers.margin",
            margin,
            lambda: _margin(page, margin),
            height=360,
            note=page.say("customers.margin.note"),
        )
    left, right = st.columns(2)
    with left:
        card(page, "customers.worth", worth, lambda: _worth(page, worth), note=page.say("customers.worth.note"))
    with right:
        card(page, "customers.nps", nps, lambda: _nps(page, nps), note=page.say("customers.nps.note"))
    life = view.read(
        "marts.lifecycle",
        ("activity_month", "new_count", "returning_count", "resurrected_count", "dormant_count", "is_complete"),
        where={"activity": kind},
        months="activity_month",
        order=("activity_month",),
    )
    card(page, "customers.lifecycle", life, lambda: _life(page, life), note=page.say("customers.lifecycle.note"))
    table(
        page,
        "customers.usage",
        view.read(
            "marts.customer_usage",
            (
                "customer_id",
                "is_subscribed",
                "user_count",
                "active_users_last_28d",
                "active_days_last_28d",
                "key_feature_share_last_28d",
                "days_since_last_seen",
                "open_ticket_count",
                "renewal_date",
                "days_to_renewal",
            ),
            order=("days_to_renewal",),
        ),
        opens={"customer_id": "customer"},
    )
    table(
        page,
        "customers.silent",
        view.read(
            "scores.silence_risk",
            (
                "customer_id",
                "activity",
                "last_activity_date",
                "silent_days",
                "activity_day_count",
                "silence_probability_30d",
                "silence_probability_90d",
                "silence_reason",
            ),
            order=("-silence_probability_90d", "-silent_days", "customer_id"),
            limit=500,
        ),
        opens={"customer_id": "customer"},
        note=page.say("customers.silent.note"),
    )
    done("customers")


def _matrix(page: Page, rows: Rows, column: str, kind: str, top: float) -> Any:
    by = {(row["cohort_month"], row["period_number"]): row for row in rows}
    months = sorted({month for month, _ in by})
    periods = sorted({number for _, number in by})
    found = [[by.get((month, number), {}) for number in periods] for month in months]
    return heat(
        page.theme,
        [str(number) for number in periods],
        [fmt(month, "month") for month in months],
        [
            [cell.get(column) if (cell.get("cohort_size") or 0) >= LEAST_COHORT else None for cell in line]
            for line in found
        ],
        kind=kind,
        top=top,
        notes=[[f"n = {cell.get('cohort_size')}" for cell in line] for line in found],
    )


def _retention(page: Page, rows: Rows) -> Any:
    return _matrix(page, rows, "retention_bounded", "rate_whole", 1.0)


def _margin(page: Page, rows: Rows) -> Any:
    known = [value for value in rows.column("margin_per_member_base") if value is not None]
    return _matrix(page, rows, "margin_per_member_base", "amount", max(known, default=1.0))


def _worth(page: Page, rows: Rows) -> Any:
    return lines(
        page.theme,
        [fmt(month, "month") for month in rows.column("calendar_month")],
        {"LTV": rows.column("ltv"), "CAC": rows.column("cac")},
        kind="amount",
        currency=page.currency,
        is_last_open=not (rows.column("is_complete") or [True])[-1],
    )


def _nps(page: Page, rows: Rows) -> Any:
    return whiskers(
        page.theme,
        [fmt(month, "month") for month in rows.column("period_start_date")],
        rows.column("nps"),
        rows.column("nps_low"),
        rows.column("nps_high"),
        "score",
    )


def _life(page: Page, rows: Rows) -> Any:
    names = ("returning_count", "new_count", "resurrected_count")
    series = {page.name_of("col", name): rows.column(name) for name in names}
    series[page.name_of("col", "dormant_count")] = [-(value or 0) for value in rows.column("dormant_count")]
    return columns(
        page.theme,
        [fmt(month, "month") for month in rows.column("activity_month")],
        series,
        colours=(page.theme.data, page.theme.good, page.theme.categorical[1], page.theme.bad),
    )


main()
