"""Signs that a feature knows the outcome: what is too good, and what was written afterwards.

A finding is a reason to look, not a proof; whoever overrides one signs for it on the model card. The gates on the
amount of data and on skill are in :mod:`scoring.evaluation.gates`.
"""
# ruff: noqa: N803

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedKFold, cross_val_predict

from scoring.evaluation.checks import Floats, Ints, as_numbers, codes, columns, is_missing, labels, probabilities
from scoring.evaluation.gates import Verdict
from scoring.evaluation.metrics import auc_interval, losses, z_of

BINS = 20
FOLDS = 5
PRIOR_ROWS = 10.0
"""Weight of the base rate in a bin's rate, in rows, so that a bin of one row does not claim 0 or 1."""


@dataclass(frozen=True)
class LeakLimits:
    """Above which value something is too good to be true."""

    auc: float = 0.95
    feature_auc: float = 0.90
    feature_skill_rate: float = 0.80
    """Share of the model's skill that one feature may bring alone. It counts where the lower end of its interval is
    above this, and the feature is strong in itself."""
    strong_auc: float = 0.75
    """From which AUC a feature alone counts as strong. A weak model leans on one weak driver without any leak: most
    of a little skill is a little skill, and what knows the outcome is strong."""
    missing_auc: float = 0.70
    auc_drop: float = 0.05
    changed_rate: float = 0.0


@dataclass(frozen=True)
class Finding:
    """One sign of a leak; ``feature`` is empty where it speaks of the whole model."""

    check: str
    feature: str
    value: float
    limit: float
    reason: str


@dataclass(frozen=True)
class LeakReport:
    """Findings, and for every feature what it can do alone."""

    findings: tuple[Finding, ...]
    features: pl.DataFrame

    @property
    def verdict(self) -> Verdict:
        """Passed where there is no finding."""
        if not self.findings:
            return Verdict("leak", True, f"None of {self.features.height} features shows a sign of a leak.")
        reason = " ".join(finding.reason for finding in self.findings)
        return Verdict("leak", False, reason, {"finding_count": float(len(self.findings))})


def leak_report(
    X: Any,
    y: npt.ArrayLike,
    p: npt.ArrayLike | None = None,
    *,
    forward: tuple[npt.ArrayLike, npt.ArrayLike] | None = None,
    later: Any = None,
    limits: LeakLimits | None = None,
    random_state: int = 0,
) -> LeakReport:
    """Look for features that know the outcome.

    Parameters
    ----------
    X
        Features as they were trained on: an array, or a pandas or polars frame of numbers and texts, shape (n, k).
    y
        Labels, shape (n,).
    p
        Probabilities of the model for these rows, cross-validated, shape (n,). Without them the checks of the whole
        model are left out.
    forward
        Labels and probabilities of later rows that were scored live, shapes (m,): their AUC is set against that of
        ``p``, since what was read "as of today" is missing when the day comes.
    later
        The same rows and columns built again after the outcomes are known, from the log cut at the same cut-offs. A
        value that differs was not fixed at its cut-off.
    limits
        None takes the defaults of :class:`LeakLimits`.
    random_state
        Of the folds in which a single feature's rates are estimated.

    Returns
    -------
    LeakReport
        ``features`` has a row per feature: AUC alone, share of the log loss that it saves alone, AUC of its
        missingness, and rate of rows that changed.
    """
    truth, allowed = labels(y), limits or LeakLimits()
    table = columns(X)
    short = [name for name, values in table.items() if values.shape != truth.shape]
    if short:
        raise ValueError(f"X and y differ in their number of rows: column {short[0]} does not have {truth.size}")
    if min(truth.sum(), (1 - truth).sum()) < FOLDS:
        raise ValueError(f"a leak is looked for in at least {FOLDS} positive and {FOLDS} negative rows")
    folds = _folds(truth, random_state)
    changed = _changed(table, later)
    base_loss = float(losses(truth, truth.mean()).sum())
    rows, alone = [], {}
    for name, values in table.items():
        rate = _rates(_bins(values), truth, folds)
        alone[name] = losses(truth, rate)
        rows.append(
            {
                "feature": name,
                "auc": auc_interval(truth, rate).value,
                "skill_rate": 1 - float(alone[name].sum()) / base_loss,
                "missing_auc": _sided(truth, is_missing(values).astype(np.float64)),
                "changed_rate": float(changed[name].mean()) if name in changed else None,
            }
        )
    schema = {"feature": pl.String} | dict.fromkeys(("auc", "skill_rate", "missing_auc", "changed_rate"), pl.Float64)
    features = pl.DataFrame(rows, schema=schema)
    findings = [
        *_of_model(truth, p, forward, allowed),
        *_of_missing(table, truth, allowed, random_state),
        *_of_features(features, alone, truth, p, allowed),
        *_of_changes(changed, truth, allowed),
    ]
    return LeakReport(tuple(findings), features)


