"""Tiers of a score, such as hot, warm and cold, by what people can work on.

Which probability a row has is not asked here, nor what is done with a tier.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt

from scoring.evaluation.checks import Floats


@dataclass(frozen=True)
class Tiers:
    """Tier of each row, and the lowest score of each tier, to be kept and applied to other rows."""

    names: tuple[str, ...]
    lower: tuple[float, ...]
    labels: npt.NDArray[Any]

    def assign(self, p: npt.ArrayLike) -> npt.NDArray[Any]:
        """Tier of each score by the limits that were cut, shape (n,)."""
        score = np.asarray(p, dtype=np.float64)
        conditions = [score >= limit for limit in self.lower]
        return np.select(conditions, list(self.names[:-1]), default=self.names[-1])


def cut_tiers(
    p: npt.ArrayLike,
    *,
    capacity: int | Sequence[int] | None = None,
    thresholds: Sequence[float] | None = None,
    names: Sequence[str] = ("hot", "warm", "cold"),
) -> Tiers:
    """Cut scores into tiers, the highest first.

    Parameters
    ----------
    p
        Scores, shape (n,); higher is better.
    capacity
        How many rows the first tier, or each of the first ones, may hold at most. Rows of equal score that would
        exceed it all go to the next tier: chance decides about none of them.
    thresholds
        Lowest score of each tier but the last, falling. None takes the mean of ``p`` for all of them: nobody worse
        than the average is hot.
    names
        Of the tiers.

    Examples
    --------
    >>> cut_tiers([0.9, 0.5, 0.5, 0.1], capacity=2, thresholds=(0.4, 0.2)).labels.tolist()
    ['hot', 'warm', 'warm', 'cold']
    """
    score = np.asarray(p, dtype=np.float64)
    if score.ndim != 1 or score.size == 0 or np.isnan(score).any():
        raise ValueError("p must be a non-empty list of scores without missing values")
    count = len(names) - 1
    limits = [float(score.mean())] * count if thresholds is None else [float(limit) for limit in thresholds]
    if count < 1 or len(limits) != count or any(a < b for a, b in pairwise(limits)):
        raise ValueError(f"{len(names)} tiers need {count} thresholds that do not rise, not {limits}")
    rooms = [] if capacity is None else [capacity] if isinstance(capacity, int) else list(capacity)
    if len(rooms) > count or any(room < 0 for room in rooms):
        raise ValueError(f"capacity must be given for at most {count} tiers and not be negative, not {rooms}")
    values, frequencies = np.unique(-score, return_counts=True)
    falling, upto = -values, np.cumsum(frequencies)
    lower, used = [], 0
    for number, limit in enumerate(limits):
        room = rooms[number] if number < len(rooms) else score.size
        lower.append(max(limit, _lowest(falling, upto, used + room)))
        used = int((score >= lower[-1]).sum())
    tiers = Tiers(tuple(names), tuple(lower), np.empty(0))
    return Tiers(tiers.names, tiers.lower, tiers.assign(score))


def _lowest(falling: Floats, upto: npt.NDArray[np.int64], room: int) -> float:
    """Lowest score so that at most ``room`` rows have it or more; infinite where not even the best fit in."""
    fitting = int(np.searchsorted(upto, room, side="right"))
    return float(falling[fitting - 1]) if fitting else float("inf")
