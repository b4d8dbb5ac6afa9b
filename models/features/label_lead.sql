with conversions as (
    select event.tenant_id, event.lead_id, min(event.occurred_at) as converted_at
    from {{ ref('stg_lead_event') }} as event
    where event.event_type = 'crm.lead.converted' and {{ is_visible('event') }}
    group by event.tenant_id, event.lead_id
),

cutoffs as (
    select
        feature.tenant_id,
        feature.lead_id,
        feature.cutoff_at,
        feature.cutoff_at + interval '30' day as known_30d_at,
        feature.cutoff_at + interval '90' day as known_90d_at
    from {{ ref('feat_lead') }} as feature
    where not feature.is_latest
)

-- A lead that had converted already, which was received later, has no label.
select
    cutoffs.tenant_id,
    cutoffs.lead_id,
    cutoffs.cutoff_at,
    case
        when cutoffs.known_30d_at <= {{ as_of() }} and coalesce(conversions.converted_at > cutoffs.cutoff_at, true)
            then coalesce(conversions.converted_at <= cutoffs.known_30d_at, false)
    end as is_converted_30d,
    case
        when cutoffs.known_90d_at <= {{ as_of() }} and coalesce(conversions.converted_at > cutoffs.cutoff_at, true)
            then coalesce(conversions.converted_at <= cutoffs.known_90d_at, false)
    end as is_converted_90d,
    cutoffs.known_30d_at as label_known_30d_at,
    cutoffs.known_90d_at as label_known_90d_at,
    {{ days(micros_between('cutoffs.cutoff_at', 'conversions.converted_at')) }} as days_to_conversion,
    {{ days(micros_between('cutoffs.cutoff_at', as_of())) }} as observed_days
from cutoffs
left join conversions
    on cutoffs.tenant_id = conversions.tenant_id and cutoffs.lead_id = conversions.lead_id
