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
    scored.factors,
    scored.model_version,
    scored.model_reason
from {{ source('computed', 'deal_win') }} as scored
