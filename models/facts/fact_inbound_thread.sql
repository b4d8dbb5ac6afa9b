{{
    config(
        materialized='incremental',
        unique_key=['tenant_id', 'thread_id'],
        incremental_strategy=replace_rows(),
        on_schema_change='fail',
        pre_hook="{{ drop_touched('stg_conversation_event', 'thread_id') }}",
        post_hook="{{ mark_built(['stg_conversation_event']) }}"
    )
}}

with touched_entities as (
    {{ touched('stg_conversation_event', 'thread_id') }}
),

events as (
    {{ entity_events('stg_conversation_event', 'thread_id', 'inbound.thread.created') }}
),

-- Naming an account at the start is a guess of the sending system; only an assignment makes somebody responsible.
assignments as (
    select
        events.*,
        lag(events.account_id) over (
            partition by events.tenant_id, events.thread_id order by events.event_number
        ) as previous_account_id
    from events
    where events.event_type = 'inbound.thread.assigned'
),

assigned as (
    select
        assignments.tenant_id,
        assignments.thread_id,
        min(assignments.occurred_at) as assigned_at,
        max_by(assignments.account_id, assignments.event_number) filter (where assignments.account_id is not null) as account_id,
        min_by(assignments.actor, assignments.event_number) filter (where assignments.actor is not null) as assigned_by,
        count(*) filter (where assignments.account_id <> assignments.previous_account_id) as reassignment_count
    from assignments
    group by assignments.tenant_id, assignments.thread_id
),

threads as (
    select
        events.tenant_id,
        events.thread_id,
        {{ last_stated('events', 'channel') }} as channel,
        {{ last_stated('events', 'account_id') }} as account_id,
        {{ last_stated('events', 'deal_id') }} as deal_id,
        min(events.occurred_at) as started_at
    from events
    where events.thread_id is not null
    group by events.tenant_id, events.thread_id
)

select
    threads.tenant_id,
    threads.thread_id,
    threads.channel,
    coalesce(assigned.account_id, threads.account_id) as account_id,
    threads.deal_id,
    case when assigned.assigned_at is null then 'unassigned' else 'assigned' end as thread_status,
    threads.started_at,
    assigned.assigned_at,
    assigned.assigned_by,
    {{ hours(micros_between('threads.started_at', 'assigned.assigned_at')) }} as hours_to_assignment,
    coalesce(assigned.reassignment_count, 0) as reassignment_count
from threads
left join assigned
    on threads.tenant_id = assigned.tenant_id and threads.thread_id = assigned.thread_id
