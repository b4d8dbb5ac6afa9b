-- Each rule is one CTE with the same columns; the last part gives it its severity. Thresholds are those of
-- seeds/alert_rule.csv. An alert is raised and resolved at the instant at which its condition began and ceased to hold,
-- not when a run found out, so that its history is the same whenever, and however often, it is computed.
with rule as (
    select alert_rule.*
    from {{ ref('alert_rule') }} as alert_rule
),

slipping_days as (
    select
        day.tenant_id,
        day.deal_id,
        day.expected_close_date,
        rule.threshold,
        -- The first day that is more than so many days past the date, unless the deal had it later still.
        greatest(
            cast(day.valid_from_date as timestamp),
            cast({{ add_days('day.expected_close_date', 'floor(rule.threshold) + 1') }} as timestamp)
        ) as raised_at,
        cast(day.valid_to_date as timestamp) as resolved_at
    from {{ ref('deal_days') }} as day
    inner join rule
        on rule.rule = 'deal_slipping'
    where day.status = 'open' and day.expected_close_date is not null
),

-- A day on which something else of the deal changed does not interrupt the alert.
slipping_periods as (
    select
        numbered.tenant_id,
        numbered.deal_id,
        numbered.period,
        min(numbered.raised_at) as raised_at,
        max(coalesce(numbered.resolved_at, cast('9999-12-31' as timestamp))) as latest_end_at,
        max(numbered.expected_close_date) as expected_close_date,
        max(numbered.threshold) as threshold
    from (
        select
            marked.*,
            sum(marked.is_first) over (
                partition by marked.tenant_id, marked.deal_id order by marked.raised_at
                rows between unbounded preceding and current row
            ) as period
        from (
            select
                slipping_days.*,
                case
                    when slipping_days.raised_at = lag(slipping_days.resolved_at) over (
                        partition by slipping_days.tenant_id, slipping_days.deal_id order by slipping_days.raised_at
                    ) then 0
                    else 1
                end as is_first
            from slipping_days
            where
                slipping_days.raised_at <= cast(cast({{ as_of() }} as date) as timestamp)
                and (slipping_days.raised_at < slipping_days.resolved_at or slipping_days.resolved_at is null)
        ) as marked
    ) as numbered
    group by numbered.tenant_id, numbered.deal_id, numbered.period
),

deal_slipping as (
    select
        slipping.tenant_id,
        'deal_slipping' as rule,
        slipping.deal_id as subject_id,
        slipping.deal_id,
        slipping.raised_at,
        slipping.resolved_at,
        {{ days(micros_between(
            'cast(slipping.expected_close_date as timestamp)', 'cast(cast(slipping.until_at as date) as timestamp)'
        )) }} as alert_value,
        slipping.threshold as alert_threshold
    from (
        select
            slipping_periods.*,
            nullif(slipping_periods.latest_end_at, cast('9999-12-31' as timestamp)) as resolved_at,
            least(slipping_periods.latest_end_at, {{ as_of() }}) as until_at
        from slipping_periods
    ) as slipping
),

overdue_steps as (
    select
        step.tenant_id,
        step.deal_id,
        step.due_at,
        rule.threshold,
        greatest(
            {{ from_epoch_micros(epoch_micros('step.due_at') ~ ' + ' ~ micros('rule.threshold')) }},
            step.set_at,
            deal_open.opened_at
        ) as raised_at,
        -- least() passes over the one that is missing, and that is meant
        least(step.ended_at, deal_open.closed_at) as resolved_at
    from {{ ref('fact_next_step') }} as step
    inner join rule
        on rule.rule = 'next_step_overdue'
    -- each period for which the deal was open
    inner join {{ ref('fact_deal_open') }} as deal_open
        on
            step.tenant_id = deal_open.tenant_id
            and step.deal_id = deal_open.deal_id
            and (deal_open.closed_at > step.set_at or deal_open.closed_at is null)
            and (deal_open.opened_at < step.ended_at or step.ended_at is null)
),

