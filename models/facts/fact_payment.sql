{{
    config(
        materialized='incremental',
        unique_key=['tenant_id', 'payment_id'],
        incremental_strategy=replace_rows(),
        on_schema_change='fail',
        post_hook="{{ mark_built(['stg_payment_event']) }}"
    )
}}

with refund_events as (
    select
        refund.tenant_id,
        refund.payment_id,
        refund.occurred_at,
        refund.amount,
        refund.currency,
        case when refund.currency = {{ reporting_currency() }} then refund.amount else refund.amount * fx.fx_rate end
            as amount_base
    from {{ ref('stg_payment_event') }} as refund
    left join {{ ref('fact_fx_rate') }} as fx
        on refund.currency = fx.currency and cast(refund.occurred_at as date) = fx.fx_date
    where refund.event_type = 'billing.payment.refunded' and {{ is_visible('refund') }}
),

orders as (
    {{ shop_orders() }}
),

-- A payment may be given back in parts, each at the rate of its day.
refunds as (
    select
        refund_events.tenant_id,
        refund_events.payment_id,
        sum(refund_events.amount) as refunded_amount,
        min(refund_events.currency) as first_currency,
        max(refund_events.currency) as last_currency,
        max(refund_events.occurred_at) as refunded_at,
        case when count(*) = count(refund_events.amount_base) then sum(refund_events.amount_base) end as refunded_amount_base
    from refund_events
    group by refund_events.tenant_id, refund_events.payment_id
),

touched_entities as (
    {{ touched('stg_payment_event', 'payment_id') }}
    {% if is_incremental() %}
    union
    -- What changes without an event of the payment: who pays, as accounts are merged or subscriptions, deals and orders come or
    -- persons are linked, and rates.
    select built.tenant_id, built.payment_id
    from {{ this }} as built
    left join {{ ref('fact_subscription') }} as subscription
        on built.tenant_id = subscription.tenant_id and built.subscription_id = subscription.subscription_id
    left join {{ ref('fact_deal') }} as deal
        on built.tenant_id = deal.tenant_id and built.deal_id = deal.deal_id
    left join orders
        on built.tenant_id = orders.tenant_id and built.order_id = orders.order_id
    left join {{ ref('fact_account_merge') }} as account_merge
        on
            built.tenant_id = account_merge.tenant_id
            and coalesce(built.account_id, deal.account_id) = account_merge.account_id
    where
        (built.account_id is not null or built.user_id is null)
        and built.customer_id is distinct from case
            when built.account_id is not null
                then 'account:' || coalesce(account_merge.merged_into_account_id, built.account_id)
            else coalesce(
                subscription.customer_id,
                'account:' || coalesce(account_merge.merged_into_account_id, deal.account_id),
                'person:' || orders.person_id
            )
        end
    union
    select built.tenant_id, built.payment_id
    from {{ this }} as built
    inner join {{ ref('fact_fx_rate') }} as fx
        on built.currency = fx.currency and cast(coalesce(built.paid_at, built.failed_at) as date) = fx.fx_date
    where
        built.currency <> {{ reporting_currency() }}
        and built.amount_base is distinct from built.amount * fx.fx_rate
    union
    select built.tenant_id, built.payment_id
    from {{ this }} as built
    inner join refunds
        on built.tenant_id = refunds.tenant_id and built.payment_id = refunds.payment_id
    where built.refunded_amount_base is distinct from refunds.refunded_amount_base
    {% endif %}
),

events as (
    {{ entity_events('stg_payment_event', 'payment_id') }}
),

