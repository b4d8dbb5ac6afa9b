{#- Under each model all that was spent, and all that winning customers cost, is there, whether anything came of it or not.
    Tenants with an unknown rate are left out. -#}
{% test keeps_all_costs(model) %}
with given as (
    select borne.tenant_id, borne.measure, models.model, sum(borne.amount) as amount, sum(borne.unknown_count) as unknown_count
    from (
        select
            spend.tenant_id,
            'spend' as measure,
            spend.amount_base as amount,
            case when spend.amount_base is null then 1 else 0 end as unknown_count
        from {{ ref('fact_spend') }} as spend
        union all
        select acquisition.tenant_id, 'cost' as measure, acquisition.cost_base as amount, acquisition.unconverted_count as unknown_count
        from {{ ref('acquisition_cost') }} as acquisition
    ) as borne
    cross join ({{ attribution_models() }}) as models
    group by borne.tenant_id, borne.measure, models.model
),

kept as (
    select credit.tenant_id, credit.model, sum(credit.spend_base) as spend_base, sum(credit.cost_base) as cost_base
    from {{ model }} as credit
    group by credit.tenant_id, credit.model
)

select given.tenant_id, given.model, given.measure, given.amount
from given
left join kept
    on given.tenant_id = kept.tenant_id and given.model = kept.model
where
    given.unknown_count = 0
    and abs(given.amount - coalesce(case when given.measure = 'spend' then kept.spend_base else kept.cost_base end, 0))
    > 1e-9 * (1 + abs(given.amount))
{% endtest %}
