"""What customers are worth in a time to come, from expected purchases or from the survival of a contract.

Money is revenue in the base currency; a margin is the reader's to take.
"""

from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

from scoring.evaluation.checks import Floats
from scoring.lifetime.beta_geo_nbd import BetaGeoNBD
from scoring.lifetime.gamma_gamma import GammaGamma


def purchase_value(histories: Any, purchases: BetaGeoNBD, money: GammaGamma, t: float) -> pl.DataFrame:
    """Expected purchases and revenue of customers without a contract.

    Parameters
    ----------
    histories
        Columns ``frequency``, ``recency``, ``T`` and ``monetary``, as of
        :func:`~scoring.lifetime.purchases.purchase_histories`.
    purchases, money
        Fitted models.
    t
        How far to look ahead, in the unit of the histories.

    Returns
    -------
    polars.DataFrame
        In the order of the rows: ``alive_rate``, ``expected_purchase_count``, ``expected_purchase_base`` (revenue of
        one purchase) and their product ``expected_revenue_base``. Rank by purchases or revenue, not by ``alive_rate``.
    """
    count, value = purchases.predict(histories, t), money.predict(histories)
    return pl.DataFrame(
        {
            "alive_rate": purchases.predict_alive(histories),
            "expected_purchase_count": count,
            "expected_purchase_base": value,
            "expected_revenue_base": count * value,
        }
    )


def contract_value(revenue: npt.ArrayLike, survival: npt.ArrayLike, *, discount: float = 0.0) -> Floats:
    """Expected revenue of contracts over the periods ahead: Σ revenue · survival / (1 + discount)^period.

    Parameters
    ----------
    revenue
        Per period, MRR for months, shape (n,).
    survival
        Probability that each contract still runs in period 1, 2, … ahead, shape (n, m): ``predict_survival`` of
        :class:`~scoring.lifetime.ShiftedBetaGeometric` or :class:`~scoring.lifetime.DiscreteTimeHazard`, given tenure.
    discount
        Per period.

    Examples
    --------
    >>> contract_value([100.0], [[0.75, 0.5]]).tolist()
    [125.0]
    """
    price, chance = np.asarray(revenue, dtype=np.float64), np.asarray(survival, dtype=np.float64)
    if chance.ndim != 2 or price.shape != (chance.shape[0],) or discount <= -1:
        raise ValueError(f"revenue must have shape (n,) and survival (n, m), not {price.shape} and {chance.shape}")
    if (chance < 0).any() or (chance > 1).any() or (np.diff(chance, axis=1) > 1e-12).any():
        raise ValueError("survival must lie between 0 and 1 and not rise with time")
    factors = (1 + discount) ** -np.arange(1, chance.shape[1] + 1, dtype=np.float64)
    return np.asarray(price * (chance @ factors), dtype=np.float64)
