-- A destination that a sync had to leave alone, until one ends well there.
with runs as (
    select
        run.tenant_id,
        run.destination,
        run.sync_number,
        run.finished_at,
        run.is_stopped,
        run.refused_count + run.failed_count + run.unsent_count as left_count,
        lag(run.is_stopped) over (partition by run.destination order by run.sync_number asc) as was_stopped
    from {{ ref('fact_sync_run') }} as run
),

failures as (
    select
        runs.tenant_id,
        runs.destination,
        runs.finished_at,
        runs.left_count,
        min(mended.finished_at) as mended_at
    from runs
    left join {{ ref('fact_sync_run') }} as mended
        on runs.destination = mended.destination and runs.sync_number < mended.sync_number and not mended.is_stopped
    where runs.is_stopped and not coalesce(runs.was_stopped, false)
    group by runs.tenant_id, runs.destination, runs.sync_number, runs.finished_at, runs.left_count
)

select
    failures.tenant_id,
    rule.rule as alert_rule,
    failures.destination as subject_id,
    cast(null as string) as deal_id,
    failures.finished_at as raised_at,
    failures.mended_at as resolved_at,
    cast(failures.left_count as double) as alert_value,
    rule.threshold as alert_threshold
from failures
inner join {{ ref('alert_rule') }} as rule
    on rule.rule = 'sync_failing'
