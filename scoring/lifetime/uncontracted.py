"""Lifetimes of customers without a contract: a model where there is enough to fit it, else the reason why not.

It is fitted anew on the histories as they stand; a search over four numbers takes about a second.
"""

import warnings
from collections.abc import Callable
from datetime import date
from typing import TypeVar

import polars as pl
from sklearn.exceptions import ConvergenceWarning

from scoring.lifetime.beta_geo_nbd import BetaGeoNBD
from scoring.lifetime.gamma_gamma import GammaGamma
from scoring.lifetime.purchases import purchase_histories

MIN_CUSTOMERS = 50
MIN_RETURNED = 25
"""Customers who came back at least once, from which on a rate can be told from an end."""
MOST_FITTED = 50_000
"""Customers that a model is fitted on at most, evenly by their ids; four numbers are not told better by more."""
UNIT_DAYS = 7.0

T = TypeVar("T")


def histories_of(days: pl.DataFrame, until: date) -> pl.DataFrame:
    """Histories in weeks, a row per customer, from rows of ``features.uncontracted_day`` of one tenant and activity."""
    return purchase_histories(
        days.select(
            "customer_id", pl.col("activity_date").alias("purchase_date"), pl.col("spent_base").alias("amount")
        ),
        until,
        unit_days=UNIT_DAYS,
    )


def fitted(histories: pl.DataFrame) -> tuple[BetaGeoNBD | None, str]:
    """The modified BG/NBD of these customers and from what it is; or None, and what there is too little of."""
    customers, returned = histories.height, histories.filter(pl.col("frequency") > 0).height
    if customers < MIN_CUSTOMERS or returned < MIN_RETURNED:
        return None, (
            f"{customers} customers, of whom {returned} came back, are too few for a model: "
            f"{MIN_CUSTOMERS} and {MIN_RETURNED} are needed."
        )
    some = histories.gather_every(-(-customers // MOST_FITTED))
    model = _settled(lambda: BetaGeoNBD().fit(some))
    if model is None:
        return None, f"The histories of {customers} customers do not tell a pause from an end."
    return model, f"Modified BG/NBD on {customers} customers, of whom {returned} came back."


def fitted_money(histories: pl.DataFrame) -> GammaGamma | None:
    """The Gamma-Gamma model of what these customers spend; None where they do not determine it."""
    buyers = histories.filter((pl.col("frequency") > 0) & (pl.col("monetary") > 0))
    if buyers.height < MIN_RETURNED:
        return None
    money = _settled(lambda: GammaGamma().fit(buyers.gather_every(-(-buyers.height // MOST_FITTED))))
    # At q ≤ 1 a customer without a history would be worth more than any number.
    return money if money is not None and money.q_ > 1 else None


def _settled(fit: Callable[[], T]) -> T | None:
    with warnings.catch_warnings():
        warnings.simplefilter("error", ConvergenceWarning)
        try:
            return fit()
        except ConvergenceWarning:
            return None
