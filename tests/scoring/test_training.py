"""Training says what the data say: a planted driver is found, chance and foreknowledge are refused."""

import json
from datetime import datetime, timedelta

import numpy as np
import polars as pl
import pytest

from scoring.model import ScoreModel
from scoring.specs import Spec
from scoring.training import fit

AS_OF = datetime(2026, 6, 1)


def no_rule(frame: pl.DataFrame) -> pl.Series:
    return pl.Series("rule_score", np.full(frame.height, 50.0))


@pytest.fixture
def spec(monkeypatch: pytest.MonkeyPatch) -> Spec:
    made = Spec(
        "test_30d", "a test comes out", "lead_id", "features.f", "features.l", "label", "known_at", 30,
        ("secret",), no_rule, ("channel",),
    )  # fmt: skip
    monkeypatch.setattr("scoring.specs.SPECS", (made,))
    return made


def panel(rows: int, strength: float, seed: int = 0, **columns: object) -> pl.DataFrame:
    """Leads at nine monthly cut-offs; log-odds rise by `strength` with x, and by one in channel a."""
    rng = np.random.default_rng(seed)
    x, channel = rng.normal(size=rows), rng.choice(["a", "b"], rows)
    logit = -1 + strength * (x + (channel == "a"))
    months = np.sort(rng.integers(0, 9, rows))
    frame = pl.DataFrame(
        {
            "tenant_id": "t",
            "lead_id": [f"l{number}" for number in range(rows)],
            "cutoff_at": [datetime(2025, 7, 1) + timedelta(days=30 * int(month)) for month in months],
            "is_latest": False,
            "x": x,
            "channel": channel,
            "noise": rng.normal(size=rows),
            "secret": logit,
            "label": rng.random(rows) < 1 / (1 + np.exp(-logit)),
        }
    )
    return frame.with_columns(**{name: pl.Series(values) for name, values in columns.items()})


def test_a_planted_driver_is_found_with_its_sign_and_what_is_barred_is_not_seen(spec: Spec) -> None:
    rows = panel(1500, 1.0)
    fitted = fit(spec, rows, AS_OF)
    assert fitted.chosen in ("spline", "additive", "blend")
    model = ScoreModel.from_json(json.dumps(fitted.model))
    assert set(model.features) == {"x", "channel", "noise"}
    parts = dict(zip(model.names, model.contributions(rows).T, strict=True))
    assert np.corrcoef(parts["x"], rows["x"])[0, 1] > 0.9
    assert fitted.card["importance"][0]["feature"] == "x"
    assert fitted.card["importance"][-1]["feature"] == "noise"
    in_a = (rows["channel"] == "a").to_numpy()
    assert parts["channel"][in_a].mean() > parts["channel"][~in_a].mean() + 0.5
    assert model.intercept + sum(parts.values()) == pytest.approx(model.log_odds(rows), abs=1e-9)


@pytest.mark.slow
def test_the_same_rows_give_the_same_model(spec: Spec) -> None:
    rows = panel(900, 1.0)
    assert json.dumps(fit(spec, rows, AS_OF).model) == json.dumps(fit(spec, rows, AS_OF).model)


@pytest.mark.slow
def test_chance_is_refused_with_a_reason(spec: Spec) -> None:
    fitted = fit(spec, panel(2000, 0.0), AS_OF)
    assert fitted.chosen == "base"
    assert "base" in fitted.model["reason"]
    model = ScoreModel.from_dict(fitted.model)
    rows = panel(50, 0.0, seed=1)
    assert model.probability(rows) == pytest.approx(np.full(50, fitted.model["base_rate"]))


@pytest.mark.slow
def test_a_feature_that_knows_the_outcome_is_refused(spec: Spec) -> None:
    rows = panel(2000, 0.3)
    known = rows["label"].cast(pl.Float64) + np.random.default_rng(5).normal(scale=0.1, size=rows.height)
    fitted = fit(spec, rows.with_columns(closing=known), AS_OF)
    assert fitted.chosen == "base"
    assert "closing" in fitted.model["reason"]


def test_too_few_outcomes_give_the_base_rate(spec: Spec) -> None:
    fitted = fit(spec, panel(60, 1.0), AS_OF)
    assert fitted.chosen == "base"
    fitted = fit(spec, panel(60, 1.0).with_columns(label=pl.lit(value=False)), AS_OF)
    assert fitted.chosen == "base"
    assert ScoreModel.from_dict(fitted.model).probability(panel(3, 1.0)) == pytest.approx([0, 0, 0])


@pytest.mark.parametrize(
    "change",
    [
        {"schema": 2},
        {"kind": "pickle"},
        {"score": "unknown"},
        {"base_rate": 2},
        {"base_rate": "0.5"},
        {"features": "x"},
        {"calibration": [1]},
        {"calibration": [0, float("inf")]},
        {"kind": "rule"},
        {"kind": "blend"},
    ],
)
def test_a_hostile_model_is_refused(spec: Spec, change: dict) -> None:
    good = fit(spec, panel(60, 1.0), AS_OF).model
    ScoreModel.from_dict(good)
    with pytest.raises(ValueError):
        ScoreModel.from_dict(good | change)
