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

cutoffs as (
    {{ numbered(cutoffs(
        'cast((select min(events.known_from_at) from events) as date)', iso_weekday('spine.day_date') ~ ' = 1',
        feature_stagings('deal')
    )) }}
),

states as (
    {{ known_states('events', 'deal_id') }}
),

known as (
    select states.first_number, events.*
    from states
    {{ join_known('events', 'events', 'states', 'deal_id') }}
),

stated as (
    select
        known.tenant_id,
        known.deal_id,
        known.first_number,
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
    group by known.tenant_id, known.deal_id, known.first_number
),

{{ deal_stages() }},

open_states as (
    select
        stated.*,
        states.last_number,
        case
            when stated.pipeline = 'adtech' then coalesce(decided.aggregated_stage, 'draft') else stages.stage
        end as stage,
        case when stated.pipeline = 'adtech' then coalesce(gates.last_set_at, stated.created_at) else stages.stage_entered_at end
            as stage_entered_at,
        case when stated.pipeline = 'adtech' then null else stages.stage_visit_count end as stage_visit_count,
        case when stated.pipeline = 'adtech' then null else stages.stage_return_count end as stage_return_count,
        gates.gate_count
    from stated
    inner join states
        on
            stated.tenant_id = states.tenant_id
            and stated.deal_id = states.deal_id
            and stated.first_number = states.first_number
    left join stages
        on
            stated.tenant_id = stages.tenant_id
            and stated.deal_id = stages.deal_id
            and stated.first_number = stages.first_number
    left join gates
        on
            stated.tenant_id = gates.tenant_id
            and stated.deal_id = gates.deal_id
            and stated.first_number = gates.first_number
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

{{ deal_timers() }},

-- Every cutoff at which a deal was open. A row is little more than its keys: there are many.
open_deals as (
    select
        phases.tenant_id,
        phases.deal_id,
        phases.state_number,
        phases.running_late_count,
        cutoffs.cutoff_number,
        cutoffs.cutoff_at,
        cutoffs.known_by_at,
        cutoffs.is_latest
    from phases
    inner join cutoffs
        on cutoffs.cutoff_number >= phases.first_number and cutoffs.cutoff_number <= phases.last_number
),

activity_events as (
    {{ known_events('stg_activity_event', 'deal_id') }}
),

activities as (
    select
        deal.tenant_id,
        deal.deal_id,
        deal.cutoff_number,
        count(*) as activity_count,
        count(*) filter (where {{ in_last_days('activity.occurred_at', 'deal.cutoff_at', 14) }}) as activity_count_14d,
        count(*) filter (where {{ in_last_days('activity.occurred_at', 'deal.cutoff_at', 30) }}) as activity_count_30d,
        count(*) filter (
            where
            activity.activity_type = 'meeting' and {{ in_last_days('activity.occurred_at', 'deal.cutoff_at', 30) }}
        ) as meeting_count_30d,
        max(activity.occurred_at) as last_activity_at,
        count(distinct activity.contact_id) as active_contact_count
    from open_deals as deal
    {{ join_known('activity_events', 'activity', 'deal', 'deal_id') }}
    group by deal.tenant_id, deal.deal_id, deal.cutoff_number
),

contact_events as (
    {{ known_events('stg_contact_event', 'contact_id') }}
),

contact_states as (
    {{ known_states('contact_events', 'contact_id') }}
),

contacts as (
    select
        states.tenant_id,
        states.contact_id,
        states.first_number,
        states.last_number,
        {{ last_stated('contact', 'role') }} as contact_role,
        {{ last_stated('contact', 'influence_score') }} as contact_influence_score
    from contact_states as states
    {{ join_known('contact_events', 'contact', 'states', 'contact_id') }}
    group by states.tenant_id, states.contact_id, states.first_number, states.last_number
),

account_events as (
    {{ known_events('stg_account_event', 'account_id') }}
),

account_states as (
    {{ known_states('account_events', 'account_id') }}
),

accounts as (
    select
        states.tenant_id,
        states.account_id,
        states.first_number,
        states.last_number,
        {{ last_stated('account', 'industry') }} as industry,
        {{ last_stated('account', 'kind') }} as account_kind,
        {{ last_stated('account', 'size') }} as employee_count
    from account_states as states
    {{ join_known('account_events', 'account', 'states', 'account_id') }}
    group by states.tenant_id, states.account_id, states.first_number, states.last_number
),

-- Rates are the reporting currency's, so they hold for every tenant. Of the last day with a rate the last word counts.
rates as (
    select
        cutoffs.cutoff_number,
        rate_event.currency,
        max_by(rate_event.rate, rate_event.rate_number) as fx_rate
    from cutoffs
    inner join ({{ known_rates() }}) as rate_event
        on rate_event.rate_date <= cast(cutoffs.cutoff_at as date) and rate_event.known_from_at <= cutoffs.known_by_at
    group by cutoffs.cutoff_number, rate_event.currency
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

-- Everybody whose share of good ends may be asked for, at every cutoff.
asked as (
    select owners.tenant_id, owners.owner_id, owners.deal_source, cutoffs.known_by_at
    from (select distinct state.tenant_id, state.owner_id, state.deal_source from open_states as state) as owners
    cross join cutoffs
),

tenant_counts as (
    {{ counts_at('verdicts', 'asked') }}
),

owner_counts as (
    {{ counts_at('verdicts', 'asked', 'owner_id') }}
),

source_counts as (
    {{ counts_at('verdicts', 'asked', 'deal_source') }}
),

-- With nothing decided yet, half of all are won.
tenant_rates as (
    select
        tenant_counts.tenant_id,
        tenant_counts.known_by_at,
        {{ fdiv('coalesce(tenant_counts.good_count, 0) + 1', 'coalesce(tenant_counts.decided_count, 0) + 2') }} as win_rate
    from tenant_counts
)

select
    deal.tenant_id,
    deal.deal_id,
    seen.cutoff_at,
    seen.is_latest,
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
    {{ days_since('deal.created_at', 'seen.cutoff_at') }} as deal_age_days,
    {{ days_since('deal.stage_entered_at', 'seen.cutoff_at') }} as days_in_stage,
    {{ fdiv(days_since('deal.stage_entered_at', 'seen.cutoff_at'), 'dim_stage.next_within_days') }} as stage_age_ratio,
    deal.stage_visit_count,
    deal.stage_return_count,
    deal.reopen_count,
    coalesce(deal.gate_count, 0) as gate_count,
    coalesce(timers.late_count, 0) + seen.running_late_count as sla_breach_count,
    coalesce(pushes.push_count, 0) as push_count,
    deal.update_count,
    {{ days_between_dates('cast(seen.cutoff_at as date)', 'deal.expected_close_date') }} as days_to_expected_close,
    {{ days_between_dates("cast(date_trunc('quarter', seen.cutoff_at) as date)", 'cast(seen.cutoff_at as date)') }} + 1
        as day_of_quarter,
    case
        when deal.step_set_number is null then 'none'
        when deal.step_set_number < coalesce(deal.step_done_number, 0) then 'done'
        when deal.next_step_due_at < seen.cutoff_at then 'overdue'
        else 'set'
    end as next_step_status,
    deal.next_step_set_count,
    deal.next_step_done_count,
    coalesce(discipline.next_step_kept_count, 0) as next_step_kept_count,
    coalesce(discipline.next_step_missed_count, 0) + case when discipline.pending_due_at < seen.cutoff_at then 1 else 0 end
        as next_step_missed_count,
    coalesce(activities.activity_count, 0) as activity_count,
    coalesce(activities.activity_count_14d, 0) as activity_count_14d,
    coalesce(activities.activity_count_30d, 0) as activity_count_30d,
    coalesce(activities.meeting_count_30d, 0) as meeting_count_30d,
    coalesce(activities.active_contact_count, 0) as active_contact_count,
    {{ days_since('activities.last_activity_at', 'seen.cutoff_at') }} as days_since_last_activity,
    {{ days_since('deal.last_event_at', 'seen.cutoff_at') }} as days_since_last_change,
    tenant_rates.win_rate as tenant_win_rate,
    {{ smoothed('owner_counts.good_count', 'owner_counts.decided_count', 'tenant_rates.win_rate', 'setting.smoothing_count') }}
        as owner_win_rate,
    {{ smoothed('source_counts.good_count', 'source_counts.decided_count', 'tenant_rates.win_rate', 'setting.smoothing_count') }}
        as source_win_rate
from open_deals as seen
inner join open_states as deal
    on seen.tenant_id = deal.tenant_id and seen.deal_id = deal.deal_id and seen.state_number = deal.first_number
inner join tenant_rates
    on seen.tenant_id = tenant_rates.tenant_id and seen.known_by_at = tenant_rates.known_by_at
left join owner_counts
    on
        deal.tenant_id = owner_counts.tenant_id
        and deal.owner_id = owner_counts.owner_id
        and seen.known_by_at = owner_counts.known_by_at
left join source_counts
    on
        deal.tenant_id = source_counts.tenant_id
        and deal.deal_source = source_counts.deal_source
        and seen.known_by_at = source_counts.known_by_at
left join {{ ref('dim_stage') }} as dim_stage
    on deal.pipeline = dim_stage.pipeline and deal.stage = dim_stage.stage
left join accounts
    on
        deal.tenant_id = accounts.tenant_id
        and deal.account_id = accounts.account_id
        and seen.cutoff_number between accounts.first_number and accounts.last_number
left join contacts
    on
        deal.tenant_id = contacts.tenant_id
        and deal.contact_id = contacts.contact_id
        and seen.cutoff_number between contacts.first_number and contacts.last_number
left join rates
    on seen.cutoff_number = rates.cutoff_number and deal.currency = rates.currency
left join pushes
    on deal.tenant_id = pushes.tenant_id and deal.deal_id = pushes.deal_id and deal.first_number = pushes.first_number
left join discipline
    on
        deal.tenant_id = discipline.tenant_id
        and deal.deal_id = discipline.deal_id
        and deal.first_number = discipline.first_number
left join timers
    on deal.tenant_id = timers.tenant_id and deal.deal_id = timers.deal_id and deal.first_number = timers.first_number
left join activities
    on
        seen.tenant_id = activities.tenant_id
        and seen.deal_id = activities.deal_id
        and seen.cutoff_number = activities.cutoff_number
cross join {{ ref('scoring_setting') }} as setting
