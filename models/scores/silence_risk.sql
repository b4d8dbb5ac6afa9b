select
    scored.tenant_id,
    scored.activity,
    scored.customer_id,
    scored.as_of,
    scored.activity_day_count,
    scored.first_activity_date,
    scored.last_activity_date,
    scored.silent_days,
    scored.alive_rate,
    scored.silence_probability_30d,
    scored.silence_probability_90d,
    scored.silence_reason,
    scored.as_of as scored_at
from {{ source('computed', 'silence_risk') }} as scored
