-- Money in the month in which it came, and in the month in which it went back.
with cash as (
    select
        payment.tenant_id,
        payment.customer_id,
        cast(date_trunc('month', payment.paid_at) as date) as activity_month,
        true as is_active,
        payment.amount_base as revenue_base,
        case when payment.amount_base is null then 1 else 0 end as unpriced_count
    from {{ ref('fact_payment') }} as payment
    where payment.paid_at is not null and payment.amount > 0 and payment.customer_id is not null
    union all
    select
        payment.tenant_id,
        payment.customer_id,
        cast(date_trunc('month', payment.refunded_at) as date) as activity_month,
        false as is_active,
        -payment.refunded_amount_base as revenue_base,
        case when payment.refunded_amount_base is null then 1 else 0 end as unpriced_count
    from {{ ref('fact_payment') }} as payment
    where
        payment.paid_at is not null and payment.amount > 0 and payment.customer_id is not null
        and payment.refunded_at is not null
    union all
    -- Who paid for a longer term is a customer in the months between as well.
    select
        movement.tenant_id,
        movement.customer_id,
        movement.mrr_month as activity_month,
        true as is_active,
        0.0 as revenue_base,
        0 as unpriced_count
    from {{ ref('mrr_movement') }} as movement
    where movement.movement <> 'churn'
),

paying as (
    select
        cash.tenant_id,
        cash.customer_id,
        cash.activity_month,
        count(*) filter (where cash.is_active) > 0 as is_active,
        coalesce(sum(cash.revenue_base), 0.0) as revenue_base,
        cast(sum(cash.unpriced_count) as bigint) as unpriced_count
    from cash
    group by cash.tenant_id, cash.customer_id, cash.activity_month
),

customers as (
    select distinct paying.tenant_id, paying.customer_id
    from paying
),

users as (
    select identity.tenant_id, identity.id_value as user_id, identity.person_id, person.account_id
    from {{ ref('fact_identity') }} as identity
    inner join {{ ref('fact_person') }} as person
        on identity.tenant_id = person.tenant_id and identity.person_id = person.person_id
    where identity.id_kind = 'user'
),

-- What is a person's own: what its users pay, and what it buys in the shop itself.
payers as (
    select users.tenant_id, 'user:' || users.user_id as customer_id, users.person_id
    from users
    union all
    select person.tenant_id, 'person:' || person.person_id as customer_id, person.person_id
    from {{ ref('fact_person') }} as person
),

-- Whom a user's use counts for: itself, its account, and its person where that buys.
owners as (
    select users.tenant_id, users.user_id, 'user:' || users.user_id as customer_id
    from users
    union all
    select users.tenant_id, users.user_id, 'account:' || users.account_id as customer_id
    from users
    where users.account_id is not null
    union all
    select users.tenant_id, users.user_id, 'person:' || users.person_id as customer_id
    from users
),

used_months as (
    select distinct
        users.tenant_id,
        users.user_id,
        users.person_id,
        cast(date_trunc('month', used.usage_date) as date) as activity_month
    from {{ ref('fact_usage') }} as used
    inner join users
        on used.tenant_id = users.tenant_id and used.user_id = users.user_id
    where used.is_active
),

-- Everything twice: by customer, who may be an account, and by person. What an account pays is no person's; what its
-- people use is the account's as well; what its users use is the buyer's.
months as (
    select
        paying.tenant_id,
        'customer' as member_kind,
        paying.customer_id as member_id,
        'revenue' as activity,
        paying.activity_month,
        paying.is_active,
        paying.revenue_base,
        paying.unpriced_count
    from paying
    union all
    select
        paying.tenant_id,
        'person' as member_kind,
        payers.person_id as member_id,
        'revenue' as activity,
        paying.activity_month,
        paying.is_active,
        paying.revenue_base,
        paying.unpriced_count
    from paying
    inner join payers
        on paying.tenant_id = payers.tenant_id and paying.customer_id = payers.customer_id
    union all
    select
        used_months.tenant_id,
        'person' as member_kind,
        used_months.person_id as member_id,
        'usage' as activity,
        used_months.activity_month,
        true as is_active,
        0.0 as revenue_base,
        0 as unpriced_count
    from used_months
    union all
    select
        used_months.tenant_id,
        'customer' as member_kind,
        customers.customer_id as member_id,
        'usage' as activity,
        used_months.activity_month,
        true as is_active,
        0.0 as revenue_base,
        0 as unpriced_count
    from used_months
    inner join owners
        on used_months.tenant_id = owners.tenant_id and used_months.user_id = owners.user_id
    inner join customers
        on owners.tenant_id = customers.tenant_id and owners.customer_id = customers.customer_id
)

select
    months.tenant_id,
    months.member_kind,
    months.member_id,
    months.activity,
    months.activity_month,
    count(*) filter (where months.is_active) > 0 as is_active,
    sum(months.revenue_base) as revenue_base,
    cast(sum(months.unpriced_count) as bigint) as unpriced_count
from months
group by months.tenant_id, months.member_kind, months.member_id, months.activity, months.activity_month
