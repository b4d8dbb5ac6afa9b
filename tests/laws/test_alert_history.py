"""Alerts remember rightly: those that lasted at any past instant are what the flags of that instant say.

The flags (is_slipping, is_next_step_overdue, what is missing) come from models of their own, built as of the instant;
the alerts from one build at the end. Deals whose creation is not their first event are left out: until it comes, they
stand in another pipeline.
"""

from datetime import datetime, timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.laws.compiled import Event, Tables, engine, utc
from tests.laws.logs import company_log

FEW = settings(max_examples=4, deadline=None, suppress_health_check=[HealthCheck.too_slow])
MANY = settings(FEW, max_examples=100)
BESIDE = timedelta(minutes=7)
"""After an event, so that no alert begins or ends at the very instant that is asked for."""


def usual_deals(log: list[Event]) -> set[str]:
    """Deals of the default tenant that begin with their creation."""
    first: dict[str, tuple[datetime, bool]] = {}
    for event in log:
        deal_id = event["data"].get("deal_id")
        if deal_id is None or event.get("tenantid", "default") != "default":
            continue
        begun = (utc(event["time"]), event["type"] != "crm.deal.created")
        first[deal_id] = min(first.get(deal_id, begun), begun)
    return {deal_id for deal_id, (_, is_other) in first.items() if not is_other}


def flagged(tables: Tables, rule: str) -> set[str]:
    """Deals that a flag names at the as_of of a build."""
    condition = {
        "deal_slipping": "deal.is_slipping",
        "next_step_overdue": "deal.is_next_step_overdue",
        "next_step_missing": "deal.status = 'open' and deal.pipeline <> 'adtech' and deal.next_step_due_at is null "
        "and stage.stage_order >= 2",
    }[rule]
    rows = tables.con.execute(
        "select deal.deal_id from facts.fact_deal as deal left join facts.dim_stage as stage "
        "on deal.pipeline = stage.pipeline and deal.stage = stage.stage "
        f"where deal.tenant_id = 'default' and {condition}"
    ).fetchall()
    return {row[0] for row in rows}


def check_history(log: list[Event], data: st.DataObject) -> None:
    rules = ("deal_slipping", "next_step_overdue", "next_step_missing")
    tables = engine().build(log, models=["alert_deal"])
    alerts = [row for row in tables.rows("marts.alert_deal") if row["tenant_id"] == "default"]
    last = max(utc(event["time"]) for event in log)
    deals = usual_deals(log)
    for _ in range(3):
        instant = min(data.draw(st.sampled_from([utc(event["time"]) for event in log])) + BESIDE, last)
        for rule in rules:
            # Dates have no hours: what a deal was on a day is what it was at its end.
            is_dated = rule == "deal_slipping"
            at = min(instant.replace(hour=23, minute=59, second=59), last) if is_dated else instant
            tables = engine().build(log, as_of=at, models=["fact_deal", "dim_stage"])
            lasting = {
                row["deal_id"]
                for row in alerts
                if row["alert_rule"] == rule
                and row["raised_at"] <= at
                and (row["resolved_at"] is None or row["resolved_at"] > at)
            }
            assert lasting & deals == flagged(tables, rule) & deals, (rule, at)


@given(company_log(), st.data())
@FEW
def test_alerts_that_lasted_are_what_was_flagged(log: list[Event], data: st.DataObject) -> None:
    check_history(log, data)


@pytest.mark.slow
@given(company_log(max_deals=4, max_others=6), st.data())
@MANY
def test_alerts_that_lasted_are_what_was_flagged_many(log: list[Event], data: st.DataObject) -> None:
    check_history(log, data)
