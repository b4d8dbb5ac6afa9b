{{
    config(
        materialized='incremental',
        unique_key=['tenant_id', 'deal_id', 'known_by_at'],
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
    {{ known_events('stg_deal_event', 'deal_id', 'crm.deal.created', touched_only=true) }}
),

states as (
    {{ known_states('events', 'deal_id') }}
),

known as (
    select states.known_by_at, states.known_until_at, events.*
    from states
    {{ join_known('events', 'events', 'states', 'deal_id') }}
),

stated as (
    select
        known.tenant_id,
        known.deal_id,
        known.known_by_at,
        known.known_until_at,
        coalesce(
            {{ last_stated('known', 'pipeline') }},
            case
                when
                    count(*) filter (where known.event_type not like 'crm.deal.%') > 0
                    and count(*) filter (where known.event_type = 'crm.deal.created') = 0
                    then 'adtech'
                else 'b2b'
            end
        ) as pipeline,
        coalesce(
            min(known.occurred_at) filter (where known.event_type = 'crm.deal.created'), min(known.occurred_at)
        ) as created_at,
        {{ last_stated('known', 'account_id') }} as account_id,
        {{ last_stated('known', 'contact_id') }} as contact_id,
        {{ last_stated('known', 'owner_id') }} as owner_id,
        {{ last_stated('known', 'deal_source') }} as deal_source,
        {{ last_stated('known', 'client_type') }} as client_type,
        {{ last_stated('known', 'probability') }} as probability,
        {{ last_stated('known', 'forecast_category') }} as forecast_category,
        {{ last_stated('known', 'expected_close_date') }} as expected_close_date,
        count(known.primary_competitor) > 0 as has_competitor,
        -- Amounts of offers, media plans and invoices are theirs, not the deal's.
        max_by(known.amount, known.event_number) filter (
            where known.amount is not null and known.event_type like 'crm.deal.%'
        ) as amount,
        min_by(known.amount, known.event_number) filter (
            where known.amount is not null and known.event_type like 'crm.deal.%'
        ) as first_amount,
        max_by(known.currency, known.event_number) filter (
            where known.currency is not null and known.event_type like 'crm.deal.%'
        ) as currency,
        max_by(known.event_type, known.event_number) filter (
            where known.event_type in ('crm.deal.won', 'crm.deal.lost', 'crm.deal.reopened')
        ) as closing_event_type,
        count(*) filter (where known.event_type = 'crm.deal.reopened') as reopen_count,
        count(*) filter (where known.event_type = 'crm.deal.updated') as update_count,
        max(known.occurred_at) as last_event_at,
        max(known.event_number) filter (where known.event_type = 'crm.deal.next_step_set') as step_set_number,
        max(known.event_number) filter (where known.event_type = 'crm.deal.next_step_done') as step_done_number,
        max_by(known.due_at, known.event_number) filter (where known.event_type = 'crm.deal.next_step_set')
            as next_step_due_at,
        count(*) filter (where known.event_type = 'crm.deal.next_step_set') as next_step_set_count,
        count(*) filter (where known.event_type = 'crm.deal.next_step_done') as next_step_done_count
    from known
    group by known.tenant_id, known.deal_id, known.known_by_at, known.known_until_at
),

{{ deal_stages() }},

{{ deal_steps() }}

select
    stated.tenant_id,
    stated.deal_id,
    stated.known_by_at,
    stated.known_until_at,
    stated.pipeline,
    stated.created_at,
    stated.account_id,
    stated.contact_id,
    stated.owner_id,
    stated.deal_source,
    stated.client_type,
    stated.probability,
    coalesce(stated.forecast_category, 'pipeline') as forecast_category,
    stated.expected_close_date,
    stated.has_competitor,
    stated.amount,
    stated.first_amount,
    stated.currency,
    case
        when stated.pipeline = 'adtech' then coalesce(decided.aggregated_stage, 'draft') else stages.stage
    end as stage,
    case when stated.pipeline = 'adtech' then coalesce(gates.last_set_at, stated.created_at) else stages.stage_entered_at end
        as stage_entered_at,
    case when stated.pipeline = 'adtech' then null else stages.stage_visit_count end as stage_visit_count,
    case when stated.pipeline = 'adtech' then null else stages.stage_return_count end as stage_return_count,
    coalesce(gates.gate_count, 0) as gate_count,
    coalesce(pushes.push_count, 0) as push_count,
    stated.reopen_count,
    stated.update_count,
    stated.last_event_at,
    case
        when stated.step_set_number is null then 'none'
        when stated.step_set_number < coalesce(stated.step_done_number, 0) then 'done'
        else 'set'
    end as next_step_status,
    stated.next_step_due_at,
    stated.next_step_set_count,
    stated.next_step_done_count,
    coalesce(discipline.next_step_kept_count, 0) as next_step_kept_count,
    coalesce(discipline.next_step_missed_count, 0) as next_step_missed_count,
    discipline.pending_due_at
from stated
left join stages
    on
        stated.tenant_id = stages.tenant_id
        and stated.deal_id = stages.deal_id
        and stated.known_by_at = stages.known_by_at
left join gates
    on
        stated.tenant_id = gates.tenant_id
        and stated.deal_id = gates.deal_id
        and stated.known_by_at = gates.known_by_at
left join {{ ref('dim_aggregated_stage') }} as decided
    on gates.gate_bits = decided.gate_bits and decided.rule_set = {{ stage_rule_set() }}
left join pushes
    on
        stated.tenant_id = pushes.tenant_id
        and stated.deal_id = pushes.deal_id
        and stated.known_by_at = pushes.known_by_at
left join discipline
    on
        stated.tenant_id = discipline.tenant_id
        and stated.deal_id = discipline.deal_id
        and stated.known_by_at = discipline.known_by_at
where
    case
        when stated.pipeline = 'adtech'
            then
                coalesce(stated.closing_event_type, 'crm.deal.reopened') = 'crm.deal.reopened'
                and not coalesce(gates.is_closed_out or gates.is_revoked, false)
        else not coalesce(stages.is_closed, false)
    end
