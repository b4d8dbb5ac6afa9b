{{ config(tags=['alone']) }}

with {{ deal_segments() }},

-- Visits to stages that have a place in their pipeline; a loss is no step. A MasterDeal may be won before its last stage.
visits as (
    select
        visit.tenant_id,
        visit.deal_id,
        visit.pipeline,
        visit.stage,
        dim_stage.stage_order,
        dim_stage.is_won,
        dim_stage.next_within_days,
        dim_stage.won_within_days,
        visit.visit_number,
        visit.entered_at
    from {{ ref('fact_deal_stage') }} as visit
    inner join {{ ref('dim_stage') }} as dim_stage
        on visit.pipeline = dim_stage.pipeline and visit.stage = dim_stage.stage
    where not dim_stage.is_lost
),

first_entries as (
    select
        visits.tenant_id,
        visits.deal_id,
        visits.pipeline,
        visits.stage,
        visits.stage_order,
        visits.next_within_days,
        visits.won_within_days,
        min(visits.visit_number) as visit_number,
        min(visits.entered_at) as entered_at
    from visits
    where not visits.is_won
    group by
        visits.tenant_id, visits.deal_id, visits.pipeline, visits.stage, visits.stage_order, visits.next_within_days,
        visits.won_within_days
),

-- What is known of an entry, whatever stage is asked for: when it was too late to reach any more.
entries as (
    select
        entry.*,
        {{ month_of('entry.entered_at') }} as cohort_month,
        deal.status <> 'open' as is_decided,
        {{ micros_between('entry.entered_at', 'clock.as_of') }} as age_micros,
        -- a deal that goes on after it was closed is closed from the start
        {{ micros_between(
            'entry.entered_at',
            'case when deal.closed_at is null then clock.as_of else greatest(deal.closed_at, entry.entered_at) end'
        ) }} as waited_micros,
        deal.combination
    from first_entries as entry
    inner join segmented_deals as deal
        on entry.tenant_id = deal.tenant_id and entry.deal_id = deal.deal_id
    cross join {{ ref('stg_clock') }} as clock
),

later_entries as (
    select
        entry.tenant_id,
        entry.deal_id,
        entry.stage as from_stage,
        later.stage as to_stage,
        min(later.entered_at) as reached_at
    from first_entries as entry
    inner join visits as later
        on
            entry.tenant_id = later.tenant_id
            and entry.deal_id = later.deal_id
            and entry.stage_order < later.stage_order
            and entry.visit_number < later.visit_number
    group by entry.tenant_id, entry.deal_id, entry.stage, later.stage
    union all
    select
        entry.tenant_id,
        entry.deal_id,
        entry.stage as from_stage,
        to_stage.stage as to_stage,
        greatest(deal.closed_at, entry.entered_at) as reached_at
    from first_entries as entry
    inner join {{ ref('dim_stage') }} as to_stage
        on entry.pipeline = to_stage.pipeline and entry.stage_order < to_stage.stage_order and to_stage.is_won
    inner join {{ ref('fact_deal') }} as deal
        on entry.tenant_id = deal.tenant_id and entry.deal_id = deal.deal_id and deal.status = 'won'
    -- won without a visit to that stage after the entry
    left join visits
        on
            entry.tenant_id = visits.tenant_id
            and entry.deal_id = visits.deal_id
            and to_stage.stage = visits.stage
            and entry.visit_number < visits.visit_number
    where visits.deal_id is null
),

reached as (
    select
        entry.tenant_id,
        entry.deal_id,
        entry.pipeline,
        entry.stage as from_stage,
        later_entries.to_stage,
        entry.cohort_month,
        entry.age_micros,
        {{ micros_between('entry.entered_at', 'later_entries.reached_at') }} as reached_micros,
        {{ transition_window('entry', 'to_stage') }} * cast(86400000000 as bigint) as window_micros,
        entry.combination
    from entries as entry
    inner join later_entries
        on
            entry.tenant_id = later_entries.tenant_id
            and entry.deal_id = later_entries.deal_id
            and entry.stage = later_entries.from_stage
    inner join {{ ref('dim_stage') }} as to_stage
        on entry.pipeline = to_stage.pipeline and later_entries.to_stage = to_stage.stage
),

