-- Campaigns are few, so that all are computed each time, with the rates as they are known now.
select
    event.tenant_id,
    event.source,
    event.event_id,
    event.campaign_id,
    event.channel,
    event.segment_id,
    event.occurred_at as sent_at,
    event.cost,
    event.currency,
    case
        when event.currency = {{ reporting_currency() }} then event.cost
        else event.cost * fx.fx_rate
    end as cost_base
from {{ ref('stg_campaign_event') }} as event
left join {{ ref('fact_fx_rate') }} as fx
    on event.currency = fx.currency and cast(event.occurred_at as date) = fx.fx_date
where {{ is_visible('event') }}
