"""Simulation of revenue by month: which open deals are won when, for how much, and what comes new.

How right earlier forecasts were, and how they are corrected, is in :mod:`scoring.forecasting.backtest`.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import polars as pl

from scoring.evaluation.checks import Floats

BLOCK = 4_000_000
"""Random numbers held at once, 32 MB."""


@dataclass(frozen=True)
class OpenDeals:
    """Deals that are open now.

    Parameters
    ----------
    win_probability
        That a deal is won in the first month ahead, in the second, …; shape (n, m), each row sums to at most 1.
    amount
        Stated amount in the base currency, shape (n,).
    haircut
        Share of the stated amount that is realised on average, one number or shape (n,).
    spread
        Standard deviation of what is realised over its expectation; realised amounts are lognormal. 0 for none.
    """

    win_probability: npt.ArrayLike
    amount: npt.ArrayLike
    haircut: npt.ArrayLike = 1.0
    spread: float = 0.0


@dataclass(frozen=True)
class NewBusiness:
    """Deals that are not open yet.

    Parameters
    ----------
    wins
        Expected wins in each month ahead, shape (m,).
    amounts
        Amounts of past wins of this kind, from which each new one is drawn, shape (k,).
    """

    wins: npt.ArrayLike
    amounts: npt.ArrayLike


@dataclass(frozen=True)
class RevenueForecast:
    """Simulated revenue: ``draws`` of shape (draws, m), and the exact expectations of shape (m,)."""

    draws: Floats
    expected_of_open: Floats
    expected_of_new: Floats

    @property
    def expected(self) -> Floats:
        """Expected revenue of each month, shape (m,)."""
        return self.expected_of_open + self.expected_of_new

    def quantiles(self, levels: Sequence[float] = (0.1, 0.5, 0.9)) -> Floats:
        """Quantiles of each month's revenue, shape (m, len(levels))."""
        return np.asarray(np.quantile(self.draws, levels, axis=0).T, dtype=np.float64)

    def table(self, months: Sequence[object] | None = None) -> pl.DataFrame:
        """A row per month ahead: expectation, of open and of new deals, P10, P50 and P90.

        ``months`` names them; None counts from 1. Quantiles of months do not add up to those of a quarter: take these
        from the sums of ``draws``.
        """
        low, middle, high = self.quantiles().T
        return pl.DataFrame(
            {
                "month": list(range(1, self.draws.shape[1] + 1)) if months is None else list(months),
                "expected_base": self.expected,
                "expected_of_open_base": self.expected_of_open,
                "expected_of_new_base": self.expected_of_new,
                "p10_base": low,
                "p50_base": middle,
                "p90_base": high,
            }
        )


def simulate_revenue(
    open_deals: OpenDeals,
    new_business: NewBusiness | None = None,
    *,
    draws: int = 10_000,
    seed: int = 0,
    correction: float = 1.0,
    common_spread: float = 0.0,
) -> RevenueForecast:
    """Simulate revenue by month.

    Parameters
    ----------
    open_deals, new_business
        What there is and what comes; without the second nothing comes.
    draws
        Simulated futures.
    seed
        The same seed gives the same futures.
    correction
        Factor on all revenue, from :func:`scoring.forecasting.backtest.bias_factor`.
    common_spread
        Standard deviation of an error that all deals of a future share, relative to their revenue: a good or bad
        quarter. Deals that were independent of each other would make the range of a large pipeline far too narrow.

    Notes
    -----
    In each future a deal is won in one of the months or in none, by its probabilities. New wins are Poisson; each has
    the amount of a past one. Memory does not grow with the number of deals, time does: deals × draws.
    """
    chance, value = _checked(open_deals)
    months = chance.shape[1]
    if draws < 1 or correction < 0 or common_spread < 0 or open_deals.spread < 0:
        raise ValueError("draws must be at least 1; correction and spreads must not be negative")
    rng = np.random.default_rng(seed)
    revenue = _of_open(rng, chance, value, open_deals.spread, draws)
    expected_of_open = value @ chance
    expected_of_new = np.zeros(months)
    if new_business is not None:
        wins = np.asarray(new_business.wins, dtype=np.float64)
        pool = np.asarray(new_business.amounts, dtype=np.float64)
        if wins.shape != (months,) or (wins < 0).any() or not np.isfinite(wins).all():
            raise ValueError(f"wins must be {months} numbers that are not negative, one per month")
        if wins.any() and (pool.ndim != 1 or pool.size == 0 or not np.isfinite(pool).all()):
            raise ValueError("amounts of past wins are needed, shape (k,), without missing values")
        if wins.any():
            revenue += _of_new(rng, wins, pool, draws)
            expected_of_new = wins * pool.mean()
    if common_spread:
        revenue *= _lognormal(rng, common_spread, draws)[:, None]
    return RevenueForecast(revenue * correction, expected_of_open * correction, expected_of_new * correction)


