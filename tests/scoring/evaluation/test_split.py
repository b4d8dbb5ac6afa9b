"""The law of the purged split, by looking at every pair of rows."""

from datetime import date, timedelta

import numpy as np
import pytest
import sklearn
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.dummy import DummyClassifier
from sklearn.model_selection import cross_val_score

from scoring.evaluation.split import PurgedSnapshotSplit


def assert_purged(folds, cutoffs, horizon, embargo, groups=None):
    for train, test in folds:
        assert len(train)
        assert len(test)
        for i in train:
            for j in test:
                assert cutoffs[i] + horizon + embargo <= cutoffs[j]
                assert i != j
                assert groups is None or groups[i] != groups[j]


@settings(max_examples=150, deadline=None)
@given(
    st.lists(st.integers(0, 30), min_size=5, max_size=40),
    st.integers(0, 6),
    st.integers(1, 4),
    st.integers(0, 3),
    st.one_of(st.none(), st.integers(2, 50)),
)
def test_no_pair_of_rows_breaks_the_purge(cutoffs, horizon, n_splits, embargo, names):
    groups = None if names is None else [f"account {(i * 7919) % names}" for i in range(len(cutoffs))]
    splitter = PurgedSnapshotSplit(horizon, n_splits, embargo)
    try:
        folds = list(splitter.split(cutoffs, groups=groups, cutoffs=cutoffs))
    except ValueError as error:
        assert "too few" in str(error) or "has" in str(error)  # noqa: PT017
        return
    assert len(folds) == n_splits
    assert_purged(folds, cutoffs, horizon, embargo, groups)
    tested = np.concatenate([test for _, test in folds])
    assert len(np.unique(tested)) == len(tested)
    assert max(cutoffs) in [cutoffs[i] for i in folds[-1][1]] or groups is not None


def test_dates_with_a_horizon_in_days():
    weeks = [date(2024, 1, 1) + timedelta(weeks=i // 3) for i in range(60)]
    folds = list(PurgedSnapshotSplit(30, n_splits=3, embargo=2).split(weeks, cutoffs=weeks))
    assert_purged(folds, weeks, timedelta(days=30), timedelta(days=2))
    same = PurgedSnapshotSplit(timedelta(days=30), 3, timedelta(days=2)).split(weeks, cutoffs=np.array(weeks, "M8[ms]"))
    for (train, test), (other, later) in zip(folds, same, strict=True):
        assert (train == other).all()
        assert (test == later).all()
    # Of 20 weeks a block has 20 // 4 = 5; 32 days before week 15 ends the training with week 10.
    assert [weeks[i] for i in folds[-1][1]] == weeks[45:]
    assert [weeks[i] for i in folds[-1][0]] == weeks[:33]


def test_a_panel_of_the_same_accounts_keeps_most_of_its_rows():
    months = np.repeat(np.arange(12), 200)
    accounts = np.tile(np.arange(200), 12)
    folds = list(PurgedSnapshotSplit(2, n_splits=4).split(months, groups=accounts, cutoffs=months))
    assert_purged([(train[::17], test[::5]) for train, test in folds], months, 2, 0, accounts)
    for train, test in folds:
        assert len(np.unique(accounts[train])) > 120
        assert 25 < len(np.unique(accounts[test])) < 80
    # Every account is tested in exactly one fold, and in the same one when others are added.
    assert len({account for _, test in folds for account in accounts[test]}) == 200
    few = accounts < 100
    again = list(PurgedSnapshotSplit(2, n_splits=4).split(months[few], groups=accounts[few], cutoffs=months[few]))
    for (_, test), (_, other) in zip(folds, again, strict=True):
        assert set(accounts[few][other]) == {account for account in accounts[test] if account < 100}


def test_works_in_cross_validation_with_metadata_routing():
    months = np.repeat(np.arange(8), 10)
    y = np.tile([0, 1], 40)
    with sklearn.config_context(enable_metadata_routing=True):
        scores = cross_val_score(
            DummyClassifier(), months[:, None], y, cv=PurgedSnapshotSplit(1, 3), params={"cutoffs": months}
        )
    assert len(scores) == 3


@pytest.mark.parametrize(
    ("cutoffs", "message"),
    [(None, "cutoffs are needed"), ([1, 1, 1], "too few"), ([1, 2], "X has 3"), ([1, 2, np.nan], "finite")],
)
def test_says_what_is_missing(cutoffs, message):
    with pytest.raises(ValueError, match=message):
        list(PurgedSnapshotSplit(1, 2).split([0, 0, 0], cutoffs=cutoffs))
