"""What a model would have said at earlier cut-offs, and what then happened.

A model is fitted again for every period, on what was known by then. Which model is chosen is decided in
:mod:`scoring.evaluation.selection`.
"""
# ruff: noqa: N803

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl
from sklearn.base import clone
from sklearn.utils.validation import has_fit_parameter

from scoring.evaluation.checks import Floats, Ints, labels, pick
from scoring.evaluation.metrics import (
    auc_interval,
    calibration_slope,
    ece,
    lift_at,
    log_loss_skill,
    losses,
    oe_ratio,
)


@dataclass(frozen=True)
class Fold:
    """Rows of one period: those that were trained on, and those that came later."""

    train: Ints
    test: Ints


@dataclass(frozen=True)
class Backtest:
    """Out-of-time probabilities and a row of metrics per period.

    ``rows`` are positions in the given data, ``p`` their probabilities, ``base`` the rate of positives that was known
    at the time, ``period`` the number of the fold, all of shape (m,).
    """

    rows: Ints
    p: Floats
    base: Floats
    period: Ints
    y: Floats
    periods: pl.DataFrame


def folds_of(
    cv: Any, X: Any, y: Floats, cutoffs: npt.ArrayLike | None = None, groups: npt.ArrayLike | None = None
) -> list[Fold]:
    """Folds of a splitter, those that train on one class left out; cut-offs are passed on where there are any."""
    given = {} if cutoffs is None else {"cutoffs": cutoffs}
    folds = [Fold(np.asarray(train), np.asarray(test)) for train, test in cv.split(X, y, groups, **given)]
    return [fold for fold in folds if 0 < y[fold.train].mean() < 1]


def base_rate(y: Floats) -> float:
    """Rate of positives, drawn by half a row towards one half, so that it is never 0 or 1."""
    return float((y.sum() + 0.5) / (y.size + 1))


def positive_probability(estimator: Any, X: Any) -> Floats:
    """Probability of the second class, shape (n,)."""
    return np.asarray(estimator.predict_proba(X), dtype=np.float64)[:, 1]


def backtest(
    estimator: Any,
    X: Any,
    y: npt.ArrayLike,
    *,
    cv: Any,
    cutoffs: npt.ArrayLike | None = None,
    groups: npt.ArrayLike | None = None,
) -> Backtest:
    """Fit a classifier on every fold's past and measure it on what came after.

    Parameters
    ----------
    estimator
        A classifier with ``predict_proba``; it is cloned. None stands for the base rate.
    X, y
        Features, shape (n, k), and labels of 0 and 1, shape (n,).
    cv
        A splitter, such as :class:`scoring.evaluation.split.PurgedSnapshotSplit`.
    cutoffs, groups
        Passed on to the splitter, shape (n,).

    Returns
    -------
    Backtest
        ``periods`` has log loss, that of the base rate known at the time, skill, AUC, calibration (ECE with its
        floor, observed over expected, slope) and lift in the top tenth.
    """
    truth = labels(y)
    folds = folds_of(cv, X, truth, cutoffs, groups)
    if not folds:
        raise ValueError("no fold has both classes to train on: take later test cutoffs or more rows")
    chances = [fitted_probability(estimator, X, truth, fold, groups) for fold in folds]
    return assembled(truth, folds, chances, cutoffs)


def fitted(estimator: Any, X: Any, y: npt.ArrayLike, groups: npt.ArrayLike | None = None) -> Any:
    """A clone fitted on these rows; it is told of the groups (n,) if its fit asks for them."""
    told = {"groups": np.asarray(groups)} if groups is not None and has_fit_parameter(estimator, "groups") else {}
    return clone(estimator).fit(X, np.asarray(y).astype(np.int64), **told)


def fitted_probability(estimator: Any, X: Any, y: Floats, fold: Fold, groups: npt.ArrayLike | None = None) -> Floats:
    """Probabilities of a fold's test rows from a clone fitted on its training rows; None is the base rate."""
    if estimator is None:
        return np.full(fold.test.size, base_rate(y[fold.train]))
    members = None if groups is None else np.asarray(groups)[fold.train]
    return positive_probability(fitted(estimator, pick(X, fold.train), y[fold.train], members), pick(X, fold.test))


def assembled(y: Floats, folds: list[Fold], chances: list[Floats], cutoffs: npt.ArrayLike | None) -> Backtest:
    """Backtest from the probabilities of each fold's test rows."""
    when = None if cutoffs is None else np.asarray(cutoffs)
    bases = [np.full(fold.test.size, base_rate(y[fold.train])) for fold in folds]
    rows = []
    for number, (fold, p, base) in enumerate(zip(folds, chances, bases, strict=True), start=1):
        truth = y[fold.test]
        error, floor = ece(truth, p, return_floor=True)
        ratio, area = oe_ratio(truth, p), auc_interval(truth, p)
        rows.append(
            {
                "period": number,
                "first_cutoff": None if when is None else str(when[fold.test].min()),
                "last_cutoff": None if when is None else str(when[fold.test].max()),
                "train_row_count": fold.train.size,
                "row_count": fold.test.size,
                "positive_count": int(truth.sum()),
                "log_loss": float(losses(truth, p).mean()),
                "base_log_loss": float(losses(truth, base).mean()),
                "skill": log_loss_skill(truth, p, base).value,
                "auc": area.value,
                "ece": error,
                "ece_floor": floor,
                "oe_ratio": ratio.value,
                "oe_ratio_low": ratio.low,
                "oe_ratio_high": ratio.high,
                "slope": calibration_slope(truth, p),
                "lift_at_10": lift_at(truth, p),
            }
        )
    texts = {"first_cutoff": pl.String, "last_cutoff": pl.String}
    test = np.concatenate([fold.test for fold in folds])
    return Backtest(
        rows=test,
        p=np.concatenate(chances),
        base=np.concatenate(bases),
        period=np.repeat(np.arange(1, len(folds) + 1), [fold.test.size for fold in folds]),
        y=y[test],
        periods=pl.DataFrame(rows, schema_overrides=texts),
    )
