select
    scored.tenant_id,
    scored.customer_id,
    scored.as_of,
    scored.probability_30d,
    scored.probability_90d,
    scored.score,
    scored.risk_level,
    scored.triggers,
    scored.reasons,
    scored.recommended_action,
    scored.mrr_base,
    scored.days_to_renewal,
    scored.value_at_risk_base,
    scored.factors,
    scored.model_version,
    scored.model_reason
from {{ source('computed', 'churn_risk') }} as scored