counted_combinations as (
    select
        entries.tenant_id,
        entries.pipeline,
        entries.stage,
        entries.stage_order,
        entries.next_within_days,
        entries.won_within_days,
        entries.cohort_month,
        entries.combination,
        count(*) as entered,
        count(*) filter (where entries.age_micros >= entries.next_within_days * cast(86400000000 as bigint)) as matured_next,
        count(*) filter (where entries.age_micros >= entries.won_within_days * cast(86400000000 as bigint)) as matured_won,
        max(case when entries.is_decided then entries.waited_micros end) as longest_decided_micros,
        max(case when not entries.is_decided then entries.waited_micros end) as longest_open_micros
    from entries
    group by
        entries.tenant_id, entries.pipeline, entries.stage, entries.stage_order, entries.next_within_days,
        entries.won_within_days, entries.cohort_month, entries.combination
),

entered_cohorts as (
    select
        combined.tenant_id,
        combined.pipeline,
        combined.stage,
        combined.stage_order,
        combined.next_within_days,
        combined.won_within_days,
        combined.cohort_month,
        segments.dimension,
        segments.dimension_value,
        cast(sum(combined.entered) as bigint) as entered,
        cast(sum(combined.matured_next) as bigint) as matured_next,
        cast(sum(combined.matured_won) as bigint) as matured_won,
        max(combined.longest_decided_micros) as longest_decided_micros,
        max(combined.longest_open_micros) as longest_open_micros
    from counted_combinations as combined
    inner join segments
        on combined.combination = segments.combination
    group by
        combined.tenant_id, combined.pipeline, combined.stage, combined.stage_order, combined.next_within_days,
        combined.won_within_days, combined.cohort_month, segments.dimension, segments.dimension_value
),

reached_cohorts as (
    select
        reached.tenant_id,
        reached.pipeline,
        reached.from_stage,
        reached.to_stage,
        reached.cohort_month,
        segments.dimension,
        segments.dimension_value,
        count(*) filter (where reached.reached_micros <= reached.window_micros) as converted,
        count(*) filter (
            where reached.age_micros >= reached.window_micros and reached.reached_micros <= reached.window_micros
        ) as matured_converted_count,
        max(reached.reached_micros) as longest_reached_micros,
        percentile_cont(0.5) within group (order by {{ hours('reached.reached_micros') }}) as median_hours
    from reached
    inner join segments
        on reached.combination = segments.combination
    group by
        reached.tenant_id, reached.pipeline, reached.from_stage, reached.to_stage, reached.cohort_month, segments.dimension,
        segments.dimension_value
),

cohorts as (
    select
        row_number() over (
            order by
                entered.tenant_id, entered.pipeline, entered.stage_order, to_stage.stage_order, entered.cohort_month,
                entered.dimension, entered.dimension_value
        ) as cohort_number,
        entered.tenant_id,
        entered.pipeline,
        entered.stage as from_stage,
        entered.stage_order as from_stage_order,
        to_stage.stage as to_stage,
        to_stage.stage_order as to_stage_order,
        entered.cohort_month,
        entered.dimension,
        entered.dimension_value,
        {{ transition_window('entered', 'to_stage') }} as window_days,
        {{ transition_window('entered', 'to_stage') }} * cast(86400000000 as bigint) as window_micros,
        entered.entered,
        case when to_stage.stage_order = entered.stage_order + 1 then entered.matured_next else entered.matured_won end
            as matured_count,
        entered.longest_decided_micros,
        entered.longest_open_micros,
        coalesce(reached_cohorts.converted, 0) as converted,
        coalesce(reached_cohorts.matured_converted_count, 0) as matured_converted_count,
        reached_cohorts.longest_reached_micros,
        reached_cohorts.median_hours
    from entered_cohorts as entered
    inner join {{ ref('dim_stage') }} as to_stage
        on entered.pipeline = to_stage.pipeline and entered.stage_order < to_stage.stage_order and not to_stage.is_lost
    left join reached_cohorts
        on
            entered.tenant_id = reached_cohorts.tenant_id
            and entered.pipeline = reached_cohorts.pipeline
            and entered.stage = reached_cohorts.from_stage
            and to_stage.stage = reached_cohorts.to_stage
            and entered.cohort_month = reached_cohorts.cohort_month
            and entered.dimension = reached_cohorts.dimension
            and entered.dimension_value = reached_cohorts.dimension_value
),

