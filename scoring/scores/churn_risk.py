"""Who of the paying customers may leave, why, and what to do about it, at as_of."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from scoring.scores._common import LATEST, MODELS

if TYPE_CHECKING:
    import polars as pl

READS = ("features.feat_customer", MODELS)
ROWS = {"features.feat_customer": LATEST}
COLUMNS = {
    "tenant_id": "string",
    "customer_id": "string",
    "as_of": "timestamp",
    "probability_30d": "double",
    "probability_90d": "double",
    "score": "bigint",
    "risk_level": "string",
    "triggers": "string",
    "reasons": "string",
    "recommended_action": "string",
    "mrr_base": "double",
    "days_to_renewal": "bigint",
    "value_at_risk_base": "double",
    "factors": "string",
    "model_version": "string",
    "model_reason": "string",
    "scored_at": "timestamp",
}
RED_FROM, YELLOW_FROM = 40.0, 15.0
"""Points of the triggers. Two serious ones at once are red, one is yellow."""
HIGH_LIFT, RAISED_LIFT = 3.0, 1.5
"""How many times the base rate a probability has to be, where a model with skill gives one."""


def compute(tables: Mapping[str, pl.DataFrame]) -> pl.DataFrame:
    """One row per customer who pays at as_of."""
    import polars as pl

    from scoring.applied import NO_MODEL, factors_of, latest, model_of, probability_of, whole_points, with_scored_at
    from scoring.rules import churn

    frame = latest(tables["features.feat_customer"]).sort("tenant_id", "customer_id")
    month, version_30d = model_of(tables, "churn_30d")
    quarter, version_90d = model_of(tables, "churn_90d")
    score = churn.rule_score(frame)
    p30, p90 = probability_of(month, frame), probability_of(quarter, frame)
    result = frame.select(
        "tenant_id", "customer_id", pl.col("cutoff_at").alias("as_of"), "mrr_base", "days_to_renewal"
    ).with_columns(
        p30.alias("probability_30d"),
        p90.alias("probability_90d"),
        score.alias("score"),
        churn.trigger_names(frame).list.join(", ").alias("triggers"),
        churn.reasons(frame).list.join("; ").alias("reasons"),
        factors_of(quarter, frame).alias("factors"),
        pl.lit(", ".join(one for one in (version_30d, version_90d) if one) or None, dtype=pl.String).alias(
            "model_version"
        ),
        pl.lit(NO_MODEL if quarter is None else quarter.reason).alias("model_reason"),
    )
    # A base rate says the same of all, and cannot rank; the rule then decides alone.
    base = None if quarter is None or quarter.kind == "base" else quarter.base_rate
    lift = pl.col("probability_90d") / base if base else pl.lit(None, dtype=pl.Float64)
    is_red = (pl.col("score") >= RED_FROM) | (lift >= HIGH_LIFT).fill_null(value=False)
    is_yellow = (pl.col("score") >= YELLOW_FROM) | (lift >= RAISED_LIFT).fill_null(value=False)
    level = pl.when(is_red).then(pl.lit("red")).when(is_yellow).then(pl.lit("yellow")).otherwise(pl.lit("green"))
    scored = result.with_columns(
        level.alias("risk_level"),
        level.replace_strict(churn.ACTIONS, return_dtype=pl.String).alias("recommended_action"),
        (pl.col("probability_90d") * 12 * pl.col("mrr_base")).alias("value_at_risk_base"),
        whole_points("score"),
    )
    return with_scored_at(scored, tables).select(list(COLUMNS))
