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

-- What can open or close a deal, as one timeline: verdicts, visits to stages, revocations and what takes them back.
timeline as (
    select
        event.tenant_id,
        event.deal_id,
        event.occurred_at as changed_at,
        0 as precedence,
        0 as visit_number,
        event.event_id,
        event.source,
        event.event_type as closing_event_type,
        null as pipeline,
        null as stage,
        null as is_revoked
    from {{ ref('stg_deal_event') }} as event
    {{ join_touched('event', 'deal_id') }}
    where
        event.event_type in ('crm.deal.won', 'crm.deal.lost', 'crm.deal.reopened')
        and {{ is_visible('event') }}
    union all
    select
        visit.tenant_id,
        visit.deal_id,
        visit.entered_at as changed_at,
        1 as precedence,
        -- visits of the same instant keep their order
        visit.visit_number,
        '' as event_id,
        '' as source,
        null as closing_event_type,
        visit.pipeline,
        visit.stage,
        null as is_revoked
    from {{ ref('fact_deal_stage') }} as visit
    {{ join_touched('visit', 'deal_id') }}
    union all
    select
        change.tenant_id,
        change.deal_id,
        change.changed_at,
        0 as precedence,
        0 as visit_number,
        change.event_id,
        change.source,
        null as closing_event_type,
        null as pipeline,
        null as stage,
        change.is_set as is_revoked
    from {{ ref('fact_gate_change') }} as change
    {{ join_touched('change', 'deal_id') }}
    where change.gate = 'revoked'
),

states as (
    select
        timeline.tenant_id,
        timeline.deal_id,
        timeline.changed_at,
        {{ last_not_null('timeline.pipeline') }} over so_far as pipeline,
        {{ last_not_null('timeline.stage') }} over so_far as stage,
        {{ last_not_null('timeline.is_revoked') }} over so_far as is_revoked,
        {{ last_not_null('timeline.closing_event_type') }} over so_far as closing_event_type,
        lead(timeline.changed_at) over (
            partition by timeline.tenant_id, timeline.deal_id
            order by
                timeline.changed_at, timeline.precedence, timeline.visit_number, timeline.event_id, timeline.source
        ) as following_at
    from timeline
    window so_far as (
        partition by timeline.tenant_id, timeline.deal_id
        order by timeline.changed_at, timeline.precedence, timeline.visit_number, timeline.event_id, timeline.source
        rows between unbounded preceding and current row
    )
),

-- How the deal stood after each instant; as in fact_deal, the MasterDeal has more ways to end than its stages.
instants as (
    select
        states.tenant_id,
        states.deal_id,
        states.changed_at as instant_at,
        case
            when coalesce(dim_stage.is_won or dim_stage.is_lost, false) then false
            when states.pipeline <> 'adtech' then true
            when coalesce(states.is_revoked, false) then false
            else coalesce(states.closing_event_type <> 'crm.deal.won', true)
        end as is_open
    from states
    left join {{ ref('dim_stage') }} as dim_stage
        on states.pipeline = dim_stage.pipeline and states.stage = dim_stage.stage
    where states.following_at is null or states.following_at > states.changed_at
),

turns as (
    select
        compared.tenant_id,
        compared.deal_id,
        compared.instant_at,
        compared.is_open,
        lead(compared.instant_at) over (
            partition by compared.tenant_id, compared.deal_id order by compared.instant_at
        ) as turned_at
    from (
        select
            instants.*,
            lag(instants.is_open) over (
                partition by instants.tenant_id, instants.deal_id order by instants.instant_at
            ) as was_open
        from instants
    ) as compared
    where compared.is_open is distinct from compared.was_open
)

select
    turns.tenant_id,
    turns.deal_id,
    row_number() over (partition by turns.tenant_id, turns.deal_id order by turns.instant_at) as open_number,
    turns.instant_at as opened_at,
    turns.turned_at as closed_at
from turns
where turns.is_open
