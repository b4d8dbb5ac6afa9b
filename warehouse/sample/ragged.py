"""Arithmetic on groups of different length laid out flat, so that no event is made in a Python loop.

Only array arithmetic belongs here, nothing about the company.
"""

import numpy as np
import numpy.typing as npt

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]


def spread(counts: Ints) -> tuple[Ints, Ints]:
    """Lay groups of ``counts`` members out flat.

    Returns
    -------
    tuple of arrays
        The group of each member, and its position in the group, both of length ``counts.sum()``.

    Examples
    --------
    >>> group, position = spread(np.array([2, 0, 3]))
    >>> group.tolist(), position.tolist()
    ([0, 0, 2, 2, 2], [0, 1, 0, 1, 2])
    """
    counts = counts.astype(np.int64)
    group = np.repeat(np.arange(len(counts)), counts)
    first = np.cumsum(counts) - counts
    return group, np.arange(len(group)) - first[group]


def running_sum(values: Floats, counts: Ints) -> Floats:
    """Cumulative sum of ``values`` that starts anew in each group.

    Examples
    --------
    >>> running_sum(np.array([1.0, 2.0, 5.0]), np.array([2, 1])).tolist()
    [1.0, 3.0, 5.0]
    """
    counts = counts.astype(np.int64)
    total = np.cumsum(values)
    before = np.concatenate([[0.0], total])[np.cumsum(counts) - counts]
    return np.asarray(total - np.repeat(before, counts), dtype=np.float64)


def sigmoid(logit: Floats) -> Floats:
    """Probability of a log-odds."""
    return np.asarray(1.0 / (1.0 + np.exp(-logit)), dtype=np.float64)


def choose(rng: np.random.Generator, weights: list[float], size: int) -> Ints:
    """Draw ``size`` positions in ``weights``, each in proportion to its weight."""
    shares = np.cumsum(np.asarray(weights, dtype=np.float64))
    return np.searchsorted(shares / shares[-1], rng.random(size), side="right").astype(np.int64)


def lognormal(rng: np.random.Generator, median: float | Floats, sigma: float, size: int) -> Floats:
    """Draw from a log-normal distribution given by its median."""
    return np.asarray(median * np.exp(sigma * rng.standard_normal(size)), dtype=np.float64)
