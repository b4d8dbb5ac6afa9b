select
    scored.tenant_id,
    scored.as_of,
    scored.revenue_month,
    scored.months_ahead,
    scored.forecast_method,
    scored.forecast_reason,
    scored.won_to_date_base,
    scored.expected_base,
    scored.expected_of_open_base,
    scored.expected_of_new_base,
    scored.p10_base,
    scored.p50_base,
    scored.p90_base,
    scored.weighted_pipeline_base,
    scored.seasonal_naive_base,
    scored.open_deal_count,
    scored.correction_factor,
    scored.model_version,
    scored.scored_at
from {{ source('computed', 'revenue_forecast') }} as scored
where scored.is_latest
