-- A conversation belongs to the month in which it began, a verdict to the month of its message. What has been quiet for a
-- day has ended, and is closed where nobody is left waiting: no event says so.
with conversations as (
    select
        conversation.tenant_id,
        cast(date_trunc('month', conversation.started_at) as date) as conversation_month,
        coalesce(conversation.channel, '(not set)') as channel,
        conversation.handoff_count > 0 as is_handed_over,
        conversation.has_person,
        conversation.waiting_since_at is not null as is_waiting,
        {{ micros_between('coalesce(conversation.last_message_at, conversation.started_at)', as_of()) }} >= 24 * 3600000000
            as has_ended
    from {{ ref('fact_conversation') }} as conversation
),

conversation_months as (
    select
        conversations.tenant_id,
        conversations.conversation_month,
        conversations.channel,
        count(*) as conversation_count,
        count(*) filter (where conversations.is_handed_over) as handed_over_count,
        count(*) filter (where conversations.has_ended) as ended_count,
        count(*) filter (where conversations.has_ended and not conversations.is_waiting and not conversations.has_person)
            as closed_without_person_count
    from conversations
    group by conversations.tenant_id, conversations.conversation_month, conversations.channel
),

messages as (
    select
        message.tenant_id,
        cast(date_trunc('month', coalesce(message.messaged_at, message.classified_at)) as date) as conversation_month,
        coalesce(message.channel, '(not set)') as channel,
        count(message.intent) as classified_count,
        count(message.is_label_agreeing) as labelled_count,
        count(*) filter (where message.is_label_agreeing) as agreeing_count
    from {{ ref('fact_message') }} as message
    where message.intent is not null
    group by
        message.tenant_id,
        cast(date_trunc('month', coalesce(message.messaged_at, message.classified_at)) as date),
        coalesce(message.channel, '(not set)')
),

calibrations as (
    select
        bin.tenant_id,
        bin.conversation_month,
        bin.channel,
        {{ fdiv('sum(abs(bin.confidence_sum - bin.agreeing_count))', 'sum(bin.labelled_count)') }} as calibration_error
    from {{ ref('ai_calibration') }} as bin
    group by bin.tenant_id, bin.conversation_month, bin.channel
),

months as (
    select conversation_months.tenant_id, conversation_months.conversation_month, conversation_months.channel
    from conversation_months
    union
    select messages.tenant_id, messages.conversation_month, messages.channel
    from messages
)

select
    months.tenant_id,
    months.conversation_month,
    months.channel,
    coalesce(conversation_months.conversation_count, 0) as conversation_count,
    coalesce(conversation_months.handed_over_count, 0) as handed_over_count,
    {{ fdiv('conversation_months.handed_over_count', 'conversation_months.conversation_count') }} as handoff_rate,
    coalesce(conversation_months.ended_count, 0) as ended_count,
    coalesce(conversation_months.closed_without_person_count, 0) as closed_without_person_count,
    {{ fdiv('conversation_months.closed_without_person_count', 'conversation_months.ended_count') }}
        as closed_without_person_share,
    coalesce(messages.classified_count, 0) as classified_count,
    coalesce(messages.labelled_count, 0) as labelled_count,
    coalesce(messages.agreeing_count, 0) as agreeing_count,
    {{ fdiv('messages.agreeing_count', 'messages.labelled_count') }} as accuracy_rate,
    calibrations.calibration_error
from months
left join conversation_months
    on
        months.tenant_id = conversation_months.tenant_id
        and months.conversation_month = conversation_months.conversation_month
        and months.channel = conversation_months.channel
left join messages
    on
        months.tenant_id = messages.tenant_id
        and months.conversation_month = messages.conversation_month
        and months.channel = messages.channel
left join calibrations
    on
        months.tenant_id = calibrations.tenant_id
        and months.conversation_month = calibrations.conversation_month
        and months.channel = calibrations.channel
