-- What would have been said at the ends of past months, on what was known then, of months that are over by now.
select
    scored.tenant_id,
    scored.as_of,
    scored.revenue_month,
    scored.months_ahead,
    scored.forecast_method,
    scored.forecast_reason,
    scored.expected_base,
    scored.p10_base,
    scored.p50_base,
    scored.p90_base,
    scored.weighted_pipeline_base,
    scored.seasonal_naive_base,
    scored.actual_base,
    scored.expected_base - scored.actual_base as expected_error_base,
    scored.weighted_pipeline_base - scored.actual_base as weighted_pipeline_error_base,
    scored.seasonal_naive_base - scored.actual_base as seasonal_naive_error_base,
    scored.p10_base <= scored.actual_base and scored.actual_base <= scored.p90_base as is_in_range,
    scored.model_version
from {{ source('computed', 'revenue_forecast') }} as scored
where not scored.is_latest and scored.actual_base is not null
