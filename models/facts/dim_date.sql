-- From a week before the first event to a year after as_of, so that due dates fall inside.
with bounds as (
    select
        {{ add_days('cast(min(event.occurred_at) as date)', -7) }} as first_date,
        {{ add_days('cast(max(clock.as_of) as date)', 400) }} as last_date
    from {{ ref('stg_clock') }} as clock
    inner join {{ source('raw', 'events') }} as event
        on event.occurred_at <= clock.as_of and event.received_at <= clock.known_at
),

days as (
    select spine.day_date
    from {{ date_spine('(select bounds.first_date from bounds)', '(select bounds.last_date from bounds)') }} as spine
)

select
    'default' as tenant_id,
    days.day_date,
    {{ iso_weekday('days.day_date') }} as iso_weekday,
    {{ iso_weekday('days.day_date') }} >= 6 as is_weekend,
    cast(extract(day from days.day_date) as integer) as day_of_month,
    cast(date_trunc('week', days.day_date) as date) as week_start_date,
    cast(date_trunc('month', days.day_date) as date) as calendar_month,
    cast(date_trunc('quarter', days.day_date) as date) as calendar_quarter_date,
    cast(extract(year from days.day_date) as integer) as calendar_year
from days
