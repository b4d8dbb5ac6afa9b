-- Unsubscriptions are few beside all events of e-mails, so that all are read each time.
select
    event.tenant_id,
    event.source,
    event.event_id,
    event.campaign_id,
    event.channel,
    {{ subject_kind('event') }} as subject_kind,
    {{ subject_id('event') }} as subject_id,
    event.occurred_at as unsubscribed_at
from {{ ref('stg_email_event') }} as event
where event.event_type = 'crm.unsubscribe' and {{ is_visible('event') }}
