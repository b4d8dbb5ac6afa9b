{{
    config(
        materialized='incremental',
        unique_key=['tenant_id', 'deal_id', 'known_by_at', 'sla'],
        incremental_strategy=replace_rows(),
        on_schema_change='fail',
        pre_hook="{{ drop_touched('stg_deal_event', 'deal_id') }}",
        post_hook="{{ mark_built(['stg_deal_event']) }}"
    )
}}

with touched_entities as (
    {{ touched('stg_deal_event', 'deal_id') }}
),

events as (
    {{ known_events('stg_deal_event', 'deal_id', touched_only=true) }}
),

-- When each event of a policy first came. Runs that a revocation reopened are left to fact_sla.
first_times as (
    select
        state.tenant_id,
        state.deal_id,
        state.known_by_at,
        state.pipeline,
        events.event_type,
        min(events.occurred_at) as first_at
    from {{ ref('deal_state') }} as state
    {{ join_known('events', 'events', 'state', 'deal_id') }}
    group by state.tenant_id, state.deal_id, state.known_by_at, state.pipeline, events.event_type
)

select
    start.tenant_id,
    start.deal_id,
    start.known_by_at,
    policy.sla,
    start.first_at as started_at,
    stop.first_at as stopped_at,
    policy.target_hours
from first_times as start
-- one event may start several timers
inner join {{ ref('dim_sla_policy') }} as policy
    on start.pipeline = policy.pipeline and start.event_type = policy.start_event
left join first_times as stop
    on
        start.tenant_id = stop.tenant_id
        and start.deal_id = stop.deal_id
        and start.known_by_at = stop.known_by_at
        and policy.stop_event = stop.event_type
