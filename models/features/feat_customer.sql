-- depends_on: {{ ref('stg_contact_event') }}, {{ ref('stg_lead_event') }}
{{
    config(
        materialized='incremental',
        incremental_strategy=add_touched(),
        on_schema_change='fail',
        pre_hook="{{ drop_changed(feature_stagings('customer')) }}",
        post_hook="{{ mark_built(feature_stagings('customer')) }}"
    )
}}

with events as (
    {{ known_events('stg_subscription_event', 'subscription_id', 'billing.subscription.started') }}
),

subscriptions as (
    select
        events.tenant_id,
        events.subscription_id,
        min(events.known_from_at) as first_known_at,
        max(events.period_end) as last_paid_date
    from events
    group by events.tenant_id, events.subscription_id
),

cutoffs as (
    {{ cutoffs(
        'cast((select min(subscriptions.first_known_at) from subscriptions) as date)',
        'extract(day from spine.day_date) = 1', feature_stagings('customer')
    ) }}
),

-- What was known of each subscription at each cutoff, up to the last day that it was ever paid for.
stated as (
    select
        events.tenant_id,
        events.subscription_id,
        cutoffs.cutoff_at,
        cutoffs.known_by_at,
        cutoffs.is_latest,
        {{ last_stated('events', 'account_id') }} as account_id,
        {{ last_stated('events', 'user_id') }} as user_id,
        {{ last_stated('events', 'plan') }} as plan,
        {{ last_stated('events', 'mrr') }} as mrr,
        {{ last_stated('events', 'currency') }} as currency,
        {{ last_stated('events', 'is_trial') }} as is_trial,
        min(coalesce(events.period_start, cast(events.occurred_at as date))) as first_paid_date,
        max(events.period_start) filter (where events.period_start <= cast(cutoffs.cutoff_at as date)) as paid_from_date,
        max(events.period_end) as paid_until_date,
        max(events.event_number) filter (where events.event_type = 'billing.subscription.cancelled') as cancel_number,
        max(events.event_number)
        filter (where events.event_type in ('billing.subscription.started', 'billing.subscription.renewed')) as period_number,
        max(events.occurred_at)
        filter (where events.event_type in ('billing.subscription.started', 'billing.subscription.renewed')) as period_at,
        count(*) filter (where events.event_type = 'billing.subscription.renewed') as renewal_count,
        count(*) filter (where events.event_type = 'billing.subscription.changed') as plan_change_count
    from subscriptions
    inner join cutoffs
        on
            subscriptions.first_known_at <= cutoffs.known_by_at
            and cast(cutoffs.cutoff_at as date) <= subscriptions.last_paid_date
    inner join events
        on
            subscriptions.tenant_id = events.tenant_id
            and subscriptions.subscription_id = events.subscription_id
            and events.known_from_at <= cutoffs.known_by_at
    group by
        events.tenant_id, events.subscription_id, cutoffs.cutoff_at, cutoffs.known_by_at, cutoffs.is_latest
),

account_events as (
    {{ known_events('stg_identity_event', 'loser_id') }} and event.event_type = 'crm.account.merged'
),

mergers as (
    select
        account_events.tenant_id,
        cutoffs.cutoff_at,
        account_events.loser_id,
        {{ last_stated('account_events', 'winner_id') }} as winner_id
    from cutoffs
    inner join account_events
        on
            account_events.known_from_at <= cutoffs.known_by_at
            and account_events.winner_id <> account_events.loser_id
    group by account_events.tenant_id, cutoffs.cutoff_at, account_events.loser_id
),

-- The account that is left of each that had been merged by then, over two mergers.
merged as (
    select
        mergers.tenant_id,
        mergers.cutoff_at,
        mergers.loser_id as account_id,
        coalesce(later_merger.winner_id, mergers.winner_id) as merged_into_account_id
    from mergers
    left join mergers as later_merger
        on
            mergers.tenant_id = later_merger.tenant_id
            and mergers.cutoff_at = later_merger.cutoff_at
            and mergers.winner_id = later_merger.loser_id
),

