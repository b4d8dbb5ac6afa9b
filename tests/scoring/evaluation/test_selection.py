"""The selector in worlds where the right choice is known."""

import numpy as np
import pandas as pd
import polars as pl
import pytest
from scipy.special import expit
from sklearn.base import BaseEstimator, ClassifierMixin, clone
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.linear_model import LogisticRegression

from scoring.evaluation.metrics import calibration_slope, oe_ratio
from scoring.evaluation.selection import ScoreSelector, backtest
from scoring.evaluation.split import PurgedSnapshotSplit


class OnFeature(ClassifierMixin, BaseEstimator):
    """A calibrated rule that looks at one feature."""

    def __init__(self, feature=0):
        self.feature = feature

    def fit(self, X, y):
        self.classes_ = np.unique(y)
        self.model_ = LogisticRegression().fit(np.asarray(X)[:, [self.feature]], y)
        return self

    def predict_proba(self, X):
        return self.model_.predict_proba(np.asarray(X)[:, [self.feature]])


class Overconfident(OnFeature):
    """The same with twice the slope."""

    def predict_proba(self, X):
        p = expit(2 * self.model_.decision_function(np.asarray(X)[:, [self.feature]]))
        return np.column_stack([1 - p, p])


def world(shape, count=3000, seed=0):
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(count, 3))
    y = (rng.random(count) < expit(shape(X))).astype(int)
    return X, y, np.sort(rng.integers(0, 12, count))


RULE = ("rule", OnFeature(0))
SPLINE = ("spline", LogisticRegression())
TREES = ("additive", HistGradientBoostingClassifier(max_iter=40, max_leaf_nodes=4, min_samples_leaf=30))
CV = PurgedSnapshotSplit(horizon=1, n_splits=4)


def select(shape, candidates=(RULE, SPLINE, TREES), **options):
    count = options.pop("count", 3000)
    X, y, cutoffs = world(shape, count)
    return ScoreSelector(list(candidates), cv=CV, **options).fit(X, y, cutoffs=cutoffs)


def test_the_simplest_that_is_as_good_as_the_best_is_chosen():
    assert select(lambda X: -0.5 + 1.2 * X[:, 0]).chosen_ == "rule"
    assert select(lambda X: -0.5 + 0.8 * X[:, 0] + 1.2 * X[:, 1]).chosen_ == "spline"
    chosen = select(lambda X: 2 * (np.abs(X[:, 1]) > 1) - 1.5)
    assert chosen.chosen_ == "additive"
    assert chosen.summary_["candidate"].to_list() == ["base", "rule", "spline", "additive"]
    assert chosen.periods_.height == 16
    assert chosen.calibration_ is None
    assert [verdict.gate for verdict in chosen.verdicts_] == ["data", "skill"]


def test_shuffled_labels_give_the_base_rate_and_the_reason():
    X, y, cutoffs = world(lambda X: -0.5 + 1.2 * X[:, 0])
    for seed in range(3):
        shuffled = np.random.default_rng(seed).permutation(y)
        selector = ScoreSelector([RULE, SPLINE, TREES], cv=CV).fit(X, shuffled, cutoffs=cutoffs)
        assert selector.chosen_ == "base"
        assert "No usable signal" in selector.reason_
        assert selector.predict_proba(X)[:, 1] == pytest.approx(np.full(len(X), y.mean()), abs=0.001)


def test_data_gates_decide_which_candidates_are_tried():
    def shape(X):
        return -0.5 + 1.5 * X[:, 0]

    few = select(shape, count=40)
    assert (few.chosen_, few.estimator_) == ("base", None)
    assert "below 25" in few.reason_
    some = select(shape, count=150)
    assert some.periods_["candidate"].unique(maintain_order=True).to_list() == ["base", "rule"]
    assert some.chosen_ == "rule"
    assert "spline would need 65" in some.reason_
    custom = ScoreSelector([("mine", OnFeature(0))], cv=CV, needs={"mine": 500})
    X, y, cutoffs = world(shape, 600)
    assert "500" in custom.fit(X, y, cutoffs=cutoffs).reason_


def test_a_model_that_is_not_surely_better_than_the_rule_falls_back_to_it():
    selector = select(lambda X: -0.5 + 1.0 * X[:, 0] + 0.1 * X[:, 1], count=2000)
    assert selector.summary_.sort("log_loss")["candidate"][0] == "spline"
    assert [(verdict.gate, verdict.passed) for verdict in selector.verdicts_] == [
        ("data", True),
        ("skill", False),
        ("skill", True),
    ]
    assert selector.chosen_ == "rule"
    assert "spline: No sure gain over the rule" in selector.reason_


