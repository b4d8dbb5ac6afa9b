"""What is in the pipeline, what is stalled, slipping or without a next step, and how has it moved."""

from dataclasses import replace
from typing import Any

import streamlit as st

from dashboards.charts.bars import bars, bullets
from dashboards.charts.flow import waterfall
from dashboards.charts.lines import columns, lines
from dashboards.data import Between, NotYet, Rows
from dashboards.frame import Page, begin, done
from dashboards.parts import Number, card, numbers, table
from warehouse.numbers import fmt

ABOUT = {"group": "revenue", "icon": "view_kanban", "order": 1}

FLOW = ("new", "moved_in", "reopened", "increased", "decreased", "fx", "moved_out", "won", "lost", "cancelled")
OUT = {"decreased", "moved_out", "won", "lost", "cancelled"}
BOARD = ("deal_count", "amount_base", "weighted_amount_base", "stalled_count", "slipping_count")
MISSED = ("next_step_overdue_count", "next_step_missing_count")


def main() -> None:
    """Draw the page."""
    page = begin("sales", "period", "segment", "owner")
    view = page.view
    largest = view.read("marts.pipeline_stage", ("pipeline",), sums=("deal_count",), order=("-deal_count",))
    pipelines = largest.column("pipeline") or view.values("marts.win_loss", "pipeline")
    if not pipelines:
        st.info(page.say("state.empty"))
        done("sales")
        return
    # A list shows texts of users as they are; buttons would read them as Markdown, and the address hold what they show.
    pipeline = st.selectbox(page.say("filter.pipeline"), pipelines, key="pipeline", bind="query-params", width=220)
    of = {"pipeline": pipeline}
    total = view.read("marts.pipeline_stage", sums=(*BOARD, *MISSED), where=of, by="columns")
    board = view.read("marts.pipeline_stage", ("stage",), sums=BOARD, where=of, by="columns")
    stages = view.read("facts.dim_stage", ("stage", "stage_order"), where=of, order=("stage_order",)).column("stage")
    now = total.first()
    win = view.read(
        "marts.win_loss",
        (
            "period_month",
            "won_base",
            "won_count",
            "lost_count",
            "closed_win_rate",
            "median_sales_cycle_days",
            "velocity_base_per_day",
            "is_month_complete",
        ),
        where=of,
        months="period_month",
        by="dimension",
        order=("period_month",),
    )
    last = next((row for row in reversed(list(win)) if row["is_month_complete"]), {})
    month = fmt(last.get("period_month"), "month")
    meaning = view.meaning
    numbers(
        page,
        [
            Number(page.say("sales.open"), now.get("deal_count"), meaning=meaning("marts.pipeline_stage.deal_count")),
            Number(page.say("sales.amount"), now.get("amount_base"), "amount"),
            Number(
                page.say("sales.weighted"),
                now.get("weighted_amount_base"),
                "amount",
                meaning=meaning("marts.pipeline_stage.weighted_amount_base"),
            ),
            Number(
                page.say("sales.stalled"),
                now.get("stalled_count"),
                meaning=meaning("marts.pipeline_stage.stalled_count"),
            ),
            Number(
                page.say("sales.slipping"),
                now.get("slipping_count"),
                meaning=meaning("marts.pipeline_stage.slipping_count"),
            ),
            Number(
                page.say("sales.win_rate"),
                last.get("closed_win_rate"),
                "rate",
                note=month,
                meaning=meaning("marts.win_loss.closed_win_rate"),
                trend=win.column("closed_win_rate"),
            ),
        ],
        of=(total, win),
    )
    left, right = st.columns(2)
    with left:
        card(page, "sales.board", board, lambda: _board(page, board, stages), note=page.say("sales.board.note"))
    flow = _flow_rows(page, pipeline)
    moved = view.read(
        "marts.pipeline_flow",
        sums=[f"{name}_base" for name in FLOW],
        where={**of, "period_kind": "month"},
        months="period_start_date",
        by="dimension",
    )
    with right:
        card(page, "sales.flow", flow, lambda: _flow(page, flow, moved), note=_between(flow))
    left, right = st.columns(2)
    forecast = view.read(
        "marts.forecast",
        (
            "period_month",
            "snapshot_date",
            "won_to_date_base",
            "commit_base",
            "best_case_base",
            "pipeline_base",
            "weighted_base",
            "target_base",
        ),
        # Months to come are what a forecast is for, so that the period only says from when.
        where={
            **of,
            "snapshot_date": Between(high=view.filters.as_of),
            "period_month": Between(low=view.filters.first_month),
        },
        by="owner",
        order=("period_month", "-snapshot_date"),
    )
    accuracy = view.read(
        "marts.forecast",
        (
            "period_month",
            "snapshot_date",
            "commit_base",
            "weighted_base",
            "target_base",
            "actual_won_base",
            "commit_accuracy",
            "weighted_accuracy",
        ),
        where={**of, "snapshot_date": Between(high=view.filters.as_of)},
        months="period_month",
        by="owner",
        order=("period_month", "-snapshot_date"),
    )
    newest = _newest(forecast)
    won = {row["period_month"]: row["actual_won_base"] for row in accuracy}
    with left:
        card(page, "sales.forecast", newest, lambda: _forecast(page, newest, won), note=page.say("sales.forecast.note"))
    with right:
        card(page, "sales.win_loss", win, lambda: _win_loss(page, win), note=page.say("sales.win_loss.note"))
    expected = view.read(
        "scores.revenue_forecast",
        (
            "revenue_month",
            "forecast_method",
            "forecast_reason",
            "won_to_date_base",
            "expected_base",
            "p10_base",
            "p50_base",
            "p90_base",
            "weighted_pipeline_base",
            "seasonal_naive_base",
            "open_deal_count",
        ),
        order=("revenue_month",),
    )
    card(page, "sales.expected", expected, lambda: _expected(page, expected), note=page.say("sales.expected.note"))
    left, right = st.columns(2)
    aging = view.read(
        "marts.deal_aging",
        (
            "deal_id",
            "stage",
            "owner_id",
            "amount_base",
            "age_days",
            "days_in_stage",
            "p75_days_of_won",
            "is_stalled",
            "is_slipping",
            "push_count",
            "next_step_status",
            "next_step_due_at",
            "expected_close_date",
            "industry",
        ),
        where=of,
        by="columns",
        order=("-amount_base",),
    )
    reasons = view.read(
        "marts.win_loss",
        ("dimension_value",),
        sums=("lost_count", "lost_base"),
        where={**of, "dimension": "lost_reason", "lost_count": Between(low=1)},
        months="period_month",
        order=("-lost_count",),
    )
    with left:
        card(page, "sales.aging", aging, lambda: _aging(page, aging), note=page.say("sales.aging.note"))
    with right:
        card(page, "sales.reasons", reasons, lambda: _reasons(page, reasons))
    _deals(page, aging, stages)
    _on_that_day(page, pipeline)
    slipped = view.read(
        "marts.slippage",
        ("period_month", "due_count", "due_base", "slipped_count", "slipped_base", "slippage_rate", "pushed_count"),
        where=of,
        months="period_month",
        by="dimension",
        order=("period_month",),
    )
    table(page, "sales.slippage", slipped)
    table(page, "sales.accuracy", accuracy, note=page.say("sales.accuracy.note"))
    done("sales")


