{#- Under each model all that was spent is there, whether anything came of it or not. Months with an unknown rate are left
    out. -#}
{% test keeps_all_spend(model) %}
with given as (
    select spend.tenant_id, models.model, sum(spend.amount_base) as spend_base, count(*) - count(spend.amount_base) as unknown_count
    from {{ ref('fact_spend') }} as spend
    cross join ({{ attribution_models() }}) as models
    group by spend.tenant_id, models.model
),

kept as (
    select credit.tenant_id, credit.model, sum(credit.spend_base) as spend_base
    from {{ model }} as credit
    group by credit.tenant_id, credit.model
)

select given.tenant_id, given.model, given.spend_base, kept.spend_base as kept_spend_base
from given
left join kept
    on given.tenant_id = kept.tenant_id and given.model = kept.model
where given.unknown_count = 0 and abs(given.spend_base - coalesce(kept.spend_base, 0)) > 1e-9 * (1 + abs(given.spend_base))
{% endtest %}
