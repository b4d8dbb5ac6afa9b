{%- set steps = b2c_steps() -%}
{%- set group = ['tenant_id', 'cohort_month', 'dimension', 'dimension_value', 'order_rule', 'step_number', 'window_micros'] -%}

with entered_persons as (
    select
        person.*,
        -- least() passes over steps that are missing, and that is meant: the first step seen
        least(
            {%- for step in steps %}
            person.{{ step }}{{ ',' if not loop.last }}
            {%- endfor %}
        ) as entered_at
    from {{ ref('fact_person') }} as person
),

persons as (
    select
        entered_persons.*,
        case
            {%- for step in steps %}
            when entered_persons.{{ step }} = entered_persons.entered_at then {{ loop.index }}
            {%- endfor %}
        end as entry_number
    from entered_persons
    where entered_persons.entered_at is not null
),

-- Where the order is broken: the first step after the entry that was not reached, or before the one that precedes it.
ordered_persons as (
    select
        persons.*,
        case
            {%- for step in steps[1:] %}
            when
                persons.entry_number < {{ loop.index + 1 }}
                and not coalesce(persons.{{ step }} >= persons.{{ steps[loop.index0] }}, false)
                then {{ loop.index + 1 }}
            {%- endfor %}
            else {{ steps | length + 1 }}
        end as broken_number
    from persons
),

-- A person as far as it got. Ever: a step is reached with itself or with any later one.
far_persons as (
    select
        ordered_persons.*,
        {%- for step in steps[:-1] %}
        least(
            {%- for later in steps[loop.index0:] %}
            ordered_persons.{{ later }}{{ ',' if not loop.last }}
            {%- endfor %}
        ) as far_{{ loop.index }},
        {%- endfor %}
        ordered_persons.{{ steps[-1] }} as far_{{ steps | length }}
    from ordered_persons
),

-- When each step was reached. In order: by itself, without a gap since the entry.
reached as (
    select
        far_persons.tenant_id,
        far_persons.person_id,
        cast(date_trunc('month', far_persons.entered_at) as date) as cohort_month,
        far_persons.first_channel,
        far_persons.first_source,
        far_persons.industry,
        far_persons.client_type,
        step_rule.order_rule,
        funnel_step.step,
        funnel_step.step_number,
        funnel_step.window_days,
        case
            {%- for step in steps %}
            when step_rule.order_rule = 'any' and funnel_step.step_number = {{ loop.index }}
                then far_persons.far_{{ loop.index }}
            when
                funnel_step.step_number = {{ loop.index }}
                and far_persons.entry_number <= {{ loop.index }}
                and far_persons.broken_number > {{ loop.index }}
                then far_persons.{{ step }}
            {%- endfor %}
        end as step_at,
        case
            {%- for step in steps[1:] %}
            when step_rule.order_rule = 'any' and funnel_step.step_number = {{ loop.index }}
                then far_persons.far_{{ loop.index + 1 }}
            when
                funnel_step.step_number = {{ loop.index }}
                and far_persons.entry_number <= {{ loop.index }}
                and far_persons.broken_number > {{ loop.index + 1 }}
                then far_persons.{{ step }}
            {%- endfor %}
        end as next_step_at,
        case funnel_step.step_number
            {%- for step in steps %}
            when {{ loop.index }} then far_persons.{{ step }}
            {%- endfor %}
        end as own_step_at
    from far_persons
    inner join {{ ref('funnel_step') }} as funnel_step
        on funnel_step.funnel = 'b2c'
    cross join (
        select 'strict' as order_rule
        union all
        select 'any' as order_rule
    ) as step_rule
),

timed as (
    select
        reached.*,
        -- a step that was passed over has no time of its own
        case
            when reached.own_step_at = reached.step_at
                then {{ hours(micros_between('reached.step_at', 'reached.next_step_at')) }}
        end as hours_to_next,
        coalesce(
            reached.next_step_at <= reached.step_at + reached.window_days * interval '1' day, false
        ) as is_converted,
        -- how long it was watched: to the next step, to as_of, or for the whole window
        least(
            {{ micros_between('reached.step_at', 'coalesce(reached.next_step_at, clock.as_of)') }},
            cast(reached.window_days as bigint) * 86400000000
        ) as watched_micros,
        cast(reached.window_days as bigint) * 86400000000 as window_micros,
        coalesce(reached.step_at + reached.window_days * interval '1' day <= clock.as_of, true) as is_matured
    from reached
    cross join {{ ref('stg_clock') }} as clock
    where reached.step_at is not null
),