next_step_overdue as (
    select
        overdue_steps.tenant_id,
        'next_step_overdue' as rule,
        overdue_steps.deal_id as subject_id,
        overdue_steps.deal_id,
        overdue_steps.raised_at,
        overdue_steps.resolved_at,
        {{ hours(micros_between('overdue_steps.due_at', 'coalesce(overdue_steps.resolved_at, ' ~ as_of() ~ ')')) }}
            as alert_value,
        overdue_steps.threshold as alert_threshold
    from overdue_steps
    where
        {{ epoch_micros('overdue_steps.due_at') }} + {{ micros('overdue_steps.threshold') }} < {{ epoch_micros(as_of()) }}
        and (overdue_steps.raised_at < overdue_steps.resolved_at or overdue_steps.resolved_at is null)
),

-- When a step begins and ceases to be required (in the second stage or later, while open), and when there is one.
step_instants as (
    select
        change.tenant_id,
        change.deal_id,
        change.instant_at,
        sum(change.required) as required,
        sum(change.present) as present
    from (
        select visit.tenant_id, visit.deal_id, visit.entered_at as instant_at, 1 as required, 0 as present
        from {{ ref('fact_deal_stage') }} as visit
        inner join {{ ref('dim_stage') }} as dim_stage
            on visit.pipeline = dim_stage.pipeline and visit.stage = dim_stage.stage
        where visit.pipeline <> 'adtech' and dim_stage.stage_order >= 2 and not visit.is_closing
        union all
        select visit.tenant_id, visit.deal_id, visit.left_at as instant_at, -1 as required, 0 as present
        from {{ ref('fact_deal_stage') }} as visit
        inner join {{ ref('dim_stage') }} as dim_stage
            on visit.pipeline = dim_stage.pipeline and visit.stage = dim_stage.stage
        where
            visit.pipeline <> 'adtech' and dim_stage.stage_order >= 2 and not visit.is_closing
            and visit.left_at is not null
        union all
        select step.tenant_id, step.deal_id, step.set_at as instant_at, 0 as required, 1 as present
        from {{ ref('fact_next_step') }} as step
        union all
        select step.tenant_id, step.deal_id, step.ended_at as instant_at, 0 as required, -1 as present
        from {{ ref('fact_next_step') }} as step
        where step.ended_at is not null
    ) as change
    group by change.tenant_id, change.deal_id, change.instant_at
),

step_states as (
    select
        summed.tenant_id,
        summed.deal_id,
        summed.instant_at,
        summed.required > 0 and summed.present = 0 as is_missing
    from (
        select
            step_instants.tenant_id,
            step_instants.deal_id,
            step_instants.instant_at,
            sum(step_instants.required) over so_far as required,
            sum(step_instants.present) over so_far as present
        from step_instants
        window so_far as (
            partition by step_instants.tenant_id, step_instants.deal_id order by step_instants.instant_at
            rows between unbounded preceding and current row
        )
    ) as summed
),

step_turns as (
    select
        compared.tenant_id,
        compared.deal_id,
        compared.instant_at,
        compared.is_missing,
        lead(compared.instant_at) over (
            partition by compared.tenant_id, compared.deal_id order by compared.instant_at
        ) as turned_at
    from (
        select
            step_states.*,
            lag(step_states.is_missing) over (
                partition by step_states.tenant_id, step_states.deal_id order by step_states.instant_at
            ) as was_missing
        from step_states
    ) as compared
    where compared.is_missing is distinct from compared.was_missing
),

missing_steps as (
    select
        step_turns.tenant_id,
        step_turns.deal_id,
        step_turns.instant_at,
        step_turns.turned_at,
        rule.threshold,
        {{ from_epoch_micros(epoch_micros('step_turns.instant_at') ~ ' + ' ~ micros('rule.threshold')) }} as raised_at,
        coalesce(step_turns.turned_at, {{ as_of() }}) as until_at
    from step_turns
    inner join rule
        on rule.rule = 'next_step_missing'
    where step_turns.is_missing
),

