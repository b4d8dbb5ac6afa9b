-- How long deals that were won had spent in each stage, over all their visits to it.
with stage_times as (
    select
        visit.tenant_id,
        visit.deal_id,
        visit.pipeline,
        visit.stage,
        sum(visit.days_in_stage) as days_in_stage
    from {{ ref('fact_deal_stage') }} as visit
    where not visit.is_closing
    group by visit.tenant_id, visit.deal_id, visit.pipeline, visit.stage
),

norms as (
    select
        stage_times.tenant_id,
        stage_times.pipeline,
        stage_times.stage,
        count(*) as won_deal_count,
        percentile_cont(0.75) within group (order by stage_times.days_in_stage) as p75_days_of_won
    from stage_times
    inner join {{ ref('fact_deal') }} as deal
        on stage_times.tenant_id = deal.tenant_id and stage_times.deal_id = deal.deal_id
    where deal.status = 'won'
    group by stage_times.tenant_id, stage_times.pipeline, stage_times.stage
)

select
    deal.tenant_id,
    deal.deal_id,
    deal.pipeline,
    deal.stage,
    deal.account_id,
    deal.owner_id,
    deal.industry,
    deal.client_type,
    deal.budget_band,
    deal.deal_source,
    deal.amount_base,
    deal.amount_base * deal.probability as weighted_amount_base,
    deal.created_at,
    {{ days(micros_between('deal.created_at', 'clock.as_of')) }} as age_days,
    deal.stage_entered_at,
    visit.days_in_stage,
    stage_times.days_in_stage as cumulative_days_in_stage,
    norms.p75_days_of_won,
    coalesce(norms.won_deal_count, 0) as won_deal_count,
    coalesce(visit.days_in_stage > norms.p75_days_of_won, false) as is_stalled,
    deal.expected_close_date,
    deal.is_slipping,
    deal.push_count,
    case
        when deal.is_next_step_overdue then 'overdue'
        when deal.next_step_due_at is not null then 'planned'
        when deal.pipeline <> 'adtech' and dim_stage.stage_order >= 2 then 'missing'
        else 'not required'
    end as next_step_status,
    deal.next_step_due_at
from {{ ref('fact_deal') }} as deal
cross join {{ ref('stg_clock') }} as clock
left join {{ ref('fact_deal_stage') }} as visit
    on deal.tenant_id = visit.tenant_id and deal.deal_id = visit.deal_id and visit.is_current
left join stage_times
    on deal.tenant_id = stage_times.tenant_id and deal.deal_id = stage_times.deal_id and deal.stage = stage_times.stage
left join norms
    on deal.tenant_id = norms.tenant_id and deal.pipeline = norms.pipeline and deal.stage = norms.stage
left join {{ ref('dim_stage') }} as dim_stage
    on deal.pipeline = dim_stage.pipeline and deal.stage = dim_stage.stage
where deal.status = 'open'
