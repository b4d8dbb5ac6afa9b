"""Whom does customer success call today, and why."""

from typing import Any

import streamlit as st

from dashboards import cases
from dashboards.charts.bars import bars
from dashboards.data import Rows
from dashboards.frame import Page, begin, done
from dashboards.parts import Number, card, numbers
from warehouse.numbers import fmt

ABOUT = {"group": "customers", "icon": "call", "order": 2}

LEVELS = ("red", "yellow", "green")
COLUMNS = (
    "customer_id",
    "risk_level",
    "score",
    "probability_90d",
    "reasons",
    "recommended_action",
    "value_at_risk_base",
    "mrr_base",
    "days_to_renewal",
    "health_score",
    "health_change",
    "owner_id",
)


def main() -> None:
    """Draw the page."""
    page = begin("churn_list", "owner")
    view = page.view
    by_level = view.read(
        "marts.churn_list", ("risk_level",), sums=("value_at_risk_base", "mrr_base"), count=True, by="columns"
    )
    found = {row["risk_level"]: row for row in by_level}
    total = view.read("marts.churn_list", sums=("value_at_risk_base", "mrr_base"), by="columns").first()
    numbers(
        page,
        [
            *(
                Number(
                    page.name_of("val", level),
                    found.get(level, {}).get("row_count", 0),
                    note=fmt(found.get(level, {}).get("mrr_base"), "amount", currency=page.currency) + " MRR",
                    meaning=view.meaning("marts.churn_list.risk_level"),
                )
                for level in LEVELS
            ),
            Number(
                page.say("col.value_at_risk_base"),
                total.get("value_at_risk_base"),
                "amount",
                meaning=view.meaning("marts.churn_list.value_at_risk_base"),
            ),
        ],
        4,
        of=(by_level,),
    )
    known = [level for level in LEVELS if level in found]
    level = st.pills(page.say("col.risk_level"), known, key="risk", bind="query-params") if known else None
    cases.worklist(
        page,
        "marts.churn_list",
        "churn_list.calls",
        "customer",
        COLUMNS,
        where={"risk_level": level} if level else {},
        order="call_order",
        first=2,
        opens={"customer_id": "customer"},
    )
    card(page, "churn_list.levels", by_level, lambda: _levels(page, by_level), height=160)
    done("churn_list")


def _levels(page: Page, rows: Rows) -> Any:
    by = {row["risk_level"]: row for row in rows}
    listed = [level for level in LEVELS if level in by]
    theme = page.theme
    colours = {"red": theme.bad, "yellow": theme.warn, "green": theme.good}
    return bars(
        theme,
        [page.name_of("val", level) for level in listed],
        [by[level]["row_count"] for level in listed],
        colours=[colours[level] for level in listed],
        notes=["· " + fmt(by[level]["mrr_base"], "amount", currency=page.currency) for level in listed],
    )


main()
