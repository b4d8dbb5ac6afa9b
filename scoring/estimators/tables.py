"""An additive model as tables: one function of one column each, and an intercept; read by numpy and polars alone.

What a table holds is decided here, and how it is evaluated; how it is learned is not (see `boosting` and `spline`).
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import polars as pl

from scoring.estimators import columns
from scoring.estimators.columns import Column, Dropped, FloatArray, IntArray

EMPTY: FloatArray = np.empty(0)


@dataclass(frozen=True)
class FeatureTable:
    """Contribution of one column to the log-odds.

    Parameters
    ----------
    column
        How the column is read.
    missing, unseen
        Contribution of a missing value, and of a level that is not in the vocabulary.
    values
        Contribution of each level of a category.
    edges, steps
        A step function of a number x: ``steps[i]`` where ``edges[i - 1] < x <= edges[i]``.
    knots, pieces
        A piecewise cubic: ``a + u (b + u (c + u d))`` with (a, b, c, d) = ``pieces[i]`` and u = (x - knots[i]) /
        (knots[i + 1] - knots[i]); x beyond the outer knots counts as the outer knot. Empty where there is none.
    """

    column: Column
    missing: float = 0.0
    unseen: float = 0.0
    values: FloatArray = field(default_factory=lambda: EMPTY)
    edges: FloatArray = field(default_factory=lambda: EMPTY)
    steps: FloatArray = field(default_factory=lambda: np.zeros(1))
    knots: FloatArray = field(default_factory=lambda: EMPTY)
    pieces: FloatArray = field(default_factory=lambda: np.empty((0, 4)))

    def contribution(self, series: pl.Series) -> FloatArray:
        """Contribution (n,) of the values of a series as it comes."""
        if self.column.kind == "category":
            return self.of_codes(columns.codes(series, self.column))
        return self.of_numbers(columns.numbers(series, self.column))

    def of_codes(self, codes: IntArray) -> FloatArray:
        """Contribution (n,) of codes of levels."""
        return np.concatenate([self.values, [self.missing, self.unseen]])[codes]

    def of_numbers(self, x: FloatArray) -> FloatArray:
        """Contribution (n,) of numbers; NaN is missing, an infinite value lies beyond every edge and knot."""
        out: FloatArray = self.steps[np.searchsorted(self.edges, x, side="left")]
        if len(self.knots):
            inside = np.clip(x, self.knots[0], self.knots[-1])
            # searchsorted puts NaN last; what it gives there is replaced below.
            i = np.searchsorted(self.knots[1:-1], inside, side="right")
            u = (inside - self.knots[i]) / np.diff(self.knots)[i]
            a, b, c, d = self.pieces.T
            out = out + (a[i] + u * (b[i] + u * (c[i] + u * d[i])))
        return np.where(np.isnan(x), self.missing, out)

    def plus(self, shift: float) -> "FeatureTable":
        """The same function, higher by `shift` wherever something was learned."""
        seen = self.column
        return replace(
            self,
            missing=self.missing + shift if seen.has_missing else 0.0,
            unseen=self.unseen + shift if seen.has_unseen else 0.0,
            values=self.values + shift,
            steps=self.steps + shift,
        )

    def rounded(self, decimals: int) -> "FeatureTable":
        """The same table with contributions of so many decimals."""
        return replace(
            self,
            missing=round(self.missing, decimals),
            unseen=round(self.unseen, decimals),
            values=self.values.round(decimals),
            steps=self.steps.round(decimals),
            pieces=self.pieces.round(decimals),
        )


def mean_of(parts: Sequence[FeatureTable]) -> FeatureTable:
    """The mean of functions of one column, of which at most one has steps and at most one has pieces."""
    share = 1.0 / len(parts)
    stepped = next((p for p in parts if len(p.edges)), parts[0])
    smooth = next((p for p in parts if len(p.knots)), parts[0])
    # A part without edges is constant: its one step is added to the steps of the other.
    constant = sum(float(p.steps[0]) for p in parts if p is not stepped)
    return FeatureTable(
        parts[0].column,
        missing=sum(p.missing for p in parts) * share,
        unseen=sum(p.unseen for p in parts) * share,
        values=np.sum([p.values for p in parts], axis=0) * share,
        edges=stepped.edges,
        steps=(stepped.steps + constant) * share,
        knots=smooth.knots,
        pieces=smooth.pieces * share,
    )


@dataclass(frozen=True)
class AdditiveTables:
    """A whole model: log-odds of the second class = intercept + one contribution per column.

    Parameters
    ----------
    intercept
        Log-odds where every contribution is 0, which is its mean over the rows of fit.
    features
        Tables of the columns in use.
    names
        All columns of fit, also those that were dropped.
    named
        Whether fit saw names; without them columns are taken by position.
    dropped
        Columns that are not used, with reasons; they contribute 0.
    classes
        The two classes, the second being the one whose probability is modelled.
    """

    intercept: float
    features: tuple[FeatureTable, ...]
    names: tuple[str, ...]
    named: bool = True
    dropped: tuple[Dropped, ...] = ()
    classes: tuple[Any, Any] = (0, 1)

    def _series(self, X: Any) -> list[pl.Series]:  # noqa: N803
        frame = columns.as_frame(X)
        named = self.named and columns.is_frame(X)
        return columns.select(frame, [f.column for f in self.features], list(self.names), named=named)

    def contributions(self, X: Any) -> FloatArray:  # noqa: N803
        """Contributions (n, columns of fit) to the log-odds; with the intercept, a row sums to its log-odds."""
        series = self._series(X)
        out = np.zeros((len(X), len(self.names)))
        for table, values in zip(self.features, series, strict=True):
            out[:, table.column.position] = table.contribution(values)
        return out

    def decision_function(self, X: Any) -> FloatArray:  # noqa: N803
        """Log-odds (n,) of the second class."""
        out = np.full(len(X), self.intercept)
        for table, values in zip(self.features, self._series(X), strict=True):
            out += table.contribution(values)
        return out

    def predict_proba(self, X: Any) -> FloatArray:  # noqa: N803
        """Probabilities (n, 2) of both classes."""
        p = logistic(self.decision_function(X))
        return np.column_stack([1.0 - p, p])


def logistic(logit: FloatArray) -> FloatArray:
    """1 / (1 + exp(-logit)), without overflow."""
    return np.asarray(0.5 * (1.0 + np.tanh(0.5 * logit)))
