{#- KPIs that a mart of their own already holds for a month: (kpi, mart, month, value, basis, rows). -#}
{%- set from_marts = [
    ('lead_to_customer_rate', 'lead_source', 'created_month', fdiv('sum(mart.converted_count)', 'sum(mart.lead_count)'), 'sum(mart.lead_count)', 'true'),
    ('cac', 'ltv_cac', 'calendar_month', 'max(mart.cac)', 'max(mart.new_customers)', "mart.channel = '(all)'"),
    ('ltv', 'ltv_cac', 'calendar_month', 'max(mart.ltv)', 'max(mart.end_customer_count)', "mart.channel = '(all)'"),
    ('ltv_cac_ratio', 'ltv_cac', 'calendar_month', 'max(mart.ltv_cac_ratio)', 'max(mart.new_customers)', "mart.channel = '(all)'"),
    ('payback_months', 'ltv_cac', 'calendar_month', 'max(mart.payback_months)', 'max(mart.new_customers)', "mart.channel = '(all)'"),
    ('mrr_growth', 'mrr_month', 'mrr_month', fdiv('max(mart.end_base) - max(mart.start_base)', 'max(mart.start_base)'), 'max(mart.start_customer_count)', "mart.segment_kind = 'total'"),
    ('churn_rate', 'mrr_month', 'mrr_month', 'max(mart.logo_churn_rate)', 'max(mart.start_customer_count)', "mart.segment_kind = 'total'"),
    ('nrr', 'mrr_month', 'mrr_month', 'max(mart.nrr)', 'max(mart.start_customer_count)', "mart.segment_kind = 'total'"),
    ('time_to_first_value', 'time_to_activation', 'cohort_month', 'max(mart.median_hours) * 60', 'max(mart.activated_count)', "mart.dimension = 'total'"),
    ('activation_rate', 'time_to_activation', 'cohort_month', 'max(mart.activation_rate)', 'max(mart.trial_count)', "mart.dimension = 'total'"),
    ('nps', 'nps', 'period_start_date', 'max(mart.nps)', 'max(mart.response_count)', "mart.period = 'month'"),
    ('no_show_rate', 'appointment_month', 'calendar_month', 'max(mart.no_show_rate)', 'max(mart.attended_count + mart.no_show_count)', "mart.dimension = 'total'"),
    ('ai_accuracy', 'ai_manager', 'conversation_month', fdiv('sum(mart.agreeing_count)', 'sum(mart.labelled_count)'), 'sum(mart.labelled_count)', 'true'),
    ('expenses_to_revenue', 'shop_month', 'calendar_month', 'max(mart.expenses_to_revenue)', 'max(mart.sold_count)', 'true'),
] -%}
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
    {%- for kpi, mart, month, value, basis, rows in from_marts %}
    union all
    -- One row per month but where the mart has more: the month's parts are summed before they are divided.
    select
        mart.tenant_id,
        mart.{{ month }} as kpi_month,
        '{{ kpi }}' as kpi,
        {{ value }} as kpi_value,
        cast({{ basis }} as bigint) as basis_count
    from {{ ref(mart) }} as mart
    where {{ rows }}
    group by mart.tenant_id, mart.{{ month }}
    {%- endfor %}
),

compared as (
    select
        measured.tenant_id,
        measured.kpi_month,
        measured.kpi,
        measured.kpi_value,
        measured.basis_count,
        {{ month_number('measured.kpi_month') }} as month_number,
        lag({{ month_number('measured.kpi_month') }}) over by_month as previous_month_number,
        lag(measured.kpi_value) over by_month as previous_value
    from measured
    window by_month as (partition by measured.tenant_id, measured.kpi order by measured.kpi_month)
),

-- Compared with the month before alone, not with the last one that has a row.
changes as (
    select
        compared.*,
        compared.kpi_value - compared.previous_value as value_change
    from (
        select
            compared.tenant_id,
            compared.kpi_month,
            compared.kpi,
            compared.kpi_value,
            compared.basis_count,
            compared.month_number,
            case when compared.previous_month_number = compared.month_number - 1 then compared.previous_value end
                as previous_value
        from compared
    ) as compared
)

select
    changes.tenant_id,
    changes.kpi_month,
    changes.kpi,
    changes.kpi_value,
    target.unit as kpi_unit,
    changes.basis_count,
    cast(target.target as double) as target,
    case
        when target.target is null then 'no target'
        when changes.kpi_value is null then 'no value'
        when target.is_higher_better and changes.kpi_value > target.target then 'met'
        when not target.is_higher_better and changes.kpi_value < target.target then 'met'
        else 'missed'
    end as target_status,
    changes.previous_value,
    changes.value_change,
    case
        when changes.value_change is null then 'no comparison'
        when changes.value_change = 0 then 'flat'
        when (changes.value_change > 0) = target.is_higher_better then 'better'
        else 'worse'
    end as trend,
    changes.month_number < {{ month_number(as_of()) }} as is_complete
from changes
inner join {{ ref('kpi_target') }} as target
    on changes.kpi = target.kpi
