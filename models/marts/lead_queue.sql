-- Which lead is answered next: by tier, then by probability, then by points, then who has waited longest.
with waits as (
    select response.tenant_id, response.lead_id, min(response.waiting_since_at) as waiting_since_at
    from {{ ref('fact_response') }} as response
    where response.responded_at is null and response.lead_id is not null
    group by response.tenant_id, response.lead_id
),

scored_leads as (
    select
        scored.*,
        lead.lead_status,
        lead.lead_source,
        lead.assigned_to,
        lead.created_at,
        waits.waiting_since_at,
        case scored.tier when 'hot' then 0 when 'warm' then 1 else 2 end as tier_order,
        coalesce(scored.probability, 0) as probability_order,
        coalesce(scored.score, 0) as score_order
    from {{ ref('lead_score') }} as scored
    inner join {{ ref('fact_lead') }} as lead
        on scored.tenant_id = lead.tenant_id and scored.lead_id = lead.lead_id
    left join waits
        on scored.tenant_id = waits.tenant_id and scored.lead_id = waits.lead_id
    where lead.converted_at is null and lead.disqualified_at is null
),

-- The first line of the playbook that fits.
actions as (
    select
        scored.tenant_id,
        scored.lead_id,
        min_by(action.next_best_action, action.priority) filter (where action.next_best_action is not null) as next_best_action,
        min_by(action.situation, action.priority) filter (where action.situation is not null) as action_situation
    from scored_leads as scored
    -- as many lines as fit
    inner join {{ ref('lead_action') }} as action
        on
            action.tier in (scored.tier, 'any')
            and case action.situation
                when 'asks_for_call' then coalesce(scored.asks_for_call, false)
                when 'waits_for_answer' then scored.waiting_since_at is not null
                when 'not_contacted' then not coalesce(scored.is_answered, false)
                when 'missing_data' then coalesce(scored.missing_parts, '') <> ''
                else action.situation = 'any'
            end
    group by scored.tenant_id, scored.lead_id
),

{{ lead_routes() }}

select
    scored.tenant_id,
    scored.lead_id,
    scored.as_of,
    scored.tier,
    scored.tier_change,
    actions.next_best_action,
    actions.action_situation,
    scored.missing_parts,
    scored.waiting_since_at,
    scored.score,
    scored.fit_score,
    scored.engagement_score,
    scored.probability,
    scored.has_enough_data,
    scored.points,
    scored.factors,
    scored.lead_status,
    scored.lead_source,
    scored.assigned_to as owner_id,
    lead_routes.suggested_owner_id,
    lead_routes.routing_method,
    scored.created_at,
    {{ case_columns('cases', 'scored.score') }},
    row_number() over (
        partition by scored.tenant_id
        order by
            scored.tier_order asc,
            scored.probability_order desc,
            scored.score_order desc,
            scored.created_at asc,
            scored.lead_id asc
    ) as work_order
from scored_leads as scored
left join actions
    on scored.tenant_id = actions.tenant_id and scored.lead_id = actions.lead_id
left join lead_routes
    on scored.tenant_id = lead_routes.tenant_id and scored.lead_id = lead_routes.lead_id
left join {{ ref('fact_case') }} as cases
    on
        scored.tenant_id = cases.tenant_id
        and cases.subject_type = 'lead'
        and scored.lead_id = cases.subject_id
