"""Champion and challenger stand on the same rows, new to both; the numbers are worked out by hand."""

import math
from datetime import datetime, timedelta
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from scoring.contest import contest
from scoring.model import ScoreModel
from scoring.specs import Spec
from scoring.training import RuleClassifier, candidates, fit

AS_OF = datetime(2026, 6, 1)
START = datetime(2025, 1, 1)


def share_of_x(frame: pl.DataFrame) -> pl.Series:
    return 100 * frame["x"]


@pytest.fixture
def spec(monkeypatch: pytest.MonkeyPatch) -> Spec:
    made = Spec(
        "test_30d", "a test comes out", "lead_id", "features.f", "features.l", "label", "known_at", 30,
        (), share_of_x, (),
    )  # fmt: skip
    monkeypatch.setattr("scoring.specs.SPECS", (made,))
    return made


def snapshots(rates: list[float], size: int = 200) -> pl.DataFrame:
    """A cut-off every 30 days, with so many positives of `size` rows; x is 1 for the positive ones."""
    frames = []
    for month, rate in enumerate(rates):
        is_positive = np.arange(size) < rate * size
        frames.append(
            pl.DataFrame(
                {
                    "tenant_id": "t",
                    "lead_id": [f"l{month}-{number}" for number in range(size)],
                    "cutoff_at": START + timedelta(days=30 * month),
                    "is_latest": False,
                    "x": is_positive.astype(np.float64),
                    "label": is_positive,
                }
            )
        )
    return pl.concat(frames)


def base_model(rate: float, trained_until: datetime) -> ScoreModel:
    return ScoreModel.from_dict(
        {
            "schema": 1, "score": "test_30d", "kind": "base", "reason": "", "base_rate": rate, "features": [],
            "calibration": None, "trained_until": str(trained_until), "reference": None,
        }
    )  # fmt: skip


def test_both_are_measured_on_the_newest_fifth_of_the_cut_offs(spec: Spec) -> None:
    """Ten cut-offs of 200 rows, a tenth positive in the first eight, a half in the last two: those are the test.

    The champion says 1/2: its loss is ln 2. The challenger, a base rate too, knows the cut-offs up to a horizon before
    the ninth, all eight: (160 + ½) ÷ 1601. Of 400 rows 200 are positive: its loss is −½ ln p − ½ ln (1 − p).
    """
    rows = snapshots([0.1] * 8 + [0.5] * 2)
    found = contest(spec, rows, "base", base_model(0.5, START), {}, is_calibrated=False)
    p = 160.5 / 1601
    assert (found.row_count, found.first_cutoff) == (400, str(START + timedelta(days=240)))
    assert found.champion_log_loss == pytest.approx(math.log(2))
    assert found.challenger_log_loss == pytest.approx(-0.5 * math.log(p) - 0.5 * math.log(1 - p))
    # Per row the difference is a for the positive, b for the negative half: its deviation is |a − b| / 2.
    a, b = -math.log(p) - math.log(2), -math.log(1 - p) - math.log(2)
    assert found.excess == pytest.approx((a + b) / 2)
    assert found.excess_error == pytest.approx(abs(a - b) / 2 / math.sqrt(399))
    assert not found.is_won
    assert "On the same 400 outcomes of 2025-08-29 to 2025-09-28" in found.reason


def test_the_better_one_wins_and_one_as_good_may(spec: Spec) -> None:
    rows = snapshots([0.1] * 10)
    assert contest(spec, rows, "base", base_model(0.5, START), {}, is_calibrated=False).is_won
    known = 160.5 / 1601
    same = contest(spec, rows, "base", base_model(known, START), {}, is_calibrated=False)
    assert same.is_won
    assert same.excess == pytest.approx(0, abs=1e-12)
    told = contest(spec, rows, "rule", base_model(0.1, START), {"rule": RuleClassifier(spec)}, is_calibrated=False)
    assert told.is_won
    assert told.challenger_log_loss is not None
    assert told.challenger_log_loss < 0.1


def test_what_the_champion_may_have_learnt_from_does_not_count(spec: Spec) -> None:
    """Learnt up to the eighth cut-off, day 210: labels reach day 240, so that the ninth, on that day, is new."""
    rows = snapshots([0.1] * 10)
    last_but_one = START + timedelta(days=210)
    assert contest(spec, rows, "base", base_model(0.1, last_but_one), {}, is_calibrated=False).row_count == 400
    later = last_but_one + timedelta(days=1)
    assert contest(spec, rows, "base", base_model(0.1, later), {}, is_calibrated=False).row_count == 200
    newest = contest(spec, rows, "base", base_model(0.1, START + timedelta(days=270)), {}, is_calibrated=False)
    assert not newest.is_won
    assert newest.row_count == 0
    assert "Only 0 outcomes are known that are new to the model in force, 100 are needed" in newest.reason


def test_the_challenger_has_learnt_nothing_from_the_rows_that_it_is_judged_on(spec: Spec) -> None:
    """What held for eight cut-offs turns round in the last two: a model that had seen them would know."""
    rows = snapshots([0.3] * 10)
    turned = rows.with_columns(
        pl.when(pl.col("cutoff_at") >= START + timedelta(days=240))
        .then(1 - pl.col("x"))
        .otherwise(pl.col("x"))
        .alias("x")
    )
    found = contest(spec, turned, "rule", base_model(0.3, START), dict(candidates(spec)), is_calibrated=False)
    assert not found.is_won
    assert found.challenger_log_loss is not None
    assert found.challenger_log_loss > 2


def test_snapshots_of_one_subject_count_as_one(spec: Spec) -> None:
    """The same rows, four times each under one name: the error stays that of the names."""
    rows = snapshots([0.1] * 10, size=100)
    once = contest(spec, rows, "base", base_model(0.5, START), {}, is_calibrated=False)
    often = contest(
        spec, pl.concat([rows] * 4).sort("cutoff_at"), "base", base_model(0.5, START), {}, is_calibrated=False
    )
    assert often.row_count == 4 * once.row_count
    assert often.excess_error == pytest.approx(once.excess_error, rel=0.01)


def test_training_keeps_the_comparison_in_the_card_and_promotes_by_it(
    spec: Spec, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A champion of last year that says 1/2 for all gives way; one that was fitted on the same rows has had no test."""
    from scoring import fitting
    from warehouse import registry
    from warehouse.settings import Settings

    settings = Settings(home=tmp_path)
    home = settings.layout()
    rows = snapshots([0.3] * 10, size=60)
    monkeypatch.setattr(fitting, "SPECS", (spec,))
    monkeypatch.setattr(fitting, "training_rows", lambda con, spec: (rows, AS_OF))
    first = fit(spec, rows, AS_OF)
    document = first.model | {
        "kind": "base", "base_rate": 0.5, "calibration": None, "trained_until": str(START), "features": []
    }  # fmt: skip
    document.pop("additive", None)
    registry.promote(home, spec.score, registry.save(home, spec.score, document, {}, "").version, "")
    [outcome] = fitting.fit_all(settings)
    assert outcome.version.is_champion
    assert "On the same 120 outcomes" in outcome.decision
    assert "On the same 120 outcomes" in registry.load(home, spec.score, outcome.version.version, registry.CARD_TEXT)
    [again] = fitting.fit_all(settings)
    assert not again.version.is_champion
    assert "Only 0 outcomes" in again.decision
