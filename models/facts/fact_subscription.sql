{{
    config(
        materialized='incremental',
        unique_key=['tenant_id', 'subscription_id'],
        incremental_strategy=replace_rows(),
        on_schema_change='fail',
        post_hook="{{ mark_built(['stg_subscription_event']) }}"
    )
}}

with touched_entities as (
    {{ touched('stg_subscription_event', 'subscription_id') }}
    {% if is_incremental() %}
    union
    -- accounts that were merged since, or are no more
    select built.tenant_id, built.subscription_id
    from {{ this }} as built
    left join {{ ref('fact_account_merge') }} as account_merge
        on built.tenant_id = account_merge.tenant_id and built.account_id = account_merge.account_id
    where
        built.account_id is not null
        and built.customer_id <> 'account:' || coalesce(account_merge.merged_into_account_id, built.account_id)
    {% endif %}
),

events as (
    {{ entity_events('stg_subscription_event', 'subscription_id', 'billing.subscription.started') }}
),

subscriptions as (
    select
        events.tenant_id,
        events.subscription_id,
        {{ last_stated('events', 'account_id') }} as account_id,
        {{ last_stated('events', 'user_id') }} as user_id,
        {{ last_stated('events', 'plan') }} as plan,
        min(events.occurred_at) as first_event_at,
        min(events.occurred_at) filter (where events.event_type = 'billing.subscription.started') as stated_start_at,
        max(events.event_number) filter (where events.event_type = 'billing.subscription.cancelled') as cancel_number,
        -- A period that is stated after the cancellation takes it back.
        max(events.event_number)
        filter (where events.event_type in ('billing.subscription.started', 'billing.subscription.renewed')) as period_number
    from events
    group by events.tenant_id, events.subscription_id
)

select
    subscriptions.tenant_id,
    subscriptions.subscription_id,
    case
        when subscriptions.account_id is not null
            then 'account:' || coalesce(account_merge.merged_into_account_id, subscriptions.account_id)
        when subscriptions.user_id is not null then 'user:' || subscriptions.user_id
        else 'subscription:' || subscriptions.subscription_id
    end as customer_id,
    case
        when subscriptions.account_id is not null then 'account'
        when subscriptions.user_id is not null then 'user'
        else 'subscription'
    end as customer_kind,
    subscriptions.account_id,
    subscriptions.user_id,
    subscriptions.plan,
    coalesce(subscriptions.stated_start_at, subscriptions.first_event_at) as subscribed_at,
    cancellation.occurred_at as cancelled_at,
    cancellation.effective_date,
    cancellation.reason as churn_reason
from subscriptions
left join events as cancellation
    on
        subscriptions.tenant_id = cancellation.tenant_id
        and subscriptions.subscription_id = cancellation.subscription_id
        and subscriptions.cancel_number = cancellation.event_number
        and subscriptions.cancel_number > coalesce(subscriptions.period_number, 0)
left join {{ ref('fact_account_merge') }} as account_merge
    on subscriptions.tenant_id = account_merge.tenant_id and subscriptions.account_id = account_merge.account_id
