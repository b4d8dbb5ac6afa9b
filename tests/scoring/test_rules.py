"""Rules against scores computed by hand."""

import polars as pl
import pytest

from scoring.rules import churn, health, lead
from scoring.rules.points import by_word, linear, weigh

PARTS = lead.default_parts()


def test_points_are_linear_between_their_limits_in_both_directions() -> None:
    frame = pl.DataFrame({"x": [None, -1, 0, 1, 2, 3]})
    assert frame.select(linear("x", 0, 2)).to_series().to_list() == [None, 0, 0, 50, 100, 100]
    assert frame.select(linear("x", 2, 0)).to_series().to_list() == [None, 100, 100, 50, 0, 0]


def test_words_are_found_in_any_case_and_the_first_of_the_list_counts() -> None:
    frame = pl.DataFrame({"t": ["Founder and manager", "MANAGER", "clerk", None]})
    points = frame.select(by_word("t", {"founder": 100, "manager": 60}, 30)).to_series().to_list()
    assert points == [100, 60, 30, None]


def test_what_is_not_known_counts_for_nothing_and_lowers_the_coverage() -> None:
    frame = pl.DataFrame({"a": [100.0, 100.0, None], "b": [0.0, None, None]})
    found = weigh(frame, {"a": 0.75, "b": 0.25})
    assert found.score.to_list() == [75, 100, None]
    assert found.coverage.to_list() == [1, 0.75, 0]
    assert found.lost[0].tolist() == [0, 25]


def leads(**values: object) -> pl.DataFrame:
    row: dict[str, object] = {
        "company_size": 25, "industry": "Software", "job_title": "Head of learning", "budget": 5000.0,
        "visit_decayed_count": 1.0, "download_decayed_count": 1.0, "email_open_decayed_count": 1.0,
        "email_click_decayed_count": 0.5, "event_attended_decayed_count": 0.0,
    }  # fmt: skip
    return pl.DataFrame([row | values], schema_overrides={"company_size": pl.Int64, "industry": pl.String})


def test_a_lead_by_hand() -> None:
    """Fit: 0.3 × 50 + 0.2 × 100 + 0.2 × 100 + 0.3 × 25 = 62.5.

    Engagement: 0.3 × 25 + 0.2 × 50 + 0.3 × 66.7 + 0 = 37.5.
    """
    [found] = lead.lead_score(leads(), PARTS).to_dicts()
    assert found["fit_score"] == pytest.approx(62.5)
    assert found["engagement_score"] == pytest.approx(37.5)
    assert found["score"] == pytest.approx(50)
    assert found["coverage"] == pytest.approx(1)


def test_a_lead_of_which_little_is_known_is_judged_by_that() -> None:
    """Without size and industry the fit is (0.2 × 100 + 0.3 × 25) / 0.5 = 55, from half of the weights."""
    [found] = lead.lead_score(leads(company_size=None, industry=None), PARTS).to_dicts()
    assert found["fit_score"] == pytest.approx(55)
    assert found["coverage"] == pytest.approx(0.5)


@pytest.mark.parametrize(
    ("call", "complete", "score", "lift", "expected"),
    [
        (True, False, 0, None, "hot"),
        (False, True, 0, 0.1, "hot"),
        (False, False, 60, None, "hot"),
        (False, False, 59.9, 2.9, "warm"),
        (False, False, 0, 3.0, "hot"),
        (False, False, 34.9, 0.9, "cold"),
        (False, False, 35, None, "warm"),
        (False, False, 34.9, None, "cold"),
    ],
)
def test_tiers(call: bool, complete: bool, score: float, lift: float | None, expected: str) -> None:
    frame = pl.DataFrame(
        {"asks_for_call": [call], "has_complete_data": [complete], "s": [float(score)], "l": [lift]},
        schema_overrides={"l": pl.Float64},
    )
    assert frame.select(lead.tier(pl.col("s"), pl.col("l"))).to_series().to_list() == [expected]


