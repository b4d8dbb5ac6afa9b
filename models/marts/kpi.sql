with won as (
    select
        deal.tenant_id,
        cast(date_trunc('month', deal.closed_at) as date) as kpi_month,
        cast(avg(deal.amount_base) as double) as average_deal_size,
        percentile_cont(0.5) within group (order by deal.sales_cycle_days) as sales_cycle_days,
        count(deal.amount_base) as valued_count,
        count(*) as won_count
    from {{ ref('fact_deal') }} as deal
    where deal.status = 'won'
    group by deal.tenant_id, cast(date_trunc('month', deal.closed_at) as date)
),

-- A timer belongs to the month in which it was decided: when it stopped, or when it fell due unstopped.
judged_timers as (
    select
        sla.tenant_id,
        cast(date_trunc('month', coalesce(sla.stopped_at, sla.due_at)) as date) as kpi_month,
        count(*) filter (where sla.is_breached) as breached_count,
        count(*) as judged_count
    from {{ ref('fact_sla') }} as sla
    where sla.status in ('met', 'breached', 'overdue')
    group by sla.tenant_id, cast(date_trunc('month', coalesce(sla.stopped_at, sla.due_at)) as date)
),

last_responses as (
    select
        nps.tenant_id,
        cast(date_trunc('month', nps.responded_at) as date) as kpi_month,
        nps.category,
        row_number() over (
            partition by nps.tenant_id, nps.respondent_id, date_trunc('month', nps.responded_at)
            order by nps.responded_at desc, nps.response_id desc
        ) as recency
    from {{ ref('fact_nps') }} as nps
),

responses as (
    select
        last_responses.tenant_id,
        last_responses.kpi_month,
        count(*) filter (where last_responses.category = 'promoter') as promoter_count,
        count(*) filter (where last_responses.category = 'detractor') as detractor_count,
        count(*) as response_count
    from last_responses
    where last_responses.recency = 1
    group by last_responses.tenant_id, last_responses.kpi_month
),

measured as (
    select
        won.tenant_id,
        won.kpi_month,
        'average_deal_size' as kpi,
        won.average_deal_size as kpi_value,
        won.valued_count as basis_count
    from won
    union all
    select
        won.tenant_id,
        won.kpi_month,
        'sales_cycle_days' as kpi,
        won.sales_cycle_days as kpi_value,
        won.won_count as basis_count
    from won
    union all
    select
        judged_timers.tenant_id,
        judged_timers.kpi_month,
        'sla_breach_rate' as kpi,
        {{ fdiv('judged_timers.breached_count', 'judged_timers.judged_count') }} as kpi_value,
        judged_timers.judged_count as basis_count
    from judged_timers
    union all
    select
        responses.tenant_id,
        responses.kpi_month,
        'nps' as kpi,
        -- fewer than five answers say nothing
        case
            when responses.response_count >= 5
                then 100 * {{ fdiv('responses.promoter_count - responses.detractor_count', 'responses.response_count') }}
        end as kpi_value,
        responses.response_count as basis_count
    from responses
)

select
    measured.tenant_id,
    measured.kpi_month,
    measured.kpi,
    measured.kpi_value,
    measured.basis_count,
    cast(target.target as double) as target,
    case
        when target.target is null then 'no target'
        when measured.kpi_value is null then 'no value'
        when target.is_higher_better and measured.kpi_value > target.target then 'met'
        when not target.is_higher_better and measured.kpi_value < target.target then 'met'
        else 'missed'
    end as target_status
from measured
inner join {{ ref('kpi_target') }} as target
    on measured.kpi = target.kpi
