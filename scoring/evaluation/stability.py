"""How the values of a column have shifted since a model learnt from them: what is kept of them, and how it is compared.

What follows from a shift is decided elsewhere: it says that something changed, not that the score became worse.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.stats import chi2

from scoring.evaluation.checks import Floats, as_numbers, codes, is_missing

BINS = 10
LEVELS = 20
"""Most frequent texts that have a bin of their own; the others share one."""
SMALLEST_SHARE = 1e-4


@dataclass(frozen=True)
class Shift:
    """A column now against the column as it was learnt from."""

    psi: float
    """Population stability index, in nats."""
    psi_by_chance: float
    """What it stays below in 95 of 100 samples of this size without any change."""
    missing_rate: float
    missing_rate_before: float
    unseen_rate: float
    """Share of texts that the reference does not name."""


def reference_of(values: npt.NDArray[Any]) -> dict[str, Any]:
    """What is kept of a column, as JSON: edges or texts, and the share of rows of each bin.

    Parameters
    ----------
    values
        Numbers, moments or texts, shape (n,), n > 0.

    Returns
    -------
    dict
        ``edges`` (k) of numbers with k + 2 ``shares``, or ``levels`` (k) of texts with k + 2: the last but one is of
        other texts (of numbers: above the last edge), the last of missing values. ``row_count`` is n.
    """
    numbers = as_numbers(values)
    if numbers is None:
        places, names = codes(values)
        counts = np.bincount(places[places >= 0], minlength=names.size)
        kept = np.sort(np.argsort(-counts, kind="stable")[:LEVELS])
        document: dict[str, Any] = {"levels": [str(name) for name in names[kept]]}
    else:
        known = numbers[~np.isnan(numbers)]
        edges = np.unique(np.quantile(known, np.linspace(0, 1, BINS + 1)[1:-1])) if known.size else np.empty(0)
        document = {"edges": edges.tolist()}
    document["shares"] = _shares(document, values).tolist()
    document["row_count"] = int(values.size)
    return document


def checked(document: Any) -> dict[str, Any]:
    """A reference as it was kept, or ValueError where it is none."""
    good = isinstance(document, Mapping) and isinstance(document.get("row_count"), int) and document["row_count"] > 0
    bins = document.get("edges", document.get("levels")) if good else None
    shares = document.get("shares") if good else None
    if not isinstance(bins, list) or not isinstance(shares, list) or len(shares) != len(bins) + 2:
        raise ValueError("a reference of drift has edges or levels, and two shares more than these")
    kind: type | tuple[type, ...] = (int, float) if "edges" in document else str
    if not all(isinstance(one, kind) for one in bins):
        raise ValueError("edges must be numbers, and levels texts")
    if not all(isinstance(one, int | float) and math.isfinite(one) and 0 <= one <= 1 for one in shares):
        raise ValueError("shares must be from 0 to 1")
    return dict(document)


def shift(reference: Mapping[str, Any], values: npt.NDArray[Any]) -> Shift:
    """Compare a column with its reference.

    Parameters
    ----------
    reference
        Of :func:`reference_of`.
    values
        Of the same kind, shape (m,), m > 0.

    Notes
    -----
    Σ (aᵢ − eᵢ) ln(aᵢ / eᵢ) over the shares of the bins (Siddiqi, *Credit Risk Scorecards*, 2006). Without a change it
    is distributed as (1/n + 1/m) χ² with one degree of freedom less than there are bins in use (Yurdakul,
    *Statistical Properties of Population Stability Index*, 2018): small samples look shifted by chance.
    """
    before = np.asarray(reference["shares"], dtype=np.float64)
    now = _shares(reference, values)
    used = (before > 0) | (now > 0)
    e, a = np.maximum(before[used], SMALLEST_SHARE), np.maximum(now[used], SMALLEST_SHARE)
    noise = 1 / reference["row_count"] + 1 / values.size
    return Shift(
        psi=float(np.sum((a - e) * np.log(a / e))),
        psi_by_chance=float(noise * chi2.ppf(0.95, max(int(used.sum()) - 1, 1))),
        missing_rate=float(now[-1]),
        missing_rate_before=float(before[-1]),
        unseen_rate=float(now[-2]) if "levels" in reference and before[-2] == 0 else 0.0,
    )


def _shares(document: Mapping[str, Any], values: npt.NDArray[Any]) -> Floats:
    """Share of the rows in each bin, shape (bins + 2,)."""
    if "edges" in document:
        edges = np.asarray(document["edges"], dtype=np.float64)
        numbers = as_numbers(values)
        if numbers is None:
            # Texts where there were numbers are as good as missing.
            numbers = np.full(values.size, np.nan)
        places = np.where(np.isnan(numbers), edges.size + 1, np.searchsorted(edges, numbers, "left"))
        size = edges.size + 2
    else:
        levels = {name: number for number, name in enumerate(document["levels"])}
        size = len(levels) + 2
        missing = is_missing(values)
        texts = [
            size - 1 if gone else levels.get(str(value), size - 2) for value, gone in zip(values, missing, strict=True)
        ]
        places = np.asarray(texts, dtype=np.int64)
    return np.bincount(places.astype(np.int64), minlength=size) / max(values.size, 1)
