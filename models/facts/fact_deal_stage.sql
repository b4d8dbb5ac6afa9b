{{
    config(
        materialized='incremental',
        unique_key=['tenant_id', 'deal_id', 'visit_number'],
        incremental_strategy=replace_rows(),
        on_schema_change='fail',
        pre_hook="{{ drop_touched('stg_deal_event', 'deal_id') }}",
        post_hook="{{ mark_built(['stg_deal_event']) }}"
    )
}}

with touched_entities as (
    {{ touched('stg_deal_event', 'deal_id') }}
),

changes as (
    select change.tenant_id, change.deal_id, change.changed_at, max(change.gate_bits) as gate_bits
    from {{ ref('fact_gate_change') }} as change
    {{ join_touched('change', 'deal_id') }}
    group by change.tenant_id, change.deal_id, change.changed_at
),

-- Events with what is known at each of them. All windows share one order, and so one sort.
events as (
    select
        event.tenant_id,
        event.deal_id,
        event.event_type,
        event.occurred_at,
        event.actor,
        event.evidence_refs,
        event.pipeline,
        event.stage,
        event.to_stage,
        row_number() over ({{ in_order('event', 'deal_id', 'crm.deal.created') }}) as event_number,
        lead(event.occurred_at) over ({{ in_order('event', 'deal_id', 'crm.deal.created') }}) as following_at,
        {{ last_not_null('changes.gate_bits') }} over (
            {{ in_order('event', 'deal_id', 'crm.deal.created') }}
            rows between unbounded preceding and current row
        ) as gate_bits,
        {{ last_not_null(
            "case when event.event_type = 'crm.deal.lost' then true"
            ~ " when event.event_type in ('crm.deal.won', 'crm.deal.reopened') then false end"
        ) }} over (
            {{ in_order('event', 'deal_id', 'crm.deal.created') }}
            rows between unbounded preceding and current row
        ) as is_lost
    from {{ ref('stg_deal_event') }} as event
    {{ join_touched('event', 'deal_id') }}
    left join changes
        on event.tenant_id = changes.tenant_id and event.deal_id = changes.deal_id and event.occurred_at = changes.changed_at
    where {{ is_visible('event') }}
),

deals as (
    select
        events.tenant_id,
        events.deal_id,
        -- Gates of a deal whose creation has not arrived yet can only belong to a MasterDeal.
        coalesce(
            {{ last_stated('events', 'pipeline') }},
            case
                when
                    count(*) filter (where events.event_type not like 'crm.deal.%') > 0
                    and count(*) filter (where events.event_type = 'crm.deal.created') = 0
                    then 'adtech'
                else 'b2b'
            end
        ) as pipeline
    from events
    group by events.tenant_id, events.deal_id
),

first_stages as (
    select dim_stage.pipeline, min_by(dim_stage.stage, dim_stage.stage_order) as stage
    from {{ ref('dim_stage') }} as dim_stage
    group by dim_stage.pipeline
),

closing_stages as (
    select
        dim_stage.pipeline,
        min_by(dim_stage.stage, dim_stage.stage_order) filter (where dim_stage.is_won) as won_stage,
        max_by(dim_stage.stage, dim_stage.stage_order) filter (where dim_stage.is_lost) as lost_stage
    from {{ ref('dim_stage') }} as dim_stage
    group by dim_stage.pipeline
),

-- Pipelines that people move: the stage is what the last event says.
moved as (
    select
        events.tenant_id,
        events.deal_id,
        deals.pipeline,
        events.event_number,
        events.event_type,
        events.occurred_at as entered_at,
        events.actor,
        events.evidence_refs,
        case events.event_type
            -- A creation that names no stage opens the first one, unless the deal has been placed before it.
            when 'crm.deal.created'
                then
                    coalesce(
                        events.stage,
                        case
                            when
                                row_number() over (
                                    partition by events.tenant_id, events.deal_id order by events.event_number
                                ) = 1
                                then first_stages.stage
                        end
                    )
            when 'crm.deal.stage_changed' then events.to_stage
            when 'crm.deal.won' then closing_stages.won_stage
            when 'crm.deal.lost' then closing_stages.lost_stage
        end as stage
    from events
    inner join deals
        on events.tenant_id = deals.tenant_id and events.deal_id = deals.deal_id
    left join first_stages
        on deals.pipeline = first_stages.pipeline
    left join closing_stages
        on deals.pipeline = closing_stages.pipeline
    where
        deals.pipeline <> 'adtech'
        and events.event_type in (
            'crm.deal.created', 'crm.deal.stage_changed', 'crm.deal.won', 'crm.deal.lost', 'crm.deal.reopened'
        )
),

