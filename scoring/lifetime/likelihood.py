"""Maximum likelihood of a few positive parameters. What is likely is said by each model."""

import warnings
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.optimize import minimize
from sklearn.exceptions import ConvergenceWarning

from scoring.evaluation.checks import Floats

WIDEST = 12.0
"""Parameters are looked for between e⁻¹² and e¹²; one that arrives there is not determined by the data."""


def most_likely(loss: Callable[[Floats], float], starts: Sequence[Sequence[float]], model: str) -> Floats:
    """Positive parameters with the lowest loss (mean negative log-likelihood), from the best of several starts.

    Searches over the logarithms with L-BFGS-B, then polishes with the simplex of Nelder and Mead, which needs no
    gradient. Warns where a parameter ran to the border.
    """
    bounds = [(-WIDEST, WIDEST)] * len(starts[0])

    def of_logs(logs: Floats) -> float:
        value = loss(np.exp(logs))
        return value if np.isfinite(value) else 1e10

    searched = [minimize(of_logs, np.log(start), method="L-BFGS-B", bounds=bounds) for start in starts]
    best = min(searched, key=lambda result: float(result.fun))
    options = {"xatol": 1e-7, "fatol": 1e-11, "maxiter": 4000, "maxfev": 4000}
    best = minimize(of_logs, best.x, method="Nelder-Mead", bounds=bounds, options=options)
    if np.abs(best.x).max() > WIDEST - 0.01:
        warnings.warn(
            f"{model}: a parameter ran to the border of its range; these customers do not determine it, and "
            "predictions far beyond what was seen should not be trusted",
            ConvergenceWarning,
            stacklevel=3,
        )
    return np.asarray(np.exp(best.x), dtype=np.float64)


def named_columns(table: Any, names: Sequence[str], model: str) -> Floats:
    """The named columns as floats, shape (n, len(names)); an array must have them in this order."""
    if hasattr(table, "columns"):
        absent = [name for name in names if name not in table.columns]
        if absent:
            raise ValueError(f"{model} needs the columns {', '.join(names)}; {', '.join(absent)} are not there")
        values = np.column_stack([np.asarray(table[name], dtype=np.float64) for name in names])
    else:
        values = np.asarray(table, dtype=np.float64)
        if values.ndim != 2 or values.shape[1] != len(names):
            raise ValueError(f"{model} needs the columns {', '.join(names)} in this order, not shape {values.shape}")
    if values.shape[0] == 0 or not np.isfinite(values).all():
        raise ValueError(f"{model} needs rows without missing values in {', '.join(names)}")
    return values


def of_shape(values: npt.ArrayLike | float, rows: int, name: str) -> Floats:
    """One number for all rows, or one per row, as shape (rows,)."""
    result = np.broadcast_to(np.asarray(values, dtype=np.float64), (rows,))
    if not np.isfinite(result).all() or (result < 0).any():
        raise ValueError(f"{name} must not be negative or missing")
    return result
