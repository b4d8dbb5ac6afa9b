with exposures as (
    select
        exposure.tenant_id,
        exposure.experiment_id,
        exposure.variant,
        exposure.first_exposed_at,
        exposure.is_in_several_variants,
        {{ person_of('exposure') }} as person_id
    from {{ ref('fact_experiment_exposure') }} as exposure
    {{ join_person('exposure') }}
),

-- A person whose ids were shown different variants saw both, like one who saw both under one id.
persons as (
    select
        exposures.tenant_id,
        exposures.experiment_id,
        exposures.person_id,
        min(exposures.variant) as variant,
        min(exposures.first_exposed_at) as first_exposed_at,
        count(*) filter (where exposures.is_in_several_variants) > 0 or min(exposures.variant) <> max(exposures.variant)
            as is_left_out
    from exposures
    group by exposures.tenant_id, exposures.experiment_id, exposures.person_id
),

conversions as (
    {{ conversions() }}
),

converted as (
    select distinct persons.tenant_id, persons.experiment_id, persons.person_id
    from persons
    -- all conversions of the person
    inner join conversions
        on
            persons.tenant_id = conversions.tenant_id
            and persons.person_id = conversions.person_id
            and persons.first_exposed_at <= conversions.converted_at
),

counts as (
    select
        persons.tenant_id,
        persons.experiment_id,
        persons.variant,
        count(*) as subject_count,
        count(converted.person_id) as converted_count,
        min(persons.first_exposed_at) as first_exposed_at,
        max(persons.first_exposed_at) as last_exposed_at
    from persons
    left join converted
        on
            persons.tenant_id = converted.tenant_id
            and persons.experiment_id = converted.experiment_id
            and persons.person_id = converted.person_id
    where not persons.is_left_out
    group by persons.tenant_id, persons.experiment_id, persons.variant
),

left_out as (
    select persons.tenant_id, persons.experiment_id, count(*) as left_out_count
    from persons
    where persons.is_left_out
    group by persons.tenant_id, persons.experiment_id
),

-- A variant that was planned and that nobody was shown is the worst of all splits.
variants as (
    select counts.tenant_id, counts.experiment_id, counts.variant
    from counts
    union
    select planned.tenant_id, planned.experiment_id, planned.variant
    from {{ ref('experiment_plan') }} as planned
    where (planned.tenant_id, planned.experiment_id) in (select counts.tenant_id, counts.experiment_id from counts)
),

-- The control that is named, else the variant called control, else the first by name.
ranked as (
    select
        variants.tenant_id,
        variants.experiment_id,
        variants.variant,
        row_number() over (
            partition by variants.tenant_id, variants.experiment_id
            order by
                case when planned.is_control then 0 when lower(variants.variant) = 'control' then 1 else 2 end,
                variants.variant
        ) as control_rank,
        planned.expected_share,
        count(*) over (partition by variants.tenant_id, variants.experiment_id) as variant_count,
        count(planned.expected_share) over (partition by variants.tenant_id, variants.experiment_id) as planned_count,
        sum(planned.expected_share) over (partition by variants.tenant_id, variants.experiment_id) as planned_share
    from variants
    left join {{ ref('experiment_plan') }} as planned
        on
            variants.tenant_id = planned.tenant_id
            and variants.experiment_id = planned.experiment_id
            and variants.variant = planned.variant
)

select
    ranked.tenant_id,
    ranked.experiment_id,
    ranked.variant,
    ranked.control_rank = 1 as is_control,
    case
        when ranked.planned_count = ranked.variant_count then {{ fdiv('ranked.expected_share', 'ranked.planned_share') }}
        else {{ fdiv('1.0', 'ranked.variant_count') }}
    end as expected_share,
    coalesce(counts.subject_count, 0) as subject_count,
    coalesce(counts.converted_count, 0) as converted_count,
    {{ fdiv('counts.converted_count', 'counts.subject_count') }} as conversion_rate,
    coalesce(left_out.left_out_count, 0) as left_out_count,
    counts.first_exposed_at,
    counts.last_exposed_at
from ranked
left join counts
    on
        ranked.tenant_id = counts.tenant_id
        and ranked.experiment_id = counts.experiment_id
        and ranked.variant = counts.variant
left join left_out
    on ranked.tenant_id = left_out.tenant_id and ranked.experiment_id = left_out.experiment_id
