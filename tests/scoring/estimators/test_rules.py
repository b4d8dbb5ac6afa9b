"""Platt's rule and the shift of an intercept, worked out by hand."""

import math

import numpy as np
import polars as pl
import pytest
from scipy.special import expit, logit
from sklearn.base import clone
from sklearn.exceptions import NotFittedError

from scoring.estimators.rules import InterceptShift, PlattRule, intercept_shift


def test_two_scores_by_hand():
    # Score 20: 2 of 10 positive; score 80: 6 of 10. Targets are 9/10 for the 8 positives and 1/14 for the 12 others, so
    # the mean target is (2 × .9 + 8 / 14) / 10 at 20 and (6 × .9 + 4 / 14) / 10 at 80, and two parameters meet both.
    scores = np.repeat([20.0, 80.0], 10)[:, None]
    y = [1] * 2 + [0] * 8 + [1] * 6 + [0] * 4
    rule = PlattRule().fit(scores, y)
    low, high = (1.8 + 8 / 14) / 10, (5.4 + 4 / 14) / 10
    assert rule.predict_proba([[20.0], [80.0]])[:, 1] == pytest.approx([low, high], abs=1e-9)
    slope = (math.log(high / (1 - high)) - math.log(low / (1 - low))) / 60
    assert rule.slope_ == pytest.approx(slope, rel=1e-9)


def test_a_reversed_rule_gives_the_base_rate_to_all():
    scores = np.repeat([20.0, 80.0], 10)[:, None]
    y = [1] * 8 + [0] * 2 + [1] * 2 + [0] * 8
    rule = PlattRule().fit(scores, y)
    assert rule.slope_ == 0.0
    # 10 positives of 20: targets 11/12 and 1/12, in the mean one half.
    assert rule.predict_proba([[0.0], [100.0]])[:, 1] == pytest.approx([0.5, 0.5])


def test_scores_that_separate_stay_short_of_certainty():
    rule = PlattRule().fit([[0.0]] * 3 + [[100.0]] * 3, [0] * 3 + [1] * 3)
    assert rule.predict_proba([[0.0], [100.0]])[:, 1] == pytest.approx([1 / 5, 4 / 5], abs=1e-6)


def test_a_weight_of_two_is_a_row_twice():
    rng = np.random.default_rng(0)
    x, w = rng.uniform(0, 100, (60, 1)), rng.integers(1, 4, 60)
    y = (rng.random(60) < x[:, 0] / 100).astype(int)
    weighted, repeated = PlattRule().fit(x, y, w), PlattRule().fit(np.repeat(x, w, axis=0), np.repeat(y, w))
    assert weighted.predict_proba(x)[:, 1] == pytest.approx(repeated.predict_proba(x)[:, 1], abs=1e-7)


def test_a_constant_score_and_a_frame():
    frame = pl.DataFrame({"score": [50.0] * 4})
    assert PlattRule().fit(frame, [0, 1, 1, 0]).predict_proba(frame)[:, 1] == pytest.approx([0.5] * 4)


@pytest.mark.parametrize("estimator", [PlattRule(), InterceptShift()])
def test_conventions_where_scikit_learn_checks_no_estimators_of_one_column(estimator):
    x, y = np.linspace(-2, 2, 40), np.array(["no", "yes"] * 20)
    with pytest.raises(NotFittedError):
        clone(estimator).predict(x)
    fitted = clone(estimator).fit(x, y)
    assert fitted.get_params() == estimator.get_params()
    assert fitted.classes_.tolist() == ["no", "yes"]
    assert np.array_equal(fitted.predict_proba(x), fitted.predict_proba(x[:, None]))
    assert set(fitted.predict(x)) <= {"no", "yes"}
    for bad in ([np.nan, 1.0], [np.inf, 1.0]):
        with pytest.raises(ValueError, match=r"NaN|infinity"):
            clone(estimator).fit(bad, ["no", "yes"])
    with pytest.raises(ValueError, match="Only binary"):
        clone(estimator).fit([1.0, 2.0, 3.0], ["a", "b", "c"])


def test_one_column_and_two_classes_are_needed():
    with pytest.raises(ValueError, match="one column"):
        PlattRule().fit([[1.0, 2.0], [2.0, 3.0]], [0, 1])
    with pytest.raises(ValueError, match="one class alone"):
        PlattRule().fit([[1.0], [2.0]], [1, 1])


def test_shift_of_equal_log_odds_by_hand():
    # Four outcomes of which three are positive: the rate is 3.5 / 5.
    shift = InterceptShift().fit(np.full((4, 1), -1.0), [1, 1, 1, 0])
    assert shift.shift_ == pytest.approx(math.log(0.7 / 0.3) + 1.0, abs=1e-9)
    assert shift.predict_proba([[-1.0]])[0, 1] == pytest.approx(0.7)


def test_shift_restores_the_mean_of_a_changed_base_rate():
    rng = np.random.default_rng(1)
    truth = rng.normal(-1, 1, 50_000)
    y = (rng.random(50_000) < expit(truth)).astype(int)
    assert intercept_shift(truth + 0.8, y) == pytest.approx(-0.8, abs=0.03)


def test_outcomes_of_one_kind_give_a_finite_shift():
    shift = intercept_shift(np.array([0.0, 0.0, 0.0]), np.zeros(3))
    assert shift == pytest.approx(logit(0.5 / 4))