def _deals(page: Page, aging: Rows, stages: list[str]) -> None:
    """The open deals; a stage may be chosen, and stands in the URL."""
    known = [stage for stage in stages if stage in set(aging.column("stage"))]
    stage = None
    if known:
        stage = st.selectbox(
            page.say("col.stage"),
            known,
            index=None,
            key="stage",
            bind="query-params",
            placeholder=page.say("filter.all"),
            width=220,
        )
    if stage:
        aging = replace(aging, table=aging.table.filter([value == stage for value in aging.column("stage")]))
    table(page, "sales.deals", aging, opens={"deal_id": "deal"}, note=page.say("sales.deals.note"))


def _on_that_day(page: Page, pipeline: str) -> None:
    """The pipeline as it stood on the chosen day, whatever has become of it since."""
    view = page.view
    day = view.filters.as_of
    stood = view.read(
        "marts.deal_days",
        ("deal_id", "stage", "owner_id", "amount_base", "expected_close_date", "probability", "forecast_category"),
        where={
            "pipeline": pipeline,
            "status": "open",
            "valid_from_date": Between(high=day),
            "valid_to_date": NotYet(day),
        }
        | ({"owner_id": view.filters.owner} if view.filters.owner else {}),
        order=("-amount_base",),
    )
    table(page, "sales.on_day", stood, opens={"deal_id": "deal"}, note=fmt(day, "date"))


