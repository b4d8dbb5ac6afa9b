"""Recurring revenue, cohorts and life cycles: the SQL and the plain loops give the same rows."""

from collections.abc import Callable, Iterable

import pytest
from hypothesis import HealthCheck, given, settings

from tests.laws import brute_force_revenue
from tests.laws.brute_force_revenue import Ledger
from tests.laws.comparing import assert_same_rows
from tests.laws.compiled import Event, Row, engine
from tests.laws.revenue_logs import revenue_log

PLAIN: dict[str, Callable[[Ledger], list[Row]]] = {
    "marts.mrr_movement": brute_force_revenue.mrr_movement,
    "marts.mrr_month": brute_force_revenue.mrr_month,
    "marts.cohort_retention": brute_force_revenue.cohort_retention,
    "marts.cohort_revenue": brute_force_revenue.cohort_revenue,
    "marts.lifecycle": brute_force_revenue.lifecycle,
}
FEW = settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.too_slow])
FEWER = settings(FEW, max_examples=6)
MANY = settings(FEW, max_examples=1000)


def check(log: list[Event], names: Iterable[str] = PLAIN) -> None:
    tables = engine().build(log, models=[name.split(".")[1] for name in names])
    ledger = Ledger(log)
    for table in names:
        expected = PLAIN[table](ledger)
        built = [row for row in tables.rows(table) if row.get("segment_kind", "total") == "total"]
        if expected:
            built = [{name: row[name] for name in expected[0]} for row in built]
        assert_same_rows(table, built, expected)


@given(revenue_log())
@FEW
def test_movements_equal_brute_force(log: list[Event]) -> None:
    check(log, ["marts.mrr_movement"])


@given(revenue_log())
@FEWER
def test_marts_equal_brute_force(log: list[Event]) -> None:
    check(log)


@pytest.mark.slow
@given(revenue_log(max_events=30))
@MANY
def test_marts_equal_brute_force_many(log: list[Event]) -> None:
    check(log)
