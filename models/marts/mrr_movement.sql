with first_months as (
    select cast(date_trunc('month', min(span.start_date)) as date) as first_month
    from {{ ref('fact_subscription_period') }} as span
),

months as (
    {{ months_from('(select first_months.first_month from first_months)') }}
),

-- What each subscription was worth at the end of each month; trials are worth nothing yet.
snapshots as (
    select
        span.tenant_id,
        span.customer_id,
        span.customer_kind,
        span.subscription_id,
        months.month_date,
        coalesce(span.plan, '(not set)') as plan,
        span.currency,
        span.mrr,
        case when span.currency = {{ reporting_currency() }} then 1.0 else fx.fx_rate end as fx_rate
    from {{ ref('fact_subscription_period') }} as span
    inner join months
        on span.start_date <= months.valued_date and span.end_date > months.valued_date
    left join {{ ref('fact_fx_rate') }} as fx
        on span.currency = fx.currency and months.valued_date = fx.fx_date
    where not span.is_trial and span.mrr > 0
),

-- The plan of a customer with several is that of the largest subscription.
ranked as (
    select
        snapshots.*,
        row_number() over (
            partition by snapshots.tenant_id, snapshots.customer_id, snapshots.month_date
            order by
                case when snapshots.fx_rate is null then 0.0 else snapshots.mrr * snapshots.fx_rate end desc,
                snapshots.subscription_id
        ) as plan_rank
    from snapshots
),

held as (
    select
        ranked.tenant_id,
        ranked.customer_id,
        ranked.customer_kind,
        ranked.month_date,
        ranked.currency,
        sum(ranked.mrr) as mrr,
        max(ranked.fx_rate) as fx_rate,
        max(case when ranked.plan_rank = 1 then ranked.plan end) as plan
    from ranked
    group by ranked.tenant_id, ranked.customer_id, ranked.customer_kind, ranked.month_date, ranked.currency
),

-- A stock stands at the end of its month and at the start of the next.
sides as (
    select
        held.tenant_id,
        held.customer_id,
        held.customer_kind,
        held.month_date,
        held.currency,
        held.mrr as end_mrr,
        held.fx_rate as end_rate,
        held.plan as end_plan,
        cast(null as double) as start_mrr,
        cast(null as double) as start_rate,
        cast(null as string) as start_plan
    from held
    union all
    select
        held.tenant_id,
        held.customer_id,
        held.customer_kind,
        months.month_date,
        held.currency,
        cast(null as double) as end_mrr,
        cast(null as double) as end_rate,
        cast(null as string) as end_plan,
        held.mrr as start_mrr,
        held.fx_rate as start_rate,
        held.plan as start_plan
    from held
    inner join months
        on {{ add_months('held.month_date', 1) }} = months.month_date
),

by_currency as (
    select
        sides.tenant_id,
        sides.customer_id,
        sides.customer_kind,
        sides.month_date,
        sides.currency,
        sum(sides.start_mrr) as start_mrr,
        max(sides.start_rate) as start_rate,
        max(sides.start_plan) as start_plan,
        sum(sides.end_mrr) as end_mrr,
        max(sides.end_rate) as end_rate,
        max(sides.end_plan) as end_plan
    from sides
    group by sides.tenant_id, sides.customer_id, sides.customer_kind, sides.month_date, sides.currency
),

-- Both ends at the rate of the start; a currency that was not held at the start at that of the end. An amount in a
-- currency without a rate makes the customer's amount unknown, not smaller.
by_customer as (
    select
        by_currency.tenant_id,
        by_currency.customer_id,
        by_currency.customer_kind,
        by_currency.month_date,
        count(by_currency.start_mrr) > 0 as is_at_start,
        count(by_currency.end_mrr) > 0 as is_at_end,
        max(by_currency.start_plan) as start_plan,
        max(by_currency.end_plan) as end_plan,
        case
            when count(by_currency.start_mrr) = count(by_currency.start_mrr * by_currency.start_rate)
                then coalesce(sum(by_currency.start_mrr * by_currency.start_rate), 0.0)
        end as start_base,
        case
            when count(by_currency.end_mrr) = count(by_currency.end_mrr * by_currency.end_rate)
                then coalesce(sum(by_currency.end_mrr * by_currency.end_rate), 0.0)
        end as end_base,
        coalesce(sum(by_currency.end_mrr * coalesce(by_currency.start_rate, by_currency.end_rate)), 0.0) as compared_base
    from by_currency
    group by by_currency.tenant_id, by_currency.customer_id, by_currency.customer_kind, by_currency.month_date
),

classified as (
    select
        by_customer.*,
        case
            when not by_customer.is_at_start and by_customer.is_at_end
                then case
                    when by_customer.month_date = min(by_customer.month_date) over (
                        partition by by_customer.tenant_id, by_customer.customer_id
                    ) then 'new'
                    else 'reactivation'
                end
            when not by_customer.is_at_end then 'churn'
            when by_customer.start_base is null or by_customer.end_base is null then 'unknown'
            -- the same subscriptions may add up to something else in the sixteenth digit
            when abs(by_customer.compared_base - by_customer.start_base) <= 1e-9 * by_customer.start_base then 'unchanged'
            when by_customer.compared_base > by_customer.start_base then 'expansion'
            else 'contraction'
        end as movement
    from by_customer
),

moved as (
    select
        classified.*,
        case
            when classified.movement in ('new', 'reactivation') then classified.end_base
            when classified.movement = 'churn' then -classified.start_base
            when classified.movement = 'unchanged' then 0.0
            when classified.movement in ('expansion', 'contraction') then classified.compared_base - classified.start_base
        end as amount_base
    from classified
)

select
    moved.tenant_id,
    moved.customer_id,
    moved.customer_kind,
    moved.month_date as mrr_month,
    moved.movement,
    moved.start_base,
    moved.amount_base,
    case
        when moved.movement = 'unknown' then coalesce(moved.end_base, 0.0) - coalesce(moved.start_base, 0.0)
        when moved.movement in ('unchanged', 'expansion', 'contraction')
            then moved.end_base - moved.start_base - moved.amount_base
        else 0.0
    end as fx_base,
    moved.end_base,
    moved.start_plan,
    moved.end_plan,
    months.is_complete
from moved
inner join months
    on moved.month_date = months.month_date
