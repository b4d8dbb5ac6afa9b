"""Who of those without a contract falls silent: neither buys nor uses the product for so many days after as_of.

Nobody who has no contract says when leaving. The chance follows from how often and how lately each was there, by the
modified BG/NBD model of all of the tenant.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from scoring.scores._common import CLOCK

if TYPE_CHECKING:
    import polars as pl

READS = ("features.uncontracted_day", CLOCK)
COLUMNS = {
    "tenant_id": "string",
    "activity": "string",
    "customer_id": "string",
    "as_of": "timestamp",
    "activity_day_count": "bigint",
    "first_activity_date": "date",
    "last_activity_date": "date",
    "silent_days": "bigint",
    "alive_rate": "double",
    "silence_probability_30d": "double",
    "silence_probability_90d": "double",
    "silence_reason": "string",
}


def compute(tables: Mapping[str, pl.DataFrame]) -> pl.DataFrame:
    """One row per activity and customer without a contract."""
    import polars as pl

    from scoring.applied import empty
    from scoring.lifetime.uncontracted import UNIT_DAYS, fitted, histories_of

    days = tables["features.uncontracted_day"].sort("tenant_id", "activity", "customer_id", "activity_date")
    if days.is_empty():
        return empty(COLUMNS)
    as_of = tables[CLOCK]["as_of"][0]
    told = []
    for (tenant, activity), own in days.group_by("tenant_id", "activity", maintain_order=True):
        histories = histories_of(own.with_columns(pl.col("spent_base").fill_null(0.0)), as_of.date())
        model, reason = fitted(histories)
        seen = own.group_by("customer_id", maintain_order=True).agg(
            pl.len().cast(pl.Int64).alias("activity_day_count"),
            pl.col("activity_date").min().alias("first_activity_date"),
            pl.col("activity_date").max().alias("last_activity_date"),
        )
        nothing = pl.Series([None] * histories.height, dtype=pl.Float64)
        chances = {
            "alive_rate": nothing if model is None else pl.Series(model.predict_alive(histories)),
            **{
                f"silence_probability_{ahead}d": nothing
                if model is None
                else pl.Series(model.predict_silence(histories, ahead / UNIT_DAYS))
                for ahead in (30, 90)
            },
        }
        found = histories.select("customer_id", *(values.alias(name) for name, values in chances.items()))
        told.append(
            seen.join(found, on="customer_id", how="left", maintain_order="left").with_columns(
                pl.lit(tenant).alias("tenant_id"),
                pl.lit(activity).alias("activity"),
                pl.lit(as_of).alias("as_of"),
                (pl.lit(as_of.date()) - pl.col("last_activity_date")).dt.total_days().alias("silent_days"),
                pl.lit(reason).alias("silence_reason"),
            )
        )
    return pl.concat(told).select(list(COLUMNS))
