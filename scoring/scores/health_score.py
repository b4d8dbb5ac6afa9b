"""Health of each paying customer at the start of each month and at as_of, with what it costs points."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import polars as pl

READS = ("features.feat_customer", "seeds.health_factor")
COLUMNS = {
    "tenant_id": "string",
    "customer_id": "string",
    "as_of": "timestamp",
    "is_latest": "boolean",
    "score": "bigint",
    "risk_level": "string",
    "coverage": "double",
    "previous_score": "double",
    "score_change": "double",
    "moved_by": "string",
    "moved_in_words": "string",
    "level_change": "string",
    "factors": "string",
}


LEAST = 0.05
"""Points that are worth a word."""


def compute(tables: Mapping[str, pl.DataFrame]) -> pl.DataFrame:
    """Score every row of the features of customers, and set it against the one before."""
    import polars as pl

    from scoring.applied import empty, whole_points
    from scoring.rules.health import factors_of, health, level_changes, measures

    features = tables["features.feat_customer"].sort("tenant_id", "customer_id", "cutoff_at", "is_latest")
    if features.is_empty():
        return empty(COLUMNS)
    factors = factors_of(tables["seeds.health_factor"])
    found = health(features, factors)
    names = [one.name for one in factors]
    lost = [f"{name}_lost" for name in names]
    measured = measures(features).select(pl.col(name).cast(pl.Float64).alias(f"{name}_value") for name in names)
    frame = pl.concat(
        [features.select("tenant_id", "customer_id", pl.col("cutoff_at").alias("as_of"), "is_latest"), found, measured],
        how="horizontal",
    )
    whose = ["tenant_id", "customer_id"]
    frame = frame.with_columns(
        pl.col("score").shift(1).over(whose).alias("previous_score"),
        *((pl.col(name).shift(1).over(whose) - pl.col(name)).alias(f"{name}_change") for name in lost),
        *(
            # What is not known costs nothing: learning it moves the score as well.
            (pl.col(f"{name}_lost").fill_null(0.0).shift(1).over(whose) - pl.col(f"{name}_lost").fill_null(0.0)).alias(
                f"{name}_moved"
            )
            for name in names
        ),
        *(pl.col(f"{name}_value").shift(1).over(whose).alias(f"{name}_before") for name in names),
    ).with_columns((pl.col("score") - pl.col("previous_score")).alias("score_change"))
    moved = [_moved_by(row) for row in frame.select([f"{name}_change" for name in lost]).iter_rows(named=True)]
    told = [_told(row) for row in frame.select(lost).iter_rows(named=True)]
    return frame.with_columns(
        pl.Series("moved_by", moved, dtype=pl.String),
        pl.Series("moved_in_words", [_moved(row, names) for row in frame.iter_rows(named=True)], dtype=pl.String),
        level_changes(features, found, factors),
        pl.Series("factors", told, dtype=pl.String),
        whole_points("score"),
    ).select(list(COLUMNS))


def _moved_by(changes: dict[str, float | None]) -> str | None:
    """Name of the factor that moved the score most since the last time, if one did."""
    known = {name.removesuffix("_lost_change"): value for name, value in changes.items() if value}
    return max(sorted(known), key=lambda name: abs(known[name])) if known else None


def _moved(row: Mapping[str, Any], names: list[str]) -> str | None:
    """What changed since the last time, the factor that moved the score most first; None where nothing did."""
    points = {name: row[f"{name}_moved"] or 0.0 for name in names}
    moved = sorted((name for name in names if abs(points[name]) >= LEAST), key=lambda name: (-abs(points[name]), name))
    said = []
    for name in moved:
        before, now = _value(row[f"{name}_before"]), _value(row[f"{name}_value"])
        # Where another factor became known or unknown, all others weigh less or more.
        what = f"from {before} to {now}" if before != now else f"still {now}, by another weight"
        said.append(f"{name.replace('_', ' ')} {what}: {points[name]:+.1f} points")
    return "; ".join(said) or None


def _value(number: float | None) -> str:
    return "unknown" if number is None else f"{round(number, 2):g}"


def _told(lost: dict[str, float | None]) -> str:
    """Points that each factor costs, null where it is not known."""
    points = {name.removesuffix("_lost"): None if value is None else round(value, 3) for name, value in lost.items()}
    return json.dumps(points)
