with timers as (
    select
        sla.tenant_id,
        sla.deal_id,
        count(*) filter (where sla.status = 'running') as running_timer_count,
        count(*) filter (where sla.status = 'at_risk') as at_risk_timer_count,
        count(*) filter (where sla.status = 'overdue') as overdue_timer_count,
        count(*) filter (where sla.is_breached) as breach_count
    from {{ ref('fact_sla') }} as sla
    group by sla.tenant_id, sla.deal_id
),

gates as (
    select
        gate.tenant_id,
        gate.deal_id,
        count(*) filter (where gate.gate_status) as set_gate_count
    from {{ ref('fact_gate') }} as gate
    group by gate.tenant_id, gate.deal_id
),

visits as (
    select visit.tenant_id, visit.deal_id, visit.days_in_stage
    from {{ ref('fact_deal_stage') }} as visit
    where visit.is_current
)

select
    deal.tenant_id,
    deal.aggregated_stage,
    coalesce(deal.industry, '(not set)') as industry,
    coalesce(deal.budget_band, '(not set)') as budget_band,
    coalesce(deal.client_type, '(not set)') as client_type,
    count(*) as deal_count,
    count(*) filter (where deal.status = 'open') as open_deal_count,
    sum(deal.amount_base) as amount_base,
    {{ fdiv('sum(coalesce(gates.set_gate_count, 0))', 'count(*)') }} as set_gates_per_deal,
    percentile_cont(0.5) within group (order by visits.days_in_stage) as median_days_in_stage,
    cast(sum(coalesce(timers.running_timer_count, 0)) as bigint) as running_timer_count,
    cast(sum(coalesce(timers.at_risk_timer_count, 0)) as bigint) as at_risk_timer_count,
    cast(sum(coalesce(timers.overdue_timer_count, 0)) as bigint) as overdue_timer_count,
    cast(sum(coalesce(timers.breach_count, 0)) as bigint) as breach_count
from {{ ref('fact_deal') }} as deal
left join timers
    on deal.tenant_id = timers.tenant_id and deal.deal_id = timers.deal_id
left join gates
    on deal.tenant_id = gates.tenant_id and deal.deal_id = gates.deal_id
left join visits
    on deal.tenant_id = visits.tenant_id and deal.deal_id = visits.deal_id
where deal.aggregated_stage is not null
group by
    deal.tenant_id, deal.aggregated_stage, coalesce(deal.industry, '(not set)'), coalesce(deal.budget_band, '(not set)'),
    coalesce(deal.client_type, '(not set)')
