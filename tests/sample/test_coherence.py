"""Laws that hold in any plausible company: nothing happens to what does not exist yet, or no longer."""

from collections.abc import Callable

import pytest

from tests.sample.conftest import Company

Count = Callable[[str], int]

# What must have happened first: the event, its key, and the events that may come before it.
BEFORE = [
    ("crm.lead.converted", "lead_id", "crm.lead.created"),
    ("crm.lead.qualified", "lead_id", "crm.lead.created"),
    ("crm.lead.assigned", "lead_id", "crm.lead.created"),
    ("crm.lead.stage_changed", "lead_id", "crm.lead.created"),
    ("crm.experiment.exposed", "lead_id", "crm.lead.created"),
    ("app.activated", "user_id", "lms.trial.started"),
    ("billing.subscription.renewed", "subscription_id", "billing.subscription.started"),
    ("billing.subscription.changed", "subscription_id", "billing.subscription.started"),
    ("billing.subscription.cancelled", "subscription_id", "billing.subscription.started"),
    ("billing.payment.received", "subscription_id", "billing.subscription.started"),
    ("billing.payment.received", "order_id", "shop.order.created"),
    ("billing.payment.received", "deal_id", "dcm.invoice.issued"),
    ("billing.payment.refunded", "payment_id", "billing.payment.received"),
    ("support.ticket.resolved", "ticket_id", "support.ticket.opened"),
    ("support.ticket.reopened", "ticket_id", "support.ticket.resolved"),
    ("crm.email.delivered", "message_id", "crm.email.sent"),
    ("crm.email.opened", "message_id", "crm.email.delivered"),
    ("crm.email.clicked", "message_id", "crm.email.opened"),
    ("crm.deal.stage_changed", "deal_id", "crm.deal.created"),
    ("crm.deal.updated", "deal_id", "crm.deal.created"),
    ("crm.deal.next_step_done", "deal_id", "crm.deal.next_step_set"),
    ("crm.deal.won", "deal_id", "crm.deal.created"),
    ("crm.deal.reopened", "deal_id", "crm.deal.lost"),
    ("crm.brief.submitted", "deal_id", "crm.deal.created"),
    ("crm.offer.approved", "deal_id", "media.mediaplan.ready"),
    ("docflow.contract.signed", "deal_id", "crm.offer.approved"),
    ("docflow.contract.revoked", "deal_id", "docflow.contract.signed"),
    ("mediapush.campaign.started", "deal_id", "docflow.contract.signed"),
    ("mediapush.kpi.reported", "deal_id", "mediapush.campaign.started"),
    ("dcm.closeout.completed", "deal_id", "dcm.invoice.issued"),
    ("chat.message.classified", "message_id", "chat.message.received"),
    ("chat.handoff.ended", "conversation_id", "chat.handoff.started"),
    ("chat.followup.sent", "followup_id", "chat.followup.scheduled"),
    ("chat.followup.cancelled", "followup_id", "chat.followup.scheduled"),
    ("inbound.thread.assigned", "thread_id", "inbound.thread.created"),
    ("calendar.appointment.attended", "appointment_id", "calendar.appointment.booked"),
    ("calendar.appointment.no_show", "appointment_id", "calendar.appointment.booked"),
    ("calendar.appointment.cancelled", "appointment_id", "calendar.appointment.booked"),
    ("shop.order.status_changed", "order_id", "shop.order.created"),
    ("club.event.attended", "lead_id", "club.event.registered"),
]


@pytest.mark.parametrize(("later", "key", "earlier"), BEFORE)
def test_cause_comes_before_effect(company: Company, later: str, key: str, earlier: str) -> None:
    first = f"""select tenant, (data->>'{key}') as key, min(happened) as since from events
        where type = '{earlier}' group by 1, 2"""
    rows = f"select * from events where type = '{later}' and (data->>'{key}') is not null"
    assert company.number(f"select count(*) from ({rows})") > 0
    # What began before the sample did has its beginning outside it.
    orphans = f"""select count(*) from ({rows}) later left join ({first}) earlier
        on later.tenant = earlier.tenant and (later.data->>'{key}') = earlier.key
        where coalesce(earlier.since > later.happened, true)"""
    assert company.number(orphans) == 0


