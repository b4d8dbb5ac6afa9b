{{
    config(
        materialized='incremental',
        incremental_strategy=add_touched(),
        on_schema_change='fail',
        pre_hook=["{{ drop_touched('stg_subscription_event', 'subscription_id') }}", "{{ drop_passed_on() }}"],
        post_hook="{{ mark_built(['stg_subscription_event']) }}"
    )
}}

with touched_entities as (
    {{ touched('stg_subscription_event', 'subscription_id') }}
    {% if is_incremental() %}
    union
    -- those that have just been dropped, since somebody else pays
    select subscription.tenant_id, subscription.subscription_id
    from {{ ref('fact_subscription') }} as subscription
    left join {{ this }} as built
        on subscription.tenant_id = built.tenant_id and subscription.subscription_id = built.subscription_id
    where built.subscription_id is null
    {% endif %}
),

events as (
    {{ entity_events('stg_subscription_event', 'subscription_id', 'billing.subscription.started') }}
),

-- What each event says, with what was said of the same subscription before and after it.
told as (
    select
        events.tenant_id,
        events.subscription_id,
        events.event_number,
        events.event_type,
        events.event_type in ('billing.subscription.started', 'billing.subscription.renewed') as is_period,
        case
            when events.event_type = 'billing.subscription.changed' then cast(events.occurred_at as date)
            else events.period_start
        end as holds_from_date,
        events.period_end,
        events.mrr,
        events.currency,
        coalesce(events.is_trial, false) as is_trial,
        {{ last_not_null('events.plan') }} over (
            partition by events.tenant_id, events.subscription_id
            order by events.event_number
            rows between unbounded preceding and current row
        ) as plan,
        min(events.effective_date) over (
            partition by events.tenant_id, events.subscription_id
            order by events.event_number
            rows between 1 following and unbounded following
        ) as cancelled_from_date,
        min(case when events.event_type = 'billing.subscription.cancelled' then events.occurred_at end) over (
            partition by events.tenant_id, events.subscription_id
            order by events.event_number
            rows between 1 following and unbounded following
        ) as next_cancelled_at,
        min(case when events.event_type = 'billing.subscription.cancelled' then events.event_number end) over (
            partition by events.tenant_id, events.subscription_id
            order by events.event_number
            rows between 1 following and unbounded following
        ) as next_cancel_number,
        min(
            case
                when events.event_type in ('billing.subscription.started', 'billing.subscription.renewed')
                    then events.event_number
            end
        ) over (
            partition by events.tenant_id, events.subscription_id
            order by events.event_number
            rows between 1 following and unbounded following
        ) as next_period_number
    from events
),

-- A period that would have begun at or after the day from which the subscription was then cancelled never comes.
statements as (
    select
        told.tenant_id,
        told.subscription_id,
        told.holds_from_date,
        -- Of what holds already, the last word counts.
        max(told.event_number) over (
            partition by told.tenant_id, told.subscription_id
            order by told.holds_from_date, told.event_number
            rows between unbounded preceding and current row
        ) as word_number,
        max(case when told.is_period then told.event_number end) over (
            partition by told.tenant_id, told.subscription_id
            order by told.holds_from_date, told.event_number
            rows between unbounded preceding and current row
        ) as period_number,
        max(case when told.is_period then told.period_end end) over (
            partition by told.tenant_id, told.subscription_id
            order by told.holds_from_date, told.event_number
            rows between unbounded preceding and current row
        ) as paid_until_date,
        lead(told.holds_from_date) over (
            partition by told.tenant_id, told.subscription_id order by told.holds_from_date, told.event_number
        ) as next_from_date
    from told
    where
        told.event_type <> 'billing.subscription.cancelled'
        and (not told.is_period or told.cancelled_from_date is null or told.holds_from_date < told.cancelled_from_date)
),

spans as (
    select
        statements.tenant_id,
        statements.subscription_id,
        statements.word_number,
        statements.period_number,
        statements.paid_until_date,
        statements.holds_from_date as start_date,
        case
            when statements.next_from_date < statements.paid_until_date then statements.next_from_date
            else statements.paid_until_date
        end as end_date
    from statements
),

-- Spans of the same day but the last are empty, as is what is said of days that nobody pays for.
lasting as (
    select
        spans.*,
        row_number() over (partition by spans.tenant_id, spans.subscription_id order by spans.start_date) as span_number,
        lag(spans.end_date) over (partition by spans.tenant_id, spans.subscription_id order by spans.start_date)
            as previous_end_date
    from spans
    where spans.end_date > spans.start_date
)

select
    lasting.tenant_id,
    lasting.subscription_id,
    lasting.span_number,
    subscription.customer_id,
    subscription.customer_kind,
    word.plan,
    {{ monthly('word.mrr', 'plan.price_term') }} as mrr,
    word.currency,
    paid_period.is_trial,
    lasting.start_date,
    lasting.end_date,
    paid_period.holds_from_date as paid_from_date,
    lasting.paid_until_date,
    coalesce(lasting.previous_end_date < lasting.start_date, false) as is_reopening,
    case
        when paid_period.next_cancel_number < paid_period.next_period_number or paid_period.next_period_number is null
            then paid_period.next_cancelled_at
    end as cancelled_at
from lasting
-- one event each: the last word on price and plan, and the period that is paid for
inner join told as word
    on
        lasting.tenant_id = word.tenant_id
        and lasting.subscription_id = word.subscription_id
        and lasting.word_number = word.event_number
inner join told as paid_period
    on
        lasting.tenant_id = paid_period.tenant_id
        and lasting.subscription_id = paid_period.subscription_id
        and lasting.period_number = paid_period.event_number
inner join {{ ref('fact_subscription') }} as subscription
    on lasting.tenant_id = subscription.tenant_id and lasting.subscription_id = subscription.subscription_id
left join {{ ref('subscription_plan') }} as plan
    on word.plan = plan.plan
