"""What the warehouse emits keeps to the contracts that it gives to others."""

from jsonschema import Draft202012Validator

from tests.writeback.receiver import Receiver
from tests.writeback.world import World
from warehouse import contracts
from warehouse.contracts import envelope
from warehouse.writeback.sync import sync

T = {"tenant_id": "default"}
AT = "2026-01-20"


def test_every_event_keeps_to_its_contract(world: World) -> None:
    """One statement of each type that the catalogue names, with all of its optional parts."""
    world.fill(
        "marts.lead_queue", [{**T, "lead_id": "l1", "score": 81, "tier": "hot", "probability": 0.9, "as_of": AT}]
    )
    world.fill("scores.lead_score", [{**T, "lead_id": "l1", "model_version": "lead-0001"}])
    health = {**T, "customer_id": "user:u1", "is_latest": True, "score": 40, "risk_level": "red", "as_of": AT}
    world.fill("scores.health_score", [health])
    risk = {**T, "customer_id": "account:a1", "risk_level": "red", "probability_90d": 0.6, "model_version": "c-1",
            "recommended_action": "call", "value_at_risk_base": 12.5, "as_of": AT}  # fmt: skip
    world.fill("scores.churn_risk", [risk])
    world.fill("facts.fact_subscription", [{**T, "subscription_id": "s1", "user_id": "u1"}])
    span = {**T, "subscription_id": "s1", "start_date": "2026-01-01", "end_date": "2026-02-01",
            "paid_until_date": "2026-02-01", "mrr": 10, "currency": "USD"}  # fmt: skip
    world.fill("facts.fact_subscription_period", [span])
    world.fill("scores.deal_win", [{**T, "deal_id": "d1", "probability": 0.42, "model_version": "d-1", "as_of": AT}])
    pair = {**T, "kind": "contact", "left_id": "a", "right_id": "b", "probability": 0.97}
    world.fill("marts.duplicate_candidate", [pair])
    visit = {
        **T,
        "deal_id": "d1",
        "pipeline": "adtech",
        "visit_number": 1,
        "stage": "draft",
        "entered_at": "2026-01-02",
    }
    world.fill("facts.fact_deal_stage", [visit])
    timer = {**T, "deal_id": "d1", "sla": "lead_to_brief", "run_number": 1, "status": "overdue",
             "started_at": "2026-01-02",
             "due_at": "2026-01-02 08:00:00", "target_hours": 8, "elapsed_hours": 432, "is_breached": True,
             "breached_at": "2026-01-02 08:00:00.5", "owner_domain": "crm"}  # fmt: skip
    world.fill("facts.fact_sla", [timer])
    deal = {**T, "deal_id": "d2", "status": "won", "aggregated_stage": "closed", "closed_at": "2026-01-03",
            "amount": 5, "currency": "USD"}  # fmt: skip
    world.fill("facts.fact_deal", [deal])
    alert = {**T, "alert_rule": "deal_slipping", "subject_id": "d1", "subject_type": "deal", "severity": "critical",
             "raised_at": "2026-01-10", "resolved_at": None, "is_open": True}  # fmt: skip
    world.fill("marts.alert", [alert])
    hook = Receiver("event")
    sync(world.settings, is_first=True, destinations=[hook])
    world.fill("marts.alert", [{**alert, "resolved_at": "2026-01-11", "is_open": False}])
    sync(world.settings, destinations=[hook])
    emitted = {name for name, contract in contracts.all().items() if contract.source == "dealhouse"}
    assert {row.payload["type"] for row in hook.received} == emitted
    for row in hook.received:
        contract = contracts.get(row.payload["type"])
        assert contract is not None
        errors = Draft202012Validator(envelope.json_schema(contract)).iter_errors(row.payload)
        assert not [error.message for error in errors], row.payload
        assert row.message_id == row.payload["id"]
        assert "." not in row.message_id
