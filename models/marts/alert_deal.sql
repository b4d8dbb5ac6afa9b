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
        summed.required > 0 and summed.present = 0 as is_held
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

steps_lacked as (
    {{ held_periods('step_states', ['tenant_id', 'deal_id']) }}
),

missing_steps as (
    select
        steps_lacked.tenant_id,
        steps_lacked.deal_id,
        steps_lacked.held_from_at,
        steps_lacked.held_until_at,
        rule.threshold,
        {{ from_epoch_micros(epoch_micros('steps_lacked.held_from_at') ~ ' + ' ~ micros('rule.threshold')) }} as raised_at,
        coalesce(steps_lacked.held_until_at, {{ as_of() }}) as until_at
    from steps_lacked
    inner join rule
        on rule.rule = 'next_step_missing'
),

next_step_missing as (
    select
        missing_steps.tenant_id,
        missing_steps.deal_id as subject_id,
        missing_steps.deal_id,
        missing_steps.raised_at,
        missing_steps.held_until_at as resolved_at,
        {{ hours(micros_between('missing_steps.held_from_at', 'missing_steps.until_at')) }} as alert_value,
        missing_steps.threshold as alert_threshold
    from missing_steps
    where
        missing_steps.raised_at < missing_steps.until_at
        or (missing_steps.held_until_at is null and missing_steps.raised_at = missing_steps.until_at)
)

{{ alert_rows(['deal_slipping', 'next_step_overdue', 'next_step_missing']) }}
