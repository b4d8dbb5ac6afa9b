"""Every type and field of the catalogue has its contract, by two transcriptions made apart from the code."""

import re
from pathlib import Path

import pytest

from warehouse import contracts

CATALOGUE = Path(__file__).resolve().parents[3] / "shared" / "events.md"

TYPES = [
    "crm.account.upserted",
    "crm.contact.upserted",
    "crm.account.merged",
    "crm.contact.merged",
    "identity.linked",
    "identity.erasure.requested",
    "identity.consent.changed",
    "crm.lead.created",
    "crm.lead.updated",
    "crm.lead.assigned",
    "crm.lead.qualified",
    "crm.lead.disqualified",
    "crm.lead.converted",
    "crm.lead.stage_changed",
    "crm.deal.created",
    "crm.deal.updated",
    "crm.deal.stage_changed",
    "crm.deal.next_step_set",
    "crm.deal.next_step_done",
    "crm.deal.won",
    "crm.deal.lost",
    "crm.deal.reopened",
    "crm.activity.logged",
    "crm.brief.submitted",
    "media.planning.started",
    "media.mediaplan.ready",
    "crm.offer.approved",
    "docflow.contract.sent",
    "docflow.contract.signed",
    "docflow.contract.revoked",
    "mediapush.campaign.started",
    "dcm.invoice.issued",
    "dcm.closeout.completed",
    "mediapush.kpi.reported",
    "survey.nps.responded",
    "web.session.started",
    "lms.trial.started",
    "app.login",
    "app.feature.used",
    "app.activated",
    "lms.course.completed",
    "club.event.registered",
    "club.event.attended",
    "content.downloaded",
    "billing.subscription.started",
    "billing.subscription.renewed",
    "billing.subscription.changed",
    "billing.subscription.cancelled",
    "billing.payment.received",
    "billing.payment.failed",
    "billing.payment.refunded",
    "support.ticket.opened",
    "support.ticket.resolved",
    "support.ticket.reopened",
    "crm.referral.made",
    "ads.spend.reported",
    "crm.campaign.sent",
    "crm.email.sent",
    "crm.email.delivered",
    "crm.email.bounced",
    "crm.email.opened",
    "crm.email.clicked",
    "crm.unsubscribe",
    "crm.experiment.exposed",
    "chat.message.received",
    "chat.message.sent",
    "chat.message.classified",
    "chat.handoff.started",
    "chat.handoff.ended",
    "chat.followup.scheduled",
    "chat.followup.sent",
    "chat.followup.cancelled",
    "chat.call.requested",
    "inbound.thread.created",
    "inbound.thread.assigned",
    "calendar.appointment.booked",
    "calendar.appointment.attended",
    "calendar.appointment.no_show",
    "calendar.appointment.cancelled",
    "shop.order.created",
    "shop.order.status_changed",
    "finance.expense.recorded",
    "finance.fx_rate.published",
]

EMITTED = [
    "crm.lead.scored",
    "crm.health.changed",
    "crm.churn_risk.detected",
    "crm.renewal.approaching",
    "crm.deal.scored",
    "crm.duplicate.proposed",
    "masterdeal.stage.changed",
    "masterdeal.sla.updated",
    "masterdeal.sla.breached",
    "masterdeal.closed",
    "ops.alert.raised",
    "ops.alert.resolved",
]

CASES = ["ops.case.taken", "ops.case.handled", "ops.case.snoozed", "ops.case.reopened"]
"""What people do about the cases of a list: sent by the dashboards, not by the systems of the catalogue."""

KIND = {
    "s": "text",
    "n": "number",
    "i": "integer",
    "b": "boolean",
    "d": "date",
    "t": "timestamp",
    "[s]": "text_list",
}
LETTER = {kind: letter for letter, kind in KIND.items()}

Field = tuple[str, bool, tuple[str, ...], tuple[int, int] | None]


def test_the_types_are_those_of_the_catalogue():
    assert len(TYPES) == 83
    assert len(EMITTED) == 12
    assert sorted(contracts.all()) == sorted(TYPES + EMITTED + CASES)


