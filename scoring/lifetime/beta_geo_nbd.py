"""Purchases of customers without a contract, who fall silent without saying so.

Money is in :mod:`scoring.lifetime.gamma_gamma`; customers under a contract are not the business of this model, whose
customers may return after any silence.
"""
# ruff: noqa: ARG002, N803

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.special import betaln, digamma, gammaln, hyp2f1
from sklearn.base import BaseEstimator, RegressorMixin
from sklearn.utils.validation import check_is_fitted

from scoring.evaluation.checks import Floats
from scoring.lifetime.likelihood import Parametric, most_likely, named_columns, of_shape

COLUMNS = ("frequency", "recency", "T")
NEAR_ONE = 1e-7


class BetaGeoNBD(Parametric, RegressorMixin, BaseEstimator):  # type: ignore[misc]
    """BG/NBD and modified BG/NBD: purchases at a rate λ ~ Gamma(r, α), an end after each with p ~ Beta(a, b).

    Parameters
    ----------
    modified
        Customers may also be gone after their first purchase (MBG/NBD). Without it a customer with one purchase is
        alive for certain, so that P(alive) ranks them the wrong way round.
    horizon
        How far :meth:`predict` looks ahead by default, in the unit of the histories.

    Attributes
    ----------
    r_, alpha_, a_, b_ : float
        Parameters; ``alpha_`` in the unit of time of the histories.
    log_likelihood_ : float
        Of all customers.

    Notes
    -----
    Fader, Hardie and Lee, *Counting your customers the easy way* (2005), eq. 6 and 10; for the modified model
    Batislam, Denizel and Filiztekin (2007). Expectations use Euler's transformation of the hypergeometric function,
    whose arguments then do not grow with the number of purchases, so that nothing overflows.

    ``lifetimes`` has both models and is no longer maintained; PyMC-Marketing is, and brings a probabilistic
    programming stack for what is a search over four numbers.
    """

    PARAMETERS = ("r_", "alpha_", "a_", "b_")

    def __init__(self, modified: bool = True, horizon: float = 52.0) -> None:
        self.modified = modified
        self.horizon = horizon

    def fit(self, X: Any, y: Any = None) -> "BetaGeoNBD":
        """Find the most likely parameters.

        Parameters
        ----------
        X
            Columns ``frequency`` (repeat purchases), ``recency`` (time from first to last purchase) and ``T`` (time
            from the first purchase to the cut-off), or an array of these three, shape (n, 3).
        y
            Not looked at.

        Raises
        ------
        ValueError
            Where a history is impossible, or nobody has bought twice.
        """
        histories = self._histories(X)
        if not (histories[:, 0] > 0).any():
            raise ValueError("BetaGeoNBD needs customers with a repeat purchase; here frequency is 0 for all")
        distinct, counts = np.unique(histories, axis=0, return_counts=True)
        # In units of the mean age all four parameters are of order 1, whatever the unit of time is.
        unit = float(np.average(distinct[:, 2], weights=counts)) or 1.0
        x, recency, age = distinct[:, 0], distinct[:, 1] / unit, distinct[:, 2] / unit
        share = counts / counts.sum()

        def loss(parameters: Floats) -> tuple[float, Floats]:
            value, gradient = self._with_gradient(parameters, x, recency, age)
            return -float(share @ value), -(gradient @ share)

        starts = ((1.0, 1.0, 1.0, 1.0), (0.3, 0.2, 0.8, 2.5))
        self.r_, alpha, self.a_, self.b_ = (float(v) for v in most_likely(loss, starts, "BetaGeoNBD"))
        self.alpha_ = alpha * unit
        self.log_likelihood_ = self.log_likelihood(X)
        self.n_features_in_ = len(COLUMNS)
        return self

    def log_likelihood(self, X: Any) -> float:
        """Log-likelihood of these customers under the fitted parameters, summed."""
        x, recency, age = self._histories(X).T
        return float(self._log_likelihood(self._parameters(), x, recency, age).sum())

    def predict(self, X: Any, t: npt.ArrayLike | float | None = None) -> Floats:
        """Expected purchases in the next ``t`` units of time given each history, shape (n,).

        ``t`` is one number or one per row; None takes ``horizon``.
        """
        r, alpha, a, b = self._parameters()
        x, recency, age = self._histories(X).T
        ahead = of_shape(self.horizon if t is None else t, x.size, "t")
        return self._alive(x, recency, age) * _expected(r + x, alpha + age, a, self._stays(b, x), ahead)

    def predict_alive(self, X: Any) -> Floats:
        """Probability that each customer has not ended, shape (n,). 1 for all with one purchase in the plain model."""
        return self._alive(*self._histories(X).T)

    def predict_silence(self, X: Any, t: npt.ArrayLike | float) -> Floats:
        """Probability of no purchase in the next ``t`` units of time given each history, shape (n,).

        Whoever is gone buys nothing; whoever is not buys nothing with ((α + T) / (α + T + t))^(r + x), since nobody
        ends but after a purchase.
        """
        r, alpha, _, _ = self._parameters()
        x, recency, age = self._histories(X).T
        ahead = of_shape(t, x.size, "t")
        buys = 1 - ((alpha + age) / (alpha + age + ahead)) ** (r + x)
        return np.asarray(1 - self._alive(x, recency, age) * buys, dtype=np.float64)

    def expected_of_new(self, t: npt.ArrayLike | float) -> Floats:
        """Expected repeat purchases of a customer in the time ``t`` after the first purchase; shape of ``t``."""
        r, alpha, a, b = self._parameters()
        ahead = np.atleast_1d(np.asarray(t, dtype=np.float64))
        ones = np.ones_like(ahead)
        alive = b / (a + b) if self.modified else 1.0
        expected = alive * _expected(r * ones, alpha * ones, a, self._stays(b, 0 * ones), ahead)
        return expected.reshape(np.shape(t))

    def _parameters(self) -> Floats:
        check_is_fitted(self, "r_")
        return np.array([self.r_, self.alpha_, self.a_, self.b_])

    def _histories(self, X: Any) -> Floats:
        values = named_columns(X, COLUMNS, "BetaGeoNBD")
        x, recency, age = values.T
        wrong = (x < 0) | (x != np.floor(x)) | (recency < 0) | (recency > age) | ((x == 0) & (recency > 0))
        if wrong.any():
            row = int(np.flatnonzero(wrong)[0])
            raise ValueError(
                f"row {row} is no history: frequency {x[row]}, recency {recency[row]}, T {age[row]}; frequency counts "
                "repeat purchases, recency is 0 without any and at most T"
            )
        return values

    def _log_likelihood(self, parameters: Floats, x: Floats, recency: Floats, age: Floats) -> Floats:
        r, alpha = parameters[:2]
        purchases = _of_counts(lambda count: gammaln(r + count), x) - gammaln(r) + r * np.log(alpha)
        stayed, ended = self._ends(parameters, x, recency, age)
        return np.asarray(purchases + np.logaddexp(stayed, ended), dtype=np.float64)

    def _with_gradient(self, parameters: Floats, x: Floats, recency: Floats, age: Floats) -> tuple[Floats, Floats]:
        """Log-likelihood of each history, shape (n,), and its derivatives by the four parameters, shape (4, n)."""
        r, alpha, a, b = parameters
        stayed, ended = self._ends(parameters, x, recency, age)
        either = np.logaddexp(stayed, ended)
        alive = np.exp(stayed - either)
        gone = 1 - alive
        stays = self._stays(b, x)
        purchases = _of_counts(lambda count: gammaln(r + count), x) - gammaln(r) + r * np.log(alpha)
        of_rate = _of_counts(lambda count: digamma(r + count), x) - digamma(r) + np.log(alpha)
        of_both = digamma(a + b) - _of_counts(lambda count: digamma(a + self._stays(b, count)), x)
        of_stays = _of_counts(lambda count: digamma(self._stays(b, count)), x) - digamma(b)
        last = np.where(gone > 0, stays - 1, 1.0)
        gradient = np.stack(
            [
                of_rate - alive * np.log(alpha + age) - gone * np.log(alpha + recency),
                r / alpha - (r + x) * (alive / (alpha + age) + gone / (alpha + recency)),
                of_both + gone / a,
                of_both + of_stays - gone / last,
            ]
        )
        return purchases + either, gradient

    def _stays(self, b: float, x: Floats) -> Floats:
        """Second parameter of p ~ Beta(a, ·) of somebody who bought and stayed so often."""
        return b + x + (1.0 if self.modified else 0.0)

    def _ends(self, parameters: Floats, x: Floats, recency: Floats, age: Floats) -> tuple[Floats, Floats]:
        """Logarithms of the two ways to a history: still there, or gone since the last purchase."""
        r, alpha, a, b = parameters
        staying = _of_counts(lambda count: betaln(a, self._stays(b, count)), x) - betaln(a, b)
        stayed = staying - (r + x) * np.log(alpha + age)
        can_end = np.ones(x.shape, dtype=bool) if self.modified else x > 0
        last = np.where(can_end, self._stays(b, x) - 1, 1.0)
        ended = staying + np.log(a) - np.log(last) - (r + x) * np.log(alpha + recency)
        return stayed, np.where(can_end, ended, -np.inf)

    def _alive(self, x: Floats, recency: Floats, age: Floats) -> Floats:
        stayed, ended = self._ends(self._parameters(), x, recency, age)
        return np.asarray(np.exp(stayed - np.logaddexp(stayed, ended)), dtype=np.float64)


def _of_counts(function: Callable[[Floats], Floats], x: Floats) -> Floats:
    """A costly function of whole numbers, computed once for each of the few that there are."""
    size = int(x.max()) + 1
    if size > x.size:
        return np.asarray(function(x), dtype=np.float64)
    return np.asarray(function(np.arange(size, dtype=np.float64))[x.astype(np.int64)], dtype=np.float64)


def _expected(shape: Floats, rate: Floats, a: float, stays: Floats, t: Floats) -> Floats:
    """Purchases in ``t`` of somebody alive with λ ~ Gamma(shape, rate) and p ~ Beta(a, stays).

    The mean of (1 − (rate / (rate + p t))^shape) / p over p.
    """
    z = t / (rate + t)
    # At a = 1 numerator and denominator are both 0; a step aside changes the result by less than 1e-6 of itself.
    beside = a if abs(a - 1) > NEAR_ONE else 1 + NEAR_ONE
    total = beside + stays - 1
    kept = (1 - z) ** (beside - 1) * hyp2f1(total - shape, beside - 1, total, z)
    return np.asarray(total / (beside - 1) * (1 - kept), dtype=np.float64)
