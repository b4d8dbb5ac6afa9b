with persons as (
    select
        person.tenant_id,
        person.first_channel,
        person.first_source,
        person.industry,
        person.client_type,
        person.trial_at,
        person.activated_at,
        -- the first touch; of who never touched anything, the first thing that was heard
        coalesce(
            person.first_touch_at, least(person.lead_at, person.trial_at, person.activated_at)
        ) as began_at
    from {{ ref('fact_person') }} as person
),

timed as (
    select
        persons.*,
        cast(date_trunc('month', persons.began_at) as date) as cohort_month,
        -- a touch that is known late, or a trial after the action, took no time
        {{ hours(micros_between('least(persons.began_at, persons.activated_at)', 'persons.activated_at')) }}
            as hours_to_activation,
        {{ hours(micros_between('least(persons.trial_at, persons.activated_at)', 'persons.activated_at')) }} as hours_from_trial,
        persons.began_at + funnel_step.window_days * interval '1' day <= clock.as_of as is_matured
    from persons
    inner join {{ ref('funnel_step') }} as funnel_step
        on funnel_step.funnel = 'b2c' and funnel_step.step = 'trial'
    cross join {{ ref('stg_clock') }} as clock
    where persons.began_at is not null
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
        count(*) as entered,
        count(segmented.trial_at) as trial_count,
        count(segmented.activated_at) as activated_count,
        count(*) filter (where segmented.trial_at is not null and segmented.activated_at is not null) as activated_trial_count,
        percentile_cont(0.5) within group (order by segmented.hours_to_activation) as median_hours,
        count(*) filter (where segmented.hours_to_activation < 0.5) as under_30_minutes_count,
        percentile_cont(0.5) within group (order by segmented.hours_from_trial) filter (where segmented.trial_at is not null)
            as median_hours_from_trial,
        count(*) filter (where segmented.trial_at is not null and segmented.hours_from_trial < 0.5)
            as under_30_minutes_from_trial_count,
        count(*) filter (where segmented.is_matured) as matured_count
    from segmented
    group by segmented.tenant_id, segmented.cohort_month, segmented.dimension, segmented.dimension_value
)

select
    counted.tenant_id,
    counted.cohort_month,
    counted.dimension,
    counted.dimension_value,
    counted.entered,
    counted.trial_count,
    counted.activated_count,
    {{ fdiv('counted.activated_trial_count', 'counted.trial_count') }} as activation_rate,
    counted.median_hours,
    {{ fdiv('counted.under_30_minutes_count', 'counted.activated_count') }} as under_30_minutes_rate,
    counted.median_hours_from_trial,
    {{ fdiv('counted.under_30_minutes_from_trial_count', 'counted.activated_trial_count') }} as under_30_minutes_from_trial_rate,
    counted.matured_count = counted.entered as is_mature
from counted
