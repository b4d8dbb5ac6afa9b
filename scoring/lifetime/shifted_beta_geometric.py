"""Retention of a cohort under a contract, where each renewal is seen. Features are not asked for here."""
# ruff: noqa: N803

import numpy as np
import numpy.typing as npt
from scipy.special import betaln, digamma
from sklearn.base import BaseEstimator
from sklearn.utils.validation import check_is_fitted

from scoring.evaluation.checks import Floats, labels
from scoring.lifetime.likelihood import Parametric, most_likely, of_shape


class ShiftedBetaGeometric(Parametric, BaseEstimator):  # type: ignore[misc]
    """sBG model: at each renewal a customer leaves with a probability of their own, θ ~ Beta(α, β).

    Retention rises with age although nobody changes: those who leave easily have left.

    Attributes
    ----------
    alpha_, beta_ : float
        Parameters.
    log_likelihood_ : float
        Of all customers.

    Notes
    -----
    Fader and Hardie, *How to project customer retention* (2007). The value of the periods to come is their
    *Customer-base valuation in a contractual setting* (2010), summed instead of in closed form, so that it can stop
    at any period. ``lifetimes`` is no longer maintained and lacks the model; PyMC-Marketing brings a probabilistic
    programming stack for two numbers.

    Examples
    --------
    >>> model = ShiftedBetaGeometric().fit_survivors([1000, 869, 743, 653, 593, 551, 517, 491])
    >>> round(model.alpha_, 3), round(model.beta_, 3)
    (0.668, 3.806)
    """

    PARAMETERS = ("alpha_", "beta_")

    def fit(
        self, X: npt.ArrayLike, y: npt.ArrayLike, sample_weight: npt.ArrayLike | None = None
    ) -> "ShiftedBetaGeometric":
        """Find the most likely parameters.

        Parameters
        ----------
        X
            Renewals that each customer has faced, whole numbers, shape (n,) or (n, 1). 0 says nothing and is allowed.
        y
            1 where the customer left at the last of them, 0 where they are still there, shape (n,).
        sample_weight
            Customers that each row stands for, shape (n,).
        """
        faced, left = np.asarray(X, dtype=np.float64).reshape(-1), labels(y)
        if faced.shape != left.shape:
            raise ValueError(f"X and y differ in their number of rows: {faced.size} and {left.size}")
        if (faced < 0).any() or (faced != np.floor(faced)).any() or (left[faced == 0] == 1).any():
            raise ValueError("X must hold whole numbers of renewals faced, at least 1 where the customer left")
        weights = of_shape(1.0 if sample_weight is None else sample_weight, faced.size, "sample_weight")
        if not weights[left == 1].sum() or not weights[(left == 0) | (faced > 1)].sum():
            raise ValueError("ShiftedBetaGeometric needs customers who left and renewals that took place")

        rows, places = np.unique(np.column_stack([faced, left]), axis=0, return_inverse=True)
        age, gone = rows.T
        count = np.bincount(places.reshape(-1), weights=weights)
        share = count / count.sum()

        def loss(parameters: Floats) -> tuple[float, Floats]:
            # Leaving at the t-th renewal: B(α + 1, β + t − 1) / B(α, β). Staying through it: B(α, β + t) / B(α, β).
            a, b = parameters
            first, second = a + gone, b + age - gone
            both = digamma(a + b) - digamma(first + second)
            gradient = np.stack([digamma(first) - digamma(a) + both, digamma(second) - digamma(b) + both])
            return -float(share @ (betaln(first, second) - betaln(a, b))), -(gradient @ share)

        a, b = most_likely(loss, ((1.0, 1.0), (0.7, 4.0)), "ShiftedBetaGeometric")
        self.alpha_, self.beta_ = float(a), float(b)
        self.log_likelihood_ = -loss(np.array([a, b]))[0] * float(count.sum())
        return self

    def fit_survivors(self, survivors: npt.ArrayLike) -> "ShiftedBetaGeometric":
        """Fit to a cohort's counts: customers at the start and after each renewal, shape (k,)."""
        counts = np.asarray(survivors, dtype=np.float64)
        if counts.ndim != 1 or counts.size < 2 or (np.diff(counts) > 0).any() or counts[-1] < 0:
            raise ValueError("survivors must be at least two counts that do not rise")
        ages = np.arange(1, counts.size)
        return self.fit(
            np.append(ages, counts.size - 1),
            np.append(np.ones(ages.size), 0),
            sample_weight=np.append(-np.diff(counts), counts[-1]),
        )

    def predict_survival(self, times: npt.ArrayLike, tenure: npt.ArrayLike | float = 0) -> Floats:
        """Probability of still being there after ``times`` more renewals.

        Parameters
        ----------
        times
            Renewals ahead, shape (m,).
        tenure
            Renewals that each customer has been through, shape (n,), or one number.

        Returns
        -------
        ndarray
            Shape (m,) for one tenure, else (n, m).
        """
        check_is_fitted(self, "alpha_")
        ahead = np.atleast_1d(np.asarray(times, dtype=np.float64))
        age = np.asarray(tenure, dtype=np.float64)
        if (ahead < 0).any() or (age < 0).any():
            raise ValueError("times and tenure must not be negative")
        before = betaln(self.alpha_, self.beta_ + age)[..., None]
        return np.asarray(np.exp(betaln(self.alpha_, self.beta_ + age[..., None] + ahead) - before), dtype=np.float64)

    def predict_retention(self, tenure: npt.ArrayLike) -> Floats:
        """Probability of renewing once more after ``tenure`` renewals: (β + tenure) / (α + β + tenure)."""
        check_is_fitted(self, "alpha_")
        age = np.asarray(tenure, dtype=np.float64)
        return (self.beta_ + age) / (self.alpha_ + self.beta_ + age)

    def expected_renewals(self, tenure: npt.ArrayLike | float, horizon: int, discount: float = 0.0) -> Floats:
        """Expected renewals among the next ``horizon`` ones, each discounted by ``discount`` per period.

        Times the price of a period this is the value of a contract. Shape of ``tenure``.
        """
        if horizon < 1 or discount <= -1:
            raise ValueError("horizon must be at least 1, discount above −1")
        ages, places = np.unique(np.asarray(tenure, dtype=np.float64), return_inverse=True)
        ahead = np.arange(1, horizon + 1)
        value = self.predict_survival(ahead, ages) @ (1 + discount) ** -ahead.astype(np.float64)
        return np.asarray(value[places].reshape(np.shape(tenure)), dtype=np.float64)
