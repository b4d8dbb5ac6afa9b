with payments as (
    {{ shop_payments() }}
),

movements as (
    select
        payments.tenant_id,
        {{ period_of('calendar_month', 'payments.paid_at') }} as calendar_month,
        payments.provider,
        'received' as movement,
        payments.amount_base
    from payments
    where payments.paid_at is not null
    union all
    select
        payments.tenant_id,
        {{ period_of('calendar_month', 'payments.refunded_at') }} as calendar_month,
        payments.provider,
        'refunded' as movement,
        payments.refunded_amount_base as amount_base
    from payments
    where payments.refunded_at is not null
    union all
    -- what failed and was paid later on is no failure
    select
        payments.tenant_id,
        {{ period_of('calendar_month', 'payments.failed_at') }} as calendar_month,
        payments.provider,
        'failed' as movement,
        payments.amount_base
    from payments
    where payments.paid_at is null and payments.failed_at is not null
),

summed as (
    select
        movements.tenant_id,
        movements.calendar_month,
        coalesce(movements.provider, '(not set)') as provider,
        count(*) filter (where movements.movement = 'received') as received_count,
        count(*) filter (where movements.movement = 'refunded') as refunded_count,
        count(*) filter (where movements.movement = 'failed') as failed_count,
        sum(movements.amount_base) filter (where movements.movement = 'received') as received_base,
        sum(movements.amount_base) filter (where movements.movement = 'refunded') as refunded_base,
        count(*) filter (where movements.movement <> 'failed' and movements.amount_base is null) as unconverted_count
    from movements
    group by movements.tenant_id, movements.calendar_month, coalesce(movements.provider, '(not set)')
),

totals as (
    select
        summed.tenant_id,
        summed.calendar_month,
        summed.provider,
        summed.received_count,
        summed.refunded_count,
        summed.failed_count,
        case when summed.received_count = 0 then 0.0 else summed.received_base end as cash_in_base,
        case when summed.refunded_count = 0 then 0.0 else summed.refunded_base end as cash_out_base,
        summed.unconverted_count
    from summed
)

select
    totals.tenant_id,
    totals.calendar_month,
    totals.provider,
    totals.received_count,
    totals.refunded_count,
    totals.failed_count,
    {{ fdiv('totals.failed_count', 'totals.received_count + totals.failed_count') }} as failed_rate,
    totals.cash_in_base,
    totals.cash_out_base,
    totals.cash_in_base - totals.cash_out_base as net_cash_base,
    totals.unconverted_count,
    {{ is_over('calendar_month', 'totals.calendar_month') }} as is_complete
from totals
