"""The smooth part: logistic regression on splines of numbers and indicators of levels, read back as polynomials."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.interpolate import BSpline, PPoly
from scipy.optimize import minimize
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import log_loss
from sklearn.model_selection import StratifiedGroupKFold, StratifiedKFold
from sklearn.preprocessing import SplineTransformer

from scoring.estimators.columns import Column, FloatArray
from scoring.estimators.tables import FeatureTable, logistic

KNOTS = (0.005, 0.2, 0.4, 0.6, 0.8, 0.995)
"""Quantiles of the knots; beyond the outer ones a spline is constant, so that it never extrapolates."""
STRENGTHS = (0.01, 0.1, 1.0, 10.0)
"""Values of C that are tried: the prior variance of a coefficient on the log-odds scale."""
CLOSEST = 1e-9
"""Share of the range within which knots are one."""
USUAL_STRENGTH = 0.1
"""The C where nothing can be chosen: with too few rows the more cautious half of what is tried."""
FOLDS, CHOICE_ROWS, FIT_ROWS = 5, 10_000, 100_000
"""Folds and rows that C is chosen on, and rows that coefficients are fitted on: a hundred or so need no more."""


@dataclass(frozen=True)
class Basis:
    """How one column becomes columns of the design, and back."""

    column: Column
    spline: Any = None
    knots: FloatArray = field(default_factory=lambda: np.empty(0))
    direction: int = 0

    @property
    def width(self) -> int:
        """Columns of the design."""
        if self.column.kind == "category":
            return len(self.column.levels) + 2
        return int(self.spline.n_features_out_) + self.column.has_missing

    def design(self, z: FloatArray) -> FloatArray:
        """Columns (n, width) of encoded values (n,): indicators of codes, or B-splines and that of missing values."""
        if self.column.kind == "category":
            return np.asarray(z[:, None] == np.arange(self.width), dtype=np.float64)
        missing = np.isnan(z)
        smooth = self.spline.transform(_scaled(np.where(missing, self.column.low, z), self.knots)[:, None])
        if self.direction:
            # Coefficients of B-splines that rise make a function that rises; these sums turn rises into coefficients.
            smooth = self.direction * np.cumsum(smooth[:, ::-1], axis=1)[:, ::-1]
            smooth[:, 0] = 0.0
        smooth[missing] = 0.0
        return np.column_stack([smooth, missing]) if self.column.has_missing else smooth

    def table(self, weights: FloatArray) -> FeatureTable:
        """The function that the coefficients (width,) of this column make."""
        table, column = FeatureTable(self.column), self.column
        if column.kind == "category":
            unseen = float(weights[-1]) if column.has_unseen else 0.0
            missing = float(weights[-2]) if column.has_missing else 0.0
            return replace(table, values=weights[:-2], missing=missing, unseen=unseen)
        missing = float(weights[-1]) if column.has_missing else 0.0
        heights = weights[: self.spline.n_features_out_]
        if self.direction:
            heights = self.direction * np.cumsum(np.concatenate([[0.0], heights[1:]]))
        pieces = polynomials(self.spline.bsplines_[0], heights)
        return replace(table, missing=missing, knots=self.knots, pieces=pieces)


def _scaled(z: FloatArray, knots: FloatArray) -> FloatArray:
    """Values with the outer knots at 0 and 1: powers of amounts or of tiny shares would leave the range of doubles."""
    return np.asarray(np.clip((z - knots[0]) / (knots[-1] - knots[0]), 0.0, 1.0))


def polynomials(spline: Any, heights: FloatArray) -> FloatArray:
    """Coefficients (pieces, 4) in the unit interval of each piece of a B-spline with the given coefficients."""
    whole = PPoly.from_spline(BSpline(spline.t, heights, spline.k))
    inside = slice(spline.k, len(spline.t) - spline.k)
    knots = whole.x[inside]
    rising = whole.c[::-1, spline.k : len(spline.t) - spline.k - 1]
    pieces = np.zeros((len(knots) - 1, 4))
    pieces[:, : spline.k + 1] = (rising * np.diff(knots) ** np.arange(spline.k + 1)[:, None]).T
    return pieces


def make_basis(z: FloatArray, column: Column, direction: int = 0) -> Basis:
    """Choose knots for encoded values (n,): at quantiles; columns of few values become polygons through them."""
    if column.kind == "category":
        return Basis(column)
    known = z[~np.isnan(z)]
    distinct = np.unique(known)
    if len(distinct) <= len(KNOTS):
        knots, degree = distinct, 1
        if len(distinct) == 1:
            knots = np.array([distinct[0], distinct[0] + max(1.0, abs(distinct[0]))])
    else:
        knots, degree = np.unique(np.quantile(known, KNOTS, method="closest_observation")), 3
        if len(knots) < 3:
            knots = np.unique([known.min(), *knots, known.max()])
    # Knots that a range of many orders of magnitude pushes into one are one; the outer ones stay.
    inner = _scaled(knots, knots)
    apart = np.diff(np.round(inner / CLOSEST), prepend=-1.0) > 0
    knots = np.append(knots[:-1][apart[:-1] & (inner[:-1] < 1.0 - CLOSEST)], knots[-1])
    spline = SplineTransformer(knots=_scaled(knots, knots)[:, None], degree=degree, extrapolation="constant")
    return Basis(column, spline.fit(_scaled(knots, knots)[:, None]), knots, direction)


def fit_spline(
    Z: FloatArray,  # noqa: N803
    y: npt.NDArray[np.int64],
    columns: list[Column],
    *,
    weight: FloatArray | None,
    groups: npt.NDArray[np.int64] | None,
    monotonic: Sequence[int],
    random_state: int,
) -> tuple[float, list[FeatureTable], int]:
    """Fit on encoded rows Z (n, p) of groups (n,); return intercept, tables and the number of iterations."""
    rng = np.random.default_rng(random_state)
    if len(Z) > FIT_ROWS:
        rows = np.sort(rng.choice(len(Z), FIT_ROWS, replace=False))
        Z, y, weight = Z[rows], y[rows], None if weight is None else weight[rows]  # noqa: N806
        groups = None if groups is None else groups[rows]
    bases = [make_basis(Z[:, i], c, monotonic[i]) for i, c in enumerate(columns)]
    design = np.column_stack([basis.design(Z[:, i]) for i, basis in enumerate(bases)])
    rising = np.concatenate([np.full(b.width, b.direction != 0) for b in bases])
    for start, basis in zip(np.cumsum([0, *(b.width for b in bases[:-1])]), bases, strict=True):
        if basis.direction and basis.column.has_missing:
            rising[start + basis.width - 1] = False
    strength = choose_strength(design, y, weight, groups, rising, random_state)
    intercept, weights, iterations = regress(design, y, weight, strength, rising)
    parts = np.split(weights, np.cumsum([b.width for b in bases])[:-1])
    return intercept, [basis.table(part) for basis, part in zip(bases, parts, strict=True)], iterations


def choose_strength(
    design: FloatArray,
    y: npt.NDArray[np.int64],
    weight: FloatArray | None,
    groups: npt.NDArray[np.int64] | None,
    rising: npt.NDArray[np.bool_],
    random_state: int,
) -> float:
    """The C of the least log loss over shuffled folds; the usual one where a class is too small for folds.

    Rows of one group stand in one fold: a lead that is looked at five times has one outcome, and would know itself.
    """
    units = [len(np.unique(groups[y == label])) if groups is not None else int((y == label).sum()) for label in (0, 1)]
    folds = min(FOLDS, *units)
    if folds < 2:
        return USUAL_STRENGTH
    if len(y) > CHOICE_ROWS:
        rows = np.random.default_rng(random_state).choice(len(y), CHOICE_ROWS, replace=False)
        if len(np.unique(y[rows])) == 2 and np.bincount(y[rows]).min() >= folds:
            design, y, weight = design[rows], y[rows], None if weight is None else weight[rows]
            groups = None if groups is None else groups[rows]
    losses, used = np.zeros(len(STRENGTHS)), 0
    # Unshuffled folds of rows sorted by date would judge each period by the others.
    splitter = StratifiedKFold if groups is None else StratifiedGroupKFold
    for train, test in splitter(folds, shuffle=True, random_state=random_state).split(design, y, groups):
        if len(np.unique(y[train])) < 2:
            # Few subjects with rows of both kinds may leave one kind alone, of which nothing can be learnt.
            continue
        used += 1
        for i, strength in enumerate(STRENGTHS):
            w = None if weight is None else weight[train]
            intercept, weights, _ = regress(design[train], y[train], w, strength, rising)
            p = logistic(intercept + design[test] @ weights)
            losses[i] += log_loss(
                y[test], np.clip(p, 1e-15, 1 - 1e-15), sample_weight=None if weight is None else weight[test],
                normalize=False, labels=[0, 1],
            )  # fmt: skip
    return STRENGTHS[int(np.argmin(losses))] if used else USUAL_STRENGTH


def regress(
    design: FloatArray,
    y: npt.NDArray[np.int64],
    weight: FloatArray | None,
    strength: float,
    rising: npt.NDArray[np.bool_],
) -> tuple[float, FloatArray, int]:
    """Ridge logistic regression; coefficients marked as rising are at least 0. Intercept, coefficients, iterations."""
    if not rising.any():
        model = LogisticRegression(C=strength, solver="newton-cholesky", max_iter=100, tol=1e-8)
        model.fit(design, y, sample_weight=weight)
        return float(model.intercept_[0]), model.coef_[0], int(model.n_iter_[0])
    w = np.ones(len(y)) if weight is None else weight

    def objective(b: FloatArray) -> tuple[float, FloatArray]:
        logit = b[0] + design @ b[1:]
        residual = w * (logistic(logit) - y)
        loss = float(w @ (np.logaddexp(0.0, logit) - y * logit)) + float(b[1:] @ b[1:]) / (2 * strength)
        return loss, np.concatenate([[residual.sum()], design.T @ residual + b[1:] / strength])

    bounds = [(None, None), *((0.0, None) if up else (None, None) for up in rising)]
    found = minimize(
        objective, np.zeros(design.shape[1] + 1), jac=True, bounds=bounds, method="L-BFGS-B",
        options={"maxiter": 1000, "ftol": 1e-12, "gtol": 1e-7},
    )  # fmt: skip
    return float(found.x[0]), found.x[1:], max(1, int(found.nit))