going as (
    select
        stated.*,
        case
            when stated.account_id is not null then 'account:' || coalesce(merged.merged_into_account_id, stated.account_id)
            when stated.user_id is not null then 'user:' || stated.user_id
            else 'subscription:' || stated.subscription_id
        end as customer_id,
        case
            when stated.account_id is not null then 'account'
            when stated.user_id is not null then 'user'
            else 'subscription'
        end as customer_kind,
        {{ monthly('stated.mrr', 'plan.price_term') }} as monthly_mrr
    from stated
    left join merged
        on
            stated.tenant_id = merged.tenant_id
            and stated.account_id = merged.account_id
            and stated.cutoff_at = merged.cutoff_at
    left join {{ ref('subscription_plan') }} as plan
        on stated.plan = plan.plan
    -- Whoever has cancelled, or has not renewed, is no longer asked whether it will. A renewal may come on the last day itself.
    where
        stated.paid_until_date >= cast(stated.cutoff_at as date)
        and coalesce(stated.cancel_number, 0) < stated.period_number
),

rates as (
    select
        wanted.cutoff_at,
        wanted.currency,
        max_by(rate_event.rate, rate_event.rate_number) as fx_rate
    from (select distinct going.cutoff_at, going.known_by_at, going.currency from going) as wanted
    inner join ({{ known_rates() }}) as rate_event
        on
            wanted.currency = rate_event.currency
            and rate_event.rate_date <= cast(wanted.cutoff_at as date)
            and rate_event.known_from_at <= wanted.known_by_at
    group by wanted.cutoff_at, wanted.currency
),

valued as (
    select
        going.*,
        case when going.currency = {{ reporting_currency() }} then going.monthly_mrr else going.monthly_mrr * rates.fx_rate end
            as mrr_base,
        row_number() over (
            partition by going.tenant_id, going.customer_id, going.cutoff_at
            order by case when going.monthly_mrr > 0 then going.monthly_mrr else 0 end desc, going.subscription_id
        ) as size_number
    from going
    left join rates
        on going.cutoff_at = rates.cutoff_at and going.currency = rates.currency
),

customers as (
    select
        valued.tenant_id,
        valued.customer_id,
        valued.customer_kind,
        valued.cutoff_at,
        valued.known_by_at,
        valued.is_latest,
        count(*) as subscription_count,
        max_by(valued.plan, valued.size_number * -1) filter (where valued.plan is not null) as plan,
        sum(valued.mrr_base) as mrr_base,
        count(*) filter (where valued.is_trial) = count(*) as is_trial,
        min(valued.first_paid_date) as first_paid_date,
        min(valued.paid_until_date) as renewal_date,
        max({{ days_between_dates('valued.paid_from_date', 'valued.paid_until_date') }}) as paid_term_days,
        cast(sum(valued.renewal_count) as bigint) as renewal_count,
        cast(sum(valued.plan_change_count) as bigint) as plan_change_count
    from valued
    group by
        valued.tenant_id, valued.customer_id, valued.customer_kind, valued.cutoff_at, valued.known_by_at, valued.is_latest
),

-- The accounts that are one customer by then, or the user.
keys as (
    select
        customers.tenant_id,
        customers.customer_id,
        customers.cutoff_at,
        customers.known_by_at,
        customers.customer_id as customer_key
    from customers
    union all
    select
        customers.tenant_id,
        customers.customer_id,
        customers.cutoff_at,
        customers.known_by_at,
        'account:' || merged.account_id as customer_key
    from customers
    inner join merged
        on
            customers.tenant_id = merged.tenant_id
            and customers.cutoff_at = merged.cutoff_at
            and customers.customer_id = 'account:' || merged.merged_into_account_id
),

members as (
    select distinct
        keys.tenant_id,
        keys.customer_id,
        keys.cutoff_at,
        keys.known_by_at,
        member.id_kind,
        member.id_value
    from keys
    inner join {{ ref('customer_member') }} as member
        on
            keys.tenant_id = member.tenant_id
            and keys.customer_key = member.customer_key
            and member.known_from_at <= keys.known_by_at
),

{{ customer_uses() }},

user_counts as (
    select members.tenant_id, members.customer_id, members.cutoff_at, count(*) as user_count
    from members
    where members.id_kind = 'user'
    group by members.tenant_id, members.customer_id, members.cutoff_at
),

