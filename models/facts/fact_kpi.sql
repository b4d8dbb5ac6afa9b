{{
    config(
        materialized='incremental',
        incremental_strategy=add_touched(),
        on_schema_change='fail',
        pre_hook="{{ drop_touched('stg_kpi_event', 'deal_id') }}",
        post_hook="{{ mark_built(['stg_kpi_event']) }}"
    )
}}

with touched_entities as (
    {{ touched('stg_kpi_event', 'deal_id') }}
),

events as (
    {{ entity_events('stg_kpi_event', 'deal_id') }}
),

-- A later report of the same campaign and day replaces the earlier one as a whole; a deal's campaigns add up.
reports as (
    select
        events.*,
        row_number() over (
            partition by events.tenant_id, events.deal_id, events.campaign_id, events.date, events.kpi
            order by events.event_number desc
        ) as recency
    from events
),

days as (
    select
        reports.tenant_id,
        reports.deal_id,
        reports.date as kpi_date,
        reports.kpi,
        case when count(distinct reports.campaign_id) = 1 then max(reports.campaign_id) end as campaign_id,
        sum(reports.actual) as actual,
        sum(reports.target) as target,
        max(reports.occurred_at) as reported_at
    from reports
    where reports.recency = 1
    group by reports.tenant_id, reports.deal_id, reports.date, reports.kpi
)

select
    days.tenant_id,
    days.deal_id,
    days.kpi_date,
    days.kpi,
    days.campaign_id,
    days.actual,
    days.target,
    {{ fdiv('days.actual', 'days.target') }} as target_attainment,
    days.reported_at
from days
