"""How does recurring revenue move, when is a customer paid back, and how did the shop's month go."""

from typing import Any

import streamlit as st

from dashboards.charts.bars import bars
from dashboards.charts.flow import waterfall
from dashboards.charts.lines import columns, lines
from dashboards.data import Rows
from dashboards.frame import Page, begin, done
from dashboards.parts import Number, card, numbers, table
from warehouse.numbers import fmt

ABOUT = {"group": "leadership", "icon": "payments", "order": 2}

UP = ("new_base", "reactivation_base", "expansion_base")
DOWN = ("contraction_base", "churn_base")


def main() -> None:
    """Draw the page."""
    page = begin("finance", "period")
    view = page.view
    mrr = view.read(
        "marts.mrr_month",
        (
            "mrr_month",
            "start_base",
            *UP,
            *DOWN,
            "fx_base",
            "moved_base",
            "end_base",
            "arr_base",
            "nrr",
            "grr",
            "nrr_trailing_12m",
            "quick_ratio",
            "revenue_churn_rate",
            "is_complete",
        ),
        where={"segment_kind": "total"},
        months="mrr_month",
        order=("mrr_month",),
    )
    last = next((row for row in reversed(list(mrr)) if row["is_complete"]), {})
    worth = view.read(
        "marts.ltv_cac",
        ("calendar_month", "payback_months", "cac", "arpa", "gross_margin_rate", "is_complete"),
        where={"channel": "(all)"},
        months="calendar_month",
        order=("calendar_month",),
    )
    paid = next((row for row in reversed(list(worth)) if row["is_complete"]), {})
    month = fmt(last.get("mrr_month"), "month")
    say = page.say
    numbers(
        page,
        [
            Number(
                "MRR",
                last.get("end_base"),
                "amount",
                note=month,
                meaning=view.meaning("marts.mrr_month.end_base"),
                trend=mrr.column("end_base"),
            ),
            Number("ARR", last.get("arr_base"), "amount", note=month, meaning=view.meaning("marts.mrr_month.arr_base")),
            Number("NRR", last.get("nrr"), "rate", note=month, meaning=view.meaning("marts.mrr_month.nrr")),
            Number("GRR", last.get("grr"), "rate", note=month, meaning=view.meaning("marts.mrr_month.grr")),
            Number(
                say("col.quick_ratio"),
                last.get("quick_ratio"),
                "ratio",
                note=month,
                meaning=view.meaning("marts.mrr_month.quick_ratio"),
            ),
            Number(
                say("kpi.payback_months"),
                paid.get("payback_months"),
                "months",
                meaning=view.meaning("marts.ltv_cac.payback_months"),
            ),
        ],
    )
    left, right = st.columns((3, 2))
    with left:
        card(page, "finance.movement", mrr, lambda: _movement(page, mrr), note=say("finance.movement.note"))
    with right:
        card(page, "finance.waterfall", mrr, lambda: _waterfall(page, last), note=month)
    left, right = st.columns(2)
    with left:
        card(page, "finance.retention", mrr, lambda: _retention(page, mrr), note=say("finance.retention.note"))
    with right:
        card(page, "finance.payback", worth, lambda: _payback(page, worth), note=say("finance.payback.note"))
    shop = view.read(
        "marts.shop_month",
        (
            "calendar_month",
            "order_count",
            "sold_count",
            "revenue_base",
            "cost_base",
            "margin_base",
            "expense_base",
            "profit_base",
            "expenses_to_revenue",
            "average_order_base",
            "cash_in_base",
            "cash_out_base",
            "is_complete",
        ),
        months="calendar_month",
        order=("calendar_month",),
    )
    expenses = view.read(
        "marts.expense_month",
        ("expense_category",),
        sums=("expense_base",),
        months="calendar_month",
        order=("-expense_base",),
    )
    if len(shop) or shop.missing:
        card(page, "finance.shop", shop, lambda: _shop(page, shop))
        table(page, "finance.shop_rows", shop)
    card(page, "finance.expenses", expenses, lambda: _expenses(page, expenses), height=220)
    table(
        page,
        "finance.movers",
        view.read(
            "marts.mrr_movement",
            ("customer_id", "mrr_month", "movement", "start_base", "amount_base", "end_base", "start_plan", "end_plan"),
            where={"movement": ("new", "reactivation", "expansion", "contraction", "churn")},
            months="mrr_month",
            order=("-mrr_month", "-amount_base"),
            limit=1000,
        ),
        opens={"customer_id": "customer"},
        note=say("finance.movers.note"),
    )
    table(
        page,
        "finance.segments",
        view.read(
            "marts.mrr_month",
            ("segment_kind", "segment_value", "start_base", "end_base", "nrr", "grr", "end_customer_count"),
            where={"mrr_month": last.get("mrr_month"), "segment_kind": ("plan", "segment", "channel")},
            order=("segment_kind", "-end_base"),
        ),
        note=month,
    )
    products = view.read(
        "marts.shop_product",
        ("product",),
        sums=("sold_count", "revenue_base", "margin_base"),
        ratios={"margin_rate": (("margin_base",), ("revenue_base",))},
        months="calendar_month",
        order=("-revenue_base",),
    )
    if len(products):
        table(page, "finance.products", products)
    cash = view.read(
        "marts.shop_cash",
        (
            "calendar_month",
            "provider",
            "received_count",
            "refunded_count",
            "failed_count",
            "failed_rate",
            "cash_in_base",
            "cash_out_base",
            "net_cash_base",
        ),
        months="calendar_month",
        order=("-calendar_month", "provider"),
    )
    if len(cash):
        table(page, "finance.cash", cash)
    orders = view.read(
        "marts.shop_order_status",
        (
            "calendar_month",
            "product",
            "order_status",
            "order_count",
            "amount_base",
            "median_hours_to_issue",
            "longest_since_at",
        ),
        months="calendar_month",
        order=("-calendar_month", "product", "order_status"),
        limit=1000,
    )
    if len(orders):
        table(page, "finance.orders", orders)
    done("finance")


