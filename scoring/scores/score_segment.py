"""For whom past scores were worth less: the measures of score_month by the segments that each spec names."""

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
    "segment_kind": "string",
    "segment_value": "string",
    **score_month.MEASURES,
    "verdict": "string",
}


def compute(tables: Mapping[str, pl.DataFrame]) -> pl.DataFrame:
    """One row per score, month of cut-offs that the model in force has not learnt from, and segment."""
    from scoring.monitoring import past_segments

    return past_segments(tables, COLUMNS)
