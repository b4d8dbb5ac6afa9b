"""How long deals like one stay open, and how they end: shares won and closed by the day, from deals seen before.

Nothing is known here of amounts, and a probability of winning that a model gives is only spread over time.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

import numpy as np
import numpy.typing as npt
import polars as pl

from scoring.evaluation.checks import Floats

OPEN, WON, LOST = 0, 1, 2
MIN_CLOSED = 20
"""Closed deals of a stage from which on it is told apart from the others of its pipeline."""
SNAPSHOTS = 24
"""Months that are looked back."""
SHORT_DAYS = 30
"""Horizon of the shorter of the two probabilities of winning."""


@dataclass(frozen=True)
class Incidence:
    """Shares of deals that have been ``won``, and ``closed`` either way, within 0, 1, 2, … days; shape (days + 1,)."""

    won: Floats
    closed: Floats

    def won_by(self, days: npt.ArrayLike) -> Floats:
        """Share won within these days; beyond the last day that was seen it stays what it is."""
        return np.asarray(self.won[self._index(days)], dtype=np.float64)

    def day_of(self, share: float) -> int | None:
        """First day by which this share is closed, at least 1; None where it was never seen so far."""
        reached = np.flatnonzero(self.closed >= share - 1e-12)
        return max(1, int(reached[0])) if reached.size else None

    def _index(self, days: npt.ArrayLike) -> npt.NDArray[np.int64]:
        return np.clip(np.floor(np.asarray(days, dtype=np.float64)), 0, self.won.size - 1).astype(np.int64)


def incidence(days: npt.ArrayLike, outcome: npt.ArrayLike) -> Incidence:
    """Cumulative incidence of winning where a loss ends the wait for good.

    Parameters
    ----------
    days
        From when a deal was looked at to its end, or to when it was last seen open; not negative, shape (n,).
    outcome
        :data:`WON`, :data:`LOST`, or :data:`OPEN` where it was still open then, shape (n,).

    Notes
    -----
    Aalen and Johansen (1978), on whole days: what ended in the course of a day counts from its end, and who was last
    seen in the course of a day is not at risk on it.

    Examples
    --------
    >>> incidence([1, 2, 2, 3], [1, 2, 0, 1]).won.tolist()
    [0.0, 0.25, 0.25, 0.75]
    """
    time, how = np.asarray(days, dtype=np.float64), np.asarray(outcome, dtype=np.int64)
    if time.shape != how.shape or time.ndim != 1 or not np.isin(how, (OPEN, WON, LOST)).all():
        raise ValueError("days and outcome must have one dimension and the same length, outcome 0, 1 or 2")
    if time.size == 0 or not np.isfinite(time).all() or (time < 0).any():
        raise ValueError("days must be there, finite and not negative")
    whole = np.where(how == OPEN, np.floor(time), np.maximum(np.ceil(time), 1)).astype(np.int64)
    size = int(whole.max()) + 1
    won, lost, left = (np.bincount(whole[how == kind], minlength=size) for kind in (WON, LOST, OPEN))
    at_risk = np.cumsum((won + lost + left)[::-1])[::-1]
    some = np.maximum(at_risk, 1)
    still = np.cumprod(1 - (won + lost) / some)
    before = np.concatenate([[1.0], still[:-1]])
    shares = (np.cumsum(before * won / some), 1 - still)
    return Incidence(*(np.asarray(share, dtype=np.float64) for share in shares))


def month_snapshots(features: pl.DataFrame, as_of: datetime) -> list[datetime]:
    """The last cut-off of each month before that of ``as_of``, the latest :data:`SNAPSHOTS` of them, rising."""
    running = datetime(as_of.year, as_of.month, 1)
    past = features.filter(~pl.col("is_latest") & (pl.col("cutoff_at") < running))
    last = past.group_by(pl.col("cutoff_at").dt.truncate("1mo")).agg(pl.col("cutoff_at").max().alias("last_at"))
    return sorted(last["last_at"].to_list())[-SNAPSHOTS:]


def watched(snapshots: pl.DataFrame, outcomes: pl.DataFrame, moment: datetime) -> pl.DataFrame:
    """What had become, by a moment and as was known then, of deals that had been open at earlier snapshots.

    Parameters
    ----------
    snapshots
        Rows of ``features.feat_deal`` at snapshots.
    outcomes
        Rows of ``features.deal_outcome``.
    moment
        Later snapshots are not looked at, nor is what was known later.

    Returns
    -------
    polars.DataFrame
        A row per deal and snapshot: ``tenant_id``, ``deal_id``, ``pipeline``, ``stage``, ``amount_base``, ``days`` from
        the snapshot, the ``outcome`` after these, and ``won_amount_base``.
    """
    known = outcomes.filter(pl.col("outcome_known_at") <= moment)
    rows = snapshots.filter(pl.col("cutoff_at") < moment).select(
        "tenant_id", "deal_id", "cutoff_at", "pipeline", "stage", "amount_base"
    )
    rows = rows.join(
        known.select("tenant_id", "deal_id", "status", "closed_at", "won_amount_base"),
        on=["tenant_id", "deal_id"], how="left",
    )  # fmt: skip
    # It had been closed already, which was received after the snapshot.
    rows = rows.filter(pl.col("closed_at").is_null() | (pl.col("closed_at") > pl.col("cutoff_at")))
    end = pl.col("closed_at").fill_null(pl.lit(moment))
    how = pl.when(pl.col("status").is_null()).then(OPEN).when(pl.col("status") == "won").then(WON).otherwise(LOST)
    return rows.select(
        "tenant_id",
        "deal_id",
        "pipeline",
        "stage",
        "amount_base",
        ((end - pl.col("cutoff_at")).dt.total_microseconds() / 86_400e6).alias("days"),
        how.cast(pl.Int64).alias("outcome"),
        "won_amount_base",
    ).sort("tenant_id", "deal_id", "days")


@dataclass(frozen=True)
class SimilarDeals:
    """Curves of one tenant: by pipeline and stage, by pipeline, and of all, where enough deals were seen to end."""

    curves: Mapping[tuple[str | None, str | None], Incidence]

    @classmethod
    def of(cls, rows: pl.DataFrame) -> "SimilarDeals":
        """Curves from the rows of :func:`watched` that belong to one tenant."""
        curves = {}
        for names in (("pipeline", "stage"), ("pipeline",), ()):
            groups = rows.group_by(names) if names else [((), rows)]
            for key, group in groups:
                closed = group.filter(pl.col("outcome") != OPEN)["deal_id"].n_unique()
                if closed >= MIN_CLOSED:
                    place = (*key, None, None)[:2]
                    curves[place] = incidence(group["days"], group["outcome"])
        return cls(curves)

    def like(self, pipeline: str | None, stage: str | None) -> Incidence | None:
        """The curve of the deals that are most like one of this pipeline and stage; None where too few were seen."""
        for place in ((pipeline, stage), (pipeline, None), (None, None)):
            if place in self.curves:
                return self.curves[place]
        return None


def won_within(
    curve: Incidence,
    days: npt.ArrayLike,
    probability: npt.ArrayLike | None = None,
    probability_30d: npt.ArrayLike | None = None,
) -> Floats:
    """Probability that a deal is won within each of the days, shape (m,); (n, m) for n deals with a probability each.

    Without a ``probability`` it is the share of similar deals. With one, the share gives the pace: those that win do so
    as fast as similar deals did. With ``probability_30d`` as well, the curve goes through it at 30 days.

    Examples
    --------
    >>> curve = Incidence(np.array([0.0, 0.2, 0.4]), np.array([0.0, 0.5, 1.0]))
    >>> won_within(curve, [1, 2, 9], probability=0.8).tolist()
    [0.4, 0.8, 0.8]
    """
    by = curve.won_by(days)
    if probability is None:
        return by
    ever = np.asarray(probability, dtype=np.float64)[..., None]
    total = float(curve.won[-1])
    if total <= 0:
        return np.zeros(np.broadcast_shapes(ever.shape, by.shape))
    if probability_30d is None:
        return np.asarray(ever * by / total, dtype=np.float64)
    soon = np.minimum(np.asarray(probability_30d, dtype=np.float64)[..., None], ever)
    short = float(curve.won_by(SHORT_DAYS))
    ahead = np.asarray(days, dtype=np.float64)
    early = by / short if short > 0 else np.minimum(ahead / SHORT_DAYS, 1.0)
    late = (by - short) / (total - short) if total > short else np.ones_like(by)
    return np.where(ahead <= SHORT_DAYS, soon * early, soon + (ever - soon) * np.maximum(late, 0))
