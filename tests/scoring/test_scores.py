"""Tables of scores, from rows that can be followed by hand."""

import json
import math
from datetime import date, datetime, timedelta
from typing import Any

import numpy as np
import polars as pl
import pytest

from scoring.applied import factors_of, with_scored_at
from scoring.lifetime import ShiftedBetaGeometric
from scoring.lifetime.uncontracted import fitted, histories_of
from scoring.scores import churn_risk, customer_value, deal_win, health_score, score_month, silence_risk
from scoring.scores._common import CLOCK, MODELS
from scoring.specs import spec
from tests.scoring import test_rules as rules

AS_OF = datetime(2026, 6, 30)
OUTCOMES: dict[str, Any] = {
    "tenant_id": pl.String, "deal_id": pl.String, "pipeline": pl.String, "status": pl.String,
    "created_at": pl.Datetime, "closed_at": pl.Datetime, "outcome_known_at": pl.Datetime, "won_amount_base": pl.Float64,
}  # fmt: skip
DAYS: dict[str, Any] = {
    "tenant_id": pl.String, "activity": pl.String, "customer_id": pl.String, "activity_date": pl.Date,
    "spent_base": pl.Float64,
}  # fmt: skip
IN_FORCE = datetime(2026, 7, 2)
NO_MODELS = pl.DataFrame(
    schema={"score": pl.String, "version": pl.String, "model": pl.String, "in_force_at": pl.Datetime}
)


def base(score: str, rate: float | None, trained_until: str | None = None) -> dict[str, Any]:
    model = {
        "schema": 1, "score": score, "kind": "base", "reason": "no skill", "base_rate": rate, "features": [],
        "calibration": None, "trained_until": trained_until, "reference": None,
    }  # fmt: skip
    return {"score": score, "version": f"{score}-0001", "model": json.dumps(model), "in_force_at": IN_FORCE}


def rule(score: str, intercept: float, slope: float, rate: float, trained_until: str | None = None) -> dict[str, Any]:
    model = json.loads(base(score, rate, trained_until)["model"]) | {
        "kind": "rule",
        "rule_line": [intercept, slope],
        "reason": "rule",
    }
    return {"score": score, "version": f"{score}-0002", "model": json.dumps(model), "in_force_at": IN_FORCE}


def customers() -> pl.DataFrame:
    """A calm customer, one with two reasons to leave, and the state of the first a month before."""
    calm = {
        "tenant_id": "t", "customer_id": "user:a", "cutoff_at": AS_OF, "is_latest": True, "mrr_base": 50.0,
        "days_to_renewal": 200, "seen_days_ago": 1.0, "median_gap_days": 2.0, "nps_score": 9, "user_count": 1,
        "open_ticket_count": 0, "oldest_open_ticket_days": None, "key_feature_use_count_30d": 4,
    }  # fmt: skip
    angry = calm | {"customer_id": "user:b", "mrr_base": 80.0, "seen_days_ago": 30.0, "nps_score": 2}
    before = calm | {"cutoff_at": datetime(2026, 6, 1), "is_latest": False}
    return pl.DataFrame([angry, calm, before], schema_overrides={"oldest_open_ticket_days": pl.Float64})


def test_without_models_the_rule_stands_alone_and_says_so() -> None:
    tables = {"features.feat_customer": customers(), MODELS: NO_MODELS}
    calm, angry = churn_risk.compute(tables).to_dicts()
    assert (calm["customer_id"], calm["score"], calm["risk_level"], calm["reasons"]) == ("user:a", 0, "green", "")
    assert (angry["score"], angry["risk_level"], angry["triggers"]) == (45, "red", "unseen, detractor")
    assert angry["recommended_action"].startswith("Call")
    assert calm["probability_90d"] is angry["value_at_risk_base"] is None
    assert "dealhouse models train" in calm["model_reason"]
    assert calm["scored_at"] == angry["scored_at"] == AS_OF


