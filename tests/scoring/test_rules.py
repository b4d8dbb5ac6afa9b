"""Rules against scores computed by hand."""

from dataclasses import replace

import numpy as np
import polars as pl
import pytest

from scoring.rules import churn, health, lead
from scoring.rules.change import PartNow, smallest_change
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


def test_what_would_change_the_level() -> None:
    """To fall just below 75 it has to lose 3.01: of use at 0.3 that is 10.03 points of 50, and 4.796 days instead of 6.

    Red at 28 (no use: −15, no feature: −25, NPS of 4: −10): 22 are missing, of use 73.3 points, 8.8 days of 12.
    """
    green = customers()
    assert health.level_changes(green, health.health(green, FACTORS), FACTORS).to_list() == [
        "Usage frequency of 4.7 instead of 6 would make it yellow."
    ]
    red = customers(active_day_count_30d=0, distinct_key_feature_count_30d=0, nps_score=4)
    scored = health.health(red, FACTORS)
    assert scored["score"][0] == pytest.approx(28)
    assert health.level_changes(red, scored, FACTORS).to_list() == [
        "Usage frequency of 8.8 instead of 0 would make it yellow."
    ]


def test_an_old_answer_is_no_mood_and_too_little_is_no_level() -> None:
    [old] = health.health(customers(nps_age_days=366.0), FACTORS).to_dicts()
    assert old["coverage"] == pytest.approx(0.8)
    assert old["sentiment_points"] is None
    [bare] = health.health(
        customers(nps_age_days=None, active_day_count_30d=None, email_count_90d=0), FACTORS
    ).to_dicts()
    assert bare["coverage"] == pytest.approx(0.4)
    assert bare["risk_level"] is None


def test_the_smallest_change_of_one_part_by_hand() -> None:
    """Use has 40 points at weight 3, mood 20 at weight 1: 35. For 50 use needs 60, 20 more; mood 80, 60 more."""
    use, mood = PartNow("daily_use", 3, 40.0, 4.0, (0.0, 10.0)), PartNow("mood", 1, 20.0, 2.0, (0.0, 10.0))
    found = smallest_change([use, mood], 50)
    assert found is not None
    assert (found.part.name, found.points) == ("daily_use", pytest.approx(60))
    assert found.words == "daily use of 6 instead of 4"
    # Mood alone needs 4 × 50 − 3 × 40 = 80.
    found = smallest_change([replace(use, can_change=False), mood], 50)
    assert found is not None
    assert found.points == pytest.approx(80)
    assert smallest_change([replace(use, can_change=False), mood], 60) is None
    # Tickets: none are best. From 2 of 3 (33.3 points) to half of the points is 1.5, of which only less is enough.
    tickets = PartNow("tickets", 1, 100 / 3, 2.0, (3.0, 0.0))
    found = smallest_change([tickets], 50)
    assert found is not None
    assert found.words == "tickets of 1.5 instead of 2"


def test_of_parts_that_differ_by_rounding_alone_the_first_is_named() -> None:
    """Both need 20 points more; 0.1 + 0.2 is a little more than 0.3, whichever of them holds it."""
    for one, other in ((30.0, 100 * (0.1 + 0.2)), (100 * (0.1 + 0.2), 30.0)):
        parts = [PartNow("use", 1, one, one, (0.0, 100.0)), PartNow("mood", 1, other, other, (0.0, 100.0))]
        found = smallest_change(parts, 40)
        assert found is not None
        assert found.part.name == "use"


@pytest.mark.parametrize(
    ("part", "target", "words"),
    [
        # Of 0 to 0.5, from 0.18 to half: two decimals tell them apart.
        (PartNow("engagement", 1, 36.0, 0.18, (0.0, 0.5)), 50, "engagement of 0.25 instead of 0.18"),
        # 37.7 points are 0.1885 and 37.6 are 0.188: two decimals would call both 0.19.
        (PartNow("engagement", 1, 37.6, 0.188, (0.0, 0.5)), 37.7, "engagement of 0.189 instead of 0.188"),
        (PartNow("budget", 1, 20.0, 1_000_000.0, (0.0, 5_000_000.0)), 45, "budget of 2300000 instead of 1000000"),
        (PartNow("size", 1, None, None, (0.0, 50.0)), 89.99, "a known size of 45"),
    ],
)
def test_numbers_are_as_fine_as_their_scale(part: PartNow, target: float, words: str) -> None:
    found = smallest_change([part], target)
    assert found is not None
    assert found.words == words


