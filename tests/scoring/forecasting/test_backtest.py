"""Errors and corrections by hand, and that no correction knows a window that is not over."""

from datetime import date, timedelta

import numpy as np
import pytest

from scoring.forecasting.backtest import (
    bias_factor,
    corrected,
    error_spread,
    forecast_backtest,
    seasonal_naive,
    weighted_forecast,
)


def test_bias_factor_by_hand():
    assert bias_factor([], []) == 1
    assert bias_factor([0, 0], [5, 5]) == 1
    assert bias_factor([100] * 4, [50] * 4) == pytest.approx(0.75)
    assert bias_factor([100] * 4, [50] * 4, weight=0) == pytest.approx(0.5)
    # One snapshot against four of ratio 1: (50 + 400) / 500.
    assert bias_factor([100], [50]) == pytest.approx(0.9)
    assert bias_factor([1e9, 100, 100], [0, 50, 150], last=2) == pytest.approx(1)


def test_a_correction_knows_closed_windows_alone():
    weeks = [date(2024, 1, 1) + timedelta(weeks=i) for i in range(12)]
    rng = np.random.default_rng(0)
    forecast, actual = rng.uniform(50, 150, 12), rng.uniform(50, 150, 12)
    before = corrected(weeks, forecast, actual, horizon=30)
    for i in range(12):
        changed = actual.copy()
        changed[[weeks[j] + timedelta(days=30) > weeks[i] for j in range(12)]] = 1e6
        assert corrected(weeks, forecast, changed, horizon=30)[i] == before[i]
    # 30 days are over after 5 weeks.
    assert before[:5] == pytest.approx(forecast[:5])
    assert before[5] == pytest.approx(forecast[5] * (actual[0] + 4 * forecast[0]) / (5 * forecast[0]))


def test_a_constant_bias_is_halved():
    weeks = np.arange(40) * 7
    actual = np.random.default_rng(1).uniform(80, 120, 40)
    result = forecast_backtest(weeks, actual, {"high": actual * 1.4}, horizon=30, correct="high")
    by_name = {row["forecast"]: row for row in result.summary.iter_rows(named=True)}
    assert by_name["high"]["bias_rate"] == pytest.approx(0.4)
    late = result.periods["high_corrected"].to_numpy()[12:] / actual[12:]
    assert late == pytest.approx(np.full(28, 1.2))


def test_errors_by_hand():
    result = forecast_backtest(
        [1, 2, 3], [100.0, 50.0, 0.0], {"a": [110.0, 25.0, 10.0]}, horizon=1, low=[90, 0, 0], high=[95, 60, 0]
    )
    # Relative errors of +10 % and −50 %; 45 of 150 in sum.
    assert result.summary.rows() == [("a", pytest.approx(0.3), pytest.approx(-0.2), pytest.approx(0.3))]
    assert result.periods["is_covered"].to_list() == [False, True, True]


def test_spread_of_errors():
    assert error_spread([], []) == pytest.approx(0.3)
    assert error_spread([0.0, 10.0], [5.0, 8.0], prior=0.2) == pytest.approx(0.2)
    # Ratios 0.5 and 1.5: squares of 0.25 + 0.25, and four of 0.09, over 4 + 1.
    assert error_spread([10, 10], [5, 15]) == pytest.approx(np.sqrt((0.5 + 0.36) / 5))
    rng = np.random.default_rng(0)
    assert error_spread(np.ones(5000), rng.normal(1, 0.15, 5000)) == pytest.approx(0.15, abs=0.005)


def test_baselines_by_hand():
    assert weighted_forecast([100, 200], [0.5, 0.25]) == 100
    assert seasonal_naive(80, 100, 150) == 120
    assert seasonal_naive(80, 0, 150) == 80


def test_what_cannot_be_compared_is_refused():
    with pytest.raises(ValueError, match="wrong: \\['a'\\]"):
        forecast_backtest([1, 2], [1.0, 2.0], {"a": [1.0]}, horizon=1)
    with pytest.raises(ValueError, match="there must be revenue"):
        forecast_backtest([1, 2], [0.0, 0.0], {"a": [1.0, 1.0]}, horizon=1)
    with pytest.raises(ValueError, match="must rise"):
        corrected([2, 1], [1, 1], [1, 1], horizon=1)
