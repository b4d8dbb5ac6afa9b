select
    ordered.tenant_id,
    {{ period_of('calendar_month', 'ordered.created_at') }} as calendar_month,
    coalesce(ordered.product, '(not set)') as product,
    ordered.order_status,
    count(*) as order_count,
    sum(ordered.amount_base) as amount_base,
    sum(ordered.cost_base) as cost_base,
    count(*) filter (where ordered.amount_base is null) as unconverted_count,
    percentile_cont(0.5) within group (order by ordered.hours_to_issue) as median_hours_to_issue,
    percentile_cont(0.5) within group (order by {{ hours(micros_between('ordered.status_since_at', as_of())) }})
        as median_hours_in_status,
    min(ordered.status_since_at) as longest_since_at
from {{ ref('fact_order') }} as ordered
group by
    ordered.tenant_id,
    {{ period_of('calendar_month', 'ordered.created_at') }},
    coalesce(ordered.product, '(not set)'),
    ordered.order_status
