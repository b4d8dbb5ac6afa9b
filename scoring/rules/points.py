"""Points from 0 to 100, from a number, a level or a word; nothing known is no points, not nought."""

from collections.abc import Mapping
from typing import Any

import polars as pl


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


def weighted(parts: Mapping[str, pl.Expr], weights: Mapping[str, float]) -> tuple[pl.Expr, pl.Expr]:
    """Mean of the parts that are known by their weights, and the share of the weights that they have.

    Returns
    -------
    tuple of two expressions
        Points from 0 to 100, null where no part is known; coverage from 0 to 1.
    """
    total = sum(weights.values())
    known = pl.sum_horizontal(
        [pl.when(part.is_not_null()).then(weights[name]).otherwise(0.0) for name, part in parts.items()]
    )
    points = pl.sum_horizontal([(part * weights[name]).fill_null(0.0) for name, part in parts.items()])
    # Rounding must not lift a full score over 100.
    return pl.when(known > 0).then((points / known).clip(0.0, 100.0)), known / total
