{{
    config(
        materialized='incremental',
        incremental_strategy=add_touched(),
        on_schema_change='fail',
        pre_hook="{{ drop_changed(feature_stagings('deal')) }}",
        post_hook="{{ mark_built(feature_stagings('deal')) }}"
    )
}}

with events as (
    {{ known_events('stg_deal_event', 'deal_id', 'crm.deal.created') }}
),

deals as (
    select
        events.tenant_id,
        events.deal_id,
        min(events.known_from_at) as first_known_at,
        max(events.known_from_at) as last_known_at
    from events
    group by events.tenant_id, events.deal_id
),

cutoffs as (
    {{ cutoffs(
        'cast((select min(deals.first_known_at) from deals) as date)', iso_weekday('spine.day_date') ~ ' = 1',
        feature_stagings('deal')
    ) }}
),

-- Who is closed by all that is known was closed from the last that was known of it. Whether it was open before is asked below.
candidates as (
    select
        deals.tenant_id,
        deals.deal_id,
        cutoffs.cutoff_at,
        cutoffs.known_by_at,
        cutoffs.is_latest
    from deals
    left join {{ ref('fact_deal') }} as deal
        on deals.tenant_id = deal.tenant_id and deals.deal_id = deal.deal_id
    inner join cutoffs
        on
            deals.first_known_at <= cutoffs.known_by_at
            and (deal.status = 'open' or cutoffs.cutoff_at <= deals.last_known_at)
),

-- What was known of each deal at each cutoff.
known as (
    select candidates.cutoff_at, candidates.is_latest, events.*
    from candidates
    {{ join_known('events', 'events', 'candidates', 'deal_id') }}
),

stated as (
    select
        known.tenant_id,
        known.deal_id,
        known.cutoff_at,
        known.is_latest,
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
    group by known.tenant_id, known.deal_id, known.cutoff_at, known.is_latest
),

{{ deal_stages() }},

open_deals as (
    select
        stated.*,
        case when stated.is_latest then cast('9999-12-31' as timestamp) else stated.cutoff_at end as known_by_at,
        case
            when stated.pipeline = 'adtech' then coalesce(decided.aggregated_stage, 'draft') else stages.stage
        end as stage,
        case when stated.pipeline = 'adtech' then coalesce(gates.last_set_at, stated.created_at) else stages.stage_entered_at end
            as stage_entered_at,
        case when stated.pipeline = 'adtech' then null else stages.stage_visit_count end as stage_visit_count,
        case when stated.pipeline = 'adtech' then null else stages.stage_return_count end as stage_return_count,
        gates.gate_count
    from stated
    left join stages
        on
            stated.tenant_id = stages.tenant_id
            and stated.deal_id = stages.deal_id
            and stated.cutoff_at = stages.cutoff_at
    left join gates
        on
            stated.tenant_id = gates.tenant_id
            and stated.deal_id = gates.deal_id
            and stated.cutoff_at = gates.cutoff_at
    left join {{ ref('dim_aggregated_stage') }} as decided
        on gates.gate_bits = decided.gate_bits and decided.rule_set = {{ stage_rule_set() }}
    where
        case
            when stated.pipeline = 'adtech'
                then
                    coalesce(stated.closing_event_type, 'crm.deal.reopened') = 'crm.deal.reopened'
                    and not coalesce(gates.is_closed_out or gates.is_revoked, false)
            else not coalesce(stages.is_closed, false)
        end
),

{{ deal_steps() }},

-- When each event of a policy first came. Runs that a revocation reopened are left to fact_sla.
first_times as (
    select known.tenant_id, known.deal_id, known.cutoff_at, known.event_type, min(known.occurred_at) as first_at
    from known
    group by known.tenant_id, known.deal_id, known.cutoff_at, known.event_type
),

breaches as (
    select
        deal.tenant_id,
        deal.deal_id,
        deal.cutoff_at,
        count(*) filter (
            where {{ hours(micros_between('start.first_at', 'coalesce(stop.first_at, deal.cutoff_at)')) }} > policy.target_hours
        ) as sla_breach_count
    from open_deals as deal
    -- one timer per policy that has started
    inner join {{ ref('dim_sla_policy') }} as policy
        on deal.pipeline = policy.pipeline
    inner join first_times as start
        on
            deal.tenant_id = start.tenant_id
            and deal.deal_id = start.deal_id
            and deal.cutoff_at = start.cutoff_at
            and policy.start_event = start.event_type
    left join first_times as stop
        on
            deal.tenant_id = stop.tenant_id
            and deal.deal_id = stop.deal_id
            and deal.cutoff_at = stop.cutoff_at
            and policy.stop_event = stop.event_type
    group by deal.tenant_id, deal.deal_id, deal.cutoff_at
),

activity_events as (
    {{ known_events('stg_activity_event', 'deal_id') }}
),

