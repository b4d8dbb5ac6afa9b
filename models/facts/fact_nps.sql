{{
    config(
        materialized='incremental',
        incremental_strategy=add_touched(),
        on_schema_change='fail',
        pre_hook="{{ drop_touched('stg_nps_event', 'response_id') }}",
        post_hook="{{ mark_built(['stg_nps_event']) }}"
    )
}}

with touched_entities as (
    {{ touched('stg_nps_event', 'response_id') }}
),

events as (
    {{ entity_events('stg_nps_event', 'response_id') }}
),

responses as (
    select
        events.tenant_id,
        events.response_id,
        {{ last_stated('events', 'score') }} as score,
        {{ last_stated('events', 'deal_id') }} as deal_id,
        {{ last_stated('events', 'contact_id') }} as contact_id,
        {{ last_stated('events', 'user_id') }} as user_id,
        max(events.occurred_at) as responded_at
    from events
    group by events.tenant_id, events.response_id
)

select
    responses.tenant_id,
    responses.response_id,
    coalesce(responses.contact_id, responses.user_id, responses.deal_id, responses.response_id) as respondent_id,
    responses.deal_id,
    responses.contact_id,
    responses.user_id,
    responses.score,
    case when responses.score >= 9 then 'promoter' when responses.score >= 7 then 'passive' else 'detractor' end as category,
    responses.responded_at
from responses
