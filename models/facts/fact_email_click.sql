-- Clicks are few beside all events of e-mails, so that all are read each time.
select
    event.tenant_id,
    event.source,
    event.event_id,
    event.message_id,
    event.campaign_id,
    {{ subject_kind('event') }} as subject_kind,
    {{ subject_id('event') }} as subject_id,
    event.occurred_at as clicked_at
from {{ ref('stg_email_event') }} as event
where event.event_type = 'crm.email.clicked' and {{ is_visible('event') }}
