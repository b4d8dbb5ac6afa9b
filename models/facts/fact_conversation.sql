{{
    config(
        materialized='incremental',
        incremental_strategy=add_touched(),
        on_schema_change='fail',
        pre_hook="{{ drop_touched_conversations(with_handoffs=true) }}",
        post_hook="{{ mark_built(['stg_message_event', 'stg_conversation_event']) }}"
    )
}}

with touched_entities as (
    {{ touched_conversations(with_handoffs=true) }}
),

messages as (
    select
        message.tenant_id,
        message.conversation_id,
        max(message.channel) as channel,
        max(message.lead_id) as lead_id,
        max(message.contact_id) as contact_id,
        min(message.messaged_at) as first_message_at,
        max(message.messaged_at) as last_message_at,
        count(*) filter (where message.direction = 'incoming') as incoming_count,
        count(*) filter (where message.direction = 'outgoing' and message.sender = 'ai') as ai_message_count,
        count(*) filter (where message.direction = 'outgoing' and message.sender = 'human') as human_message_count
    from {{ ref('fact_message') }} as message
    {{ join_touched('message', 'conversation_id') }}
    where message.conversation_id is not null and message.messaged_at is not null
    group by message.tenant_id, message.conversation_id
),

handoff_events as (
    {{ entity_events('stg_conversation_event', 'conversation_id', 'chat.handoff.started') }}
),

handoffs as (
    select
        handoff_events.tenant_id,
        handoff_events.conversation_id,
        max(handoff_events.lead_id) as lead_id,
        min(handoff_events.occurred_at) as first_handoff_event_at,
        min(handoff_events.occurred_at) filter (where handoff_events.event_type = 'chat.handoff.started') as first_handoff_at,
        max(handoff_events.occurred_at) filter (where handoff_events.event_type = 'chat.handoff.ended') as last_handoff_ended_at,
        count(*) filter (where handoff_events.event_type = 'chat.handoff.started') as handoff_count,
        max_by(handoff_events.event_type, handoff_events.event_number) = 'chat.handoff.started' as is_with_person
    from handoff_events
    where handoff_events.conversation_id is not null
    group by handoff_events.tenant_id, handoff_events.conversation_id
),

waits as (
    select
        wait.tenant_id,
        wait.conversation_id,
        min(wait.responded_at) filter (where wait.wait_number = 1) as first_responded_at,
        max(wait.responder) filter (where wait.wait_number = 1) as first_responder,
        max(wait.response_hours) filter (where wait.wait_number = 1) as first_response_hours,
        max(wait.waiting_since_at) filter (where wait.responded_at is null) as waiting_since_at
    from {{ ref('fact_response') }} as wait
    {{ join_touched('wait', 'conversation_id') }}
    group by wait.tenant_id, wait.conversation_id
),

conversations as (
    select messages.tenant_id, messages.conversation_id
    from messages
    union
    select handoffs.tenant_id, handoffs.conversation_id
    from handoffs
)

select
    conversations.tenant_id,
    conversations.conversation_id,
    messages.channel,
    coalesce(messages.lead_id, handoffs.lead_id) as lead_id,
    messages.contact_id,
    coalesce(messages.first_message_at, handoffs.first_handoff_event_at) as started_at,
    messages.last_message_at,
    coalesce(messages.incoming_count, 0) as incoming_count,
    coalesce(messages.ai_message_count, 0) as ai_message_count,
    coalesce(messages.human_message_count, 0) as human_message_count,
    waits.first_responded_at,
    waits.first_responder,
    waits.first_response_hours,
    waits.waiting_since_at,
    coalesce(handoffs.handoff_count, 0) as handoff_count,
    handoffs.first_handoff_at,
    handoffs.last_handoff_ended_at,
    coalesce(handoffs.is_with_person, false) as is_with_person,
    coalesce(handoffs.handoff_count, 0) > 0 or coalesce(messages.human_message_count, 0) > 0 as has_person
from conversations
left join messages
    on
        conversations.tenant_id = messages.tenant_id
        and conversations.conversation_id = messages.conversation_id
left join handoffs
    on
        conversations.tenant_id = handoffs.tenant_id
        and conversations.conversation_id = handoffs.conversation_id
left join waits
    on
        conversations.tenant_id = waits.tenant_id
        and conversations.conversation_id = waits.conversation_id
