{{
    config(
        materialized='incremental',
        incremental_strategy=add_touched(),
        on_schema_change='fail',
        pre_hook="{{ drop_touched('stg_email_event', 'message_id') }}",
        post_hook="{{ mark_built(['stg_email_event']) }}"
    )
}}

with touched_entities as (
    {{ touched('stg_email_event', 'message_id') }}
),

-- Whom a message went to never changes: the greatest of what its events say needs no order, and so no sort.
emails as (
    select
        event.tenant_id,
        event.message_id,
        max(event.campaign_id) as campaign_id,
        max(event.variant) as variant,
        max(event.contact_id) as contact_id,
        max(event.lead_id) as lead_id,
        max(event.user_id) as user_id,
        min(event.occurred_at) filter (where event.event_type = 'crm.email.sent') as sent_at,
        min(event.occurred_at) filter (where event.event_type = 'crm.email.delivered') as delivered_at,
        max(event.occurred_at) filter (where event.event_type = 'crm.email.bounced') as bounced_at,
        min(event.occurred_at) filter (where event.event_type = 'crm.email.opened') as first_opened_at,
        max(event.occurred_at) filter (where event.event_type = 'crm.email.opened') as last_opened_at,
        count(*) filter (where event.event_type = 'crm.email.opened') as open_count,
        min(event.occurred_at) filter (where event.event_type = 'crm.email.clicked') as first_clicked_at,
        max(event.occurred_at) filter (where event.event_type = 'crm.email.clicked') as last_clicked_at,
        count(*) filter (where event.event_type = 'crm.email.clicked') as click_count,
        -- What is opened or clicked has been delivered, whether or not that event ever came.
        max(event.occurred_at) filter (
            where event.event_type in ('crm.email.delivered', 'crm.email.opened', 'crm.email.clicked')
        ) as arrived_at
    from {{ ref('stg_email_event') }} as event
    {{ join_touched('event', 'message_id') }}
    where event.message_id is not null and {{ is_visible('event') }}
    group by event.tenant_id, event.message_id
)

select
    emails.tenant_id,
    emails.message_id,
    emails.campaign_id,
    emails.variant,
    {{ subject_kind('emails') }} as subject_kind,
    {{ subject_id('emails') }} as subject_id,
    emails.contact_id,
    emails.lead_id,
    emails.user_id,
    emails.sent_at,
    emails.delivered_at,
    emails.bounced_at,
    emails.first_opened_at,
    emails.last_opened_at,
    emails.open_count,
    emails.first_clicked_at,
    emails.last_clicked_at,
    emails.click_count,
    -- Of a bounce and a delivery the later one counts: a server may take back what it took, or take it at the second try.
    emails.arrived_at is not null and (emails.bounced_at is null or emails.arrived_at > emails.bounced_at) as is_delivered,
    emails.bounced_at is not null and (emails.arrived_at is null or emails.arrived_at <= emails.bounced_at) as is_bounced
from emails
