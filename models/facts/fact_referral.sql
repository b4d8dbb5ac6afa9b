{{
    config(
        materialized='incremental',
        unique_key=['tenant_id', 'referral_id'],
        incremental_strategy=replace_rows(),
        on_schema_change='fail',
        post_hook="{{ mark_built(['stg_referral_event']) }}"
    )
}}

with touched_entities as (
    {{ touched('stg_referral_event', 'referral_id') }}
),

events as (
    {{ entity_events('stg_referral_event', 'referral_id') }}
)

-- A referral may be made before anybody follows it; a later event of it names the lead.
select
    events.tenant_id,
    events.referral_id,
    {{ last_stated('events', 'referrer_user_id') }} as referrer_user_id,
    {{ last_stated('events', 'lead_id') }} as lead_id,
    {{ last_stated('events', 'code') }} as code,
    min(events.occurred_at) as referred_at,
    max(events.occurred_at) as last_changed_at
from events
group by events.tenant_id, events.referral_id
