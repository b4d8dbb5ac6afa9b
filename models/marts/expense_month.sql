with summed as (
    select
        expense.tenant_id,
        {{ period_of('calendar_month', 'expense.expense_date') }} as calendar_month,
        expense.expense_category,
        count(*) as expense_count,
        sum(expense.amount_base) as expense_base,
        count(*) filter (where expense.amount_base is null) as unconverted_count
    from {{ ref('fact_expense') }} as expense
    group by
        expense.tenant_id,
        {{ period_of('calendar_month', 'expense.expense_date') }},
        expense.expense_category
)

select
    summed.tenant_id,
    summed.calendar_month,
    summed.expense_category,
    acquisition.expense_category is not null as is_acquisition_cost,
    summed.expense_count,
    summed.expense_base,
    {{ fdiv(
        'summed.expense_base',
        'sum(summed.expense_base) over (partition by summed.tenant_id, summed.calendar_month)'
    ) }} as expense_share,
    summed.unconverted_count,
    {{ is_over('calendar_month', 'summed.calendar_month') }} as is_complete
from summed
left join {{ ref('acquisition_category') }} as acquisition
    on summed.expense_category = acquisition.expense_category
