-- A merge that is stated again, into another account, replaces the one before.
with statements as (
    select
        event.tenant_id,
        event.loser_id,
        event.winner_id,
        event.occurred_at,
        event.event_id,
        event.source,
        row_number() over (
            partition by event.tenant_id, event.loser_id
            order by event.occurred_at desc, event.event_id desc, event.source desc
        ) as recency
    from {{ ref('stg_identity_event') }} as event
    where event.event_type = 'crm.account.merged' and event.winner_id <> event.loser_id and {{ is_visible('event') }}
),

merged as (
    select statements.*
    from statements
    where statements.recency = 1
),

edges as (
    select
        merged.tenant_id,
        greatest(merged.loser_id, merged.winner_id) as higher,
        least(merged.loser_id, merged.winner_id) as lower
    from merged
),

{{ connected_components(rounds=7) }},

grouped as (
    select
        merged.tenant_id,
        merged.loser_id,
        merged.winner_id,
        merged.occurred_at,
        -- the component is its own smallest node, which no row of components names
        coalesce(components.component, merged.loser_id) as component,
        row_number() over (
            partition by merged.tenant_id, coalesce(components.component, merged.loser_id)
            order by merged.occurred_at desc, merged.event_id desc, merged.source desc
        ) as recency
    from merged
    left join components
        on merged.tenant_id = components.tenant_id and merged.loser_id = components.node
),

-- Every account has at most one winner, so that a group has one account that was never merged away, or goes round in a circle.
survivors as (
    select
        grouped.tenant_id,
        grouped.component,
        coalesce(
            min(grouped.winner_id) filter (where merged_away.loser_id is null),
            min(grouped.winner_id) filter (where grouped.recency = 1)
        ) as account_id
    from grouped
    left join merged as merged_away
        on grouped.tenant_id = merged_away.tenant_id and grouped.winner_id = merged_away.loser_id
    group by grouped.tenant_id, grouped.component
)

select
    grouped.tenant_id,
    grouped.loser_id as account_id,
    survivors.account_id as merged_into_account_id,
    grouped.occurred_at as merged_at
from grouped
inner join survivors
    on grouped.tenant_id = survivors.tenant_id and grouped.component = survivors.component
where grouped.loser_id <> survivors.account_id
