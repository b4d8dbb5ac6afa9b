"""Fits a score: rows with labels that are known, candidates over time, gates, and a model with its card.

What is predicted is in :mod:`scoring.specs`; which candidate is chosen and why, in :mod:`scoring.evaluation`; how the
result is applied, in :mod:`scoring.model`. Nothing here reads a clock: the same rows give the same model.
"""

import hashlib
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Self

import numpy as np
import numpy.typing as npt
import polars as pl
from scipy.special import expit, logit
from sklearn.base import BaseEstimator, ClassifierMixin

from scoring.card import card_of
from scoring.estimators.additive import AdditiveClassifier
from scoring.estimators.rules import PlattRule
from scoring.evaluation.backtest import base_rate
from scoring.evaluation.leaks import LeakReport, leak_report
from scoring.evaluation.selection import BASE, ScoreSelector
from scoring.evaluation.split import PurgedSnapshotSplit
from scoring.evaluation.stability import reference_of
from scoring.model import SCHEMA, ScoreModel
from scoring.specs import Spec

if TYPE_CHECKING:
    import duckdb

MAX_ROWS = 1_000_000
"""Latest rows that are learnt from; a model gets no better by more, only later."""
LATEST_ROWS = 20_000
"""Latest rows whose scores are kept as the reference of later drift."""
FOLDS = 4


class RuleClassifier(ClassifierMixin, BaseEstimator):  # type: ignore[misc]
    """The rule's score, turned into a probability by two parameters (Platt, 1999); its slope is never negative."""

    def __init__(self, spec: Spec) -> None:
        self.spec = spec

    def fit(self, X: pl.DataFrame, y: npt.ArrayLike) -> Self:  # noqa: N803
        """Fit intercept and slope on the rule's score of X (n, k) and y (n,)."""
        self.classes_ = np.unique(np.asarray(y))
        line = PlattRule().fit(self.spec.rule(X).to_numpy() / 100, np.asarray(y))
        self.slope_, self.intercept_ = float(line.slope_), float(line.intercept_)
        if self.slope_ == 0:
            # Exactly what the base rate says, so that no difference passes for skill.
            self.intercept_ = float(logit(base_rate(np.asarray(y, dtype=np.float64))))
        return self

    def predict_proba(self, X: pl.DataFrame) -> npt.NDArray[np.float64]:  # noqa: N803
        """Probabilities of both classes, shape (n, 2)."""
        p = expit(self.intercept_ + self.slope_ * self.spec.rule(X).to_numpy() / 100)
        return np.column_stack([1 - p, p])


@dataclass(frozen=True)
class Fitted:
    """A model and what is to be known of it, both ready for the registry."""

    model: dict[str, Any]
    card: dict[str, Any]

    @property
    def chosen(self) -> str:
        """Name of the candidate that answers."""
        return str(self.model["kind"])


def training_rows(con: "duckdb.DuckDBPyConnection", spec: Spec) -> tuple[pl.DataFrame, datetime]:
    """Features with labels that were known at as_of, the latest :data:`MAX_ROWS`, sorted; and as_of."""
    [[as_of]] = con.execute("select as_of from staging.stg_clock").fetchall()
    # Names come from the specs; values are bound.
    frame = con.sql(
        f"select feature.*, label.{spec.label} as label from {spec.features} as feature "
        f"inner join {spec.labels} as label using (tenant_id, {spec.subject}, cutoff_at) "
        f"where label.{spec.label} is not null and label.{spec.known_at} <= ? and ({spec.where}) "
        f"order by cutoff_at desc, tenant_id, {spec.subject} limit {MAX_ROWS}",
        params=[as_of],
    ).pl()
    return frame.reverse(), as_of


def candidates(spec: Spec) -> list[tuple[str, Any]]:
    """What may answer besides the base rate, the simplest first: names and classifiers."""
    return [
        ("rule", RuleClassifier(spec)),
        ("spline", AdditiveClassifier(kind="spline")),
        ("additive", AdditiveClassifier(kind="boosting")),
        ("blend", AdditiveClassifier(kind="blend")),
    ]


