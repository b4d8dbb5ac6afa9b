{{
    config(
        materialized='incremental',
        unique_key=['tenant_id', 'expense_id'],
        incremental_strategy=replace_rows(),
        on_schema_change='fail',
        post_hook="{{ mark_built(['stg_expense_event']) }}"
    )
}}

with touched_entities as (
    {{ touched('stg_expense_event', 'expense_id') }}
    {% if is_incremental() %}
    union
    {{ revalued(['expense_id'], 'expense_date', ['amount']) }}
    {% endif %}
),

events as (
    {{ entity_events('stg_expense_event', 'expense_id') }}
),

-- An expense that is recorded again is corrected: the last record of it holds as a whole.
records as (
    select
        events.*,
        row_number() over (partition by events.tenant_id, events.expense_id order by events.event_number desc) as recency
    from events
)

select
    records.tenant_id,
    records.expense_id,
    records.category as expense_category,
    records.date as expense_date,
    records.amount,
    records.currency,
    {{ in_base('records.amount', 'records.currency', 'fx') }} as amount_base,
    records.occurred_at as recorded_at
from records
left join {{ ref('fact_fx_rate') }} as fx
    on records.currency = fx.currency and records.date = fx.fx_date
where records.recency = 1
