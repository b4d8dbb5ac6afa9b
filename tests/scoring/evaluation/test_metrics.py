"""Metrics by hand, against scikit-learn, statsmodels and resampling, and by laws."""

import numpy as np
import pytest
import statsmodels.api as sm
from scipy.special import expit, logit
from sklearn.metrics import log_loss, roc_auc_score

from scoring.evaluation import metrics


def calibrated(count=4000, seed=0):
    rng = np.random.default_rng(seed)
    p = expit(rng.normal(-1, 1.2, count))
    return (rng.random(count) < p).astype(int), p


def test_losses_are_those_of_scikit_learn():
    y, p = calibrated()
    assert metrics.losses(y, p).mean() == pytest.approx(log_loss(y, p))
    assert np.isfinite(metrics.losses([1, 0], [0.0, 1.0])).all()


def test_ece_by_hand():
    y, p = [0, 1, 0, 1, 1, 1], [0.2, 0.2, 0.2, 0.9, 0.9, 0.9]
    # Two bins of three: |1/3 − 0.2| and |1 − 0.9|, half each.
    assert metrics.ece(y, p, bins=2) == pytest.approx((2 / 15 + 0.1) / 2)
    assert metrics.ece([0, 1], 0.5, bins=10) == 0


def test_ece_of_perfect_probabilities_is_its_floor_on_average():
    results = [metrics.ece(*calibrated(1500, seed), return_floor=True) for seed in range(60)]
    errors, floors = np.array(results).T
    assert errors.mean() == pytest.approx(floors.mean(), rel=0.06)
    y, p = calibrated()
    error, floor = metrics.ece(y, np.sqrt(p), return_floor=True)
    assert error > 5 * floor


def test_observed_over_expected_by_hand():
    ratio = metrics.oe_ratio([1, 0, 0, 0], [0.1, 0.1, 0.2, 0.1], level=0.95)
    assert ratio.value == pytest.approx(2.0)
    # Wilson's interval of 1 in 4 at 95 % is 0.0456 to 0.6994; the expected rate is 0.125.
    assert (ratio.low, ratio.high) == pytest.approx((0.0456 / 0.125, 0.6994 / 0.125), rel=2e-3)


def test_intervals_cover_as_often_as_they_say():
    hits = [0, 0, 0]
    for seed in range(300):
        y, p = calibrated(800, seed)
        ratio = metrics.oe_ratio(y, p)
        hits[0] += ratio.low <= 1 <= ratio.high
        area = metrics.auc_interval(y, p)
        hits[1] += area.low <= 0.7747 <= area.high
        skill = metrics.log_loss_skill(y, p, 0.31378)
        hits[2] += skill.low <= 0.1752 <= skill.high
    # 0.7747 and 0.1752 are the values in 4 million rows; binomial noise of 300 trials is 0.017.
    assert hits[0] / 300 >= 0.88
    assert all(0.85 <= hit / 300 <= 0.95 for hit in hits[1:])


def test_calibration_line_is_that_of_statsmodels():
    y, p = calibrated()
    skewed = expit(0.4 + 1.7 * logit(p))
    fit = sm.Logit(y, sm.add_constant(logit(skewed))).fit(disp=0).params
    assert metrics.calibration_line(y, skewed) == pytest.approx(tuple(fit), abs=1e-6)
    assert metrics.calibration_slope(y, skewed) == pytest.approx(1 / 1.7, abs=0.05)


def test_calibration_slope_of_a_reversed_ranking_is_negative_and_of_a_constant_not_known():
    y, p = calibrated()
    assert metrics.calibration_slope(y, 1 - p) < 0
    assert np.isnan(metrics.calibration_slope(y, 0.3))
    assert np.isnan(metrics.calibration_slope(np.ones(10), np.linspace(0.1, 0.9, 10)))
    assert metrics.calibration_slope([0, 0, 1, 1], [0.1, 0.2, 0.8, 0.9]) > 5


def test_psi_by_hand():
    old, new = ["a"] * 50 + ["b"] * 50, ["a"] * 25 + ["b"] * 75
    assert metrics.psi(old, new) == pytest.approx(-0.25 * np.log(0.5) + 0.25 * np.log(1.5))


def test_psi_is_0_of_the_same_and_positive_of_others():
    rng = np.random.default_rng(0)
    x = rng.normal(size=1000)
    x[:50] = np.nan
    assert metrics.psi(x, x) == 0
    assert metrics.psi(x, rng.permutation(x)) == pytest.approx(0, abs=1e-12)
    assert metrics.psi(x, x + 1) > 0.25
    gone = x.copy()
    gone[:300] = np.nan
    assert metrics.psi(x, gone) > 0.1
    assert metrics.psi(["a", None, "b"], ["a", "new", "new"]) > 1
    with pytest.raises(ValueError, match="both"):
        metrics.psi([1.0, 2.0], ["a", "b"])


