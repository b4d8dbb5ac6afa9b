"""The simulation against expectations and variances worked out on paper, and enumeration of all futures."""

from itertools import product

import numpy as np
import pytest

from scoring.forecasting.revenue import NewBusiness, OpenDeals, monthly_win_probability, run_rate, simulate_revenue


def pipeline(count=300, months=3, seed=0):
    rng = np.random.default_rng(seed)
    return OpenDeals(rng.dirichlet([1, 1, 1, 5], count)[:, :months], rng.gamma(2, 500, count), haircut=0.9, spread=0.3)


def test_the_mean_of_the_simulation_is_the_expectation():
    deals, new = pipeline(), NewBusiness([2.0, 5.0, 9.0], [100.0, 400.0, 4000.0])
    forecast = simulate_revenue(deals, new, draws=20_000, correction=0.8, common_spread=0.2)
    by_hand = 0.8 * (0.9 * np.asarray(deals.amount) @ np.asarray(deals.win_probability) + np.array([2, 5, 9]) * 1500)
    noise = forecast.draws.std(axis=0) / np.sqrt(20_000)
    assert forecast.expected == pytest.approx(by_hand)
    assert (np.abs(forecast.draws.mean(axis=0) - by_hand) < 4 * noise).all()


def test_the_variance_of_the_simulation_is_the_one_on_paper():
    deals = OpenDeals(np.full((400, 1), 0.2), np.full(400, 10.0), spread=0.5)
    draws = simulate_revenue(deals, NewBusiness([30.0], [5.0, 15.0]), draws=40_000).draws[:, 0]
    # Each deal: E[x²] − E[x]² = 0.2 · 100 · 1.25 − 4 = 21. Compound Poisson: 30 · (25 + 225) / 2.
    assert draws.var() == pytest.approx(400 * 21 + 30 * 125, rel=0.03)
    shared = simulate_revenue(deals, draws=40_000, common_spread=0.25).draws[:, 0]
    assert shared.var() == pytest.approx((400 * 21 + 800**2) * (1 + 0.25**2) - 800**2, rel=0.03)


def test_quantiles_are_those_of_all_futures():
    chance, amount = np.array([[0.3, 0.4], [0.5, 0.1], [0.05, 0.9]]), np.array([1.0, 2.0, 4.0])
    totals: dict[tuple[float, float], float] = {}
    for outcome in product((0, 1, 2), repeat=3):
        p, revenue = 1.0, [0.0, 0.0]
        for deal, month in enumerate(outcome):
            p *= chance[deal][month] if month < 2 else 1 - chance[deal].sum()
            if month < 2:
                revenue[month] += amount[deal]
        totals[tuple(revenue)] = totals.get(tuple(revenue), 0) + p
    draws = simulate_revenue(OpenDeals(chance, amount), draws=60_000).draws
    for pair, p in totals.items():
        assert (draws == pair).all(axis=1).mean() == pytest.approx(p, abs=4 * np.sqrt(p * (1 - p) / 60_000) + 1e-9)


def test_a_deal_is_won_at_most_once():
    draws = simulate_revenue(OpenDeals([[0.4, 0.3, 0.3]], [7.0]), draws=2000).draws
    assert (draws.sum(axis=1) == 7.0).all()


def test_the_seed_decides():
    first, same, other = (simulate_revenue(pipeline(), draws=500, seed=seed).draws for seed in (3, 3, 4))
    assert (first == same).all()
    assert not (first == other).all()


def test_blocks_of_deals_add_up(monkeypatch):
    monkeypatch.setattr("scoring.forecasting.revenue.BLOCK", 20_000)
    forecast = simulate_revenue(pipeline(), draws=5000)
    noise = forecast.draws.std(axis=0) / np.sqrt(5000)
    assert (np.abs(forecast.draws.mean(axis=0) - forecast.expected) < 4 * noise).all()


def test_table_of_months():
    table = simulate_revenue(pipeline(), NewBusiness([1.0, 1.0, 1.0], [50.0]), draws=1000).table(
        ["2024-01", "2024-02", "2024-03"]
    )
    assert table["month"].to_list() == ["2024-01", "2024-02", "2024-03"]
    assert (table["p10_base"] < table["p50_base"]).all()
    assert (table["p50_base"] < table["p90_base"]).all()
    assert (table["expected_of_new_base"] == 50).all()


def test_nothing_open_and_nothing_new():
    draws = simulate_revenue(OpenDeals(np.zeros((0, 2)), []), NewBusiness([0.0, 0.0], []), draws=10).draws
    assert (draws == 0).all()


def test_win_probabilities_by_month():
    rng = np.random.default_rng(0)
    win, loss = rng.random((5, 4)) * 0.4, rng.random((5, 4)) * 0.4
    p = monthly_win_probability(win, loss)
    for deal in range(5):
        still = 1.0
        for month in range(4):
            assert p[deal, month] == pytest.approx(still * win[deal, month])
            still -= still * (win[deal, month] + loss[deal, month])
    assert (p.sum(axis=1) < 1).all()


def test_run_rate_by_hand():
    # From 1 March and from 8 March. The deal of 20 February was open before both; that of 5 March is new for the first.
    new = run_rate(
        ["2024-02-20", "2024-03-05", "2024-03-10", "2024-03-12", "2024-03-01"],
        ["2024-03-15", "2024-03-20", "2024-04-09", "NaT", "2024-03-31"],
        [1000.0, 20.0, 40.0, np.nan, 60.0],
        snapshots=["2024-03-01", "2024-03-08"],
        edges=(0, 30, 60),
    )
    # First: 20 on day 19; 40 on day 39 and 60 on day 30, the border, in month 2. Second: 40 on day 32.
    assert np.asarray(new.wins).tolist() == [0.5, 1.5]
    assert sorted(np.asarray(new.amounts).tolist()) == [20.0, 40.0, 40.0, 60.0]


@pytest.mark.parametrize(
    ("deals", "message"),
    [
        (OpenDeals([[0.6, 0.6]], [1.0]), "sum to at most 1"),
        (OpenDeals([[0.6]], [np.nan]), "must not be missing"),
        (OpenDeals([0.6], [1.0]), "shape"),
        (OpenDeals([[-0.1]], [1.0]), "between 0 and 1"),
    ],
)
def test_impossible_deals_are_refused(deals, message):
    with pytest.raises(ValueError, match=message):
        simulate_revenue(deals)


def test_impossible_new_business_is_refused():
    for new in (NewBusiness([1.0], [1.0]), NewBusiness([-1.0] * 3, [1.0]), NewBusiness([1.0] * 3, [])):
        with pytest.raises(ValueError, match=r"wins|amounts"):
            simulate_revenue(pipeline(), new)
