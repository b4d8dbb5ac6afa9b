"""Random logs of campaigns and messengers: few people, few instants, so that ties, late and repeated events abound."""

from datetime import UTC, datetime, timedelta
from typing import Any

from hypothesis import strategies as st

from tests.laws.compiled import Event

START = datetime(2026, 3, 27, tzinfo=UTC)
"""Two days before daylight saving starts in Europe."""
TENANTS = ["default", "insoles"]
"""One that lives in UTC, and one in Kyiv (seeds/tenant.csv)."""

minutes_later = st.one_of(
    st.integers(0, 5).map(lambda days: days * 1440),
    st.integers(0, 24 * 4).map(lambda quarters: quarters * 15),
    st.integers(0, 20 * 24).map(lambda hours: hours * 60),
)
leads = st.sampled_from(["l1", "l2", "l3"])
campaigns = st.sampled_from(["k1", "k2", None])
conversations = st.sampled_from(["v1", "v2"])
messages = st.integers(1, 9).map("m{}".format)
followups = st.integers(1, 4).map("f{}".format)
confidences = st.sampled_from([None, 0.0, 0.3, 0.5, 0.7, 0.95, 1.0])
intents = st.sampled_from(["faq", "price"])


def stated(**fields: Any) -> dict[str, Any]:
    return {name: value for name, value in fields.items() if value is not None}


@st.composite
def marketing_event(draw: st.DrawFn) -> tuple[str, dict[str, Any]]:
    """Type and data of an event of a lead, an e-mail, a message, a conversation or a follow-up."""
    kind = draw(
        st.sampled_from(
            ["crm.lead.created", "crm.lead.converted", "crm.unsubscribe", "crm.campaign.sent"]
            + [f"crm.email.{name}" for name in ["sent", "delivered", "bounced", "opened", "clicked", "clicked"]]
            + ["chat.message.received", "chat.message.sent"] * 4
            + ["chat.message.classified"] * 2
            + ["chat.handoff.started", "chat.handoff.ended"]
            + ["chat.followup.scheduled", "chat.followup.sent", "chat.followup.sent", "chat.followup.cancelled"]
            + ["crm.experiment.exposed"] * 2
            + [f"support.ticket.{name}" for name in ["opened", "resolved", "reopened"]]
        )
    )
    lead = draw(leads)
    if kind.startswith("crm.lead."):
        return kind, {"lead_id": lead, "lead_source": "paid"} if kind == "crm.lead.created" else {"lead_id": lead}
    if kind == "crm.campaign.sent":
        return kind, stated(campaign_id=draw(st.sampled_from(["k1", "k3"])), name="News", channel="email")
    if kind == "crm.unsubscribe":
        return kind, stated(lead_id=lead, channel="email", campaign_id=draw(campaigns))
    if kind.startswith("crm.email."):
        # An e-mail belongs to one campaign and one lead, by its number.
        number = draw(st.integers(1, 6))
        campaign = {0: "k1", 1: "k2", 2: None}[number % 3]
        return kind, stated(message_id=f"e{number}", campaign_id=campaign, lead_id=f"l{1 + number % 2}")
    if kind == "crm.experiment.exposed":
        return kind, {"experiment_id": "x", "variant": draw(st.sampled_from("ab")), "lead_id": lead}
    if kind.startswith("support."):
        return kind, {"ticket_id": draw(st.sampled_from(["t1", "t2"]))}
    if kind.startswith("chat.handoff."):
        return kind, {"conversation_id": draw(conversations)}
    if kind.startswith("chat.followup."):
        data = {"followup_id": draw(followups), "lead_id": lead}
        if kind.endswith("scheduled"):
            data |= {"due_at": (START + timedelta(minutes=draw(minutes_later))).isoformat()}
        if kind.endswith("cancelled"):
            data |= stated(reason=draw(st.sampled_from(["reply", "handoff", "holiday", None])))
        return kind, data
    if kind == "chat.message.classified":
        label = draw(st.one_of(st.none(), intents))
        return kind, stated(message_id=draw(messages), intent=draw(intents), confidence=draw(confidences), label=label)
    data = stated(
        message_id=draw(messages),
        conversation_id=draw(conversations),
        lead_id=draw(st.sampled_from(["l1", "l2", None])),
    )
    if kind == "chat.message.received":
        return kind, data | {"channel": draw(st.sampled_from(["telegram", "whatsapp"]))}
    return kind, data | {"sender": draw(st.sampled_from(["ai", "human"]))}


@st.composite
def marketing_log(draw: st.DrawFn, max_events: int = 30) -> list[Event]:
    """A log of campaigns, messengers and support, in a random order of arrival."""
    log = []
    for number in range(draw(st.integers(1, max_events))):
        kind, data = draw(marketing_event())
        log.append(
            {
                "id": f"e{number // 2}",
                "source": ["crm", "chat"][number % 2],
                "type": kind,
                "time": (START + timedelta(minutes=draw(minutes_later))).isoformat(),
                "tenantid": draw(st.sampled_from(TENANTS)),
                "data": data,
            }
        )
    return draw(st.permutations(log))
