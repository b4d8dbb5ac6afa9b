"""The additive classifier: splines, boosting without interactions or the mean of both, exact in every contribution."""

from collections.abc import Mapping, Sequence
from typing import Any, Self

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.utils.multiclass import check_classification_targets, type_of_target
from sklearn.utils.validation import (
    _check_sample_weight,
    assert_all_finite,
    check_consistent_length,
    check_is_fitted,
    column_or_1d,
)

from scoring.estimators.artefact import from_dict, to_dict
from scoring.estimators.boosting import fit_boosting
from scoring.estimators.columns import Column, FloatArray
from scoring.estimators.encoding import encoded, known_names, learn_columns, mixed_tags, validated_frame
from scoring.estimators.spline import fit_spline
from scoring.estimators.sql import to_sql
from scoring.estimators.tables import AdditiveTables, FeatureTable, mean_of

DECIMALS = 10
"""Decimals of the contributions that are kept; what lies below differs with the number of threads."""
CENTRE_ROWS = 200_000


class AdditiveClassifier(ClassifierMixin, BaseEstimator):  # type: ignore[misc]
    """Probability of the second of two classes from one function of each column.

    The log-odds are the mean of those of a spline logistic regression and of histogram boosting without interactions
    (Hastie and Tibshirani 1986 for additive models; Lou, Caruana and Gehrke 2012 for boosted ones). After fit both are
    tables, and everything that is predicted is read from them.

    Parameters
    ----------
    kind
        ``blend`` (the mean of the log-odds of both), ``spline`` or ``boosting``.
    learning_rate, max_iter, max_leaf_nodes, min_samples_leaf, l2_regularization
        As in HistGradientBoostingClassifier; they do not concern the spline, whose C is chosen by log loss.
    monotonic_cst
        Columns whose contribution must rise (1) or fall (-1): a mapping from names, or a list of -1, 0 and 1 for all.
    random_state
        Seed of the draws of rows on large data and of the folds.

    Attributes
    ----------
    classes_, n_features_in_, feature_names_in_, n_iter_
        As in scikit-learn.
    intercept_ : float
        Log-odds where every contribution is 0, which is the mean contribution of each column over the rows of fit.
    tables_ : AdditiveTables
        The compiled model.
    dropped_ : tuple of Dropped
        Columns that are not used, each with the reason.
    """

    def __init__(
        self,
        kind: str = "blend",
        learning_rate: float = 0.05,
        max_iter: int = 300,
        max_leaf_nodes: int = 4,
        min_samples_leaf: int = 50,
        l2_regularization: float = 1.0,
        monotonic_cst: Mapping[str, int] | Sequence[int] | None = None,
        random_state: int = 0,
    ) -> None:
        self.kind = kind
        self.learning_rate = learning_rate
        self.max_iter = max_iter
        self.max_leaf_nodes = max_leaf_nodes
        self.min_samples_leaf = min_samples_leaf
        self.l2_regularization = l2_regularization
        self.monotonic_cst = monotonic_cst
        self.random_state = random_state

    def fit(self, X: Any, y: Any, sample_weight: Any = None, groups: Any = None) -> Self:  # noqa: N803
        """Learn from X (n, p) of mixed types and y (n,) of two classes.

        Rows of one of the groups (n,) count as little more than one: they stand in one fold where C is chosen, and a
        leaf takes as many times more rows as a group has on average.

        Raises
        ------
        ValueError
            Where y has other than two classes or missing values, or a parameter is out of its range.
        """
        if self.kind not in ("blend", "spline", "boosting"):
            raise ValueError(f"kind must be 'blend', 'spline' or 'boosting', got {self.kind!r}")
        frame = validated_frame(self, X, reset=True)
        target = self._target(y)
        check_consistent_length(X, target)
        weight, members = None, None
        if groups is not None:
            check_consistent_length(X, groups)
            members = np.unique(np.asarray(groups).astype(str), return_inverse=True)[1]
        if sample_weight is not None:
            weight = _check_sample_weight(sample_weight, X, dtype=np.float64, ensure_non_negative=True)
            # Rows without weight must not take part in vocabularies, bins and knots either.
            kept = weight > 0
            frame, target, weight = frame.filter(kept), target[kept], weight[kept]
            members = None if members is None else members[kept]
            if len(np.unique(target)) < 2:
                raise ValueError("the rows with a weight are of one class alone; two classes are needed to learn from")
        learned, dropped = learn_columns(frame)
        rows = encoded([frame.to_series(column.position) for column in learned], learned, frame.height)
        self.n_iter_, intercept = 1, _log_odds(target, weight)
        tables: list[FeatureTable] = []
        if learned:
            intercept, tables = self._parts(rows, target, learned, weight, members)
        intercept, tables = _centred(intercept, tables, rows, weight)
        names = known_names(self)
        classes = (_plain(self.classes_[0]), _plain(self.classes_[1]))
        named = hasattr(self, "feature_names_in_")
        self._take(AdditiveTables(intercept, tuple(tables), tuple(names), named, tuple(dropped), classes))
        return self

    def _target(self, y: Any) -> Any:
        if y is None:
            raise ValueError("This AdditiveClassifier estimator requires y to be passed, but the target y is None")
        y = column_or_1d(y, warn=True)
        assert_all_finite(y, input_name="y")
        check_classification_targets(y)
        if type_of_target(y) not in ("binary",):
            raise ValueError(f"Only binary classification is supported. The type of the target is {type_of_target(y)}.")
        self.classes_, target = np.unique(y, return_inverse=True)
        if len(self.classes_) < 2:
            raise ValueError(f"y has one class alone, {self.classes_[0]!r}; two classes are needed to learn from")
        return target

    def _parts(
        self, rows: FloatArray, target: Any, learned: list[Column], weight: FloatArray | None, groups: Any
    ) -> tuple[float, list[FeatureTable]]:
        common: dict[str, Any] = {
            "weight": weight,
            "monotonic": self._monotonic(learned),
            "random_state": int(np.random.default_rng(self.random_state).integers(2**31)),
        }
        size = 1.0 if groups is None else len(groups) / len(np.unique(groups))
        parts = []
        if self.kind != "boosting":
            parts.append(fit_spline(rows, target, learned, groups=groups, **common))
        if self.kind != "spline":
            parts.append(
                fit_boosting(
                    rows,
                    target,
                    learned,
                    learning_rate=self.learning_rate,
                    max_iter=self.max_iter,
                    max_leaf_nodes=self.max_leaf_nodes,
                    min_samples_leaf=round(self.min_samples_leaf * size),
                    l2_regularization=self.l2_regularization,
                    **common,
                )
            )
        self.n_iter_ = max(iterations for _, _, iterations in parts)
        intercept = sum(base for base, _, _ in parts) / len(parts)
        return intercept, [mean_of(same) for same in zip(*(tables for _, tables, _ in parts), strict=True)]

    def _monotonic(self, learned: list[Column]) -> list[int]:
        wanted, names = self.monotonic_cst, known_names(self)
        if wanted is None:
            return [0] * len(learned)
        if not isinstance(wanted, Mapping):
            if len(wanted) != len(names):
                raise ValueError(f"monotonic_cst has {len(wanted)} entries for {len(names)} columns")
            wanted = dict(zip(names, wanted, strict=True))
        unknown = set(wanted) - set(names)
        if unknown or not set(wanted.values()) <= {-1, 0, 1}:
            raise ValueError(f"monotonic_cst takes -1, 0 or 1 for columns of X; unknown columns: {sorted(unknown)}")
        for column in learned:
            if column.kind == "category" and wanted.get(column.name, 0):
                raise ValueError(f"monotonic_cst names {column.name!r}, whose values are categories without an order")
        return [int(wanted.get(column.name, 0)) for column in learned]

    def _take(self, tables: AdditiveTables) -> None:
        self.tables_, self.intercept_, self.dropped_ = tables, tables.intercept, tables.dropped

    def contributions(self, X: Any) -> FloatArray:  # noqa: N803
        """Contributions (n, n_features_in_) in log-odds; a row and `intercept_` sum to its `decision_function`."""
        check_is_fitted(self)
        return self.tables_.contributions(validated_frame(self, X, reset=False))

    def decision_function(self, X: Any) -> FloatArray:  # noqa: N803
        """Log-odds (n,) of the second class."""
        check_is_fitted(self)
        return self.tables_.decision_function(validated_frame(self, X, reset=False))

    def predict_proba(self, X: Any) -> FloatArray:  # noqa: N803
        """Probabilities (n, 2) of `classes_`."""
        check_is_fitted(self)
        return self.tables_.predict_proba(validated_frame(self, X, reset=False))

    def predict(self, X: Any) -> Any:  # noqa: N803
        """The more probable class of each row (n,)."""
        positive = self.decision_function(X) > 0
        return self.classes_[positive.astype(int)]

    def to_dict(self) -> dict[str, Any]:
        """The model as numbers, text and lists; see `artefact`."""
        check_is_fitted(self)
        return to_dict(self.tables_)

    @classmethod
    def from_dict(cls, document: Any) -> Self:
        """A classifier that predicts as the one that wrote `document`; ValueError where that is not a valid model."""
        model, tables = cls(), from_dict(document)
        model._take(tables)
        model.classes_ = np.asarray(tables.classes)
        model.n_features_in_ = len(tables.names)
        if tables.named:
            model.feature_names_in_ = np.asarray(tables.names, dtype=object)
        return model

    def to_sql(self, relation: str | Sequence[str], key_columns: Sequence[str], dialect: str = "duckdb") -> str:
        """One SQL statement that scores a relation with all contributions; see `sql`."""
        check_is_fitted(self)
        return to_sql(self.tables_, relation, key_columns, dialect)

    def __sklearn_tags__(self) -> Any:
        tags = mixed_tags(super().__sklearn_tags__())
        tags.classifier_tags.multi_class = False
        return tags


def _plain(value: Any) -> Any:
    return value.item() if isinstance(value, np.generic) else value


def _log_odds(target: Any, weight: FloatArray | None) -> float:
    share = float(np.average(target, weights=weight))
    return float(np.log(share / (1.0 - share)))


def _centred(
    intercept: float, tables: list[FeatureTable], rows: FloatArray, weight: FloatArray | None
) -> tuple[float, list[FeatureTable]]:
    """Move the mean contribution of each column into the intercept, and round what is kept."""
    every = -(-len(rows) // CENTRE_ROWS)
    sample, w = rows[::every], None if weight is None else weight[::every]
    centred = []
    for i, table in enumerate(tables):
        z = sample[:, i]
        values = table.of_codes(z.astype(np.int64)) if table.column.kind == "category" else table.of_numbers(z)
        mean = float(np.average(values, weights=w))
        intercept += mean
        centred.append(table.plus(-mean).rounded(DECIMALS))
    return round(intercept, DECIMALS), centred
