"""The strength of the prior is chosen on folds, of which some may have nothing to learn from."""

import numpy as np
import polars as pl
from sklearn.model_selection import StratifiedGroupKFold

from scoring.estimators.additive import AdditiveClassifier


def test_a_few_subjects_with_outcomes_of_both_kinds_can_be_learnt_from() -> None:
    """Four subjects, of which two have both outcomes: a fold that holds both leaves one kind to learn from."""
    ones, others = (2, 9, 0, 0), (5, 4, 3, 8)
    y = np.concatenate([[1] * one + [0] * other for one, other in zip(ones, others, strict=True)])
    groups = np.repeat(range(4), np.add(ones, others))
    state = int(np.random.default_rng(0).integers(2**31))  # that of the estimator's default seed
    splits = StratifiedGroupKFold(2, shuffle=True, random_state=state).split(y, y, groups)
    assert 1 in [len(np.unique(y[train])) for train, _ in splits], "no split leaves one kind: this proves nothing"
    frame = pl.DataFrame({"x": np.random.default_rng(11).normal(size=len(y))})
    p = AdditiveClassifier(kind="spline").fit(frame, y, groups=groups).predict_proba(frame)
    assert np.isfinite(p).all()
