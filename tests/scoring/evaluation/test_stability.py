"""Shifts of a column, by hand and by chance."""

import json
import math
from datetime import datetime

import numpy as np
import pytest

from scoring.evaluation.stability import checked, reference_of, shift


def test_texts_by_hand() -> None:
    """Before: half a, a quarter b, a quarter missing. Now: a quarter a, half b, a quarter of a text never seen.

    Σ (now − before) ln(now / before): −¼ ln ½ = 0.17329 for a, ¼ ln 2 = 0.17329 for b; missing goes from ¼ to nothing,
    which counts as 1/10,000: (0.0001 − 0.25) ln 0.0004; new texts come from nothing: (0.25 − 0.0001) ln 2500.
    """
    reference = json.loads(json.dumps(reference_of(np.array(["a", "a", "b", None], dtype=object))))
    assert reference == {"levels": ["a", "b"], "shares": [0.5, 0.25, 0.0, 0.25], "row_count": 4}
    found = shift(checked(reference), np.array(["a", "b", "b", "new"], dtype=object))
    by_hand = 2 * 0.25 * math.log(2) + 2 * 0.2499 * math.log(2500)
    assert found.psi == pytest.approx(by_hand)
    assert (found.missing_rate, found.missing_rate_before, found.unseen_rate) == (0.0, 0.25, 0.25)
    # Four bins are in use, of χ² with three degrees of freedom the 95th percentile is 7.8147.
    assert found.psi_by_chance == pytest.approx((1 / 4 + 1 / 4) * 7.8147, abs=1e-4)


def test_numbers_lie_in_the_tenths_of_what_was() -> None:
    """All of the lowest tenth moves to the highest: 0.1 each becomes 0 (1/10,000) and 0.2."""
    before = np.arange(1000.0)
    reference = reference_of(before)
    assert shift(reference, before).psi == pytest.approx(0, abs=1e-12)
    moved = np.where(before < 100, 999.0, before)
    by_hand = (0.0001 - 0.1) * math.log(0.001) + 0.1 * math.log(2)
    # The edges are quantiles between two values, so that a bin may hold a row more or less.
    assert shift(reference, moved).psi == pytest.approx(by_hand, rel=0.02)
    gone = np.where(before < 200, np.nan, before)
    found = shift(reference, gone)
    assert (found.missing_rate, found.missing_rate_before) == (0.2, 0.0)


def test_moments_and_one_value_alone_are_understood() -> None:
    when = np.array([datetime(2026, 1, day) for day in (1, 2, 3)], dtype="datetime64[us]")
    assert shift(reference_of(when), when).psi == pytest.approx(0)
    same = np.full(50, 3.0)
    assert shift(reference_of(same), same).psi == pytest.approx(0)
    assert shift(reference_of(same), same + 1).psi > 5
    nothing = np.full(5, np.nan)
    assert shift(reference_of(nothing), nothing).missing_rate == 1


def test_chance_alone_stays_below_its_bound_in_95_of_100() -> None:
    rng = np.random.default_rng(1)
    above = 0
    for _ in range(400):
        found = shift(reference_of(rng.normal(size=2000)), rng.normal(size=300))
        above += found.psi > found.psi_by_chance
    # Binomial of 400 with p = 0.05: 20 ± 3 × 4.4.
    assert 7 <= above <= 33


@pytest.mark.parametrize(
    "bad",
    [
        [], {}, {"edges": [1.0], "shares": [0.5, 0.5], "row_count": 3},
        {"edges": ["a"], "shares": [0, 0, 1], "row_count": 3},
        {"levels": [1], "shares": [0, 0, 1], "row_count": 3}, {"levels": [], "shares": [2, 0], "row_count": 3},
        {"levels": [], "shares": [0, float("nan")], "row_count": 3}, {"levels": [], "shares": [0, 1], "row_count": 0},
    ],
)  # fmt: skip
def test_what_is_no_reference_is_refused(bad: object) -> None:
    with pytest.raises(ValueError):
        checked(bad)
