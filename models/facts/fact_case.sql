with actions as (
    select
        event.*,
        row_number() over (
            partition by event.tenant_id, event.subject_type, event.subject_id
            order by event.occurred_at asc, event.event_id asc, event.source asc
        ) as event_number
    from {{ ref('stg_case_event') }} as event
    where {{ is_visible('event') }}
),

reopenings as (
    select
        actions.tenant_id,
        actions.subject_type,
        actions.subject_id,
        max(actions.event_number) as last_number
    from actions
    where actions.event_type = 'ops.case.reopened'
    group by actions.tenant_id, actions.subject_type, actions.subject_id
),

standing as (
    select actions.*
    from actions
    left join reopenings
        on
            actions.tenant_id = reopenings.tenant_id
            and actions.subject_type = reopenings.subject_type
            and actions.subject_id = reopenings.subject_id
    where actions.event_number > coalesce(reopenings.last_number, 0)
)

-- People act on few cases, so that all actions are read each time.
select
    standing.tenant_id,
    standing.subject_type,
    standing.subject_id,
    max_by(standing.event_type, standing.event_number) as last_action,
    max(standing.occurred_at) as last_changed_at,
    max_by(standing.acted_by, standing.event_number) filter (where standing.event_type = 'ops.case.taken') as taken_by,
    max_by(standing.occurred_at, standing.event_number) filter (where standing.event_type = 'ops.case.taken') as taken_at,
    max_by(standing.acted_by, standing.event_number) filter (where standing.event_type = 'ops.case.handled') as handled_by,
    max_by(standing.occurred_at, standing.event_number) filter (where standing.event_type = 'ops.case.handled') as handled_at,
    max_by(coalesce(standing.outcome, 'other'), standing.event_number) filter (
        where standing.event_type = 'ops.case.handled'
    ) as handled_outcome,
    -- Below 0 stands for a score that was not stated: a null would let an earlier one pass for it.
    nullif(
        max_by(coalesce(standing.score, -1), standing.event_number) filter (where standing.event_type = 'ops.case.handled'), -1
    ) as handled_score,
    max_by(standing.snoozed_until, standing.event_number) filter (where standing.event_type = 'ops.case.snoozed') as snoozed_until
from standing
group by standing.tenant_id, standing.subject_type, standing.subject_id