def test_confirmed_questions_are_counted_among_those_that_were_asked() -> None:
    frame = pl.DataFrame({"a": [True, True, None], "b": [False, None, None]}, schema={"a": pl.Boolean, "b": pl.Boolean})
    assert lead.share_confirmed(frame, ("a", "b")).to_list() == [50, 100, None]


def customers(**values: object) -> pl.DataFrame:
    row: dict[str, object] = {
        "seen_days_ago": 1.0, "median_gap_days": 2.0, "nps_score": 9, "nps_age_days": 10.0, "open_ticket_count": 0,
        "open_urgent_ticket_count": 0, "oldest_open_ticket_days": None, "key_feature_use_count_30d": 3,
        "days_to_renewal": 200, "user_count": 1, "active_day_count_30d": 6, "distinct_key_feature_count_30d": 3,
        "email_count_90d": 4, "email_open_count_90d": 1,
    }  # fmt: skip
    return pl.DataFrame([row | values], schema_overrides={"oldest_open_ticket_days": pl.Float64})


def told(**values: object) -> tuple[float, list[str]]:
    frame = customers(**values)
    return churn.rule_score(frame).to_list()[0], churn.trigger_names(frame).to_list()[0]


def test_each_reason_to_leave_alone_and_all_together() -> None:
    assert told() == (0, [])
    assert told(seen_days_ago=14.0) == (0, [])
    assert told(seen_days_ago=14.5) == (25, ["unseen"])
    assert told(seen_days_ago=20.0, median_gap_days=10.0) == (0, [])  # a rare user is not away yet
    assert told(seen_days_ago=None) == (25, ["unseen"])
    assert told(seen_days_ago=None, user_count=0) == (0, [])  # nobody is known who could be seen
    assert told(nps_score=5) == (20, ["detractor"])
    assert told(nps_score=6) == (0, [])
    assert told(open_ticket_count=1, oldest_open_ticket_days=3.0) == (20, ["open_tickets"])
    assert told(key_feature_use_count_30d=0) == (20, ["key_features_unused"])
    assert told(days_to_renewal=90, seen_days_ago=14.5, median_gap_days=8.0) == (15, ["renewal_without_engagement"])
    score, names = told(
        seen_days_ago=40.0, nps_score=0, open_ticket_count=2, oldest_open_ticket_days=9.0,
        key_feature_use_count_30d=0, days_to_renewal=10,
    )  # fmt: skip
    assert score == 100
    assert names == [one.name for one in churn.TRIGGERS]


def test_reasons_carry_their_evidence() -> None:
    frame = customers(seen_days_ago=21.2, open_ticket_count=2, oldest_open_ticket_days=9.0)
    assert churn.reasons(frame).to_list() == [["not seen for 21 days", "2 tickets open, the oldest for 9 days"]]


FACTORS = (
    health.Factor("engagement", 0.1, 0, 0.5),
    health.Factor("feature_adoption", 0.25, 0, 3),
    health.Factor("sentiment", 0.2, 0, 10),
    health.Factor("support_tickets", 0.15, 3, 0),
    health.Factor("usage_frequency", 0.3, 0, 12),
)


def test_health_by_hand() -> None:
    """0.1 × 50 + 0.25 × 100 + 0.2 × 90 + 0.15 × 100 + 0.3 × 50 = 78, green; half the use costs 15 points."""
    [found] = health.health(customers(), FACTORS).to_dicts()
    assert found["score"] == pytest.approx(78)
    assert found["risk_level"] == "green"
    assert found["usage_frequency_lost"] == pytest.approx(15)
    lost = [value for name, value in found.items() if name.endswith("_lost")]
    assert found["score"] + sum(lost) == pytest.approx(100)


def test_an_old_answer_is_no_mood_and_too_little_is_no_level() -> None:
    [old] = health.health(customers(nps_age_days=366.0), FACTORS).to_dicts()
    assert old["coverage"] == pytest.approx(0.8)
    assert old["sentiment_points"] is None
    [bare] = health.health(
        customers(nps_age_days=None, active_day_count_30d=None, email_count_90d=0), FACTORS
    ).to_dicts()
    assert bare["coverage"] == pytest.approx(0.4)
    assert bare["risk_level"] is None
