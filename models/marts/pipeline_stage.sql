select
    deal.tenant_id,
    deal.pipeline,
    deal.stage,
    coalesce(deal.industry, '(not set)') as industry,
    coalesce(deal.budget_band, '(not set)') as budget_band,
    coalesce(deal.client_type, '(not set)') as client_type,
    coalesce(deal.owner_id, '(not set)') as owner_id,
    count(*) as deal_count,
    sum(deal.amount_base) as amount_base,
    sum(deal.weighted_amount_base) as weighted_amount_base,
    percentile_cont(0.5) within group (order by deal.days_in_stage) as median_days_in_stage,
    count(*) filter (where deal.is_stalled) as stalled_count,
    count(*) filter (where deal.is_slipping) as slipping_count,
    count(*) filter (where deal.next_step_status = 'overdue') as next_step_overdue_count,
    count(*) filter (where deal.next_step_status = 'missing') as next_step_missing_count
from {{ ref('deal_aging') }} as deal
-- a deal of which only gates are known stands in no stage of its pipeline
where deal.stage is not null
group by
    deal.tenant_id, deal.pipeline, deal.stage, coalesce(deal.industry, '(not set)'), coalesce(deal.budget_band, '(not set)'),
    coalesce(deal.client_type, '(not set)'), coalesce(deal.owner_id, '(not set)')
