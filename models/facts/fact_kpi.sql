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

-- A later report of the same day replaces the earlier one as a whole.
reports as (
    select
        events.*,
        row_number() over (
            partition by events.tenant_id, events.deal_id, events.date, events.kpi order by events.event_number desc
        ) as recency
    from events
)

select
    reports.tenant_id,
    reports.deal_id,
    reports.date as kpi_date,
    reports.kpi,
    reports.campaign_id,
    reports.actual,
    reports.target,
    {{ fdiv('reports.actual', 'reports.target') }} as target_attainment,
    reports.occurred_at as reported_at
from reports
where reports.recency = 1
