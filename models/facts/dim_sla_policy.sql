select
    'default' as tenant_id,
    policy.sla,
    policy.pipeline,
    policy.start_event,
    policy.stop_event,
    cast(policy.target_hours as double) as target_hours,
    policy.calendar,
    calendar.time_zone,
    calendar.is_always_open,
    policy.owner_domain
from {{ ref('sla_policy') }} as policy
-- A calendar that is missing stays null here, and the test on this column stops the run: it never means 24x7.
left join {{ ref('calendar') }} as calendar
    on policy.calendar = calendar.calendar
