"""When things begin: days weighted by season and growth, hours by the working day.

How many begin, and what follows, belongs in the modules of the business.
"""

import numpy as np

from warehouse.sample import truth
from warehouse.sample.ragged import Floats, Ints, choose

_HOURS = [1, 1, 1, 1, 1, 2, 4, 8, 14, 18, 19, 18, 15, 16, 18, 18, 16, 13, 11, 10, 9, 7, 4, 2]
"""Arrivals by hour of the day, in the company's own time (UTC)."""


def weekday(at: Floats) -> Ints:
    """Weekday of each instant, 0 for Monday."""
    return ((np.floor(at).astype(np.int64) + 3) % 7).astype(np.int64)


def month(at: Floats) -> Ints:
    """Month of each instant, 0 for January."""
    return (np.floor(at).astype("datetime64[D]").astype("datetime64[M]").astype(np.int64) % 12).astype(np.int64)


def weight(at: Floats) -> Floats:
    """Relative arrivals at each instant: weekday × month × growth, 1 in the mean."""
    of_weekday = np.array([float(value) for value in truth.WEEKDAY.values()])[weekday(at)]
    of_month = np.array([float(value) for value in truth.MONTH.values()])[month(at)]
    growth = float(truth.GROWTH_PER_YEAR) ** ((at - at.min()) / 365.25) if len(at) else at
    weights = of_weekday * of_month * growth
    return np.asarray(weights / weights.mean() if len(at) else weights, dtype=np.float64)


def arrivals(rng: np.random.Generator, start: float, end: float, count: int) -> Floats:
    """Draw ``count`` instants between two midnights, in ascending order, by season and hour."""
    days = np.arange(np.floor(start), np.ceil(end), dtype=np.float64)
    per_day = rng.multinomial(count, weight(days) / weight(days).sum())
    hour = choose(rng, [float(weight) for weight in _HOURS], count)
    at = np.repeat(days, per_day) + (hour + rng.random(count)) / 24.0
    return np.sort(at)


def at_hours(rng: np.random.Generator, day: Floats, first: float, last: float) -> Floats:
    """Draw an instant between two hours of the given days."""
    return np.asarray(np.floor(day) + rng.uniform(first, last, len(day)) / 24.0, dtype=np.float64)
