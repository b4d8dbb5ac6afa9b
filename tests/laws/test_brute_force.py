"""The SQL and the plain loops give the same rows, tables compared whole."""

import json

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.laws import brute_force, brute_force_sla
from tests.laws.comparing import assert_same_rows
from tests.laws.compiled import Event, Row, engine, seed_rows
from tests.laws.logs import CALENDARS, deal_log

PLAIN = {
    "facts.fact_deal": brute_force.fact_deal,
    "facts.fact_deal_stage": brute_force.fact_deal_stage,
    "facts.fact_gate": brute_force.fact_gate,
    "facts.fact_sla": brute_force_sla.fact_sla,
    "marts.deal_days": brute_force.deal_days,
}
FEW = settings(max_examples=50, deadline=None, suppress_health_check=[HealthCheck.too_slow])
MANY = settings(max_examples=1000, deadline=None, suppress_health_check=[HealthCheck.too_slow])


def evidence_as_list(rows: list[Row]) -> list[Row]:
    return [row | {"evidence_refs": row["evidence_refs"] and json.loads(row["evidence_refs"])} for row in rows]


def check(log: list[Event], rule_set: str = "adtech", seeds: dict[str, list[Row]] | None = None) -> None:
    tables = engine(rule_set).build(log, seeds=seeds, models=[name.split(".")[1] for name in PLAIN])
    seen = brute_force.world(log, rule_set=rule_set)
    for table, compute in PLAIN.items():
        built = tables.rows(table)
        if table == "facts.fact_deal_stage":
            built = evidence_as_list(built)
        expected = brute_force_sla.fact_sla(seen, seeds) if table == "facts.fact_sla" else compute(seen)
        assert_same_rows(table, built, expected)


@given(deal_log())
@FEW
def test_facts_equal_brute_force(log: list[Event]) -> None:
    check(log)


@given(deal_log())
@settings(FEW, max_examples=20)
def test_facts_equal_brute_force_under_the_other_rule_set(log: list[Event]) -> None:
    check(log, "dsl")


@st.composite
def policies(draw: st.DrawFn) -> list[Row]:
    """The five policies, each on a random calendar with a random target."""
    targets = st.sampled_from(["0.5", "1", "8", "9", "24.25", "40", "720"])
    return [
        row
        | {
            "calendar": draw(st.sampled_from(["24x7", "office", "nights", "shop"])),
            "target_hours": draw(targets),
        }
        for row in seed_rows("sla_policy")
    ]


@given(deal_log(max_deals=2), policies())
@settings(FEW, max_examples=30)
def test_timers_on_business_calendars_equal_brute_force(log: list[Event], sla_policy: list[Row]) -> None:
    check(log, seeds=CALENDARS | {"sla_policy": sla_policy})


@pytest.mark.slow
@given(deal_log(max_deals=4, max_events=14), policies(), st.sampled_from(["adtech", "dsl"]))
@MANY
def test_facts_equal_brute_force_many(log: list[Event], sla_policy: list[Row], rule_set: str) -> None:
    check(log, rule_set, CALENDARS | {"sla_policy": sla_policy})
