-- First order: what comes next depends on the last channel alone. Paths without a touch tell nothing of channels.
with steps as (
    select
        path.tenant_id,
        path.conversion_kind,
        coalesce(path.previous_channel, '(start)') as from_channel,
        path.channel as to_channel
    from {{ ref('attribution_path') }} as path
    where path.touch_count > 0
    union all
    select
        path.tenant_id,
        path.conversion_kind,
        path.channel as from_channel,
        case when path.is_converted then '(conversion)' else '(null)' end as to_channel
    from {{ ref('attribution_path') }} as path
    where path.touch_number = path.touch_count and path.touch_count > 0
)

select
    steps.tenant_id,
    steps.conversion_kind,
    steps.from_channel,
    steps.to_channel,
    count(*) as transition_count
from steps
group by steps.tenant_id, steps.conversion_kind, steps.from_channel, steps.to_channel
