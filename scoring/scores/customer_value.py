"""What a subscriber is expected to pay in the twelve months after as_of.

Contractual: the months that a customer is expected to stay, times what is paid for a month. With a chance p of leaving
within a month that stays the same, the expected number of the next twelve payments is Σ (1 − p)^k for k from 1 to 12
(Gupta and Lehmann, *Managing Customers as Investments*, 2005, with a horizon and without a discount). Where no model
tells customers apart, p is the rate of all.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from scoring.scores._common import MODELS

if TYPE_CHECKING:
    import polars as pl

READS = ("features.feat_customer", MODELS)
COLUMNS = {
    "tenant_id": "string",
    "customer_id": "string",
    "as_of": "timestamp",
    "mrr_base": "double",
    "monthly_churn_probability": "double",
    "expected_months": "double",
    "value_12m_base": "double",
    "model_version": "string",
    "model_reason": "string",
}
MONTHS = 12


def compute(tables: Mapping[str, pl.DataFrame]) -> pl.DataFrame:
    """One row per customer who pays at as_of."""
    import polars as pl

    from scoring.applied import NO_MODEL, latest, model_of, probability_of

    frame = latest(tables["features.feat_customer"]).sort("tenant_id", "customer_id")
    month, version = model_of(tables, "churn_30d")
    stays = 1 - pl.col("monthly_churn_probability")
    return (
        frame.select("tenant_id", "customer_id", pl.col("cutoff_at").alias("as_of"), "mrr_base")
        .with_columns(
            probability_of(month, frame).alias("monthly_churn_probability"),
            pl.lit(version, dtype=pl.String).alias("model_version"),
            pl.lit(NO_MODEL if month is None else month.reason).alias("model_reason"),
        )
        .with_columns(
            pl.sum_horizontal([stays**k for k in range(1, MONTHS + 1)], ignore_nulls=False).alias("expected_months")
        )
        .with_columns((pl.col("expected_months") * pl.col("mrr_base")).alias("value_12m_base"))
        .select(list(COLUMNS))
    )
