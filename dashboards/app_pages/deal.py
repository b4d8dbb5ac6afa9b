"""What happened to this deal, and what has to happen next."""

from typing import Any

import streamlit as st

from dashboards.charts.bars import bullets
from dashboards.charts.lines import lines
from dashboards.data import Rows
from dashboards.factors import factors
from dashboards.frame import Page, begin, done
from dashboards.parts import Number, card, numbers, table
from dashboards.text import plain
from warehouse.numbers import fmt

ABOUT = {"group": "revenue", "icon": "handshake", "order": 5}

FACTS = ("pipeline", "stage", "aggregated_stage", "status", "owner_id", "account_id", "industry", "client_type")
MORE = (
    "budget_band",
    "deal_source",
    "expected_close_date",
    "closed_at",
    "lost_reason",
    "next_step",
    "next_step_due_at",
)


def main() -> None:
    """Draw the page."""
    page = begin("deal")
    view = page.view
    chosen = st.text_input(
        page.say("col.deal_id"), key="deal", bind="query-params", placeholder=page.say("deal.search"), width=320
    )
    if not chosen:
        recent = view.read(
            "facts.fact_deal",
            ("deal_id", "pipeline", "stage", "status", "amount_base", "owner_id", "industry", "created_at"),
            where={"status": "open"},
            order=("-amount_base",),
        )
        table(page, "deal.choose", recent, opens={"deal_id": "deal"}, height=560)
        done("deal")
        return
    of = {"deal_id": chosen}
    deal = view.read(
        "facts.fact_deal",
        (
            "deal_id",
            "title",
            "amount_base",
            "created_at",
            "stage_entered_at",
            "sales_cycle_days",
            "push_count",
            *FACTS,
            *MORE,
        ),
        where=of,
    )
    if not len(deal):
        st.info(page.say("deal.unknown", deal=plain(chosen)), icon=":material/search_off:")
        done("deal")
        return
    found = deal.first()
    win = view.read(
        "scores.deal_win",
        (
            "probability",
            "probability_30d",
            "stated_probability",
            "score",
            "expected_amount_base",
            "factors",
            "model_version",
            "model_reason",
        ),
        where=of,
    )
    aging = view.read(
        "marts.deal_aging", ("age_days", "days_in_stage", "p75_days_of_won", "is_stalled", "next_step_status"), where=of
    ).first()
    score = win.first()
    st.subheader(plain(found["title"] or found["deal_id"]), anchor=False)
    numbers(
        page,
        [
            Number(page.say("col.amount_base"), found["amount_base"], "amount"),
            Number(
                page.say("col.stage"),
                page.name_of("val", found["stage"]),
                "text",
                note=page.name_of("val", found["status"]),
            ),
            Number(
                page.say("deal.win"),
                score.get("probability"),
                "rate",
                note=score.get("model_version") or "",
                meaning=view.meaning("scores.deal_win.probability"),
            ),
            Number(page.say("col.days_in_stage"), aging.get("days_in_stage"), "days"),
            Number(page.say("col.push_count"), found["push_count"], meaning=view.meaning("facts.fact_deal.push_count")),
        ],
        5,
    )
    left, right = st.columns(2)
    timers = view.read(
        "facts.fact_sla",
        ("sla", "run_number", "status", "started_at", "due_at", "stopped_at", "elapsed_hours", "target_hours"),
        where=of,
        order=("started_at", "sla"),
    )
    days = view.read(
        "marts.deal_days",
        ("valid_from_date", "stage", "amount_base", "probability", "expected_close_date", "owner_id"),
        where=of,
        order=("valid_from_date",),
    )
    with left:
        card(page, "deal.history", days, lambda: _history(page, days), height=240)
    with right:
        card(page, "deal.timers", timers, lambda: _timers(page, timers), height=240, note=page.say("stages.limit"))
    facts = {
        page.name_of("col", name): _written(page, name, found[name])
        for name in (*FACTS, *MORE)
        if found[name] is not None
    }
    left, right = st.columns(2)
    with left.container(border=True, height="stretch"):
        st.header(page.say("deal.facts"), anchor=False)
        st.table(facts, border="horizontal")
    with right:
        factors(page, "deal.factors", win)
    gates = view.read(
        "facts.fact_gate",
        ("gate", "gate_name", "gate_status", "first_true_at", "changed_at", "source"),
        where=of,
        order=("gate",),
    )
    if len(gates):
        table(page, "deal.gates", gates)
    visits = view.read(
        "facts.fact_deal_stage",
        ("stage", "visit_number", "entered_at", "left_at", "days_in_stage", "is_skipped_into", "actor"),
        where=of,
        order=("entered_at", "visit_number"),
    )
    table(page, "deal.visits", visits)
    table(
        page,
        "deal.activities",
        view.read(
            "facts.fact_activity",
            ("activity_type", "logged_at", "due_at", "completed_at", "actor", "contact_id"),
            where=of,
            order=("-logged_at",),
            limit=200,
        ),
    )
    table(
        page,
        "deal.alerts",
        view.read(
            "marts.alert",
            ("alert_rule", "severity", "raised_at", "resolved_at", "alert_value", "alert_unit"),
            where=of,
            order=("-raised_at",),
        ),
    )
    done("deal")


def _written(page: Page, column: str, value: object) -> str:
    from dashboards.parts import kind_of

    kind = kind_of(column)
    return plain(page.name_of("val", value) if kind == "text" else fmt(value, kind, currency=page.currency))


def _history(page: Page, rows: Rows) -> Any:
    return lines(
        page.theme,
        [fmt(day, "date") for day in rows.column("valid_from_date")],
        {page.name_of("col", "amount_base"): rows.column("amount_base")},
        kind="amount",
        currency=page.currency,
        area=True,
    )


def _timers(page: Page, rows: Rows) -> Any:
    listed = list(rows)
    return bullets(
        page.theme,
        [page.name_of("val", row["sla"]) for row in listed],
        [row["elapsed_hours"] for row in listed],
        [row["target_hours"] for row in listed],
        "hours",
    )


main()
