"""How long contracts last: the months that customers have paid for, and their chance to stay for more.

What a month is worth is multiplied elsewhere.
"""

import warnings
from dataclasses import dataclass
from datetime import date

import numpy as np
import polars as pl
from sklearn.exceptions import ConvergenceWarning

from scoring.evaluation.checks import Floats
from scoring.lifetime.shifted_beta_geometric import ShiftedBetaGeometric

MONTH_DAYS = 365.25 / 12
MIN_LEFT = 25
"""Customers who left, from which on leaving is told by tenure."""


def lives(spans: pl.DataFrame, current: pl.DataFrame, until: date) -> pl.DataFrame:
    """One row per customer who has paid: months of its life, and whether it has left.

    Parameters
    ----------
    spans
        Rows of ``facts.fact_subscription_period``.
    current
        Columns ``tenant_id`` and ``customer_id`` of those who pay now.
    until
        The day up to which lives are seen.

    Returns
    -------
    polars.DataFrame
        ``tenant_id``, ``customer_id``, ``month_count`` (renewals that took place; of those who left, with the one
        that did not), ``has_left``. A customer who came back has one life, since it was not lost.
    """
    paid = spans.filter(~pl.col("is_trial") & (pl.col("start_date") <= until))
    own = paid.group_by("tenant_id", "customer_id").agg(pl.col("start_date").min(), pl.col("end_date").max())
    stays = current.select("tenant_id", "customer_id", pl.lit(value=False).alias("has_left"))
    joined = own.join(stays, on=["tenant_id", "customer_id"], how="left").with_columns(
        pl.col("has_left").fill_null(value=True)
    )
    end = pl.when("has_left").then("end_date").otherwise(pl.lit(until))
    months = (end - pl.col("start_date")).dt.total_days() / MONTH_DAYS
    count = pl.when("has_left").then(months.round(0).clip(lower_bound=1)).otherwise(months.floor())
    return joined.select("tenant_id", "customer_id", count.cast(pl.Int64).alias("month_count"), "has_left").sort(
        "tenant_id", "customer_id"
    )


@dataclass(frozen=True)
class Lasting:
    """How contracts of a tenant last: a model where enough of them ended, and the reason in words."""

    model: ShiftedBetaGeometric | None
    reason: str

    @classmethod
    def of(cls, own: pl.DataFrame) -> "Lasting":
        """From the rows of :func:`lives` that belong to one tenant."""
        left = int(own["has_left"].sum())
        if left < MIN_LEFT:
            return cls(None, f"{left} customers have left, {MIN_LEFT} are needed to tell leaving by tenure.")
        with warnings.catch_warnings():
            warnings.simplefilter("error", ConvergenceWarning)
            try:
                model = ShiftedBetaGeometric().fit(
                    own["month_count"].to_numpy(), own["has_left"].cast(pl.Int64).to_numpy()
                )
            except (ConvergenceWarning, ValueError):
                return cls(None, f"Of {own.height} customers {left} have left, at no age more than at another.")
        return cls(model, f"Shifted beta-geometric on {own.height} customers, of whom {left} have left.")


def scaled(survival: Floats, leaves: Floats) -> Floats:
    """Survival curves with another chance to leave in the first period, the hazards in proportion.

    Parameters
    ----------
    survival
        Of each customer after 1, 2, … periods, shape (n, m); 0 < first < 1.
    leaves
        Chance to leave in the first one, shape (n,), from 0 to 1.

    Notes
    -----
    Proportional hazards (Cox, 1972): S(t)^θ, with θ such that 1 − S(1)^θ is the chance given.

    Examples
    --------
    >>> scaled(np.array([[0.9, 0.81]]), np.array([0.19])).round(4).tolist()
    [[0.81, 0.6561]]
    """
    power = np.log1p(-np.clip(leaves, 0.0, 1 - 1e-9)) / np.log(survival[:, 0])
    return np.asarray(survival ** power[:, None], dtype=np.float64)
