"""Health of a customer, 0 to 100, from five factors; what is not known counts for nothing and lowers the coverage.

Red below 50 is the specification's; yellow ends where a customer has three quarters of what there is to have. Weights
and the values that give no and all points stand in ``seeds/health_factor.csv``, which users edit.
"""

from dataclasses import dataclass

import polars as pl

from scoring.rules.points import linear, weigh

RED_BELOW, YELLOW_BELOW = 50.0, 75.0
MIN_COVERAGE = 0.5
NPS_DAYS = 365
"""An older answer says nothing of the mood of today."""


@dataclass(frozen=True)
class Factor:
    """A factor of the seed: its weight, and the values at which it has 0 and 100 points."""

    name: str
    weight: float
    nought: float
    full: float


def factors_of(seed: pl.DataFrame) -> tuple[Factor, ...]:
    """Factors from rows of ``seeds.health_factor``, by name."""
    return tuple(
        Factor(row["factor"], float(row["weight"]), float(row["no_points_at"]), float(row["all_points_at"]))
        for row in seed.sort("factor").iter_rows(named=True)
    )


def measures(frame: pl.DataFrame) -> pl.DataFrame:
    """What each factor is measured by, from the features of customers; null where it is not known."""
    return frame.select(
        pl.col("active_day_count_30d").alias("usage_frequency"),
        pl.col("distinct_key_feature_count_30d").alias("feature_adoption"),
        pl.when(pl.col("email_count_90d") > 0)
        .then(pl.col("email_open_count_90d") / pl.col("email_count_90d"))
        .alias("engagement"),
        (pl.col("open_ticket_count") + pl.col("open_urgent_ticket_count")).alias("support_tickets"),
        pl.when(pl.col("nps_age_days") <= NPS_DAYS).then(pl.col("nps_score")).alias("sentiment"),
    )


def health(frame: pl.DataFrame, factors: tuple[Factor, ...]) -> pl.DataFrame:
    """Health of each row of the features of customers.

    Returns
    -------
    polars.DataFrame
        ``score`` (0 to 100), ``coverage`` (0 to 1), ``risk_level`` (red, yellow, green; null where less than half is
        known), and per factor ``<factor>_points`` (0 to 100) and ``<factor>_lost`` (points of the score that it costs,
        which with the score sum to 100).
    """
    points = measures(frame).select([linear(one.name, one.nought, one.full).alias(one.name) for one in factors])
    weighed = weigh(points, {one.name: one.weight for one in factors})
    lost = [
        pl.Series(f"{one.name}_lost", weighed.lost[:, i] if frame.height else [], dtype=pl.Float64)
        for i, one in enumerate(factors)
    ]
    result = pl.DataFrame([weighed.score.alias("score"), weighed.coverage.alias("coverage"), *lost])
    return result.select(
        "score",
        "coverage",
        pl.when(pl.col("coverage") < MIN_COVERAGE)
        .then(None)
        .when(pl.col("score") < RED_BELOW)
        .then(pl.lit("red"))
        .when(pl.col("score") < YELLOW_BELOW)
        .then(pl.lit("yellow"))
        .otherwise(pl.lit("green"))
        .alias("risk_level"),
        *(points[one.name].alias(f"{one.name}_points") for one in factors),
        # What is not known costs nothing, and that is not the same as 0.
        *(pl.when(points[one.name].is_not_null()).then(pl.col(f"{one.name}_lost")) for one in factors),
    )