next_step_missing as (
    select
        missing_steps.tenant_id,
        'next_step_missing' as rule,
        missing_steps.deal_id as subject_id,
        missing_steps.deal_id,
        missing_steps.raised_at,
        missing_steps.turned_at as resolved_at,
        {{ hours(micros_between('missing_steps.instant_at', 'missing_steps.until_at')) }} as alert_value,
        missing_steps.threshold as alert_threshold
    from missing_steps
    where
        missing_steps.raised_at < missing_steps.until_at
        or (missing_steps.turned_at is null and missing_steps.raised_at = missing_steps.until_at)
),

sla_overdue as (
    select
        sla.tenant_id,
        'sla_overdue' as rule,
        sla.deal_id || '/' || sla.sla || '/' || cast(sla.run_number as string) as subject_id,
        sla.deal_id,
        -- a timer that is reopened past its target is overdue from there
        greatest(sla.due_at, sla.started_at) as raised_at,
        sla.stopped_at as resolved_at,
        sla.elapsed_hours as alert_value,
        sla.target_hours as alert_threshold
    from {{ ref('fact_sla') }} as sla
    inner join rule
        on rule.rule = 'sla_overdue'
    where sla.elapsed_hours > sla.target_hours
),

-- Timers that have used up more than the share, and the open time that was left until then when they started.
used_timers as (
    select
        sla.tenant_id,
        sla.deal_id,
        sla.sla,
        sla.run_number,
        sla.started_at,
        sla.stopped_at,
        sla.due_at,
        sla.elapsed_hours,
        sla.target_hours,
        policy.calendar,
        policy.is_always_open,
        rule.threshold,
        {{ micros('rule.threshold * sla.target_hours') }} - {{ micros('sla.carried_hours') }} as left_micros
    from {{ ref('fact_sla') }} as sla
    inner join {{ ref('dim_sla_policy') }} as policy
        on sla.sla = policy.sla
    inner join rule
        on rule.rule = 'sla_at_risk'
    where sla.elapsed_hours > rule.threshold * sla.target_hours
),

started_timers as (
    select
        used_timers.*,
        {{ open_micros_at('used_timers.started_at', 'start_window') }} + used_timers.left_micros as crossing_micros
    from used_timers
    {{ asof_left_join(
        ref('dim_open_window'), 'start_window', 'used_timers.calendar = start_window.calendar', 'used_timers.started_at',
        'opens_at', 'next_opens_at'
    ) }}
    where not used_timers.is_always_open
),

crossings as (
    select
        used_timers.tenant_id,
        used_timers.deal_id,
        used_timers.sla,
        used_timers.run_number,
        used_timers.started_at,
        used_timers.stopped_at,
        used_timers.due_at,
        used_timers.elapsed_hours,
        used_timers.target_hours,
        used_timers.threshold * used_timers.target_hours as threshold_hours,
        {{ from_epoch_micros(epoch_micros('used_timers.started_at') ~ ' + used_timers.left_micros') }} as crossed_at
    from used_timers
    where used_timers.is_always_open
    union all
    select
        started_timers.tenant_id,
        started_timers.deal_id,
        started_timers.sla,
        started_timers.run_number,
        started_timers.started_at,
        started_timers.stopped_at,
        started_timers.due_at,
        started_timers.elapsed_hours,
        started_timers.target_hours,
        started_timers.threshold * started_timers.target_hours as threshold_hours,
        {{ from_epoch_micros(
            epoch_micros('crossing_window.opens_at')
            ~ ' + started_timers.crossing_micros - crossing_window.open_micros_before'
        ) }} as crossed_at
    from started_timers
    {{ asof_left_join(
        ref('dim_open_window'), 'crossing_window', 'started_timers.calendar = crossing_window.calendar',
        'started_timers.crossing_micros', 'open_micros_before', 'open_micros_through'
    ) }}
),

