{{
    config(
        materialized='incremental',
        incremental_strategy=add_touched(),
        on_schema_change='fail',
        pre_hook="{{ drop_touched_conversations() }}",
        post_hook="{{ mark_built(['stg_message_event']) }}"
    )
}}

with touched_entities as (
    {{ touched_conversations() }}
),

-- Of the same instant, what came in counts before what went out: an answer may be instantaneous.
messages as (
    select
        message.*,
        row_number() over in_turn as message_number,
        lag(message.direction) over in_turn as previous_direction
    from {{ ref('fact_message') }} as message
    {{ join_touched('message', 'conversation_id') }}
    where message.conversation_id is not null and message.messaged_at is not null
    window in_turn as (
        partition by message.tenant_id, message.conversation_id
        order by
            message.messaged_at,
            case when message.direction = 'incoming' then 0 else 1 end,
            message.message_id
    )
),

-- A wait begins with the first message that comes in after an answer; what comes in before the next answer joins it.
turns as (
    select
        messages.*,
        sum(
            case
                when messages.direction = 'incoming' and coalesce(messages.previous_direction, 'outgoing') = 'outgoing' then 1
                else 0
            end
        ) over (
            partition by messages.tenant_id, messages.conversation_id order by messages.message_number
            rows between unbounded preceding and current row
        ) as wait_number
    from messages
),

waits as (
    select
        turns.tenant_id,
        turns.conversation_id,
        cast(turns.wait_number as bigint) as wait_number,
        min_by(turns.channel, turns.message_number) filter (where turns.channel is not null) as channel,
        min_by(turns.lead_id, turns.message_number) filter (where turns.lead_id is not null) as lead_id,
        min_by(turns.contact_id, turns.message_number) filter (where turns.contact_id is not null) as contact_id,
        min_by(turns.message_id, turns.message_number) filter (where turns.message_id is not null) as message_id,
        count(*) filter (where turns.direction = 'incoming') as incoming_count,
        min(turns.messaged_at) as waiting_since_at,
        min(turns.messaged_at) filter (where turns.direction = 'outgoing') as responded_at,
        min(turns.message_number) filter (where turns.direction = 'outgoing') as answer_number
    from turns
    where turns.wait_number > 0
    group by turns.tenant_id, turns.conversation_id, turns.wait_number
)

select
    waits.tenant_id,
    waits.conversation_id,
    waits.wait_number,
    waits.channel,
    waits.lead_id,
    waits.contact_id,
    waits.message_id,
    waits.incoming_count,
    waits.waiting_since_at,
    waits.responded_at,
    answer.message_id as answer_message_id,
    answer.sender as responder,
    answer.user_id as responder_user_id,
    {{ hours(micros_between('waits.waiting_since_at', 'waits.responded_at')) }} as response_hours
from waits
left join messages as answer
    on
        waits.tenant_id = answer.tenant_id
        and waits.conversation_id = answer.conversation_id
        and waits.answer_number = answer.message_number
