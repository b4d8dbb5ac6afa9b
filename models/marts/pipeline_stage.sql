with visits as (
    select visit.*
    from {{ ref('fact_deal_stage') }} as visit
),

-- How long deals that were won had spent in each stage, over all their visits to it.
won_times as (
    select
        visits.tenant_id,
        visits.pipeline,
        visits.stage,
        visits.deal_id,
        sum(visits.days_in_stage) as days_in_stage
    from visits
    inner join {{ ref('fact_deal') }} as deal
        on visits.tenant_id = deal.tenant_id and visits.deal_id = deal.deal_id
    where deal.status = 'won' and not visits.is_closing
    group by visits.tenant_id, visits.pipeline, visits.stage, visits.deal_id
),

norms as (
    select
        won_times.tenant_id,
        won_times.pipeline,
        won_times.stage,
        percentile_cont(0.75) within group (order by won_times.days_in_stage) as p75_days_of_won
    from won_times
    group by won_times.tenant_id, won_times.pipeline, won_times.stage
),

open_deals as (
    select
        deal.tenant_id,
        deal.pipeline,
        deal.stage,
        coalesce(deal.industry, '(not set)') as industry,
        coalesce(deal.budget_band, '(not set)') as budget_band,
        coalesce(deal.client_type, '(not set)') as client_type,
        coalesce(deal.owner_id, '(not set)') as owner_id,
        deal.amount_base,
        deal.amount_base * deal.probability as weighted_amount_base,
        deal.is_slipping,
        deal.is_next_step_overdue,
        deal.next_step_due_at is null and dim_stage.stage_order >= 2 as is_next_step_missing,
        visits.days_in_stage,
        coalesce(visits.days_in_stage > norms.p75_days_of_won, false) as is_stalled
    from {{ ref('fact_deal') }} as deal
    inner join visits
        on deal.tenant_id = visits.tenant_id and deal.deal_id = visits.deal_id and visits.is_current
    left join norms
        on deal.tenant_id = norms.tenant_id and deal.pipeline = norms.pipeline and deal.stage = norms.stage
    left join {{ ref('dim_stage') }} as dim_stage
        on deal.pipeline = dim_stage.pipeline and deal.stage = dim_stage.stage
    where deal.status = 'open'
)

select
    open_deals.tenant_id,
    open_deals.pipeline,
    open_deals.stage,
    open_deals.industry,
    open_deals.budget_band,
    open_deals.client_type,
    open_deals.owner_id,
    count(*) as deal_count,
    sum(open_deals.amount_base) as amount_base,
    sum(open_deals.weighted_amount_base) as weighted_amount_base,
    percentile_cont(0.5) within group (order by open_deals.days_in_stage) as median_days_in_stage,
    count(*) filter (where open_deals.is_stalled) as stalled_count,
    count(*) filter (where open_deals.is_slipping) as slipping_count,
    count(*) filter (where open_deals.is_next_step_overdue) as next_step_overdue_count,
    count(*) filter (where open_deals.is_next_step_missing and open_deals.pipeline <> 'adtech') as next_step_missing_count
from open_deals
group by
    open_deals.tenant_id, open_deals.pipeline, open_deals.stage, open_deals.industry, open_deals.budget_band,
    open_deals.client_type, open_deals.owner_id
