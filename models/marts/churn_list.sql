-- Whom customer success calls: customers who may leave, the most valuable risk first.
with risks as (
    select
        risk.*,
        case risk.risk_level when 'red' then 0 when 'yellow' then 1 else 2 end as level_order,
        -- While there is no model, the points stand in for the probability.
        coalesce(risk.value_at_risk_base, risk.mrr_base * risk.score * 0.01, 0) as value_order
    from {{ ref('churn_risk') }} as risk
),

healths as (
    select
        health.tenant_id,
        health.customer_id,
        health.score as health_score,
        health.risk_level as health_level,
        health.score_change as health_change,
        health.moved_by as health_moved_by,
        health.moved_in_words as health_moved_in_words,
        health.level_change as health_level_change
    from {{ ref('health_score') }} as health
    where health.is_latest
)

select
    risk.tenant_id,
    risk.customer_id,
    risk.as_of,
    risk.risk_level,
    risk.score,
    risk.probability_30d,
    risk.probability_90d,
    risk.reasons,
    risk.recommended_action,
    healths.health_score,
    healths.health_level,
    healths.health_change,
    healths.health_moved_by,
    healths.health_moved_in_words,
    healths.health_level_change,
    risk.mrr_base,
    risk.days_to_renewal,
    risk.value_at_risk_base,
    worth.value_12m_base,
    account.owner_id,
    {{ case_columns('cases', 'risk.score') }},
    row_number() over (
        partition by risk.tenant_id order by risk.level_order asc, risk.value_order desc, risk.customer_id asc
    ) as call_order
from risks as risk
left join healths
    on risk.tenant_id = healths.tenant_id and risk.customer_id = healths.customer_id
left join {{ ref('customer_value') }} as worth
    on risk.tenant_id = worth.tenant_id and risk.customer_id = worth.customer_id
left join {{ ref('dim_account') }} as account
    on risk.tenant_id = account.tenant_id and risk.customer_id = 'account:' || account.account_id
left join {{ ref('fact_case') }} as cases
    on
        risk.tenant_id = cases.tenant_id
        and cases.subject_type = 'customer'
        and risk.customer_id = cases.subject_id
