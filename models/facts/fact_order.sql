{{
    config(
        materialized='incremental',
        unique_key=['tenant_id', 'order_id'],
        incremental_strategy=replace_rows(),
        on_schema_change='fail',
        post_hook="{{ mark_built(['stg_order_event']) }}"
    )
}}

with touched_entities as (
    {{ touched('stg_order_event', 'order_id') }}
    {% if is_incremental() %}
    union
    {{ revalued(['order_id'], 'created_at', ['amount', 'cost']) }}
    {% endif %}
),

events as (
    {{ entity_events('stg_order_event', 'order_id', 'shop.order.created') }}
),

statuses as (
    select
        events.tenant_id,
        events.order_id,
        events.status,
        events.occurred_at,
        lag(events.status) over (partition by events.tenant_id, events.order_id order by events.event_number)
            as previous_status
    from events
    where events.status is not null
),

-- The present status began with the last change to it; the same status stated again changes nothing.
changes as (
    select statuses.tenant_id, statuses.order_id, max(statuses.occurred_at) as status_since_at
    from statuses
    where statuses.status is distinct from statuses.previous_status
    group by statuses.tenant_id, statuses.order_id
),

orders as (
    select
        events.tenant_id,
        events.order_id,
        {{ last_stated('events', 'contact_id') }} as contact_id,
        {{ last_stated('events', 'lead_id') }} as lead_id,
        {{ last_stated('events', 'product') }} as product,
        {{ last_stated('events', 'amount') }} as amount,
        {{ last_stated('events', 'cost') }} as cost,
        {{ last_stated('events', 'currency') }} as currency,
        coalesce({{ last_stated('events', 'status') }}, 'new') as order_status,
        min(events.occurred_at) filter (where events.event_type = 'shop.order.created') as stated_created_at,
        min(events.occurred_at) as first_event_at,
        min(events.occurred_at) filter (where events.status = 'paid') as paid_at,
        min(events.occurred_at) filter (where events.status = 'ready') as ready_at,
        min(events.occurred_at) filter (where events.status = 'issued') as issued_at,
        max(events.occurred_at) as last_changed_at
    from events
    group by events.tenant_id, events.order_id
),

dated as (
    select
        orders.*,
        coalesce(orders.stated_created_at, orders.first_event_at) as created_at,
        coalesce(changes.status_since_at, orders.stated_created_at, orders.first_event_at) as status_since_at
    from orders
    left join changes
        on orders.tenant_id = changes.tenant_id and orders.order_id = changes.order_id
),

-- Price and cost were agreed on the day of the order, so that its rate holds for both, and for a refund as well.
valued as (
    select
        dated.*,
        {{ in_base('dated.amount', 'dated.currency', 'fx') }} as amount_base,
        {{ in_base('dated.cost', 'dated.currency', 'fx') }} as cost_base
    from dated
    left join {{ ref('fact_fx_rate') }} as fx
        on dated.currency = fx.currency and cast(dated.created_at as date) = fx.fx_date
)

select
    valued.tenant_id,
    valued.order_id,
    valued.contact_id,
    valued.lead_id,
    valued.product,
    valued.amount,
    valued.cost,
    valued.currency,
    valued.amount_base,
    valued.cost_base,
    valued.amount_base - valued.cost_base as margin_base,
    valued.order_status,
    valued.created_at,
    valued.paid_at,
    valued.ready_at,
    valued.issued_at,
    -- An order that is cancelled was not sold, whatever it was before. Who pays on collection buys on that day.
    case
        when valued.order_status = 'cancelled' then cast(null as timestamp)
        when valued.issued_at < valued.paid_at or valued.paid_at is null then valued.issued_at
        else valued.paid_at
    end as sold_at,
    case when valued.order_status = 'cancelled' then valued.status_since_at end as cancelled_at,
    case when valued.order_status = 'refunded' then valued.status_since_at end as refunded_at,
    valued.status_since_at,
    case
        when valued.issued_at < valued.created_at then 0.0
        else {{ hours(micros_between('valued.created_at', 'valued.issued_at')) }}
    end as hours_to_issue,
    valued.last_changed_at
from valued
