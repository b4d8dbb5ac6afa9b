select
    scored.tenant_id,
    scored.deal_id,
    scored.as_of,
    scored.probability_30d,
    scored.probability,
    scored.stated_probability,
    scored.score,
    scored.amount_base,
    scored.expected_amount_base,
    scored.predicted_close_date,
    scored.predicted_close_low_date,
    scored.predicted_close_high_date,
    scored.close_date_method,
    scored.factors,
    scored.model_version,
    scored.model_reason
from {{ source('computed', 'deal_win') }} as scored
