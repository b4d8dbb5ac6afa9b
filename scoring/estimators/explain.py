"""What moved a score, in words and numbers that sum to it; what matters overall; what alone would change a tier.

These are statements about the model and not about causes: they say what moved the score, never why something happens.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import polars as pl
from scipy.special import logit

from scoring.estimators import columns
from scoring.estimators.columns import Column, FloatArray
from scoring.estimators.tables import AdditiveTables, FeatureTable

SMALLEST = 1e-6
"""Contributions nearer to 0 are no factors."""
MARGIN = 1e-9
"""Log-odds by which a change must cross, so that the order of a sum does not decide."""
GRID = 64
"""Points of each piece of a cubic that are looked at before the crossing between two of them is narrowed down."""


def _tables(model: Any) -> AdditiveTables:
    tables = getattr(model, "tables_", model)
    if not isinstance(tables, AdditiveTables):
        raise TypeError(f"expected a fitted AdditiveClassifier or its tables, got {type(model).__name__}")
    return tables


def explain(
    model: Any,
    X: Any,  # noqa: N803
    top: int = 3,
    labels: Mapping[str, str] | None = None,
    scale: float = 1.0,
) -> pl.DataFrame:
    """The strongest factors of each row, upwards and downwards.

    Parameters
    ----------
    model
        A fitted AdditiveClassifier, or its tables.
    X
        Rows (n, p).
    top
        Factors in each direction, at most.
    labels
        Words for columns; a column without is called by its name.
    scale
        Factor on the contributions: the slope of a calibration that is applied to the log-odds.

    Returns
    -------
    DataFrame
        ``row`` (from 0), ``direction`` (up, down), ``rank`` (from 1), ``feature``, ``value`` (text, null where
        missing), ``contribution`` (log-odds, against the average row of fit), ``odds_ratio`` (its exponential) and
        ``words``. Sorted by row, direction (up first) and rank.
    """
    if top < 1:
        raise ValueError(f"top must be at least 1, got {top}")
    tables, frame = _tables(model), columns.as_frame(X)
    contributions = tables.contributions(X) * scale
    found: list[pl.DataFrame] = []
    for direction, signed in (("up", contributions), ("down", -contributions)):
        order = np.argsort(-signed, axis=1, kind="stable")[:, :top]
        strength = np.take_along_axis(signed, order, axis=1)
        rows, ranks = np.nonzero(strength > SMALLEST)
        found.append(
            pl.DataFrame(
                {
                    "row": rows,
                    "direction": pl.Series([direction] * len(rows), dtype=pl.String),
                    "rank": ranks + 1,
                    "position": order[rows, ranks],
                    "contribution": contributions[rows, order[rows, ranks]],
                }
            )
        )
    factors = pl.concat(found).with_columns(odds_ratio=pl.col("contribution").exp())
    used = {table.column.position: table.column for table in tables.features}
    parts = [
        part.with_columns(
            feature=pl.lit(tables.names[position]),
            value=_shown(used[position], _series(tables, used[position], frame).gather(part["row"])),
            label=pl.lit((labels or {}).get(tables.names[position], tables.names[position])),
        )
        for (position,), part in factors.partition_by("position", as_dict=True).items()
    ]
    if not parts:
        parts = [factors.with_columns(feature=pl.lit(""), value=pl.lit(""), label=pl.lit(""))]
    verb = pl.when(pl.col("direction") == "up").then(pl.lit("raised")).otherwise(pl.lit("lowered"))
    words = pl.format(
        "{} {} {} the score (odds × {})", "label", pl.col("value").fill_null("unknown"), verb,
        pl.col("odds_ratio").round(2),
    )  # fmt: skip
    return (
        pl.concat(parts)
        .with_columns(words=words)
        .sort(["row", "direction", "rank"], descending=[False, True, False])
        .select("row", "direction", "rank", "feature", "value", "contribution", "odds_ratio", "words")
    )


def _series(tables: AdditiveTables, column: Column, frame: pl.DataFrame) -> pl.Series:
    """The values of a column, by name where fit saw names."""
    by_name = tables.named and column.name in frame.columns
    return frame.get_column(column.name) if by_name else frame.to_series(column.position)


def _shown(column: Column, series: pl.Series) -> pl.Series:
    """Values of a column as text (n,), null where missing."""
    if column.kind == "category":
        return columns.trimmed(series)
    x = columns.numbers(series, column)
    return pl.Series([None if np.isnan(v) else show_value(column, float(v)) for v in x], dtype=pl.String)


def show_value(column: Column, value: float) -> str:
    """A number of a column in words: of booleans yes or no, of days the date."""
    if column.kind == "boolean":
        return "yes" if value >= 0.5 else "no"
    if column.kind == "date" and abs(value) < 700_000:
        return str((datetime(1970, 1, 1, tzinfo=UTC) + timedelta(days=value)).date())
    return f"{value:,.6g}"


def global_importance(model: Any, X: Any) -> pl.DataFrame:  # noqa: N803
    """How much each column moves scores over the rows X (n, p).

    Returns
    -------
    DataFrame
        ``feature``, ``importance`` (mean absolute contribution in log-odds), ``share`` (of the sum over columns, 0 to
        1); every column of fit, the strongest first.
    """
    tables = _tables(model)
    mean = np.abs(tables.contributions(X)).mean(axis=0)
    share = mean / mean.sum() if mean.sum() > 0 else np.zeros(len(mean))
    found = pl.DataFrame({"feature": list(tables.names), "importance": mean, "share": share})
    return found.sort(["importance", "feature"], descending=[True, False])


@dataclass(frozen=True)
class Change:
    """One column's smallest change that alone brings the probability to the other side of a threshold.

    Parameters
    ----------
    feature
        Column.
    before, after
        Its value now (None where missing) and then, as a number of the column's unit or a level.
    size
        Share of the range of fit that a number moves by; 1 for another level, and where the value is missing now.
    probability
        Probability after the change.
    words
        The change as a sentence.
    """

    feature: str
    before: str | float | None
    after: str | float
    size: float
    probability: float
    words: str


@dataclass(frozen=True)
class WhatWouldChange:
    """Changes of one column each that cross the threshold, the smallest first; none if nothing alone would."""

    probability: float
    threshold: float
    changes: tuple[Change, ...]

    @property
    def words(self) -> str:
        """The smallest change, or that there is none."""
        if self.changes:
            return self.changes[0].words
        side = "lift it to" if self.probability < self.threshold else "bring it below"
        return f"nothing alone would {side} {self.threshold:.0%}"


def what_would_change(
    model: Any,
    x: Any,
    threshold: float,
    changeable: Collection[str] | None = None,
    labels: Mapping[str, str] | None = None,
) -> WhatWouldChange:
    """Find the smallest change of a single column that takes a row across the threshold of a tier.

    Below the threshold a change must reach it, at or above it a change must fall below. Only values within the range
    of fit and levels of the vocabulary are proposed, and none of being missing.

    Parameters
    ----------
    model
        A fitted AdditiveClassifier, or its tables.
    x
        One row: a frame of height 1 or an array (1, p).
    threshold
        Probability, above 0 and below 1.
    changeable
        Columns that somebody can change; all where not given.
    labels
        Words for columns.

    Raises
    ------
    ValueError
        Where x is not one row, the threshold is out of its range, or a changeable column is unknown.
    """
    tables = _tables(model)
    if len(x) != 1:
        raise ValueError(f"what_would_change takes one row, got {len(x)}")
    if not 0 < threshold < 1:
        raise ValueError(f"threshold is a probability above 0 and below 1, got {threshold!r}")
    unknown = set(changeable or ()) - set(tables.names)
    if unknown:
        raise ValueError(f"changeable names columns that the model does not have: {sorted(unknown)}")
    now = float(tables.decision_function(x)[0])
    rising, target = now < float(logit(threshold)), float(logit(threshold))
    contributions, frame = tables.contributions(x)[0], columns.as_frame(x)
    changes = []
    for table in tables.features:
        column = table.column
        if changeable is not None and column.name not in changeable:
            continue
        rest = now - float(contributions[column.position])

        def crosses(values: FloatArray, rest: float = rest) -> Any:
            return rest + values >= target + MARGIN if rising else rest + values < target - MARGIN

        series = _series(tables, column, frame)
        label = (labels or {}).get(column.name, column.name)
        found = _level(table, series, crosses) if column.kind == "category" else _nearest(table, series, crosses)
        if found is not None:
            before, after, size, contribution = found
            p = float(1 / (1 + np.exp(-(rest + contribution))))
            shown = [v if isinstance(v, str) else "unknown" if v is None else show_value(column, v) for v in found[:2]]
            words = f"{label} {shown[1]} instead of {shown[0]} would bring it from {_sigmoid(now):.1%} to {p:.1%}"
            changes.append(Change(column.name, before, after, size, p, words))
    changes.sort(key=lambda change: (change.size, change.feature))
    return WhatWouldChange(_sigmoid(now), threshold, tuple(changes))


def _sigmoid(value: float) -> float:
    return float(1 / (1 + np.exp(-value)))


_Found = tuple[str | float | None, str | float, float, float] | None


def _level(table: FeatureTable, series: pl.Series, crosses: Callable[[FloatArray], Any]) -> _Found:
    """Of the levels that cross, the one that moves the score least."""
    ((before,),) = (columns.trimmed(series).to_list(),)
    possible = np.flatnonzero(crosses(table.values))
    if not len(possible):
        return None
    least = possible[np.argmin(np.abs(table.values[possible] - table.contribution(series)[0]))]
    return before, table.column.levels[least], 1.0, float(table.values[least])


def _nearest(table: FeatureTable, series: pl.Series, crosses: Callable[[FloatArray], Any]) -> _Found:
    """Of the numbers within the range of fit that cross, the nearest to the present one."""
    column = table.column
    before = float(columns.numbers(series, column)[0])
    points = np.array([0.0, 1.0]) if column.kind == "boolean" else _points(table)
    contribution = table.of_numbers(points)
    possible = np.flatnonzero(crosses(contribution))
    if not len(possible):
        return None
    if np.isnan(before):
        middle = (column.low + column.high) / 2
        best = possible[np.argmin(np.abs(points[possible] - middle))]
        return None, float(points[best]), 1.0, float(contribution[best])
    best = possible[np.argmin(np.abs(points[possible] - before))]
    after = float(points[best])
    if column.kind != "boolean":
        after = _narrowed(table, crosses, before, after)
    reach = max(column.high - column.low, np.finfo(float).tiny)
    return before, after, abs(after - before) / reach, float(table.of_numbers(np.array([after]))[0])


def _points(table: FeatureTable) -> FloatArray:
    """Numbers within the range of fit: both sides of every edge, and a grid over every piece of the cubic."""
    low, high = table.column.low, table.column.high
    grids: Sequence[FloatArray] = [
        np.linspace(a, b, GRID) for a, b in zip(table.knots[:-1], table.knots[1:], strict=True)
    ]
    points = np.concatenate([[low, high], table.edges, np.nextafter(table.edges, np.inf), *grids])
    return np.unique(points[(points >= low) & (points <= high)])


def _narrowed(table: FeatureTable, crosses: Callable[[FloatArray], Any], outside: float, inside: float) -> float:
    """The number next to the border between one that does not cross and one that does, by halving."""
    for _ in range(200):
        middle = (outside + inside) / 2
        if middle in (outside, inside):
            break
        if crosses(table.of_numbers(np.array([middle])))[0]:
            inside = middle
        else:
            outside = middle
    return inside
