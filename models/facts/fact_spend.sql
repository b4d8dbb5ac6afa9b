{{
    config(
        materialized='incremental',
        unique_key=['tenant_id', 'spend_date', 'spend_source', 'campaign_id'],
        incremental_strategy=replace_rows(),
        on_schema_change='fail',
        post_hook="{{ mark_built(['stg_spend_event']) }}"
    )
}}

-- A report has no id of its own: what it reports on, a day of a channel's campaign, is the entity.
with touched_entities as (
    select distinct
        event.tenant_id,
        event.date as spend_date,
        event.channel as spend_source,
        coalesce(event.campaign_id, '(not set)') as campaign_id
    from {{ ref('stg_spend_event') }} as event
    {% if is_incremental() %}
    where event.batch_id > {{ built_up_to('stg_spend_event') }}
    union
    {{ revalued(['spend_date', 'spend_source', 'campaign_id'], 'spend_date', ['amount']) }}
    {% endif %}
),

-- A later report replaces the earlier one as a whole.
reports as (
    select
        event.*,
        coalesce(event.campaign_id, '(not set)') as reported_campaign_id,
        row_number() over (
            partition by event.tenant_id, event.date, event.channel, coalesce(event.campaign_id, '(not set)')
            order by event.occurred_at desc, event.event_id desc, event.source desc
        ) as recency
    from {{ ref('stg_spend_event') }} as event
    {% if is_incremental() %}
    inner join touched_entities
        on
            event.tenant_id = touched_entities.tenant_id
            and event.date = touched_entities.spend_date
            and event.channel = touched_entities.spend_source
            and coalesce(event.campaign_id, '(not set)') = touched_entities.campaign_id
    {% endif %}
    where {{ is_visible('event') }}
)

select
    reports.tenant_id,
    reports.date as spend_date,
    reports.channel as spend_source,
    reports.reported_campaign_id as campaign_id,
    coalesce(named.channel, lower(trim(reports.channel))) as channel,
    reports.amount,
    reports.currency,
    {{ in_base('reports.amount', 'reports.currency', 'fx') }} as amount_base,
    reports.impressions,
    reports.clicks,
    reports.occurred_at as reported_at
from reports
-- the channel that sessions of this source are of; none or one
left join {{ ref('channel') }} as named
    on named.channel_field = 'utm_source' and lower(trim(reports.channel)) = named.channel_value
left join {{ ref('fact_fx_rate') }} as fx
    on reports.currency = fx.currency and reports.date = fx.fx_date
where reports.recency = 1