def _folds(y: Floats, random_state: int) -> Ints:
    result = np.empty(y.size, dtype=np.int64)
    splitter = StratifiedKFold(FOLDS, shuffle=True, random_state=random_state)
    for number, (_, test) in enumerate(splitter.split(y[:, None], y)):
        result[test] = number
    return result


def _bins(values: npt.NDArray[Any]) -> Ints:
    """Bin of each row, 0 for missing: quantiles of numbers, or the texts themselves."""
    numbers = as_numbers(values)
    if numbers is None:
        return codes(values)[0] + 1
    known = numbers[~np.isnan(numbers)]
    if known.size == 0:
        return np.zeros(values.size, dtype=np.int64)
    edges = np.unique(np.quantile(known, np.linspace(0, 1, BINS + 1)[1:-1]))
    # A value that many rows share gets a bin of its own: what is filled in only at the close is often one such value.
    places = np.searchsorted(edges, numbers, "left") + np.searchsorted(edges, numbers, "right") + 1
    return np.where(np.isnan(numbers), 0, places).astype(np.int64)


def _rates(bins: Ints, y: Floats, folds: Ints) -> Floats:
    """Rate of positives in each row's bin over the other folds, so that an id cannot know its own row."""
    size, result = int(bins.max()) + 1, np.empty(y.size)
    for fold in range(FOLDS):
        kept, left = folds != fold, folds == fold
        prior = y[kept].mean()
        hits = np.bincount(bins[kept], weights=y[kept], minlength=size)
        counts = np.bincount(bins[kept], minlength=size)
        result[left] = ((hits + PRIOR_ROWS * prior) / (counts + PRIOR_ROWS))[bins[left]]
    return result


def _sided(y: Floats, score: Floats) -> float:
    area = auc_interval(y, score).value
    return max(area, 1 - area)


def _of_model(
    y: Floats, p: npt.ArrayLike | None, forward: tuple[npt.ArrayLike, npt.ArrayLike] | None, limits: LeakLimits
) -> Iterator[Finding]:
    if p is None:
        return
    area = auc_interval(y, probabilities(p, y.size)).value
    if area > limits.auc:
        reason = f"The model's AUC of {area:.3f} is above {limits.auc}: some feature is likely to know the outcome."
        yield Finding("auc", "", area, limits.auc, reason)
    if forward is not None:
        live = auc_interval(*forward).value
        if area - live > limits.auc_drop:
            reason = (
                f"The AUC falls from {area:.3f} offline to {live:.3f} on rows scored as they came, by more than "
                f"{limits.auc_drop}: some feature was read as of today, not as of its cut-off."
            )
            yield Finding("auc_drop", "", area - live, limits.auc_drop, reason)


