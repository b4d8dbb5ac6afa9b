with customer_channels as (
    {{ customer_channels() }}
),

movements as (
    select
        movement.*,
        coalesce(account.segment, '(not set)') as account_segment,
        coalesce(customer_channels.channel, '(not set)') as channel,
        movement.movement in ('new', 'reactivation') as is_gain,
        movement.movement <> 'churn' as is_at_end
    from {{ ref('mrr_movement') }} as movement
    left join {{ ref('dim_account') }} as account
        on
            movement.tenant_id = account.tenant_id
            and movement.customer_kind = 'account'
            and movement.customer_id = 'account:' || account.account_id
    left join customer_channels
        on movement.tenant_id = customer_channels.tenant_id and movement.customer_id = customer_channels.customer_id
),

-- Every way to part the customers, with the part in which each starts the month (who was not there starts where it
-- ends) and the one in which it ends it.
parted as (
    select movements.*, 'total' as segment_kind, '(all)' as segment_from, '(all)' as segment_to
    from movements
    union all
    select
        movements.*,
        'plan' as segment_kind,
        case when movements.is_gain then movements.end_plan else movements.start_plan end as segment_from,
        case when movements.is_at_end then movements.end_plan else movements.start_plan end as segment_to
    from movements
    union all
    select
        movements.*,
        'segment' as segment_kind,
        movements.account_segment as segment_from,
        movements.account_segment as segment_to
    from movements
    union all
    select movements.*, 'channel' as segment_kind, movements.channel as segment_from, movements.channel as segment_to
    from movements
),

-- The month's movement belongs to the part in which it starts; what is left at the end then moves on.
flows as (
    select
        parted.tenant_id,
        parted.mrr_month,
        parted.segment_kind,
        parted.segment_from as segment_value,
        coalesce(parted.start_base, 0.0) as start_base,
        case when parted.movement = 'new' then coalesce(parted.amount_base, 0.0) else 0.0 end as new_base,
        case when parted.movement = 'reactivation' then coalesce(parted.amount_base, 0.0) else 0.0 end as reactivation_base,
        case when parted.movement = 'expansion' then parted.amount_base else 0.0 end as expansion_base,
        case when parted.movement = 'contraction' then -parted.amount_base else 0.0 end as contraction_base,
        case when parted.movement = 'churn' then coalesce(-parted.amount_base, 0.0) else 0.0 end as churn_base,
        parted.fx_base,
        case when parted.segment_from <> parted.segment_to then -coalesce(parted.end_base, 0.0) else 0.0 end as moved_base,
        case when parted.segment_from = parted.segment_to then coalesce(parted.end_base, 0.0) else 0.0 end as end_base,
        case when parted.is_gain then 0 else 1 end as start_customer_count,
        case when parted.movement = 'new' then 1 else 0 end as new_customer_count,
        case when parted.movement = 'reactivation' then 1 else 0 end as reactivated_customer_count,
        case when parted.movement = 'churn' then 1 else 0 end as churned_customer_count,
        case when parted.is_at_end and parted.segment_from = parted.segment_to then 1 else 0 end as end_customer_count,
        case when parted.start_base is null or parted.end_base is null then 1 else 0 end as unpriced_customer_count,
        0.0 as year_ago_base,
        0.0 as kept_base,
        0.0 as kept_at_most_base
    from parted
    union all
    select
        parted.tenant_id,
        parted.mrr_month,
        parted.segment_kind,
        parted.segment_to as segment_value,
        0.0 as start_base,
        0.0 as new_base,
        0.0 as reactivation_base,
        0.0 as expansion_base,
        0.0 as contraction_base,
        0.0 as churn_base,
        0.0 as fx_base,
        coalesce(parted.end_base, 0.0) as moved_base,
        coalesce(parted.end_base, 0.0) as end_base,
        0 as start_customer_count,
        0 as new_customer_count,
        0 as reactivated_customer_count,
        0 as churned_customer_count,
        1 as end_customer_count,
        0 as unpriced_customer_count,
        0.0 as year_ago_base,
        0.0 as kept_base,
        0.0 as kept_at_most_base
    from parted
    where parted.segment_from <> parted.segment_to
    union all
    -- Who paid twelve months ago, in the part of then, and what they pay now; customers whose amount is unknown at
    -- either end are left out of both.
    select
        year_ago.tenant_id,
        {{ add_months('year_ago.mrr_month', 12) }} as mrr_month,
        year_ago.segment_kind,
        year_ago.segment_to as segment_value,
        0.0 as start_base,
        0.0 as new_base,
        0.0 as reactivation_base,
        0.0 as expansion_base,
        0.0 as contraction_base,
        0.0 as churn_base,
        0.0 as fx_base,
        0.0 as moved_base,
        0.0 as end_base,
        0 as start_customer_count,
        0 as new_customer_count,
        0 as reactivated_customer_count,
        0 as churned_customer_count,
        0 as end_customer_count,
        0 as unpriced_customer_count,
        year_ago.end_base as year_ago_base,
        coalesce(movements.end_base, 0.0) as kept_base,
        case
            when coalesce(movements.end_base, 0.0) < year_ago.end_base then coalesce(movements.end_base, 0.0)
            else year_ago.end_base
        end as kept_at_most_base
    from parted as year_ago
    -- none or one: the customer's row of twelve months later
    left join movements
        on
            year_ago.tenant_id = movements.tenant_id
            and year_ago.customer_id = movements.customer_id
            and {{ add_months('year_ago.mrr_month', 12) }} = movements.mrr_month
    where
        year_ago.end_base > 0
        and (movements.customer_id is null or movements.end_base is not null)
        and {{ add_months('year_ago.mrr_month', 12) }} <= cast({{ as_of() }} as date)
),

