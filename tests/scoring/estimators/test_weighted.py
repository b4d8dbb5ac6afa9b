"""The weighted score by hand: the lead score of fit and engagement, known and unknown parts."""

import numpy as np
import polars as pl
import pytest

from scoring.estimators.weighted import WeightedScore

FIT = {"size": 0.3, "industry": 0.2, "role": 0.2, "budget": 0.3}
ENGAGEMENT = {"website": 0.3, "downloads": 0.2, "email": 0.3, "events": 0.2}
GROUPS = {"fit": list(FIT), "engagement": list(ENGAGEMENT)}
WEIGHTS = {**FIT, **ENGAGEMENT, "fit": 0.5, "engagement": 0.5}
FULL = {"size": 100.0, "industry": 50.0, "role": 0.0, "budget": 80.0,
        "website": 20.0, "downloads": 100.0, "email": 40.0, "events": 0.0}  # fmt: skip
# fit: 30 + 10 + 0 + 24 = 64; engagement: 6 + 20 + 12 + 0 = 38; score (64 + 38) / 2 = 51


def row(**changes) -> pl.DataFrame:
    return pl.DataFrame([{**FULL, **changes}], schema=dict.fromkeys(FULL, pl.Float64))


def score(frame: pl.DataFrame, **parameters) -> dict[str, float]:
    rule = WeightedScore(WEIGHTS, GROUPS, **parameters).set_output(transform="polars")
    return rule.fit(row()).transform(frame).row(0, named=True)


def test_all_known():
    assert score(row()) == pytest.approx({"score": 51, "coverage": 1, "fit": 64, "engagement": 38})


def test_unknown_within_a_group_is_not_zero():
    # Without budget fit is (30 + 10 + 0) / .7; .85 of the weights are known.
    found = score(row(budget=None))
    assert found == pytest.approx({"score": (40 / 0.7 + 38) / 2, "coverage": 0.85, "fit": 40 / 0.7, "engagement": 38})


def test_a_whole_group_unknown_leaves_the_other():
    nothing = dict.fromkeys(ENGAGEMENT)
    assert score(row(**nothing)) == pytest.approx(
        {"score": 64, "coverage": 0.5, "fit": 64, "engagement": np.nan}, nan_ok=True
    )
    assert np.isnan(score(row(**nothing, size=None))["score"])
    assert score(row(**nothing, size=None), min_coverage=0.3)["score"] == pytest.approx(34 / 0.7)


def test_zero_and_propagate():
    assert score(row(budget=None), missing="zero")["score"] == pytest.approx((40 + 38) / 2)
    found = score(row(budget=None), missing="propagate")
    assert np.isnan(found["score"])
    assert np.isnan(found["fit"])
    assert found["engagement"] == pytest.approx(38)


def test_nothing_known_is_no_score():
    assert np.isnan(score(row(**dict.fromkeys(FULL)), min_coverage=0.0)["score"])


def test_parts_by_hand_and_their_sums():
    rule = WeightedScore(WEIGHTS, GROUPS).fit(row())
    assert rule.parts(row())[0] == pytest.approx([15, 5, 0, 12, 3, 10, 6, 0])
    assert rule.lost(row())[0] == pytest.approx([0, 5, 10, 3, 12, 0, 9, 10])
    partly = row(budget=None, email=None)
    total = rule.transform(partly)[0, 0]
    assert rule.parts(partly).sum() == pytest.approx(total)
    assert rule.lost(partly).sum() == pytest.approx(100 - total)


def test_columns_without_groups_and_values_beyond_the_scale():
    X = np.array([[150.0, -20.0, 50.0]])
    assert WeightedScore(min_coverage=0).fit(X).transform(X)[0].tolist() == [50.0, 1.0, 50.0]
    assert WeightedScore([2, 1, 1]).fit(X).transform(X)[0, 0] == pytest.approx(62.5)
    assert WeightedScore({"x0": 3.0}).fit(X).transform(X)[0, 0] == pytest.approx(100.0)


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"weights": {"size": -1.0}}, "at least 0"),
        ({"weights": {"nobody": 1.0}}, "nobody"),
        ({"weights": [1.0]}, "1 weights for 8 columns"),
        ({"weights": dict.fromkeys(FULL, 0.0)}, "no weight is above 0"),
        ({"groups": {"a": ["size"], "b": ["size"]}}, "one group"),
        ({"groups": {"size": ["role"]}}, "name of a column"),
        ({"missing": "mean"}, "missing must be"),
        ({"min_coverage": 50}, "share from 0 to 1"),
    ],
)
def test_rules_that_make_no_sense_are_refused(parameters, message):
    with pytest.raises(ValueError, match=message):
        WeightedScore(**parameters).fit(row())
