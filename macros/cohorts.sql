{#- Cohorts: who began in the same month, in one of three ways, and the months since then. -#}

{#- One row per way of beginning and member; customers begin with their first payment, persons sign up or are touched. -#}
{%- macro cohort_members() -%}
    select
        payment.tenant_id,
        'first_payment' as cohort_kind,
        'customer' as member_kind,
        payment.customer_id as member_id,
        cast(date_trunc('month', min(payment.paid_at)) as date) as cohort_month
    from {{ ref('fact_payment') }} as payment
    where payment.paid_at is not null and payment.amount > 0 and payment.customer_id is not null
    group by payment.tenant_id, payment.customer_id
    union all
    select
        person.tenant_id,
        'signup' as cohort_kind,
        'person' as member_kind,
        person.person_id as member_id,
        cast(date_trunc('month', person.signup_at) as date) as cohort_month
    from {{ ref('fact_person') }} as person
    where person.signup_at is not null
    union all
    select
        person.tenant_id,
        'first_touch' as cohort_kind,
        'person' as member_kind,
        person.person_id as member_id,
        cast(date_trunc('month', person.first_touch_at) as date) as cohort_month
    from {{ ref('fact_person') }} as person
    where person.first_touch_at is not null
{%- endmacro -%}

{#- The cohorts of CTE `members` with their size, and a row for every month since that is over: period 0 is the month of the cohort itself.
    A calendar month is over for all members at once, so that one size is the denominator of all periods. CTE `months`
    is made by months_from. -#}
{%- macro cohort_periods() -%}
    select
        cohorts.tenant_id,
        cohorts.cohort_kind,
        cohorts.cohort_month,
        cohorts.cohort_size,
        months.month_date,
        {{ months_between('cohorts.cohort_month', 'months.month_date') }} as period_number
    from (
        select members.tenant_id, members.cohort_kind, members.cohort_month, count(*) as cohort_size
        from members
        group by members.tenant_id, members.cohort_kind, members.cohort_month
    ) as cohorts
    inner join months
        on cohorts.cohort_month <= months.month_date and months.is_complete
{%- endmacro -%}
