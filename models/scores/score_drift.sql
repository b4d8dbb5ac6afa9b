select
    scored.tenant_id,
    scored.score_name,
    scored.score_month,
    scored.feature_name,
    scored.model_version,
    scored.row_count,
    scored.psi,
    scored.psi_by_chance,
    scored.missing_rate,
    scored.missing_rate_before,
    scored.unseen_rate,
    scored.verdict
from {{ source('computed', 'score_drift') }} as scored
