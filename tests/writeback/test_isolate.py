"""Any bad rows are found, all others are delivered once, and one bad row costs little."""

from collections.abc import Sequence
from math import ceil, log2

from hypothesis import given
from hypothesis import strategies as st

from warehouse.writeback.destination import ACKNOWLEDGED, Outcome
from warehouse.writeback.isolate import PoisonedError, isolate


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