def test_a_score_stands_as_of_the_last_of_its_models_or_of_its_day() -> None:
    """Two models, put in force on 1 and 9 June: on 5 June the second was not there yet, on 30 June both were."""
    june = [datetime(2026, 6, day) for day in (1, 9)]
    models = pl.DataFrame({"version": ["a-0001", "b-0002"], "in_force_at": june})
    rows = [
        (datetime(2026, 6, 5), "a-0001, b-0002", june[1]),
        (datetime(2026, 6, 30), "a-0001, b-0002", datetime(2026, 6, 30)),
        (datetime(2026, 6, 5), "a-0001", datetime(2026, 6, 5)),
        (datetime(2026, 5, 1), "a-0001", june[0]),
        (datetime(2026, 6, 5), None, datetime(2026, 6, 5)),
    ]
    given = pl.DataFrame([row[:2] for row in rows], schema=["as_of", "model_version"], orient="row")
    assert with_scored_at(given, {MODELS: models})["scored_at"].to_list() == [row[2] for row in rows]


def test_value_at_risk_and_levels_follow_the_probability() -> None:
    """Log-odds −2 + 4 × 0.45 = −0.2 for b: 0.4502; −2 for a: 0.1192, which is 1.49 times a base rate of 0.08: green."""
    models = pl.DataFrame([rule("churn_90d", -2.0, 4.0, 0.08), base("churn_30d", 0.05)])
    calm, angry = churn_risk.compute({"features.feat_customer": customers(), MODELS: models}).to_dicts()
    assert angry["probability_90d"] == pytest.approx(1 / (1 + math.exp(0.2)))
    assert calm["probability_90d"] == pytest.approx(1 / (1 + math.exp(2)))
    assert angry["value_at_risk_base"] == pytest.approx(12 * 80 / (1 + math.exp(0.2)))
    assert calm["risk_level"] == "green"
    assert (calm["probability_30d"], angry["probability_30d"]) == (pytest.approx(0.05), pytest.approx(0.05))
    assert calm["model_version"] == "churn_30d-0001, churn_90d-0002"
    [told] = json.loads(angry["factors"])["up"]
    assert (told["feature"], told["log_odds"]) == ("rule_score", pytest.approx(1.8))
    models = pl.DataFrame([rule("churn_90d", -2.0, 4.0, 0.079)])
    calm, _ = churn_risk.compute({"features.feat_customer": customers(), MODELS: models}).to_dicts()
    assert calm["risk_level"] == "yellow"  # 1.509 times the base rate


def test_expected_months_by_hand() -> None:
    """With a half leaving each month: 1/2 + 1/4 + … + 1/4096 = 4095/4096; with nobody leaving, twelve."""
    for rate, months in ((0.5, 4095 / 4096), (0.0, 12.0)):
        models = pl.DataFrame([base("churn_30d", rate)])
        calm, angry = customer_value.compute(lifetimes() | {MODELS: models}).to_dicts()
        assert calm["expected_months"] == pytest.approx(months)
        assert angry["value_12m_base"] == pytest.approx(80 * months)
        assert (calm["value_method"], calm["tenure_months"]) == ("constant_churn", 5)
        assert calm["value_reason"].startswith("0 customers have left, 25 are needed")
    calm, _ = customer_value.compute(lifetimes()).to_dicts()
    assert calm["expected_months"] is calm["value_12m_base"] is calm["survival_curve"] is None
    assert calm["value_method"] == "none"


def lifetimes(left: tuple[int, ...] = (), stay: int = 0) -> dict[str, pl.DataFrame]:
    """The two customers and more, under contract since 27 January, 154 days; and so many who left after each month."""
    others = [f"user:stays-{i}" for i in range(stay)]
    spans = [(name, date(2026, 1, 27), date(2026, 7, 27)) for name in ("user:a", "user:b", *others)]
    began = date(2024, 1, 1)
    for months, gone in enumerate(left, 1):
        spans += [(f"user:{months}-{i}", began, began + timedelta(days=round(months * 30.4375))) for i in range(gone)]
    columns = ("customer_id", "start_date", "end_date")
    calm = customers().slice(1, 1)
    return {
        "features.feat_customer": pl.concat([customers(), *(calm.with_columns(customer_id=pl.lit(o)) for o in others)]),
        "features.uncontracted_day": pl.DataFrame(schema=DAYS),
        "facts.fact_subscription_period": pl.DataFrame(spans, schema=columns, orient="row").with_columns(
            tenant_id=pl.lit("t"), is_trial=pl.lit(value=False)
        ),
        CLOCK: pl.DataFrame({"as_of": [AS_OF]}),
        MODELS: NO_MODELS,
    }