payments as (
    select
        events.tenant_id,
        events.payment_id,
        {{ last_stated('events', 'account_id') }} as account_id,
        {{ last_stated('events', 'user_id') }} as user_id,
        {{ last_stated('events', 'subscription_id') }} as subscription_id,
        {{ last_stated('events', 'order_id') }} as order_id,
        {{ last_stated('events', 'deal_id') }} as deal_id,
        {{ last_stated('events', 'provider') }} as provider,
        max_by(events.amount, events.event_number)
        filter (where events.event_type = 'billing.payment.received' and events.amount is not null) as received_amount,
        max_by(events.currency, events.event_number)
        filter (where events.event_type = 'billing.payment.received' and events.currency is not null) as received_currency,
        max_by(events.amount, events.event_number)
        filter (where events.event_type = 'billing.payment.failed' and events.amount is not null) as failed_amount,
        max_by(events.currency, events.event_number)
        filter (where events.event_type = 'billing.payment.failed' and events.currency is not null) as failed_currency,
        min(events.occurred_at) filter (where events.event_type = 'billing.payment.received') as received_at,
        max(events.occurred_at) filter (where events.event_type = 'billing.payment.failed') as failed_at,
        -- Of success and failure, the last one counts.
        max_by(events.event_type, events.event_number) filter (where events.event_type <> 'billing.payment.refunded')
            as outcome_type
    from events
    group by events.tenant_id, events.payment_id
),

settled as (
    select
        payments.*,
        coalesce(payments.received_amount, payments.failed_amount) as amount,
        coalesce(payments.received_currency, payments.failed_currency) as currency,
        case when payments.outcome_type = 'billing.payment.received' then payments.received_at end as paid_at
    from payments
),

valued as (
    select
        settled.*,
        case
            when settled.currency = {{ reporting_currency() }} then settled.amount
            else settled.amount * fx.fx_rate
        end as amount_base,
        refunds.refunded_at,
        -- Parts in several currencies have no sum but that in the reporting currency.
        case
            when refunds.refunded_at is null then 0.0
            when
                refunds.first_currency = refunds.last_currency
                and refunds.first_currency = coalesce(settled.currency, refunds.first_currency)
                then refunds.refunded_amount
        end as refunded_amount,
        case when refunds.refunded_at is null then 0.0 else refunds.refunded_amount_base end as refunded_amount_base
    from settled
    left join refunds
        on settled.tenant_id = refunds.tenant_id and settled.payment_id = refunds.payment_id
    left join {{ ref('fact_fx_rate') }} as fx
        on settled.currency = fx.currency and cast(coalesce(settled.paid_at, settled.failed_at) as date) = fx.fx_date
)

select
    valued.tenant_id,
    valued.payment_id,
    case
        when valued.account_id is not null
            then 'account:' || coalesce(account_merge.merged_into_account_id, valued.account_id)
        when valued.user_id is not null then 'user:' || valued.user_id
        else coalesce(
            subscription.customer_id,
            'account:' || coalesce(account_merge.merged_into_account_id, deal.account_id),
            'person:' || orders.person_id
        )
    end as customer_id,
    case
        when valued.account_id is not null then 'account'
        when valued.user_id is not null then 'user'
        else coalesce(
            subscription.customer_kind,
            case when deal.account_id is not null then 'account' when orders.person_id is not null then 'person' end
        )
    end as customer_kind,
    valued.account_id,
    valued.user_id,
    valued.subscription_id,
    valued.order_id,
    valued.deal_id,
    valued.provider,
    case
        when valued.refunded_at is not null and valued.refunded_amount < valued.amount then 'partly_refunded'
        when valued.refunded_at is not null then 'refunded'
        when valued.paid_at is not null then 'succeeded'
        else 'failed'
    end as payment_status,
    valued.amount,
    valued.currency,
    valued.amount_base,
    valued.paid_at,
    valued.failed_at,
    valued.refunded_at,
    valued.refunded_amount,
    valued.refunded_amount_base,
    case
        when valued.paid_at is not null then valued.amount_base - valued.refunded_amount_base
        when valued.refunded_at is null then 0.0
    end as net_amount_base
from valued
left join {{ ref('fact_subscription') }} as subscription
    on valued.tenant_id = subscription.tenant_id and valued.subscription_id = subscription.subscription_id
left join {{ ref('fact_deal') }} as deal
    on valued.tenant_id = deal.tenant_id and valued.deal_id = deal.deal_id
left join orders
    on valued.tenant_id = orders.tenant_id and valued.order_id = orders.order_id
left join {{ ref('fact_account_merge') }} as account_merge
    on
        valued.tenant_id = account_merge.tenant_id
        and coalesce(valued.account_id, deal.account_id) = account_merge.account_id
