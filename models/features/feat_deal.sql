{{
    config(
        materialized='incremental',
        incremental_strategy=add_touched(),
        on_schema_change='fail',
        pre_hook="{{ drop_changed(feature_stagings('deal')) }}",
        post_hook="{{ mark_built(feature_stagings('deal')) }}"
    )
}}

-- Mondays, as the spans of what is known begin on them.
with cutoffs as (
    {{ cutoffs(
        'cast((select min(state.known_by_at) from ' ~ ref('deal_state') ~ ' as state) as date)', iso_weekday('spine.day_date') ~ ' = 1',
        feature_stagings('deal')
    ) }}
),

{{ deal_phases() }},

-- Every cutoff at which a deal was open. A row is little more than its keys: there are many.
open_deals as (
    select
        phases.tenant_id,
        phases.deal_id,
        phases.known_by_at as state_known_by_at,
        phases.running_late_count,
        cutoffs.cutoff_at,
        cutoffs.known_by_at,
        cutoffs.is_latest
    from phases
    inner join cutoffs
        on cutoffs.known_by_at >= phases.seen_from_at and cutoffs.known_by_at < phases.seen_until_at
),

activity_events as (
    {{ known_events('stg_activity_event', 'deal_id') }}
),

activities as (
    select
        deal.tenant_id,
        deal.deal_id,
        deal.cutoff_at,
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
    group by deal.tenant_id, deal.deal_id, deal.cutoff_at
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
        states.known_by_at,
        states.known_until_at,
        {{ last_stated('contact', 'role') }} as contact_role,
        {{ last_stated('contact', 'influence_score') }} as contact_influence_score
    from contact_states as states
    {{ join_known('contact_events', 'contact', 'states', 'contact_id') }}
    group by states.tenant_id, states.contact_id, states.known_by_at, states.known_until_at
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
        states.known_by_at,
        states.known_until_at,
        {{ last_stated('account', 'industry') }} as industry,
        {{ last_stated('account', 'kind') }} as account_kind,
        {{ last_stated('account', 'size') }} as employee_count
    from account_states as states
    {{ join_known('account_events', 'account', 'states', 'account_id') }}
    group by states.tenant_id, states.account_id, states.known_by_at, states.known_until_at
),

-- Rates are the reporting currency's, so they hold for every tenant. Of the last day with a rate the last word counts.
rates as (
    select
        cutoffs.cutoff_at,
        rate_event.currency,
        max_by(rate_event.rate, rate_event.rate_number) as fx_rate
    from cutoffs
    inner join ({{ known_rates() }}) as rate_event
        on rate_event.rate_date <= cast(cutoffs.cutoff_at as date) and rate_event.known_from_at <= cutoffs.known_by_at
    group by cutoffs.cutoff_at, rate_event.currency
),

events as (
    {{ known_events('stg_deal_event', 'deal_id', 'crm.deal.created') }}
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
    from (select distinct state.tenant_id, state.owner_id, state.deal_source from {{ ref('deal_state') }} as state) as owners
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
    deal.forecast_category,
    {{ days_since('deal.created_at', 'seen.cutoff_at') }} as deal_age_days,
    {{ days_since('deal.stage_entered_at', 'seen.cutoff_at') }} as days_in_stage,
    {{ fdiv(days_since('deal.stage_entered_at', 'seen.cutoff_at'), 'dim_stage.next_within_days') }} as stage_age_ratio,
    deal.stage_visit_count,
    deal.stage_return_count,
    deal.reopen_count,
    deal.gate_count,
    coalesce(timers.late_count, 0) + seen.running_late_count as sla_breach_count,
    deal.push_count,
    deal.update_count,
    {{ days_between_dates('cast(seen.cutoff_at as date)', 'deal.expected_close_date') }} as days_to_expected_close,
    {{ days_between_dates("cast(date_trunc('quarter', seen.cutoff_at) as date)", 'cast(seen.cutoff_at as date)') }} + 1
        as day_of_quarter,
    case
        when deal.next_step_status = 'set' and deal.next_step_due_at < seen.cutoff_at then 'overdue' else deal.next_step_status
    end as next_step_status,
    deal.next_step_set_count,
    deal.next_step_done_count,
    deal.next_step_kept_count,
    deal.next_step_missed_count + case when deal.pending_due_at < seen.cutoff_at then 1 else 0 end as next_step_missed_count,
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
inner join {{ ref('deal_state') }} as deal
    on seen.tenant_id = deal.tenant_id and seen.deal_id = deal.deal_id and seen.state_known_by_at = deal.known_by_at
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
        and seen.known_by_at >= accounts.known_by_at
        and seen.known_by_at < accounts.known_until_at
left join contacts
    on
        deal.tenant_id = contacts.tenant_id
        and deal.contact_id = contacts.contact_id
        and seen.known_by_at >= contacts.known_by_at
        and seen.known_by_at < contacts.known_until_at
left join rates
    on seen.cutoff_at = rates.cutoff_at and deal.currency = rates.currency
left join timers
    on deal.tenant_id = timers.tenant_id and deal.deal_id = timers.deal_id and deal.known_by_at = timers.known_by_at
left join activities
    on
        seen.tenant_id = activities.tenant_id
        and seen.deal_id = activities.deal_id
        and seen.cutoff_at = activities.cutoff_at
cross join {{ ref('scoring_setting') }} as setting
