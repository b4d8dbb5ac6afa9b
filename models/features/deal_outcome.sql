-- A deal is closed by events of the instant of its close; from the first of them on it was known.
with heard as (
    select
        event.tenant_id,
        event.deal_id,
        event.occurred_at,
        min({{ known_from('event') }}) as known_from_at
    from {{ ref('stg_deal_event') }} as event
    inner join {{ ref('source_history') }} as history
        on event.tenant_id = history.tenant_id and event.source = history.source
    where {{ is_visible('event') }}
    group by event.tenant_id, event.deal_id, event.occurred_at
)

select
    deal.tenant_id,
    deal.deal_id,
    deal.pipeline,
    deal.status,
    deal.created_at,
    deal.closed_at,
    coalesce(heard.known_from_at, deal.closed_at) as outcome_known_at,
    case when deal.status = 'won' then deal.amount_base end as won_amount_base
from {{ ref('fact_deal') }} as deal
left join heard
    on
        deal.tenant_id = heard.tenant_id
        and deal.deal_id = heard.deal_id
        and deal.closed_at = heard.occurred_at
where deal.status <> 'open' and deal.closed_at is not null