def test_lift_of_a_perfect_ranking_and_of_none():
    y = np.array([1] * 5 + [0] * 95)
    assert metrics.lift_at(y, y) == pytest.approx(10)
    assert metrics.lift_at(y, y, share=0.05) == pytest.approx(20)
    assert metrics.lift_at(y, np.full(100, 0.3)) == pytest.approx(1)
    assert metrics.lift_at(y, 1.0 - y) == 0
    assert metrics.lift_at(y, y, share=1) == 1
    assert np.isnan(metrics.lift_at([0, 0], [0.1, 0.2]))


def test_the_order_of_rows_changes_nothing():
    y, p = calibrated(500)
    coarse = np.round(p, 1)
    order = np.random.default_rng(1).permutation(500)
    assert metrics.lift_at(y, coarse) == pytest.approx(metrics.lift_at(y[order], coarse[order]))
    assert metrics.decile_table(y, coarse).equals(metrics.decile_table(y[order], coarse[order]))
    assert metrics.ece(y, coarse) == pytest.approx(metrics.ece(y[order], coarse[order]))


def test_skill_is_0_of_the_base_and_its_interval_is_that_of_resampling():
    y, p = calibrated(1500)
    assert metrics.log_loss_skill(y, np.full(y.size, 0.3), 0.3) == pytest.approx((0, 0, 0))
    skill = metrics.log_loss_skill(y, p, 0.3)
    rng = np.random.default_rng(0)
    rows = rng.integers(0, y.size, (1500, y.size))
    own, base = -np.log(np.where(y, p, 1 - p)), -np.log(np.where(y, 0.3, 0.7))
    draws = 1 - own[rows].mean(axis=1) / base[rows].mean(axis=1)
    assert (skill.low, skill.high) == pytest.approx(np.quantile(draws, [0.05, 0.95]), abs=0.006)
    assert skill.value == pytest.approx(1 - log_loss(y, p) / log_loss(y, np.full(y.size, 0.3)))


def test_snapshots_of_one_deal_do_not_count_as_many():
    y, p = calibrated(600)
    once = metrics.log_loss_skill(y, p, 0.3)
    copies = metrics.log_loss_skill(np.repeat(y, 9), np.repeat(p, 9), 0.3, groups=np.repeat(np.arange(600), 9))
    naive = metrics.log_loss_skill(np.repeat(y, 9), np.repeat(p, 9), 0.3)
    assert (copies.low, copies.high) == pytest.approx((once.low, once.high), abs=1e-9)
    assert naive.high - naive.low == pytest.approx((once.high - once.low) / 3, rel=0.01)


def test_auc_is_that_of_scikit_learn_and_its_interval_that_of_resampling():
    y, p = calibrated(900)
    coarse = np.round(p, 1)
    area = metrics.auc_interval(y, coarse)
    assert area.value == pytest.approx(roc_auc_score(y, coarse))
    rng = np.random.default_rng(0)
    rows = [rng.integers(0, 900, 900) for _ in range(600)]
    draws = [roc_auc_score(y[row], coarse[row]) for row in rows]
    assert (area.low, area.high) == pytest.approx(np.quantile(draws, [0.05, 0.95]), abs=0.006)
    assert np.isnan(metrics.auc_interval([1, 1], [0.1, 0.2]).value)


def test_tables_add_up():
    y, p = calibrated(1003)
    table = metrics.reliability_table(y, p)
    assert table["row_count"].sum() == 1003
    assert table["positive_count"].sum() == y.sum()
    assert table["predicted_rate"].is_sorted()
    assert (table["observed_rate_low"] <= table["observed_rate"]).all()
    deciles = metrics.decile_table(y, p)
    assert deciles["positive_count"].sum() == pytest.approx(y.sum())
    assert deciles["captured_rate"][-1] == pytest.approx(1)
    assert deciles["lift"][0] == pytest.approx(metrics.lift_at(y, p, 101 / 1003))


@pytest.mark.parametrize(
    ("y", "p", "message"),
    [
        ([0, 1, 2], [0.1] * 3, "0 and 1"),
        ([0, 1], [0.1, 1.2], "between 0 and 1"),
        ([0, 1], [0.1, np.nan], "without missing"),
        ([0, 1], [0.1], "shape"),
        ([], [], "empty"),
        ([0, None], [0.1, 0.2], "0 and 1"),
    ],
)
def test_what_is_no_label_or_probability_is_refused(y, p, message):
    for metric in (metrics.ece, metrics.oe_ratio, metrics.calibration_slope, metrics.lift_at, metrics.log_loss_skill):
        with pytest.raises(ValueError, match=message):
            metric(y, p)
