with events as (
    {{ entity_events('stg_followup_event', 'followup_id', 'chat.followup.scheduled') }}
),

-- Follow-ups are few beside messages, and a reply changes them without an event of their own: all are computed each time.
followups as (
    select
        events.tenant_id,
        events.followup_id,
        {{ last_stated('events', 'lead_id') }} as lead_id,
        {{ last_stated('events', 'due_at') }} as due_at,
        max_by(events.reason, events.event_number) filter (
            where events.event_type = 'chat.followup.cancelled' and events.reason is not null
        ) as cancel_reason,
        min(events.occurred_at) as first_event_at,
        min(events.occurred_at) filter (where events.event_type = 'chat.followup.scheduled') as scheduled_at,
        min(events.occurred_at) filter (where events.event_type = 'chat.followup.sent') as sent_at,
        min(events.occurred_at) filter (where events.event_type = 'chat.followup.cancelled') as cancelled_at
    from events
    where events.followup_id is not null
    group by events.tenant_id, events.followup_id
),

incoming as (
    select
        message.tenant_id,
        coalesce(message.lead_id, conversation.lead_id) as lead_id,
        message.messaged_at
    from {{ ref('fact_message') }} as message
    left join {{ ref('fact_conversation') }} as conversation
        on message.tenant_id = conversation.tenant_id and message.conversation_id = conversation.conversation_id
    where message.direction = 'incoming'
),

replies as (
    select
        followups.tenant_id,
        followups.followup_id,
        min(incoming.messaged_at) filter (where incoming.messaged_at > followups.sent_at) as replied_at,
        count(*) filter (
            where incoming.messaged_at > followups.scheduled_at and incoming.messaged_at < followups.sent_at
        ) > 0 as is_sent_despite_reply
    from followups
    -- every message of the lead
    inner join incoming
        on followups.tenant_id = incoming.tenant_id and followups.lead_id = incoming.lead_id
    where followups.sent_at is not null
    group by followups.tenant_id, followups.followup_id
),

placed as (
    select
        followups.*,
        replies.replied_at,
        coalesce(replies.is_sent_despite_reply, false) as is_sent_despite_reply,
        coalesce(tenant.time_zone, 'UTC') as time_zone,
        cast(
            extract(hour from {{ utc_to_local('followups.sent_at', "coalesce(tenant.time_zone, 'UTC')") }}) as integer
        ) as sent_hour_local
    from followups
    left join replies
        on followups.tenant_id = replies.tenant_id and followups.followup_id = replies.followup_id
    left join {{ ref('tenant') }} as tenant
        on followups.tenant_id = tenant.tenant_id
)

select
    placed.tenant_id,
    placed.followup_id,
    placed.lead_id,
    -- What was sent was sent, whatever was said of it later.
    case
        when placed.sent_at is not null then 'sent'
        when placed.cancelled_at is not null then 'cancelled'
        else 'scheduled'
    end as followup_status,
    coalesce(placed.scheduled_at, placed.first_event_at) as scheduled_at,
    placed.due_at,
    placed.sent_at,
    placed.time_zone,
    placed.sent_hour_local,
    coalesce(placed.sent_hour_local >= 21 or placed.sent_hour_local < 9, false) as is_sent_at_night,
    placed.is_sent_despite_reply,
    case when placed.sent_at is null then placed.cancelled_at end as cancelled_at,
    case
        when placed.sent_at is not null or placed.cancelled_at is null then null
        when lower(placed.cancel_reason) in ('reply', 'handoff') then lower(placed.cancel_reason)
        else 'other'
    end as cancelled_by,
    placed.replied_at,
    {{ hours(micros_between('placed.sent_at', 'placed.replied_at')) }} as reply_hours
from placed
