{{ config(tags=['alone']) }}

with {{ deal_segments() }},

-- Visits to stages that have a place in their pipeline; a loss is no step. A MasterDeal may be won before its last stage.
visits as (
    select
        visit.tenant_id,
        visit.deal_id,
        visit.pipeline,
        visit.visit_number,
        visit.stage,
        dim_stage.stage_order,
        visit.entered_at
    from {{ ref('fact_deal_stage') }} as visit
    inner join {{ ref('dim_stage') }} as dim_stage
        on visit.pipeline = dim_stage.pipeline and visit.stage = dim_stage.stage
    where not dim_stage.is_lost
    union all
    select
        deal.tenant_id,
        deal.deal_id,
        deal.pipeline,
        null as visit_number,
        dim_stage.stage,
        dim_stage.stage_order,
        deal.closed_at as entered_at
    from {{ ref('fact_deal') }} as deal
    inner join {{ ref('dim_stage') }} as dim_stage
        on deal.pipeline = dim_stage.pipeline and dim_stage.is_won
    where deal.status = 'won'
),

-- A deal enters the funnel at the first step that it was seen in.
entries as (
    select
        visits.tenant_id,
        visits.deal_id,
        {{ month_of('min(visits.entered_at)') }} as cohort_month,
        min_by(visits.stage_order, visits.visit_number) filter (where visits.visit_number is not null) as entry_order
    from visits
    group by visits.tenant_id, visits.deal_id
),

first_times as (
    select
        visits.tenant_id,
        visits.deal_id,
        visits.pipeline,
        visits.stage_order,
        min(visits.entered_at) as first_at
    from visits
    group by visits.tenant_id, visits.deal_id, visits.pipeline, visits.stage_order
),

-- In order: a step counts while each step since the entry was reached, none before the one that precedes it.
unbroken as (
    select
        first_times.*,
        entries.entry_order,
        first_times.stage_order = entries.entry_order
        or coalesce(
            lag(first_times.stage_order) over deal_in_order = first_times.stage_order - 1
            and lag(first_times.first_at) over deal_in_order <= first_times.first_at,
            false
        ) as is_in_order
    from first_times
    inner join entries
        on first_times.tenant_id = entries.tenant_id and first_times.deal_id = entries.deal_id
    where first_times.stage_order >= entries.entry_order
    window deal_in_order as (partition by first_times.tenant_id, first_times.deal_id order by first_times.stage_order)
),

strict_steps as (
    select
        counted.tenant_id,
        counted.deal_id,
        counted.pipeline,
        counted.stage_order,
        counted.first_at as step_at,
        true as is_seen
    from (
        select
            unbroken.*,
            max(case when unbroken.is_in_order then 0 else 1 end) over (
                partition by unbroken.tenant_id, unbroken.deal_id order by unbroken.stage_order
                rows between unbounded preceding and current row
            ) as is_broken
        from unbroken
    ) as counted
    where counted.is_broken = 0
),

-- Ever: a step is reached with it or with any later one.
any_steps as (
    select
        first_times.tenant_id,
        first_times.deal_id,
        first_times.pipeline,
        dim_stage.stage_order,
        min(first_times.first_at) as step_at,
        count(*) filter (where first_times.stage_order = dim_stage.stage_order) > 0 as is_seen
    from first_times
    inner join {{ ref('dim_stage') }} as dim_stage
        on first_times.pipeline = dim_stage.pipeline and dim_stage.stage_order <= first_times.stage_order
    where not dim_stage.is_lost
    group by first_times.tenant_id, first_times.deal_id, first_times.pipeline, dim_stage.stage_order
),

reached as (
    select 'strict' as order_rule, strict_steps.*
    from strict_steps
    union all
    select 'any' as order_rule, any_steps.*
    from any_steps
),

followed as (
    select
        reached.*,
        lead(reached.step_at) over (
            partition by reached.tenant_id, reached.deal_id, reached.order_rule order by reached.stage_order
        ) as next_step_at
    from reached
),

lived as (
    select
        followed.tenant_id,
        followed.pipeline,
        followed.order_rule,
        followed.is_seen,
        dim_stage.stage_order as step_number,
        dim_stage.next_within_days as window_days,
        entries.cohort_month,
        deal.combination,
        dim_stage.next_within_days * cast(86400000000 as bigint) as window_micros,
        {{ micros_between('followed.step_at', 'clock.as_of') }} as age_micros,
        {{ micros_between(
            'followed.step_at',
            'case when followed.next_step_at is not null then followed.next_step_at when deal.closed_at is null then clock.as_of'
            ~ ' else greatest(deal.closed_at, followed.step_at) end'
        ) }} as duration_micros,
        case
            when followed.next_step_at is not null then 'event'
            when deal.status <> 'open' then 'competing'
            else 'censored'
        end as outcome
    from followed
    inner join {{ ref('dim_stage') }} as dim_stage
        on followed.pipeline = dim_stage.pipeline and followed.stage_order = dim_stage.stage_order
    inner join entries
        on followed.tenant_id = entries.tenant_id and followed.deal_id = entries.deal_id
    inner join segmented_deals as deal
        on followed.tenant_id = deal.tenant_id and followed.deal_id = deal.deal_id
    cross join {{ ref('stg_clock') }} as clock
),

