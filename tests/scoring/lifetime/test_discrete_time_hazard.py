"""The discrete hazard against a life table, a two-group cohort by hand, and an independent maximum likelihood."""

import numpy as np
import polars as pl
import pytest
from lifelines import KaplanMeierFitter
from scipy.optimize import minimize
from sklearn.preprocessing import OneHotEncoder

from scoring.lifetime import DiscreteTimeHazard


def cohort(count=3000, seed=0, effect=0.9, longest=8):
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(count, 2))
    hazard = 1 / (1 + np.exp(2.0 - effect * x[:, 0]))
    lifetime = rng.geometric(hazard)
    seen = rng.integers(1, longest + 1, count)
    return x, np.column_stack([np.minimum(lifetime, seen), lifetime <= seen]), hazard


def test_without_features_it_is_the_kaplan_meier_estimate():
    _, y, _ = cohort()
    model = DiscreteTimeHazard(C=1e8).fit(np.zeros((len(y), 1)), y)
    known = KaplanMeierFitter().fit(y[:, 0], y[:, 1]).survival_function_at_times(range(9)).to_numpy()
    assert model.predict_survival(np.zeros((1, 1)), range(9))[0] == pytest.approx(known, abs=1e-4)


def test_hazards_of_two_groups_by_hand():
    # Odds of ending are 1 and 1 in group a, 1/3 and 1/3 in b: of 8 in a 4 end at once and 2 of the rest in period 2,
    # of 16 in b 4 end at once and 3 of the rest.
    rows = [("a", 1, 1)] * 4 + [("a", 2, 1)] * 2 + [("a", 2, 0)] * 2
    rows += [("b", 1, 1)] * 4 + [("b", 2, 1)] * 3 + [("b", 2, 0)] * 9
    frame = pl.DataFrame({"group": [row[0] for row in rows]})
    y = np.array([row[1:] for row in rows], dtype=float)
    model = DiscreteTimeHazard(encoder=OneHotEncoder(sparse_output=False), C=1e8).fit(frame, y)
    assert model.predict_hazard(frame[:1], [1, 2])[0] == pytest.approx([0.5, 0.5], abs=1e-4)
    assert model.predict_survival(frame[:1], [0, 1, 2])[0] == pytest.approx([1, 0.5, 0.25], abs=1e-4)
    assert model.predict_survival(frame[-1:], [0, 1, 2])[0] == pytest.approx([1, 0.75, 0.5625], abs=1e-4)


def test_equals_the_likelihood_of_censored_durations_maximised_directly():
    x, y, _ = cohort(400, longest=4)
    periods, ended = y[:, 0].astype(int), y[:, 1] == 1

    def loss(at):
        total = 0.0
        for row, last, end in zip(x, periods, ended, strict=True):
            hazard = 1 / (1 + np.exp(-(at[:4][:last] + row @ at[4:])))
            total -= np.log1p(-hazard[:-1]).sum() + (np.log(hazard[-1]) if end else np.log1p(-hazard[-1]))
        return total

    best = minimize(loss, np.concatenate([np.full(4, -2.0), np.zeros(2)]), method="BFGS").x
    model = DiscreteTimeHazard(C=1e8).fit(x, y)
    mine = model.predict_hazard(x[:5], range(1, 5))
    direct = 1 / (1 + np.exp(-(best[:4] + (x[:5] @ best[4:])[:, None])))
    assert mine == pytest.approx(direct, abs=2e-3)


def test_finds_the_true_hazard_and_orders_customers():
    x, y, hazard = cohort(20_000)
    survival = DiscreteTimeHazard().fit(x, y).predict_survival(x, [1, 4])
    assert np.abs(survival[:, 0] - (1 - hazard)).mean() < 0.01
    assert np.abs(survival[:, 1] - (1 - hazard) ** 4).mean() < 0.02


def test_tenure_conditions_on_having_come_so_far():
    x, y, _ = cohort(2000)
    model = DiscreteTimeHazard().fit(x, y)
    whole = model.predict_survival(x[:3], range(7))
    later = model.predict_survival(x[:3], [1, 4], tenure=[0, 2, 1])
    for row, start in enumerate((0, 2, 1)):
        expected = [whole[row, start + 1] / whole[row, start], whole[row, start + 4] / whole[row, start]]
        assert later[row] == pytest.approx(expected)


def test_periods_that_nobody_saw_share_the_last_hazard():
    x, y, _ = cohort(2000)
    hazards = DiscreteTimeHazard(max_periods=3).fit(x, y).predict_hazard(x[:2], [3, 4, 60])
    assert (hazards == hazards[:, :1]).all()


@pytest.mark.parametrize(
    ("y", "message"), [([[0, 1], [2, 0]], "from 1"), ([[1, 1], [1, 1]], "did not"), ([[2, 0], [3, 0]], "that ended")]
)
def test_durations_that_say_nothing_are_refused(y, message):
    with pytest.raises(ValueError, match=message):
        DiscreteTimeHazard().fit(np.zeros((2, 1)), y)
