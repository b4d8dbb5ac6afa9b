"""Splits by time, with a gap as long as the labels look ahead.

A split here never shuffles; how candidates are compared over the folds is in :mod:`scoring.evaluation.selection`.
"""
# ruff: noqa: ARG002, N803 - the signatures are scikit-learn's

import zlib
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import numpy as np
import numpy.typing as npt
from sklearn.model_selection import BaseCrossValidator

from scoring.evaluation.checks import Ints

MICROSECONDS_PER_DAY = 86_400_000_000


def moments(cutoffs: npt.ArrayLike, *lengths: float | timedelta) -> tuple[npt.NDArray[Any], tuple[Any, ...]]:
    """Cut-offs and lengths of time in one unit: microseconds for dates, as they are for numbers.

    A length for dates is a timedelta, or a number of days.
    """
    values = np.asarray(cutoffs)
    if values.ndim != 1:
        raise ValueError(f"cutoffs must have one dimension, not shape {values.shape}")
    if values.dtype.kind == "O":
        values = values.astype("datetime64[us]")
    if values.dtype.kind == "M":
        if np.isnat(values).any():
            raise ValueError("cutoffs must not be missing")
        micros = values.astype("datetime64[us]").astype(np.int64)
        return micros, tuple(_microseconds(length) for length in lengths)
    if values.dtype.kind not in "iuf" or not np.isfinite(values).all():
        raise ValueError(f"cutoffs must be dates or finite numbers, not {values.dtype}")
    if any(isinstance(length, timedelta) for length in lengths):
        raise ValueError("a timedelta needs cutoffs that are dates")
    return values, lengths


def _microseconds(length: float | timedelta) -> int:
    days = length / timedelta(days=1) if isinstance(length, timedelta) else length
    return round(days * MICROSECONDS_PER_DAY)


class PurgedSnapshotSplit(BaseCrossValidator):  # type: ignore[misc]
    """Forward chaining over snapshots: train on cut-offs whose labels were known, test on the next ones.

    For every fold and every pair of a training and a test row, ``training cutoff + horizon + embargo <= test
    cutoff``, and no group stands on both sides.

    Parameters
    ----------
    horizon
        How far labels look ahead: days (or a timedelta) where cut-offs are dates, else in the unit of the cut-offs.
    n_splits
        Folds. Each tests on a block of consecutive cut-offs; the last block ends with the last cut-off.
    embargo
        A further gap, for what arrives late; in the unit of ``horizon``.

    Notes
    -----
    A panel holds the same account at every cut-off. To drop each of them from training would leave nothing, so that
    an account that would stand on both sides is put on one: the test side in one fold of ``n_splits``, by a hash of
    its name, which stays the same when accounts are added. Purging and embargo follow López de Prado, *Advances in
    Financial Machine Learning* (2018), ch. 7.

    With scikit-learn's metadata routing enabled, ``cross_validate(..., params={"cutoffs": …, "groups": …})`` works.

    Examples
    --------
    >>> import numpy as np
    >>> months = np.repeat([0, 1, 2, 3], 2)
    >>> for train, test in PurgedSnapshotSplit(horizon=1, n_splits=2).split(months, cutoffs=months):
    ...     print(months[train], months[test])
    [0 0 1 1] [2 2]
    [0 0 1 1 2 2] [3 3]
    """

    __metadata_request__split = {"groups": True, "cutoffs": True}  # noqa: RUF012 - read by scikit-learn

    def __init__(self, horizon: float | timedelta, n_splits: int = 4, embargo: float | timedelta = 0) -> None:
        self.horizon = horizon
        self.n_splits = n_splits
        self.embargo = embargo

    def get_n_splits(self, X: Any = None, y: Any = None, groups: Any = None, cutoffs: Any = None) -> int:
        """Folds."""
        return self.n_splits

    def split(
        self,
        X: Any,
        y: Any = None,
        groups: npt.ArrayLike | None = None,
        cutoffs: npt.ArrayLike | None = None,
    ) -> Iterator[tuple[Ints, Ints]]:
        """Positions of training and test rows of each fold, the earliest first.

        Parameters
        ----------
        X, y
            Only the number of rows of ``X`` matters; ``y`` is not looked at.
        groups
            Account (or the like) of each row, shape (n,), or None.
        cutoffs
            Date, moment or number up to which the features of a row look, shape (n,).

        Raises
        ------
        ValueError
            Where cut-offs are missing or too few, or a fold would be left without rows.
        """
        if cutoffs is None:
            raise ValueError("cutoffs are needed: the date up to which the features of each row look")
        when, (horizon, embargo) = moments(cutoffs, self.horizon, self.embargo)
        if self.n_splits < 1 or horizon < 0 or embargo < 0:
            raise ValueError("n_splits must be at least 1; horizon and embargo must not be negative")
        if len(X) != when.size:
            raise ValueError(f"X has {len(X)} rows, cutoffs {when.size}")
        distinct = np.unique(when)
        testable = distinct[(distinct >= distinct.min() + horizon + embargo) & (distinct > distinct.min())]
        if testable.size < self.n_splits:
            raise ValueError(
                f"{testable.size} of {distinct.size} cutoffs lie a horizon of {self.horizon} (and an embargo of "
                f"{self.embargo}) after the first one, too few for {self.n_splits} folds: take more or closer cutoffs"
            )
        size = min(max(1, distinct.size // (self.n_splits + 1)), testable.size // self.n_splits)
        members = None if groups is None else self._members(groups, when.size)
        for fold in range(self.n_splits):
            start = distinct.size - (self.n_splits - fold) * size
            block = distinct[start : start + size]
            test = (when >= block[0]) & (when <= block[-1])
            # Strictly before, also with a horizon of 0: no row may be trained on and tested.
            train = (when + horizon + embargo <= block[0]) & (when < block[0])
            if members is not None:
                group, turn = members
                both, tested = np.isin(group, np.intersect1d(group[train], group[test])), turn == fold
                train, test = train & ~(both & tested), test & ~(both & ~tested)
            if not train.any() or not test.any():
                raise ValueError(
                    f"fold {fold + 1} of {self.n_splits} has {train.sum()} rows to train and {test.sum()} to test "
                    "after groups were kept apart: take fewer folds, or more groups"
                )
            yield np.flatnonzero(train), np.flatnonzero(test)

    def _members(self, groups: npt.ArrayLike, rows: int) -> tuple[Ints, Ints]:
        """Number of each row's group, and the fold in which that group is tested if it could also be trained on."""
        names = np.asarray(groups)
        if names.shape != (rows,):
            raise ValueError(f"groups must have shape ({rows},), not {names.shape}")
        distinct, places = np.unique(names.astype(str), return_inverse=True)
        folds = np.array([zlib.crc32(name.encode()) % self.n_splits for name in distinct.tolist()], dtype=np.int64)
        return places, folds[places]