def monthly_win_probability(win_hazard: npt.ArrayLike, loss_hazard: npt.ArrayLike = 0.0) -> Floats:
    """Probability of being won in each month from the hazards of a deal that is still open.

    Parameters
    ----------
    win_hazard, loss_hazard
        Probability of being won and of being lost in month k, given open at its start; shape (n, m). The two exclude
        each other.

    Returns
    -------
    ndarray
        Shape (n, m): winₖ times the product of 1 − win − loss over the months before.

    Examples
    --------
    >>> monthly_win_probability([[0.5, 0.5]], [[0.25, 0.0]]).tolist()
    [[0.5, 0.125]]
    """
    win = np.asarray(win_hazard, dtype=np.float64)
    loss = np.broadcast_to(np.asarray(loss_hazard, dtype=np.float64), win.shape)
    if win.ndim != 2 or (win < 0).any() or (loss < 0).any() or (win + loss > 1 + 1e-9).any():
        raise ValueError("hazards must have shape (n, m), not be negative, and sum to at most 1 in each month")
    still = np.cumprod(np.maximum(1 - win - loss, 0), axis=1)
    return np.asarray(win * np.column_stack([np.ones(win.shape[0]), still[:, :-1]]), dtype=np.float64)


def run_rate(
    opened: npt.ArrayLike,
    won: npt.ArrayLike,
    amounts: npt.ArrayLike,
    *,
    snapshots: npt.ArrayLike,
    edges: Sequence[float],
) -> NewBusiness:
    """Wins to come of deals that are not open yet, as there were after earlier snapshots.

    Parameters
    ----------
    opened, won
        Day on which each deal was opened and won (NaT where it was not), dates of shape (n,).
    amounts
        Realised amounts, shape (n,); those of deals that were not won are not looked at.
    snapshots
        Earlier days to look ahead from, shape (s,); the last edge after each must lie in the past.
    edges
        Borders of the months ahead in days, rising from 0: ``(0, 30, 60)`` for two months of 30 days. A deal won on
        a border belongs to the month that begins there.
    """
    start = np.asarray(opened, dtype="datetime64[D]")
    end = np.asarray(won, dtype="datetime64[D]")
    value = np.asarray(amounts, dtype=np.float64)
    days = np.asarray(snapshots, dtype="datetime64[D]")
    borders = np.asarray(edges, dtype=np.float64)
    if not start.shape == end.shape == value.shape or days.size == 0:
        raise ValueError("opened, won and amounts must have one shape, and there must be a snapshot")
    if borders.size < 2 or borders[0] != 0 or (np.diff(borders) <= 0).any():
        raise ValueError("edges must rise from 0")
    counts, pool = np.zeros((days.size, borders.size - 1)), []
    for number, day in enumerate(days):
        after = (start >= day) & ~np.isnat(end)
        ahead = (end[after] - day).astype(np.float64)
        place = np.searchsorted(borders, ahead, side="right") - 1
        inside = (place >= 0) & (place < borders.size - 1)
        counts[number] = np.bincount(place[inside], minlength=borders.size - 1)
        pool.append(value[after][inside])
    return NewBusiness(counts.mean(axis=0), np.concatenate(pool))


def _checked(deals: OpenDeals) -> tuple[Floats, Floats]:
    chance = np.asarray(deals.win_probability, dtype=np.float64)
    amount = np.asarray(deals.amount, dtype=np.float64)
    if chance.ndim != 2 or chance.shape[1] == 0 or amount.shape != (chance.shape[0],):
        raise ValueError(f"win_probability must have shape (n, m) and amount (n,), not {chance.shape}, {amount.shape}")
    if not np.isfinite(chance).all() or (chance < 0).any() or (chance.sum(axis=1) > 1 + 1e-9).any():
        raise ValueError("win probabilities must lie between 0 and 1 and sum to at most 1 over the months of a deal")
    value = amount * np.broadcast_to(np.asarray(deals.haircut, dtype=np.float64), amount.shape)
    if not np.isfinite(value).all():
        raise ValueError("amount and haircut must not be missing: leave out deals without an amount, or estimate it")
    return chance, value


def _of_open(rng: np.random.Generator, chance: Floats, value: Floats, spread: float, draws: int) -> Floats:
    count, months = chance.shape
    revenue = np.zeros(draws * months)
    upto = np.cumsum(chance, axis=1)
    size = max(1, BLOCK // draws)
    for start in range(0, count, size):
        borders = upto[start : start + size]
        dice = rng.random((draws, borders.shape[0]))
        # Most deals are not won in most futures: only those that are cost more than the throw.
        future, deal = np.nonzero(dice < borders[:, -1])
        month = (dice[future, deal][:, None] >= borders[deal]).sum(axis=1)
        realised = value[start + deal]
        if spread:
            realised = realised * _lognormal(rng, spread, realised.size)
        revenue += np.bincount(future * months + month, weights=realised, minlength=draws * months)
    return revenue.reshape(draws, months)


def _of_new(rng: np.random.Generator, wins: Floats, pool: Floats, draws: int) -> Floats:
    months = wins.size
    counts = rng.poisson(wins, (draws, months)).reshape(-1)
    cell = np.repeat(np.arange(draws * months), counts)
    realised = rng.choice(pool, cell.size)
    summed = np.bincount(cell, weights=realised, minlength=draws * months).astype(np.float64)
    return summed.reshape(draws, months)


def _lognormal(rng: np.random.Generator, spread: float, size: int) -> Floats:
    """Factors with mean 1 and this standard deviation."""
    variance = np.log1p(spread * spread)
    return np.asarray(np.exp(rng.normal(-variance / 2, np.sqrt(variance), size)), dtype=np.float64)
