with known as (
    select batch.batch_id, batch.received_at
    from {{ source('raw', 'batches') }} as batch
    where batch.received_at <= {{ clock_value('known_at') }}
)

select
    'default' as tenant_id,
    rejected.batch_id,
    rejected.reason as reject_reason,
    coalesce(rejected.event_type, '(not set)') as event_type,
    -- a replay that had not come by known_at has taken nothing over yet
    coalesce(replay.batch_id, 0) as replay_batch_id,
    known.received_at as rejected_at,
    replay.received_at as replayed_at,
    count(*) as reject_count
from {{ source('raw', 'rejected_events') }} as rejected
inner join known
    on rejected.batch_id = known.batch_id
left join known as replay
    on rejected.replay_batch_id = replay.batch_id
group by
    rejected.batch_id, rejected.reason, coalesce(rejected.event_type, '(not set)'), coalesce(replay.batch_id, 0),
    known.received_at, replay.received_at
