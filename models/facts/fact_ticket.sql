{{
    config(
        materialized='incremental',
        unique_key=['tenant_id', 'ticket_id'],
        incremental_strategy=replace_rows(),
        on_schema_change='fail',
        pre_hook="{{ drop_touched('stg_ticket_event', 'ticket_id') }}",
        post_hook="{{ mark_built(['stg_ticket_event']) }}"
    )
}}

with touched_entities as (
    {{ touched('stg_ticket_event', 'ticket_id') }}
),

-- A ticket is as its last event left it, until the next.
events as (
    select
        event.*,
        row_number() over ({{ in_order('event', 'ticket_id', 'support.ticket.opened') }}) as event_number,
        lag(event.event_type) over ({{ in_order('event', 'ticket_id', 'support.ticket.opened') }}) as previous_event_type,
        lead(event.occurred_at) over ({{ in_order('event', 'ticket_id', 'support.ticket.opened') }}) as following_at
    from {{ ref('stg_ticket_event') }} as event
    {{ join_touched('event', 'ticket_id') }}
    where {{ is_visible('event') }}
),

tickets as (
    select
        events.tenant_id,
        events.ticket_id,
        {{ last_stated('events', 'user_id') }} as user_id,
        {{ last_stated('events', 'account_id') }} as account_id,
        {{ last_stated('events', 'category') }} as ticket_category,
        {{ last_stated('events', 'priority') }} as ticket_priority,
        min(events.occurred_at) as opened_at,
        min(events.occurred_at) filter (where events.event_type = 'support.ticket.resolved') as first_resolved_at,
        count(*) filter (
            where events.event_type = 'support.ticket.reopened' and events.previous_event_type = 'support.ticket.resolved'
        ) as reopen_count,
        max_by(events.event_type, events.event_number) <> 'support.ticket.resolved' as is_open,
        max(events.occurred_at) filter (
            where events.event_type = 'support.ticket.resolved'
            and (events.previous_event_type is null or events.previous_event_type <> 'support.ticket.resolved')
        ) as resolved_at,
        max(events.occurred_at) as last_changed_at,
        sum(
            case
                when events.event_type <> 'support.ticket.resolved' and events.following_at is not null
                    then {{ micros_between('events.occurred_at', 'events.following_at') }}
                else 0
            end
        ) as open_micros
    from events
    group by events.tenant_id, events.ticket_id
),

placed as (
    select
        tickets.tenant_id,
        tickets.ticket_id,
        tickets.user_id,
        tickets.account_id,
        tickets.ticket_category,
        tickets.ticket_priority,
        tickets.opened_at,
        tickets.first_resolved_at,
        case when not tickets.is_open then tickets.resolved_at end as resolved_at,
        tickets.reopen_count,
        tickets.is_open,
        tickets.last_changed_at,
        {{ hours('tickets.open_micros') }} as open_hours_until_change
    from tickets

    {% if is_incremental() %}
    -- Tickets that nothing touched are open for longer.
    union all
    select
        built.tenant_id,
        built.ticket_id,
        built.user_id,
        built.account_id,
        built.ticket_category,
        built.ticket_priority,
        built.opened_at,
        built.first_resolved_at,
        built.resolved_at,
        built.reopen_count,
        built.is_open,
        built.last_changed_at,
        built.open_hours_until_change
    from {{ this }} as built
    where built.is_open
    {% endif %}
)

select
    placed.tenant_id,
    placed.ticket_id,
    placed.user_id,
    placed.account_id,
    placed.ticket_category,
    placed.ticket_priority,
    placed.opened_at,
    placed.first_resolved_at,
    placed.resolved_at,
    placed.reopen_count,
    placed.is_open,
    placed.last_changed_at,
    placed.open_hours_until_change,
    placed.open_hours_until_change
    + case when placed.is_open then {{ hours(micros_between('placed.last_changed_at', as_of())) }} else 0.0 end as open_hours
from placed
