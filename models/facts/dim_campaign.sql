with events as (
    {{ entity_events('stg_campaign_event', 'campaign_id') }}
)

-- Campaigns are few, so that all are computed each time.
select
    events.tenant_id,
    events.campaign_id,
    {{ last_stated('events', 'name') }} as campaign_name,
    {{ last_stated('events', 'campaign_type') }} as campaign_type,
    {{ last_stated('events', 'channel') }} as channel,
    min(events.occurred_at) as first_sent_at,
    max(events.occurred_at) as last_sent_at,
    count(*) as send_count
from events
group by events.tenant_id, events.campaign_id
