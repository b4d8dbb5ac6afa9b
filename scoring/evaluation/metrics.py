"""How good probabilities are, with an interval wherever a number is judged.

Every function takes labels of 0 and 1 and probabilities, shape (n,), and raises ValueError for anything else. What
follows from a number (a gate, a choice, an alarm) is decided elsewhere.
"""

from typing import Literal, NamedTuple, overload

import numpy as np
import numpy.typing as npt
import polars as pl
from scipy.special import expit, logit
from scipy.stats import norm, rankdata

from scoring.evaluation.checks import Floats, Ints, as_numbers, codes, labels, probabilities

EPSILON = 1e-15
SMALLEST_SHARE = 1e-4
"""Share that an empty bin counts with in :func:`psi`; the logarithm of nothing would drown all else."""


class Interval(NamedTuple):
    """An estimate and the two ends of its interval."""

    value: float
    low: float
    high: float


def z_of(level: float) -> float:
    """Standard normal quantile of a two-sided interval, 1.645 for 0.9."""
    if not 0 < level < 1:
        raise ValueError(f"level must lie between 0 and 1, not {level}")
    return float(norm.ppf(0.5 + level / 2))


def wilson(successes: float, trials: float, level: float = 0.9) -> Interval:
    """Share of successes with Wilson's score interval (1927), which holds for few trials and shares near 0 or 1."""
    if trials <= 0 or not 0 <= successes <= trials:
        raise ValueError(f"{successes} successes of {trials} trials is no share")
    z, share = z_of(level), successes / trials
    middle = (share + z * z / (2 * trials)) / (1 + z * z / trials)
    half = z / (1 + z * z / trials) * np.sqrt(share * (1 - share) / trials + z * z / (4 * trials * trials))
    return Interval(share, max(0.0, float(middle - half)), min(1.0, float(middle + half)))


def losses(y: npt.ArrayLike, p: npt.ArrayLike) -> Floats:
    """Log loss of each row in nats, shape (n,); probabilities are kept 1e-15 away from 0 and 1."""
    truth = labels(y)
    chance = np.clip(probabilities(p, truth.size), EPSILON, 1 - EPSILON)
    return -(truth * np.log(chance) + (1 - truth) * np.log1p(-chance))


def log_loss_skill(
    y: npt.ArrayLike,
    p: npt.ArrayLike,
    base: npt.ArrayLike | None = None,
    *,
    groups: npt.ArrayLike | None = None,
    level: float = 0.9,
) -> Interval:
    """Share of a baseline's log loss that a model saves: 1 − LL(p) / LL(base), with a paired interval.

    Parameters
    ----------
    y, p
        Labels and probabilities, shape (n,).
    base
        Probabilities of the baseline, shape (n,) or one number. None takes the mean of ``y``, which no forecaster
        knew, so that it is a harder baseline than a rate of the past.
    groups
        Rows of one group (snapshots of one deal, say) are not independent; their errors are summed before the
        variance is taken. Shape (n,).
    level
        Of the two-sided interval.

    Notes
    -----
    The interval is that of a ratio of two means over the same rows, by the delta method (Cochran, *Sampling
    Techniques*, 1977, §6.3–6.4), and normal.
    """
    truth = labels(y)
    own, reference = losses(truth, p), losses(truth, truth.mean() if base is None else base)
    if reference.sum() <= 0:
        return Interval(float("nan"), float("-inf"), float("inf"))
    ratio = own.sum() / reference.sum()
    residuals = own - ratio * reference
    if groups is not None:
        members, levels = codes(np.asarray(groups))
        if members.shape != truth.shape:
            raise ValueError(f"groups must have shape {truth.shape} like y, not {members.shape}")
        residuals = np.bincount(members + 1, weights=residuals, minlength=levels.size + 1)
    units = truth.size if groups is None else max(np.unique(members).size, 1)
    if units < 2:
        return Interval(float(1 - ratio), float("-inf"), float("inf"))
    error = np.sqrt(np.sum(residuals**2) * units / (units - 1)) / reference.sum()
    half = z_of(level) * float(error)
    return Interval(float(1 - ratio), float(1 - ratio - half), float(1 - ratio + half))


def bins_of(p: Floats, bins: int) -> Ints:
    """Bin of each probability, 0 for the lowest, about equally many in each; equal values share one."""
    if bins < 1:
        raise ValueError(f"bins must be at least 1, not {bins}")
    inner = np.unique(np.quantile(p, np.linspace(0, 1, bins + 1)[1:-1], method="inverted_cdf"))
    numbers = np.searchsorted(inner, p, side="left")
    return np.unique(numbers, return_inverse=True)[1].astype(np.int64)


@overload
def ece(y: npt.ArrayLike, p: npt.ArrayLike, bins: int = 10, return_floor: Literal[False] = False) -> float: ...
@overload
def ece(y: npt.ArrayLike, p: npt.ArrayLike, bins: int = 10, *, return_floor: Literal[True]) -> tuple[float, float]: ...


