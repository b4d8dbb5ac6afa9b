-- Whom a referral led to: the person of its lead. Of several referrals of a person, the first one has led to it.
with referrals as (
    select
        referral.tenant_id,
        referral.referral_id,
        referral.referrer_user_id,
        referral.lead_id,
        referral.referred_at,
        identity.person_id,
        row_number() over (
            partition by referral.tenant_id, coalesce(identity.person_id, 'referral:' || referral.referral_id)
            order by referral.referred_at, referral.referral_id
        ) as referral_number
    from {{ ref('fact_referral') }} as referral
    left join {{ ref('fact_identity') }} as identity
        on
            referral.tenant_id = identity.tenant_id
            and identity.id_kind = 'lead'
            and referral.lead_id = identity.id_value
),

payments as (
    select payment.tenant_id, payment.customer_id as payer_id, payment.paid_at, payment.net_amount_base
    from {{ ref('fact_payment') }} as payment
    where payment.paid_at is not null
),

payers as (
    select
        payments.tenant_id,
        payments.payer_id,
        min(payments.paid_at) as first_paid_at,
        sum(payments.net_amount_base) as paid_base
    from payments
    where payments.payer_id is not null
    group by payments.tenant_id, payments.payer_id
),

-- The payers that a referred person is: itself, its users, and its account.
claims as (
    select
        referrals.tenant_id,
        referrals.referral_id,
        referrals.referred_at,
        'person:' || referrals.person_id as payer_id
    from referrals
    where referrals.person_id is not null and referrals.referral_number = 1
    union all
    select
        referrals.tenant_id,
        referrals.referral_id,
        referrals.referred_at,
        'user:' || identity.id_value as payer_id
    from referrals
    inner join {{ ref('fact_identity') }} as identity
        on
            referrals.tenant_id = identity.tenant_id
            and referrals.person_id = identity.person_id
            and identity.id_kind = 'user'
    where referrals.referral_number = 1
    union all
    select
        referrals.tenant_id,
        referrals.referral_id,
        referrals.referred_at,
        'account:' || person.account_id as payer_id
    from referrals
    inner join {{ ref('fact_person') }} as person
        on referrals.tenant_id = person.tenant_id and referrals.person_id = person.person_id
    where referrals.referral_number = 1 and person.account_id is not null
),

-- An account that two people were referred to is won by the first. Who had paid before was a customer already.
won as (
    select
        ranked.tenant_id,
        ranked.referral_id,
        min(payers.first_paid_at) as converted_at,
        sum(payers.paid_base) as revenue_base
    from (
        select
            claims.*,
            row_number() over (
                partition by claims.tenant_id, claims.payer_id order by claims.referred_at, claims.referral_id
            ) as claim_number
        from claims
    ) as ranked
    inner join payers
        on ranked.tenant_id = payers.tenant_id and ranked.payer_id = payers.payer_id
    where ranked.claim_number = 1 and payers.first_paid_at >= ranked.referred_at
    group by ranked.tenant_id, ranked.referral_id
),

counted as (
    select
        referrals.tenant_id,
        {{ period_of('calendar_month', 'referrals.referred_at') }} as calendar_month,
        count(*) as referral_count,
        count(distinct referrals.referrer_user_id) as referrer_count,
        count(*) filter (where referrals.lead_id is not null and referrals.referral_number = 1) as lead_count,
        count(*) filter (where referrals.referral_number > 1) as repeated_count,
        count(won.converted_at) as converted_count,
        percentile_cont(0.5) within group (order by {{ days(micros_between('referrals.referred_at', 'won.converted_at')) }})
            as median_days_to_convert,
        case when count(won.converted_at) = 0 then 0.0 else sum(won.revenue_base) end as revenue_base
    from referrals
    left join won
        on referrals.tenant_id = won.tenant_id and referrals.referral_id = won.referral_id
    group by referrals.tenant_id, {{ period_of('calendar_month', 'referrals.referred_at') }}
)

select
    counted.tenant_id,
    counted.calendar_month,
    counted.referral_count,
    counted.referrer_count,
    counted.lead_count,
    counted.repeated_count,
    counted.converted_count,
    {{ fdiv('counted.converted_count', 'counted.referral_count') }} as conversion_rate,
    {{ fdiv('counted.converted_count', 'counted.lead_count') }} as lead_conversion_rate,
    counted.median_days_to_convert,
    counted.revenue_base,
    {{ is_over('calendar_month', 'counted.calendar_month') }} as is_complete
from counted
