"""Persons and their funnel: the SQL gives the same rows as plain loops, and finds persons over any chain of links."""

import random
from collections.abc import Callable
from itertools import pairwise

import networkx as nx
import pytest
from hypothesis import HealthCheck, given, settings

from tests.laws import brute_force_identity as plain
from tests.laws.comparing import assert_same_rows
from tests.laws.compiled import Event, Row, engine
from tests.laws.identity_logs import event, identity_log
from tests.laws.tenants import together

PLAIN: dict[str, Callable[[list[Event]], list[Row]]] = {
    "facts.fact_identity": plain.fact_identity,
    "facts.fact_person": plain.fact_person,
    "marts.funnel_b2c": plain.funnel_b2c,
}
FEW = settings(max_examples=4, deadline=None, suppress_health_check=[HealthCheck.too_slow])
MANY = settings(FEW, max_examples=600)


def check(log: list[Event]) -> None:
    tables = engine().build(log, models=[name.split(".")[1] for name in PLAIN])
    for table, compute in PLAIN.items():
        assert_same_rows(table, tables.rows(table), compute(log))


@given(together(identity_log(), most=6))
@FEW
def test_random_logs(log: list[Event]) -> None:
    check(log)


@pytest.mark.slow
@given(identity_log(max_events=60))
@MANY
def test_many_random_logs(log: list[Event]) -> None:
    check(log)


def merges(pairs: list[tuple[int, int]]) -> list[Event]:
    """Contacts that somebody merged, the second of each pair into the first."""
    return [
        event(number, "crm.contact.merged", 0.0, {"winner_id": f"{one:05d}", "loser_id": f"{other:05d}"})
        for number, (one, other) in enumerate(pairs)
    ]


def persons(log: list[Event]) -> dict[str, str]:
    rows = engine().build(log, models=["fact_identity"]).rows("facts.fact_identity")
    return {row["id_value"]: row["person_id"] for row in rows}


@pytest.mark.parametrize("length", [61, 800])
@pytest.mark.parametrize("order", ["ascending", "alternating", "shuffled"])
def test_a_chain_of_merges_is_one_person(length: int, order: str) -> None:
    numbers = list(range(length))
    if order == "alternating":
        numbers = [number // 2 if number % 2 == 0 else length - 1 - number // 2 for number in numbers]
    if order == "shuffled":
        random.Random(3).shuffle(numbers)
    found = persons(merges(list(pairwise(numbers))))
    assert len(found) == length
    assert set(found.values()) == {"contact:00000"}


def test_a_hub_of_thousands_is_one_person() -> None:
    """A kiosk that everybody uses: its size is linear in what is stated, and so is the work."""
    found = persons(merges([(5000, number) for number in range(5000)]))
    assert len(found) == 5001
    assert set(found.values()) == {"contact:00000"}


@pytest.mark.parametrize("seed", range(3))
def test_random_graphs_have_the_components_that_networkx_finds(seed: int) -> None:
    rng = random.Random(seed)
    pairs = [(rng.randrange(400), rng.randrange(400)) for _ in range(rng.randrange(100, 500))]
    pairs = [(one, other) for one, other in pairs if one != other]
    expected = {
        f"{member:05d}": f"contact:{min(component):05d}"
        for component in nx.connected_components(nx.Graph(pairs))
        for member in component
    }
    assert persons(merges(pairs)) == expected
