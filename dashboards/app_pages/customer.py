"""Who is this customer, does it use what it pays for, and how likely does it stay."""

from typing import Any

import streamlit as st

from dashboards.charts.lines import columns, lines
from dashboards.contacts import contacts_of_account
from dashboards.data import Rows
from dashboards.factors import factors
from dashboards.frame import Page, begin, done
from dashboards.parts import Number, card, numbers, table
from dashboards.text import plain
from warehouse.numbers import fmt

ABOUT = {"group": "customers", "icon": "person", "order": 3}


def main() -> None:
    """Draw the page."""
    page = begin("customer")
    view = page.view
    chosen = st.text_input(
        page.say("col.customer_id"),
        key="customer",
        bind="query-params",
        placeholder=page.say("customer.search"),
        width=320,
    )
    if not chosen:
        table(
            page,
            "customer.choose",
            view.read(
                "marts.churn_list",
                ("customer_id", "risk_level", "score", "mrr_base", "value_at_risk_base", "days_to_renewal", "owner_id"),
                order=("-mrr_base",),
            ),
            opens={"customer_id": "customer"},
            height=560,
        )
        done("customer")
        return
    of = {"customer_id": chosen}
    usage = view.read("marts.customer_usage", where=of)
    risk = view.read(
        "scores.churn_risk",
        (
            "risk_level",
            "score",
            "probability_30d",
            "probability_90d",
            "reasons",
            "recommended_action",
            "mrr_base",
            "days_to_renewal",
            "value_at_risk_base",
            "factors",
            "model_version",
            "model_reason",
        ),
        where=of,
    )
    moves = view.read(
        "marts.mrr_movement",
        ("mrr_month", "movement", "start_base", "amount_base", "end_base", "start_plan", "end_plan"),
        where=of,
        order=("mrr_month",),
    )
    if not len(usage) and not len(moves):
        st.info(page.say("customer.unknown", customer=plain(chosen)), icon=":material/search_off:")
        done("customer")
        return
    told, used = risk.first(), usage.first()
    value = view.read("scores.customer_value", ("value_12m_base", "expected_months"), where=of).first()
    health = view.read("scores.health_score", ("as_of", "score", "risk_level", "factors"), where=of, order=("as_of",))
    account = chosen.partition(":")[2] if chosen.startswith("account:") else None
    who = view.read(
        "facts.dim_account",
        ("account_name", "industry", "segment", "country", "owner_id"),
        where={"account_id": account},
    ).first()
    st.subheader(plain(who.get("account_name") or chosen), anchor=False)
    numbers(
        page,
        [
            Number("MRR", told.get("mrr_base"), "amount"),
            Number(
                page.say("col.risk_level"),
                page.name_of("val", told["risk_level"]) if told else None,
                "text",
                note=fmt(told.get("probability_90d"), "rate") if told else "",
                meaning=view.meaning("scores.churn_risk.risk_level"),
            ),
            Number(page.say("col.value_at_risk_base"), told.get("value_at_risk_base"), "amount"),
            Number(page.say("col.days_to_renewal"), used.get("days_to_renewal"), "days"),
            Number(
                page.say("col.active_users_last_28d"),
                used.get("active_users_last_28d"),
                note=f"/ {used.get('user_count', '–')}",
            ),
            Number(
                page.say("customer.value"),
                value.get("value_12m_base"),
                "amount",
                meaning=view.meaning("scores.customer_value.value_12m_base"),
            ),
        ],
    )
    if told.get("reasons"):
        action, why = plain(told.get("recommended_action") or ""), plain(told["reasons"])
        st.info(f"**{action}**  \n{why}" if action else why, icon=":material/call:")
    left, right = st.columns(2)
    with left:
        card(page, "customer.mrr", moves, lambda: _mrr(page, moves), height=240)
    with right:
        card(page, "customer.health", health, lambda: _health(page, health), height=240)
    factors(page, "customer.factors", risk)
    if page.session.role.sees_contacts and account:
        contacts = contacts_of_account(page, account)
        if len(contacts):
            table(page, "customer.contacts", contacts)
    table(
        page,
        "customer.periods",
        view.read(
            "facts.fact_subscription_period",
            ("subscription_id", "plan", "mrr", "currency", "is_trial", "start_date", "end_date", "cancelled_at"),
            where=of,
            order=("-start_date",),
        ),
    )
    table(
        page,
        "customer.payments",
        view.read(
            "facts.fact_payment",
            (
                "payment_id",
                "payment_status",
                "amount",
                "currency",
                "amount_base",
                "paid_at",
                "failed_at",
                "refunded_at",
            ),
            where=of,
            order=("-paid_at",),
            limit=200,
        ),
    )
    if account:
        table(
            page,
            "customer.deals",
            view.read(
                "facts.fact_deal",
                ("deal_id", "pipeline", "stage", "status", "amount_base", "created_at", "closed_at"),
                where={"account_id": account},
                order=("-created_at",),
            ),
            opens={"deal_id": "deal"},
        )
        table(
            page,
            "customer.tickets",
            view.read(
                "facts.fact_ticket",
                (
                    "ticket_id",
                    "ticket_category",
                    "ticket_priority",
                    "opened_at",
                    "resolved_at",
                    "is_open",
                    "open_hours",
                ),
                where={"account_id": account},
                order=("-opened_at",),
                limit=200,
            ),
        )
    done("customer")


def _mrr(page: Page, rows: Rows) -> Any:
    return columns(
        page.theme,
        [fmt(month, "month") for month in rows.column("mrr_month")],
        {"MRR": rows.column("end_base")},
        kind="amount",
        currency=page.currency,
        colours=(page.theme.data,),
    )


def _health(page: Page, rows: Rows) -> Any:
    return lines(
        page.theme,
        [fmt(day, "date") for day in rows.column("as_of")],
        {page.name_of("col", "health_score"): rows.column("score")},
        kind="score",
        area=True,
    )


main()
