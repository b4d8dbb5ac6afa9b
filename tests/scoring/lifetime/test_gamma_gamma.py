"""Gamma-Gamma against published parameters and its own story told by a simulation."""

from datetime import date

import numpy as np
import polars as pl
import pytest

from scoring.lifetime import GammaGamma
from scoring.lifetime.purchases import purchase_histories
from tests.public_data import data_of


def test_cdnow_gives_the_published_parameters():
    lines = [line.split() for line in (data_of("cdnow") / "CDNOW_sample.txt").read_text().splitlines()]
    days = [date(int(line[2][:4]), int(line[2][4:6]), int(line[2][6:])) for line in lines]
    amounts = [float(line[4]) for line in lines]
    purchases = pl.DataFrame({"customer_id": [line[1] for line in lines], "purchase_date": days, "amount": amounts})
    model = GammaGamma().fit(purchase_histories(purchases, date(1997, 9, 30)))
    assert [model.p_, model.q_, model.v_] == pytest.approx([6.25, 3.74, 15.45], rel=0.01)
    assert model.correlation_ == pytest.approx(0.11, abs=0.01)


def customers(count=20_000, p=5.0, q=4.0, v=30.0, seed=1):
    rng = np.random.default_rng(seed)
    scale = rng.gamma(q, 1 / v, count)
    x = rng.integers(1, 8, count)
    mean = rng.gamma(p * x) / scale / x
    return x, mean, p / scale


def test_fit_finds_the_parameters_of_simulated_customers():
    x, mean, _ = customers()
    model = GammaGamma().fit(np.column_stack([x, mean]))
    assert [model.p_, model.q_, model.v_] == pytest.approx([5.0, 4.0, 30.0], rel=0.05)


def test_predictions_are_the_true_means_on_average_within_what_was_seen():
    x, mean, true = customers()
    model = GammaGamma().fit(np.column_stack([x, mean]))
    predicted = model.predict(np.column_stack([x, mean]))
    for low, high in ((0, 30), (30, 60), (60, 1e9)):
        kept = (mean >= low) & (mean < high)
        noise = (true[kept] - predicted[kept]).std() / np.sqrt(kept.sum())
        assert predicted[kept].mean() == pytest.approx(true[kept].mean(), abs=4 * noise + 0.005 * true[kept].mean())
    assert np.abs(predicted - true).mean() < np.abs(mean - true).mean()


def test_no_history_gives_the_mean_of_all_and_a_long_one_its_own():
    model = GammaGamma()
    model.p_, model.q_, model.v_ = 6.0, 4.0, 15.0
    one, none = model.predict(np.array([[100_000, 77.0], [0, np.nan]]))
    assert one == pytest.approx(77.0, rel=1e-3)
    assert none == pytest.approx(6.0 * 15.0 / 3.0)


def test_the_unit_of_money_does_not_matter():
    x, mean, _ = customers(2_000)
    cents, euros = (GammaGamma().fit(np.column_stack([x, mean * unit])) for unit in (100, 1))
    assert cents.v_ == pytest.approx(100 * euros.v_, rel=1e-3)
    assert cents.p_ == pytest.approx(euros.p_, rel=1e-3)


@pytest.mark.parametrize(
    "rows", [[[0, 1.0], [0, 2.0]], [[1, 0.0], [2, 5.0]], [[1, np.nan], [2, 5.0]], [[-1, 2.0], [2, 5.0]]]
)
def test_what_has_no_value_is_refused(rows):
    with pytest.raises(ValueError, match="GammaGamma needs"):
        GammaGamma().fit(np.array(rows))
