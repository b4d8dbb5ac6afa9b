select
    'default' as tenant_id,
    run.destination,
    run.seq as sync_number,
    run.finished_at,
    run.acknowledged as acknowledged_count,
    run.kept as kept_count,
    run.rejected as refused_count,
    run.failed as failed_count,
    run.waiting as unsent_count,
    run.is_stopped
from {{ source('raw', 'sync_run') }} as run
