"""Rows of one subject count as little more than one: what repeats is not taken for what is sure."""

import numpy as np
import polars as pl

from scoring.estimators.additive import AdditiveClassifier
from scoring.estimators.spline import STRENGTHS, choose_strength
from scoring.evaluation.backtest import fitted
from scoring.evaluation.metrics import auc_interval


def repeated(subjects: int, times: int, seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Subjects that stand in the rows several times, with thirty numbers that tell nothing of their label."""
    rng = np.random.default_rng(seed)
    own = rng.normal(size=(subjects, 30))
    y = (rng.random(subjects) < 0.3).astype(np.int64)
    return np.repeat(own, times, axis=0), np.repeat(y, times), np.repeat(np.arange(subjects), times)


def test_a_subject_does_not_tell_itself() -> None:
    """Where a subject stands on both sides of a fold, noise looks like knowledge, and the penalty is too weak."""
    x, y, subjects = repeated(150, 5, 0)
    rising = np.zeros(x.shape[1], dtype=bool)
    assert choose_strength(x, y, None, None, rising, 0) > STRENGTHS[0]
    assert choose_strength(x, y, None, subjects, rising, 0) == STRENGTHS[0]


def test_what_is_told_of_its_subjects_claims_less_of_others() -> None:
    x, y, subjects = repeated(150, 5, 1)
    frame = pl.DataFrame(x, schema=[f"x{number}" for number in range(30)])
    new, outcome, _ = repeated(600, 1, 2)
    later = pl.DataFrame(new, schema=frame.columns)

    def spread(groups: np.ndarray | None) -> float:
        model = fitted(AdditiveClassifier(kind="spline"), frame, y, groups)
        p = model.predict_proba(later)[:, 1]
        assert auc_interval(outcome, p, level=0.999).low < 0.5
        return float(np.std(p))

    assert spread(subjects) < 0.5 * spread(None)
