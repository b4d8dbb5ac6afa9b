"""Measures the models in force on cut-offs that they have not learnt from, for the tables scores.score_….

Three questions: what was a score worth, for whom was it worth less, and are the subjects still those that it has
learnt from.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl

from scoring.applied import model_of, typed
from scoring.evaluation.metrics import auc_interval, lift_at, log_loss_skill, oe_ratio, psi
from scoring.evaluation.stability import Shift, shift
from scoring.model import ScoreModel
from scoring.scores._common import CLOCK
from scoring.specs import SPECS, Spec

MIN_POSITIVES = 5
OFF_AMBER, OFF_RED = 1.25, 1.5
"""Factors by which observed may differ from expected. They count where the interval of the ratio excludes 1."""
PSI_AMBER, PSI_RED = 0.1, 0.25
"""Population stability indices (Siddiqi, 2006); they count above what chance alone would give."""
MISSING_AMBER, MISSING_RED = 0.05, 0.15
"""Changes of the share of rows in which a feature is missing, and shares of texts that were never seen."""
SCORE = "(score)"
"""Stands for the probability itself among the features."""


@dataclass(frozen=True)
class Month:
    """The cut-offs of one tenant and month that a model has not learnt from, with what it says of them."""

    spec: Spec
    model: ScoreModel
    version: str
    tenant_id: str
    month: Any
    rows: pl.DataFrame
    p: np.ndarray

    @property
    def key(self) -> dict[str, Any]:
        """What the rows of all tables begin with."""
        return {
            "tenant_id": self.tenant_id,
            "score_name": self.spec.score,
            "score_month": self.month,
            "model_version": self.version,
        }


def past_scores(tables: Mapping[str, pl.DataFrame], columns: Mapping[str, str]) -> pl.DataFrame:
    """Measure each score in force, per tenant and month of cut-offs that its model has not learnt from.

    Parameters
    ----------
    tables
        Features and labels of all specs, the clock, and the models in force.
    columns
        Columns of the result with their types.
    """
    found = []
    for one in _months(tables):
        judged = one.rows["known_at"]
        is_over = judged.null_count() == 0 and one.rows["label"].null_count() == 0
        found.append(
            {
                **one.key,
                "row_count": one.rows.height,
                "judged_at": judged.max() if is_over else None,
                "score_psi": psi(np.asarray(one.model.reference), one.p) if one.model.reference else None,
                **_outcomes(one, np.ones(one.rows.height, dtype=bool)),
            }
        )
    return _table(found, columns)


def past_segments(tables: Mapping[str, pl.DataFrame], columns: Mapping[str, str]) -> pl.DataFrame:
    """Measure each score in force as :func:`past_scores` does, for the values of its spec's segments."""
    found = []
    for one in _months(tables):
        for kind in one.spec.segments:
            if kind not in one.rows.columns:
                continue
            values = one.rows[kind].cast(pl.String).fill_null("(not set)").to_numpy()
            for value in sorted(set(values.tolist())):
                own = values == value
                row = {**one.key, "segment_kind": kind, "segment_value": value, "row_count": int(own.sum())}
                found.append({**row, **_outcomes(one, own)})
    return _table(found, columns)


def drift(tables: Mapping[str, pl.DataFrame], columns: Mapping[str, str]) -> pl.DataFrame:
    """Set each feature of each score in force, and the score itself, against what its model has learnt from."""
    found = []
    for one in _months(tables):
        references = one.model.drift or {}
        for feature, reference in references.items():
            if feature != SCORE and feature not in one.rows.columns:
                continue
            values = one.p if feature == SCORE else one.rows[feature].to_numpy()
            moved = shift(reference, values)
            found.append(
                {
                    **one.key,
                    "feature_name": feature,
                    "row_count": one.rows.height,
                    "psi": moved.psi,
                    "psi_by_chance": moved.psi_by_chance,
                    "missing_rate": moved.missing_rate,
                    "missing_rate_before": moved.missing_rate_before,
                    "unseen_rate": moved.unseen_rate,
                    "verdict": _moved(moved),
                }
            )
    return _table(found, columns)


def _months(tables: Mapping[str, pl.DataFrame]) -> Iterator[Month]:
    for spec in SPECS:
        model, version = model_of(tables, spec.score)
        features = tables[spec.features]
        if model is None or version is None or model.base_rate is None or features.is_empty():
            continue
        as_of = tables[CLOCK]["as_of"][0]
        keys = ["tenant_id", spec.subject, "cutoff_at"]
        known = pl.col(spec.known_at)
        labels = tables[spec.labels].select(
            *keys, pl.when(known <= as_of).then(pl.col(spec.label)).alias("label"), known.alias("known_at")
        )
        rows = features.join(labels, on=keys, how="left").sort(keys).filter(~pl.col("is_latest"))
        if model.trained_until is not None:
            rows = rows.filter(pl.col("cutoff_at") > model.trained_until)
        rows = rows.with_columns(pl.col("cutoff_at").dt.truncate("1mo").cast(pl.Date).alias("month"))
        for (tenant, month), own in rows.group_by("tenant_id", "month", maintain_order=True):
            yield Month(spec, model, version, str(tenant), month, own, model.probability(own))


def _outcomes(one: Month, own: np.ndarray) -> dict[str, Any]:
    """What became of these rows, as far as it is known, against what was expected."""
    labels = one.rows["label"]
    known = labels.is_not_null().to_numpy() & own
    y, p = labels.fill_null(value=False).cast(pl.Int64).to_numpy()[known], one.p[known]
    found: dict[str, Any] = {"known_count": int(y.size), "positive_count": int(y.sum())}
    if y.size:
        ratio = oe_ratio(y, p)
        found |= {
            "expected_count": float(p.sum()),
            "oe_ratio": ratio.value,
            "oe_ratio_low": ratio.low,
            "oe_ratio_high": ratio.high,
        }
        if MIN_POSITIVES <= y.sum() <= y.size - MIN_POSITIVES:
            base = np.full(y.size, float(one.model.base_rate or 0))
            found |= {
                "auc": auc_interval(y, p).value,
                "lift_at_10": lift_at(y, p),
                "log_loss_skill": log_loss_skill(y, p, base).value,
            }
    return found | {"verdict": _verdict(found)}


def _verdict(row: Mapping[str, Any]) -> str:
    """By observed over expected, which follows the error of probabilities; a shift of scores alone only informs."""
    if max(row["positive_count"], row.get("expected_count", 0)) < MIN_POSITIVES:
        return "unknown"
    low, high, ratio = row["oe_ratio_low"], row["oe_ratio_high"], row["oe_ratio"]
    if low <= 1 <= high:
        return "good"
    off = max(ratio, 1 / ratio) if ratio > 0 else float("inf")
    return "red" if off > OFF_RED else "amber" if off > OFF_AMBER else "good"


def _moved(found: Shift) -> str:
    index = found.psi if found.psi > found.psi_by_chance else 0.0
    gaps = max(abs(found.missing_rate - found.missing_rate_before), found.unseen_rate) if index else 0.0
    if index > PSI_RED or gaps > MISSING_RED:
        return "red"
    return "amber" if index > PSI_AMBER or gaps > MISSING_AMBER else "good"


def _table(rows: list[dict[str, Any]], columns: Mapping[str, str]) -> pl.DataFrame:
    blank = dict.fromkeys(columns)
    return typed([{name: _finite(value) for name, value in (blank | row).items()} for row in rows], columns)


def _finite(value: Any) -> Any:
    return None if isinstance(value, float) and not np.isfinite(value) else value
