with changes as (
    select
        event.*,
        row_number() over (
            partition by event.tenant_id, event.contact_id, event.channel
            order by event.occurred_at desc, event.event_id desc, event.source desc
        ) as recency
    from {{ ref('stg_consent_event') }} as event
    where {{ is_visible('event') }}
)

-- Consents are few, so that all are read each time.
select
    changes.tenant_id,
    changes.contact_id,
    changes.channel,
    changes.granted as is_granted,
    changes.occurred_at as changed_at
from changes
where changes.recency = 1
