{#- Under each model a tenant's credit adds up to all its conversions, and to all of their value: nothing is lost, nothing
    made up. -#}
{% test credits_every_conversion(model, conversions) %}
with given as (
    select
        path.tenant_id,
        models.model,
        count(*) as conversions,
        sum(coalesce(path.conversion_value_base, 0.0)) as value_base
    from {{ ref('attribution_path') }} as path
    cross join ({{ attribution_models() }}) as models
    where path.is_converted and path.touch_number <= 1
    group by path.tenant_id, models.model
),

credited as (
    select
        credit.tenant_id,
        credit.model,
        sum(credit.{{ conversions }}) as conversions,
        sum(coalesce(credit.value_base, 0.0)) as value_base
    from {{ model }} as credit
    group by credit.tenant_id, credit.model
)

select *
from (
    select
        coalesce(given.tenant_id, credited.tenant_id) as tenant_id,
        coalesce(given.model, credited.model) as model,
        coalesce(given.conversions, 0) as conversions,
        coalesce(credited.conversions, 0) as credited_conversions,
        coalesce(given.value_base, 0) as value_base,
        coalesce(credited.value_base, 0) as credited_value_base
    from given
    full join credited
        on given.tenant_id = credited.tenant_id and given.model = credited.model
) as compared
where
    abs(conversions - credited_conversions) > 1e-9 * (1 + conversions)
    or abs(value_base - credited_value_base) > 1e-9 * (1 + abs(value_base))
{% endtest %}
