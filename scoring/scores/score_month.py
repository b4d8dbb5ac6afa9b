"""What past scores were worth: the model in force, at cut-offs later than it has learnt from, against what happened.

The rows were not seen in training, so that the measure is honest without keeping every score that was ever given; and
it can be computed again for any past day.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from scoring.scores._common import CLOCK, MODELS, UNSEEN

if TYPE_CHECKING:
    import polars as pl

READS = (CLOCK, MODELS, *UNSEEN)
ROWS = UNSEEN
MEASURES = {
    "model_version": "string",
    "row_count": "bigint",
    "known_count": "bigint",
    "positive_count": "bigint",
    "expected_count": "double",
    "oe_ratio": "double",
    "oe_ratio_low": "double",
    "oe_ratio_high": "double",
    "auc": "double",
    "lift_at_10": "double",
    "log_loss_skill": "double",
}
"""What rows that came later than all that a model has learnt from say of it."""
COLUMNS = {
    "tenant_id": "string",
    "score_name": "string",
    "score_month": "date",
    **MEASURES,
    "score_psi": "double",
    "judged_at": "timestamp",
    "verdict": "string",
}


def compute(tables: Mapping[str, pl.DataFrame]) -> pl.DataFrame:
    """One row per score and month of cut-offs that the model in force has not learnt from."""
    from scoring.monitoring import past_scores

    return past_scores(tables, COLUMNS)
