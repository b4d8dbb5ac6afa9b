with rule as (
    select alert_rule.*
    from {{ ref('alert_rule') }} as alert_rule
),

sla_overdue as (
    select
        sla.tenant_id,
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
)

{{ alert_rows(['sla_overdue', 'sla_at_risk']) }}
