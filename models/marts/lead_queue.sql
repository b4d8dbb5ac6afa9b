-- Which lead is answered next: by tier, then by probability, then by points, then who has waited longest.
with scored_leads as (
    select
        scored.*,
        case scored.tier when 'hot' then 0 when 'warm' then 1 else 2 end as tier_order,
        coalesce(scored.probability, 0) as probability_order,
        coalesce(scored.score, 0) as score_order
    from {{ ref('lead_score') }} as scored
)

select
    scored.tenant_id,
    scored.lead_id,
    scored.as_of,
    scored.tier,
    scored.score,
    scored.fit_score,
    scored.engagement_score,
    scored.probability,
    scored.has_enough_data,
    scored.points,
    scored.factors,
    lead.lead_status,
    lead.lead_source,
    lead.assigned_to as owner_id,
    lead.created_at,
    {{ case_status('cases', 'scored.score') }} as case_status,
    cases.taken_by,
    cases.taken_at,
    cases.handled_by,
    cases.handled_at,
    cases.handled_outcome,
    cases.snoozed_until,
    row_number() over (
        partition by scored.tenant_id
        order by
            scored.tier_order asc,
            scored.probability_order desc,
            scored.score_order desc,
            lead.created_at asc,
            scored.lead_id asc
    ) as work_order
from scored_leads as scored
inner join {{ ref('fact_lead') }} as lead
    on scored.tenant_id = lead.tenant_id and scored.lead_id = lead.lead_id
left join {{ ref('fact_case') }} as cases
    on
        scored.tenant_id = cases.tenant_id
        and cases.subject_type = 'lead'
        and scored.lead_id = cases.subject_id
where lead.converted_at is null and lead.disqualified_at is null
