"""Won revenue by month, forecast at as_of and at past month ends, beside the forecasts that everybody could make."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from scoring.scores._common import CLOCK, MODELS, MONTH_ENDS

if TYPE_CHECKING:
    import polars as pl

READS = ("features.feat_deal", "features.deal_outcome", CLOCK, MODELS)
ROWS = {"features.feat_deal": MONTH_ENDS}
COLUMNS = {
    "tenant_id": "string",
    "as_of": "timestamp",
    "is_latest": "boolean",
    "revenue_month": "date",
    "months_ahead": "bigint",
    "forecast_method": "string",
    "forecast_reason": "string",
    "won_to_date_base": "double",
    "expected_base": "double",
    "expected_of_open_base": "double",
    "expected_of_new_base": "double",
    "p10_base": "double",
    "p50_base": "double",
    "p90_base": "double",
    "weighted_pipeline_base": "double",
    "seasonal_naive_base": "double",
    "actual_base": "double",
    "open_deal_count": "bigint",
    "correction_factor": "double",
    "model_version": "string",
    "scored_at": "timestamp",
}


def compute(tables: Mapping[str, pl.DataFrame]) -> pl.DataFrame:
    """One row per tenant, moment of a forecast, and month."""
    from scoring.applied import empty, typed, with_scored_at
    from scoring.forecasting.chances import chances_of
    from scoring.forecasting.pipeline import revenue_forecasts

    features = tables["features.feat_deal"].sort("tenant_id", "deal_id", "cutoff_at", "is_latest")
    outcomes = tables["features.deal_outcome"].sort("tenant_id", "deal_id")
    if features.is_empty() and outcomes.is_empty():
        return empty(COLUMNS)
    as_of = tables[CLOCK]["as_of"][0]
    rows = revenue_forecasts(features, outcomes, as_of, chances_of(tables, features, as_of))
    return with_scored_at(typed(rows, COLUMNS), tables)