first_months as (
    select movements.tenant_id, min(movements.mrr_month) as first_month
    from movements
    group by movements.tenant_id
),

months as (
    {{ months_from('(select min(first_months.first_month) from first_months)') }}
),

-- The total has a row for every month since the tenant's first, also where nobody pays.
rows_wanted as (
    select flows.tenant_id, flows.mrr_month, flows.segment_kind, flows.segment_value
    from flows
    union
    select first_months.tenant_id, months.month_date as mrr_month, 'total' as segment_kind, '(all)' as segment_value
    from first_months
    inner join months
        on first_months.first_month <= months.month_date
),

summed as (
    select
        rows_wanted.tenant_id,
        rows_wanted.mrr_month,
        rows_wanted.segment_kind,
        rows_wanted.segment_value,
        coalesce(sum(flows.start_base), 0.0) as start_base,
        coalesce(sum(flows.new_base), 0.0) as new_base,
        coalesce(sum(flows.reactivation_base), 0.0) as reactivation_base,
        coalesce(sum(flows.expansion_base), 0.0) as expansion_base,
        coalesce(sum(flows.contraction_base), 0.0) as contraction_base,
        coalesce(sum(flows.churn_base), 0.0) as churn_base,
        coalesce(sum(flows.fx_base), 0.0) as fx_base,
        coalesce(sum(flows.moved_base), 0.0) as moved_base,
        coalesce(sum(flows.end_base), 0.0) as end_base,
        cast(coalesce(sum(flows.start_customer_count), 0) as bigint) as start_customer_count,
        cast(coalesce(sum(flows.new_customer_count), 0) as bigint) as new_customer_count,
        cast(coalesce(sum(flows.reactivated_customer_count), 0) as bigint) as reactivated_customer_count,
        cast(coalesce(sum(flows.churned_customer_count), 0) as bigint) as churned_customer_count,
        cast(coalesce(sum(flows.end_customer_count), 0) as bigint) as end_customer_count,
        cast(coalesce(sum(flows.unpriced_customer_count), 0) as bigint) as unpriced_customer_count,
        coalesce(sum(flows.year_ago_base), 0.0) as year_ago_base,
        coalesce(sum(flows.kept_base), 0.0) as kept_base,
        coalesce(sum(flows.kept_at_most_base), 0.0) as kept_at_most_base
    from rows_wanted
    left join flows
        on
            rows_wanted.tenant_id = flows.tenant_id
            and rows_wanted.mrr_month = flows.mrr_month
            and rows_wanted.segment_kind = flows.segment_kind
            and rows_wanted.segment_value = flows.segment_value
    group by rows_wanted.tenant_id, rows_wanted.mrr_month, rows_wanted.segment_kind, rows_wanted.segment_value
)

select
    summed.tenant_id,
    summed.mrr_month,
    summed.segment_kind,
    summed.segment_value,
    summed.start_base,
    summed.new_base,
    summed.reactivation_base,
    summed.expansion_base,
    summed.contraction_base,
    summed.churn_base,
    summed.fx_base,
    summed.moved_base,
    summed.end_base,
    12 * summed.end_base as arr_base,
    {{ fdiv('summed.start_base + summed.expansion_base - summed.contraction_base - summed.churn_base', 'summed.start_base') }}
        as nrr,
    {{ fdiv('summed.start_base - summed.contraction_base - summed.churn_base', 'summed.start_base') }} as grr,
    {{ fdiv(
        'summed.start_base + summed.reactivation_base + summed.expansion_base - summed.contraction_base - summed.churn_base',
        'summed.start_base'
    ) }} as nrr_incl_reactivation,
    {{ fdiv('summed.kept_base', 'summed.year_ago_base') }} as nrr_trailing_12m,
    {{ fdiv('summed.kept_at_most_base', 'summed.year_ago_base') }} as grr_trailing_12m,
    {{ fdiv(
        'summed.new_base + summed.expansion_base + summed.reactivation_base', 'summed.churn_base + summed.contraction_base'
    ) }} as quick_ratio,
    {{ fdiv('summed.churned_customer_count', 'summed.start_customer_count') }} as logo_churn_rate,
    {{ fdiv('summed.churn_base + summed.contraction_base', 'summed.start_base') }} as revenue_churn_rate,
    summed.start_customer_count,
    summed.new_customer_count,
    summed.reactivated_customer_count,
    summed.churned_customer_count,
    summed.end_customer_count,
    summed.unpriced_customer_count,
    months.is_complete
from summed
inner join months
    on summed.mrr_month = months.month_date
