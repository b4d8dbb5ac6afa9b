-- One pass over the envelope of the events, no data: cheaper than finding out which days a batch has touched.
select
    event.tenant_id,
    event.source,
    cast(event.occurred_at as date) as event_date,
    count(*) as event_count,
    min(event.occurred_at) as first_event_at,
    max(event.occurred_at) as last_event_at
from {{ source('raw', 'events') }} as event
where {{ is_visible('event') }}
group by event.tenant_id, event.source, cast(event.occurred_at as date)