nps_events as (
    {{ known_events('stg_nps_event', 'response_id') }}
),

answers as (
    select
        members.tenant_id,
        members.customer_id,
        members.cutoff_at,
        event.score,
        event.occurred_at,
        row_number() over (
            partition by members.tenant_id, members.customer_id, members.cutoff_at
            order by event.occurred_at desc, event.event_id desc, event.source desc
        ) as recency
    from members
    inner join nps_events as event
        on
            members.tenant_id = event.tenant_id
            and members.id_kind = case when event.user_id is not null then 'user' else 'contact' end
            and members.id_value = coalesce(event.user_id, event.contact_id)
            and event.known_from_at <= members.known_by_at
),

{{ customer_support() }},

payment_events as (
    {{ known_events('stg_payment_event', 'payment_id') }}
),

-- A payment names its subscription, else whoever paid.
named_payments as (
    select
        paid.tenant_id,
        paid.customer_id,
        paid.cutoff_at,
        paid.known_by_at,
        paid.period_at,
        event.payment_id,
        event.event_type,
        event.occurred_at
    from valued as paid
    {{ join_known('payment_events', 'event', 'paid', 'subscription_id') }}
    union all
    select
        keys.tenant_id,
        keys.customer_id,
        keys.cutoff_at,
        keys.known_by_at,
        null as period_at,
        event.payment_id,
        event.event_type,
        event.occurred_at
    from keys
    inner join payment_events as event
        on
            keys.tenant_id = event.tenant_id
            and keys.customer_key = coalesce('account:' || event.account_id, 'user:' || event.user_id)
            and event.known_from_at <= keys.known_by_at
    where event.subscription_id is null
),

-- What failed or was given back names neither: it is of whoever paid under the same id.
payments as (
    select
        named_payments.tenant_id,
        named_payments.customer_id,
        named_payments.cutoff_at,
        named_payments.event_type,
        named_payments.occurred_at,
        named_payments.period_at
    from named_payments
    union all
    select payer.tenant_id, payer.customer_id, payer.cutoff_at, event.event_type, event.occurred_at, null as period_at
    from (
        select distinct
            named_payments.tenant_id,
            named_payments.customer_id,
            named_payments.cutoff_at,
            named_payments.known_by_at,
            named_payments.payment_id
        from named_payments
    ) as payer
    {{ join_known('payment_events', 'event', 'payer', 'payment_id') }}
    where event.subscription_id is null and event.account_id is null and event.user_id is null
),

billing as (
    select
        payments.tenant_id,
        payments.customer_id,
        payments.cutoff_at,
        count(*) filter (
            where
            payments.event_type = 'billing.payment.failed'
            and {{ in_last_days('payments.occurred_at', 'payments.cutoff_at', 90) }}
        ) as failed_payment_count_90d,
        max({{ days_since('payments.period_at', 'payments.occurred_at') }}) filter (
            where payments.event_type = 'billing.payment.received' and payments.occurred_at >= payments.period_at
        ) as payment_delay_days
    from payments
    group by payments.tenant_id, payments.customer_id, payments.cutoff_at
),

email_events as (
    {{ known_events('stg_email_event', 'event_id') }}
),

emails as (
    select
        members.tenant_id,
        members.customer_id,
        members.cutoff_at,
        count(*) filter (where event.event_type = 'crm.email.delivered') as email_count_90d,
        count(distinct case when event.event_type = 'crm.email.opened' then event.message_id end) as email_open_count_90d,
        count(distinct case when event.event_type = 'crm.email.clicked' then event.message_id end) as email_click_count_90d,
        count(*) filter (where event.event_type = 'crm.unsubscribe') > 0 as has_unsubscribed_90d
    from members
    inner join email_events as event
        on
            members.tenant_id = event.tenant_id
            and members.id_kind = case
                when event.user_id is not null then 'user' when event.contact_id is not null then 'contact' else 'lead'
            end
            and members.id_value = coalesce(event.user_id, event.contact_id, event.lead_id)
            and event.known_from_at <= members.known_by_at
            and {{ in_last_days('event.occurred_at', 'members.cutoff_at', 90) }}
    group by members.tenant_id, members.customer_id, members.cutoff_at
)