def test_some_contracts_written_out_by_hand():
    def told(event_type: str) -> str:
        specs = contracts.get(event_type).fields()
        return ", ".join(f"{s.name} {LETTER[s.kind]}{'!' if s.required else '?'}" for s in specs)

    assert told("crm.lead.qualified") == (
        "lead_id s!, method s?, budget_confirmed b?, authority_confirmed b?, need_confirmed b?, "
        "timing_confirmed b?, challenges s?, prioritization i?, icp_fit_score i?"
    )
    assert told("mediapush.kpi.reported") == "deal_id s!, campaign_id s?, date d!, kpi s!, actual n!, target n?"
    assert told("crm.deal.next_step_set") == "deal_id s!, next_step s!, due_at t!"
    assert told("crm.deal.won") == "deal_id s!, amount n?, currency s?, evidence_refs [s]?"
    assert told("identity.linked") == "visitor_id s?, lead_id s?, contact_id s?, user_id s?"
    assert (
        told("crm.email.clicked")
        == told("crm.email.sent")
        == ("message_id s!, campaign_id s?, contact_id s?, lead_id s?, user_id s?, variant s?, url s?")
    )


def test_an_updated_lead_has_the_fields_of_a_created_one_of_which_only_the_id_is_required():
    created, updated = contracts.get("crm.lead.created"), contracts.get("crm.lead.updated")
    assert [spec.name for spec in updated.fields()] == [spec.name for spec in created.fields()]
    assert [spec.name for spec in updated.fields() if spec.required] == ["lead_id"]


@pytest.mark.parametrize("event_type", TYPES)
def test_the_fields_are_those_of_the_catalogue(event_type):
    if not CATALOGUE.exists():
        pytest.skip("the catalogue, ../shared/events.md, is not beside the repository")
    expected = read_catalogue()[event_type]
    actual = {
        spec.name: (
            spec.kind,
            spec.required,
            spec.choices or spec.known,
            (spec.minimum, spec.maximum) if spec.minimum is not None else None,
        )
        for spec in contracts.get(event_type).fields()
    }
    assert actual == expected


def read_catalogue() -> dict[str, dict[str, Field]]:
    """Transcribe the tables of the catalogue: type to field to (kind, required, values listed, bounds)."""
    rows: dict[str, dict[str, Field]] = {}
    for line in CATALOGUE.read_text(encoding="utf-8").splitlines():
        cells = [cell.strip() for cell in line.strip().strip("|").split("|")]
        types = re.findall(r"`([a-z]+\.[a-z_.]+)`", cells[0])
        if not line.startswith("| `") or not types:
            continue
        for event_type in types:
            rows[event_type] = _fields(event_type, cells[-1], rows)
    return rows


def _fields(event_type: str, text: str, before: dict[str, dict[str, Field]]) -> dict[str, Field]:
    if "any field of the row above" in text:
        row_above = before["crm.lead.created"]
        return {name: (kind, name == "lead_id", *rest) for name, (kind, _, *rest) in row_above.items()}
    fields: dict[str, Field] = {}
    if borrowed := re.search(r"any of ([a-z_, ]+);", text):
        text = text.replace(borrowed[0], "")
        created = before["crm.deal.created"]
        fields = {name: (created[name][0], False, *created[name][2:]) for name in borrowed[1].split(", ")}
    pattern = r"(\w+) (\[s\]|[snibdt])([!?])(?: \(([^)]*)\))?(?: (\d+)\.\.(\d+))?"
    for name, letter, mark, remark, low, high in re.findall(pattern, text):
        listed = remark.split(";")[0].split(", ") if letter == "s" and "," in remark else []
        values = tuple(value for value in listed if not value.startswith("or "))
        fields[name] = (KIND[letter], mark == "!", values, (int(low), int(high)) if low else None)
    return fields


def test_lists_that_end_in_or_others_are_open():
    stage = next(s for s in contracts.get("crm.lead.stage_changed").fields() if s.name == "to_stage")
    kpi = next(s for s in contracts.get("mediapush.kpi.reported").fields() if s.name == "kpi")
    assert (stage.choices, kpi.choices) == ((), ())
    pipeline = next(s for s in contracts.get("crm.deal.created").fields() if s.name == "pipeline")
    assert pipeline.choices == ("b2b", "adtech", "studio")


def test_personal_data_is_marked():
    marked = {(name, s.name, s.pii) for name, c in contracts.all().items() for s in c.fields() if s.pii}
    for event_type in ("crm.contact.upserted", "crm.lead.created", "crm.lead.updated"):
        assert {(event_type, "email", "email"), (event_type, "phone", "phone")} <= marked
        assert {(event_type, "first_name", "name"), (event_type, "last_name", "name")} <= marked
    assert ("chat.message.received", "text", "text") in marked
    assert ("survey.nps.responded", "comment", "text") in marked


def test_money_always_has_a_currency_beside_it():
    # What the catalogue counts in the reporting currency is named budget, never amount.
    for event_type, contract in contracts.all().items():
        names = {spec.name for spec in contract.fields()}
        if names & {"amount", "mrr", "planned_budget"}:
            assert "currency" in names, event_type
