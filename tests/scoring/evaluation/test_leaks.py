"""Planted leaks are found, and honest features are let through."""

import numpy as np
import pandas as pd
import polars as pl
import pytest
from scipy.special import expit

from scoring.evaluation.leaks import leak_report


@pytest.fixture(scope="module")
def world():
    rng = np.random.default_rng(0)
    count = 3000
    size, visits = rng.normal(size=count), rng.poisson(3, count)
    p = expit(-2 + 0.8 * size + 0.3 * visits)
    y = (rng.random(count) < p).astype(int)
    frame = pl.DataFrame(
        {
            "size": size,
            "visits": visits,
            "region": rng.choice(["north", "south", None], count),
            "lead_id": [f"L{i}" for i in range(count)],
        }
    )
    return frame, y, p


def checks(report):
    return {(finding.check, finding.feature) for finding in report.findings}


def test_honest_features_pass(world):
    frame, y, p = world
    report = leak_report(frame, y, p, forward=(y[::2], p[::2]), later=frame)
    assert report.findings == ()
    assert report.verdict
    # An id, with a level for every row, knows nothing of a row that it was not told of.
    alone = dict(report.features.select("feature", "auc").rows())
    assert alone["lead_id"] == pytest.approx(0.5, abs=0.03)
    assert alone["size"] > 0.6


def test_a_feature_that_knows_the_outcome_is_found_whatever_its_shape(world):
    frame, y, _ = world
    rng = np.random.default_rng(1)
    flipped = np.where(rng.random(y.size) < 0.03, 1 - y, y)
    leaks = frame.with_columns(
        number=pl.Series(flipped * 100.0 + rng.normal(size=y.size)),
        text=pl.Series(np.where(flipped == 1, "invoice sent", "")),
        hump=pl.Series(np.where(flipped == 1, rng.normal(size=y.size) * 0.1, rng.choice([-5.0, 5.0], y.size))),
    )
    found = checks(leak_report(leaks, y))
    for name in ("number", "text", "hump"):
        assert ("feature_auc", name) in found
    assert ("missing_auc", "text") in found
    assert not {name for _, name in found} & {"size", "visits", "region", "lead_id"}


def test_a_field_filled_in_at_the_close_is_found_by_its_gaps(world):
    frame, y, _ = world
    rng = np.random.default_rng(2)
    account = np.where((y == 1) | (rng.random(y.size) < 0.4), "known", None)
    report = leak_report(frame.with_columns(account=pl.Series(account)), y)
    assert checks(report) == {("missing_auc", "account")}
    assert "Whether account is missing tells the outcome" in report.verdict.reason


def test_gaps_that_tell_the_outcome_only_together_are_found():
    rng = np.random.default_rng(3)
    y = rng.integers(0, 2, 4000)
    gaps = rng.random((4000, 8)) < np.where(y == 1, 0.35, 0.2)[:, None]
    report = leak_report(np.where(gaps, np.nan, rng.normal(size=gaps.shape)), y)
    assert checks(report) == {("missing_auc", "")}


def test_a_model_that_is_too_good_or_worse_live_is_found(world):
    frame, y, p = world
    perfect = np.clip(y * 0.98 + 0.01, 0, 1)
    assert ("auc", "") in checks(leak_report(frame, y, perfect))
    rng = np.random.default_rng(4)
    blurred = expit(np.log(p / (1 - p)) + 2 * rng.normal(size=p.size))
    assert checks(leak_report(frame, y, p, forward=(y, blurred))) == {("auc_drop", "")}


def test_one_strong_feature_that_brings_all_the_skill_is_found(world):
    frame, y, _ = world
    rng = np.random.default_rng(6)
    hint = y + 0.9 * rng.normal(size=y.size)
    # Normal with means 0 and 1: log-odds are linear in the hint, its AUC is Φ(1 / (0.9 √2)) = 0.784.
    alone = expit(np.log(y.mean() / (1 - y.mean())) + (hint - 0.5) / 0.81)
    report = leak_report(frame.with_columns(hint=pl.Series(hint)), y, alone)
    assert checks(report) == {("feature_skill_rate", "hint")}
    assert report.findings[0].value == pytest.approx(1, abs=0.1)


def test_a_weak_model_may_lean_on_one_honest_driver():
    """Most of a little skill is a little skill: log-odds rise by 0.5 with x alone, an AUC of about 0.64."""
    rng = np.random.default_rng(7)
    x = rng.normal(size=4000)
    p = expit(-1 + 0.5 * x)
    y = (rng.random(4000) < p).astype(int)
    frame = pl.DataFrame({"x": x, "noise": rng.normal(size=4000)})
    report = leak_report(frame, y, p)
    assert report.features["skill_rate"][0] > 0.8 * (1 - _mean_loss(y, p) / _mean_loss(y, y.mean()))
    assert report.findings == ()


def test_a_share_that_may_be_below_the_limit_is_none_of_its_own():
    """With 120 rows the interval of a share is wide: a strong feature among others is not accused."""
    rng = np.random.default_rng(8)
    x, z = rng.normal(size=(2, 120))
    logit = 1.6 * x + 0.6 * z
    y = (rng.random(120) < expit(logit)).astype(int)
    report = leak_report(pl.DataFrame({"x": x, "z": z}), y, expit(logit))
    assert report.features["auc"][0] > 0.75
    assert report.findings == ()


def _mean_loss(y, p):
    p = np.broadcast_to(p, y.shape)
    return float(-np.mean(np.where(y == 1, np.log(p), np.log(1 - p))))


def test_dates_and_the_nulls_of_pandas_are_understood(world):
    _, y, _ = world
    day = pd.Timestamp("2024-01-01") + pd.to_timedelta(np.where(y == 1, 90, 0) + np.arange(y.size) % 60, unit="D")
    text = pd.Series(np.where(y == 1, "known", None), dtype="string")
    assert checks(leak_report(pd.DataFrame({"closed_at": day, "note": text}), y)) == {
        ("feature_auc", "closed_at"),
        ("feature_auc", "note"),
        ("missing_auc", "note"),
    }


def test_a_feature_that_changes_after_the_label_is_found(world):
    frame, y, _ = world
    later = frame.with_columns(visits=pl.col("visits") + pl.Series(np.where(y == 1, 1, 0)))
    (finding,) = leak_report(frame, y, later=later).findings
    assert (finding.check, finding.feature) == ("changed_rate", "visits")
    assert finding.value == pytest.approx(y.mean())
    assert "100.0% of the positive and 0.0% of the negative" in finding.reason
    filled = frame.with_columns(pl.col("region").fill_null("west"))
    assert checks(leak_report(frame, y, later=filled)) == {("changed_rate", "region")}


def test_arrays_have_columns_too_and_wrong_shapes_are_refused(world):
    _, y, p = world
    assert leak_report(np.column_stack([p * 0, y]), y).findings[0].feature == "x1"
    with pytest.raises(ValueError, match="number of rows"):
        leak_report(np.zeros((3, 1)), y)
    with pytest.raises(ValueError, match="at least 5"):
        leak_report(np.zeros((6, 1)), [1, 0, 0, 0, 0, 0])
    with pytest.raises(ValueError, match="lacks the columns x0"):
        leak_report(np.zeros((y.size, 1)), y, later=pl.DataFrame({"other": y}))
