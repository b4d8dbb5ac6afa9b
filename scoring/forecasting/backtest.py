"""How right forecasts of revenue were, beside those that everybody could make, and what that corrects.

Forecasts themselves are made elsewhere.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta

import numpy as np
import numpy.typing as npt
import polars as pl

from scoring.evaluation.checks import Floats
from scoring.evaluation.split import moments

LAST = 4
"""Closed snapshots that a correction looks at."""


@dataclass(frozen=True)
class ForecastBacktest:
    """``periods``: a row per snapshot with actual and forecasts; ``summary``: a row per forecast with its errors."""

    periods: pl.DataFrame
    summary: pl.DataFrame


def bias_factor(forecast: npt.ArrayLike, actual: npt.ArrayLike, *, last: int = LAST, weight: float = LAST) -> float:
    """Factor that would have made the last closed snapshots right in sum, drawn towards 1.

    Parameters
    ----------
    forecast, actual
        Of closed snapshots, the earliest first, shape (s,).
    last
        How many of the latest count.
    weight
        Snapshots with a ratio of 1 that are added. Windows that overlap are few independent looks, so that by default
        the factor goes half the way.

    Returns
    -------
    float
        1 where there is no closed snapshot, or nothing was forecast.

    Examples
    --------
    >>> bias_factor([100, 100, 100, 100], [60, 60, 60, 60])
    0.8
    """
    told, came = np.asarray(forecast, dtype=np.float64)[-last:], np.asarray(actual, dtype=np.float64)[-last:]
    if told.shape != came.shape or told.ndim != 1:
        raise ValueError("forecast and actual must have one dimension and the same length")
    if last < 1 or weight < 0 or (told < 0).any() or (came < 0).any():
        raise ValueError("last must be at least 1; weight, forecasts and actuals must not be negative")
    if told.size == 0 or told.sum() == 0:
        return 1.0
    added = weight * told.mean()
    return float((came.sum() + added) / (told.sum() + added))


def corrected(
    cutoffs: npt.ArrayLike,
    forecast: npt.ArrayLike,
    actual: npt.ArrayLike,
    *,
    horizon: float | timedelta,
    last: int = LAST,
    weight: float = LAST,
) -> Floats:
    """Each forecast times the bias factor of the snapshots that were closed by then, shape (s,).

    ``cutoffs`` rise; a snapshot is closed at a cut-off if its own plus ``horizon`` (days, for dates) is not later.
    """
    when, (ahead,) = moments(cutoffs, horizon)
    told, came = np.asarray(forecast, dtype=np.float64), np.asarray(actual, dtype=np.float64)
    if not when.shape == told.shape == came.shape or (np.diff(when) <= 0).any():
        raise ValueError("cutoffs must rise, with one forecast and one actual each")
    closed = [when + ahead <= day for day in when]
    factors = [bias_factor(told[known], came[known], last=last, weight=weight) for known in closed]
    return np.asarray(told * np.array(factors), dtype=np.float64)


def error_spread(forecast: npt.ArrayLike, actual: npt.ArrayLike, *, prior: float = 0.3, weight: float = LAST) -> float:
    """Standard deviation of actual over forecast in closed snapshots: the ``common_spread`` of a simulation.

    Parameters
    ----------
    forecast, actual
        Of closed snapshots, shape (s,); those without a forecast are passed over.
    prior, weight
        Spread that is taken for granted, and with how many snapshots: few ratios would show almost none.
    """
    told, came = np.asarray(forecast, dtype=np.float64), np.asarray(actual, dtype=np.float64)
    if told.shape != came.shape or told.ndim != 1 or prior < 0 or weight <= 0:
        raise ValueError(
            "forecast and actual must have one dimension and the same length, prior and weight be positive"
        )
    ratios = came[told > 0] / told[told > 0]
    squares = float(np.sum((ratios - ratios.mean()) ** 2)) if ratios.size else 0.0
    return float(np.sqrt((squares + weight * prior**2) / (weight + max(ratios.size - 1, 0))))


def weighted_forecast(amount: npt.ArrayLike, probability: npt.ArrayLike) -> float:
    """Probability times amount, summed: what most CRMs call a weighted pipeline. It knows no month."""
    return float(np.sum(np.asarray(amount, dtype=np.float64) * np.asarray(probability, dtype=np.float64)))


def seasonal_naive(actual_then: float, pipeline_then: float, pipeline_now: float) -> float:
    """What came after the same point of the last season, times how much more is in the pipeline now."""
    if pipeline_then <= 0:
        return float(actual_then)
    return float(actual_then) * float(pipeline_now) / float(pipeline_then)


def forecast_backtest(
    cutoffs: npt.ArrayLike,
    actual: npt.ArrayLike,
    forecasts: Mapping[str, npt.ArrayLike],
    *,
    horizon: float | timedelta,
    correct: str | None = None,
    low: npt.ArrayLike | None = None,
    high: npt.ArrayLike | None = None,
) -> ForecastBacktest:
    """Compare forecasts of the same windows.

    Parameters
    ----------
    cutoffs, actual
        Snapshots, rising, and the revenue of the ``horizon`` (days, for dates) after each; shape (s,).
    forecasts
        By name, shape (s,) each.
    correct
        Name of a forecast to which its corrected form is added, as ``<name>_corrected``.
    low, high
        Ends of a range, P10 and P90 say, whose coverage is counted; shape (s,).

    Returns
    -------
    ForecastBacktest
        In ``summary``: ``error_rate``, the mean of |forecast − actual| / actual; ``bias_rate``, the same with its
        sign; ``weighted_error_rate``, Σ|forecast − actual| / Σ actual. Snapshots without revenue count in the last
        alone. In ``periods``: ``is_covered`` where a range is given.
    """
    came = np.asarray(actual, dtype=np.float64)
    told = {name: np.asarray(values, dtype=np.float64) for name, values in forecasts.items()}
    if correct is not None:
        told[f"{correct}_corrected"] = corrected(cutoffs, told[correct], came, horizon=horizon)
    wrong = [name for name, values in told.items() if values.shape != came.shape or not np.isfinite(values).all()]
    if wrong or came.ndim != 1 or came.sum() <= 0:
        raise ValueError(f"there must be revenue, and a finite forecast for each snapshot; wrong: {wrong or 'actual'}")
    periods = pl.DataFrame({"cutoff": np.asarray(cutoffs), "actual": came} | told)
    if low is not None and high is not None:
        inside = (np.asarray(low, dtype=np.float64) <= came) & (came <= np.asarray(high, dtype=np.float64))
        periods = periods.with_columns(pl.Series("is_covered", inside))
    sold = came > 0
    rows = []
    for name, values in told.items():
        relative = values[sold] / came[sold] - 1
        rows.append(
            {
                "forecast": name,
                "error_rate": float(np.abs(relative).mean()),
                "bias_rate": float(relative.mean()),
                "weighted_error_rate": float(np.abs(values - came).sum() / came.sum()),
            }
        )
    return ForecastBacktest(periods, pl.DataFrame(rows))
