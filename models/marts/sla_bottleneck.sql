with timers as (
    select
        sla.*,
        cast(date_trunc('month', sla.started_at) as date) as started_month,
        coalesce(deal.industry, '(not set)') as industry,
        coalesce(deal.budget_band, '(not set)') as budget_band,
        coalesce(deal.client_type, '(not set)') as client_type
    from {{ ref('fact_sla') }} as sla
    inner join {{ ref('fact_deal') }} as deal
        on sla.tenant_id = deal.tenant_id and sla.deal_id = deal.deal_id
)

select
    timers.tenant_id,
    timers.sla,
    timers.started_month,
    timers.industry,
    timers.budget_band,
    timers.client_type,
    timers.owner_domain,
    count(*) as timer_count,
    count(*) filter (where timers.status = 'met') as met_count,
    count(*) filter (where timers.status = 'breached') as breached_count,
    count(*) filter (where timers.status = 'overdue') as overdue_count,
    count(*) filter (where timers.status = 'at_risk') as at_risk_count,
    count(*) filter (where timers.status = 'running') as running_count,
    count(*) filter (where timers.status = 'void') as void_count,
    -- Timers that still run are shown, not counted.
    {{ fdiv(
        "count(*) filter (where timers.is_breached)",
        "count(*) filter (where timers.status in ('met', 'breached', 'overdue'))"
    ) }} as breach_rate,
    percentile_cont(0.5) within group (
        order by case when timers.status in ('met', 'breached') then timers.elapsed_hours end
    ) as median_elapsed_hours,
    percentile_cont(0.9) within group (
        order by case when timers.status in ('met', 'breached') then timers.elapsed_hours end
    ) as p90_elapsed_hours
from timers
group by
    timers.tenant_id, timers.sla, timers.started_month, timers.industry, timers.budget_band, timers.client_type,
    timers.owner_domain
