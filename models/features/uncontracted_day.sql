-- What customers without a contract do: buy, or use the product. Whoever has no contract says nothing when leaving.
with contracts as (
    select distinct span.tenant_id, span.customer_id
    from {{ ref('fact_subscription_period') }} as span
    where
        not span.is_trial
        and span.start_date <= cast({{ as_of() }} as date)
        and span.end_date > cast({{ as_of() }} as date)
),

contract_users as (
    select contracts.tenant_id, 'user:' || member.id_value as customer_id
    from contracts
    inner join {{ ref('customer_member') }} as member
        on contracts.tenant_id = member.tenant_id and contracts.customer_id = member.customer_key
    where member.id_kind = 'user'
    union
    select contracts.tenant_id, contracts.customer_id
    from contracts
),

-- Whoever is asked whether to renew, also on trial or on the last day paid, has its value from that alone.
renewing as (
    select contracts.tenant_id, contracts.customer_id
    from contracts
    union
    select customer.tenant_id, customer.customer_id
    from {{ ref('feat_customer') }} as customer
    where customer.is_latest
),

-- A buyer of the shop is a person; one who may also renew is known by that.
renewing_persons as (
    select distinct renewing.tenant_id, 'person:' || identity.person_id as customer_id
    from renewing
    inner join {{ ref('customer_member') }} as member
        on renewing.tenant_id = member.tenant_id and renewing.customer_id = member.customer_key
    inner join {{ ref('fact_identity') }} as identity
        on
            member.tenant_id = identity.tenant_id
            and member.id_kind = identity.id_kind
            and member.id_value = identity.id_value
),

with_contract as (
    select renewing.tenant_id, renewing.customer_id
    from renewing
    union
    select renewing_persons.tenant_id, renewing_persons.customer_id
    from renewing_persons
),

orders as (
    {{ shop_orders() }}
),

payments as (
    select
        payment.tenant_id,
        payment.customer_id,
        payment.order_id,
        cast(payment.paid_at as date) as activity_date,
        payment.net_amount_base as spent_base
    from {{ ref('fact_payment') }} as payment
    where payment.paid_at is not null and payment.subscription_id is null and payment.customer_id is not null
),

purchases as (
    select payments.tenant_id, payments.customer_id, payments.activity_date, payments.spent_base
    from payments
    union all
    -- Orders whose payments say whose they are stand above; the others are their person's, as those are.
    select
        orders.tenant_id,
        'person:' || orders.person_id as customer_id,
        cast(orders.sold_at as date) as activity_date,
        orders.amount_base as spent_base
    from orders
    left join (select distinct payments.tenant_id, payments.order_id from payments) as told
        on orders.tenant_id = told.tenant_id and orders.order_id = told.order_id
    where orders.sold_at is not null and orders.refunded_at is null and orders.person_id is not null and told.order_id is null
)

select
    purchases.tenant_id,
    'purchase' as activity,
    purchases.customer_id,
    purchases.activity_date,
    sum(purchases.spent_base) as spent_base
from purchases
left join with_contract
    on purchases.tenant_id = with_contract.tenant_id and purchases.customer_id = with_contract.customer_id
where with_contract.customer_id is null
group by purchases.tenant_id, purchases.customer_id, purchases.activity_date
union all
select
    usage.tenant_id,
    'usage' as activity,
    'user:' || usage.user_id as customer_id,
    usage.usage_date as activity_date,
    cast(null as double) as spent_base
from {{ ref('fact_usage') }} as usage
left join contract_users
    on usage.tenant_id = contract_users.tenant_id and 'user:' || usage.user_id = contract_users.customer_id
where usage.is_active and contract_users.customer_id is null
