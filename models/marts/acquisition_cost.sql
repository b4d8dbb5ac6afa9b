-- What it cost to win customers: the one definition that CAC, payback and the channels' results share.
with cycles as (
    select deal.tenant_id, percentile_cont(0.5) within group (order by deal.sales_cycle_days) as median_cycle_days
    from {{ ref('fact_deal') }} as deal
    where deal.status = 'won'
    group by deal.tenant_id
),

-- Marketing and sales: what the channels report, what campaigns cost to send, and the expenses that count as such.
costs as (
    select
        spend.tenant_id,
        spend.spend_date as cost_date,
        spend.channel,
        'spend' as cost_kind,
        spend.amount_base as cost_base
    from {{ ref('fact_spend') }} as spend
    union all
    select
        send.tenant_id,
        cast(send.sent_at as date) as cost_date,
        send.channel,
        'sending' as cost_kind,
        send.cost_base
    from {{ ref('fact_campaign_send') }} as send
    where send.cost is not null
    union all
    select
        expense.tenant_id,
        expense.expense_date as cost_date,
        '(shared)' as channel,
        'expense' as cost_kind,
        expense.amount_base as cost_base
    from {{ ref('fact_expense') }} as expense
    where expense.expense_category in (
        select acquisition.expense_category from {{ ref('acquisition_category') }} as acquisition
    )
),

-- What was spent one sales cycle ago has won the customers of today, where the tenant has it so.
lagged_costs as (
    select
        costs.tenant_id,
        costs.channel,
        costs.cost_kind,
        costs.cost_base,
        {{ period_of('calendar_month', add_days(
            'costs.cost_date',
            'floor(coalesce(' ~ assumption('cost_lag_cycles', 'costs.tenant_id') ~ ' * cycles.median_cycle_days, 0) + 0.5)'
        )) }} as calendar_month
    from costs
    left join cycles
        on costs.tenant_id = cycles.tenant_id
)

select
    lagged_costs.tenant_id,
    lagged_costs.calendar_month,
    lagged_costs.channel,
    lagged_costs.cost_kind,
    sum(coalesce(lagged_costs.cost_base, 0.0)) as cost_base,
    count(*) as cost_count,
    count(*) filter (where lagged_costs.cost_base is null) as unconverted_count
from lagged_costs
where lagged_costs.calendar_month <= cast({{ as_of() }} as date)
group by lagged_costs.tenant_id, lagged_costs.calendar_month, lagged_costs.channel, lagged_costs.cost_kind