def ece(y: npt.ArrayLike, p: npt.ArrayLike, bins: int = 10, return_floor: bool = False) -> float | tuple[float, float]:
    """Expected calibration error: the mean distance of observed and predicted rate over bins of equal size.

    Parameters
    ----------
    y, p
        Labels and probabilities, shape (n,).
    bins
        Bins of about equally many rows; equal probabilities stay together.
    return_floor
        Also give the error that perfect probabilities would show with so many rows, from chance alone. An error at
        its floor says nothing against the model.

    Notes
    -----
    Naeini, Cooper and Hauskrecht (2015). The floor uses E|N(0, s²)| = s √(2/π) with s² = Σ p (1 − p) in each bin.
    """
    truth = labels(y)
    chance = probabilities(p, truth.size)
    members = bins_of(chance, bins)
    error = float(np.abs(np.bincount(members, weights=truth - chance)).sum() / truth.size)
    if not return_floor:
        return error
    variance = np.bincount(members, weights=chance * (1 - chance))
    return error, float(np.sqrt(2 / np.pi * variance).sum() / truth.size)


def oe_ratio(y: npt.ArrayLike, p: npt.ArrayLike, level: float = 0.9) -> Interval:
    """Observed over expected count of positives, Σy / Σp; Wilson's interval of the observed rate over the expected.

    1 is right, above 1 too many happened. Infinite where nothing was expected but something happened.
    """
    truth = labels(y)
    expected = float(probabilities(p, truth.size).sum())
    observed = wilson(float(truth.sum()), truth.size, level)
    if expected == 0:
        ends = float("inf") if truth.sum() else float("nan")
        return Interval(ends, 0.0, float("inf"))
    return Interval(*(end * truth.size / expected for end in observed))


def calibration_line(y: npt.ArrayLike, p: npt.ArrayLike, rounds: int = 100) -> tuple[float, float]:
    """Intercept and slope of the logistic regression of ``y`` on logit(p), by Newton's method (Cox, 1958).

    (0, 1) is right; a slope below 1 means over-confidence, a negative one a reversed ranking. Both are NaN where
    they are not determined: labels of one class, or the same probability everywhere.
    """
    truth = labels(y)
    x = logit(np.clip(probabilities(p, truth.size), 1e-12, 1 - 1e-12))
    if truth.min() == truth.max() or np.ptp(x) < 1e-9:
        return float("nan"), float("nan")
    centre, scale = float(x.mean()), float(x.std())
    design = np.column_stack([np.ones_like(x), (x - centre) / scale])
    weights = np.array([float(logit(truth.mean())), 0.0])

    def loss(at: Floats) -> float:
        return float(np.sum(np.logaddexp(0, design @ at) - truth * (design @ at)))

    for _ in range(rounds):
        fitted = expit(design @ weights)
        gradient = design.T @ (truth - fitted)
        # The ridge of 1e-9 keeps the step finite where the classes are separated and the slope has no maximum.
        curvature = (design * (fitted * (1 - fitted))[:, None]).T @ design + 1e-9 * np.eye(2)
        step, length = np.linalg.solve(curvature, gradient), 1.0
        before = loss(weights)
        while length > 1e-6 and loss(weights + length * step) > before + 1e-12:
            length /= 2
        weights = weights + length * step
        if np.abs(length * step).max() < 1e-10 or np.abs(weights).max() > 1e3:
            break
    return float(weights[0] - weights[1] * centre / scale), float(weights[1] / scale)


def calibration_slope(y: npt.ArrayLike, p: npt.ArrayLike) -> float:
    """Slope of :func:`calibration_line`: 1 is right, below 1 over-confident, below 0 reversed."""
    return calibration_line(y, p)[1]


def psi(expected: npt.ArrayLike, actual: npt.ArrayLike, bins: int = 10) -> float:
    """Population stability index between a reference sample and a new one, in nats.

    Parameters
    ----------
    expected, actual
        Values of one column, shapes (n,) and (m,): numbers, which are cut at quantiles of ``expected``, or texts,
        each of which is a bin. Missing values are a bin of their own.
    bins
        Of numbers.

    Notes
    -----
    Σ (aᵢ − eᵢ) ln(aᵢ / eᵢ) over the shares of the bins (Siddiqi, *Credit Risk Scorecards*, 2006). Above 0.1 and 0.25
    it is usually called moderate and large; it says that something changed, not that the score became worse.
    """
    old, new = np.asarray(expected), np.asarray(actual)
    if old.size == 0 or new.size == 0:
        raise ValueError("psi compares two samples; one of them is empty")
    numbers, fresh = as_numbers(old), as_numbers(new)
    if (numbers is None) != (fresh is None):
        raise ValueError("expected and actual must both be numbers or both be texts")
    if numbers is not None and fresh is not None:
        known = numbers[~np.isnan(numbers)]
        edges = np.unique(np.quantile(known, np.linspace(0, 1, bins + 1)[1:-1])) if known.size else np.empty(0)
        places = [np.where(np.isnan(v), edges.size + 1, np.searchsorted(edges, v, "left")) for v in (numbers, fresh)]
        size = edges.size + 2
    else:
        together, levels = codes(np.concatenate([old.astype(object), new.astype(object)]))
        places, size = [together[: old.size] + 1, together[old.size :] + 1], levels.size + 1
    shares = [np.bincount(place, minlength=size) / place.size for place in places]
    e, a = (np.maximum(share, SMALLEST_SHARE) for share in shares)
    return float(np.sum((a - e) * np.log(a / e)))


