"""sBG against the table and the parameters of Fader and Hardie (2007), and against a cohort that renews by dice."""

import numpy as np
import pytest
from sklearn.base import clone

from scoring.lifetime import ShiftedBetaGeometric

# Customers left of 1,000 after each year; the first eight numbers were fitted on, the last five held out.
HIGH_END = [1000, 869, 743, 653, 593, 551, 517, 491, 468, 445, 427, 409, 394]
REGULAR = [1000, 631, 468, 382, 326, 289, 262, 241, 223, 207, 194, 183, 173]


@pytest.mark.parametrize(
    ("survivors", "published", "error"), [(HIGH_END, (0.668, 3.806), 0.012), (REGULAR, (0.704, 1.182), 0.003)]
)
def test_published_cohorts_give_the_published_parameters(survivors, published, error):
    model = ShiftedBetaGeometric().fit_survivors(survivors[:8])
    assert (model.alpha_, model.beta_) == pytest.approx(published, rel=0.002)
    held_out = np.array(survivors[8:]) / 1000
    assert np.abs(model.predict_survival(range(8, 13)) - held_out).mean() == pytest.approx(error, abs=0.001)


def test_rows_of_customers_give_what_their_counts_give():
    counted = ShiftedBetaGeometric().fit_survivors([10, 6, 5, 3])
    faced, left = [1, 1, 1, 1, 2, 3, 3, 3, 3, 3], [1, 1, 1, 1, 1, 1, 1, 0, 0, 0]
    by_row = ShiftedBetaGeometric().fit(faced, left)
    assert (by_row.alpha_, by_row.beta_) == pytest.approx((counted.alpha_, counted.beta_), rel=1e-5)
    # Somebody who has not yet faced a renewal says nothing.
    silent = ShiftedBetaGeometric().fit([*faced, 0], [*left, 0])
    assert silent.alpha_ == pytest.approx(by_row.alpha_, rel=1e-5)


def test_survival_is_that_of_customers_who_throw_dice():
    model = ShiftedBetaGeometric()
    model.alpha_, model.beta_ = 1.3, 2.7
    rng = np.random.default_rng(2)
    leaves = rng.beta(1.3, 2.7, 200_000)
    lifetime = rng.geometric(leaves)
    assert model.predict_survival([0, 1, 2, 5, 10]) == pytest.approx(
        [(lifetime > t).mean() for t in (0, 1, 2, 5, 10)], abs=0.004
    )
    old = lifetime[lifetime > 3]
    assert model.predict_survival([1, 4], tenure=3) == pytest.approx([(old > 4).mean(), (old > 7).mean()], abs=0.006)
    assert model.predict_retention(3) == pytest.approx((old > 4).mean(), abs=0.004)
    renewals = np.minimum(old - 1 - 3, 6)
    assert model.expected_renewals(3, horizon=6) == pytest.approx(renewals.mean(), abs=0.03)


def test_expected_renewals_by_hand():
    model = ShiftedBetaGeometric()
    model.alpha_, model.beta_ = 1.0, 1.0
    # With α = β = 1 the survival is 1 / (t + 1): 1/2 + 1/3, and at 100 % discount 1/4 + 1/12.
    assert model.expected_renewals(0, 2) == pytest.approx(5 / 6)
    assert model.expected_renewals(0, 2, discount=1.0) == pytest.approx(1 / 3)
    assert model.expected_renewals([0, 1, 0], 2) == pytest.approx([5 / 6, 2 / 3 + 1 / 2, 5 / 6])
    assert model.predict_survival([1, 2], tenure=[0, 1]).shape == (2, 2)


def test_clones_and_refuses():
    assert clone(ShiftedBetaGeometric()).get_params() == {}
    with pytest.raises(ValueError, match="do not rise"):
        ShiftedBetaGeometric().fit_survivors([10, 11])
    with pytest.raises(ValueError, match="whole numbers"):
        ShiftedBetaGeometric().fit([0, 2], [1, 0])
    with pytest.raises(ValueError, match="customers who left"):
        ShiftedBetaGeometric().fit([2, 2], [0, 0])
