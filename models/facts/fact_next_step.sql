{{
    config(
        materialized='incremental',
        incremental_strategy=add_touched(),
        on_schema_change='fail',
        pre_hook="{{ drop_touched('stg_deal_event', 'deal_id') }}",
        post_hook="{{ mark_built(['stg_deal_event']) }}"
    )
}}

with touched_entities as (
    {{ touched('stg_deal_event', 'deal_id') }}
),

-- A step lasts until it is done or another one takes its place.
moves as (
    select
        event.tenant_id,
        event.deal_id,
        event.event_type,
        event.occurred_at as set_at,
        event.due_at,
        event.event_id,
        event.source,
        lead(event.event_type) over ({{ in_order('event', 'deal_id') }}) as following_event_type,
        lead(event.occurred_at) over ({{ in_order('event', 'deal_id') }}) as ended_at
    from {{ ref('stg_deal_event') }} as event
    {{ join_touched('event', 'deal_id') }}
    where
        event.event_type in ('crm.deal.next_step_set', 'crm.deal.next_step_done')
        and {{ is_visible('event') }}
)

select
    moves.tenant_id,
    moves.deal_id,
    row_number() over (
        partition by moves.tenant_id, moves.deal_id order by moves.set_at, moves.event_id, moves.source
    ) as next_step_number,
    moves.set_at,
    moves.due_at,
    moves.ended_at,
    case moves.following_event_type
        when 'crm.deal.next_step_done' then 'done'
        when 'crm.deal.next_step_set' then 'replaced'
        else 'open'
    end as step_status
from moves
where moves.event_type = 'crm.deal.next_step_set'