def _ranked(y: Floats, p: Floats) -> Floats:
    """Labels from the highest probability down; equal probabilities share their mean, whatever the rows' order."""
    _, places, counts = np.unique(-p, return_inverse=True, return_counts=True)
    return np.repeat(np.bincount(places, weights=y) / counts, counts)


def lift_at(y: npt.ArrayLike, p: npt.ArrayLike, share: float = 0.1) -> float:
    """Rate of positives in the top share by ``p`` over their rate in all rows; NaN where there are no positives.

    ``share`` of the rows is rounded to a whole number of at least one. Rows of equal probability at the border count
    with their mean, so that the order of rows changes nothing and a constant has a lift of 1.
    """
    truth = labels(y)
    if not 0 < share <= 1:
        raise ValueError(f"share must lie above 0 and at most at 1, not {share}")
    if truth.sum() == 0:
        return float("nan")
    top = max(1, round(share * truth.size))
    return float(_ranked(truth, probabilities(p, truth.size))[:top].mean() / truth.mean())


def auc_interval(y: npt.ArrayLike, p: npt.ArrayLike, level: float = 0.9) -> Interval:
    """Area under the ROC curve with the interval of DeLong et al. (1988), computed from ranks (Sun and Xu, 2014).

    ``p`` may be any score. NaN with the interval 0 to 1 where there is only one class.
    """
    truth = labels(y)
    score = np.asarray(p, dtype=np.float64)
    if score.shape != truth.shape or np.isnan(score).any():
        raise ValueError(f"scores must have shape {truth.shape} like y, without missing values")
    positive = truth == 1
    m, n = int(positive.sum()), int((~positive).sum())
    if m == 0 or n == 0:
        return Interval(float("nan"), 0.0, 1.0)
    ranks = rankdata(score)
    below = (ranks[positive] - rankdata(score[positive])) / n
    above = 1 - (ranks[~positive] - rankdata(score[~positive])) / m
    area = float(below.mean())
    variance = (below.var(ddof=1) / m if m > 1 else 0.25) + (above.var(ddof=1) / n if n > 1 else 0.25)
    half = z_of(level) * float(np.sqrt(variance))
    return Interval(area, max(0.0, area - half), min(1.0, area + half))


def reliability_table(y: npt.ArrayLike, p: npt.ArrayLike, bins: int = 10, level: float = 0.9) -> pl.DataFrame:
    """A row per bin of equal size: predicted and observed rate, with Wilson's interval of the observed one."""
    truth = labels(y)
    chance = probabilities(p, truth.size)
    members = bins_of(chance, bins)
    counts, hits = np.bincount(members), np.bincount(members, weights=truth)
    intervals = [wilson(float(hit), float(count), level) for hit, count in zip(hits, counts, strict=True)]
    return pl.DataFrame(
        {
            "bin": np.arange(1, counts.size + 1),
            "row_count": counts,
            "positive_count": hits.astype(np.int64),
            "predicted_rate": np.bincount(members, weights=chance) / counts,
            "observed_rate": [interval.value for interval in intervals],
            "observed_rate_low": [interval.low for interval in intervals],
            "observed_rate_high": [interval.high for interval in intervals],
        }
    )


def decile_table(y: npt.ArrayLike, p: npt.ArrayLike, parts: int = 10) -> pl.DataFrame:
    """A row per tenth of the rows, the likeliest first: positives, their rate, its lift, and the share caught so far.

    Equal probabilities that a border divides count with their mean, so that ``positive_count`` may be a fraction.
    """
    truth = labels(y)
    ranked = _ranked(truth, probabilities(p, truth.size))
    pieces = [piece for piece in np.array_split(ranked, parts) if piece.size]
    hits = np.array([piece.sum() for piece in pieces])
    counts = np.array([piece.size for piece in pieces])
    total, base = truth.sum(), truth.mean()
    return pl.DataFrame(
        {
            "decile": np.arange(1, counts.size + 1),
            "row_count": counts,
            "positive_count": hits,
            "positive_rate": hits / counts,
            "lift": hits / counts / base if total else np.full(counts.size, np.nan),
            "captured_rate": np.cumsum(hits) / total if total else np.full(counts.size, np.nan),
        }
    )