-- At risk until it stops or is overdue, whichever comes first.
sla_at_risk as (
    select
        risk.tenant_id,
        'sla_at_risk' as rule,
        risk.deal_id || '/' || risk.sla || '/' || cast(risk.run_number as string) as subject_id,
        risk.deal_id,
        risk.raised_at,
        risk.resolved_at,
        least(risk.elapsed_hours, risk.target_hours) as alert_value,
        risk.threshold_hours as alert_threshold
    from (
        select
            crossings.*,
            greatest(crossings.crossed_at, crossings.started_at) as raised_at,
            least(
                crossings.stopped_at, case when crossings.due_at <= {{ as_of() }} then crossings.due_at end
            ) as resolved_at
        from crossings
    ) as risk
    where risk.raised_at < risk.resolved_at or risk.resolved_at is null
),

-- How much of a batch still waited after each replay that took rows over from it.
replays as (
    select
        rejection.batch_id,
        rejection.replay_batch_id,
        rejection.replayed_at,
        sum(rejection.reject_count) as taken_over
    from {{ ref('fact_rejection') }} as rejection
    where rejection.replay_batch_id > 0
    group by rejection.batch_id, rejection.replay_batch_id, rejection.replayed_at
),

relieved_batches as (
    select left_over.batch_id, min(left_over.replayed_at) as resolved_at
    from (
        select
            replays.batch_id,
            replays.replayed_at,
            batch.row_count,
            batch.rejected_count - sum(replays.taken_over) over (
                partition by replays.batch_id order by replays.replay_batch_id
                rows between unbounded preceding and current row
            ) as waiting_count
        from replays
        inner join {{ ref('fact_batch') }} as batch
            on replays.batch_id = batch.batch_id
    ) as left_over
    inner join rule
        on rule.rule = 'quarantine_share'
    where left_over.waiting_count <= rule.threshold * left_over.row_count
    group by left_over.batch_id
),

quarantine_share as (
    select
        batch.tenant_id,
        'quarantine_share' as rule,
        cast(batch.batch_id as string) as subject_id,
        cast(null as string) as deal_id,
        batch.received_at as raised_at,
        relieved_batches.resolved_at,
        {{ fdiv('batch.waiting_count', 'batch.row_count') }} as alert_value,
        rule.threshold as alert_threshold
    from {{ ref('fact_batch') }} as batch
    inner join rule
        on rule.rule = 'quarantine_share'
    left join relieved_batches
        on batch.batch_id = relieved_batches.batch_id
    where batch.rejected_count > rule.threshold * batch.row_count
),

source_gaps as (
    select
        day.tenant_id,
        day.source,
        day.event_date,
        lead(day.event_date) over (
            partition by day.tenant_id, day.source order by day.event_date
        ) as following_date,
        lead(day.first_event_at) over (
            partition by day.tenant_id, day.source order by day.event_date
        ) as following_at
    from {{ ref('fact_source_day') }} as day
),

usual_gaps as (
    select
        gap.tenant_id,
        gap.source,
        greatest(percentile_cont(0.95) within group (order by gap.gap_days), 1) as usual_days
    from (
        select
            source_gaps.tenant_id,
            source_gaps.source,
            {{ days(micros_between(
                'cast(source_gaps.event_date as timestamp)', 'cast(source_gaps.following_date as timestamp)'
            )) }} as gap_days
        from source_gaps
        where source_gaps.following_date is not null
    ) as gap
    group by gap.tenant_id, gap.source
    -- fewer say nothing of what is usual
    having count(*) >= 5
),