def test_value_of_a_contract_follows_from_how_long_others_stayed() -> None:
    """131, 126, 90, 60, 42 and 34 customers left after 1 to 6 months, 602 have stayed for five.

    Leaving after five months is (α) ÷ (α + β + 5) of the fitted model, and Σ over twelve months the survival.
    """
    left = (131, 126, 90, 60, 42, 34)
    given = lifetimes(left, 600)
    fitted = ShiftedBetaGeometric().fit([1, 2, 3, 4, 5, 6, 5], [1, 1, 1, 1, 1, 1, 0], sample_weight=[*left, 602])
    calm, angry, *_ = customer_value.compute(given).to_dicts()
    a, b = fitted.alpha_, fitted.beta_
    assert calm["value_method"] == "sbg"
    assert calm["monthly_churn_probability"] == pytest.approx(a / (a + b + 5), rel=1e-4)
    stays, curve = 1.0, []
    for age in range(5, 17):
        stays *= (b + age) / (a + b + age)
        curve.append(stays)
    assert json.loads(calm["survival_curve"]) == pytest.approx(curve, abs=1e-4)
    assert calm["expected_months"] == pytest.approx(sum(curve), rel=1e-4)
    assert angry["value_12m_base"] == pytest.approx(80 * sum(curve), rel=1e-4)
    # A model with skill says how likely each leaves within a month; the curve goes on from there in proportion.
    models = pl.DataFrame([rule("churn_30d", -2.0, 4.0, 0.08)])
    calm, angry, *_ = customer_value.compute(given | {MODELS: models}).to_dicts()
    assert (angry["value_method"], angry["model_version"]) == ("sbg_scaled", "churn_30d-0002")
    assert angry["monthly_churn_probability"] == pytest.approx(1 / (1 + math.exp(0.2)))
    power = math.log(1 - 1 / (1 + math.exp(0.2))) / math.log(curve[0])
    assert angry["survival_12m_rate"] == pytest.approx(curve[-1] ** power, rel=1e-3)


def buyers() -> pl.DataFrame:
    """A hundred and fifty who came first in January, each with a rate, a chance to go and a usual spend."""
    rng, rows = np.random.default_rng(11), []
    for number in range(150):
        rate, goes, usual = rng.gamma(1.0, 1 / 20), rng.beta(1.0, 4.0), 30 / rng.gamma(4.0, 1 / 3)
        day = float(rng.integers(0, 28))
        while day < 178:
            when = date(2026, 1, 2) + timedelta(days=int(day))
            rows.append(("t", "purchase", f"contact:{number:03d}", when, float(usual * rng.gamma(6.0, 1 / 6))))
            if rng.random() < goes:
                break
            day += 1 + rng.exponential(1 / rate)
    return pl.DataFrame(rows, schema=DAYS, orient="row")


def test_buyers_without_a_contract_are_worth_what_they_will_buy() -> None:
    """By models that are held to published numbers elsewhere; and at the rate of all where there are few."""
    given = lifetimes() | {"features.uncontracted_day": buyers()}
    found = customer_value.compute(given)
    bought = found.filter(pl.col("customer_id").str.starts_with("contact:"))
    assert bought.height == 150
    assert set(bought["value_method"]) == {"mbg_nbd_gamma_gamma"}
    histories = histories_of(buyers(), AS_OF.date())
    counts = dict(zip(histories["customer_id"], histories["frequency"], strict=True))
    rows = sorted(bought.to_dicts(), key=lambda row: counts[row["customer_id"]])
    assert rows[-1]["expected_purchase_count"] > 5 * rows[0]["expected_purchase_count"]
    for row in rows:
        assert row["value_12m_base"] == pytest.approx(row["expected_purchase_count"] * row["expected_purchase_base"])
        assert 0 < row["alive_rate"] < 1
    assert customer_value.compute(given).equals(found)
    days = (("contact:a", date(2026, 1, 2)), ("contact:b", date(2026, 1, 5)), ("contact:a", date(2026, 3, 1)))
    few = pl.DataFrame([("t", "purchase", *day, 10.0) for day in days], schema=DAYS, orient="row")
    # One return in 179 + 176 days.
    told = customer_value.compute(lifetimes() | {"features.uncontracted_day": few}).filter(value_method="purchase_rate")
    assert told["value_12m_base"].to_list() == pytest.approx([1 / (179 + 176) * 365.25 * 10] * 2)
    assert told["value_reason"][0].startswith("2 customers, of whom 1 came back, are too few")


