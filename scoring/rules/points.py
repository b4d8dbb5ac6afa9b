"""Points from 0 to 100, from a number, a level or a word; nothing known is no points, not nought."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

from scoring.estimators.weighted import WeightedScore


def linear(column: str, nought: float, full: float) -> pl.Expr:
    """0 points at `nought`, 100 at `full`, in between in proportion; `full` may be the lower one."""
    share = (pl.col(column).cast(pl.Float64) - nought) / (full - nought)
    return (share.clip(0.0, 1.0) * 100).alias(column)


def by_word(column: str, points: Mapping[str, float], other: float) -> pl.Expr:
    """The points of the first word that stands in a text, in the order given; `other` where none does."""
    text = pl.col(column).str.to_lowercase()
    chosen: Any = pl.when(text.is_null()).then(None)
    for word, value in points.items():
        chosen = chosen.when(text.str.contains(word, literal=True)).then(float(value))
    found: pl.Expr = chosen.otherwise(float(other)).alias(column)
    return found


@dataclass(frozen=True)
class Weighed:
    """Points by their weights.

    ``score`` is from 0 to 100, null where nothing is known; ``coverage`` is the share of the weights that is known,
    0 to 1; ``lost`` are the points that each part costs, shape (n, parts), which with the score sum to 100.
    """

    score: pl.Series
    coverage: pl.Series
    lost: npt.NDArray[np.float64]


def weigh(points: pl.DataFrame, weights: Mapping[str, float]) -> Weighed:
    """Weighted mean of the parts that are known; the columns of `points` are named by `weights`."""
    values = points.select(pl.col(name).cast(pl.Float64) for name in weights).to_numpy()
    if not values.size:
        nothing = pl.Series([], dtype=pl.Float64)
        return Weighed(nothing, nothing, values)
    scorer = WeightedScore(list(weights.values()), min_coverage=0.0).fit(values)
    found = scorer.transform(values)
    score, coverage = (pl.Series(column, dtype=pl.Float64).fill_nan(None) for column in found.T[:2])
    return Weighed(score, coverage, scorer.lost(values))