def test_nobody_uses_what_they_do_not_have(count_where: Count) -> None:
    people = """select (data->>'user_id') as user, min(happened) as since from events
        where type = 'billing.subscription.started' and (data->>'user_id') is not null group by 1"""
    early = f"""select * from events join ({people}) on (data->>'user_id') = user
        where type in ('app.login', 'app.feature.used') and happened < since"""
    assert count_where(early) == 0


def test_nothing_is_paid_for_a_subscription_after_it_ended(count_where: Count) -> None:
    assert count_where(
        """select * from events paid join events ended
        on (ended.data->>'subscription_id') = (paid.data->>'subscription_id')
        where paid.type = 'billing.payment.received' and ended.type = 'billing.subscription.cancelled'
            and paid.happened > (ended.data->>'effective_date')::date + interval 1 day"""
    ) == 0  # fmt: skip


def test_closed_deals_are_not_closed_twice_without_reopening(count_where: Count) -> None:
    ends = """select type, lag(type) over (partition by tenant, (data->>'deal_id') order by happened) as before
        from events where type in ('crm.deal.won', 'crm.deal.lost', 'crm.deal.reopened')"""
    assert count_where(f"select * from ({ends}) where before = type or (type <> 'crm.deal.reopened' and "
                       "before in ('crm.deal.won', 'crm.deal.lost'))") == 0  # fmt: skip
    assert count_where(f"select * from ({ends}) where type = 'crm.deal.won' and before = 'crm.deal.reopened'") > 0


def test_stages_connect(count_where: Count) -> None:
    steps = """select (data->>'from_stage') as came_from, lag(data->>'to_stage', 1, 'lead') over
            (partition by (data->>'deal_id') order by happened) as was
        from events where type = 'crm.deal.stage_changed' and not starts_with(data->>'deal_id', 'MD-')"""
    assert count_where(f"select * from ({steps}) where came_from <> was") < 0.08 * count_where(steps)


def test_appointments_end_once(count_where: Count) -> None:
    ends = """select (data->>'appointment_id') from events where type in ('calendar.appointment.attended',
        'calendar.appointment.no_show', 'calendar.appointment.cancelled') group by 1 having count(*) > 1"""
    assert count_where(ends) == 0


def test_the_planted_stories_are_there(count_where: Count) -> None:
    def deals(event_type: str) -> str:
        return f"""select (data->>'deal_id') as deal, min(happened) as at_ from events
            where type = '{event_type}' group by 1"""

    signed_twice = """select (data->>'deal_id') from events where type = 'docflow.contract.signed'
        group by 1 having count(*) > 1"""
    assert count_where(signed_twice) > 0
    disordered = f"""select * from ({deals("media.mediaplan.ready")}) plan join ({deals("crm.brief.submitted")}) brief
        using (deal) where plan.at_ < brief.at_"""
    assert count_where(disordered) > 0
    corrected = """select (data->>'date'), (data->>'channel'), (data->>'campaign_id') from events
        where type = 'ads.spend.reported' group by all having count(*) > 1"""
    assert count_where(corrected) > 0
    pushed = """select (data->>'deal_id') from events where type = 'crm.deal.updated'
        and (data->>'expected_close_date') is not null group by 1 having count(*) > 1"""
    assert count_where(pushed) > 0


def test_currencies_and_tenants(company: Company) -> None:
    rated = company.db.execute(
        "select distinct (data->>'currency') from events where type = 'finance.fx_rate.published'"
    )
    assert {row[0] for row in rated.fetchall()} >= {"EUR", "RUB", "UAH", "KZT"}
    tenants = {row[0] for row in company.db.execute("select distinct tenant from events").fetchall()}
    assert tenants == {"default", "panels-almaty", "cottages-kyiv", "insoles"}
