-- Customers where it is about revenue, persons where it is about usage.
with active_months as (
    select
        member_month.tenant_id,
        member_month.activity,
        member_month.member_id,
        member_month.activity_month,
        lag(member_month.activity_month) over (
            partition by member_month.tenant_id, member_month.activity, member_month.member_id
            order by member_month.activity_month
        ) as previous_month,
        lead(member_month.activity_month) over (
            partition by member_month.tenant_id, member_month.activity, member_month.member_id
            order by member_month.activity_month
        ) as next_month
    from {{ ref('member_month') }} as member_month
    where
        member_month.is_active
        and member_month.member_kind = case when member_month.activity = 'revenue' then 'customer' else 'person' end
),

first_months as (
    select active_months.tenant_id, active_months.activity, min(active_months.activity_month) as first_month
    from active_months
    group by active_months.tenant_id, active_months.activity
),

months as (
    {{ months_from('(select min(first_months.first_month) from first_months)') }}
),

flows as (
    select
        active_months.tenant_id,
        active_months.activity,
        active_months.activity_month,
        case when active_months.previous_month is null then 1 else 0 end as new_count,
        case when active_months.previous_month = {{ add_months('active_months.activity_month', -1) }} then 1 else 0 end
            as returning_count,
        case when active_months.previous_month < {{ add_months('active_months.activity_month', -1) }} then 1 else 0 end
            as resurrected_count,
        0 as dormant_count
    from active_months
    union all
    -- Who was active in a month and is not in the next one is dormant in that.
    select
        active_months.tenant_id,
        active_months.activity,
        {{ add_months('active_months.activity_month', 1) }} as activity_month,
        0 as new_count,
        0 as returning_count,
        0 as resurrected_count,
        1 as dormant_count
    from active_months
    where
        active_months.next_month is null
        or active_months.next_month > {{ add_months('active_months.activity_month', 1) }}
)

select
    first_months.tenant_id,
    months.month_date as activity_month,
    first_months.activity,
    cast(coalesce(sum(flows.new_count + flows.returning_count + flows.resurrected_count), 0) as bigint) as active_count,
    cast(coalesce(sum(flows.new_count), 0) as bigint) as new_count,
    cast(coalesce(sum(flows.returning_count), 0) as bigint) as returning_count,
    cast(coalesce(sum(flows.resurrected_count), 0) as bigint) as resurrected_count,
    cast(coalesce(sum(flows.dormant_count), 0) as bigint) as dormant_count,
    months.is_complete
from first_months
inner join months
    on first_months.first_month <= months.month_date
left join flows
    on
        first_months.tenant_id = flows.tenant_id
        and first_months.activity = flows.activity
        and months.month_date = flows.activity_month
group by first_months.tenant_id, months.month_date, first_months.activity, months.is_complete
