"""The boosted part: scikit-learn's histogram boosting without interactions, read back as one step function per column.

Numbers are binned here and boosting sees the number of the bin, so that evaluating its public `decision_function` once
per bin gives the whole model exactly.
"""

from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt
from sklearn.ensemble import HistGradientBoostingClassifier

from scoring.estimators.columns import Column, FloatArray
from scoring.estimators.tables import FeatureTable

BINS = 255
EDGE_ROWS = 200_000
"""Rows that edges are computed from; scikit-learn's own binning draws as many."""


def fit_boosting(
    Z: FloatArray,  # noqa: N803
    y: npt.NDArray[np.int64],
    columns: list[Column],
    *,
    weight: FloatArray | None,
    monotonic: list[int],
    random_state: int,
    **parameters: Any,
) -> tuple[float, list[FeatureTable], int]:
    """Fit on encoded rows Z (n, p); return intercept, tables and the number of iterations."""
    rng = np.random.default_rng(random_state)
    sample = Z if len(Z) <= EDGE_ROWS else Z[rng.choice(len(Z), EDGE_ROWS, replace=False)]
    edges = [np.empty(0) if c.kind == "category" else bin_edges(sample[:, i]) for i, c in enumerate(columns)]
    binned = np.empty(Z.shape, order="F")
    for i, column in enumerate(columns):
        binned[:, i] = Z[:, i] if column.kind == "category" else _binned(Z[:, i], edges[i])
    model = HistGradientBoostingClassifier(
        interaction_cst="no_interactions",
        categorical_features=[column.kind == "category" for column in columns],
        monotonic_cst=monotonic,
        max_bins=BINS,
        early_stopping=False,
        random_state=random_state,
        **parameters,
    )
    model.fit(binned, y, sample_weight=weight)
    base = float(model.decision_function(np.zeros((1, len(columns))))[0])
    tables = [_read_back(model, i, column, edges[i], base) for i, column in enumerate(columns)]
    return base, tables, int(model.n_iter_)


def bin_edges(x: FloatArray) -> FloatArray:
    """At most 254 edges between values of x (n,): between all neighbours where these are few, else at quantiles."""
    distinct = np.unique(x[~np.isnan(x)])
    if len(distinct) > BINS:
        known = x[~np.isnan(x)]
        return np.unique(np.quantile(known, np.arange(1, BINS) / BINS, method="midpoint"))
    return np.unique(distinct[:-1] / 2 + distinct[1:] / 2)


def _binned(x: FloatArray, edges: FloatArray) -> FloatArray:
    return np.where(np.isnan(x), np.nan, np.searchsorted(edges, x, side="left"))


def _read_back(model: Any, i: int, column: Column, edges: FloatArray, base: float) -> FeatureTable:
    """Evaluate the model at each bin or level of column i, all other columns being 0."""
    count = len(column.levels) if column.kind == "category" else len(edges) + 1
    probe = np.zeros((count + 2, model.n_features_in_))
    probe[:, i] = np.arange(count + 2)
    if column.kind != "category":
        probe[count:, i] = np.nan
    values = model.decision_function(probe) - base
    table = FeatureTable(
        column,
        missing=float(values[count]) if column.has_missing else 0.0,
        unseen=float(values[count + 1]) if column.has_unseen else 0.0,
    )
    if column.kind == "category":
        return replace(table, values=values[:count])
    steps = values[:count]
    changes = np.flatnonzero(np.diff(steps) != 0)
    return replace(table, edges=edges[changes], steps=np.append(steps[changes], steps[-1]))
