{#- The dealer shop's figures of a period; the month's and the week's marts differ in nothing else. -#}

{#- A tenant that has orders is a shop. Payments of subscriptions and deals are none of the shop's. -#}
{%- macro shop_payments() -%}
    select payment.*
    from {{ ref('fact_payment') }} as payment
    where
        payment.subscription_id is null
        and payment.deal_id is null
        and payment.tenant_id in (select shop.tenant_id from {{ ref('fact_order') }} as shop)
{%- endmacro -%}

{#- Who bought: the person behind the contact, else behind the lead; null where the order names neither. -#}
{%- macro shop_orders() -%}
    select
        ordered.*,
        coalesce(
            contact.person_id,
            lead_identity.person_id,
            'contact:' || ordered.contact_id,
            'lead:' || ordered.lead_id
        ) as person_id
    from {{ ref('fact_order') }} as ordered
    left join {{ ref('fact_identity') }} as contact
        on
            ordered.tenant_id = contact.tenant_id
            and contact.id_kind = 'contact'
            and ordered.contact_id = contact.id_value
    left join {{ ref('fact_identity') }} as lead_identity
        on
            ordered.tenant_id = lead_identity.tenant_id
            and lead_identity.id_kind = 'lead'
            and ordered.lead_id = lead_identity.id_value
{%- endmacro -%}

{%- macro shop_period(period) -%}
with orders as (
    {{ shop_orders() }}
),

payments as (
    {{ shop_payments() }}
),

first_sales as (
    select orders.tenant_id, orders.person_id, min(orders.sold_at) as first_sold_at
    from orders
    where orders.sold_at is not null and orders.person_id is not null
    group by orders.tenant_id, orders.person_id
),

-- What moved, each with its day; all sums come from here.
flows as (
    select
        orders.tenant_id,
        {{ period_of(period, 'orders.created_at') }} as {{ period }},
        'ordered' as flow,
        orders.amount_base as amount_base
    from orders
    union all
    select
        orders.tenant_id,
        {{ period_of(period, 'orders.sold_at') }} as {{ period }},
        'sold' as flow,
        orders.amount_base as amount_base
    from orders
    where orders.sold_at is not null
    union all
    select
        orders.tenant_id,
        {{ period_of(period, 'orders.sold_at') }} as {{ period }},
        'cost' as flow,
        orders.cost_base as amount_base
    from orders
    where orders.sold_at is not null and orders.cost is not null
    union all
    select
        orders.tenant_id,
        {{ period_of(period, 'orders.issued_at') }} as {{ period }},
        'issued' as flow,
        orders.amount_base as amount_base
    from orders
    where orders.issued_at is not null
    union all
    select
        orders.tenant_id,
        {{ period_of(period, 'orders.cancelled_at') }} as {{ period }},
        'cancelled' as flow,
        orders.amount_base as amount_base
    from orders
    where orders.cancelled_at is not null
    union all
    select
        orders.tenant_id,
        {{ period_of(period, 'orders.refunded_at') }} as {{ period }},
        'refunded' as flow,
        orders.amount_base as amount_base
    from orders
    where orders.refunded_at is not null
    union all
    select
        expense.tenant_id,
        {{ period_of(period, 'expense.expense_date') }} as {{ period }},
        'expense' as flow,
        expense.amount_base
    from {{ ref('fact_expense') }} as expense
    where expense.tenant_id in (select shop.tenant_id from {{ ref('fact_order') }} as shop)
    union all
    select
        payments.tenant_id,
        {{ period_of(period, 'payments.paid_at') }} as {{ period }},
        'cash_in' as flow,
        payments.amount_base
    from payments
    where payments.paid_at is not null
    union all
    select
        payments.tenant_id,
        {{ period_of(period, 'payments.refunded_at') }} as {{ period }},
        'cash_out' as flow,
        payments.refunded_amount_base as amount_base
    from payments
    where payments.refunded_at is not null
),

customers as (
    select
        orders.tenant_id,
        {{ period_of(period, 'orders.sold_at') }} as {{ period }},
        count(distinct orders.person_id) as customer_count,
        count(distinct case
            when {{ period_of(period, 'first_sales.first_sold_at') }} = {{ period_of(period, 'orders.sold_at') }}
                then orders.person_id
        end) as new_customer_count
    from orders
    inner join first_sales
        on orders.tenant_id = first_sales.tenant_id and orders.person_id = first_sales.person_id
    where orders.sold_at is not null
    group by orders.tenant_id, {{ period_of(period, 'orders.sold_at') }}
),

issue_times as (
    select
        orders.tenant_id,
        {{ period_of(period, 'orders.issued_at') }} as {{ period }},
        percentile_cont(0.5) within group (order by orders.hours_to_issue) as median_hours_to_issue,
        percentile_cont(0.9) within group (order by orders.hours_to_issue) as p90_hours_to_issue
    from orders
    where orders.issued_at is not null
    group by orders.tenant_id, {{ period_of(period, 'orders.issued_at') }}
),

-- Every period from the shop's first one to that of as_of, whether anything moved in it or not.
first_periods as (
    select flows.tenant_id, min(flows.{{ period }}) as first_period
    from flows
    group by flows.tenant_id
),

calendar_periods as (
    select distinct dim_date.{{ period }}
    from {{ ref('dim_date') }} as dim_date
    where dim_date.day_date <= cast({{ as_of() }} as date)
),

periods as (
    select first_periods.tenant_id, calendar_periods.{{ period }}
    from first_periods
    inner join calendar_periods
        on calendar_periods.{{ period }} >= first_periods.first_period
    union
    select flows.tenant_id, flows.{{ period }}
    from flows
),

{% set kinds = ['ordered', 'sold', 'cost', 'issued', 'cancelled', 'refunded', 'expense', 'cash_in', 'cash_out'] -%}
summed as (
    select
        periods.tenant_id,
        periods.{{ period }},
        {%- for kind in kinds %}
        count(*) filter (where flows.flow = '{{ kind }}') as {{ kind }}_count,
        count(flows.amount_base) filter (where flows.flow = '{{ kind }}') as {{ kind }}_valued_count,
        sum(flows.amount_base) filter (where flows.flow = '{{ kind }}') as {{ kind }}_base{{ ',' if not loop.last }}
        {%- endfor %}
    from periods
    left join flows
        on periods.tenant_id = flows.tenant_id and periods.{{ period }} = flows.{{ period }}
    group by periods.tenant_id, periods.{{ period }}
),

-- A sum is 0 where there was nothing to add, and null where nothing of what there was has a rate.
totals as (
    select
        summed.tenant_id,
        summed.{{ period }},
        summed.ordered_count,
        summed.sold_count,
        summed.sold_valued_count,
        summed.issued_count,
        summed.cancelled_count,
        summed.refunded_count,
        summed.sold_count - summed.cost_count as uncosted_count,
        {%- for kind in ['sold', 'cost', 'refunded', 'expense', 'cash_in', 'cash_out'] %}
        case when summed.{{ kind }}_count = 0 then 0.0 else summed.{{ kind }}_base end as {{ kind }}_base,
        {%- endfor %}
        {%- for kind in ['sold', 'cost', 'refunded', 'expense', 'cash_in', 'cash_out'] %}
        summed.{{ kind }}_count - summed.{{ kind }}_valued_count{{ ' +' if not loop.last else ' as unconverted_count' }}
        {%- endfor %}
    from summed
)

select
    totals.tenant_id,
    totals.{{ period }},
    totals.ordered_count as order_count,
    totals.sold_count,
    totals.issued_count,
    totals.cancelled_count,
    totals.refunded_count,
    coalesce(customers.customer_count, 0) as customer_count,
    coalesce(customers.new_customer_count, 0) as new_customer_count,
    coalesce(customers.customer_count - customers.new_customer_count, 0) as returning_customer_count,
    totals.sold_base as revenue_base,
    totals.cost_base,
    totals.sold_base - totals.cost_base as margin_base,
    {{ fdiv('totals.sold_base - totals.cost_base', 'totals.sold_base') }} as margin_rate,
    {{ fdiv('totals.sold_base', 'totals.sold_valued_count') }} as average_order_base,
    totals.refunded_base as refund_base,
    totals.expense_base,
    {{ fdiv('totals.expense_base', 'totals.sold_base') }} as expenses_to_revenue,
    totals.sold_base - totals.cost_base - totals.refunded_base - totals.expense_base as profit_base,
    totals.cash_in_base,
    totals.cash_out_base,
    issue_times.median_hours_to_issue,
    issue_times.p90_hours_to_issue,
    totals.uncosted_count,
    totals.unconverted_count,
    {{ is_over(period, 'totals.' ~ period) }} as is_complete
from totals
left join customers
    on totals.tenant_id = customers.tenant_id and totals.{{ period }} = customers.{{ period }}
left join issue_times
    on totals.tenant_id = issue_times.tenant_id and totals.{{ period }} = issue_times.{{ period }}
{%- endmacro -%}
