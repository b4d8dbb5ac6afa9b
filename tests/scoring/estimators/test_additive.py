"""The additive classifier: exact sums, recovered effects, and the same answer from every kind of frame."""

import json

import numpy as np
import pandas as pd
import polars as pl
import pytest
from scipy.special import expit, logit
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.metrics import roc_auc_score

from scoring.estimators.additive import AdditiveClassifier

from .conftest import mixed

KINDS = ("blend", "spline", "boosting")


@pytest.fixture(scope="module")
def fitted(data) -> dict[str, AdditiveClassifier]:
    return {kind: AdditiveClassifier(kind=kind, max_iter=100).fit(*data) for kind in KINDS}


@pytest.mark.parametrize("kind", KINDS)
def test_contributions_sum_to_the_log_odds_of_the_probability(kind, fitted, data):
    frame, _ = data
    model = fitted[kind]
    contributions = model.contributions(frame)
    assert contributions.shape == (3000, 10)
    total = contributions.sum(axis=1) + model.intercept_
    assert np.abs(total - model.decision_function(frame)).max() < 1e-9
    assert np.abs(total - logit(model.predict_proba(frame)[:, 1])).max() < 1e-9


def test_contributions_are_centred_on_the_rows_of_fit(fitted, data):
    assert np.abs(fitted["blend"].contributions(data[0]).mean(axis=0)).max() < 1e-9


def test_the_blend_is_the_mean_of_the_log_odds_of_its_parts(fitted, data):
    frame = mixed(500, seed=9)[0]
    parts = [fitted[kind].decision_function(frame) for kind in ("spline", "boosting")]
    assert np.abs(np.mean(parts, axis=0) - fitted["blend"].decision_function(frame)).max() < 1e-9


def test_the_boosted_part_equals_scikit_learn_on_the_same_values():
    # Few distinct values, so that both bin alike; and missing ones.
    rng = np.random.default_rng(3)
    X = rng.integers(0, 60, (2000, 3)).astype(float)
    X[rng.random((2000, 3)) < 0.1] = np.nan
    y = (rng.random(2000) < expit(np.nan_to_num(X[:, 0], nan=90.0) / 30 - 1 - np.sin(np.nan_to_num(X[:, 1])))).astype(
        int
    )
    theirs = HistGradientBoostingClassifier(
        interaction_cst="no_interactions", learning_rate=0.05, max_iter=80, max_leaf_nodes=4, min_samples_leaf=50,
        l2_regularization=1.0, early_stopping=False,
    ).fit(X, y)  # fmt: skip
    ours = AdditiveClassifier(kind="boosting", max_iter=80).fit(X, y)
    between = rng.uniform(-10, 70, (1000, 3))
    assert np.abs(theirs.decision_function(X) - ours.decision_function(X)).max() < 1e-9
    assert np.abs(theirs.decision_function(between) - ours.decision_function(between)).max() < 1e-9


def test_a_known_smooth_effect_is_recovered():
    rng = np.random.default_rng(1)
    x = rng.uniform(-2, 2, 40_000)
    truth = 1.5 * np.sin(1.5 * x)
    y = (rng.random(len(x)) < expit(truth)).astype(int)
    noise = rng.normal(size=len(x))
    model = AdditiveClassifier().fit(pl.DataFrame({"x": x, "noise": noise}), y)
    contributions = model.contributions(pl.DataFrame({"x": x, "noise": noise}))
    assert np.sqrt(np.mean((contributions[:, 0] - (truth - truth.mean())) ** 2)) < 0.1
    assert np.std(contributions[:, 1]) < 0.06


def test_refitting_gives_the_same_model(fitted, data):
    again = AdditiveClassifier(max_iter=100).fit(*data)
    assert json.dumps(again.to_dict()) == json.dumps(fitted["blend"].to_dict())


def test_polars_pandas_and_reordered_columns_give_the_same(fitted, data):
    frame, y = data
    model = fitted["blend"]
    plain = pd.DataFrame({name: frame[name].to_list() for name in frame.columns})
    categorical = frame.with_columns(pl.col("page").cast(pl.Categorical), pl.col("plan; select 1").cast(pl.Enum(
        frame["plan; select 1"].unique())))  # fmt: skip
    expected = model.predict_proba(frame)
    for other in (plain, plain.assign(page=plain["page"].astype("category")), categorical, frame[frame.columns[::-1]]):
        assert np.array_equal(model.predict_proba(other), expected)
    on_pandas = AdditiveClassifier(max_iter=100).fit(plain, pd.Series(y)).to_dict()
    assert on_pandas["features"] == model.to_dict()["features"]


