"""The marts about the pipeline and the plain loops give the same rows, tables compared whole."""

from collections.abc import Callable
from datetime import date

import pytest
from hypothesis import HealthCheck, given, settings

from tests.laws import brute_force_conversion, brute_force_pipeline
from tests.laws.brute_force import World, world
from tests.laws.comparing import assert_same_rows
from tests.laws.compiled import Event, Row, engine
from tests.laws.logs import deal_log
from tests.one_company.company import company_log

TARGETS: list[Row] = [
    {"tenant_id": "default", "pipeline": "b2b", "owner_id": None, "target_month": "2026-03-01", "target_base": "1000"},
    {"tenant_id": "default", "pipeline": "b2b", "owner_id": "u1", "target_month": "2026-04-01", "target_base": "60000"},
    {"tenant_id": "other", "pipeline": "adtech", "owner_id": None, "target_month": "2026-04-01", "target_base": "500"},
]


def forecast(seen: World) -> list[Row]:
    targets = {
        (
            row["tenant_id"],
            row["pipeline"],
            "owner" if row["owner_id"] else "total",
            row["owner_id"] or "(all)",
            date.fromisoformat(row["target_month"]),
        ): float(row["target_base"])
        for row in TARGETS
    }
    return brute_force_pipeline.forecast(seen, targets)


PLAIN: dict[str, Callable[[World], list[Row]]] = {
    "marts.pipeline_flow": brute_force_pipeline.pipeline_flow,
    "marts.slippage": brute_force_pipeline.slippage,
    "marts.forecast": forecast,
    "marts.stage_conversion": brute_force_conversion.stage_conversion,
    "marts.funnel_b2b": brute_force_conversion.funnel_b2b,
    "marts.win_loss": brute_force_conversion.win_loss,
}
FEW = settings(max_examples=5, deadline=None, suppress_health_check=[HealthCheck.too_slow])
MANY = settings(FEW, max_examples=300)


def check(log: list[Event]) -> None:
    tables = engine().build(log, seeds={"sales_target": TARGETS}, models=[name.split(".")[1] for name in PLAIN])
    seen = world(log)
    for table, compute in PLAIN.items():
        assert_same_rows(table, tables.rows(table), compute(seen))


def test_the_small_company() -> None:
    check(company_log())


@given(deal_log())
@FEW
def test_marts_of_the_pipeline_equal_brute_force(log: list[Event]) -> None:
    check(log)


@pytest.mark.slow
@given(deal_log(max_deals=5, max_events=14))
@MANY
def test_marts_of_the_pipeline_equal_brute_force_many(log: list[Event]) -> None:
    check(log)