def test_too_few_periods_are_said():
    X, y, cutoffs = world(lambda X: X[:, 0])
    selector = ScoreSelector([RULE], cv=PurgedSnapshotSplit(1, n_splits=2)).fit(X, y, cutoffs=cutoffs)
    assert (selector.chosen_, "Only 2 later periods" in selector.reason_) == ("base", True)


def test_over_confidence_is_repaired_where_that_helps_later():
    selector = select(lambda X: -0.5 + X[:, 0], [("rule", Overconfident(0))])
    X, y, _ = world(lambda X: -0.5 + X[:, 0], seed=7)
    p = selector.predict_proba(X)[:, 1]
    raw = selector.estimator_.predict_proba(X)[:, 1]
    assert selector.chosen_ == "rule"
    assert calibration_slope(y, raw) < 0.6
    assert calibration_slope(y, p) == pytest.approx(1, abs=0.15)
    assert 0.9 < oe_ratio(y, p).value < 1.1
    assert (np.argsort(p) == np.argsort(raw)).all()
    assert "a sigmoid fitted on earlier periods lowered the log loss" in selector.reason_


@pytest.mark.slow
def test_groups_stand_on_one_side_and_snapshots_do_not_count_twice():
    rng = np.random.default_rng(0)
    deal_x = rng.normal(size=(60, 3))
    deal_y = (rng.random(60) < expit(0.9 * deal_x[:, 0])).astype(int)
    deal = np.tile(np.arange(60), 12)
    X, y, cutoffs = deal_x[deal], deal_y[deal], np.repeat(np.arange(12), 60)
    # Without groups a tree remembers the deals that it is tested on.
    memory = ("memory", HistGradientBoostingClassifier(min_samples_leaf=5))
    fooled = ScoreSelector([memory], cv=CV).fit(X, y, cutoffs=cutoffs)
    honest = ScoreSelector([memory], cv=CV).fit(X, y, cutoffs=cutoffs, groups=deal)
    assert (fooled.chosen_, honest.chosen_) == ("memory", "base")


@pytest.mark.parametrize("kind", [pl.DataFrame, pd.DataFrame])
def test_frames_and_named_classes(kind):
    X, y, cutoffs = world(lambda X: -0.5 + 1.2 * X[:, 0])
    frame = kind({name: X[:, i] for i, name in enumerate("abc")})
    words = np.where(y == 1, "won", "lost")
    selector = clone(ScoreSelector([RULE, SPLINE], cv=CV)).fit(frame, words, cutoffs=cutoffs)
    assert selector.classes_.tolist() == ["lost", "won"]
    assert set(selector.predict(frame)) == {"lost", "won"}
    arrays = ScoreSelector([RULE, SPLINE], cv=CV).fit(X, y, cutoffs=cutoffs)
    assert selector.predict_proba(frame) == pytest.approx(arrays.predict_proba(X))
    with pytest.raises(ValueError, match="2 features"):
        arrays.predict_proba(X[:, :2])


def test_what_cannot_be_chosen_from_is_refused():
    X, y, cutoffs = world(lambda X: X[:, 0], 100)
    for selector, target, message in (
        (ScoreSelector([RULE]), y, "cv is needed"),
        (ScoreSelector([RULE, RULE], cv=CV), y, "different names"),
        (ScoreSelector([("base", OnFeature())], cv=CV), y, "different names"),
        (ScoreSelector([RULE], cv=CV), y * 0, "two classes"),
    ):
        with pytest.raises(ValueError, match=message):
            selector.fit(X, target, cutoffs=cutoffs)


def test_backtest_fits_on_the_past_alone():
    X, y, cutoffs = world(lambda X: -0.5 + X[:, 0])
    result = backtest(OnFeature(0), X, y, cv=CV, cutoffs=cutoffs)
    train, test = list(CV.split(X, cutoffs=cutoffs))[2]
    expected = OnFeature(0).fit(X[train], y[train]).predict_proba(X[test])[:, 1]
    assert result.p[result.period == 3] == pytest.approx(expected)
    assert (result.rows[result.period == 3] == test).all()
    assert result.periods["row_count"].to_list() == [int((result.period == k).sum()) for k in (1, 2, 3, 4)]
    poisoned = X.copy()
    poisoned[cutoffs == 11] = 1e6
    again = backtest(OnFeature(0), poisoned, y, cv=CV, cutoffs=cutoffs)
    before = cutoffs[result.rows] < 10
    assert (again.p[before] == result.p[before]).all()
    assert backtest(None, X, y, cv=CV, cutoffs=cutoffs).periods["skill"].to_list() == pytest.approx([0] * 4)