select
    customers.tenant_id,
    customers.customer_id,
    customers.cutoff_at,
    customers.is_latest,
    customers.customer_kind,
    customers.plan,
    customers.subscription_count,
    customers.is_trial,
    customers.mrr_base,
    {{ days_between_dates('customers.first_paid_date', 'cast(customers.cutoff_at as date)') }} as tenure_days,
    customers.renewal_count,
    customers.plan_change_count,
    customers.paid_term_days,
    {{ days_between_dates('cast(customers.cutoff_at as date)', 'customers.renewal_date') }} as days_to_renewal,
    coalesce(user_counts.user_count, 0) as user_count,
    -- Of a customer without known users nothing is known of its use, which is not that it makes none.
    {%- for name in [
        'active_user_count_30d', 'login_count_30d', 'login_count_31d_to_60d', 'active_day_count_30d', 'feature_use_count_30d',
        'key_feature_use_count_30d', 'distinct_feature_count_30d', 'distinct_key_feature_count_30d', 'course_count_90d'
    ] %}
    case when user_counts.user_count > 0 then coalesce(usage.{{ name }}, 0) end as {{ name }},
    {%- endfor %}
    {{ fdiv('coalesce(usage.active_user_count_30d, 0)', 'user_counts.user_count') }} as seat_use_share_30d,
    case
        when user_counts.user_count > 0
            then ln({{ fdiv('coalesce(usage.login_count_30d, 0) + 1', 'coalesce(usage.login_count_31d_to_60d, 0) + 1') }})
    end as login_trend_30d,
    {{ days_since('usage.last_seen_at', 'customers.cutoff_at') }} as seen_days_ago,
    gaps.median_gap_days,
    {{ fdiv(days_since('usage.last_seen_at', 'customers.cutoff_at'), 'gaps.median_gap_days') }} as recency_ratio,
    answers.score as nps_score,
    {{ days_since('answers.occurred_at', 'customers.cutoff_at') }} as nps_age_days,
    coalesce(support.open_ticket_count, 0) as open_ticket_count,
    coalesce(support.open_urgent_ticket_count, 0) as open_urgent_ticket_count,
    {{ days_since('support.oldest_open_ticket_at', 'customers.cutoff_at') }} as oldest_open_ticket_days,
    coalesce(support.ticket_count_30d, 0) as ticket_count_30d,
    coalesce(support.ticket_count_90d, 0) as ticket_count_90d,
    coalesce(billing.failed_payment_count_90d, 0) as failed_payment_count_90d,
    billing.payment_delay_days,
    coalesce(emails.email_count_90d, 0) as email_count_90d,
    coalesce(emails.email_open_count_90d, 0) as email_open_count_90d,
    coalesce(emails.email_click_count_90d, 0) as email_click_count_90d,
    coalesce(emails.has_unsubscribed_90d, false) as has_unsubscribed_90d
from customers
left join user_counts
    on
        customers.tenant_id = user_counts.tenant_id
        and customers.customer_id = user_counts.customer_id
        and customers.cutoff_at = user_counts.cutoff_at
left join usage
    on
        customers.tenant_id = usage.tenant_id
        and customers.customer_id = usage.customer_id
        and customers.cutoff_at = usage.cutoff_at
left join gaps
    on
        customers.tenant_id = gaps.tenant_id
        and customers.customer_id = gaps.customer_id
        and customers.cutoff_at = gaps.cutoff_at
left join support
    on
        customers.tenant_id = support.tenant_id
        and customers.customer_id = support.customer_id
        and customers.cutoff_at = support.cutoff_at
left join billing
    on
        customers.tenant_id = billing.tenant_id
        and customers.customer_id = billing.customer_id
        and customers.cutoff_at = billing.cutoff_at
left join emails
    on
        customers.tenant_id = emails.tenant_id
        and customers.customer_id = emails.customer_id
        and customers.cutoff_at = emails.cutoff_at
left join answers
    on
        customers.tenant_id = answers.tenant_id
        and customers.customer_id = answers.customer_id
        and customers.cutoff_at = answers.cutoff_at
        and answers.recency = 1