timed as (
    select
        lived.*,
        lived.outcome = 'event' and lived.duration_micros <= lived.window_micros as is_converted,
        lived.age_micros >= lived.window_micros as is_matured
    from lived
),

counted_combinations as (
    select
        timed.tenant_id,
        timed.pipeline,
        timed.cohort_month,
        timed.order_rule,
        timed.step_number,
        timed.window_days,
        timed.combination,
        count(*) as entered,
        count(*) filter (where timed.is_converted) as converted,
        count(*) filter (where timed.is_matured) as matured_count,
        count(*) filter (where timed.is_matured and timed.is_converted) as matured_converted_count
    from timed
    group by
        timed.tenant_id, timed.pipeline, timed.cohort_month, timed.order_rule, timed.step_number, timed.window_days,
        timed.combination
),

counted as (
    select
        row_number() over (
            order by
                combined.tenant_id, combined.pipeline, combined.cohort_month, combined.order_rule, combined.step_number,
                segments.dimension, segments.dimension_value
        ) as cohort_number,
        combined.tenant_id,
        combined.pipeline,
        combined.cohort_month,
        segments.dimension,
        segments.dimension_value,
        combined.order_rule,
        combined.step_number,
        combined.window_days,
        cast(sum(combined.entered) as bigint) as entered,
        cast(sum(combined.converted) as bigint) as converted,
        cast(sum(combined.matured_count) as bigint) as matured_count,
        cast(sum(combined.matured_converted_count) as bigint) as matured_converted_count
    from counted_combinations as combined
    inner join segments
        on combined.combination = segments.combination
    group by
        combined.tenant_id, combined.pipeline, combined.cohort_month, segments.dimension, segments.dimension_value,
        combined.order_rule, combined.step_number, combined.window_days
),

durations as (
    select
        timed.tenant_id,
        timed.pipeline,
        timed.cohort_month,
        segments.dimension,
        segments.dimension_value,
        timed.order_rule,
        timed.step_number,
        {{ percentiles(hours('timed.duration_micros'), [0.5, 0.9]) }} as hours_percentiles
    from timed
    inner join segments
        on timed.combination = segments.combination
    where timed.is_converted and timed.is_seen
    group by
        timed.tenant_id, timed.pipeline, timed.cohort_month, segments.dimension, segments.dimension_value, timed.order_rule,
        timed.step_number
),

-- Deals of the cohorts that are not old enough; what comes after the window need not be told apart.
watched as (
    select
        counted.cohort_number,
        timed.window_micros,
        least(timed.duration_micros, timed.window_micros + 1) as duration_micros,
        case when timed.duration_micros <= timed.window_micros then timed.outcome else 'censored' end as outcome
    from timed
    inner join segments
        on timed.combination = segments.combination
    inner join counted
        on
            timed.tenant_id = counted.tenant_id
            and timed.pipeline = counted.pipeline
            and timed.cohort_month = counted.cohort_month
            and segments.dimension = counted.dimension
            and segments.dimension_value = counted.dimension_value
            and timed.order_rule = counted.order_rule
            and timed.step_number = counted.step_number
    where counted.window_days is not null and counted.matured_count < counted.entered
),

{{ survival_curve('curve', 'watched', ['cohort_number', 'window_micros'], 'duration_micros', 'outcome') }},

estimated as (
    select
        curve.cohort_number,
        {{ incidence_within('curve', 'curve.window_micros') }} as estimated_conversion_rate
    from curve
    group by curve.cohort_number, curve.window_micros
)

-- Nothing comes after the last step: it has no window, and no conversion.
select
    counted.tenant_id,
    counted.pipeline,
    counted.cohort_month,
    counted.dimension,
    counted.dimension_value,
    counted.order_rule,
    dim_stage.stage as step,
    counted.step_number,
    counted.window_days,
    counted.entered,
    case when counted.window_days is not null then counted.converted end as converted,
    case when counted.window_days is not null then {{ fdiv('counted.converted', 'counted.entered') }} end as conversion_rate,
    case when counted.window_days is not null then counted.entered - counted.converted end as drop_off_count,
    case when counted.window_days is not null then {{ fdiv('counted.entered - counted.converted', 'counted.entered') }} end
        as drop_off_rate,
    {{ item('durations.hours_percentiles', 1) }} as median_hours,
    {{ item('durations.hours_percentiles', 2) }} as p90_hours,
    case when counted.window_days is not null then counted.matured_count end as matured_count,
    {{ fdiv('counted.matured_converted_count', 'counted.matured_count') }} as matured_conversion_rate,
    case
        when counted.matured_count = counted.entered then {{ fdiv('counted.matured_converted_count', 'counted.matured_count') }}
        else estimated.estimated_conversion_rate
    end as estimated_conversion_rate,
    counted.window_days is null or counted.matured_count = counted.entered as is_mature
from counted
inner join {{ ref('dim_stage') }} as dim_stage
    on counted.pipeline = dim_stage.pipeline and counted.step_number = dim_stage.stage_order
left join durations
    on
        counted.tenant_id = durations.tenant_id
        and counted.pipeline = durations.pipeline
        and counted.cohort_month = durations.cohort_month
        and counted.dimension = durations.dimension
        and counted.dimension_value = durations.dimension_value
        and counted.order_rule = durations.order_rule
        and counted.step_number = durations.step_number
left join estimated
    on counted.cohort_number = estimated.cohort_number