def fit(spec: Spec, rows: pl.DataFrame, as_of: datetime) -> Fitted:
    """Choose among the candidates over time, fit the choice on all rows, and write its card.

    Parameters
    ----------
    spec
        What is predicted.
    rows
        Features and ``label`` (boolean), a row per subject and cut-off, sorted by cut-off; shape (n, k).
    as_of
        Up to when labels were known.

    Returns
    -------
    Fitted
        Always a model: of the base rate or of the rule where data or skill do not suffice, with the reason in it.
    """
    columns = spec.usable([name for name in rows.columns if name != "label"])
    features = rows.select(columns)
    y = rows["label"].cast(pl.Int64).to_numpy()
    cutoffs = rows["cutoff_at"].to_numpy()
    groups = rows[spec.subject].to_numpy()
    if len(set(y.tolist())) < 2:
        return _constant(spec, rows, as_of, columns)
    selector = ScoreSelector(
        candidates=candidates(spec),
        cv=PurgedSnapshotSplit(horizon=timedelta(days=spec.horizon_days), n_splits=FOLDS),
    ).fit(features, y, cutoffs=cutoffs, groups=groups)
    leaks = _leaks(features, selector)
    chosen, reason = selector.chosen_, selector.reason_
    estimator = selector.estimator_
    signs = [] if leaks is None else [one for one in leaks.findings if one.feature not in spec.trusted]
    if signs and chosen not in (BASE, "rule"):
        told = " ".join(one.reason for one in signs)
        chosen, reason, estimator = BASE, f"No model is trusted that may know the outcome: {told} {reason}", None
    model = _document(spec, rows, as_of, columns)
    model |= {"kind": chosen, "reason": reason, "base_rate": float(selector.base_rate_)}
    model["calibration"] = None if chosen == BASE or selector.calibration_ is None else list(selector.calibration_)
    if estimator is None:
        pass
    elif chosen == "rule":
        model["rule_line"] = [estimator.intercept_, estimator.slope_]
    else:
        model["additive"] = estimator.to_dict()
    fitted = ScoreModel.from_dict(model)
    latest = features.tail(LATEST_ROWS)
    reference = fitted.probability(latest)
    model["reference"] = np.quantile(reference, np.linspace(0, 1, 101)).tolist()
    model["drift"] = {name: reference_of(latest[name].to_numpy()) for name in latest.columns}
    model["drift"]["(score)"] = reference_of(reference)
    card = card_of(spec, rows, model, selector, leaks, fitted)
    return Fitted(model, card)


def _leaks(features: pl.DataFrame, selector: ScoreSelector) -> LeakReport | None:
    if selector.out_of_time_ is None:
        return None
    test = selector.out_of_time_
    if min(test.y.sum(), (1 - test.y).sum()) < 25:
        return None
    return leak_report(features[test.rows.tolist()], test.y, test.p)


def _document(spec: Spec, rows: pl.DataFrame, as_of: datetime, columns: list[str]) -> dict[str, Any]:
    span = rows["cutoff_at"]
    return {
        "schema": SCHEMA,
        "score": spec.score,
        "horizon_days": spec.horizon_days,
        "label": spec.label,
        "features": columns,
        "row_count": rows.height,
        "positive_count": int(rows["label"].sum()) if rows.height else 0,
        "first_cutoff": str(span.min()) if rows.height else None,
        "trained_until": str(span.max()) if rows.height else None,
        "as_of": str(as_of),
        "data_sha256": _hash(rows),
    }


def _hash(rows: pl.DataFrame) -> str:
    """Of the values, whatever the version of the library that holds them."""
    return hashlib.sha256(rows.write_csv().encode()).hexdigest()


def _constant(spec: Spec, rows: pl.DataFrame, as_of: datetime, columns: list[str]) -> Fitted:
    positives = int(rows["label"].sum()) if rows.height else 0
    reason = f"There are {positives} positive and {rows.height - positives} negative labels: nothing can be told apart."
    model = _document(spec, rows, as_of, columns)
    rate = positives / rows.height if rows.height else None
    model |= {"kind": BASE, "reason": reason, "base_rate": rate, "calibration": None, "reference": None}
    card = card_of(spec, rows, model, None, None, None)
    return Fitted(model, card)
