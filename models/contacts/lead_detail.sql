{{
    config(
        materialized='incremental',
        incremental_strategy=add_touched(),
        on_schema_change='fail',
        pre_hook="{{ drop_touched('stg_lead_event', 'lead_id') }}",
        post_hook="{{ mark_built(['stg_lead_event']) }}"
    )
}}

with touched_entities as (
    {{ touched('stg_lead_event', 'lead_id') }}
),

events as (
    {{ entity_events('stg_lead_event', 'lead_id', 'crm.lead.created') }}
)

select
    events.tenant_id,
    events.lead_id,
    {{ last_stated('events', 'first_name') }} as first_name,
    {{ last_stated('events', 'last_name') }} as last_name,
    {{ last_stated('events', 'email') }} as email,
    {{ last_stated('events', 'phone') }} as phone,
    {{ last_stated('events', 'company') }} as company
from events
group by events.tenant_id, events.lead_id
