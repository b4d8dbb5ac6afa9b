with rule as (
    select alert_rule.*
    from {{ ref('alert_rule') }} as alert_rule
),

-- Health at the starts of months alone, not that of as_of: what was raised must not depend on when anybody looked.
health_months as (
    select
        health.tenant_id,
        health.as_of as instant_at,
        count(*) as judged_count,
        count(*) filter (where health.risk_level = 'red') as red_count
    from {{ ref('health_score') }} as health
    where not health.is_latest and health.risk_level is not null
    group by health.tenant_id, health.as_of
),

-- A month with too few to judge by neither raises nor resolves anything.
cohort_states as (
    select
        health_months.tenant_id,
        health_months.instant_at,
        {{ fdiv('health_months.red_count', 'health_months.judged_count') }} as red_share,
        health_months.red_count > rule.threshold * health_months.judged_count as is_held,
        rule.threshold
    from health_months
    inner join rule
        on rule.rule = 'churn_cohort'
    where health_months.judged_count >= rule.least_count
),

red_cohorts as (
    {{ held_periods('cohort_states', ['tenant_id', 'threshold'], 'red_share') }}
),

churn_cohort as (
    select
        red_cohorts.tenant_id,
        red_cohorts.tenant_id as subject_id,
        cast(null as string) as deal_id,
        red_cohorts.held_from_at as raised_at,
        red_cohorts.held_until_at as resolved_at,
        red_cohorts.measured_value as alert_value,
        red_cohorts.threshold as alert_threshold
    from red_cohorts
)

{{ alert_rows(['churn_cohort']) }}
