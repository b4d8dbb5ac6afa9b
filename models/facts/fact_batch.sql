with rejects as (
    select
        rejection.batch_id,
        sum(rejection.reject_count) filter (where rejection.replay_batch_id = 0) as waiting_count
    from {{ ref('fact_rejection') }} as rejection
    group by rejection.batch_id
)

select
    'default' as tenant_id,
    batch.batch_id,
    batch.kind as batch_kind,
    batch.file as file_name,
    batch.received_at,
    batch.rows as row_count,
    batch.accepted as accepted_count,
    batch.duplicate as duplicate_count,
    batch.rejected as rejected_count,
    cast(coalesce(rejects.waiting_count, 0) as bigint) as waiting_count
from {{ source('raw', 'batches') }} as batch
left join rejects
    on batch.batch_id = rejects.batch_id
where batch.received_at <= {{ clock_value('known_at') }}