activities as (
    select
        candidates.tenant_id,
        candidates.deal_id,
        candidates.cutoff_at,
        count(*) as activity_count,
        count(*) filter (where {{ in_last_days('activity.occurred_at', 'candidates.cutoff_at', 14) }}) as activity_count_14d,
        count(*) filter (where {{ in_last_days('activity.occurred_at', 'candidates.cutoff_at', 30) }}) as activity_count_30d,
        count(*) filter (
            where
            activity.activity_type = 'meeting' and {{ in_last_days('activity.occurred_at', 'candidates.cutoff_at', 30) }}
        ) as meeting_count_30d,
        max(activity.occurred_at) as last_activity_at,
        count(distinct activity.contact_id) as active_contact_count
    from candidates
    {{ join_known('activity_events', 'activity', 'candidates', 'deal_id') }}
    group by candidates.tenant_id, candidates.deal_id, candidates.cutoff_at
),

contact_events as (
    {{ known_events('stg_contact_event', 'contact_id') }}
),

contacts as (
    select
        deal.tenant_id,
        deal.deal_id,
        deal.cutoff_at,
        {{ last_stated('contact', 'role') }} as contact_role,
        {{ last_stated('contact', 'influence_score') }} as contact_influence_score
    from open_deals as deal
    {{ join_known('contact_events', 'contact', 'deal', 'contact_id') }}
    group by deal.tenant_id, deal.deal_id, deal.cutoff_at
),

account_events as (
    {{ known_events('stg_account_event', 'account_id') }}
),

accounts as (
    select
        deal.tenant_id,
        deal.deal_id,
        deal.cutoff_at,
        {{ last_stated('account', 'industry') }} as industry,
        {{ last_stated('account', 'kind') }} as account_kind,
        {{ last_stated('account', 'size') }} as employee_count
    from open_deals as deal
    {{ join_known('account_events', 'account', 'deal', 'account_id') }}
    group by deal.tenant_id, deal.deal_id, deal.cutoff_at
),

-- Rates are the reporting currency's, so they hold for every tenant. Of the last day with a rate the last word counts.
rates as (
    select
        wanted.cutoff_at,
        wanted.currency,
        max_by(rate_event.rate, rate_event.rate_number) as fx_rate
    from (select distinct deal.cutoff_at, deal.known_by_at, deal.currency from open_deals as deal) as wanted
    inner join ({{ known_rates() }}) as rate_event
        on
            wanted.currency = rate_event.currency
            and rate_event.rate_date <= cast(wanted.cutoff_at as date)
            and rate_event.known_from_at <= wanted.known_by_at
    group by wanted.cutoff_at, wanted.currency
),

-- The first verdict on each deal that became known, with whose it was then.
verdicts as (
    select
        verdict.tenant_id,
        verdict.deal_id,
        verdict.known_from_at,
        verdict.is_good,
        {{ last_stated('events', 'owner_id') }} as owner_id,
        {{ last_stated('events', 'deal_source') }} as deal_source
    from (
        select
            closing.tenant_id,
            closing.deal_id,
            closing.known_from_at,
            closing.event_type in ('crm.deal.won', 'dcm.closeout.completed') as is_good,
            row_number() over (
                partition by closing.tenant_id, closing.deal_id
                order by closing.known_from_at, closing.occurred_at, closing.event_id, closing.source
            ) as verdict_number
        from events as closing
        where closing.event_type in ('crm.deal.won', 'crm.deal.lost', 'dcm.closeout.completed', 'docflow.contract.revoked')
    ) as verdict
    inner join events
        on
            verdict.tenant_id = events.tenant_id
            and verdict.deal_id = events.deal_id
            and events.known_from_at <= verdict.known_from_at
    where verdict.verdict_number = 1
    group by verdict.tenant_id, verdict.deal_id, verdict.known_from_at, verdict.is_good
),

tenant_counts as (
    {{ counts_at('verdicts', 'open_deals') }}
),

owner_counts as (
    {{ counts_at('verdicts', 'open_deals', 'owner_id') }}
),

source_counts as (
    {{ counts_at('verdicts', 'open_deals', 'deal_source') }}
),

rated as (
    select
        deal.*,
        tenant_count.decided_count as tenant_decided_count,
        tenant_count.good_count as tenant_good_count,
        owner_count.decided_count as owner_decided_count,
        owner_count.good_count as owner_good_count,
        source_count.decided_count as source_decided_count,
        source_count.good_count as source_good_count
    from open_deals as deal
    left join tenant_counts as tenant_count
        on deal.tenant_id = tenant_count.tenant_id and deal.known_by_at = tenant_count.known_by_at
    left join owner_counts as owner_count
        on
            deal.tenant_id = owner_count.tenant_id
            and deal.owner_id = owner_count.owner_id
            and deal.known_by_at = owner_count.known_by_at
    left join source_counts as source_count
        on
            deal.tenant_id = source_count.tenant_id
            and deal.deal_source = source_count.deal_source
            and deal.known_by_at = source_count.known_by_at
),