def _board(page: Page, rows: Rows, stages: list[str]) -> Any:
    by = {row["stage"]: row for row in rows}
    listed = [stage for stage in stages if stage in by]
    return bars(
        page.theme,
        [page.name_of("val", stage) for stage in listed],
        [by[stage]["amount_base"] for stage in listed],
        kind="amount",
        currency=page.currency,
        notes=[f"· {by[stage]['deal_count']}" for stage in listed],
    )


def _flow_rows(page: Page, pipeline: str) -> Rows:
    view = page.view
    measures = ["opening_base", *(f"{name}_base" for name in FLOW), "closing_base"]
    return view.read(
        "marts.pipeline_flow",
        ("period_start_date", "period_last_date", *measures),
        where={"pipeline": pipeline, "period_kind": "month"},
        months="period_start_date",
        by="dimension",
        order=("period_start_date",),
    )


def _between(flow: Rows) -> str:
    if not len(flow):
        return ""
    return f"{fmt(flow.column('period_start_date')[0], 'date')} → {fmt(flow.column('period_last_date')[-1], 'date')}"


def _flow(page: Page, rows: Rows, moved: Rows) -> Any:
    """From the opening of the first month to the closing of the last; between them the sums of the months."""
    sums = moved.first()
    steps = [(name, (sums[f"{name}_base"] or 0) * (-1 if name in OUT else 1)) for name in FLOW]
    shown = [(name, value) for name, value in steps if value]
    return waterfall(
        page.theme,
        [page.say("sales.opening"), *(page.name_of("val", name) for name, _ in shown), page.say("sales.closing")],
        [rows.column("opening_base")[0] or 0, *(value for _, value in shown), rows.column("closing_base")[-1] or 0],
        currency=page.currency,
    )


def _newest(forecast: Rows) -> Rows:
    """The last snapshot of each month."""
    seen: set[Any] = set()
    keep = []
    for month in forecast.column("period_month"):
        keep.append(month not in seen)
        seen.add(month)
    return replace(forecast, table=forecast.table.filter(keep)) if keep else forecast


def _forecast(page: Page, rows: Rows, won: dict[Any, float | None]) -> Any:
    months = rows.column("period_month")
    names = ("commit_base", "best_case_base", "weighted_base")
    return lines(
        page.theme,
        [fmt(month, "month") for month in months],
        {page.name_of("col", name): rows.column(name) for name in names}
        | {page.name_of("col", "actual_won_base"): [won.get(month) for month in months]},
        kind="amount",
        currency=page.currency,
    )


def _expected(page: Page, rows: Rows) -> Any:
    """The model's expectation within its range, beside what everybody could expect without one."""
    names = ("expected_base", "p10_base", "p90_base", "weighted_pipeline_base", "seasonal_naive_base")
    found = {name: rows.column(name) for name in names}
    return lines(
        page.theme,
        [fmt(month, "month") for month in rows.column("revenue_month")],
        {page.name_of("col", name): values for name, values in found.items() if any(v is not None for v in values)},
        kind="amount",
        currency=page.currency,
    )


def _win_loss(page: Page, rows: Rows) -> Any:
    return columns(
        page.theme,
        [fmt(month, "month") for month in rows.column("period_month")],
        {page.name_of("col", name): rows.column(name) for name in ("won_count", "lost_count")},
        colours=(page.theme.good, page.theme.bad),
        stacked=False,
    )


def _aging(page: Page, rows: Rows) -> Any:
    """The open deals that are worth most: days in their stage, against what three of four won deals took there."""
    listed = [row for row in rows if row["p75_days_of_won"]][:10]
    return bullets(
        page.theme,
        [row["deal_id"] for row in listed],
        [row["days_in_stage"] for row in listed],
        [row["p75_days_of_won"] for row in listed],
        "days",
    )


def _reasons(page: Page, rows: Rows) -> Any:
    listed = list(rows)[:8]
    return bars(
        page.theme,
        [page.name_of("val", row["dimension_value"]) for row in listed],
        [row["lost_count"] for row in listed],
        notes=["· " + fmt(row["lost_base"], "amount", currency=page.currency) for row in listed],
    )


main()
