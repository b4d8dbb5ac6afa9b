"""Any bad rows are found, all others are delivered once, and one bad row costs little."""

from collections import Counter
from collections.abc import Sequence
from math import ceil, log2

import pytest
from hypothesis import given
from hypothesis import strategies as st

from warehouse.writeback.destination import ACKNOWLEDGED, Outcome
from warehouse.writeback.isolate import MOST_REFUSED, PoisonedError, isolate


@given(
    st.integers(1, 700).flatmap(lambda count: st.tuples(st.just(count), st.sets(st.integers(0, count - 1), max_size=8)))
)
def test_each_row_has_its_own_outcome(case: tuple[int, set[int]]) -> None:
    count, bad = case
    delivered: list[int] = []
    attempts = 0

    def attempt(places: Sequence[int]) -> list[Outcome]:
        nonlocal attempts
        attempts += 1
        refused = [place for place in places if place in bad]
        if refused:
            raise PoisonedError("22000", f"row {refused[-1]}")
        delivered.extend(places)
        return [ACKNOWLEDGED] * len(places)

    outcomes = isolate(count, attempt)
    assert [one.status for one in outcomes] == ["rejected" if n in bad else "acknowledged" for n in range(count)]
    assert all(outcomes[n].message == f"row {n}" for n in bad), "the words are about that row"
    assert sorted(delivered) == [n for n in range(count) if n not in bad]
    if len(bad) == 1:
        assert attempts - 1 <= ceil(log2(count)) + 1


@pytest.mark.parametrize(
    ("every", "statuses", "attempts", "sent"),
    [(100, {"rejected": 100, "acknowledged": 9_900}, 1_000, 6), (1, {"failed": 10_000}, 250, 5)],
)
def test_many_bad_rows_cost_little_more_than_few(
    every: int, statuses: dict[str, int], attempts: int, sent: int
) -> None:
    """Of 10,000 rows every hundredth is bad: about the logarithm of a hundred each.

    Where all are, it is given up, and none of them is to blame: they are all sent again.
    """
    sizes: list[int] = []

    def attempt(places: Sequence[int]) -> list[Outcome]:
        sizes.append(len(places))
        if any(place % every == 0 for place in places):
            raise PoisonedError("22000", "bad")
        return [ACKNOWLEDGED] * len(places)

    outcomes = isolate(10_000, attempt)
    assert Counter(one.status for one in outcomes) == statuses
    assert sum(one.attempts == 0 for one in outcomes) == (0 if every > 1 else 10_000 - MOST_REFUSED)
    assert (len(sizes) <= attempts, sum(sizes) <= sent * 10_000) == (True, True), (len(sizes), sum(sizes))