segmented as (
    select
        timed.*,
        segment.dimension,
        {{ person_dimension_value('timed', 'segment.dimension') }} as dimension_value
    from timed
    cross join {{ person_dimensions() }} as segment
),

counted as (
    select
        segmented.tenant_id,
        segmented.cohort_month,
        segmented.dimension,
        segmented.dimension_value,
        segmented.order_rule,
        segmented.step,
        segmented.step_number,
        segmented.window_days,
        count(*) as entered,
        count(*) filter (where segmented.is_converted) as converted,
        count(*) filter (where segmented.is_matured) as matured_count,
        count(*) filter (where segmented.is_matured and segmented.is_converted) as matured_converted_count,
        percentile_cont(0.5) within group (order by segmented.hours_to_next) filter (where segmented.is_converted)
            as median_hours,
        percentile_cont(0.9) within group (order by segmented.hours_to_next) filter (where segmented.is_converted)
            as p90_hours
    from segmented
    group by
        segmented.tenant_id, segmented.cohort_month, segmented.dimension, segmented.dimension_value,
        segmented.order_rule, segmented.step, segmented.step_number, segmented.window_days
),

-- Members of cohorts for whom the window is still open; of all others the share is known.
watched as (
    select
        segmented.tenant_id,
        segmented.cohort_month,
        segmented.dimension,
        segmented.dimension_value,
        segmented.order_rule,
        segmented.step_number,
        segmented.window_micros,
        segmented.watched_micros,
        case when segmented.is_converted then 'event' else 'censored' end as outcome
    from segmented
    inner join counted
        on
            segmented.tenant_id = counted.tenant_id
            and segmented.cohort_month = counted.cohort_month
            and segmented.dimension = counted.dimension
            and segmented.dimension_value = counted.dimension_value
            and segmented.order_rule = counted.order_rule
            and segmented.step_number = counted.step_number
    where counted.matured_count < counted.entered
),

{{ survival_curve('curve', 'watched', group, 'watched_micros', 'outcome') }},

estimated as (
    select
        curve.tenant_id,
        curve.cohort_month,
        curve.dimension,
        curve.dimension_value,
        curve.order_rule,
        curve.step_number,
        {{ incidence_within('curve', 'curve.window_micros') }} as estimated_conversion_rate
    from curve
    group by
        curve.tenant_id, curve.cohort_month, curve.dimension, curve.dimension_value,
        curve.order_rule, curve.step_number, curve.window_micros
)

-- Nothing comes after the last step: it has no conversion.
select
    counted.tenant_id,
    counted.cohort_month,
    counted.dimension,
    counted.dimension_value,
    counted.order_rule,
    counted.step,
    counted.step_number,
    counted.window_days,
    counted.entered,
    case when counted.window_days is not null then counted.converted end as converted,
    case when counted.window_days is not null then {{ fdiv('counted.converted', 'counted.entered') }} end as conversion_rate,
    case when counted.window_days is not null then counted.entered - counted.converted end as drop_off_count,
    case when counted.window_days is not null then {{ fdiv('counted.entered - counted.converted', 'counted.entered') }} end
        as drop_off_rate,
    counted.median_hours,
    counted.p90_hours,
    counted.matured_count,
    case when counted.window_days is not null then {{ fdiv('counted.matured_converted_count', 'counted.matured_count') }} end
        as matured_conversion_rate,
    case
        when counted.matured_count < counted.entered then estimated.estimated_conversion_rate
        when counted.window_days is not null then {{ fdiv('counted.converted', 'counted.entered') }}
    end as estimated_conversion_rate,
    counted.matured_count = counted.entered as is_mature
from counted
left join estimated
    on
        counted.tenant_id = estimated.tenant_id
        and counted.cohort_month = estimated.cohort_month
        and counted.dimension = estimated.dimension
        and counted.dimension_value = estimated.dimension_value
        and counted.order_rule = estimated.order_rule
        and counted.step_number = estimated.step_number
