"""What does the AI manager settle by itself, and how often is it right."""

from typing import Any

import streamlit as st

from dashboards.charts.lines import lines
from dashboards.data import Rows
from dashboards.frame import Page, begin, done
from dashboards.parts import Number, card, numbers, table
from warehouse.numbers import fmt

ABOUT = {"group": "operations", "icon": "smart_toy", "order": 2}

RATES = {
    "closed_without_person_share": (("closed_without_person_count",), ("ended_count",)),
    "handoff_rate": (("handed_over_count",), ("conversation_count",)),
    "accuracy_rate": (("agreeing_count",), ("labelled_count",)),
}
COUNTS = ("conversation_count", "labelled_count")


def main() -> None:
    """Draw the page."""
    page = begin("ai_manager", "period")
    view = page.view
    total = _read(page, (), ()).first()
    monthly = _read(page, ("conversation_month",), ("conversation_month",))
    channels = _read(page, ("channel",), ("-conversation_count",))
    labelled = f"n = {total.get('labelled_count') or 0}"
    numbers(
        page,
        [
            Number(page.say("col.conversation_count"), total.get("conversation_count")),
            Number(
                page.say("ai_manager.alone"),
                total.get("closed_without_person_share"),
                "rate",
                meaning=view.meaning("marts.ai_manager.closed_without_person_share"),
            ),
            Number(
                page.say("ai_manager.handoff"),
                total.get("handoff_rate"),
                "rate",
                meaning=view.meaning("marts.ai_manager.handoff_rate"),
            ),
            Number(
                page.say("kpi.ai_accuracy"),
                total.get("accuracy_rate"),
                "rate",
                note=labelled,
                meaning=view.meaning("marts.ai_manager.accuracy_rate"),
            ),
        ],
        4,
    )
    left, right = st.columns(2)
    with left:
        card(page, "ai_manager.monthly", monthly, lambda: _monthly(page, monthly))
    bins = view.read(
        "marts.ai_calibration",
        ("confidence_bin", "confidence_from"),
        sums=("labelled_count", "agreeing_count"),
        ratios={
            "accuracy_rate": (("agreeing_count",), ("labelled_count",)),
            "mean_confidence": (("confidence_sum",), ("labelled_count",)),
        },
        months="conversation_month",
        order=("confidence_bin",),
    )
    with right:
        card(
            page,
            "ai_manager.calibration",
            bins,
            lambda: _calibration(page, bins),
            note=page.say("ai_manager.calibration.note"),
        )
    response = view.read(
        "marts.response_time",
        ("waiting_month", "channel", "responder", "wait_count", "median_response_hours", "p90_response_hours"),
        where={"responder": ("ai", "human")},
        months="waiting_month",
        order=("-waiting_month", "channel", "responder"),
    )
    table(page, "ai_manager.response", response, note=page.say("ai_manager.response.note"))
    table(page, "ai_manager.channels", channels)
    table(
        page,
        "ai_manager.waiting",
        view.read(
            "facts.fact_conversation",
            (
                "conversation_id",
                "channel",
                "started_at",
                "waiting_since_at",
                "handoff_count",
                "is_with_person",
                "lead_id",
            ),
            where={"is_with_person": True},
            order=("waiting_since_at",),
            limit=500,
        ),
    )
    done("ai_manager")


def _read(page: Page, columns: tuple[str, ...], order: tuple[str, ...]) -> Rows:
    return page.view.read(
        "marts.ai_manager", columns, sums=COUNTS, ratios=RATES, months="conversation_month", order=order
    )


def _monthly(page: Page, rows: Rows) -> Any:
    names = ("closed_without_person_share", "handoff_rate", "accuracy_rate")
    return lines(
        page.theme,
        [fmt(month, "month") for month in rows.column("conversation_month")],
        {page.name_of("col", name): rows.column(name) for name in names},
        kind="rate",
        target=0.8,
        target_label="80%",
    )


def _calibration(page: Page, rows: Rows) -> Any:
    """How often it was right, beside how sure it was: one line where it knows what it knows."""
    return lines(
        page.theme,
        [fmt(value, "rate_whole") for value in rows.column("confidence_from")],
        {
            page.say("ai_manager.sure"): rows.column("mean_confidence"),
            page.say("ai_manager.right"): rows.column("accuracy_rate"),
        },
        kind="rate",
    )


main()
