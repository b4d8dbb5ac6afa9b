-- Counts come from SQL, what they prove from warehouse/statistics/experiment.py.
select
    variant.tenant_id,
    variant.experiment_id,
    variant.variant,
    variant.is_control,
    variant.subject_count,
    variant.converted_count,
    variant.conversion_rate,
    variant.left_out_count,
    variant.first_exposed_at,
    variant.last_exposed_at,
    statistic.rate_difference,
    statistic.rate_difference_low,
    statistic.rate_difference_high,
    statistic.lift,
    statistic.lift_low,
    statistic.lift_high,
    statistic.p_value,
    statistic.p_value_exact,
    statistic.sample_ratio_p_value,
    -- Chance alone gives less than one in a thousand.
    coalesce(statistic.sample_ratio_p_value < 0.001, false) as is_sample_ratio_off
from {{ ref('experiment_variant') }} as variant
left join {{ source('computed', 'experiment') }} as statistic
    on
        variant.tenant_id = statistic.tenant_id
        and variant.experiment_id = statistic.experiment_id
        and variant.variant = statistic.variant
