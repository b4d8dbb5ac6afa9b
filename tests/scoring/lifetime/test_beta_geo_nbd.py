"""BG/NBD against what its authors published, and against sums and simulations that know nothing of its formulas."""

from datetime import date

import numpy as np
import polars as pl
import pytest
from scipy.integrate import quad
from scipy.stats import beta as beta_law
from sklearn.base import clone

from scoring.lifetime import BetaGeoNBD
from scoring.lifetime.purchases import purchase_histories
from tests.public_data import data_of

CALIBRATION_END = date(1997, 9, 30)


@pytest.fixture(scope="module")
def purchases():
    lines = [line.split() for line in (data_of("cdnow") / "CDNOW_sample.txt").read_text().splitlines()]
    days = [date(int(line[2][:4]), int(line[2][4:6]), int(line[2][6:])) for line in lines]
    return pl.DataFrame(
        {
            "customer_id": [line[1] for line in lines],
            "purchase_date": days,
            "amount": [float(line[4]) for line in lines],
        }
    )


@pytest.fixture(scope="module")
def histories(purchases):
    return purchase_histories(purchases, CALIBRATION_END)


def test_cdnow_gives_the_published_parameters(histories):
    model = BetaGeoNBD(modified=False).fit(histories)
    assert [model.r_, model.alpha_, model.a_, model.b_] == pytest.approx([0.243, 4.414, 0.793, 2.426], rel=0.01)
    assert model.log_likelihood_ == pytest.approx(-9582.43, abs=0.01)
    assert model.predict(np.array([[2, 30.43, 38.86]]), 39)[0] == pytest.approx(1.226, abs=0.001)


def test_parameters_do_not_depend_on_the_unit_of_time(purchases, histories):
    weeks = BetaGeoNBD(modified=False).fit(histories)
    days = BetaGeoNBD(modified=False).fit(purchase_histories(purchases, CALIBRATION_END, unit_days=1))
    assert days.alpha_ == pytest.approx(7 * weeks.alpha_, rel=1e-3)
    assert [days.r_, days.a_, days.b_] == pytest.approx([weeks.r_, weeks.a_, weeks.b_], rel=2e-3)


def test_the_modified_model_forecasts_the_39_weeks_after(purchases, histories):
    later = purchases.filter(pl.col("purchase_date") > CALIBRATION_END)
    counts = later.group_by("customer_id").agg(pl.col("purchase_date").n_unique().alias("count"))
    actual = histories.join(counts, on="customer_id", how="left")["count"].fill_null(0).to_numpy()
    expected = BetaGeoNBD(horizon=39).fit(histories).predict(histories)
    assert np.abs(expected - actual).mean() <= 0.77
    assert expected.sum() / actual.sum() == pytest.approx(1 - 0.162, abs=0.005)


def fitted(modified, r=0.6, alpha=5.0, a=1.7, b=2.2):
    model = BetaGeoNBD(modified=modified)
    model.r_, model.alpha_, model.a_, model.b_ = r, alpha, a, b
    return model


def simulated(modified, count, observed, ahead, seed=0):
    """Customers who buy and leave one by one, by the story of the model alone."""
    rng = np.random.default_rng(seed)
    rows = []
    for rate, leaves in zip(rng.gamma(0.6, 1 / 5.0, count), rng.beta(1.7, 2.2, count), strict=True):
        alive, moment, seen, later = not (modified and rng.random() < leaves), 0.0, [], 0
        while alive:
            moment += rng.exponential(1 / rate) if rate > 1e-12 else np.inf
            if moment > observed + ahead:
                break
            if moment <= observed:
                seen.append(moment)
            else:
                later += 1
            alive = rng.random() >= leaves
        rows.append((len(seen), seen[-1] if seen else 0.0, observed, later))
    return np.array(rows)


@pytest.mark.parametrize("modified", [False, True])
def test_expected_purchases_are_those_of_simulated_customers(modified):
    people = simulated(modified, 60_000, 20.0, 15.0)
    expected = fitted(modified).predict(people[:, :3], 15.0)
    for kept in (people[:, 0] == 0, (people[:, 0] > 0) & (people[:, 1] < 10), people[:, 1] >= 10, people[:, 0] >= 4):
        actual = people[kept, 3]
        assert expected[kept].mean() == pytest.approx(actual.mean(), abs=4 * actual.std() / np.sqrt(kept.sum()))
    of_new = fitted(modified).expected_of_new(20.0)
    assert of_new == pytest.approx(people[:, 0].mean(), abs=4 * people[:, 0].std() / np.sqrt(len(people)))


@pytest.mark.parametrize("modified", [False, True])
def test_fit_finds_the_parameters_of_simulated_customers(modified):
    people = simulated(modified, 30_000, 60.0, 0.0, seed=4)
    model = BetaGeoNBD(modified=modified).fit(people[:, :3])
    # The mean and spread of a rate are well determined; single parameters trade against each other.
    assert model.r_ / model.alpha_ == pytest.approx(0.6 / 5.0, rel=0.05)
    assert model.a_ / (model.a_ + model.b_) == pytest.approx(1.7 / 3.9, rel=0.05)


