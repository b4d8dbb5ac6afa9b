"""The marts of campaigns and messengers are what plain loops over the same log say, row for row."""

from collections.abc import Callable

import pytest
from hypothesis import HealthCheck, given, settings

from tests.laws import brute_force_marketing as plain
from tests.laws.comparing import assert_same_rows
from tests.laws.compiled import Event, Row, engine
from tests.laws.marketing_logs import marketing_log

FEW = settings(max_examples=6, deadline=None, suppress_health_check=[HealthCheck.too_slow])
MANY = settings(FEW, max_examples=1000)


def check(log: list[Event]) -> None:
    as_of = max(plain.moment(event) for event in log)
    expected: dict[str, Callable[[], list[Row]]] = {
        "marts.response_time": lambda: plain.response_time(log, as_of),
        "marts.followup": lambda: plain.followup(log, as_of),
        "marts.ai_manager": lambda: plain.ai_manager(log, as_of),
        "marts.campaign": lambda: plain.campaign(log),
        "marts.experiment_variant": lambda: plain.experiment_variant(log),
        "facts.fact_ticket": lambda: plain.fact_ticket(log, as_of),
    }
    tables = engine().build(log, models=[name.split(".")[1] for name in expected])
    for table, compute in expected.items():
        rows = compute()
        names = list(rows[0]) if rows else []
        assert_same_rows(table, [{name: row[name] for name in names or row} for row in tables.rows(table)], rows)


@given(marketing_log())
@FEW
def test_marts_equal_brute_force(log: list[Event]) -> None:
    check(log)


@pytest.mark.slow
@given(marketing_log(max_events=60))
@MANY
def test_marts_equal_brute_force_many(log: list[Event]) -> None:
    check(log)
