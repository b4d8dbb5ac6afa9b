"""The strength of the prior is chosen on folds, of which some may have nothing to learn from."""

import numpy as np
import polars as pl

from scoring.estimators.additive import AdditiveClassifier


def test_a_few_subjects_with_outcomes_of_both_kinds_can_be_learnt_from() -> None:
    """Four subjects, of which two have both outcomes: a fold that holds both leaves one kind to learn from."""
    groups = np.repeat([0, 1, 2, 3], [20, 20, 7, 7])
    y = np.where(groups < 2, np.arange(54) % 2, 0)
    frame = pl.DataFrame({"x": np.random.default_rng(11).normal(size=54)})
    p = AdditiveClassifier(kind="spline").fit(frame, y, groups=groups).predict_proba(frame)
    assert np.isfinite(p).all()
