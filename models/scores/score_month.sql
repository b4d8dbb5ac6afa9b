select
    scored.tenant_id,
    scored.score_name,
    scored.score_month,
    scored.model_version,
    scored.row_count,
    scored.known_count,
    scored.positive_count,
    scored.expected_count,
    scored.oe_ratio,
    scored.oe_ratio_low,
    scored.oe_ratio_high,
    scored.auc,
    scored.lift_at_10,
    scored.log_loss_skill,
    scored.score_psi,
    scored.verdict
from {{ source('computed', 'score_month') }} as scored