def test_who_has_no_contract_falls_silent() -> None:
    """By the formula on the fitted parameters; who came often is likelier to be heard of, and likelier in 90 days."""
    days = buyers()
    tables = {"features.uncontracted_day": days, CLOCK: pl.DataFrame({"as_of": [AS_OF]})}
    found = silence_risk.compute(tables)
    model, _ = fitted(histories_of(days, AS_OF.date()))
    assert model is not None
    for row in found.to_dicts():
        again, age = row["activity_day_count"] - 1, (AS_OF.date() - row["first_activity_date"]).days / 7
        for ahead in (30, 90):
            silent = ((model.alpha_ + age) / (model.alpha_ + age + ahead / 7)) ** (model.r_ + again)
            expected = 1 - row["alive_rate"] * (1 - silent)
            assert row[f"silence_probability_{ahead}d"] == pytest.approx(expected)
        assert row["silent_days"] == (AS_OF.date() - row["last_activity_date"]).days
    lately = found.sort("silent_days", "activity_day_count", descending=[False, True]).to_dicts()[0]
    assert lately["silence_probability_30d"] < found["silence_probability_30d"].mean()
    few = tables | {"features.uncontracted_day": days.head(20)}
    told = silence_risk.compute(few)
    assert told["silence_probability_30d"].null_count() == told.height
    assert "too few" in told["silence_reason"][0]


def test_a_deal_is_worth_its_probability() -> None:
    deals = pl.DataFrame(
        {
            "tenant_id": ["t"], "deal_id": ["d"], "cutoff_at": [AS_OF], "is_latest": [True], "amount_base": [1000.0],
            "probability": [0.9], "stage_order": [7], "stage_age_ratio": [0.5], "push_count": [0],
            "days_since_last_activity": [0.0], "pipeline": ["b2b"], "stage": ["offer"], "days_to_expected_close": [12],
            "days_in_stage": [4.0],
        }
    )  # fmt: skip
    outcomes = pl.DataFrame(schema=OUTCOMES)
    models = pl.DataFrame([rule("deal_ever", -1.0, 1.0, 0.3)])
    [found] = deal_win.compute(
        {"features.feat_deal": deals, "features.deal_outcome": outcomes, MODELS: models}
    ).to_dicts()
    assert found["score"] == 100
    assert found["probability"] == pytest.approx(0.5)
    assert (found["expected_amount_base"], found["stated_probability"]) == (pytest.approx(500), 0.9)
    assert (found["predicted_close_date"], found["close_date_method"]) == (date(2026, 7, 12), "stated_date")
    assert found["scored_at"] == IN_FORCE, "a model that came in force after as_of could not be asked then"


