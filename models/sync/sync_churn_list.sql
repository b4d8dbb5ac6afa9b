-- The list that customer success works from, for files that people open; it is written as a whole.
with stated as (
    select
        called.tenant_id,
        called.customer_id as sync_key,
        called.call_order,
        called.customer_id,
        called.risk_level,
        called.score,
        {{ round_det('called.probability_90d', 2) }} as churn_probability,
        called.reasons,
        called.recommended_action,
        {{ round_det('called.value_at_risk_base', 2) }} as value_at_risk_base,
        called.days_to_renewal,
        called.owner_id
    from {{ ref('churn_list') }} as called
),

{{ sync_changes(
    'churn_list',
    {
        'call_order': 'integer', 'customer_id': 'text', 'risk_level': 'text', 'score': 'integer',
        'churn_probability': 'number', 'reasons': 'text', 'recommended_action': 'text', 'value_at_risk_base': 'number',
        'days_to_renewal': 'integer', 'owner_id': 'text'
    },
    deletes=true
) }}
