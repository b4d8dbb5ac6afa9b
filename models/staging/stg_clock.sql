{{ config(materialized='table') }}

-- A variable given to dbt by hand wins over what the run has asked for, and that over the default.
with asked as (
    select
        coalesce(
            {{ "cast('" ~ var('known_at') ~ "' as timestamp)" if var('known_at') else 'clock.known_at' }},
            cast('9999-12-31' as timestamp)
        ) as known_at,
        {{ "cast('" ~ var('as_of') ~ "' as timestamp)" if var('as_of') else 'clock.as_of' }} as as_of
    from {{ source('raw', 'clock') }} as clock -- noqa: AL05
),

latest as (
    select max(event.occurred_at) as occurred_at
    from {{ source('raw', 'events') }} as event
    cross join asked
    where event.received_at <= asked.known_at
)

select
    coalesce(asked.as_of, latest.occurred_at) as as_of,
    asked.known_at
from asked
cross join latest
