{{
    config(
        materialized='incremental',
        incremental_strategy=add_touched(),
        on_schema_change='fail',
        pre_hook="{{ drop_touched('stg_account_event', 'account_id') }}",
        post_hook="{{ mark_built(['stg_account_event']) }}"
    )
}}

with touched_entities as (
    {{ touched('stg_account_event', 'account_id') }}
),

events as (
    {{ entity_events('stg_account_event', 'account_id') }}
)

-- An upsert states what it carries: a field that is absent keeps its last value.
select
    events.tenant_id,
    events.account_id,
    {{ last_stated('events', 'name') }} as account_name,
    {{ last_stated('events', 'kind') }} as account_kind,
    {{ last_stated('events', 'domain') }} as web_domain,
    {{ last_stated('events', 'industry') }} as industry,
    {{ last_stated('events', 'segment') }} as segment,
    {{ last_stated('events', 'size') }} as employee_count,
    {{ last_stated('events', 'budget') }} as budget,
    {{ last_stated('events', 'country') }} as country,
    {{ last_stated('events', 'region') }} as region,
    {{ last_stated('events', 'owner_id') }} as owner_id,
    {{ last_stated('events', 'status') }} as account_status,
    {{ last_stated('events', 'icp_fit_score') }} as icp_fit_score,
    min(events.occurred_at) as first_seen_at,
    max(events.occurred_at) as last_changed_at
from events
group by events.tenant_id, events.account_id
