-- Nobody could have received what was there before the warehouse was.
with first_batches as (
    select
        event.tenant_id,
        event.source,
        min_by(event.received_at, event.batch_id) filter (where event.received_at is not null) as first_received_at
    from {{ source('raw', 'events') }} as event
    where event.received_at <= {{ clock_value('known_at') }}
    group by event.tenant_id, event.source
)

select
    first_batches.tenant_id,
    first_batches.source,
    first_batches.first_received_at,
    {{ from_epoch_micros(epoch_micros('first_batches.first_received_at') ~ ' + ' ~ micros('setting.history_hours')) }}
        as history_until_at
from first_batches
cross join {{ ref('scoring_setting') }} as setting
