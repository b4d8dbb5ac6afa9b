"""Expected lifetimes, purchases and values of customers.

Without a contract (a shop) silence is all there is: :class:`BetaGeoNBD` and :class:`GammaGamma`. Under a contract the
end is known: :class:`ShiftedBetaGeometric` for a cohort, :class:`DiscreteTimeHazard` with features. Histories are
built elsewhere, but for :func:`scoring.lifetime.purchases.purchase_histories`.
"""

from scoring.lifetime.beta_geo_nbd import BetaGeoNBD
from scoring.lifetime.discrete_time_hazard import DiscreteTimeHazard
from scoring.lifetime.gamma_gamma import GammaGamma
from scoring.lifetime.shifted_beta_geometric import ShiftedBetaGeometric

__all__ = ["BetaGeoNBD", "DiscreteTimeHazard", "GammaGamma", "ShiftedBetaGeometric"]
