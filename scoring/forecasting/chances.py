"""Probabilities of winning for a forecast, from the models in force: at as_of, and where they have not learnt from."""

from collections.abc import Mapping
from datetime import datetime, timedelta

import numpy as np
import polars as pl

from scoring.applied import model_of
from scoring.forecasting.duration import month_snapshots
from scoring.forecasting.pipeline import Chances
from scoring.model import ScoreModel


def has_skill(model: ScoreModel | None) -> bool:
    """Whether a model tells deals apart; a base rate says the same of all, and similar deals say more."""
    return model is not None and model.kind != "base"


def chances_of(
    tables: Mapping[str, pl.DataFrame], features: pl.DataFrame, as_of: datetime
) -> dict[tuple[str, datetime], Chances]:
    """By tenant and moment, in the order of the rows of ``features``; none where no model with skill is in force."""
    ever, version = model_of(tables, "deal_ever")
    month, version_30d = model_of(tables, "deal_30d")
    if ever is None or not has_skill(ever):
        return {}
    soon = month if month is not None and has_skill(month) else None
    used = [(ever, version), *([(soon, version_30d)] if soon is not None else [])]
    # What a model has learnt from had come to an end some days after its last cut-off.
    seen = [one.trained_until + timedelta(days=one.spec.horizon_days) for one, _ in used if one.trained_until]
    new = [moment for moment in month_snapshots(features, as_of) if len(seen) == len(used) and moment > max(seen)]
    rows = features.filter(pl.col("is_latest") | pl.col("cutoff_at").is_in(new))
    if rows.is_empty():
        return {}
    told = rows.select("tenant_id", pl.when("is_latest").then(pl.lit(as_of)).otherwise("cutoff_at").alias("moment"))
    p_ever, p_soon = ever.probability(rows), None if soon is None else soon.probability(rows)
    found = {}
    for (tenant, moment), places in told.with_row_index().group_by("tenant_id", "moment"):
        chosen = np.sort(places["index"].to_numpy())
        found[str(tenant), moment] = Chances(
            p_ever[chosen], None if p_soon is None else p_soon[chosen], ", ".join(str(name) for _, name in used)
        )
    return found
