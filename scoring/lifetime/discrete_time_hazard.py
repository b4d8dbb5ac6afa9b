"""When something ends, period by period, given features: survival by logistic regression on person-periods.

Features are as of the start; those that change over time belong in person-periods that the caller builds.
"""
# ruff: noqa: N803

from typing import Any

import numpy as np
import numpy.typing as npt
from sklearn.base import BaseEstimator, clone
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.validation import check_is_fitted

from scoring.evaluation.checks import Floats, Ints, is_missing, pick


class DiscreteTimeHazard(BaseEstimator):  # type: ignore[misc]
    """Probability of ending in each period, by logistic regression on a row per subject and period lived through.

    Parameters
    ----------
    encoder
        Transformer from features to numbers; None fills missing numbers with their median, marks them, and scales.
    C
        Inverse of the penalty on all coefficients, those of the periods included.
    max_periods
        Later periods share the hazard of this one. None takes the last period in which something ended.

    Attributes
    ----------
    periods_ : int
        Last period with a hazard of its own.
    intercept_, coef_
        Of the regression: the first ``periods_`` coefficients are those of the periods, the others of the features.

    Notes
    -----
    Allison, *Discrete-time methods for the analysis of event histories* (1982): the likelihood of censored durations
    equals that of a logistic regression over person-periods. ``lifelines`` and ``scikit-survival`` have models in
    continuous time; renewals come once a period, which this says directly, with scikit-learn alone.
    """

    def __init__(self, encoder: Any = None, C: float = 1.0, max_periods: int | None = None) -> None:
        self.encoder = encoder
        self.C = C
        self.max_periods = max_periods

    def fit(self, X: Any, y: npt.ArrayLike) -> "DiscreteTimeHazard":
        """Fit to durations.

        Parameters
        ----------
        X
            Features, shape (n, k).
        y
            Shape (n, 2): periods seen, whole numbers from 1, and 1 where it ended in the last of them, 0 where it
            was still on when last seen.
        """
        durations, ended = _durations(y, X.shape[0])
        last = int(durations[ended].max()) if ended.any() else 0
        if last == 0 or bool(np.all(ended & (durations == 1))):
            raise ValueError("DiscreteTimeHazard needs subjects that ended and periods in which others did not")
        self.periods_ = last if self.max_periods is None else min(last, self.max_periods)
        encoder = make_pipeline(SimpleImputer(strategy="median", add_indicator=True), StandardScaler())
        self.encoder_ = clone(encoder if self.encoder is None else self.encoder).fit(X)
        subject = np.repeat(np.arange(durations.size), durations)
        period = np.arange(subject.size) - np.repeat(np.cumsum(durations) - durations, durations) + 1
        target = (period == durations[subject]) & ended[subject]
        design = np.column_stack([self._baseline(period), self._encoded(X)[subject]])
        model = LogisticRegression(C=self.C, max_iter=2000, tol=1e-8).fit(design, target)
        self.intercept_, self.coef_ = float(model.intercept_[0]), np.asarray(model.coef_[0], dtype=np.float64)
        self.n_features_in_ = int(X.shape[1])
        return self

    def predict_hazard(self, X: Any, periods: npt.ArrayLike) -> Floats:
        """Probability of ending in each of the periods, given that it came so far; shape (n, len(periods))."""
        check_is_fitted(self, "coef_")
        asked = np.asarray(periods, dtype=np.int64)
        if (asked < 1).any():
            raise ValueError("periods are counted from 1")
        baseline = self.intercept_ + self._baseline(asked) @ self.coef_[: self.periods_]
        own = self._encoded(X) @ self.coef_[self.periods_ :]
        return np.asarray(1 / (1 + np.exp(-(own[:, None] + baseline))), dtype=np.float64)

    def predict_survival(self, X: Any, times: npt.ArrayLike, tenure: npt.ArrayLike | int = 0) -> Floats:
        """Probability of outlasting ``times`` more periods.

        Parameters
        ----------
        X
            Features, shape (n, k).
        times
            Whole periods ahead, shape (m,); 0 gives 1.
        tenure
            Periods that each subject has come through, shape (n,), or one number.

        Returns
        -------
        ndarray
            Shape (n, m).
        """
        ahead = np.atleast_1d(np.asarray(times, dtype=np.int64))
        age = np.broadcast_to(np.asarray(tenure, dtype=np.int64), (X.shape[0],))
        if (ahead < 0).any() or (age < 0).any():
            raise ValueError("times and tenure must not be negative")
        result = np.empty((age.size, ahead.size))
        for start in np.unique(age):
            rows = np.flatnonzero(age == start)
            hazard = self.predict_hazard(pick(X, rows), np.arange(start + 1, start + max(ahead.max(), 1) + 1))
            survival = np.column_stack([np.ones(rows.size), np.cumprod(1 - hazard, axis=1)])
            result[rows] = survival[:, ahead]
        return result

    def _baseline(self, period: Ints) -> Floats:
        return np.asarray(np.eye(self.periods_)[np.minimum(period, self.periods_) - 1], dtype=np.float64)

    def _encoded(self, X: Any) -> Floats:
        return np.asarray(self.encoder_.transform(X), dtype=np.float64).reshape(X.shape[0], -1)


def _durations(y: npt.ArrayLike, rows: int) -> tuple[Ints, npt.NDArray[np.bool_]]:
    values = np.asarray(y, dtype=np.float64)
    if values.shape != (rows, 2) or is_missing(values).any():
        raise ValueError(f"y must have shape ({rows}, 2): periods seen, and whether it then ended; not {values.shape}")
    periods, ended = values.T
    if (periods < 1).any() or (periods != np.floor(periods)).any() or not np.isin(ended, (0, 1)).all():
        raise ValueError("y must hold whole numbers of periods from 1, and 0 or 1")
    return periods.astype(np.int64), ended == 1
