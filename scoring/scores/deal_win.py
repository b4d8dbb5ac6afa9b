"""How likely each open deal is won, within 30 days and in the end, and when it is closed, at as_of."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from scoring.scores._common import MODELS, MONTH_ENDS

if TYPE_CHECKING:
    import polars as pl

READS = ("features.feat_deal", "features.deal_outcome", MODELS)
ROWS = {"features.feat_deal": MONTH_ENDS}
COLUMNS = {
    "tenant_id": "string",
    "deal_id": "string",
    "as_of": "timestamp",
    "probability_30d": "double",
    "probability": "double",
    "stated_probability": "double",
    "score": "bigint",
    "amount_base": "double",
    "expected_amount_base": "double",
    "predicted_close_date": "date",
    "predicted_close_low_date": "date",
    "predicted_close_high_date": "date",
    "close_date_method": "string",
    "factors": "string",
    "model_version": "string",
    "model_reason": "string",
    "scored_at": "timestamp",
}


def compute(tables: Mapping[str, pl.DataFrame]) -> pl.DataFrame:
    """One row per deal that is open at as_of."""
    import polars as pl

    from scoring.applied import NO_MODEL, factors_of, latest, model_of, probability_of, whole_points, with_scored_at
    from scoring.forecasting.close_date import close_dates
    from scoring.rules import deal

    frame = latest(tables["features.feat_deal"]).sort("tenant_id", "deal_id")
    month, version_30d = model_of(tables, "deal_30d")
    ever, version_ever = model_of(tables, "deal_ever")
    dates = close_dates(frame, tables["features.feat_deal"], tables["features.deal_outcome"])
    versions = ", ".join(one for one in (version_30d, version_ever) if one) or None
    scored = (
        frame.select(
            "tenant_id",
            "deal_id",
            pl.col("cutoff_at").alias("as_of"),
            pl.col("probability").alias("stated_probability"),
            "amount_base",
        )
        .with_columns(
            probability_of(month, frame).alias("probability_30d"),
            probability_of(ever, frame).alias("probability"),
            deal.rule_score(frame).alias("score"),
            *dates.get_columns(),
            factors_of(ever, frame).alias("factors"),
            pl.lit(versions, dtype=pl.String).alias("model_version"),
            pl.lit(NO_MODEL if ever is None else ever.reason).alias("model_reason"),
        )
        .with_columns((pl.col("probability") * pl.col("amount_base")).alias("expected_amount_base"))
        .with_columns(whole_points("score"))
    )
    return with_scored_at(scored, tables).select(list(COLUMNS))
