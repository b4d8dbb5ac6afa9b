-- What the CRM should show of each open deal: the chance of winning it, the aggregated stage, and its worst timer.
with timers as (
    select
        sla.tenant_id,
        sla.deal_id,
        count(*) filter (where sla.status = 'overdue') as overdue_count,
        count(*) filter (where sla.status = 'at_risk') as at_risk_count,
        min(case when sla.status in ('running', 'at_risk', 'overdue') then sla.due_at end) as due_at
    from {{ ref('fact_sla') }} as sla
    where sla.status in ('running', 'at_risk', 'overdue')
    group by sla.tenant_id, sla.deal_id
),

stated as (
    select
        deal.tenant_id,
        deal.deal_id as sync_key,
        deal.deal_id,
        {{ round_det('scored.probability', 2) }} as win_probability,
        deal.aggregated_stage,
        case
            when timers.overdue_count > 0 then 'overdue'
            when timers.at_risk_count > 0 then 'at_risk'
            when timers.deal_id is not null then 'running'
        end as sla_status,
        {{ rfc3339('timers.due_at') }} as sla_due
    from {{ ref('fact_deal') }} as deal
    left join {{ ref('deal_win') }} as scored
        on deal.tenant_id = scored.tenant_id and deal.deal_id = scored.deal_id
    left join timers
        on deal.tenant_id = timers.tenant_id and deal.deal_id = timers.deal_id
    where
        deal.status = 'open'
        and (scored.probability is not null or deal.aggregated_stage is not null or timers.deal_id is not null)
),

{{ sync_changes(
    'deal',
    {
        'deal_id': 'text', 'win_probability': 'number', 'aggregated_stage': 'text', 'sla_status': 'text', 'sla_due': 'text'
    }
) }}
