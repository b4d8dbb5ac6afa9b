"""What is each model worth, when was it wrong, and does it still see the world that it learnt from."""

import json
from typing import Any

import pyarrow as pa
import streamlit as st

from dashboards import session
from dashboards.charts.bars import bars
from dashboards.charts.lines import columns, lines
from dashboards.data import Rows
from dashboards.frame import Page, begin, done
from dashboards.parts import Number, card, numbers, table
from dashboards.text import plain
from warehouse import registry
from warehouse.numbers import fmt

ABOUT = {"group": "operations", "icon": "model_training", "order": 3}


def main() -> None:
    """Draw the page."""
    page = begin("scores", "period")
    home = session.hub().home
    versions = registry.versions(home)
    in_force = {one.score: one for one in versions if one.is_champion}
    newest = {one.score: one for one in versions}
    if not newest:
        st.info(page.say("scores.none"), icon=":material/model_training:")
        st.code("dealhouse models train", language=None)
    else:
        chosen = st.pills(
            page.say("scores.model"),
            sorted(newest),
            default=sorted(newest)[0],
            key="model",
            bind="query-params",
            required=True,
        )
        one = in_force.get(chosen or "") or newest.get(chosen or "") or next(iter(newest.values()))
        _model(page, one, json.loads(registry.load(home, one.score, one.version, registry.CARD)))
    months = page.view.read(
        "scores.score_month",
        (
            "score_name",
            "score_month",
            "model_version",
            "row_count",
            "known_count",
            "positive_count",
            "oe_ratio",
            "auc",
            "lift_at_10",
            "log_loss_skill",
            "score_psi",
            "verdict",
        ),
        months="score_month",
        order=("score_name", "score_month"),
    )
    card(page, "scores.drift", months, lambda: _drift(page, months), note=page.say("scores.drift.note"))
    table(page, "scores.months", months)
    table(
        page,
        "scores.backtest",
        page.view.read(
            "scores.revenue_backtest",
            (
                "as_of",
                "revenue_month",
                "months_ahead",
                "forecast_method",
                "expected_base",
                "p10_base",
                "p90_base",
                "actual_base",
                "is_in_range",
                "expected_error_base",
                "weighted_pipeline_error_base",
                "seasonal_naive_error_base",
            ),
            months="revenue_month",
            order=("-revenue_month", "months_ahead"),
            limit=500,
        ),
    )
    table(
        page,
        "scores.features",
        page.view.read(
            "scores.score_drift",
            (
                "score_name",
                "score_month",
                "feature_name",
                "verdict",
                "psi",
                "psi_by_chance",
                "missing_rate",
                "missing_rate_before",
                "unseen_rate",
                "row_count",
            ),
            months="score_month",
            order=("-score_month", "score_name", "-psi"),
            limit=1000,
        ),
        note=page.say("scores.features.note"),
    )
    table(
        page,
        "scores.segments",
        page.view.read(
            "scores.score_segment",
            (
                "score_name",
                "score_month",
                "segment_kind",
                "segment_value",
                "verdict",
                "oe_ratio",
                "oe_ratio_low",
                "oe_ratio_high",
                "auc",
                "lift_at_10",
                "row_count",
                "known_count",
                "positive_count",
            ),
            months="score_month",
            order=("-score_month", "score_name", "segment_kind", "segment_value"),
            limit=1000,
        ),
        note=page.say("scores.segments.note"),
    )
    done("scores")


def _model(page: Page, one: registry.ModelVersion, told: dict[str, Any]) -> None:
    measured = told.get("out_of_time") or {}
    st.subheader(plain(f"{one.version} · {told.get('kind', '')}"), anchor=False)
    st.caption(plain(f"{told.get('purpose', '')} {told.get('reason', '')}"))
    numbers(
        page,
        [
            Number(
                page.say("scores.state"),
                page.say("scores.in_force" if one.is_champion else "scores.challenger"),
                "text",
            ),
            Number(
                "AUC",
                f"{measured['auc']:.2f}" if measured.get("auc") is not None else None,
                "text",
                note=page.say("scores.later"),
            ),
            Number(page.say("scores.rows"), told.get("row_count")),
            Number(page.say("scores.base_rate"), told.get("base_rate"), "rate"),
            Number(page.say("scores.fitted"), one.fitted_at[:10], "text"),
        ],
        5,
    )
    reliability, deciles = _rows(told.get("reliability")), _rows(told.get("deciles"))
    left, right = st.columns(2)
    with left:
        card(
            page,
            "scores.calibration",
            reliability,
            lambda: _calibration(page, reliability),
            note=page.say("scores.calibration.note"),
        )
    with right:
        card(page, "scores.lift", deciles, lambda: _lift(page, deciles), note=page.say("scores.lift.note"))
    importance = _rows(told.get("importance"))
    if len(importance):
        card(page, "scores.importance", importance, lambda: _importance(page, importance), height=340)
    with st.expander(page.say("scores.card")):
        st.markdown(registry.load(session.hub().home, one.score, one.version, registry.CARD_TEXT))


def _rows(listed: list[dict[str, Any]] | None) -> Rows:
    return Rows(pa.Table.from_pylist(listed) if listed else pa.table({}))


def _calibration(page: Page, rows: Rows) -> Any:
    return lines(
        page.theme,
        [str(number) for number in rows.column("bin")],
        {
            page.say("scores.predicted"): rows.column("predicted_rate"),
            page.say("scores.observed"): rows.column("observed_rate"),
        },
        kind="rate",
    )


def _lift(page: Page, rows: Rows) -> Any:
    return columns(
        page.theme,
        [str(number) for number in rows.column("decile")],
        {page.say("scores.lift"): rows.column("lift")},
        kind="ratio",
        colours=(page.theme.data,),
    )


def _importance(page: Page, rows: Rows) -> Any:
    listed = list(rows)[:10]
    return bars(
        page.theme,
        [page.name_of("col", row["feature"]) for row in listed],
        [row["mean_absolute_log_odds"] for row in listed],
        kind="text",
    )


def _drift(page: Page, rows: Rows) -> Any:
    months = sorted(set(rows.column("score_month")))
    by = {(row["score_name"], row["score_month"]): row["score_psi"] for row in rows}
    return lines(
        page.theme,
        [fmt(month, "month") for month in months],
        {name: [by.get((name, month)) for month in months] for name in sorted({name for name, _ in by})},
        kind="ratio",
        target=0.2,
        target_label="0.2",
    )


main()
