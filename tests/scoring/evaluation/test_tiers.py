"""Tiers by hand, and the law that capacity is never exceeded and no equal scores are parted."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scoring.evaluation.tiers import cut_tiers


def test_by_capacity_and_threshold():
    tiers = cut_tiers([0.9, 0.8, 0.7, 0.2, 0.1], capacity=2, thresholds=(0.5, 0.15))
    assert tiers.labels.tolist() == ["hot", "hot", "warm", "warm", "cold"]
    assert tiers.lower == (0.8, 0.15)
    assert tiers.assign([0.85, 0.5, 0.0]).tolist() == ["hot", "warm", "cold"]


def test_nobody_below_the_mean_is_hot_and_no_room_makes_nobody_hot():
    assert cut_tiers([0.1, 0.1, 0.1, 0.9], capacity=3).labels.tolist() == ["cold", "cold", "cold", "hot"]
    assert cut_tiers([0.9, 0.1], capacity=0).labels.tolist() == ["warm", "cold"]


@given(
    st.lists(st.sampled_from([0.1, 0.2, 0.3, 0.6, 0.9]), min_size=1, max_size=40),
    st.integers(0, 20),
    st.integers(0, 20),
)
def test_capacity_holds_and_equal_scores_stay_together(scores, hot, warm):
    labels = cut_tiers(scores, capacity=(hot, warm), thresholds=(0.2, 0.2)).labels
    assert (labels == "hot").sum() <= hot
    assert (labels == "warm").sum() <= warm
    for value in set(scores):
        assert len(set(labels[np.array(scores) == value])) == 1
    order = {"hot": 2, "warm": 1, "cold": 0}
    ranks = [order[label] for _, label in sorted(zip(scores, labels, strict=True))]
    assert ranks == sorted(ranks)


@pytest.mark.parametrize(
    "wrong", [{"thresholds": (0.1, 0.5)}, {"thresholds": (0.1,)}, {"capacity": -1}, {"capacity": (1, 2, 3)}]
)
def test_tiers_that_cannot_be_are_refused(wrong):
    with pytest.raises(ValueError, match=r"tiers|capacity"):
        cut_tiers([0.1, 0.2], **wrong)
