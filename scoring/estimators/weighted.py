"""The weighted score: a rule from 0 to 100 that knows what it does not know, with every part visible."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.utils.validation import check_is_fitted, validate_data

from scoring.estimators.columns import FloatArray


@dataclass(frozen=True)
class _Scored:
    """Score and coverage (n,), scores of groups (n, groups), points of columns (n, columns)."""

    score: FloatArray
    coverage: FloatArray
    groups: FloatArray
    points: FloatArray


class WeightedScore(TransformerMixin, BaseEstimator):  # type: ignore[misc]
    """Weighted mean of columns of 0 to 100, alone or within groups that are weighted in turn.

    Parameters
    ----------
    weights
        Weights of columns and of groups by name, at least 0; a list stands for the columns in order. Those that are not
        named weigh 1, or nothing where any column (or any group) of theirs is named. They need not sum to 1.
    groups
        Groups and their columns, such as ``{"fit": ["size", "role"], "engagement": ["visits"]}``; a column is in one
        group. Without groups all columns are one.
    missing
        ``renormalise``: the weights of what is known are taken as the whole, within a group and over groups, so that
        unknown is not 0. ``zero``: unknown counts as 0. ``propagate``: the score is unknown then.
    min_coverage
        Share of the weights that must be known; below it the score is NaN. From 0 to 1.

    Notes
    -----
    `transform` gives the columns ``score``, ``coverage`` and one per group; values beyond 0 and 100 count as these.
    """

    def __init__(
        self,
        weights: Mapping[str, float] | Sequence[float] | None = None,
        groups: Mapping[str, Sequence[str]] | None = None,
        missing: str = "renormalise",
        min_coverage: float = 0.5,
    ) -> None:
        self.weights = weights
        self.groups = groups
        self.missing = missing
        self.min_coverage = min_coverage

    def fit(self, X: Any, y: Any = None) -> Self:  # noqa: ARG002, N803
        """Check weights and groups against the columns of X (n, p); nothing is learned from values.

        Raises
        ------
        ValueError
            Where a name is unknown or in two groups, a weight is negative, or a group or the whole weighs nothing.
        """
        if self.missing not in ("renormalise", "zero", "propagate"):
            raise ValueError(f"missing must be 'renormalise', 'zero' or 'propagate', got {self.missing!r}")
        if not 0 <= self.min_coverage <= 1:
            raise ValueError(f"min_coverage is a share from 0 to 1, got {self.min_coverage!r}")
        validate_data(self, X, dtype=np.float64, ensure_all_finite="allow-nan")
        names = list(getattr(self, "feature_names_in_", [f"x{i}" for i in range(self.n_features_in_)]))
        groups = (
            {"all": names} if self.groups is None else {name: list(members) for name, members in self.groups.items()}
        )
        members = [name for group in groups.values() for name in group]
        if not groups or len(set(members)) < len(members) or not set(members) <= set(names):
            raise ValueError(f"each group needs columns of X, each column in one group; columns: {names}")
        if set(groups) & {*names, "score", "coverage"}:
            raise ValueError("a group must not have the name of a column, 'score' or 'coverage'")
        given = self._given(names, set(names) | set(groups))
        self.group_names_ = list(groups)
        self.group_weights_ = _shares(given, list(groups), "the groups")
        self.column_weights_ = np.zeros((len(groups), len(names)))
        for i, (group, inside) in enumerate(groups.items()):
            places = [names.index(name) for name in inside]
            self.column_weights_[i, places] = _shares(given, inside, f"group {group!r}")
        return self

    def _given(self, names: list[str], known: set[str]) -> dict[str, float]:
        weights = self.weights
        if weights is None:
            return {}
        if not isinstance(weights, Mapping):
            if len(weights) != len(names):
                raise ValueError(f"there are {len(weights)} weights for {len(names)} columns")
            weights = dict(zip(names, weights, strict=True))
        if not set(weights) <= known:
            raise ValueError(f"weights of neither columns nor groups: {sorted(set(weights) - known)}")
        if not all(np.isfinite(w) and w >= 0 for w in weights.values()):
            raise ValueError("weights are finite and at least 0")
        return dict(weights)

    def transform(self, X: Any) -> FloatArray:  # noqa: N803
        """Score, coverage and scores of groups (n, 2 + groups) for X (n, p)."""
        scored = self._score(X)
        return np.column_stack([scored.score, scored.coverage, scored.groups])

    def parts(self, X: Any) -> FloatArray:  # noqa: N803
        """Points (n, p) that each column gives to the score; a row sums to its score, where that is known."""
        return self._score(X).points

    def lost(self, X: Any) -> FloatArray:  # noqa: N803
        """Points (n, p) that each column takes from 100; a row sums to 100 minus its score, where that is known."""
        check_is_fitted(self)
        full = validate_data(self, X, reset=False, dtype=np.float64, ensure_all_finite="allow-nan", copy=True)
        full[~np.isnan(full)] = 100.0
        return self._score_values(full).points - self._score(X).points

    def _score(self, X: Any) -> _Scored:  # noqa: N803
        check_is_fitted(self)
        return self._score_values(validate_data(self, X, reset=False, dtype=np.float64, ensure_all_finite="allow-nan"))

    def _score_values(self, values: FloatArray) -> _Scored:
        known = ~np.isnan(values)
        x = np.where(known, np.clip(values, 0.0, 100.0), 0.0)
        covered = known @ self.column_weights_.T
        coverage = covered @ self.group_weights_
        if self.missing == "renormalise":
            inside, outside = covered, (covered > 0) @ self.group_weights_
        else:
            inside, outside = np.ones_like(covered), np.ones(len(x))
        with np.errstate(invalid="ignore", divide="ignore"):
            groups = x @ self.column_weights_.T / np.where(inside > 0, inside, np.nan)
            groups = groups.round(10)
            share = self.group_weights_ / (np.where(outside > 0, outside, np.nan)[:, None] * inside)
            points = x * (np.where(inside > 0, share, 0.0) @ self.column_weights_)
        # A score that is 50 by hand must not fall below 50 by the order of a sum: levels start at round numbers.
        score = points.sum(axis=1).round(10)
        unknown = (outside <= 0) | (coverage < self.min_coverage - 1e-12)
        if self.missing == "propagate":
            groups[covered < 1 - 1e-12] = np.nan
            unknown |= coverage < 1 - 1e-12
        score[unknown], points[unknown] = np.nan, np.nan
        return _Scored(score, coverage, groups, points)

    def get_feature_names_out(self, input_features: Any = None) -> Any:  # noqa: ARG002
        """Names of the columns of `transform`."""
        check_is_fitted(self)
        return np.asarray(["score", "coverage", *self.group_names_], dtype=object)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        return tags


def _shares(given: Mapping[str, float], names: Sequence[str], what: str) -> FloatArray:
    """Weights of the names as shares of their sum: 1 each where none is given."""
    otherwise = 0.0 if any(name in given for name in names) else 1.0
    found = np.array([given.get(name, otherwise) for name in names], dtype=np.float64)
    if not found.sum() > 0:
        raise ValueError(f"{what}: no weight is above 0")
    return np.asarray(found / found.sum())