def _of_missing(
    table: dict[str, npt.NDArray[Any]], y: Floats, limits: LeakLimits, random_state: int
) -> Iterator[Finding]:
    gaps = {name: is_missing(values).astype(np.float64) for name, values in table.items()}
    gaps = {name: gap for name, gap in gaps.items() if np.ptp(gap) > 0}
    alone = {name: _sided(y, gap) for name, gap in gaps.items()}
    for name, area in alone.items():
        if area > limits.missing_auc:
            reason = (
                f"Whether {name} is missing tells the outcome with an AUC of {area:.3f} (limit {limits.missing_auc})."
            )
            yield Finding("missing_auc", name, area, limits.missing_auc, reason)
    if len(gaps) > 1 and max(alone.values()) <= limits.missing_auc:
        splitter = StratifiedKFold(FOLDS, shuffle=True, random_state=random_state)
        design = np.column_stack(list(gaps.values()))
        joint = cross_val_predict(LogisticRegression(), design, y, cv=splitter, method="predict_proba")[:, 1]
        area = auc_interval(y, joint).value
        if area > limits.missing_auc:
            reason = (
                f"Which features are missing tells the outcome with an AUC of {area:.3f} (limit {limits.missing_auc})."
            )
            yield Finding("missing_auc", "", area, limits.missing_auc, reason)


def _of_features(
    features: pl.DataFrame, alone: dict[str, Floats], y: Floats, p: npt.ArrayLike | None, limits: LeakLimits
) -> Iterator[Finding]:
    base = losses(y, y.mean())
    saved = None if p is None else base - losses(y, p)
    for name, area in features.select("feature", "auc").iter_rows():
        if area > limits.feature_auc:
            reason = f"{name} alone has an AUC of {area:.3f}, above {limits.feature_auc}."
            yield Finding("feature_auc", name, area, limits.feature_auc, reason)
        if saved is None or saved.sum() <= 0 or features.height == 1 or area < limits.strong_auc:
            continue
        share, low = _share(base - alone[name], saved)
        if low > limits.feature_skill_rate:
            reason = (
                f"{name} alone, with an AUC of {area:.3f}, brings {share:.0%} of the model's skill, at least {low:.0%} "
                f"by its interval, above {limits.feature_skill_rate:.0%}."
            )
            yield Finding("feature_skill_rate", name, share, limits.feature_skill_rate, reason)


def _share(part: Floats, whole: Floats) -> tuple[float, float]:
    """Ratio of two sums over the same rows, and the lower end of its 90 % interval (delta method, as for skill)."""
    share = float(part.sum() / whole.sum())
    error = float(np.sqrt(np.sum((part - share * whole) ** 2)) / abs(whole.sum()))
    return share, share - z_of(0.9) * error


def _changed(table: dict[str, npt.NDArray[Any]], later: Any) -> dict[str, npt.NDArray[np.bool_]]:
    if later is None:
        return {}
    again = columns(later)
    absent = [name for name in table if name not in again]
    if absent:
        raise ValueError(f"later lacks the columns {', '.join(absent)}: it must hold the same rows and columns as X")
    result = {}
    for name, old in table.items():
        new = again[name]
        if new.shape != old.shape:
            raise ValueError(f"later has {new.size} rows of {name}, X has {old.size}: they must be the same rows")
        gone, still = is_missing(old), is_missing(new)
        result[name] = (gone != still) | (~gone & ~still & np.asarray(old != new, dtype=bool))
    return result


def _of_changes(changed: dict[str, npt.NDArray[np.bool_]], y: Floats, limits: LeakLimits) -> Iterator[Finding]:
    for name, rows in changed.items():
        share = float(rows.mean())
        if share > limits.changed_rate:
            positive, negative = float(rows[y == 1].mean()), float(rows[y == 0].mean())
            reason = (
                f"{name} changed after the outcome was known in {share:.1%} of the rows ({positive:.1%} of the "
                f"positive and {negative:.1%} of the negative ones)."
            )
            yield Finding("changed_rate", name, share, limits.changed_rate, reason)
