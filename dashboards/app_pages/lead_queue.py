"""Which leads wait for somebody, and which are stuck."""

from typing import Any

import streamlit as st

from dashboards import cases
from dashboards.charts.bars import bars
from dashboards.data import Rows
from dashboards.frame import Page, begin, done
from dashboards.parts import Number, card, numbers, table

ABOUT = {"group": "revenue", "icon": "inbox", "order": 4}

COLUMNS = (
    "lead_id",
    "tier",
    "next_best_action",
    "score",
    "probability",
    "factors",
    "suggested_owner_id",
    "owner_id",
    "waiting_since_at",
    "tier_change",
    "missing_parts",
    "fit_score",
    "engagement_score",
    "lead_status",
    "lead_source",
    "created_at",
)
TIERS = ("hot", "warm", "cold")


def main() -> None:
    """Draw the page."""
    page = begin("lead_queue", "owner")
    view = page.view
    tiers = view.read("marts.lead_queue", ("tier",), count=True, by="columns")
    found = {row["tier"]: row["row_count"] for row in tiers}
    stuck = view.read(
        "marts.stuck_lead",
        ("lead_id", "stuck_reason", "stuck_level", "assigned_to", "lead_source", "stuck_since_at", "idle_hours"),
        order=("-idle_hours",),
        limit=1000,
    )
    reasons = view.read("marts.stuck_lead", ("stuck_reason",), count=True, order=("stuck_reason",))
    numbers(
        page,
        [
            *(
                Number(page.name_of("val", tier), found.get(tier, 0), meaning=view.meaning("marts.lead_queue.tier"))
                for tier in TIERS
            ),
            Number(
                page.say("lead_queue.stuck_count"),
                sum(reasons.column("row_count")),
                meaning=view.meaning("marts.stuck_lead"),
            ),
        ],
        4,
        of=(tiers, reasons),
    )
    known = [tier for tier in TIERS if tier in found]
    tier = st.pills(page.say("col.tier"), known, key="tier", bind="query-params") if known else None
    cases.worklist(
        page,
        "marts.lead_queue",
        "lead_queue.queue",
        "lead",
        COLUMNS,
        where={"tier": tier} if tier else {},
        order="work_order",
        first=3,
    )
    left, right = st.columns((2, 3))
    with left:
        card(page, "lead_queue.reasons", reasons, lambda: _reasons(page, reasons), height=200)
    with right:
        table(page, "lead_queue.stuck", stuck, height=260)
    done("lead_queue")


def _reasons(page: Page, rows: Rows) -> Any:
    return bars(
        page.theme, [page.name_of("val", reason) for reason in rows.column("stuck_reason")], rows.column("row_count")
    )


main()
