"""What comes late to campaigns, messengers and tickets restates the rows around it, on a real work file."""

from pathlib import Path

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from tests.laws.compiled import Event
from tests.laws.logs import instant
from tests.laws.marketing_logs import marketing_log
from tests.laws.test_incremental import an_hour_later, assert_incremental_is_full, event

# A failing example is shown as it was found: shrinking it would take hundreds of builds.
MANY = settings(
    max_examples=10,
    deadline=None,
    suppress_health_check=list(HealthCheck),
    phases=[Phase.explicit, Phase.reuse, Phase.generate],
)


def received(number: int, hours: float, message: str, conversation: str, **data: object) -> Event:
    fields = {"message_id": message, "conversation_id": conversation, "channel": "telegram"} | data
    return event(number, "chat.message.received", hours, **fields)


def sent(number: int, hours: float, message: str, conversation: str, sender: str = "ai") -> Event:
    fields = {"message_id": message, "conversation_id": conversation, "sender": sender}
    return event(number, "chat.message.sent", hours, **fields)


@pytest.mark.slow
def test_what_comes_late_restates_what_stands_around_it(tmp_path: Path) -> None:
    batches = [
        [
            received(1, 5, "m1", "v1", lead_id="l1"),
            received(2, 9, "m3", "v1"),
            event(3, "crm.email.clicked", 4, message_id="e1", campaign_id="k1", lead_id="l1"),
            event(4, "crm.campaign.sent", 3, campaign_id="k1", name="News", channel="email", cost=10, currency="EUR"),
            event(5, "support.ticket.opened", 2, ticket_id="t1", user_id="u1"),
            event(6, "chat.followup.sent", 4, followup_id="f1", lead_id="l1"),
            event(7, "crm.experiment.exposed", 1, experiment_id="x", variant="a", lead_id="l1"),
            event(8, "inbound.thread.created", 2, thread_id="h1", channel="email"),
            event(9, "inbound.thread.assigned", 6, thread_id="h2", account_id="a1"),
        ],
        # An answer between the two questions makes two waits of one; the lead converts after all; the rate comes.
        [
            sent(11, 6, "m2", "v1"),
            event(12, "crm.lead.converted", 8, lead_id="l1"),
            event(13, "finance.fx_rate.published", 8, date="2026-03-01", currency="EUR", rate=1.5),
            event(14, "chat.message.classified", 5, message_id="m1", intent="faq", confidence=0.5, label="price"),
        ],
        # The first question had belonged to another conversation: both are restated. Time passes for the ticket.
        [
            received(21, 4.5, "m1", "v2"),
            event(22, "chat.handoff.started", 10, conversation_id="v1"),
            event(23, "crm.experiment.exposed", 2, experiment_id="x", variant="b", lead_id="l1"),
            an_hour_later(40),
        ],
        [
            event(31, "support.ticket.resolved", 30, ticket_id="t1"),
            event(32, "crm.email.bounced", 4.5, message_id="e1"),
            event(33, "inbound.thread.assigned", 20, thread_id="h1", account_id="a1"),
            event(34, "inbound.thread.created", 3, thread_id="h2", channel="email"),
        ],
        [event(41, "crm.email.opened", 50, message_id="e1"), an_hour_later(60)],
    ]
    assert_incremental_is_full(tmp_path, batches)


@st.composite
def batches_of_marketing(draw: st.DrawFn) -> list[list[Event]]:
    log = draw(marketing_log(max_events=60))
    batches: list[list[Event]] = [[] for _ in range(3)]
    for one in log:
        batches[draw(st.integers(0, 2))].append(one)
    later: Event = {
        "source": "crm",
        "id": "later",
        "type": "app.login",
        "time": instant(24 * 14),
        "data": {"user_id": "u"},
    }
    return [batch for batch in batches if batch] + [[later]]


@pytest.mark.slow
@given(batches_of_marketing())
@MANY
@pytest.mark.slow
def test_any_batches_of_marketing(tmp_path_factory: pytest.TempPathFactory, batches: list[list[Event]]) -> None:
    assert_incremental_is_full(tmp_path_factory.mktemp("home"), batches)
