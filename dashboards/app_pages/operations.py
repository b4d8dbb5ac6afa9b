"""What is waiting for somebody: answers, follow-ups, next steps, appointments."""

from datetime import timedelta
from typing import Any

import streamlit as st

from dashboards.charts.bars import bars
from dashboards.charts.lines import columns, lines
from dashboards.data import Between, NotYet, Rows
from dashboards.frame import Page, begin, done
from dashboards.parts import Number, card, numbers, table
from warehouse.numbers import fmt

ABOUT = {"group": "operations", "icon": "schedule", "order": 1}

RULES = ("next_step_overdue", "next_step_missing", "lead_unanswered", "deal_slipping")


def main() -> None:
    """Draw the page."""
    page = begin("operations", "period", "owner")
    view = page.view
    then = view.filters.as_of + timedelta(days=1)
    is_open = {"raised_at": Between(before=then), "resolved_at": NotYet(then), "alert_rule": RULES}
    counted = view.read("marts.alert", ("alert_rule",), count=True, where=is_open, by="columns")
    waiting = {row["alert_rule"]: row["row_count"] for row in counted}
    response = view.read(
        "marts.response_time",
        ("waiting_month", "channel", "wait_count", "unanswered_count", "median_response_hours", "p90_response_hours"),
        where={"responder": "(all)"},
        months="waiting_month",
        order=("waiting_month", "channel"),
    )
    followups = view.read(
        "marts.followup",
        (
            "scheduled_month",
            "followup_count",
            "sent_count",
            "overdue_count",
            "cancelled_count",
            "reply_rate",
            "night_rate",
        ),
        months="scheduled_month",
        order=("scheduled_month",),
    )
    visits = view.read(
        "marts.appointment_month",
        (
            "calendar_month",
            "booked_count",
            "attended_count",
            "no_show_count",
            "cancelled_count",
            "no_show_rate",
            "is_complete",
        ),
        where={"dimension": "total"},
        months="calendar_month",
        order=("calendar_month",),
    )
    gone = next((row for row in reversed(list(visits)) if row["is_complete"]), {})
    numbers(
        page,
        [
            *(
                Number(page.name_of("val", rule), waiting.get(rule, 0), meaning=_meaning(rule))
                for rule in ("next_step_overdue", "next_step_missing", "lead_unanswered")
            ),
            Number(
                page.say("kpi.no_show_rate"),
                gone.get("no_show_rate"),
                "rate",
                note=fmt(gone.get("calendar_month"), "month"),
                meaning=view.meaning("marts.appointment_month.no_show_rate"),
            ),
        ],
        4,
        of=(counted, visits),
    )
    left, right = st.columns(2)
    with left:
        card(
            page,
            "operations.response",
            response,
            lambda: _response(page, response),
            note=page.say("operations.response.note"),
        )
    by_owner = view.read(
        "marts.pipeline_stage",
        ("owner_id",),
        sums=("next_step_overdue_count", "next_step_missing_count", "deal_count"),
        by="columns",
        order=("-next_step_overdue_count", "-next_step_missing_count"),
    )
    with right:
        card(
            page,
            "operations.owners",
            by_owner,
            lambda: _owners(page, by_owner),
            note=page.say("operations.owners.note"),
        )
    left, right = st.columns(2)
    with left:
        card(page, "operations.followups", followups, lambda: _followups(page, followups))
    with right:
        card(page, "operations.visits", visits, lambda: _visits(page, visits))
    table(
        page,
        "operations.waiting",
        view.read(
            "marts.alert",
            ("alert_rule", "subject_id", "deal_id", "owner_id", "raised_at", "alert_value", "alert_unit"),
            where=is_open,
            by="columns",
            order=("raised_at",),
            limit=1000,
        ),
        opens={"deal_id": "deal"},
        note=page.say("operations.waiting.note"),
    )
    table(
        page,
        "operations.slots",
        view.read(
            "marts.appointment_month",
            ("dimension", "dimension_value"),
            sums=("booked_count", "attended_count", "no_show_count"),
            ratios={"no_show_rate": (("no_show_count",), ("attended_count", "no_show_count"))},
            where={"dimension": ("booking_channel", "lead_time")},
            months="calendar_month",
            order=("dimension", "dimension_value"),
        ),
    )
    table(page, "operations.response_rows", response)
    table(
        page,
        "operations.triage",
        view.read(
            "marts.inbound_triage",
            (
                "calendar_month",
                "channel",
                "thread_count",
                "assigned_count",
                "unassigned_count",
                "assigned_rate",
                "median_triage_hours",
                "p90_triage_hours",
                "deal_thread_count",
                "won_thread_count",
            ),
            months="calendar_month",
            order=("-calendar_month", "channel"),
        ),
    )
    done("operations")


def _meaning(rule: str) -> str:
    from dashboards import definitions

    return definitions.alert(rule)


def _response(page: Page, rows: Rows) -> Any:
    months = sorted(set(rows.column("waiting_month")))
    by = {(row["channel"], row["waiting_month"]): row["p90_response_hours"] for row in rows}
    return lines(
        page.theme,
        [fmt(month, "month") for month in months],
        {name: [by.get((name, month)) for month in months] for name in sorted({name for name, _ in by})},
        kind="hours",
    )


def _owners(page: Page, rows: Rows) -> Any:
    listed = list(rows)[:10]
    return bars(
        page.theme,
        [row["owner_id"] or "–" for row in listed],
        [row["next_step_overdue_count"] for row in listed],
        notes=[f"/ {row['deal_count']}" for row in listed],
        colours=[page.theme.bad if row["next_step_overdue_count"] else page.theme.data for row in listed],
    )


def _followups(page: Page, rows: Rows) -> Any:
    return columns(
        page.theme,
        [fmt(month, "month") for month in rows.column("scheduled_month")],
        {page.name_of("col", name): rows.column(name) for name in ("sent_count", "cancelled_count", "overdue_count")},
        colours=(page.theme.data, page.theme.categorical[5], page.theme.bad),
    )


def _visits(page: Page, rows: Rows) -> Any:
    return columns(
        page.theme,
        [fmt(month, "month") for month in rows.column("calendar_month")],
        {
            page.name_of("col", name): rows.column(name)
            for name in ("attended_count", "no_show_count", "cancelled_count")
        },
        colours=(page.theme.data, page.theme.bad, page.theme.categorical[5]),
    )


main()
