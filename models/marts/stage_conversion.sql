-- Visits to stages that have a place in their pipeline; a loss is no step. A MasterDeal may be won before its last stage.
with visits as (
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
),

pairs as (
    select
        entry.tenant_id,
        entry.deal_id,
        entry.pipeline,
        entry.stage as from_stage,
        entry.stage_order as from_stage_order,
        to_stage.stage as to_stage,
        to_stage.stage_order as to_stage_order,
        entry.entered_at,
        {{ month_of('entry.entered_at') }} as cohort_month,
        case when to_stage.stage_order = entry.stage_order + 1 then entry.next_within_days else entry.won_within_days end
            as window_days,
        deal.status,
        deal.closed_at,
        coalesce(
            later_entries.reached_at,
            case when to_stage.is_won and deal.status = 'won' then greatest(deal.closed_at, entry.entered_at) end
        ) as reached_at,
        deal.owner_id,
        deal.industry,
        deal.client_type,
        deal.budget_band,
        deal.deal_source
    from first_entries as entry
    inner join {{ ref('dim_stage') }} as to_stage
        on entry.pipeline = to_stage.pipeline and entry.stage_order < to_stage.stage_order and not to_stage.is_lost
    inner join {{ ref('fact_deal') }} as deal
        on entry.tenant_id = deal.tenant_id and entry.deal_id = deal.deal_id
    left join later_entries
        on
            entry.tenant_id = later_entries.tenant_id
            and entry.deal_id = later_entries.deal_id
            and entry.stage = later_entries.from_stage
            and to_stage.stage = later_entries.to_stage
),

timed as (
    select
        pairs.*,
        pairs.window_days * cast(86400000000 as bigint) as window_micros,
        {{ micros_between('pairs.entered_at', 'clock.as_of') }} as age_micros,
        -- a deal that goes on after it was closed is closed from the start
        {{ micros_between(
            'pairs.entered_at',
            'case when pairs.reached_at is not null then pairs.reached_at when pairs.closed_at is null then clock.as_of'
            ~ ' else greatest(pairs.closed_at, pairs.entered_at) end'
        ) }} as duration_micros,
        case
            when pairs.reached_at is not null then 'event'
            when pairs.status <> 'open' then 'competing'
            else 'censored'
        end as outcome
    from pairs
    cross join {{ ref('stg_clock') }} as clock
),

segmented as (
    select
        timed.*,
        part.dimension,
        {{ deal_dimension_value('timed', 'part.dimension') }} as dimension_value
    from timed
    cross join {{ deal_dimensions() }} as part
),

cohorts as (
    select
        segmented.tenant_id,
        segmented.pipeline,
        segmented.from_stage,
        segmented.from_stage_order,
        segmented.to_stage,
        segmented.to_stage_order,
        segmented.cohort_month,
        segmented.dimension,
        segmented.dimension_value,
        segmented.window_days,
        count(*) as entered,
        count(*) filter (where segmented.outcome = 'event' and segmented.duration_micros <= segmented.window_micros) as converted,
        count(*) filter (where segmented.age_micros >= segmented.window_micros) as matured_count,
        count(*) filter (
            where segmented.age_micros >= segmented.window_micros
            and segmented.outcome = 'event' and segmented.duration_micros <= segmented.window_micros
        ) as matured_converted_count,
        percentile_cont(0.5) within group (
            order by case when segmented.outcome = 'event' then {{ hours('segmented.duration_micros') }} end
        ) as median_hours
    from segmented
    group by
        segmented.tenant_id, segmented.pipeline, segmented.from_stage, segmented.from_stage_order, segmented.to_stage,
        segmented.to_stage_order, segmented.cohort_month, segmented.dimension, segmented.dimension_value, segmented.window_days
),

-- Deals of the months that are not old enough; what comes after the window need not be told apart.
watched as (
    select
        segmented.tenant_id,
        segmented.pipeline,
        segmented.from_stage,
        segmented.to_stage,
        segmented.cohort_month,
        segmented.dimension,
        segmented.dimension_value,
        segmented.window_micros,
        least(segmented.duration_micros, segmented.window_micros + 1) as duration_micros,
        case when segmented.duration_micros <= segmented.window_micros then segmented.outcome else 'censored' end as outcome
    from segmented
    inner join cohorts
        on
            segmented.tenant_id = cohorts.tenant_id
            and segmented.pipeline = cohorts.pipeline
            and segmented.from_stage = cohorts.from_stage
            and segmented.to_stage = cohorts.to_stage
            and segmented.cohort_month = cohorts.cohort_month
            and segmented.dimension = cohorts.dimension
            and segmented.dimension_value = cohorts.dimension_value
    where cohorts.matured_count < cohorts.entered
),

{{ survival_curve(
    'curve', 'watched',
    ['tenant_id', 'pipeline', 'from_stage', 'to_stage', 'cohort_month', 'dimension', 'dimension_value', 'window_micros'],
    'duration_micros', 'outcome'
) }},

estimated as (
    select
        curve.tenant_id,
        curve.pipeline,
        curve.from_stage,
        curve.to_stage,
        curve.cohort_month,
        curve.dimension,
        curve.dimension_value,
        {{ incidence_within('curve', 'curve.window_micros') }} as estimated_conversion_rate
    from curve
    group by
        curve.tenant_id, curve.pipeline, curve.from_stage, curve.to_stage, curve.cohort_month, curve.dimension,
        curve.dimension_value, curve.window_micros
),

-- All entries to a stage in a month, whichever deals they are of.
entry_counts as (
    select
        labelled.tenant_id,
        labelled.pipeline,
        labelled.stage,
        labelled.entered_month,
        labelled.dimension,
        labelled.dimension_value,
        count(*) as entry_count
    from (
        select
            visits.tenant_id,
            visits.pipeline,
            visits.stage,
            {{ month_of('visits.entered_at') }} as entered_month,
            part.dimension,
            {{ deal_dimension_value('deal', 'part.dimension') }} as dimension_value
        from visits
        inner join {{ ref('fact_deal') }} as deal
            on visits.tenant_id = deal.tenant_id and visits.deal_id = deal.deal_id
        cross join {{ deal_dimensions() }} as part
    ) as labelled
    group by
        labelled.tenant_id, labelled.pipeline, labelled.stage, labelled.entered_month, labelled.dimension,
        labelled.dimension_value
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
        else estimated.estimated_conversion_rate
    end as estimated_conversion_rate,
    cohorts.matured_count = cohorts.entered and {{ month_after('cohorts.cohort_month') }} <= cast({{ as_of() }} as date)
        as is_mature,
    cohorts.median_hours,
    from_entries.entry_count as from_entry_count,
    coalesce(to_entries.entry_count, 0) as to_entry_count,
    {{ fdiv('coalesce(to_entries.entry_count, 0)', 'from_entries.entry_count') }} as throughput_ratio
from cohorts
left join estimated
    on
        cohorts.tenant_id = estimated.tenant_id
        and cohorts.pipeline = estimated.pipeline
        and cohorts.from_stage = estimated.from_stage
        and cohorts.to_stage = estimated.to_stage
        and cohorts.cohort_month = estimated.cohort_month
        and cohorts.dimension = estimated.dimension
        and cohorts.dimension_value = estimated.dimension_value
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
