"""Forecasts by month on pipelines that can be followed by hand, and on laws: twice is once, news change no past."""

from datetime import date, datetime, timedelta
from typing import Any

import numpy as np
import polars as pl
import pytest

from scoring.forecasting.pipeline import MONTHS, Chances, revenue_forecasts
from scoring.scores import revenue_forecast
from scoring.scores._common import CLOCK, MODELS
from tests.scoring.test_scores import NO_MODELS, OUTCOMES, base, rule

AS_OF = datetime(2026, 6, 29)
FEATURES: dict[str, Any] = {
    "tenant_id": pl.String, "deal_id": pl.String, "cutoff_at": pl.Datetime, "is_latest": pl.Boolean,
    "pipeline": pl.String, "stage": pl.String, "amount_base": pl.Float64, "probability": pl.Float64,
    "tenant_win_rate": pl.Float64, "days_to_expected_close": pl.Int64, "stage_order": pl.Int64,
    "stage_age_ratio": pl.Float64, "push_count": pl.Int64, "days_since_last_activity": pl.Float64,
}  # fmt: skip


def deal(name: str, cutoff: datetime, **values: Any) -> dict[str, Any]:
    row = {
        "tenant_id": "t", "deal_id": name, "cutoff_at": cutoff, "is_latest": cutoff == AS_OF, "pipeline": "b2b",
        "stage": "s", "amount_base": 100.0, "probability": 0.5, "tenant_win_rate": 0.4, "days_to_expected_close": 10,
        "stage_order": 7, "stage_age_ratio": 0.5, "push_count": 0, "days_since_last_activity": 0.0,
    }  # fmt: skip
    return row | values


def end(name: str, created: datetime, closed: datetime, **values: Any) -> dict[str, Any]:
    row = {
        "tenant_id": "t", "deal_id": name, "pipeline": "b2b", "status": "won", "created_at": created,
        "closed_at": closed, "outcome_known_at": closed, "won_amount_base": 100.0,
    }  # fmt: skip
    return row | values


def tables(features: list[dict[str, Any]], outcomes: list[dict[str, Any]]) -> dict[str, pl.DataFrame]:
    return {
        "features.feat_deal": pl.DataFrame(features, schema=FEATURES),
        "features.deal_outcome": pl.DataFrame(outcomes, schema=OUTCOMES),
        CLOCK: pl.DataFrame({"as_of": [AS_OF]}),
        MODELS: NO_MODELS,
    }


