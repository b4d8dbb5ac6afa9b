"""How good each open lead is at as_of: by rule, by probability, and as a tier to work from."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from scoring.scores._common import LATEST, MODELS

if TYPE_CHECKING:
    import polars as pl

READS = ("features.feat_lead", "seeds.lead_part", "seeds.lead_word", MODELS)
ROWS = {"features.feat_lead": LATEST}
COLUMNS = {
    "tenant_id": "string",
    "lead_id": "string",
    "as_of": "timestamp",
    "score": "bigint",
    "fit_score": "double",
    "engagement_score": "double",
    "coverage": "double",
    "icp_score": "double",
    "bant_score": "double",
    "champ_score": "double",
    "probability": "double",
    "tier": "string",
    "has_enough_data": "boolean",
    "asks_for_call": "boolean",
    "is_answered": "boolean",
    "missing_parts": "string",
    "tier_change": "string",
    "points": "string",
    "factors": "string",
    "model_version": "string",
    "model_reason": "string",
    "scored_at": "timestamp",
}


def compute(tables: Mapping[str, pl.DataFrame]) -> pl.DataFrame:
    """One row per lead that is open at as_of."""
    import polars as pl

    from scoring.applied import (
        NO_MODEL,
        empty,
        factors_of,
        latest,
        model_of,
        probability_of,
        whole_points,
        with_scored_at,
    )
    from scoring.rules import lead

    frame = latest(tables["features.feat_lead"]).sort("tenant_id", "lead_id")
    if frame.is_empty():
        return empty(COLUMNS)
    parts = lead.parts_of(tables["seeds.lead_part"], tables["seeds.lead_word"])
    scored = lead.lead_score(frame, parts)
    model, version = model_of(tables, "lead_90d")
    told = pl.struct([pl.col(f"{part.name}_points").round(1).alias(part.name) for part in parts]).struct.json_encode()
    base = None if model is None or model.kind == "base" else model.base_rate
    result = pl.concat([frame, scored], how="horizontal").with_columns(
        pl.col("cutoff_at").alias("as_of"),
        pl.col("score").fill_null(0.0),
        probability_of(model, frame).alias("probability"),
        pl.col("icp_fit_score").cast(pl.Float64).alias("icp_score"),
        lead.share_confirmed(frame, lead.BANT).alias("bant_score"),
        lead.share_confirmed(frame, lead.CHAMP).alias("champ_score"),
        (pl.col("coverage") >= lead.MIN_COVERAGE).alias("has_enough_data"),
        told.alias("points"),
        factors_of(model, frame).alias("factors"),
        pl.lit(version, dtype=pl.String).alias("model_version"),
        pl.lit(NO_MODEL if model is None else model.reason).alias("model_reason"),
    )
    lift = pl.col("probability") / base if base else pl.lit(None, dtype=pl.Float64)
    tiered = result.with_columns(lead.tier(pl.col("score"), lift).alias("tier"))
    scored_rows = tiered.with_columns(
        lead.missing_parts(frame, parts).list.join(", ").alias("missing_parts"),
        lead.tier_changes(frame, scored, tiered["tier"], parts),
        whole_points("score"),
    )
    return with_scored_at(scored_rows, tables).select(list(COLUMNS))
