"""Whether subjects are still those that the models in force have learnt from: feature by feature, month by month."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from scoring.scores import score_month

if TYPE_CHECKING:
    import polars as pl

READS, ROWS = score_month.READS, score_month.ROWS
COLUMNS = {
    "tenant_id": "string",
    "score_name": "string",
    "score_month": "date",
    "feature_name": "string",
    "model_version": "string",
    "row_count": "bigint",
    "psi": "double",
    "psi_by_chance": "double",
    "missing_rate": "double",
    "missing_rate_before": "double",
    "unseen_rate": "double",
    "verdict": "string",
}


def compute(tables: Mapping[str, pl.DataFrame]) -> pl.DataFrame:
    """One row per score, month of cut-offs that the model in force has not learnt from, and feature."""
    from scoring.monitoring import drift

    return drift(tables, COLUMNS)
