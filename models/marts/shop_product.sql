with summed as (
    select
        ordered.tenant_id,
        {{ period_of('calendar_month', 'ordered.sold_at') }} as calendar_month,
        coalesce(ordered.product, '(not set)') as product,
        count(*) as sold_count,
        sum(ordered.amount_base) as revenue_base,
        case when count(ordered.cost) = 0 then 0.0 else sum(ordered.cost_base) end as cost_base,
        count(*) filter (where ordered.refunded_at is not null) as refunded_count,
        count(*) filter (where ordered.amount_base is null) as unconverted_count
    from {{ ref('fact_order') }} as ordered
    where ordered.sold_at is not null
    group by
        ordered.tenant_id,
        {{ period_of('calendar_month', 'ordered.sold_at') }},
        coalesce(ordered.product, '(not set)')
)

select
    summed.tenant_id,
    summed.calendar_month,
    summed.product,
    summed.sold_count,
    summed.revenue_base,
    summed.cost_base,
    summed.revenue_base - summed.cost_base as margin_base,
    {{ fdiv('summed.revenue_base - summed.cost_base', 'summed.revenue_base') }} as margin_rate,
    summed.refunded_count,
    {{ fdiv('summed.refunded_count', 'summed.sold_count') }} as refunded_rate,
    summed.unconverted_count,
    {{ is_over('calendar_month', 'summed.calendar_month') }} as is_complete
from summed
