{{
    config(
        materialized='incremental',
        unique_key=['tenant_id', 'user_id', 'usage_date'],
        incremental_strategy=replace_rows(),
        on_schema_change='fail',
        post_hook="{{ mark_built(['stg_usage_event']) }}"
    )
}}

with events as (
    select
        event.tenant_id,
        event.user_id,
        cast(event.occurred_at as date) as usage_date,
        event.event_type,
        event.occurred_at,
        event.feature,
        coalesce(event.is_key, false) as is_key
    from {{ ref('stg_usage_event') }} as event
    where
        {{ is_visible('event') }}
        {%- if is_incremental() %}
        -- the whole day of every user of whom something came
        and (event.tenant_id, event.user_id, cast(event.occurred_at as date)) in (
            select arrived.tenant_id, arrived.user_id, cast(arrived.occurred_at as date) as usage_date
            from {{ ref('stg_usage_event') }} as arrived
            where arrived.batch_id > {{ built_up_to('stg_usage_event') }}
        )
        {%- endif %}
)

select
    events.tenant_id,
    events.user_id,
    events.usage_date,
    -- to start a trial is to sign up, not yet to use
    count(*) filter (where events.event_type <> 'lms.trial.started') > 0 as is_active,
    count(*) filter (where events.event_type = 'app.login') as login_count,
    count(*) filter (where events.event_type = 'app.feature.used') as feature_count,
    count(*) filter (where events.event_type = 'app.feature.used' and events.is_key) as key_feature_count,
    count(distinct events.feature) as distinct_feature_count,
    count(distinct case when events.is_key then events.feature end) as distinct_key_feature_count,
    count(*) filter (where events.event_type = 'lms.course.completed') as completed_course_count,
    count(*) filter (where events.event_type = 'lms.trial.started') > 0 as is_trial_started,
    count(*) filter (where events.event_type = 'app.activated') > 0 as is_activated,
    min(events.occurred_at) as first_used_at,
    max(events.occurred_at) as last_used_at
from events
group by events.tenant_id, events.user_id, events.usage_date
