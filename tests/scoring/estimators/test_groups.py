"""Whose rows belong together reaches the models that ask for it, and those that do not are left in peace."""

from typing import Any, Self

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.linear_model import LogisticRegression

from scoring.evaluation.backtest import Fold, fitted, fitted_probability


class Listener(ClassifierMixin, BaseEstimator):
    def fit(self, X: Any, y: Any, groups: Any = None) -> Self:
        self.groups_ = groups
        return self

    def predict_proba(self, X: Any) -> np.ndarray:
        return np.tile([1.0 - len(self.groups_) / 10, len(self.groups_) / 10], (len(X), 1))


def test_groups_are_told_to_who_asks_for_them() -> None:
    x, y, subjects = np.arange(4.0)[:, None], np.array([0, 1, 0, 1]), np.array(["a", "a", "b", "c"])
    assert fitted(Listener(), x, y, subjects).groups_.tolist() == ["a", "a", "b", "c"]
    assert fitted(Listener(), x, y).groups_ is None
    assert fitted(LogisticRegression(), x, y, subjects).coef_.shape == (1, 1)
    # Of a fold only the training rows: three of four.
    fold = Fold(train=np.array([0, 1, 2]), test=np.array([3]))
    assert fitted_probability(Listener(), x, y.astype(float), fold, subjects).tolist() == [0.3]