def test_dropped_columns_may_be_left_out_and_others_may_not(fitted, data):
    frame, _ = data
    model = fitted["blend"]
    used = frame.drop("customer", "empty", "country")
    assert np.array_equal(model.decision_function(used), model.decision_function(frame))
    assert {d.name for d in model.dropped_} == {"customer", "empty", "country"}
    with pytest.raises(ValueError, match=r"now missing: \['seats'\]"):
        model.predict_proba(frame.drop("seats"))
    with pytest.raises(ValueError, match=r"unseen at fit time: \['other'\]"):
        model.predict_proba(frame.with_columns(other=1))


def test_what_was_never_seen_moves_nothing(fitted, data):
    frame = (
        data[0].head(3).with_columns(page=pl.lit("a new page"), seats=None, since=pl.Series([None] * 3, dtype=pl.Date))
    )
    contributions = fitted["blend"].contributions(frame)
    for name in ("page", "seats", "since"):
        assert np.array_equal(contributions[:, frame.columns.index(name)], np.zeros(3))


def test_a_shuffled_label_teaches_nothing():
    areas = []
    for seed in range(6):
        frame, y = mixed(2000, seed)
        y = np.random.default_rng(seed).permutation(y)
        p = AdditiveClassifier(max_iter=100).fit(frame[:1000], y[:1000]).predict_proba(frame[1000:])[:, 1]
        areas.append(roc_auc_score(y[1000:], p))
    # The standard error of one area is .018 with 1,000 rows, that of the mean of six .0075.
    assert abs(np.mean(areas) - 0.5) < 0.025


@pytest.mark.parametrize("kind", KINDS)
def test_a_monotonic_column_rises_everywhere(kind):
    rng = np.random.default_rng(5)
    x = rng.uniform(0, 10, 3000)
    y = (rng.random(3000) < expit(0.4 * x - 2 + np.where((x > 4) & (x < 6), -1.5, 0.0))).astype(int)
    frame = pl.DataFrame({"x": x, "z": rng.normal(size=3000)})
    grid = pl.DataFrame({"x": np.linspace(-1, 11, 2001), "z": 0.0})
    free = AdditiveClassifier(kind).fit(frame, y).contributions(grid)[:, 0]
    held = AdditiveClassifier(kind, monotonic_cst={"x": 1}).fit(frame, y).contributions(grid)[:, 0]
    falling = AdditiveClassifier(kind, monotonic_cst=[-1, 0]).fit(frame, 1 - y).contributions(grid)[:, 0]
    assert np.diff(free).min() < -1e-3
    assert np.diff(held).min() >= -1e-9
    assert np.diff(falling).max() <= 1e-9
    assert held[-1] - held[0] > 1.5


def test_a_frame_without_any_usable_column_gives_the_base_rate():
    frame = pl.DataFrame({"id": [f"r{i}" for i in range(100)], "one": [1] * 100})
    model = AdditiveClassifier().fit(frame, [True] * 25 + [False] * 75)
    assert model.predict_proba(frame)[:, 1] == pytest.approx(0.25)
    assert not model.contributions(frame).any()


ROWS = 400
ODD = {
    "four rows": {"x": [1.0, 2.0, 3.0, 4.0]},
    "amounts beyond powers of doubles": {"x": [float(i) * 1e298 for i in range(ROWS)]},
    "shares near the smallest double": {"x": [i % 30 * 5e-324 for i in range(ROWS)]},
    "neighbouring doubles": {"x": [1.0 if i % 3 else float(np.nextafter(1, 2)) for i in range(ROWS)]},
    "many orders of magnitude": {"x": [10.0 ** (i % 250) for i in range(ROWS)]},
    "one value and missing ones": {"x": [1.0 if i % 3 else None for i in range(ROWS)]},
    "one finite value": {"x": [1.0 if i % 3 else float("inf") for i in range(ROWS)]},
    "one level and missing ones": {"x": ["a" if i % 3 else None for i in range(ROWS)]},
    "mostly zero": {"x": [0.0 if i % 50 else float(i) for i in range(ROWS)]},
    "names that the code might use": {"level": ["a", "b"] * 200, "rows": ["c", "d"] * 200, "": ["e", "f"] * 200},
}


@pytest.mark.parametrize("columns", ODD.values(), ids=ODD.keys())
@pytest.mark.filterwarnings("error")
def test_odd_columns_are_learned_and_kept(columns):
    frame = pl.DataFrame(columns)
    y = np.arange(frame.height) // 2 % 2
    model = AdditiveClassifier(max_iter=10).fit(frame, y)
    p = model.predict_proba(frame)
    assert np.isfinite(p).all()
    read = AdditiveClassifier.from_dict(json.loads(json.dumps(model.to_dict(), allow_nan=False)))
    assert np.array_equal(read.predict_proba(frame), p)


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"kind": "forest"}, "kind must be"),
        ({"monotonic_cst": {"nobody": 1}}, "nobody"),
        ({"monotonic_cst": {"page": 1}}, "categories without an order"),
    ],
)
def test_parameters_that_make_no_sense_are_refused(parameters, message, data):
    with pytest.raises(ValueError, match=message):
        AdditiveClassifier(**parameters).fit(*data)
