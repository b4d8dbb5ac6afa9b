with customer_channels as (
    {{ customer_channels() }}
),

-- Who became a customer in which month: the first payment that succeeded, whatever it was for.
new_customers as (
    select
        first_payment.tenant_id,
        first_payment.customer_id,
        coalesce(customer_channels.channel, '(unknown)') as channel,
        first_payment.cohort_month
    from (
        select
            payment.tenant_id,
            payment.customer_id,
            {{ period_of('calendar_month', 'min(payment.paid_at)') }} as cohort_month
        from {{ ref('fact_payment') }} as payment
        where payment.customer_id is not null and payment.paid_at is not null
        group by payment.tenant_id, payment.customer_id
    ) as first_payment
    left join customer_channels
        on first_payment.tenant_id = customer_channels.tenant_id and first_payment.customer_id = customer_channels.customer_id
),

movements as (
    select movement.*, coalesce(customer_channels.channel, '(unknown)') as channel
    from {{ ref('mrr_movement') }} as movement
    left join customer_channels
        on movement.tenant_id = customer_channels.tenant_id and movement.customer_id = customer_channels.customer_id
),

-- What was paid and given back, in the month in which it was.
payments as (
    select payment.tenant_id, payment.customer_id, payment.paid_at as moved_at, payment.amount_base
    from {{ ref('fact_payment') }} as payment
    where payment.paid_at is not null
    union all
    select payment.tenant_id, payment.customer_id, payment.refunded_at as moved_at, -payment.refunded_amount_base as amount_base
    from {{ ref('fact_payment') }} as payment
    where payment.refunded_at is not null
),

-- Of out-of-order events, money may be given back before it came: that belongs to the first month as well.
dated as (
    select
        new_customers.tenant_id,
        new_customers.channel,
        new_customers.cohort_month,
        coalesce(payments.amount_base, 0.0) as amount_base,
        case
            when payments.moved_at < new_customers.cohort_month then new_customers.cohort_month
            else {{ period_of('calendar_month', 'payments.moved_at') }}
        end as moved_month
    from new_customers
    inner join payments
        on new_customers.tenant_id = payments.tenant_id and new_customers.customer_id = payments.customer_id
),

-- only months that all members have behind them
cohort_flows as (
    select
        dated.tenant_id,
        dated.channel,
        dated.cohort_month,
        {{ months_between('dated.cohort_month', 'dated.moved_month') }} as age_months,
        dated.amount_base
    from dated
    where {{ is_over('calendar_month', 'dated.moved_month') }}
),

-- Everything once for its channel and once for the total.
shown as (
    select '(part)' as shown_as
    union all
    select '(all)' as shown_as
),

cohort_ages as (
    select
        cohort_flows.tenant_id,
        case when shown.shown_as = '(all)' then '(all)' else cohort_flows.channel end as channel,
        cohort_flows.cohort_month,
        cohort_flows.age_months,
        sum(cohort_flows.amount_base) as amount_base
    from cohort_flows
    cross join shown
    group by
        cohort_flows.tenant_id,
        case when shown.shown_as = '(all)' then '(all)' else cohort_flows.channel end,
        cohort_flows.cohort_month,
        cohort_flows.age_months
),

cohort_margins as (
    select
        cohort_ages.tenant_id,
        cohort_ages.channel,
        cohort_ages.cohort_month,
        cohort_ages.age_months,
        {{ assumption('gross_margin_rate', 'cohort_ages.tenant_id') }} * sum(cohort_ages.amount_base) over (
            partition by cohort_ages.tenant_id, cohort_ages.channel, cohort_ages.cohort_month
            order by cohort_ages.age_months
        ) as cumulative_margin_base
    from cohort_ages
),

parts as (
    select
        new_customers.tenant_id,
        new_customers.cohort_month as calendar_month,
        new_customers.channel,
        1 as new_customers,
        0.0 as cost_base,
        0 as unconverted_count,
        0.0 as start_mrr_base,
        0.0 as lost_mrr_base,
        0.0 as new_mrr_base,
        0.0 as end_mrr_base,
        0 as end_customer_count
    from new_customers
    union all
    select
        acquisition.tenant_id,
        acquisition.calendar_month,
        acquisition.channel,
        0 as new_customers,
        acquisition.cost_base,
        acquisition.unconverted_count,
        0.0 as start_mrr_base,
        0.0 as lost_mrr_base,
        0.0 as new_mrr_base,
        0.0 as end_mrr_base,
        0 as end_customer_count
    from {{ ref('acquisition_cost') }} as acquisition
    union all
    select
        movements.tenant_id,
        movements.mrr_month as calendar_month,
        movements.channel,
        0 as new_customers,
        0.0 as cost_base,
        0 as unconverted_count,
        coalesce(movements.start_base, 0.0) as start_mrr_base,
        case when movements.movement in ('contraction', 'churn') then coalesce(-movements.amount_base, 0.0) else 0.0 end
            as lost_mrr_base,
        case when movements.movement = 'new' then coalesce(movements.amount_base, 0.0) else 0.0 end as new_mrr_base,
        coalesce(movements.end_base, 0.0) as end_mrr_base,
        case when movements.end_base > 0 then 1 else 0 end as end_customer_count
    from movements
),

