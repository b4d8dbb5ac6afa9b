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

revenues as (
    select
        members.tenant_id,
        members.cohort_kind,
        members.cohort_month,
        member_month.activity_month,
        sum(member_month.revenue_base) as revenue_base,
        cast(sum(member_month.unpriced_count) as bigint) as unpriced_count
    from members
    inner join {{ ref('member_month') }} as member_month
        on
            members.tenant_id = member_month.tenant_id
            and members.member_kind = member_month.member_kind
            and members.member_id = member_month.member_id
            and members.cohort_month <= member_month.activity_month
    where member_month.activity = 'revenue'
    group by members.tenant_id, members.cohort_kind, members.cohort_month, member_month.activity_month
),

earned as (
    select
        periods.tenant_id,
        periods.cohort_month,
        periods.cohort_kind,
        periods.period_number,
        periods.cohort_size,
        coalesce(revenues.revenue_base, 0.0) as revenue_base,
        coalesce(revenues.unpriced_count, 0) as unpriced_count,
        {{ assumption('gross_margin_rate', 'periods.tenant_id') }} as gross_margin_rate
    from periods
    left join revenues
        on
            periods.tenant_id = revenues.tenant_id
            and periods.cohort_kind = revenues.cohort_kind
            and periods.cohort_month = revenues.cohort_month
            and periods.month_date = revenues.activity_month
),

cumulated as (
    select
        earned.*,
        sum(earned.revenue_base) over (
            partition by earned.tenant_id, earned.cohort_kind, earned.cohort_month
            order by earned.period_number
            rows between unbounded preceding and current row
        ) as cumulative_revenue_base
    from earned
)

select
    cumulated.tenant_id,
    cumulated.cohort_month,
    cumulated.cohort_kind,
    cumulated.period_number,
    cumulated.cohort_size,
    cumulated.revenue_base,
    cumulated.unpriced_count,
    cumulated.cumulative_revenue_base,
    cumulated.cumulative_revenue_base * cumulated.gross_margin_rate as cumulative_margin_base,
    {{ fdiv('cumulated.cumulative_revenue_base * cumulated.gross_margin_rate', 'cumulated.cohort_size') }}
        as margin_per_member_base
from cumulated
