-- The rate of a day is the latest published on or before it; a day before the first publication has none. Rates are
-- the reporting currency's, so they hold for every tenant.
with published as (
    select
        event.currency,
        event.date as rate_date,
        max_by(event.rate, event.publication_number) as rate
    from (
        select
            rate_event.*,
            row_number() over (order by rate_event.occurred_at, rate_event.event_id, rate_event.source) as publication_number
        from {{ ref('stg_fx_rate_event') }} as rate_event
        where {{ is_visible('rate_event') }}
    ) as event
    group by event.currency, event.date
),

validity as (
    select
        published.currency,
        published.rate,
        published.rate_date,
        lead(published.rate_date) over (partition by published.currency order by published.rate_date) as next_rate_date
    from published
)

select
    'default' as tenant_id,
    validity.currency,
    dim_date.day_date as fx_date,
    validity.rate as fx_rate,
    validity.rate_date as published_date
from validity
-- one publication holds for every day until the next
inner join {{ ref('dim_date') }} as dim_date
    on
        dim_date.day_date >= validity.rate_date
        and (dim_date.day_date < validity.next_rate_date or validity.next_rate_date is null)
