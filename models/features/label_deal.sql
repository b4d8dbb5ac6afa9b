-- Every win of a deal, whatever said so: the event, or the stage or gate that it came into.
with wins as (
    select win.tenant_id, win.deal_id, win.won_at
    from (
        select event.tenant_id, event.deal_id, event.occurred_at as won_at
        from {{ ref('stg_deal_event') }} as event
        where event.event_type = 'crm.deal.won' and {{ is_visible('event') }}
        union all
        select visit.tenant_id, visit.deal_id, visit.entered_at as won_at
        from {{ ref('fact_deal_stage') }} as visit
        inner join {{ ref('dim_stage') }} as dim_stage
            on visit.pipeline = dim_stage.pipeline and visit.stage = dim_stage.stage and dim_stage.is_won
    ) as win
),

cutoffs as (
    select
        feature.tenant_id,
        feature.deal_id,
        feature.cutoff_at,
        feature.cutoff_at + interval '30' day as known_30d_at,
        date_trunc('quarter', feature.cutoff_at) + interval '3' month as known_quarter_at
    from {{ ref('feat_deal') }} as feature
    where not feature.is_latest
),

next_wins as (
    select cutoffs.tenant_id, cutoffs.deal_id, cutoffs.cutoff_at, min(wins.won_at) as won_at
    from cutoffs
    inner join wins
        on cutoffs.tenant_id = wins.tenant_id and cutoffs.deal_id = wins.deal_id and wins.won_at > cutoffs.cutoff_at
    group by cutoffs.tenant_id, cutoffs.deal_id, cutoffs.cutoff_at
)

-- A deal that had been closed already, which was received later, has no label.
select
    cutoffs.tenant_id,
    cutoffs.deal_id,
    cutoffs.cutoff_at,
    case
        when cutoffs.known_30d_at <= {{ as_of() }} and not coalesce(deal.closed_at <= cutoffs.cutoff_at, false)
            then coalesce(next_wins.won_at <= cutoffs.known_30d_at, false)
    end as is_won_30d,
    cast(cutoffs.known_30d_at as timestamp) as label_known_30d_at,
    case
        when cutoffs.known_quarter_at <= {{ as_of() }} and not coalesce(deal.closed_at <= cutoffs.cutoff_at, false)
            then coalesce(next_wins.won_at < cutoffs.known_quarter_at, false)
    end as is_won_by_quarter_end,
    cast(cutoffs.known_quarter_at as timestamp) as label_known_quarter_at,
    case when deal.status <> 'open' and deal.closed_at > cutoffs.cutoff_at then deal.status = 'won' end as is_won_ever,
    case when deal.status <> 'open' and deal.closed_at > cutoffs.cutoff_at then deal.closed_at end as label_known_ever_at,
    {{ days(micros_between('cutoffs.cutoff_at', 'next_wins.won_at')) }} as days_to_win,
    {{ days(micros_between('cutoffs.cutoff_at', 'deal.closed_at')) }} as days_to_close,
    {{ days(micros_between('cutoffs.cutoff_at', as_of())) }} as observed_days,
    case when deal.status = 'won' then deal.amount_base end as won_amount_base
from cutoffs
left join next_wins
    on
        cutoffs.tenant_id = next_wins.tenant_id
        and cutoffs.deal_id = next_wins.deal_id
        and cutoffs.cutoff_at = next_wins.cutoff_at
left join {{ ref('fact_deal') }} as deal
    on cutoffs.tenant_id = deal.tenant_id and cutoffs.deal_id = deal.deal_id
