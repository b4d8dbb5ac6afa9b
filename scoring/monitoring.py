"""Measures the models in force on cut-offs that they have not learnt from, for scores.score_month."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import polars as pl

from scoring.applied import model_of
from scoring.evaluation.metrics import auc_interval, lift_at, log_loss_skill, oe_ratio, psi
from scoring.scores._common import CLOCK
from scoring.specs import SPECS, Spec

MIN_POSITIVES = 5


def past_scores(tables: Mapping[str, pl.DataFrame], columns: Mapping[str, str]) -> pl.DataFrame:
    """Measure each score in force, per tenant and month of cut-offs that its model has not learnt from.

    Parameters
    ----------
    tables
        Features and labels of all specs, the clock, and the models in force.
    columns
        Columns of the result with their types.
    """
    rows = [dict.fromkeys(columns) | row for spec in SPECS for row in _of(spec, tables)]
    kinds = {"string": pl.String, "date": pl.Date, "bigint": pl.Int64, "double": pl.Float64}
    return pl.DataFrame(rows, schema={name: kinds[kind] for name, kind in columns.items()})


def _of(spec: Spec, tables: Mapping[str, pl.DataFrame]) -> list[dict[str, Any]]:
    model, version = model_of(tables, spec.score)
    features = tables[spec.features]
    if model is None or model.base_rate is None or features.is_empty():
        return []
    as_of = tables[CLOCK]["as_of"][0]
    keys = ["tenant_id", spec.subject, "cutoff_at"]
    labels = tables[spec.labels].select(
        *keys, pl.when(pl.col(spec.known_at) <= as_of).then(pl.col(spec.label)).alias("label")
    )
    rows = features.join(labels, on=keys, how="left").sort(keys)
    if model.trained_until is not None:
        rows = rows.filter(pl.col("cutoff_at") > model.trained_until)
    rows = rows.filter(~pl.col("is_latest")).with_columns(
        pl.col("cutoff_at").dt.truncate("1mo").cast(pl.Date).alias("month")
    )
    found = []
    for (tenant, month), own in rows.group_by("tenant_id", "month", maintain_order=True):
        p = model.probability(own)
        row: dict[str, Any] = {
            "tenant_id": tenant,
            "score_name": spec.score,
            "score_month": month,
            "model_version": version,
            "row_count": own.height,
            "score_psi": psi(np.asarray(model.reference), p) if model.reference else None,
        }
        known = own["label"].is_not_null().to_numpy()
        y = own["label"].drop_nulls().cast(pl.Int64).to_numpy()
        row |= {"known_count": int(y.size), "positive_count": int(y.sum())}
        if y.size:
            row |= _measured(y, p[known], float(model.base_rate))
        row["verdict"] = _verdict(row)
        found.append({name: _finite(value) for name, value in row.items()})
    return found


def _measured(y: np.ndarray, p: np.ndarray, base: float) -> dict[str, Any]:
    ratio = oe_ratio(y, p)
    found: dict[str, Any] = {
        "expected_count": float(p.sum()),
        "oe_ratio": ratio.value,
        "oe_ratio_low": ratio.low,
        "oe_ratio_high": ratio.high,
    }
    if MIN_POSITIVES <= y.sum() <= y.size - MIN_POSITIVES:
        found |= {
            "auc": auc_interval(y, p).value,
            "lift_at_10": lift_at(y, p),
            "log_loss_skill": log_loss_skill(y, p, np.full(y.size, base)).value,
        }
    return found


def _verdict(row: Mapping[str, Any]) -> str:
    """By observed over expected, which follows the error of probabilities; a shift of scores alone only informs."""
    if row["positive_count"] < MIN_POSITIVES:
        return "unknown"
    low, high, ratio = row["oe_ratio_low"], row["oe_ratio_high"], row["oe_ratio"]
    excludes_one = low > 1 or high < 1
    if excludes_one and not 0.67 <= ratio <= 1.5:
        return "red"
    return "amber" if excludes_one and not 0.8 <= ratio <= 1.25 else "good"


def _finite(value: Any) -> Any:
    return None if isinstance(value, float) and not np.isfinite(value) else value