-- Deals of the months that are not old enough; what comes after the window need not be told apart. Where nobody has
-- reached the stage, there is no curve to draw.
watched as (
    select
        cohorts.cohort_number,
        cohorts.window_micros,
        least(coalesce(reached.reached_micros, entries.waited_micros), cohorts.window_micros + 1) as duration_micros,
        case
            when coalesce(reached.reached_micros, entries.waited_micros) > cohorts.window_micros then 'censored'
            when reached.reached_micros is not null then 'event'
            when entries.is_decided then 'competing'
            else 'censored'
        end as outcome
    from entries
    inner join segments
        on entries.combination = segments.combination
    inner join cohorts
        on
            entries.tenant_id = cohorts.tenant_id
            and entries.pipeline = cohorts.pipeline
            and entries.stage = cohorts.from_stage
            and entries.cohort_month = cohorts.cohort_month
            and segments.dimension = cohorts.dimension
            and segments.dimension_value = cohorts.dimension_value
    left join reached
        on
            entries.tenant_id = reached.tenant_id
            and entries.deal_id = reached.deal_id
            and entries.stage = reached.from_stage
            and cohorts.to_stage = reached.to_stage
    where cohorts.matured_count < cohorts.entered and cohorts.converted > 0
),

{{ survival_curve('curve', 'watched', ['cohort_number', 'window_micros'], 'duration_micros', 'outcome') }},

estimated as (
    select
        curve.cohort_number,
        {{ incidence_within('curve', 'curve.window_micros') }} as estimated_conversion_rate
    from curve
    group by curve.cohort_number, curve.window_micros
),

-- All entries to a stage in a month, whichever deals they are of.
entry_counts as (
    select
        combined.tenant_id,
        combined.pipeline,
        combined.stage,
        combined.entered_month,
        segments.dimension,
        segments.dimension_value,
        cast(sum(combined.entry_count) as bigint) as entry_count
    from (
        select
            visits.tenant_id,
            visits.pipeline,
            visits.stage,
            {{ month_of('visits.entered_at') }} as entered_month,
            deal.combination,
            count(*) as entry_count
        from visits
        inner join segmented_deals as deal
            on visits.tenant_id = deal.tenant_id and visits.deal_id = deal.deal_id
        group by
            visits.tenant_id, visits.pipeline, visits.stage, {{ month_of('visits.entered_at') }}, deal.combination
    ) as combined
    inner join segments
        on combined.combination = segments.combination
    group by
        combined.tenant_id, combined.pipeline, combined.stage, combined.entered_month, segments.dimension,
        segments.dimension_value
)

select
    cohorts.tenant_id,
    cohorts.pipeline,
    cohorts.from_stage,
    cohorts.from_stage_order,
    cohorts.to_stage,
    cohorts.to_stage_order,
    cohorts.cohort_month,
    cohorts.dimension,
    cohorts.dimension_value,
    cohorts.window_days,
    cohorts.entered,
    cohorts.converted,
    cohorts.matured_count,
    {{ fdiv('cohorts.matured_converted_count', 'cohorts.matured_count') }} as matured_conversion_rate,
    case
        when cohorts.matured_count = cohorts.entered
            then {{ fdiv('cohorts.matured_converted_count', 'cohorts.matured_count') }}
        when cohorts.converted > 0 then estimated.estimated_conversion_rate
        when cohorts.window_micros is null then null
        -- None so far: that says something once one was watched for that long, or none is undecided.
        when
            greatest(
                cohorts.longest_decided_micros, cohorts.longest_open_micros, cohorts.longest_reached_micros
            ) >= cohorts.window_micros
            or cohorts.longest_decided_micros > coalesce(cohorts.longest_open_micros, -1)
            then 0e0
    end as estimated_conversion_rate,
    cohorts.matured_count = cohorts.entered and {{ month_after('cohorts.cohort_month') }} <= cast({{ as_of() }} as date)
        as is_mature,
    cohorts.median_hours,
    from_entries.entry_count as from_entry_count,
    coalesce(to_entries.entry_count, 0) as to_entry_count,
    {{ fdiv('coalesce(to_entries.entry_count, 0)', 'from_entries.entry_count') }} as throughput_ratio
from cohorts
left join estimated
    on cohorts.cohort_number = estimated.cohort_number
left join entry_counts as from_entries
    on
        cohorts.tenant_id = from_entries.tenant_id
        and cohorts.pipeline = from_entries.pipeline
        and cohorts.from_stage = from_entries.stage
        and cohorts.cohort_month = from_entries.entered_month
        and cohorts.dimension = from_entries.dimension
        and cohorts.dimension_value = from_entries.dimension_value
left join entry_counts as to_entries
    on
        cohorts.tenant_id = to_entries.tenant_id
        and cohorts.pipeline = to_entries.pipeline
        and cohorts.to_stage = to_entries.stage
        and cohorts.cohort_month = to_entries.entered_month
        and cohorts.dimension = to_entries.dimension
        and cohorts.dimension_value = to_entries.dimension_value
