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
    select
        actions.*,
        row_number() over (
            partition by actions.tenant_id, actions.subject_type, actions.subject_id, actions.event_type
            order by actions.event_number desc
        ) as recency
    from actions
    left join reopenings
        on
            actions.tenant_id = reopenings.tenant_id
            and actions.subject_type = reopenings.subject_type
            and actions.subject_id = reopenings.subject_id
    where actions.event_number > coalesce(reopenings.last_number, 0)
),

-- Of each kind of action the last one, also in what it leaves unsaid.
latest as (
    select
        standing.*,
        standing.event_type = 'ops.case.taken' as is_taking,
        standing.event_type = 'ops.case.handled' as is_handling,
        standing.event_type = 'ops.case.snoozed' as is_snoozing
    from standing
    where standing.recency = 1
)

-- People act on few cases, so that all actions are read each time.
select
    latest.tenant_id,
    latest.subject_type,
    latest.subject_id,
    max_by(latest.event_type, latest.event_number) as last_action,
    max(latest.occurred_at) as last_changed_at,
    max(latest.acted_by) filter (where latest.is_taking) as taken_by,
    max(latest.occurred_at) filter (where latest.is_taking) as taken_at,
    max(latest.acted_by) filter (where latest.is_handling) as handled_by,
    max(latest.occurred_at) filter (where latest.is_handling) as handled_at,
    max(coalesce(latest.outcome, 'other')) filter (where latest.is_handling) as handled_outcome,
    max(latest.score) filter (where latest.is_handling) as handled_score,
    max(latest.snoozed_until) filter (where latest.is_snoozing) as snoozed_until
from latest
group by latest.tenant_id, latest.subject_type, latest.subject_id