-- With nothing decided yet, half of all are won.
with_priors as (
    select
        rated.*,
        setting.smoothing_count,
        {{ fdiv('coalesce(rated.tenant_good_count, 0) + 1', 'coalesce(rated.tenant_decided_count, 0) + 2') }} as tenant_win_rate
    from rated
    cross join {{ ref('scoring_setting') }} as setting
)

select
    deal.tenant_id,
    deal.deal_id,
    deal.cutoff_at,
    deal.is_latest,
    deal.account_id,
    deal.owner_id,
    deal.pipeline,
    deal.stage,
    dim_stage.stage_order,
    deal.deal_source,
    coalesce(deal.client_type, accounts.account_kind) as client_type,
    accounts.industry,
    accounts.employee_count,
    contacts.contact_role,
    contacts.contact_influence_score,
    deal.has_competitor,
    case when deal.currency = {{ reporting_currency() }} then deal.amount else deal.amount * rates.fx_rate end as amount_base,
    {{ fdiv('deal.amount', 'deal.first_amount') }} as amount_change_ratio,
    deal.probability,
    coalesce(deal.forecast_category, 'pipeline') as forecast_category,
    {{ days_since('deal.created_at', 'deal.cutoff_at') }} as deal_age_days,
    {{ days_since('deal.stage_entered_at', 'deal.cutoff_at') }} as days_in_stage,
    {{ fdiv(days_since('deal.stage_entered_at', 'deal.cutoff_at'), 'dim_stage.next_within_days') }} as stage_age_ratio,
    deal.stage_visit_count,
    deal.stage_return_count,
    deal.reopen_count,
    coalesce(deal.gate_count, 0) as gate_count,
    coalesce(breaches.sla_breach_count, 0) as sla_breach_count,
    coalesce(pushes.push_count, 0) as push_count,
    deal.update_count,
    {{ days_between_dates('cast(deal.cutoff_at as date)', 'deal.expected_close_date') }} as days_to_expected_close,
    {{ days_between_dates("cast(date_trunc('quarter', deal.cutoff_at) as date)", 'cast(deal.cutoff_at as date)') }} + 1
        as day_of_quarter,
    case
        when deal.step_set_number is null then 'none'
        when deal.step_set_number < coalesce(deal.step_done_number, 0) then 'done'
        when deal.next_step_due_at < deal.cutoff_at then 'overdue'
        else 'set'
    end as next_step_status,
    deal.next_step_set_count,
    deal.next_step_done_count,
    coalesce(discipline.next_step_kept_count, 0) as next_step_kept_count,
    coalesce(discipline.next_step_missed_count, 0) as next_step_missed_count,
    coalesce(activities.activity_count, 0) as activity_count,
    coalesce(activities.activity_count_14d, 0) as activity_count_14d,
    coalesce(activities.activity_count_30d, 0) as activity_count_30d,
    coalesce(activities.meeting_count_30d, 0) as meeting_count_30d,
    coalesce(activities.active_contact_count, 0) as active_contact_count,
    {{ days_since('activities.last_activity_at', 'deal.cutoff_at') }} as days_since_last_activity,
    {{ days_since('deal.last_event_at', 'deal.cutoff_at') }} as days_since_last_change,
    deal.tenant_win_rate,
    {{ smoothed('deal.owner_good_count', 'deal.owner_decided_count', 'deal.tenant_win_rate', 'deal.smoothing_count') }}
        as owner_win_rate,
    {{ smoothed('deal.source_good_count', 'deal.source_decided_count', 'deal.tenant_win_rate', 'deal.smoothing_count') }}
        as source_win_rate
from with_priors as deal
left join {{ ref('dim_stage') }} as dim_stage
    on deal.pipeline = dim_stage.pipeline and deal.stage = dim_stage.stage
left join accounts
    on deal.tenant_id = accounts.tenant_id and deal.deal_id = accounts.deal_id and deal.cutoff_at = accounts.cutoff_at
left join contacts
    on deal.tenant_id = contacts.tenant_id and deal.deal_id = contacts.deal_id and deal.cutoff_at = contacts.cutoff_at
left join rates
    on deal.cutoff_at = rates.cutoff_at and deal.currency = rates.currency
left join breaches
    on deal.tenant_id = breaches.tenant_id and deal.deal_id = breaches.deal_id and deal.cutoff_at = breaches.cutoff_at
left join pushes
    on deal.tenant_id = pushes.tenant_id and deal.deal_id = pushes.deal_id and deal.cutoff_at = pushes.cutoff_at
left join discipline
    on
        deal.tenant_id = discipline.tenant_id
        and deal.deal_id = discipline.deal_id
        and deal.cutoff_at = discipline.cutoff_at
left join activities
    on
        deal.tenant_id = activities.tenant_id
        and deal.deal_id = activities.deal_id
        and deal.cutoff_at = activities.cutoff_at
