"""Explanations on a model whose tables are written by hand, and on a fitted one against brute force."""

import numpy as np
import polars as pl
import pytest
from scipy.special import expit

from scoring.estimators.additive import AdditiveClassifier
from scoring.estimators.columns import Column
from scoring.estimators.explain import explain, global_importance, what_would_change
from scoring.estimators.tables import AdditiveTables, FeatureTable

PLAN = FeatureTable(Column("plan", 0, "category", levels=("free", "paid")), values=np.array([1.0, -0.5]), missing=0.2)
AGE = FeatureTable(
    Column("age", 1, "number", low=0.0, high=100.0, has_missing=True),
    missing=-0.3,
    edges=np.array([10.0, 50.0]),
    steps=np.array([2.0, 0.0, -2.0]),
)
# u from 0 to 1 over the whole range: contribution 4 u - 2
USE = FeatureTable(
    Column("use", 2, "number", low=0.0, high=10.0),
    knots=np.array([0.0, 10.0]),
    pieces=np.array([[-2.0, 4.0, 0.0, 0.0]]),
)
MODEL = AdditiveTables(-1.0, (PLAN, AGE, USE), ("plan", "age", "use", "unused"))
ROW = pl.DataFrame({"plan": ["free"], "age": [60.0], "use": [7.5], "unused": [1]})
# contributions 1, -2, 1, 0; log-odds -1


def test_factors_by_hand():
    found = explain(MODEL, ROW, labels={"use": "weekly use"})
    assert found.select("row", "direction", "rank", "feature", "value", "contribution").rows() == [
        (0, "up", 1, "plan", "free", 1.0),
        (0, "up", 2, "use", "7.5", 1.0),
        (0, "down", 1, "age", "60", -2.0),
    ]
    assert found["words"].to_list() == [
        "plan free raised the score (odds × 2.72)",
        "weekly use 7.5 raised the score (odds × 2.72)",
        "age 60 lowered the score (odds × 0.14)",
    ]


def test_top_limits_each_direction_and_missing_values_are_unknown():
    rows = pl.concat([ROW, ROW.with_columns(age=None)])
    found = explain(MODEL, rows, top=1)
    assert found.select("row", "direction", "feature").rows() == [
        (0, "up", "plan"), (0, "down", "age"), (1, "up", "plan"), (1, "down", "age"),
    ]  # fmt: skip
    assert found.row(3, named=True)["value"] is None
    assert found.row(3, named=True)["words"] == "age unknown lowered the score (odds × 0.74)"


def test_all_factors_of_a_fitted_model_sum_to_its_score(data):
    frame = data[0].head(50)
    model = AdditiveClassifier(max_iter=30).fit(*data)
    found = explain(model, frame, top=10)
    total = found.group_by("row").agg(pl.col("contribution").sum()).sort("row")["contribution"].to_numpy()
    # Factors below one in a million are left out.
    assert np.abs(total + model.intercept_ - model.decision_function(frame)).max() < 1e-5


def test_a_model_without_factors_explains_with_no_rows():
    empty = AdditiveTables(0.0, (), ("x",))
    assert explain(empty, pl.DataFrame({"x": [1]})).is_empty()


def test_importance_by_hand():
    rows = pl.DataFrame({"plan": ["free", "paid"], "age": [5.0, 20.0], "use": [5.0, 10.0], "unused": [0, 0]})
    found = global_importance(MODEL, rows)
    # means of |1|, |-.5|; |2|, |0|; |0|, |2|
    assert found.rows() == [
        ("age", 1.0, pytest.approx(1 / 2.75)), ("use", 1.0, pytest.approx(1 / 2.75)),
        ("plan", 0.75, pytest.approx(0.75 / 2.75)), ("unused", 0.0, 0.0),
    ]  # fmt: skip


def test_smallest_change_upwards_by_hand():
    # From log-odds -1 to -.04: use must give 1.96 (at 9.9, by .24 of its range), age -1.04 or more (50, by a tenth),
    # plan can give no more than it does.
    found = what_would_change(MODEL, ROW, float(expit(-0.04)))
    assert [(c.feature, c.before, c.after, c.size) for c in found.changes] == [
        ("age", 60.0, 50.0, pytest.approx(0.1)),
        ("use", 7.5, pytest.approx(9.9), pytest.approx(0.24)),
    ]
    assert found.changes[0].probability == pytest.approx(expit(1.0))
    assert found.words == "age 50 instead of 60 would bring it from 26.9% to 73.1%"


def test_smallest_change_downwards_and_only_of_what_can_be_changed():
    found = what_would_change(MODEL, ROW, float(expit(-1.5)), changeable={"plan", "use"})
    # use must give less than .5: below 6.25, an eighth of the range; another plan gives -.5.
    assert [c.feature for c in found.changes] == ["use", "plan"]
    assert found.changes[0].after == pytest.approx(6.25)
    assert found.changes[0].after < 6.25
    assert (found.changes[1].before, found.changes[1].after) == ("free", "paid")


def test_nothing_alone_would():
    found = what_would_change(MODEL, ROW, 0.999)
    assert found.changes == ()
    assert found.words == "nothing alone would lift it to 100%"


def test_every_proposed_change_crosses_and_no_smaller_one_does(data):
    frame, y = data
    model = AdditiveClassifier(max_iter=60).fit(frame, y)
    for i in range(12):
        row = frame[i]
        found = what_would_change(model, row, 0.5)
        above = model.predict_proba(row)[0, 1] >= 0.5
        for change in found.changes:
            if not isinstance(change.after, float) or frame.schema[change.feature] != pl.Float64:
                continue
            moved = row.with_columns(pl.lit(change.after).alias(change.feature))
            assert (model.predict_proba(moved)[0, 1] >= 0.5) != above
            if change.before is not None:
                between = np.linspace(change.before, change.after, 1000)[1:-1]
                rows = pl.concat([row] * len(between)).with_columns(pl.Series(change.feature, between))
                assert ((model.predict_proba(rows)[:, 1] >= 0.5) == above).all()


def test_one_row_a_probability_and_known_columns_are_needed():
    with pytest.raises(ValueError, match="one row"):
        what_would_change(MODEL, pl.concat([ROW, ROW]), 0.5)
    with pytest.raises(ValueError, match="above 0 and below 1"):
        what_would_change(MODEL, ROW, 50)
    with pytest.raises(ValueError, match="nobody"):
        what_would_change(MODEL, ROW, 0.5, changeable={"nobody"})
    with pytest.raises(TypeError, match="AdditiveClassifier"):
        explain(object(), ROW)
