-- Who uses the product for a customer: the user who pays and all other users of that person; of an account, the users of
-- all persons that belong to it.
with customers as (
    select
        span.tenant_id,
        span.customer_id,
        span.customer_kind,
        case when span.customer_kind = 'account' then substr(span.customer_id, 9) end as account_id,
        case when span.customer_kind = 'user' then substr(span.customer_id, 6) end as user_id,
        count(*) filter (
            where span.start_date <= cast({{ as_of() }} as date) and span.end_date > cast({{ as_of() }} as date)
        ) > 0 as is_subscribed,
        min(span.paid_until_date) filter (
            where
            span.start_date <= cast({{ as_of() }} as date)
            and span.end_date > cast({{ as_of() }} as date)
            and span.cancelled_at is null
        ) as renewal_date
    from {{ ref('fact_subscription_period') }} as span
    where span.start_date <= cast({{ as_of() }} as date)
    group by span.tenant_id, span.customer_id, span.customer_kind
),

-- Two accounts that were merged are one; both are customers by themselves where both have paid.
accounts as (
    select
        customers.tenant_id,
        customers.customer_id,
        customers.account_id,
        coalesce(merged.merged_into_account_id, customers.account_id) as standing_account_id
    from customers
    left join {{ ref('fact_account_merge') }} as merged
        on customers.tenant_id = merged.tenant_id and customers.account_id = merged.account_id
    where customers.account_id is not null
),

users as (
    select accounts.tenant_id, accounts.customer_id, identity.id_value as user_id
    from accounts
    -- all persons of the account, and all users that each of them is
    inner join {{ ref('fact_person_account') }} as belonging
        on accounts.tenant_id = belonging.tenant_id and accounts.standing_account_id = belonging.account_id
    inner join {{ ref('fact_identity') }} as identity
        on belonging.tenant_id = identity.tenant_id and belonging.person_id = identity.person_id and identity.id_kind = 'user'
    union
    select customers.tenant_id, customers.customer_id, identity.id_value as user_id
    from customers
    inner join {{ ref('fact_identity') }} as payer
        on customers.tenant_id = payer.tenant_id and payer.id_kind = 'user' and customers.user_id = payer.id_value
    -- all users that the person is
    inner join {{ ref('fact_identity') }} as identity
        on payer.tenant_id = identity.tenant_id and payer.person_id = identity.person_id and identity.id_kind = 'user'
    union
    select customers.tenant_id, customers.customer_id, customers.user_id
    from customers
    where customers.user_id is not null
),

usage as (
    select
        users.tenant_id,
        users.customer_id,
        max(day.usage_date) as last_active_date,
        count(distinct case when day.usage_date > {{ add_days('cast(' ~ as_of() ~ ' as date)', -28) }} then day.usage_date end)
            as active_days_last_28d,
        count(
            distinct case
                when day.usage_date > {{ add_days('cast(' ~ as_of() ~ ' as date)', -28) }} and day.key_feature_count > 0
                    then day.usage_date
            end
        ) as key_feature_days_last_28d,
        count(distinct case when day.usage_date > {{ add_days('cast(' ~ as_of() ~ ' as date)', -28) }} then day.user_id end)
            as active_users_last_28d,
        min(case when day.key_feature_count > 0 then day.usage_date end) as first_key_feature_date
    from users
    -- every day on which the user was active
    inner join {{ ref('fact_usage') }} as day
        on users.tenant_id = day.tenant_id and users.user_id = day.user_id
    where day.is_active
    group by users.tenant_id, users.customer_id
),

tickets as (
    select matched.tenant_id, matched.customer_id, count(distinct matched.ticket_id) as open_ticket_count
    from (
        select users.tenant_id, users.customer_id, ticket.ticket_id
        from users
        inner join {{ ref('fact_ticket') }} as ticket
            on users.tenant_id = ticket.tenant_id and users.user_id = ticket.user_id
        where ticket.is_open
        union all
        select accounts.tenant_id, accounts.customer_id, ticket.ticket_id
        from accounts
        inner join {{ ref('fact_ticket') }} as ticket
            on accounts.tenant_id = ticket.tenant_id and accounts.account_id = ticket.account_id
        where ticket.is_open
    ) as matched
    group by matched.tenant_id, matched.customer_id
),

user_counts as (
    select users.tenant_id, users.customer_id, count(*) as user_count
    from users
    group by users.tenant_id, users.customer_id
)

select
    customers.tenant_id,
    customers.customer_id,
    customers.customer_kind,
    customers.is_subscribed,
    coalesce(user_counts.user_count, 0) as user_count,
    coalesce(usage.active_users_last_28d, 0) as active_users_last_28d,
    coalesce(usage.active_days_last_28d, 0) as active_days_last_28d,
    coalesce(usage.key_feature_days_last_28d, 0) as key_feature_days_last_28d,
    {{ fdiv('usage.key_feature_days_last_28d', 'usage.active_days_last_28d') }} as key_feature_share_last_28d,
    usage.first_key_feature_date,
    usage.last_active_date,
    {{ days_between_dates('usage.last_active_date', 'cast(' ~ as_of() ~ ' as date)') }} as days_since_last_seen,
    coalesce(tickets.open_ticket_count, 0) as open_ticket_count,
    customers.renewal_date,
    {{ days_between_dates('cast(' ~ as_of() ~ ' as date)', 'customers.renewal_date') }} as days_to_renewal
from customers
left join usage
    on customers.tenant_id = usage.tenant_id and customers.customer_id = usage.customer_id
left join tickets
    on customers.tenant_id = tickets.tenant_id and customers.customer_id = tickets.customer_id
left join user_counts
    on customers.tenant_id = user_counts.tenant_id and customers.customer_id = user_counts.customer_id
