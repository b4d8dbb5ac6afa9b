-- What customer success should see of each paying customer, in words of the CRM: the band of the health, the chance of
-- leaving, what to do. Who has left is left as it stood; reasons alone are no reason to write.
with stated as (
    select
        called.tenant_id,
        called.customer_id as sync_key,
        called.customer_id,
        called.health_score as score,
        called.health_level as risk_level,
        {{ round_det('called.probability_90d', 2) }} as churn_probability,
        called.risk_level as churn_level,
        called.recommended_action as action,
        called.reasons
    from {{ ref('churn_list') }} as called
    where called.health_score is not null
),

{{ sync_changes(
    'customer',
    {
        'customer_id': 'text', 'score': 'integer', 'risk_level': 'text', 'churn_probability': 'number',
        'churn_level': 'text', 'action': 'text', 'reasons': 'text'
    },
    unwatched=['reasons']
) }}
