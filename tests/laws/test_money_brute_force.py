"""The SQL and the plain loops give the same months of the shop, and the same costs and values of customers."""

import pytest
from hypothesis import HealthCheck, given, settings

from tests.laws import brute_force_money
from tests.laws.comparing import assert_same_rows
from tests.laws.compiled import Event, engine
from tests.laws.money_logs import money_log

FEW = settings(max_examples=5, deadline=None, suppress_health_check=[HealthCheck.too_slow])
MANY = settings(FEW, max_examples=400)


def check(log: list[Event]) -> None:
    tables = engine().build(log, models=["shop_month", "ltv_cac"])
    assert_same_rows("marts.shop_month", tables.rows("marts.shop_month"), brute_force_money.shop_month(log))
    movements = tables.rows("marts.mrr_movement")
    assert_same_rows("marts.ltv_cac", tables.rows("marts.ltv_cac"), brute_force_money.ltv_cac(log, movements))


@given(money_log())
@FEW
def test_shop_and_customers_equal_brute_force(log: list[Event]) -> None:
    check(log)


@pytest.mark.slow
@given(money_log(max_events=60))
@MANY
def test_shop_and_customers_equal_brute_force_many(log: list[Event]) -> None:
    check(log)
