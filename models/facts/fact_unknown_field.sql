select
    'default' as tenant_id,
    drift.event_type,
    drift.field as field_name,
    drift.json_type,
    drift.first_batch_id,
    batch.received_at as first_received_at
from {{ source('raw', 'schema_drift') }} as drift
inner join {{ source('raw', 'batches') }} as batch
    on drift.first_batch_id = batch.batch_id
where batch.received_at <= {{ clock_value('known_at') }}
