"""Champion against challenger: both on the same, newest rows, of which neither has learnt anything.

The challenger that would come into force has seen these rows. Its kind of model is therefore fitted once more, on what
was known before them, and that is what stands against the champion, as it was kept.
"""

from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import polars as pl

from scoring.evaluation.backtest import backtest, base_rate, fitted, positive_probability
from scoring.evaluation.checks import Floats, codes
from scoring.evaluation.metrics import losses
from scoring.evaluation.selection import BASE, calibrated, recalibration
from scoring.evaluation.split import PurgedSnapshotSplit
from scoring.specs import Spec

if TYPE_CHECKING:
    from scoring.model import ScoreModel

MIN_ROWS = 100
"""Rows of known outcome on which two models are compared at least."""
NEWEST = 0.2
"""Share of the cut-offs that the comparison looks at, the newest."""


@dataclass(frozen=True)
class Contest:
    """What two models were worth on the same rows; the losses are None where there were too few."""

    is_won: bool
    """Whether the challenger may take the champion's place."""
    reason: str
    row_count: int
    first_cutoff: str | None = None
    last_cutoff: str | None = None
    challenger_log_loss: float | None = None
    champion_log_loss: float | None = None
    excess: float | None = None
    """Challenger's log loss less the champion's."""
    excess_error: float | None = None

    def as_dict(self) -> dict[str, Any]:
        """For the card."""
        return asdict(self)


def contest(
    spec: Spec,
    rows: pl.DataFrame,
    kind: str,
    champion: "ScoreModel",
    candidates: dict[str, Any],
    *,
    is_calibrated: bool,
) -> Contest:
    """Compare a kind of model with the champion on the newest period that is new to both.

    Parameters
    ----------
    spec
        What is predicted.
    rows
        Features and ``label``, sorted by cut-off, shape (n, k).
    kind
        Of the challenger: ``base`` or a name in ``candidates``.
    champion
        The model in force.
    candidates
        Classifiers by name; the one of ``kind`` is cloned.
    is_calibrated
        Whether the challenger applies a calibration, which is then found again from earlier rows.

    Returns
    -------
    Contest
        Won where the challenger's mean log loss is not worse than the champion's by more than a standard error of
        their difference, in which the rows of one subject count as one.

    Notes
    -----
    The period is the newest fifth of the cut-offs. Of it count those that lie a horizon after the last cut-off that the
    champion has learnt from: where a label's window reaches into the period, part of the answer was known (López de
    Prado, *Advances in Financial Machine Learning*, 2018, ch. 7). The challenger learns from what was known before.
    """
    horizon = timedelta(days=spec.horizon_days)
    distinct = rows["cutoff_at"].unique().sort()
    if distinct.is_empty():
        return Contest(False, "No outcome is known.", 0)
    first = distinct[max(0, distinct.len() - max(1, round(NEWEST * distinct.len())))]
    if champion.trained_until is not None:
        first = max(first, champion.trained_until + horizon)
    test = rows.filter(pl.col("cutoff_at") >= first)
    if test.height < MIN_ROWS:
        reason = (
            f"Only {test.height} outcomes are known that are new to the model in force, {MIN_ROWS} are needed: those "
            f"of cut-offs at least {spec.horizon_days:g} days, the horizon, after the last that it has learnt from."
        )
        return Contest(False, reason, test.height)
    if test[spec.subject].n_unique() < 2:
        return Contest(False, "All new outcomes are of one subject, which says nothing of others.", test.height)
    train = rows.filter(pl.col("cutoff_at") + horizon <= test["cutoff_at"].min())
    if train["label"].n_unique() < 2:
        return Contest(False, "Too little was known before these outcomes to learn from.", test.height)
    p = _challenger(spec, train, test, kind, candidates, is_calibrated=is_calibrated)
    y = test["label"].cast(pl.Int64).to_numpy()
    new, old = losses(y, p), losses(y, champion.probability(test))
    excess = float((new - old).mean())
    error = _error(new - old, test[spec.subject].to_numpy())
    first_cutoff, last_cutoff = _bounds(test)
    told = (
        f"On the same {test.height} outcomes of {first_cutoff[:10]} to {last_cutoff[:10]}, new to both, the log loss "
        f"is {new.mean():.4f}, and {old.mean():.4f} of the model in force: a difference of {excess:+.4f} ± {error:.4f}."
    )
    return Contest(
        is_won=excess <= error,
        reason=told,
        row_count=test.height,
        first_cutoff=first_cutoff,
        last_cutoff=last_cutoff,
        challenger_log_loss=float(new.mean()),
        champion_log_loss=float(old.mean()),
        excess=excess,
        excess_error=error,
    )


def _challenger(
    spec: Spec, train: pl.DataFrame, test: pl.DataFrame, kind: str, candidates: dict[str, Any], *, is_calibrated: bool
) -> Floats:
    y = train["label"].cast(pl.Int64).to_numpy()
    if kind == BASE:
        return np.full(test.height, base_rate(y.astype(np.float64)))
    columns = spec.usable([name for name in train.columns if name != "label"])
    model = fitted(candidates[kind], train.select(columns), y, train[spec.subject].to_numpy())
    p = positive_probability(model, test.select(columns))
    return calibrated(p, _line(spec, train, columns, y, candidates[kind]) if is_calibrated else None)


def _line(
    spec: Spec, train: pl.DataFrame, columns: list[str], y: npt.NDArray[np.int64], candidate: Any
) -> tuple[float, float] | None:
    """The calibration that earlier periods would have given; None where they are too few to tell."""
    try:
        past = backtest(
            candidate,
            train.select(columns),
            y,
            cv=PurgedSnapshotSplit(horizon=timedelta(days=spec.horizon_days), n_splits=3),
            cutoffs=train["cutoff_at"].to_numpy(),
            groups=train[spec.subject].to_numpy(),
        )
    except ValueError:
        return None
    return recalibration(past.y, past.p)


def _error(difference: Floats, subjects: npt.NDArray[Any]) -> float:
    """Standard error of a mean over rows, of which those of one subject are not independent."""
    members, levels = codes(subjects)
    residuals = np.bincount(members, weights=difference - difference.mean(), minlength=levels.size)
    units = levels.size
    return float(np.sqrt(np.sum(residuals**2) * units / (units - 1)) / difference.size)


def _bounds(rows: pl.DataFrame) -> tuple[str, str]:
    first, last = rows["cutoff_at"].min(), rows["cutoff_at"].max()
    assert isinstance(first, datetime)
    assert isinstance(last, datetime)
    return str(first), str(last)
