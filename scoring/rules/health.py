"""Health of a customer, 0 to 100, from five factors; what is not known counts for nothing and lowers the coverage.

Red below 50 is the specification's; yellow ends where a customer has three quarters of what there is to have. Weights
and the values that give no and all points stand in ``seeds/health_factor.csv``, which users edit.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import polars as pl

from scoring.rules.change import PartNow, smallest_change
from scoring.rules.points import linear, weigh

RED_BELOW, YELLOW_BELOW = 50.0, 75.0
MIN_COVERAGE = 0.5
JUST_BELOW = 0.01
"""Points under a border, which itself belongs to the better level."""
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


def level_changes(frame: pl.DataFrame, scored: pl.DataFrame, factors: tuple[Factor, ...]) -> pl.Series:
    """The smallest change of one factor that would bring each customer to the next better level, in words; shape (n,).

    Of a green customer it is the one that would make it yellow.

    Parameters
    ----------
    frame, scored
        Features, and what :func:`health` made of them, shape (n, …).
    """
    values = measures(frame).select(one.name for one in factors)
    given = pl.concat([values, scored], how="horizontal")
    told = [_level_change(row, factors) for row in given.iter_rows(named=True)]
    return pl.Series("level_change", told, dtype=pl.String)


def _level_change(row: Mapping[str, Any], factors: tuple[Factor, ...]) -> str:
    now = row["risk_level"]
    if now is None:
        return f"Only {100 * (row['coverage'] or 0):.0f} % of it is known; a level needs {100 * MIN_COVERAGE:.0f} %."
    wanted, target = {"red": ("yellow", RED_BELOW), "yellow": ("green", YELLOW_BELOW)}.get(
        now, ("yellow", YELLOW_BELOW)
    )
    parts = [
        PartNow(
            one.name,
            one.weight,
            row[f"{one.name}_points"],
            None if row[one.name] is None else float(row[one.name]),
            (one.nought, one.full),
            # An answer that nobody gave may come, and makes no healthy customer worse in the meantime.
            can_change=now != "green" or row[f"{one.name}_points"] is not None,
        )
        for one in factors
    ]
    found = smallest_change(parts, target if now != "green" else target - JUST_BELOW)
    if found is None:
        return f"No single factor would make it {wanted}: it is {abs(target - row['score']):.0f} points away."
    return f"{found.words[0].upper()}{found.words[1:]} would make it {wanted}."


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
