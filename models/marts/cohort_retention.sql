with members as (
    {{ cohort_members() }}
),

first_months as (
    select min(members.cohort_month) as first_month
    from members
),

months as (
    {{ months_from('(select first_months.first_month from first_months)') }}
),

periods as (
    {{ cohort_periods() }}
),

-- In which periods each member was active, the running one included: who comes back in it has not left before.
active_periods as (
    select
        members.tenant_id,
        members.cohort_kind,
        members.cohort_month,
        members.member_id,
        member_month.activity,
        member_month.activity_month
    from members
    inner join {{ ref('member_month') }} as member_month
        on
            members.tenant_id = member_month.tenant_id
            and members.member_kind = member_month.member_kind
            and members.member_id = member_month.member_id
            and members.cohort_month <= member_month.activity_month
    where member_month.is_active
),

active_counts as (
    select
        active_periods.tenant_id,
        active_periods.cohort_kind,
        active_periods.cohort_month,
        active_periods.activity,
        active_periods.activity_month,
        count(*) as active_count
    from active_periods
    group by
        active_periods.tenant_id, active_periods.cohort_kind, active_periods.cohort_month, active_periods.activity,
        active_periods.activity_month
),

last_months as (
    select
        active_periods.tenant_id,
        active_periods.cohort_kind,
        active_periods.cohort_month,
        active_periods.activity,
        active_periods.member_id,
        max(active_periods.activity_month) as last_active_month
    from active_periods
    group by
        active_periods.tenant_id, active_periods.cohort_kind, active_periods.cohort_month, active_periods.activity,
        active_periods.member_id
),

last_counts as (
    select
        last_months.tenant_id,
        last_months.cohort_kind,
        last_months.cohort_month,
        last_months.activity,
        last_months.last_active_month,
        count(*) as member_count
    from last_months
    group by
        last_months.tenant_id, last_months.cohort_kind, last_months.cohort_month, last_months.activity,
        last_months.last_active_month
),

activities as (
    select 'revenue' as activity
    union all
    select 'usage' as activity
),

-- Active in the period or later is whose last active month is not before it.
still_active as (
    select
        periods.tenant_id,
        periods.cohort_kind,
        periods.cohort_month,
        activities.activity,
        periods.month_date,
        periods.period_number,
        periods.cohort_size,
        cast(coalesce(sum(last_counts.member_count), 0) as bigint) as still_active_count
    from periods
    cross join activities
    left join last_counts
        on
            periods.tenant_id = last_counts.tenant_id
            and periods.cohort_kind = last_counts.cohort_kind
            and periods.cohort_month = last_counts.cohort_month
            and activities.activity = last_counts.activity
            and periods.month_date <= last_counts.last_active_month
    group by
        periods.tenant_id, periods.cohort_kind, periods.cohort_month, activities.activity, periods.month_date,
        periods.period_number, periods.cohort_size
)

select
    still_active.tenant_id,
    still_active.cohort_month,
    still_active.cohort_kind,
    still_active.activity,
    still_active.period_number,
    still_active.cohort_size,
    coalesce(active_counts.active_count, 0) as active_count,
    still_active.still_active_count,
    {{ fdiv('coalesce(active_counts.active_count, 0)', 'still_active.cohort_size') }} as retention_bounded,
    {{ fdiv('still_active.still_active_count', 'still_active.cohort_size') }} as retention_unbounded
from still_active
left join active_counts
    on
        still_active.tenant_id = active_counts.tenant_id
        and still_active.cohort_kind = active_counts.cohort_kind
        and still_active.cohort_month = active_counts.cohort_month
        and still_active.activity = active_counts.activity
        and still_active.month_date = active_counts.activity_month
