select
    scored.tenant_id,
    scored.customer_id,
    scored.as_of,
    scored.mrr_base,
    scored.monthly_churn_probability,
    scored.expected_months,
    scored.value_12m_base,
    scored.model_version,
    scored.model_reason
from {{ source('computed', 'customer_value') }} as scored
