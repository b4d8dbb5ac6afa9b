"""What speaks for a deal, without a model: how far it has come, whether it moves, and whether it was put off."""

import polars as pl

from scoring.rules.points import linear, weigh

WEIGHTS = {"stage_order": 0.4, "stage_age_ratio": 0.2, "push_count": 0.2, "days_since_last_activity": 0.2}
PARTS = {
    "stage_order": linear("stage_order", 1, 7),
    "stage_age_ratio": linear("stage_age_ratio", 3, 0.5),
    "push_count": linear("push_count", 3, 0),
    "days_since_last_activity": linear("days_since_last_activity", 45, 0),
}


def rule_score(frame: pl.DataFrame) -> pl.Series:
    """Weighted points, 0 to 100, shape (n,); 50 where nothing is known."""
    points = frame.select([part.alias(name) for name, part in PARTS.items()])
    return weigh(points, WEIGHTS).score.fill_null(50.0).alias("rule_score")
