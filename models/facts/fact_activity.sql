{{
    config(
        materialized='incremental',
        incremental_strategy=add_touched(),
        on_schema_change='fail',
        pre_hook="{{ drop_touched('stg_activity_event', 'activity_id') }}",
        post_hook="{{ mark_built(['stg_activity_event']) }}"
    )
}}

with touched_entities as (
    {{ touched('stg_activity_event', 'activity_id') }}
),

events as (
    {{ entity_events('stg_activity_event', 'activity_id') }}
)

-- An activity may be logged again, when it is completed for instance: the last statement of each field holds.
select
    events.tenant_id,
    events.activity_id,
    {{ last_stated('events', 'activity_type') }} as activity_type,
    {{ last_stated('events', 'deal_id') }} as deal_id,
    {{ last_stated('events', 'contact_id') }} as contact_id,
    {{ last_stated('events', 'lead_id') }} as lead_id,
    {{ last_stated('events', 'user_id') }} as user_id,
    {{ last_stated('events', 'actor') }} as actor,
    min(events.occurred_at) as logged_at,
    {{ last_stated('events', 'due_at') }} as due_at,
    {{ last_stated('events', 'completed_at') }} as completed_at
from events
group by events.tenant_id, events.activity_id
