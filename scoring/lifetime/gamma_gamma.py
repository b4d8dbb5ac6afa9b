"""Mean value of a customer's purchases, drawn towards that of all customers. How many come is not asked here."""
# ruff: noqa: ARG002, N803

from typing import Any

import numpy as np
from scipy.special import digamma, gammaln
from sklearn.base import BaseEstimator, RegressorMixin
from sklearn.utils.validation import check_is_fitted

from scoring.evaluation.checks import Floats
from scoring.lifetime.likelihood import Parametric, most_likely, named_columns

COLUMNS = ("frequency", "monetary")


class GammaGamma(Parametric, RegressorMixin, BaseEstimator):  # type: ignore[misc]
    """Gamma-Gamma model of spend: values ~ Gamma(p, ν) for each customer, ν ~ Gamma(q, v).

    It takes for granted that what a purchase is worth does not depend on how often a customer buys; see
    :attr:`correlation_`.

    Attributes
    ----------
    p_, q_, v_ : float
        Parameters; ``v_`` in the unit of money.
    log_likelihood_ : float
        Of the customers with a repeat purchase.
    correlation_ : float
        Of number and mean value of purchases, NaN where either is constant.

    Notes
    -----
    Fader and Hardie, *The Gamma-Gamma model of monetary value* (2013), eq. 1a and 5. ``lifetimes``, which has it, is
    no longer maintained; PyMC-Marketing brings a probabilistic programming stack for three numbers.
    """

    PARAMETERS = ("p_", "q_", "v_")

    def fit(self, X: Any, y: Any = None) -> "GammaGamma":
        """Find the most likely parameters.

        Parameters
        ----------
        X
            Columns ``frequency`` (purchases that ``monetary`` is the mean of) and ``monetary`` (above 0), or an array
            of these two, shape (n, 2). Rows with frequency 0 are passed over; their ``monetary`` may be missing.
        y
            Not looked at.
        """
        x, mean = self._rows(X)
        kept = x > 0
        if kept.sum() < 2 or (mean[kept] <= 0).any():
            raise ValueError("GammaGamma needs customers with purchases, each with a mean value above 0")
        x, mean = x[kept], mean[kept]
        unit = float(mean.mean())
        scaled = mean / unit

        def loss(parameters: Floats) -> tuple[float, Floats]:
            p, q, v = parameters
            value = _log_likelihood(parameters, x, scaled)
            shape, spent = p * x, np.log(x * scaled + v)
            gradient = np.stack(
                [
                    x * (digamma(shape + q) - digamma(shape) + np.log(x * scaled) - spent),
                    digamma(shape + q) - digamma(q) + np.log(v) - spent,
                    q / v - (shape + q) / (x * scaled + v),
                ]
            )
            return -float(value.mean()), -gradient.mean(axis=1)

        p, q, v = most_likely(loss, ((1.0, 2.0, 1.0), (6.0, 4.0, 0.5)), "GammaGamma")
        self.p_, self.q_, self.v_ = float(p), float(q), float(v) * unit
        self.log_likelihood_ = float(_log_likelihood(np.array([p, q, self.v_]), x, mean).sum())
        varied = np.ptp(x) > 0 and np.ptp(mean) > 0
        self.correlation_ = float(np.corrcoef(x, mean)[0, 1]) if varied else float("nan")
        self.n_features_in_ = len(COLUMNS)
        return self

    def predict(self, X: Any) -> Floats:
        """Expected value of a purchase given each customer's history, shape (n,), in the unit of money.

        Infinite for customers without a history where q ≤ 1, since the mean over all customers then has no bound.
        """
        check_is_fitted(self, "p_")
        x, mean = self._rows(X)
        left = self.p_ * x + self.q_ - 1
        expected = self.p_ * (self.v_ + x * mean) / np.where(left > 0, left, 1)
        return np.asarray(np.where(left > 0, expected, np.inf), dtype=np.float64)

    @staticmethod
    def _rows(X: Any) -> tuple[Floats, Floats]:
        x = named_columns(
            X[["frequency"]] if hasattr(X, "columns") else np.asarray(X)[:, :1], ("frequency",), "GammaGamma"
        )
        values = X["monetary"] if hasattr(X, "columns") else np.asarray(X)[:, 1]
        mean = np.where(x[:, 0] > 0, np.asarray(values, dtype=np.float64), 0.0)
        if (x < 0).any() or not np.isfinite(mean).all():
            raise ValueError("GammaGamma needs frequency ≥ 0, and monetary wherever there are purchases")
        return x[:, 0], mean


def _log_likelihood(parameters: Floats, x: Floats, mean: Floats) -> Floats:
    p, q, v = parameters
    shape = p * x
    return np.asarray(
        gammaln(shape + q)
        - gammaln(shape)
        - gammaln(q)
        + q * np.log(v)
        + (shape - 1) * np.log(mean)
        + shape * np.log(x)
        - (shape + q) * np.log(x * mean + v),
        dtype=np.float64,
    )
