{{
    config(
        materialized='incremental',
        incremental_strategy=add_touched(),
        on_schema_change='fail',
        pre_hook="{{ drop_touched('stg_message_event', 'message_id') }}",
        post_hook="{{ mark_built(['stg_message_event']) }}"
    )
}}

with touched_entities as (
    {{ touched('stg_message_event', 'message_id') }}
),

events as (
    {{ entity_events('stg_message_event', 'message_id', 'chat.message.received') }}
),

messages as (
    select
        events.tenant_id,
        events.message_id,
        min_by(events.conversation_id, events.event_number) filter (where events.conversation_id is not null)
            as conversation_id,
        min_by(events.event_type, events.event_number) filter (where events.event_type <> 'chat.message.classified')
            as moving_event_type,
        {{ last_stated('events', 'channel') }} as channel,
        {{ last_stated('events', 'sender') }} as stated_sender,
        {{ last_stated('events', 'lead_id') }} as lead_id,
        {{ last_stated('events', 'contact_id') }} as contact_id,
        {{ last_stated('events', 'user_id') }} as user_id,
        {{ last_stated('events', 'in_reply_to') }} as in_reply_to,
        {{ last_stated('events', 'intent') }} as intent,
        {{ last_stated('events', 'confidence') }} as confidence,
        {{ last_stated('events', 'sentiment') }} as sentiment,
        {{ last_stated('events', 'label') }} as intent_label,
        min(events.occurred_at) filter (where events.event_type <> 'chat.message.classified') as messaged_at,
        min(events.occurred_at) filter (where events.event_type = 'chat.message.classified') as classified_at
    from events
    group by events.tenant_id, events.message_id
)

select
    messages.tenant_id,
    messages.message_id,
    messages.conversation_id,
    case messages.moving_event_type when 'chat.message.received' then 'incoming' when 'chat.message.sent' then 'outgoing' end
        as direction,
    case messages.moving_event_type when 'chat.message.received' then 'customer' else messages.stated_sender end as sender,
    messages.channel,
    messages.lead_id,
    messages.contact_id,
    messages.user_id,
    messages.in_reply_to,
    messages.messaged_at,
    messages.classified_at,
    messages.intent,
    messages.confidence,
    messages.sentiment,
    messages.intent_label,
    messages.intent = messages.intent_label as is_label_agreeing
from messages