@pytest.mark.parametrize("modified", [False, True])
@pytest.mark.parametrize("a", [0.4, 1.0, 2.5])
@pytest.mark.parametrize(("x", "recency"), [(0, 0.0), (3, 12.0), (900, 39.9)])
def test_expectation_equals_numerical_integration(modified, a, x, recency):
    model = fitted(modified, a=a)
    history, t = np.array([[x, recency, 40.0]]), 10.0
    law = beta_law(a, model.b_ + x + modified)
    shape, rate = model.r_ + x, model.alpha_ + 40.0
    integral, _ = quad(
        lambda p: law.pdf(p) * -np.expm1(shape * np.log(rate / (rate + p * t))) / p,
        0,
        1,
        points=[1e-3, 0.05],
        limit=400,
    )
    assert model.predict(history, t)[0] == pytest.approx(integral * model.predict_alive(history)[0], rel=2e-5)


@pytest.mark.parametrize("modified", [False, True])
def test_no_other_parameters_are_likelier(modified):
    people = simulated(modified, 4000, 60.0, 0.0, seed=2)[:, :3]
    model = BetaGeoNBD(modified=modified).fit(people)
    for name in ("r_", "alpha_", "a_", "b_"):
        for factor in (0.995, 1.005):
            other = fitted(modified, model.r_, model.alpha_, model.a_, model.b_)
            setattr(other, name, getattr(model, name) * factor)
            assert other.log_likelihood(people) < model.log_likelihood_


def test_alive_is_certain_for_one_purchase_in_the_plain_model_only():
    once = np.array([[0, 0.0, 30.0]])
    assert fitted(False).predict_alive(once)[0] == 1
    assert fitted(True).predict_alive(once)[0] < 0.8


def test_nothing_is_expected_in_no_time_and_more_in_more():
    history = np.array([[4, 10.0, 30.0]] * 4)
    expected = fitted(True).predict(history, [0, 1, 10, 100])
    assert expected[0] == 0
    assert (np.diff(expected) > 0).all()


def test_columns_are_found_by_name():
    rows = simulated(True, 500, 30.0, 0.0)
    frame = pl.DataFrame({"T": rows[:, 2], "recency": rows[:, 1], "frequency": rows[:, 0]})
    by_name = BetaGeoNBD().fit(frame)
    assert clone(by_name).fit(rows[:, :3]).r_ == by_name.r_


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ([[1, 5.0, 4.0]], "row 0 is no history"),
        ([[0, 5.0, 9.0]], "row 0 is no history"),
        ([[0.5, 1.0, 9.0]], "row 0 is no history"),
        ([[0, 0.0, 9.0]], "frequency is 0 for all"),
        ([[1, np.nan, 9.0]], "without missing values"),
        ([[1, 2.0]], "in this order"),
    ],
)
def test_impossible_histories_are_refused(rows, message):
    with pytest.raises(ValueError, match=message):
        BetaGeoNBD().fit(np.array(rows))


def test_histories_are_counted_by_days():
    frame = pl.DataFrame(
        {
            "customer_id": ["b", "a", "a", "a", "a", "b"],
            "purchase_date": [date(2024, 1, d) for d in (5, 1, 8, 8, 15, 30)],
            "amount": [7.0, 10.0, 3.0, 4.0, 5.0, 99.0],
        }
    )
    told = purchase_histories(frame, date(2024, 1, 22)).rows()
    # a: two purchases on the 8th are one of 7; the repeats are 7 and 5. b: the one on the 30th has not happened yet.
    assert told == [("a", 2, 2.0, 3.0, 6.0), ("b", 0, 0.0, 17 / 7, None)]


def test_silence_is_the_mean_over_rates_and_ends_of_nothing_bought() -> None:
    """Against 300,000 customers drawn from the model; those with one repeat purchase near week 10 of 20 are asked."""
    model = BetaGeoNBD()
    model.r_, model.alpha_, model.a_, model.b_ = 0.9, 8.0, 0.8, 2.5
    rng = np.random.default_rng(2)
    size, age, ahead = 300_000, 20.0, 10.0
    rate, goes = rng.gamma(0.9, 1 / 8.0, size), rng.beta(0.8, 2.5, size)
    alive, time = rng.random(size) >= goes, np.zeros(size)
    count, recency, heard = np.zeros(size), np.zeros(size), np.zeros(size, dtype=bool)
    for _ in range(200):
        time = time + rng.exponential(1 / rate)
        seen = alive & (time <= age)
        count += seen
        recency = np.where(seen, time, recency)
        heard |= alive & (time > age) & (time <= age + ahead)
        alive &= rng.random(size) >= goes
        if not (alive & (time <= age + ahead)).any():
            break
    chosen = (count == 1) & (recency > 9) & (recency < 11)
    [expected] = model.predict_silence(np.array([[1.0, 10.0, age]]), ahead)
    assert 1 - heard[chosen].mean() == pytest.approx(expected, abs=0.03)
    assert model.predict_silence(np.array([[3.0, 5.0, 9.0]]), 0.0).tolist() == pytest.approx([1.0])