def test_past_scores_are_judged_on_what_the_model_has_not_seen() -> None:
    """Learnt up to 1 May: June's three rows count; two are known, one of them positive: observed 1 of 0.4 expected."""
    cutoffs = [datetime(2026, 5, 1), *[datetime(2026, 6, 1)] * 3, AS_OF]
    features = pl.DataFrame(
        {
            "tenant_id": "t", "customer_id": ["a", "a", "b", "c", "a"], "cutoff_at": cutoffs,
            "is_latest": [False, False, False, False, True],
        }
    )  # fmt: skip
    labels = pl.DataFrame(
        {
            "tenant_id": "t", "customer_id": ["a", "a", "b", "c"], "cutoff_at": cutoffs[:4],
            "is_cancelled_30d": [True, True, False, True],
            "label_known_30d_at": [datetime(2026, 5, 31), AS_OF, AS_OF, datetime(2026, 7, 1)],
        }
    )  # fmt: skip
    nothing = pl.DataFrame()
    tables = dict.fromkeys(score_month.READS, nothing) | {
        "features.feat_customer": features,
        "features.label_customer": labels,
        "staging.stg_clock": pl.DataFrame({"as_of": [AS_OF]}),
        MODELS: pl.DataFrame([base("churn_30d", 0.2, "2026-05-01 00:00:00")]),
    }
    [row] = score_month.compute(tables).to_dicts()
    assert (row["score_name"], row["score_month"], row["row_count"]) == ("churn_30d", date(2026, 6, 1), 3)
    assert (row["known_count"], row["positive_count"]) == (2, 1)
    assert row["expected_count"] == pytest.approx(0.4)
    assert row["oe_ratio"] == pytest.approx(2.5)
    assert row["verdict"] == "unknown"


def test_what_moved_a_health_score_sums_to_its_change() -> None:
    """78 in May, as worked out for the rule. Then three days of use instead of six, and no answer that is young enough.

    Of the weights 0.8 are known: 52.5 ÷ 0.8 = 65.625. Use cost 15 and costs 75 × 0.3 ÷ 0.8 = 28.125; e-mail cost 5 and
    costs 50 × 0.1 ÷ 0.8 = 6.25, as it weighs more; mood cost 2 and costs nothing: −13.125 − 1.25 + 2 = −12.375.
    """
    whose = {"tenant_id": "t", "customer_id": "user:a"}
    before = rules.customers().with_columns(cutoff_at=datetime(2026, 6, 1), is_latest=False, **lits(whose))
    now = rules.customers(active_day_count_30d=3, nps_age_days=400.0).with_columns(
        cutoff_at=AS_OF, is_latest=True, **lits(whose)
    )
    factors = [(one.name, one.weight, one.nought, one.full) for one in rules.FACTORS]
    seed = pl.DataFrame(factors, schema=("factor", "weight", "no_points_at", "all_points_at"), orient="row")
    tables = {"features.feat_customer": pl.concat([now, before], how="vertical_relaxed"), "seeds.health_factor": seed}
    first, second = health_score.compute(tables).to_dicts()
    assert first["moved_in_words"] is None
    assert second["score_change"] == pytest.approx(-12.375)
    assert second["moved_in_words"] == (
        "usage frequency from 6 to 3: -13.1 points; sentiment from 9 to unknown: +2.0 points; "
        "engagement still 0.25, by another weight: -1.2 points"
    )
    assert second["level_change"].endswith("would make it green.")


def lits(values: dict[str, str]) -> dict[str, pl.Expr]:
    return {name: pl.lit(value) for name, value in values.items()}


def test_factors_and_the_rest_sum_to_the_log_odds() -> None:
    from scoring.training import fit
    from tests.scoring.test_training import panel

    rows = panel(300, 1.0).rename({"x": "mrr_base", "channel": "plan", "lead_id": "customer_id"})
    found = fit(spec("churn_30d"), rows.with_columns(seen_days_ago=pl.lit(1.0), **_quiet()), AS_OF)
    from scoring.model import ScoreModel

    model = ScoreModel.from_dict(found.model)
    assert model.tables is not None
    frame = rows.head(20).with_columns(seen_days_ago=pl.lit(1.0), **_quiet())
    for text, logit in zip(factors_of(model, frame, top=2), model.log_odds(frame), strict=True):
        told = json.loads(text)
        parts = [one["log_odds"] for one in told["up"] + told["down"]]
        assert model.intercept + sum(parts) + told["rest"] == pytest.approx(logit, abs=1e-5)


def _quiet() -> dict[str, pl.Expr]:
    names = ("median_gap_days", "nps_score", "open_ticket_count", "oldest_open_ticket_days", "days_to_renewal")
    return {name: pl.lit(0.0) for name in names} | {
        "key_feature_use_count_30d": pl.lit(1),
        "user_count": pl.lit(1),
        "nps_score": pl.lit(9),
        "days_to_renewal": pl.lit(200),
    }
