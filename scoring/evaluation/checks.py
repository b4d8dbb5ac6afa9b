"""What every part of the evaluation asks of its input: labels of 0 and 1, probabilities, rows that can be picked.

Nothing is measured here.
"""
# ruff: noqa: N803

from typing import Any

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]


def labels(y: npt.ArrayLike) -> Floats:
    """Labels as floats of 0 and 1, shape (n,); ValueError where they are anything else or there are none."""
    values = np.asarray(y)
    if values.ndim != 1:
        raise ValueError(f"y must have one dimension, not shape {values.shape}")
    if values.size == 0:
        raise ValueError("y is empty: there is nothing to evaluate")
    try:
        numbers = values.astype(np.float64)
    except (TypeError, ValueError) as error:
        raise ValueError("y must hold 0 and 1 (or false and true)") from error
    if not np.isin(numbers, (0.0, 1.0)).all():
        raise ValueError("y must hold 0 and 1 (or false and true); drop rows whose label is not yet known")
    return numbers


def probabilities(p: npt.ArrayLike, rows: int) -> Floats:
    """Probabilities as floats, shape (rows,); one number stands for all rows."""
    values = np.asarray(p, dtype=np.float64)
    if values.ndim == 0:
        values = np.full(rows, float(values))
    if values.shape != (rows,):
        raise ValueError(f"p must have shape ({rows},) like y, not {values.shape}")
    if not np.isfinite(values).all() or values.min() < 0 or values.max() > 1:
        raise ValueError("p must be probabilities between 0 and 1, without missing values")
    return values


def pick(X: Any, rows: npt.NDArray[np.int64]) -> Any:
    """Rows of an array, or of a pandas or polars frame, by their position."""
    return X.iloc[rows] if hasattr(X, "iloc") else X[rows]


def columns(X: Any) -> dict[str, npt.NDArray[Any]]:
    """Columns by name; those of an array without names are ``x0``, ``x1`` and so on."""
    if hasattr(X, "columns"):
        return {str(name): np.asarray(X[name]) for name in X.columns}
    table = np.asarray(X)
    if table.ndim != 2:
        raise ValueError(f"X must have two dimensions, not shape {table.shape}")
    return {f"x{number}": table[:, number] for number in range(table.shape[1])}


def is_missing(values: npt.NDArray[Any]) -> npt.NDArray[np.bool_]:
    """True where a value is null, NaN or an empty text."""
    if values.dtype.kind in "fc":
        return np.asarray(np.isnan(values), dtype=bool)
    if values.dtype.kind in "mM":
        return np.asarray(np.isnat(values), dtype=bool)
    if values.dtype.kind in "OUS":
        return np.array([_is_gone(v) for v in values.tolist()], dtype=bool)
    return np.zeros(values.shape, dtype=bool)


def _is_gone(value: object) -> bool:
    # The null of pandas answers no comparison, and pandas is not imported for it.
    if value is None or type(value).__name__ in ("NAType", "NaTType"):
        return True
    return bool(value == "" or value != value)


def codes(values: npt.NDArray[Any]) -> tuple[Ints, npt.NDArray[Any]]:
    """Number of each value among the sorted distinct ones, and these; missing ones are −1."""
    missing = is_missing(values)
    kept = values[~missing]
    if kept.dtype.kind == "O":
        kept = np.array([str(v) for v in kept.tolist()])
    levels, numbers = np.unique(kept, return_inverse=True)
    result = np.full(values.shape, -1, dtype=np.int64)
    result[~missing] = numbers
    return result, levels


def as_numbers(values: npt.NDArray[Any]) -> Floats | None:
    """A column of numbers or times as floats with NaN for missing, or None where it holds texts."""
    if values.dtype.kind in "biuf":
        return values.astype(np.float64)
    if values.dtype.kind in "mM":
        return np.where(np.isnat(values), np.nan, values.astype("int64").astype(np.float64))
    if values.dtype.kind == "O":
        missing = is_missing(values)
        if all(isinstance(v, int | float | bool | np.number | np.bool_) for v in values[~missing].tolist()):
            return np.array([np.nan if m else float(v) for v, m in zip(values.tolist(), missing, strict=True)])
    return None
