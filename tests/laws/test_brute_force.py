"""The SQL and the plain loops give the same rows, tables compared whole."""

import json
from collections.abc import Callable

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.laws import brute_force, brute_force_sla
from tests.laws.comparing import assert_same_rows
from tests.laws.compiled import Event, Row, engine, seed_rows
from tests.laws.logs import CALENDARS, deal_log, instant
from tests.laws.tenants import together

PLAIN: dict[str, Callable[[brute_force.World], list[Row]]] = {
    "facts.fact_deal": brute_force.fact_deal,
    "facts.fact_deal_stage": brute_force.fact_deal_stage,
    "facts.fact_gate": brute_force.fact_gate,
    "facts.fact_sla": brute_force_sla.fact_sla,
    "marts.deal_days": brute_force.deal_days,
}
FEW = settings(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.too_slow])
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


def deal_events(*moves: tuple[str, float]) -> list[Event]:
    """A MasterDeal and these events, each at its hour."""
    log = [("crm.deal.created", 0.0), *moves]
    return [
        {
            "source": "crm",
            "id": f"e{number}",
            "type": kind,
            "time": instant(hours),
            "data": {"deal_id": "d0"} | ({"pipeline": "adtech"} if number == 0 else {}),
        }
        for number, (kind, hours) in enumerate(log)
    ]


SIGNED, REVOKED = "docflow.contract.signed", "docflow.contract.revoked"
OFFER, LAUNCH = "crm.offer.approved", "mediapush.campaign.started"


@pytest.mark.parametrize(
    "moves",
    [
        [(SIGNED, 5), (REVOKED, 5), (SIGNED, 5), (LAUNCH, 9)],
        [(OFFER, 1), (SIGNED, 5), (REVOKED, 5), (SIGNED, 5), (REVOKED, 7)],
        [(OFFER, 5), (SIGNED, 5), (REVOKED, 5)],
        [(OFFER, 1), (SIGNED, 73), (REVOKED, 80), (SIGNED, 81)],
        [(OFFER, 1), (SIGNED, 74), (REVOKED, 80), (LAUNCH, 90)],
    ],
    ids=["taken back in its instant", "twice in an instant", "all at once", "used up exactly", "crossed before"],
)
def test_corners_of_timers(moves: list[tuple[str, float]]) -> None:
    check(deal_events(*moves))


@given(together(deal_log(), most=8))
@FEW
def test_facts_equal_brute_force(log: list[Event]) -> None:
    check(log)


@given(together(deal_log(), most=8))
@FEW
@pytest.mark.slow
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


@given(together(deal_log(max_deals=2), most=4), policies())
@FEW
def test_timers_on_business_calendars_equal_brute_force(log: list[Event], sla_policy: list[Row]) -> None:
    check(log, seeds=CALENDARS | {"sla_policy": sla_policy})


@pytest.mark.slow
@given(deal_log(max_deals=4, max_events=14), policies(), st.sampled_from(["adtech", "dsl"]))
@MANY
def test_facts_equal_brute_force_many(log: list[Event], sla_policy: list[Row], rule_set: str) -> None:
    check(log, rule_set, CALENDARS | {"sla_policy": sla_policy})
