select
    scored.tenant_id,
    scored.customer_id,
    scored.as_of,
    scored.is_latest,
    scored.score,
    scored.risk_level,
    scored.coverage,
    scored.previous_score,
    scored.score_change,
    scored.moved_by,
    scored.moved_in_words,
    scored.level_change,
    scored.factors,
    scored.as_of as scored_at
from {{ source('computed', 'health_score') }} as scored