def _movement(page: Page, rows: Rows) -> Any:
    series = {page.name_of("col", name): rows.column(name) for name in UP}
    # The mart states losses as what was lost.
    series |= {page.name_of("col", name): [-abs(value or 0) for value in rows.column(name)] for name in DOWN}
    theme = page.theme
    return columns(
        theme,
        [fmt(month, "month") for month in rows.column("mrr_month")],
        series,
        kind="amount",
        currency=page.currency,
        colours=(theme.data, theme.categorical[1], theme.good, theme.warn, theme.bad),
    )


def _waterfall(page: Page, last: dict[str, Any]) -> Any:
    steps = [(name, last.get(name) or 0) for name in UP] + [(name, -abs(last.get(name) or 0)) for name in DOWN]
    steps += [("fx_base", last.get("fx_base") or 0)]
    shown = [(name, value) for name, value in steps if value]
    return waterfall(
        page.theme,
        [page.say("finance.start"), *(page.name_of("col", name) for name, _ in shown), page.say("finance.end")],
        [last.get("start_base") or 0, *(value for _, value in shown), last.get("end_base") or 0],
        currency=page.currency,
    )


def _retention(page: Page, rows: Rows) -> Any:
    return lines(
        page.theme,
        [fmt(month, "month") for month in rows.column("mrr_month")],
        {"NRR": rows.column("nrr"), "GRR": rows.column("grr")},
        kind="rate",
        target=1.0,
        target_label="100%",
        from_zero=False,
    )


def _payback(page: Page, rows: Rows) -> Any:
    return lines(
        page.theme,
        [fmt(month, "month") for month in rows.column("calendar_month")],
        {page.say("kpi.payback_months"): rows.column("payback_months")},
        kind="months",
        area=True,
    )


def _shop(page: Page, rows: Rows) -> Any:
    names = ("revenue_base", "expense_base")
    return columns(
        page.theme,
        [fmt(month, "month") for month in rows.column("calendar_month")],
        {page.name_of("col", name): rows.column(name) for name in names},
        kind="amount",
        currency=page.currency,
        colours=(page.theme.data, page.theme.categorical[5]),
        stacked=False,
        line=(page.name_of("col", "profit_base"), rows.column("profit_base")),
    )


def _expenses(page: Page, rows: Rows) -> Any:
    listed = list(rows)[:9]
    return bars(
        page.theme,
        [page.name_of("val", row["expense_category"]) for row in listed],
        [row["expense_base"] for row in listed],
        kind="amount",
        currency=page.currency,
    )


main()
