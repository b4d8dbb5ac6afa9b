{{
    config(
        materialized='incremental',
        unique_key=['tenant_id', 'deal_id', 'valid_from_date'],
        incremental_strategy=replace_rows(),
        on_schema_change='fail',
        pre_hook="{{ drop_touched('stg_deal_event', 'deal_id') }}",
        post_hook="{{ mark_built(['stg_deal_event']) }}"
    )
}}

with touched_entities as (
    {{ touched('stg_deal_event', 'deal_id') }}
),

-- What can change on a deal, as one timeline. Within an instant, stages come last: they follow from the rest.
timeline as (
    select
        event.tenant_id,
        event.deal_id,
        event.occurred_at as changed_at,
        case when event.event_type = 'crm.deal.created' then 0 else 1 end as precedence,
        event.event_id,
        event.amount,
        event.currency,
        event.owner_id,
        event.expected_close_date,
        event.probability,
        event.forecast_category,
        case when event.event_type in ('crm.deal.won', 'crm.deal.lost', 'crm.deal.reopened') then event.event_type end
            as closing_event_type,
        null as pipeline,
        null as stage
    from {{ ref('stg_deal_event') }} as event
    inner join touched_entities
        on event.tenant_id = touched_entities.tenant_id and event.deal_id = touched_entities.deal_id
    where event.event_type like 'crm.deal.%' and {{ is_visible('event') }}
    union all
    select
        visit.tenant_id,
        visit.deal_id,
        visit.entered_at as changed_at,
        2 as precedence,
        -- visits of the same instant keep their order
        lpad(cast(visit.visit_number as string), 9, '0') as event_id,
        null as amount,
        null as currency,
        null as owner_id,
        null as expected_close_date,
        null as probability,
        null as forecast_category,
        null as closing_event_type,
        visit.pipeline,
        visit.stage
    from {{ ref('fact_deal_stage') }} as visit
    inner join touched_entities
        on visit.tenant_id = touched_entities.tenant_id and visit.deal_id = touched_entities.deal_id
),

states as (
    select
        timeline.tenant_id,
        timeline.deal_id,
        cast(timeline.changed_at as date) as changed_date,
        {{ last_not_null('timeline.pipeline') }} over so_far as pipeline,
        {{ last_not_null('timeline.stage') }} over so_far as stage,
        {{ last_not_null('timeline.closing_event_type') }} over so_far as closing_event_type,
        {{ last_not_null('timeline.amount') }} over so_far as amount,
        {{ last_not_null('timeline.currency') }} over so_far as currency,
        {{ last_not_null('timeline.owner_id') }} over so_far as owner_id,
        {{ last_not_null('timeline.expected_close_date') }} over so_far as expected_close_date,
        {{ last_not_null('timeline.probability') }} over so_far as probability,
        {{ last_not_null('timeline.forecast_category') }} over so_far as forecast_category,
        row_number() over (
            partition by timeline.tenant_id, timeline.deal_id, cast(timeline.changed_at as date)
            order by timeline.changed_at desc, timeline.precedence desc, timeline.event_id desc
        ) as number_from_last
    from timeline
    window so_far as (
        partition by timeline.tenant_id, timeline.deal_id
        order by timeline.changed_at, timeline.precedence, timeline.event_id
        rows between unbounded preceding and current row
    )
),

ends_of_days as (
    select
        states.*,
        lead(states.changed_date) over (partition by states.tenant_id, states.deal_id order by states.changed_date)
            as next_changed_date
    from states
    where states.number_from_last = 1
),

days as (
    select
        ends_of_days.tenant_id,
        ends_of_days.deal_id,
        ends_of_days.changed_date as valid_from_date,
        ends_of_days.next_changed_date as valid_to_date,
        ends_of_days.pipeline,
        ends_of_days.stage,
        case
            when dim_stage.is_won then 'won'
            when ends_of_days.stage = 'cancelled' then 'cancelled'
            when dim_stage.is_lost then 'lost'
            when ends_of_days.closing_event_type = 'crm.deal.won' and ends_of_days.pipeline = 'adtech' then 'won'
            else 'open'
        end as status,
        ends_of_days.owner_id,
        ends_of_days.amount,
        ends_of_days.currency,
        ends_of_days.expected_close_date,
        ends_of_days.probability,
        coalesce(ends_of_days.forecast_category, 'pipeline') as forecast_category
    from ends_of_days
    left join {{ ref('dim_stage') }} as dim_stage
        on ends_of_days.pipeline = dim_stage.pipeline and ends_of_days.stage = dim_stage.stage

    {% if is_incremental() %}
    -- A rate that is published late, or corrected, restates days of deals that nothing else touched.
    union all
    select
        built.tenant_id,
        built.deal_id,
        built.valid_from_date,
        built.valid_to_date,
        built.pipeline,
        built.stage,
        built.status,
        built.owner_id,
        built.amount,
        built.currency,
        built.expected_close_date,
        built.probability,
        built.forecast_category
    from {{ this }} as built
    inner join {{ ref('fact_fx_rate') }} as fx
        on built.currency = fx.currency and built.valid_from_date = fx.fx_date
    where built.currency <> {{ reporting_currency() }} and built.amount_base is distinct from built.amount * fx.fx_rate
    {% endif %}
)

select
    days.tenant_id,
    days.deal_id,
    days.valid_from_date,
    days.valid_to_date,
    days.pipeline,
    days.stage,
    days.status,
    days.owner_id,
    days.amount,
    days.currency,
    case
        when days.currency = {{ reporting_currency() }} then days.amount
        else days.amount * fx.fx_rate
    end as amount_base,
    days.expected_close_date,
    days.probability,
    days.forecast_category
from days
left join {{ ref('fact_fx_rate') }} as fx
    on days.currency = fx.currency and days.valid_from_date = fx.fx_date