moved_so_far as (
    select
        moved.*,
        {{ last_not_null("case when not coalesce(dim_stage.is_won or dim_stage.is_lost, false) then moved.stage end") }} over (
            partition by moved.tenant_id, moved.deal_id order by moved.event_number
            rows between unbounded preceding and current row
        ) as last_open_stage
    from moved
    left join {{ ref('dim_stage') }} as dim_stage
        on moved.pipeline = dim_stage.pipeline and moved.stage = dim_stage.stage
),

-- A deal that is reopened goes back to the stage that it was in before it was closed.
moved_entries as (
    select
        moved.tenant_id,
        moved.deal_id,
        moved.pipeline,
        moved.event_number,
        moved.entered_at,
        moved.actor,
        moved.evidence_refs,
        case
            when moved.event_type <> 'crm.deal.reopened' then moved.stage
            else coalesce(moved.last_open_stage, first_stages.stage)
        end as stage
    from moved_so_far as moved
    left join first_stages
        on moved.pipeline = first_stages.pipeline
),

-- The MasterDeal: the stage follows from the gates, until the deal is lost.
gated_entries as (
    select
        events.tenant_id,
        events.deal_id,
        deals.pipeline,
        events.event_number,
        events.occurred_at as entered_at,
        events.actor,
        events.evidence_refs,
        case when events.is_lost then 'lost' else decided.aggregated_stage end as stage
    from events
    inner join deals
        on events.tenant_id = deals.tenant_id and events.deal_id = deals.deal_id
    inner join {{ ref('dim_aggregated_stage') }} as decided
        on coalesce(events.gate_bits, 0) = decided.gate_bits and decided.rule_set = {{ stage_rule_set() }}
    where
        deals.pipeline = 'adtech'
        -- Events of the same instant count together: only the last of them says where the deal stands.
        and (events.following_at is null or events.following_at > events.occurred_at)
),

entries as (
    select * from moved_entries
    union all
    select * from gated_entries
),

entries_with_previous as (
    select
        entries.*,
        lag(entries.stage) over (
            partition by entries.tenant_id, entries.deal_id order by entries.event_number
        ) as previous_stage
    from entries
    where entries.stage is not null
),

visits as (
    select
        entry.tenant_id,
        entry.deal_id,
        entry.pipeline,
        entry.stage,
        entry.entered_at,
        entry.actor,
        entry.evidence_refs,
        row_number() over (partition by entry.tenant_id, entry.deal_id order by entry.event_number) as visit_number,
        lead(entry.entered_at) over (partition by entry.tenant_id, entry.deal_id order by entry.event_number) as left_at,
        dim_stage.stage_order,
        dim_stage.is_won,
        dim_stage.is_lost,
        previous_stage.stage_order as previous_stage_order
    from entries_with_previous as entry
    left join {{ ref('dim_stage') }} as dim_stage
        on entry.pipeline = dim_stage.pipeline and entry.stage = dim_stage.stage
    left join {{ ref('dim_stage') }} as previous_stage
        on entry.pipeline = previous_stage.pipeline and entry.previous_stage = previous_stage.stage
    where entry.previous_stage is null or entry.stage <> entry.previous_stage
),

placed as (
    select
        visits.tenant_id,
        visits.deal_id,
        visits.pipeline,
        visits.visit_number,
        visits.stage,
        visits.entered_at,
        visits.left_at,
        visits.left_at is null as is_current,
        coalesce(visits.is_won or visits.is_lost, false) as is_closing,
        coalesce(visits.stage_order > visits.previous_stage_order + 1 and not visits.is_lost, false) as is_skipped_into,
        visits.actor,
        visits.evidence_refs
    from visits

    {% if is_incremental() %}
    -- Deals that nothing touched still grow older in their stage.
    union all
    select
        built.tenant_id,
        built.deal_id,
        built.pipeline,
        built.visit_number,
        built.stage,
        built.entered_at,
        built.left_at,
        built.is_current,
        built.is_closing,
        built.is_skipped_into,
        built.actor,
        built.evidence_refs
    from {{ this }} as built
    where built.is_current and not built.is_closing
    {% endif %}
)

select
    placed.tenant_id,
    placed.deal_id,
    placed.pipeline,
    placed.visit_number,
    placed.stage,
    placed.entered_at,
    placed.left_at,
    case
        when placed.left_at is not null or not placed.is_closing
            then {{ days(micros_between('placed.entered_at', 'coalesce(placed.left_at, ' ~ as_of() ~ ')')) }}
    end as days_in_stage,
    placed.is_current,
    placed.is_closing,
    placed.is_skipped_into,
    placed.actor,
    placed.evidence_refs
from placed
