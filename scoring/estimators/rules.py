"""Two parameters on a rule's score, and one on a model's log-odds: what can be learned from very few outcomes."""

from abc import ABC, abstractmethod
from typing import Any, Self

import numpy as np
import numpy.typing as npt
from scipy.special import expit, logit
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.utils.multiclass import check_classification_targets, type_of_target
from sklearn.utils.validation import _check_sample_weight, check_is_fitted, validate_data

from scoring.estimators.columns import FloatArray, is_frame

STEPS, TOLERANCE = 100, 1e-10


class _OneScore(ClassifierMixin, BaseEstimator, ABC):  # type: ignore[misc]
    """A classifier of one column, given as (n, 1) or (n,)."""

    def decision_function(self, X: Any) -> FloatArray:  # noqa: N803
        """Log-odds (n,) of the second class for scores X (n, 1) or (n,)."""
        check_is_fitted(self)
        return self._log_odds(validate_data(self, _as_column(X), reset=False, dtype=np.float64)[:, 0])

    @abstractmethod
    def _log_odds(self, score: FloatArray) -> FloatArray:
        """Log-odds (n,) of scores (n,)."""

    def predict_proba(self, X: Any) -> FloatArray:  # noqa: N803
        """Probabilities (n, 2) of `classes_`."""
        p = expit(self.decision_function(X))
        return np.column_stack([1.0 - p, p])

    def predict(self, X: Any) -> Any:  # noqa: N803
        """The more probable class of each row (n,)."""
        positive = self.decision_function(X) > 0
        return self.classes_[positive.astype(int)]

    def _checked(self, X: Any, y: Any, sample_weight: Any) -> tuple[FloatArray, npt.NDArray[np.int64], FloatArray]:  # noqa: N803
        """Scores, outcomes as 0 and 1, and weights, each (n,)."""
        X, y = validate_data(self, _as_column(X), y, dtype=np.float64)  # noqa: N806
        if X.shape[1] != 1:
            raise ValueError(f"{type(self).__name__} takes one column; X has {X.shape[1]}")
        weight = np.ones(len(y)) if sample_weight is None else _check_sample_weight(sample_weight, X, dtype=np.float64)
        return X[:, 0], _binary(self, y), weight

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.classifier_tags.multi_class = False
        tags.input_tags.one_d_array, tags.input_tags.two_d_array = True, False
        return tags


def _as_column(X: Any) -> Any:  # noqa: N803
    return X if is_frame(X) or np.ndim(X) != 1 else np.asarray(X).reshape(-1, 1)


class PlattRule(_OneScore):
    """Probability of an outcome from the score of a rule: ``logistic(intercept_ + slope_ * score)``.

    Platt's sigmoid (1999) with his smoothed targets, (positives + 1) / (positives + 2) and 1 / (negatives + 2), so that
    a score that separates the outcomes of a few rows does not become certainty. The slope is at least 0: a rule whose
    scores fall with the outcome gives the base rate to all, and never the reverse of what it says.

    Attributes
    ----------
    slope_, intercept_ : float
        Log-odds per point of the score, and at score 0.
    classes_ : ndarray of shape (2,)
    """

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> Self:  # noqa: N803
        """Learn from scores X (n, 1) or (n,), without missing ones, and y (n,) of two classes."""
        x, target, weight = self._checked(X, y, sample_weight)
        positives, negatives = float(weight[target == 1].sum()), float(weight[target == 0].sum())
        if min(positives, negatives) <= 0:
            raise ValueError("the rows with a weight are of one class alone; two classes are needed to learn from")
        smoothed = np.where(target == 1, (positives + 1) / (positives + 2), 1 / (negatives + 2))
        centre, scale = float(np.average(x, weights=weight)), float(x.std()) or 1.0
        slope, intercept = _sigmoid((x - centre) / scale, smoothed, weight)
        if slope <= 0:
            # The loss is convex, so that the best of the allowed slopes is then the bound itself.
            slope, intercept = 0.0, float(logit(np.average(smoothed, weights=weight)))
        self.slope_, self.intercept_ = slope / scale, intercept - slope * centre / scale
        return self

    def _log_odds(self, score: FloatArray) -> FloatArray:
        return np.asarray(self.intercept_ + self.slope_ * score)


def _binary(estimator: Any, y: Any) -> npt.NDArray[np.int64]:
    check_classification_targets(y)
    if type_of_target(y) != "binary":
        raise ValueError(f"Only binary classification is supported. The type of the target is {type_of_target(y)}.")
    estimator.classes_, target = np.unique(y, return_inverse=True)
    if len(estimator.classes_) < 2:
        raise ValueError(f"y has one class alone, {estimator.classes_[0]!r}; two classes are needed to learn from")
    return np.asarray(target, dtype=np.int64)


def _sigmoid(x: FloatArray, target: FloatArray, weight: FloatArray) -> tuple[float, float]:
    """Slope and intercept of the least cross-entropy, by Newton's method with halved steps (Lin, Lin and Weng 2007)."""

    def loss(b: FloatArray) -> float:
        z = b[0] * x + b[1]
        return float(weight @ (np.logaddexp(0.0, z) - target * z))

    b = np.array([0.0, float(logit(np.average(target, weights=weight)))])
    for _ in range(STEPS):
        p = expit(b[0] * x + b[1])
        residual, curvature = weight * (p - target), weight * p * (1 - p)
        gradient = np.array([residual @ x, residual.sum()])
        hessian = np.array([[curvature @ x**2, curvature @ x], [curvature @ x, curvature.sum()]]) + 1e-12 * np.eye(2)
        move, now, size = np.linalg.solve(hessian, gradient), loss(b), 1.0
        while loss(b - size * move) > now and size > 1e-10:
            size /= 2
        b = b - size * move
        if np.abs(gradient).max() < TOLERANCE * weight.sum():
            break
    return float(b[0]), float(b[1])


class InterceptShift(_OneScore):
    """Log-odds of a model moved by one number, so that recent outcomes are met on average.

    For a base rate that has changed while the drivers have not. The shift solves mean(logistic(log-odds + shift)) =
    rate, the rate being (positives + 1/2) / (n + 1), which is finite for outcomes of one kind too.

    Attributes
    ----------
    shift_ : float
        What is added to the log-odds.
    """

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> Self:  # noqa: N803
        """Learn from log-odds X (n, 1) or (n,) of the model and matured outcomes y (n,) of two classes."""
        x, target, weight = self._checked(X, y, sample_weight)
        self.shift_ = intercept_shift(x, target, weight)
        return self

    def _log_odds(self, score: FloatArray) -> FloatArray:
        return np.asarray(score + self.shift_)


def intercept_shift(log_odds: FloatArray, outcome: Any, weight: FloatArray | None = None) -> float:
    """The shift of `InterceptShift` for log-odds (n,) and outcomes (n,) of 0 and 1, which may all be of one kind."""
    w = np.ones(len(log_odds)) if weight is None else weight
    rate = (float(w @ np.asarray(outcome)) + 0.5) / (float(w.sum()) + 1.0)
    # The mean rises in the shift, and lies on either side of the rate at these two ends.
    low, high = (float(logit(rate)) - float(end) for end in (log_odds.max(), log_odds.min()))
    for _ in range(200):
        middle = (low + high) / 2
        if float(np.average(expit(log_odds + middle), weights=w)) < rate:
            low = middle
        else:
            high = middle
    return (low + high) / 2
