with cutoffs as (
    select
        feature.tenant_id,
        feature.customer_id,
        feature.cutoff_at,
        -- who it is by now
        case
            when feature.customer_kind = 'account'
                then 'account:' || coalesce(merged.merged_into_account_id, substr(feature.customer_id, 9))
            else feature.customer_id
        end as standing_customer_id,
        feature.active_day_count_30d > 0 as is_active,
        feature.cutoff_at + interval '30' day as known_30d_at,
        feature.cutoff_at + interval '90' day as known_90d_at
    from {{ ref('feat_customer') }} as feature
    left join {{ ref('fact_account_merge') }} as merged
        on
            feature.tenant_id = merged.tenant_id
            and feature.customer_kind = 'account'
            and substr(feature.customer_id, 9) = merged.account_id
    where not feature.is_latest
),

-- Whether a subscription goes on at the end of a horizon: paid for on that day, and not cancelled by then.
kept as (
    select
        cutoffs.tenant_id,
        cutoffs.customer_id,
        cutoffs.cutoff_at,
        count(*) filter (
            where
            span.start_date <= cast(cutoffs.known_30d_at as date)
            and span.end_date > cast(cutoffs.known_30d_at as date)
            and (span.cancelled_at is null or span.cancelled_at > cutoffs.known_30d_at)
        ) > 0 as is_kept_30d,
        count(*) filter (
            where
            span.start_date <= cast(cutoffs.known_90d_at as date)
            and span.end_date > cast(cutoffs.known_90d_at as date)
            and (span.cancelled_at is null or span.cancelled_at > cutoffs.known_90d_at)
        ) > 0 as is_kept_90d
    from cutoffs
    inner join {{ ref('fact_subscription_period') }} as span
        on
            cutoffs.tenant_id = span.tenant_id
            and cutoffs.standing_customer_id = span.customer_id
    group by cutoffs.tenant_id, cutoffs.customer_id, cutoffs.cutoff_at
),

users as (
    select cutoffs.tenant_id, cutoffs.customer_id, cutoffs.cutoff_at, member.id_value as user_id
    from cutoffs
    inner join {{ ref('customer_member') }} as member
        on cutoffs.tenant_id = member.tenant_id and cutoffs.customer_id = member.customer_key
    where member.id_kind = 'user'
    union
    select cutoffs.tenant_id, cutoffs.customer_id, cutoffs.cutoff_at, member.id_value as user_id
    from cutoffs
    inner join {{ ref('customer_member') }} as member
        on cutoffs.tenant_id = member.tenant_id and cutoffs.standing_customer_id = member.customer_key
    where member.id_kind = 'user'
),

-- The first use after the cutoff, by whoever is known by now to belong to the customer.
seen as (
    select users.tenant_id, users.customer_id, users.cutoff_at, min(event.occurred_at) as seen_at
    from users
    inner join {{ ref('stg_usage_event') }} as event
        on
            users.tenant_id = event.tenant_id
            and users.user_id = event.user_id
            and event.occurred_at > users.cutoff_at
    where {{ is_visible('event') }}
    group by users.tenant_id, users.customer_id, users.cutoff_at
)

select
    cutoffs.tenant_id,
    cutoffs.customer_id,
    cutoffs.cutoff_at,
    case when cutoffs.known_30d_at <= {{ as_of() }} then not coalesce(kept.is_kept_30d, false) end as is_cancelled_30d,
    case when cutoffs.known_90d_at <= {{ as_of() }} then not coalesce(kept.is_kept_90d, false) end as is_cancelled_90d,
    case
        when cutoffs.known_30d_at <= {{ as_of() }} and cutoffs.is_active
            then coalesce(seen.seen_at > cutoffs.known_30d_at, true)
    end as is_silent_30d,
    case
        when cutoffs.known_90d_at <= {{ as_of() }} and cutoffs.is_active
            then coalesce(seen.seen_at > cutoffs.known_90d_at, true)
    end as is_silent_90d,
    cutoffs.known_30d_at as label_known_30d_at,
    cutoffs.known_90d_at as label_known_90d_at,
    {{ days(micros_between('cutoffs.cutoff_at', as_of())) }} as observed_days
from cutoffs
left join kept
    on
        cutoffs.tenant_id = kept.tenant_id
        and cutoffs.customer_id = kept.customer_id
        and cutoffs.cutoff_at = kept.cutoff_at
left join seen
    on
        cutoffs.tenant_id = seen.tenant_id
        and cutoffs.customer_id = seen.customer_id
        and cutoffs.cutoff_at = seen.cutoff_at