def test_what_is_not_known_may_become_known() -> None:
    """30 points at weight 3; an unknown part of weight 1 would have to bring (50 × 4 − 90) = 110 for 50, 70 for 40."""
    known, unknown = PartNow("a", 3, 30.0, can_change=False), PartNow("b", 1, None)
    assert smallest_change([known, unknown], 50) is None
    found = smallest_change([known, unknown], 40)
    assert found is not None
    assert found.words == "a b worth 70 of 100 points"


@pytest.mark.parametrize("seed", range(3))
def test_the_change_takes_the_score_to_the_border_and_no_single_one_is_smaller(seed: int) -> None:
    """A law: the weighted mean with the new points is the target; and no point less of any part would be enough."""
    rng = np.random.default_rng(seed)
    for _ in range(200):
        points = [None if rng.random() < 0.2 else float(rng.uniform(0, 100)) for _ in range(4)]
        parts = [PartNow(str(i), float(rng.uniform(0.1, 1)), points[i]) for i in range(4)]
        target = float(rng.uniform(0, 100))
        found = smallest_change(parts, target)

        def mean(index: int, value: float, parts: list[PartNow] = parts) -> float:
            own = [replace(part, points=value) if i == index else part for i, part in enumerate(parts)]
            known = [(part.weight, part.points) for part in own if part.points is not None]
            return sum(w * p for w, p in known) / sum(w for w, _ in known)

        if found is None:
            assert all((mean(i, 0) > target - 1e-9) or (mean(i, 100) < target + 1e-9) for i in range(4))
            continue
        assert mean(int(found.part.name), found.points) == pytest.approx(target)
        start = mean(0, points[0]) if points[0] is not None else None
        if start is None or abs(start - target) < 1:
            continue
        for i, part in enumerate(parts):
            less = max(found.moved - 0.01, 0.0)
            for value in (
                ({(part.points or 0) + less, (part.points or 0) - less}) if part.points is not None else {less}
            ):
                if 0 <= value <= 100 and part.points is not None:
                    assert (mean(i, value) < target) == (start < target)


def tiers(frame: pl.DataFrame, now: str) -> str:
    full = frame.with_columns(asks_for_call=pl.lit(value=False), has_complete_data=pl.lit(value=False))
    return str(lead.tier_changes(full, lead.lead_score(full, PARTS), pl.Series([now]), PARTS)[0])


def test_what_would_make_a_lead_hot() -> None:
    """Fit 62.5 and engagement 37.5 are 50; for 60 the engagement has to be 57.5, 20 more.

    Website has 25 points at 0.3: 66.7 more, 91.7, which are 3.67 visits. E-mail has 66.7 at 0.3: 133 is too much.
    Downloads have 50 at 0.2: 150 is too much. Events have none at 0.2: all 100, more than the website's 66.7.
    """
    assert tiers(leads(), "warm") == "Website activity of 3.7 instead of 1 would make it hot."


def test_a_part_of_the_fit_may_become_known_and_what_is_known_stays() -> None:
    """Without a budget the fit is (15 + 20 + 20) ÷ 0.7 = 78.57, and the score 58.0. For 60 the fit has to be 82.5.

    The budget would need (82.5 − 55) ÷ 0.3 = 91.7 points. Engagement of 37.5 + 3.93 does as well: 13.1 more of the
    website, 38.1 points of 100, which are 1.52 visits.
    """
    assert tiers(leads(budget=None), "warm") == "Website activity of 1.6 instead of 1 would make it hot."
    asked = leads().with_columns(asks_for_call=pl.lit(value=True), has_complete_data=pl.lit(value=False))
    told = lead.tier_changes(asked, lead.lead_score(asked, PARTS), pl.Series(["hot"]), PARTS)[0]
    assert told == "It is hot because it asks for a call, whatever its score of 50."
    nothing = dict.fromkeys(("visit_decayed_count", "email_open_decayed_count", "email_click_decayed_count"), 0.0)
    told = tiers(
        leads(company_size=0, budget=0.0, download_decayed_count=0.0, industry="x", job_title="clerk", **nothing),
        "cold",
    )
    assert told.startswith("No single part would make it warm: 28 points are missing")
    assert lead.missing_parts(leads(budget=None, industry=None), PARTS).to_list() == [
        ["industry_match", "budget_indicator"]
    ]