summed as (
    select
        parts.tenant_id,
        parts.calendar_month,
        case when shown.shown_as = '(all)' then '(all)' else parts.channel end as channel,
        cast(sum(parts.new_customers) as bigint) as new_customers,
        sum(parts.cost_base) as cost_base,
        cast(sum(parts.unconverted_count) as bigint) as unconverted_count,
        sum(parts.start_mrr_base) as start_mrr_base,
        sum(parts.lost_mrr_base) as lost_mrr_base,
        sum(parts.new_mrr_base) as new_mrr_base,
        sum(parts.end_mrr_base) as end_mrr_base,
        cast(sum(parts.end_customer_count) as bigint) as end_customer_count
    from parts
    cross join shown
    group by
        parts.tenant_id,
        parts.calendar_month,
        case when shown.shown_as = '(all)' then '(all)' else parts.channel end
),

-- A cohort is as old as the months that have ended since its own, which is the first.
paybacks as (
    select
        summed.tenant_id,
        summed.calendar_month,
        summed.channel,
        min(cohort_margins.age_months) filter (where cohort_margins.cumulative_margin_base >= summed.cost_base) + 1
            as cohort_payback_months,
        max_by(cohort_margins.cumulative_margin_base, cohort_margins.age_months)
        filter (where cohort_margins.cumulative_margin_base is not null) as cohort_margin_base
    from summed
    inner join cohort_margins
        on
            summed.tenant_id = cohort_margins.tenant_id
            and summed.channel = cohort_margins.channel
            and summed.calendar_month = cohort_margins.cohort_month
    group by summed.tenant_id, summed.calendar_month, summed.channel
),

rated as (
    select
        summed.*,
        {{ assumption('gross_margin_rate', 'summed.tenant_id') }} as gross_margin_rate,
        {{ fdiv('summed.cost_base', 'summed.new_customers') }} as cac,
        {{ fdiv('summed.end_mrr_base', 'summed.end_customer_count') }} as arpa,
        {{ fdiv('summed.lost_mrr_base', 'summed.start_mrr_base') }} as revenue_churn_rate
    from summed
),

-- A life is at most 60 months: nobody has seen a longer one, and without any churn it would have no end.
lived as (
    select
        rated.*,
        case
            when rated.revenue_churn_rate is null then cast(null as double)
            when rated.revenue_churn_rate * 60 <= 1 then 60.0
            else {{ fdiv(1, 'rated.revenue_churn_rate') }}
        end as life_months,
        coalesce(rated.revenue_churn_rate * 60 < 1, false) as is_life_capped
    from rated
)

select
    lived.tenant_id,
    lived.calendar_month,
    lived.channel,
    lived.new_customers,
    lived.cost_base,
    lived.cac,
    lived.end_mrr_base,
    lived.end_customer_count,
    lived.arpa,
    lived.gross_margin_rate,
    lived.revenue_churn_rate,
    lived.life_months,
    lived.is_life_capped,
    lived.arpa * lived.gross_margin_rate * lived.life_months as ltv,
    {{ fdiv('lived.arpa * lived.gross_margin_rate * lived.life_months', 'lived.cac') }} as ltv_cac_ratio,
    lived.new_mrr_base,
    {{ fdiv('lived.cost_base', 'lived.new_mrr_base * lived.gross_margin_rate') }} as payback_months,
    case when paybacks.tenant_id is not null then {{ months_between('lived.calendar_month', as_of()) }} end as cohort_age_months,
    {{ fdiv('paybacks.cohort_margin_base', 'lived.new_customers') }} as ltv_cohort,
    paybacks.cohort_payback_months,
    lived.unconverted_count,
    {{ is_over('calendar_month', 'lived.calendar_month') }} as is_complete
from lived
left join paybacks
    on
        lived.tenant_id = paybacks.tenant_id
        and lived.calendar_month = paybacks.calendar_month
        and lived.channel = paybacks.channel