def company(months: int = 14, seed: int = 5) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Ten deals a month, seen on Mondays; six of ten are won after 20 to 60 days, the others are lost after as long."""
    rng = np.random.default_rng(seed)
    features, outcomes = [], []
    for number in range(10 * months):
        opened = AS_OF - timedelta(days=30 * months) + timedelta(days=3 * number)
        closed = opened + timedelta(days=int(rng.integers(20, 60)))
        won, name = bool(rng.random() < 0.6), f"d{number:03d}"
        day = opened + timedelta(days=(7 - opened.weekday()) % 7)
        while day < min(closed, AS_OF):
            features.append(deal(name, day))
            day += timedelta(days=7)
        if closed >= AS_OF:
            features.append(deal(name, AS_OF))
        else:
            verdict = {} if won else {"status": "lost", "won_amount_base": None}
            outcomes.append(end(name, opened, closed, **verdict))
    return features, outcomes


def test_a_month_of_credits_is_no_reason_to_forecast_nothing() -> None:
    """A won deal of −50,000 makes a closed month negative; the ratio of errors then counts it as nothing."""
    features, outcomes = company()
    [credit] = [end("credit", AS_OF - timedelta(days=120), AS_OF - timedelta(days=60), won_amount_base=-50_000.0)]
    found = revenue_forecast.compute(tables(features, [*outcomes, credit])).filter("is_latest")
    assert found["forecast_method"].to_list() == ["simulation"] * MONTHS


def test_with_little_history_a_rule_stands_in_and_says_so() -> None:
    """As of 29 June. d1 is due on 9 July: 100 × 0.5; d2 is overdue, without a stated probability: 200 × 0.4 in June.

    d3 was won in June: June is 70 + 80 by weight. The month before brought 30, which is all that the past tells.
    """
    features = [
        deal("d1", AS_OF),
        deal("d2", AS_OF, amount_base=200.0, probability=None, days_to_expected_close=-40),
        deal("d4", AS_OF, days_to_expected_close=None),
    ]
    outcomes = [
        end("d0", datetime(2026, 4, 1), datetime(2026, 5, 1), won_amount_base=30.0),
        end("d3", datetime(2026, 5, 1), datetime(2026, 6, 10), won_amount_base=70.0),
    ]
    june, july, *_ = rows = revenue_forecast.compute(tables(features, outcomes)).to_dicts()
    assert len(rows) == MONTHS
    assert (june["revenue_month"], june["months_ahead"], june["won_to_date_base"]) == (date(2026, 6, 1), 0, 70)
    assert june["weighted_pipeline_base"] == pytest.approx(150)
    assert july["weighted_pipeline_base"] == pytest.approx(50)
    assert june["seasonal_naive_base"] == pytest.approx(70)  # not less than what is there already
    assert july["seasonal_naive_base"] == pytest.approx(30)
    assert (july["forecast_method"], july["expected_base"]) == ("seasonal_naive", pytest.approx(30))
    assert july["forecast_reason"].startswith("2 wins were known, 25 are needed.")
    assert july["p50_base"] is july["actual_base"] is None
    [june, july, *_] = revenue_forecast.compute(tables(features, [])).to_dicts()
    assert (july["forecast_method"], july["expected_base"]) == ("weighted_pipeline", pytest.approx(50))


def test_the_same_month_of_last_year_grows_with_the_pipeline() -> None:
    """July 2025 brought 60, when 200 were in the pipeline at the end of June; now 300 are: 90."""
    outcomes = [
        end("d0", datetime(2025, 1, 1), datetime(2025, 5, 1)),
        end("d1", datetime(2025, 6, 1), datetime(2025, 7, 9), won_amount_base=60.0),
        end("d2", datetime(2025, 6, 1), datetime(2025, 8, 9), status="lost", won_amount_base=None),
    ]
    then = [deal(name, datetime(2025, 6, 30)) for name in ("d1", "d2")]
    now = [deal(name, AS_OF) for name in ("e1", "e2", "e3")]
    rows = revenue_forecast.compute(tables(then + now, outcomes)).filter("is_latest").to_dicts()
    assert rows[1]["seasonal_naive_base"] == pytest.approx(90)
    assert rows[2]["seasonal_naive_base"] == pytest.approx(0)  # nothing came in August 2025


def test_a_simulation_by_hand() -> None:
    """Thirty deals, open at an earlier month end, were all won for half of their amount, after 20 days.

    So a deal of 100 that is open on 29 June will be won for 50 in July (day 20), and all had been opened before the
    first month end: nothing new ever came. July is 50 for certain, but for the spread that all futures share.
    """
    ends = [datetime(2026, 1, 26), datetime(2026, 2, 23), datetime(2026, 3, 30)]
    features, outcomes = [deal("open", AS_OF)], []
    for number in range(30):
        seen = ends[number % 3]
        features.append(deal(f"d{number}", seen))
        closed = seen + timedelta(days=20)
        outcomes.append(end(f"d{number}", datetime(2026, 1, 1), closed, won_amount_base=50.0))
    rows = revenue_forecast.compute(tables(features, outcomes)).filter("is_latest").to_dicts()
    june, july, august = rows[:3]
    assert {row["forecast_method"] for row in rows} == {"simulation"}
    assert june["expected_of_open_base"] == august["expected_of_open_base"] == 0
    assert july["expected_of_open_base"] == pytest.approx(50)
    assert sum(row["expected_of_new_base"] for row in rows) == 0
    assert july["p10_base"] < july["p50_base"] < july["p90_base"]
    # Lognormal with mean 50: the quantiles of spread s are 50 × exp(±1.2816 σ − σ² ÷ 2), σ² = ln(1 + s²), here s = 0.3
    sigma = np.sqrt(np.log1p(0.09))
    for level, name in ((-1.2816, "p10_base"), (0, "p50_base"), (1.2816, "p90_base")):
        assert july[name] == pytest.approx(50 * np.exp(level * sigma - sigma**2 / 2), rel=0.05)


def test_probabilities_of_a_model_are_spread_over_the_months() -> None:
    """All of the similar deals were won after 20 days: a model that says 0.3 expects 0.3 × 100 in July."""
    ends = [datetime(2026, 1, 26), datetime(2026, 2, 23), datetime(2026, 3, 30)]
    features, outcomes = [deal("open", AS_OF)], []
    for number in range(30):
        features.append(deal(f"d{number}", ends[number % 3]))
        outcomes.append(end(f"d{number}", datetime(2026, 1, 1), ends[number % 3] + timedelta(days=20)))
    chances = {("t", AS_OF): Chances(np.array([0.3]), None, "deal_ever-0001")}
    found = tables(features, outcomes)
    rows = revenue_forecasts(found["features.feat_deal"], found["features.deal_outcome"], AS_OF, chances)
    july = next(row for row in rows if row["is_latest"] and row["months_ahead"] == 1)
    assert july["expected_of_open_base"] == pytest.approx(30)
    assert july["model_version"] == "deal_ever-0001"


def test_a_model_is_not_asked_about_what_it_has_learnt_from() -> None:
    features, outcomes = company()
    given = tables(features, outcomes)
    learnt = json_with_end(rule("deal_ever", -1.0, 1.0, 0.3), "2026-01-05 00:00:00")
    given[MODELS] = pl.DataFrame([learnt])
    found = revenue_forecast.compute(given)
    # its last cut-off and 90 days: 5 April
    asked = found.filter(pl.col("model_version").is_not_null())["as_of"].unique().sort().to_list()
    assert asked == [datetime(2026, 4, 27), datetime(2026, 5, 25), AS_OF]
    given[MODELS] = pl.DataFrame([base("deal_ever", 0.3, "2026-01-05 00:00:00")])
    assert revenue_forecast.compute(given)["model_version"].null_count() == found.height


def json_with_end(model: dict[str, str], moment: str) -> dict[str, str]:
    return model | {"model": model["model"].replace('"trained_until": null', f'"trained_until": "{moment}"')}


def test_twice_is_once_and_the_order_of_rows_does_not_matter() -> None:
    given = tables(*company())
    once, shuffled = revenue_forecast.compute(given), {}
    for name, table in given.items():
        shuffled[name] = table.sample(fraction=1.0, shuffle=True, seed=3) if table.height > 1 else table
    assert revenue_forecast.compute(given).equals(once)
    assert revenue_forecast.compute(shuffled).equals(once)


def test_what_came_later_changes_no_past_forecast() -> None:
    """The log cut at 27 April, 0:00, gives the forecast of that day as the whole log does."""
    features, outcomes = company()
    day = datetime(2026, 4, 27)
    whole = revenue_forecast.compute(tables(features, outcomes)).filter(pl.col("as_of") == day)
    past = [row for row in features if row["cutoff_at"] <= day]
    known = [row for row in outcomes if row["outcome_known_at"] <= day]
    cut = revenue_forecast.compute(tables(past, known)).filter(pl.col("as_of") == day)
    assert cut.drop("actual_base").equals(whole.drop("actual_base"))
    assert whole["actual_base"].null_count() == MONTHS - 2  # April and May are over on 29 June


def test_a_steady_company_is_forecast_well_and_the_range_holds_what_came() -> None:
    """Ten deals a month, six won for 100 each: about 600 a month, and 57 to 60 new ones in half a year."""
    found = revenue_forecast.compute(tables(*company()))
    past = found.filter(pl.col("actual_base").is_not_null() & (pl.col("forecast_method") == "simulation"))
    assert past.height > 20
    assert past["expected_base"].sum() == pytest.approx(past["actual_base"].sum(), rel=0.15)
    inside = (past["p10_base"] <= past["actual_base"]) & (past["actual_base"] <= past["p90_base"])
    assert inside.mean() >= 0.7
    ahead = found.filter("is_latest").sort("months_ahead")
    assert ahead["expected_base"][1:].to_list() == pytest.approx([600] * 5, rel=0.25)
