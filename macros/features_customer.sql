{#- Parts of models/features/feat_customer.sql, each a few CTEs: a model of its own would be built and kept for one reader. -#}

{#- CTEs on `members`: `usage` of the product in windows, and `gaps`, the habit of each customer. -#}
{%- macro customer_uses() -%}
usage_events as (
    {{ known_events('stg_usage_event', 'user_id') }}
),

-- Half a year of use is enough to know a customer's habits.
uses as (
    select
        members.tenant_id,
        members.customer_id,
        members.cutoff_at,
        event.user_id,
        event.event_type,
        event.feature,
        event.is_key,
        event.occurred_at
    from members
    inner join usage_events as event
        on
            members.tenant_id = event.tenant_id
            and members.id_kind = 'user'
            and members.id_value = event.user_id
            and event.known_from_at <= members.known_by_at
            and {{ in_last_days('event.occurred_at', 'members.cutoff_at', 180) }}
),

usage as (
    select
        uses.tenant_id,
        uses.customer_id,
        uses.cutoff_at,
        max(uses.occurred_at) as last_seen_at,
        count(*) filter (where uses.event_type = 'app.login' and {{ in_last_days('uses.occurred_at', 'uses.cutoff_at', 30) }})
            as login_count_30d,
        count(*) filter (
            where
            uses.event_type = 'app.login'
            and {{ in_last_days('uses.occurred_at', 'uses.cutoff_at', 60) }}
            and not {{ in_last_days('uses.occurred_at', 'uses.cutoff_at', 30) }}
        ) as login_count_31d_to_60d,
        count(*) filter (
            where uses.event_type = 'app.feature.used' and {{ in_last_days('uses.occurred_at', 'uses.cutoff_at', 30) }}
        ) as feature_use_count_30d,
        count(*) filter (where uses.is_key and {{ in_last_days('uses.occurred_at', 'uses.cutoff_at', 30) }})
            as key_feature_use_count_30d,
        count(distinct case when {{ in_last_days('uses.occurred_at', 'uses.cutoff_at', 30) }} then uses.feature end)
            as distinct_feature_count_30d,
        count(
            distinct case when uses.is_key and {{ in_last_days('uses.occurred_at', 'uses.cutoff_at', 30) }} then uses.feature end
        ) as distinct_key_feature_count_30d,
        count(
            distinct case
                when {{ in_last_days('uses.occurred_at', 'uses.cutoff_at', 30) }} then cast(uses.occurred_at as date)
            end
        ) as active_day_count_30d,
        count(distinct case when {{ in_last_days('uses.occurred_at', 'uses.cutoff_at', 30) }} then uses.user_id end)
            as active_user_count_30d,
        count(*) filter (
            where uses.event_type = 'lms.course.completed' and {{ in_last_days('uses.occurred_at', 'uses.cutoff_at', 90) }}
        ) as course_count_90d
    from uses
    group by uses.tenant_id, uses.customer_id, uses.cutoff_at
),

active_days as (
    select distinct uses.tenant_id, uses.customer_id, uses.cutoff_at, cast(uses.occurred_at as date) as day_date
    from uses
),

days_in_order as (
    select
        active_days.*,
        lag(active_days.day_date) over (
            partition by active_days.tenant_id, active_days.customer_id, active_days.cutoff_at order by active_days.day_date
        ) as previous_date
    from active_days
),

gaps as (
    select
        days.tenant_id,
        days.customer_id,
        days.cutoff_at,
        percentile_cont(0.5) within group (
            order by {{ days_between_dates('days.previous_date', 'days.day_date') }}
        ) as median_gap_days
    from days_in_order as days
    where days.previous_date is not null
    group by days.tenant_id, days.customer_id, days.cutoff_at
)
{%- endmacro -%}

{#- CTEs on `keys` and `members`: `support`, the tickets of each customer. -#}
{%- macro customer_support() -%}
ticket_events as (
    {{ known_events('stg_ticket_event', 'ticket_id', 'support.ticket.opened') }}
),

ticket_owners as (
    select keys.tenant_id, keys.customer_id, keys.cutoff_at, keys.known_by_at, event.ticket_id
    from keys
    inner join ticket_events as event
        on
            keys.tenant_id = event.tenant_id
            and keys.customer_key = 'account:' || event.account_id
            and event.known_from_at <= keys.known_by_at
    union
    select members.tenant_id, members.customer_id, members.cutoff_at, members.known_by_at, event.ticket_id
    from members
    inner join ticket_events as event
        on
            members.tenant_id = event.tenant_id
            and members.id_kind = 'user'
            and members.id_value = event.user_id
            and event.known_from_at <= members.known_by_at
),

tickets as (
    select
        ticket_owners.tenant_id,
        ticket_owners.customer_id,
        ticket_owners.cutoff_at,
        event.ticket_id,
        min(event.occurred_at) as opened_at,
        max_by(event.event_type, event.event_number) <> 'support.ticket.resolved' as is_open,
        {{ last_stated('event', 'priority') }} as priority
    from ticket_owners
    {{ join_known('ticket_events', 'event', 'ticket_owners', 'ticket_id') }}
    group by ticket_owners.tenant_id, ticket_owners.customer_id, ticket_owners.cutoff_at, event.ticket_id
),

support as (
    select
        tickets.tenant_id,
        tickets.customer_id,
        tickets.cutoff_at,
        count(*) filter (where tickets.is_open) as open_ticket_count,
        count(*) filter (where tickets.is_open and tickets.priority in ('high', 'urgent')) as open_urgent_ticket_count,
        min(tickets.opened_at) filter (where tickets.is_open) as oldest_open_ticket_at,
        count(*) filter (where {{ in_last_days('tickets.opened_at', 'tickets.cutoff_at', 30) }}) as ticket_count_30d,
        count(*) filter (where {{ in_last_days('tickets.opened_at', 'tickets.cutoff_at', 90) }}) as ticket_count_90d
    from tickets
    group by tickets.tenant_id, tickets.customer_id, tickets.cutoff_at
)
{%- endmacro -%}
