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
        0 as visit_number,
        event.event_id,
        event.source,
        event.amount,
        event.currency,
        event.owner_id,
        event.expected_close_date,
        event.probability,
        event.forecast_category,
        case when event.event_type in ('crm.deal.won', 'crm.deal.lost', 'crm.deal.reopened') then event.event_type end
            as closing_event_type,
        null as stage,
        null as is_revoked
    from {{ ref('stg_deal_event') }} as event
    {{ join_touched('event', 'deal_id') }}
    where event.event_type like 'crm.deal.%' and {{ is_visible('event') }}
    union all
    select
        visit.tenant_id,
        visit.deal_id,
        visit.entered_at as changed_at,
        2 as precedence,
        -- visits of the same instant keep their order
        visit.visit_number,
        '' as event_id,
        '' as source,
        null as amount,
        null as currency,
        null as owner_id,
        null as expected_close_date,
        null as probability,
        null as forecast_category,
        null as closing_event_type,
        visit.stage,
        null as is_revoked
    from {{ ref('fact_deal_stage') }} as visit
    {{ join_touched('visit', 'deal_id') }}
    union all
    select
        change.tenant_id,
        change.deal_id,
        change.changed_at,
        1 as precedence,
        0 as visit_number,
        change.event_id,
        change.source,
        null as amount,
        null as currency,
        null as owner_id,
        null as expected_close_date,
        null as probability,
        null as forecast_category,
        null as closing_event_type,
        null as stage,
        change.is_set as is_revoked
    from {{ ref('fact_gate_change') }} as change
    {{ join_touched('change', 'deal_id') }}
    -- a contract taken back says nothing of a deal that people move, least of all before there is one
    inner join {{ ref('fact_deal') }} as deal
        on change.tenant_id = deal.tenant_id and change.deal_id = deal.deal_id
    where change.gate = 'revoked' and deal.pipeline = 'adtech'
),

states as (
    select
        timeline.tenant_id,
        timeline.deal_id,
        cast(timeline.changed_at as date) as changed_date,
        {{ last_not_null('timeline.stage') }} over so_far as stage,
        {{ last_not_null('timeline.is_revoked') }} over so_far as is_revoked,
        {{ last_not_null('timeline.closing_event_type') }} over so_far as closing_event_type,
        {{ last_not_null('timeline.amount') }} over so_far as amount,
        {{ last_not_null('timeline.currency') }} over so_far as currency,
        {{ last_not_null('timeline.owner_id') }} over so_far as owner_id,
        {{ last_not_null('timeline.expected_close_date') }} over so_far as expected_close_date,
        {{ last_not_null('timeline.probability') }} over so_far as probability,
        {{ last_not_null('timeline.forecast_category') }} over so_far as forecast_category,
        lead(cast(timeline.changed_at as date)) over (
            partition by timeline.tenant_id, timeline.deal_id
            order by
                timeline.changed_at, timeline.precedence, timeline.visit_number, timeline.event_id, timeline.source
        ) as following_date
    from timeline
    window so_far as (
        partition by timeline.tenant_id, timeline.deal_id
        order by timeline.changed_at, timeline.precedence, timeline.visit_number, timeline.event_id, timeline.source
        rows between unbounded preceding and current row
    )
),

ends_of_days as (
    select
        states.tenant_id,
        states.deal_id,
        states.changed_date,
        deal.pipeline,
        states.stage,
        -- As in fact_deal: the MasterDeal has more ways to end than its stages.
        case
            when dim_stage.is_lost and states.stage <> 'cancelled' then 'lost'
            when deal.pipeline = 'adtech' and states.is_revoked then 'cancelled'
            when dim_stage.is_won then 'won'
            when deal.pipeline = 'adtech' and states.closing_event_type = 'crm.deal.won' then 'won'
            else 'open'
        end as status,
        states.owner_id,
        states.amount,
        states.currency,
        states.expected_close_date,
        states.probability,
        coalesce(states.forecast_category, 'pipeline') as forecast_category
    from states
    inner join {{ ref('fact_deal') }} as deal
        on states.tenant_id = deal.tenant_id and states.deal_id = deal.deal_id
    left join {{ ref('dim_stage') }} as dim_stage
        on deal.pipeline = dim_stage.pipeline and states.stage = dim_stage.stage
    -- the last of its day
    where states.following_date is null or states.following_date > states.changed_date
),

compared as (
    select
        ends_of_days.*,
        row_number() over day_by_day as day_number,
        lag(ends_of_days.stage) over day_by_day as previous_stage,
        lag(ends_of_days.status) over day_by_day as previous_status,
        lag(ends_of_days.owner_id) over day_by_day as previous_owner_id,
        lag(ends_of_days.amount) over day_by_day as previous_amount,
        lag(ends_of_days.currency) over day_by_day as previous_currency,
        lag(ends_of_days.expected_close_date) over day_by_day as previous_expected_close_date,
        lag(ends_of_days.probability) over day_by_day as previous_probability,
        lag(ends_of_days.forecast_category) over day_by_day as previous_forecast_category
    from ends_of_days
    window day_by_day as (
        partition by ends_of_days.tenant_id, ends_of_days.deal_id order by ends_of_days.changed_date
    )
),

-- A day that ended as the one before is no row of its own.
changed_days as (
    select compared.*
    from compared
    where
        compared.day_number = 1
        or compared.stage is distinct from compared.previous_stage
        or compared.status is distinct from compared.previous_status
        or compared.owner_id is distinct from compared.previous_owner_id
        or compared.amount is distinct from compared.previous_amount
        or compared.currency is distinct from compared.previous_currency
        or compared.expected_close_date is distinct from compared.previous_expected_close_date
        or compared.probability is distinct from compared.previous_probability
        or compared.forecast_category is distinct from compared.previous_forecast_category
),

days as (
    select
        changed_days.tenant_id,
        changed_days.deal_id,
        changed_days.changed_date as valid_from_date,
        lead(changed_days.changed_date) over (
            partition by changed_days.tenant_id, changed_days.deal_id order by changed_days.changed_date
        ) as valid_to_date,
        changed_days.pipeline,
        changed_days.stage,
        changed_days.status,
        changed_days.owner_id,
        changed_days.amount,
        changed_days.currency,
        changed_days.expected_close_date,
        changed_days.probability,
        changed_days.forecast_category
    from changed_days

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