source_silent as (
    select
        silence.tenant_id,
        'source_silent' as rule,
        silence.source as subject_id,
        cast(null as string) as deal_id,
        silence.raised_at,
        silence.following_at as resolved_at,
        {{ days(micros_between(
            'cast(silence.event_date as timestamp)', 'cast(silence.until_date as timestamp)'
        )) }} as alert_value,
        silence.threshold_days as alert_threshold
    from (
        select
            source_gaps.*,
            rule.threshold * usual_gaps.usual_days as threshold_days,
            coalesce(source_gaps.following_date, cast({{ as_of() }} as date)) as until_date,
            cast(
                {{ add_days('source_gaps.event_date', 'floor(rule.threshold * usual_gaps.usual_days) + 1') }} as timestamp
            ) as raised_at
        from source_gaps
        inner join usual_gaps
            on source_gaps.tenant_id = usual_gaps.tenant_id and source_gaps.source = usual_gaps.source
        inner join rule
            on rule.rule = 'source_silent'
    ) as silence
    where
        silence.raised_at < silence.following_at
        or (silence.following_at is null and silence.raised_at <= cast(silence.until_date as timestamp))
),

used_currencies as (
    select
        deal.tenant_id,
        deal.currency,
        min(deal.created_at) as first_used_at
    from {{ ref('fact_deal') }} as deal
    where deal.amount is not null and deal.currency <> {{ reporting_currency() }}
    group by deal.tenant_id, deal.currency
),

first_rates as (
    select fx.currency, cast(min(fx.fx_date) as timestamp) as first_rate_at
    from {{ ref('fact_fx_rate') }} as fx
    group by fx.currency
),

unrated_currencies as (
    select
        used_currencies.tenant_id,
        used_currencies.currency,
        used_currencies.first_used_at,
        first_rates.first_rate_at,
        rule.threshold,
        {{ from_epoch_micros(epoch_micros('used_currencies.first_used_at') ~ ' + ' ~ micros('24 * rule.threshold')) }}
            as raised_at,
        coalesce(first_rates.first_rate_at, {{ as_of() }}) as until_at
    from used_currencies
    inner join rule
        on rule.rule = 'rate_missing'
    left join first_rates
        on used_currencies.currency = first_rates.currency
),

rate_missing as (
    select
        unrated_currencies.tenant_id,
        'rate_missing' as rule,
        unrated_currencies.currency as subject_id,
        cast(null as string) as deal_id,
        unrated_currencies.raised_at,
        unrated_currencies.first_rate_at as resolved_at,
        {{ days(micros_between('unrated_currencies.first_used_at', 'unrated_currencies.until_at')) }} as alert_value,
        unrated_currencies.threshold as alert_threshold
    from unrated_currencies
    where
        unrated_currencies.raised_at < unrated_currencies.until_at
        or (unrated_currencies.first_rate_at is null and unrated_currencies.raised_at = unrated_currencies.until_at)
),

raised as (
    {% for rule in [
        'deal_slipping', 'next_step_overdue', 'next_step_missing', 'sla_overdue', 'sla_at_risk', 'quarantine_share',
        'source_silent', 'rate_missing'
    ] %}
    select
        {{ rule }}.tenant_id,
        {{ rule }}.rule,
        {{ rule }}.subject_id,
        {{ rule }}.deal_id,
        {{ rule }}.raised_at,
        {{ rule }}.resolved_at,
        {{ rule }}.alert_value,
        {{ rule }}.alert_threshold
    from {{ rule }}
    {% if not loop.last %}union all{% endif %}
    {% endfor %}
)

select
    raised.tenant_id,
    raised.rule as alert_rule,
    rule.subject_type,
    raised.subject_id,
    raised.raised_at,
    raised.resolved_at,
    raised.resolved_at is null as is_open,
    rule.severity,
    cast(raised.alert_value as double) as alert_value,
    cast(raised.alert_threshold as double) as alert_threshold,
    rule.unit as alert_unit,
    raised.deal_id,
    deal.owner_id
from raised
inner join rule
    on raised.rule = rule.rule
left join {{ ref('fact_deal') }} as deal
    on raised.tenant_id = deal.tenant_id and raised.deal_id = deal.deal_id
