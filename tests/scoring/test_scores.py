"""Tables of scores, from rows that can be followed by hand."""

import json
import math
from datetime import date, datetime
from typing import Any

import polars as pl
import pytest

from scoring.applied import factors_of
from scoring.scores import churn_risk, customer_value, deal_win, score_month
from scoring.scores._common import MODELS
from scoring.specs import spec

AS_OF = datetime(2026, 6, 30)
OUTCOMES: dict[str, Any] = {
    "tenant_id": pl.String, "deal_id": pl.String, "pipeline": pl.String, "status": pl.String,
    "created_at": pl.Datetime, "closed_at": pl.Datetime, "outcome_known_at": pl.Datetime, "won_amount_base": pl.Float64,
}  # fmt: skip
NO_MODELS = pl.DataFrame(schema={"score": pl.String, "version": pl.String, "model": pl.String})


def base(score: str, rate: float | None, trained_until: str | None = None) -> dict[str, str]:
    model = {
        "schema": 1, "score": score, "kind": "base", "reason": "no skill", "base_rate": rate, "features": [],
        "calibration": None, "trained_until": trained_until, "reference": None,
    }  # fmt: skip
    return {"score": score, "version": f"{score}-0001", "model": json.dumps(model)}


def rule(score: str, intercept: float, slope: float, rate: float) -> dict[str, str]:
    model = json.loads(base(score, rate)["model"]) | {"kind": "rule", "rule_line": [intercept, slope], "reason": "rule"}
    return {"score": score, "version": f"{score}-0002", "model": json.dumps(model)}


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
        calm, angry = customer_value.compute({"features.feat_customer": customers(), MODELS: models}).to_dicts()
        assert calm["expected_months"] == pytest.approx(months)
        assert angry["value_12m_base"] == pytest.approx(80 * months)
    calm, _ = customer_value.compute({"features.feat_customer": customers(), MODELS: NO_MODELS}).to_dicts()
    assert calm["expected_months"] is calm["value_12m_base"] is None


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


def test_factors_and_the_rest_sum_to_the_log_odds() -> None:
    from scoring.training import fit
    from tests.scoring.test_training import panel

    rows = panel(600, 1.0).rename({"x": "mrr_base", "channel": "plan", "lead_id": "customer_id"})
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
