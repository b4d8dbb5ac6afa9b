{{
    config(
        materialized='incremental',
        incremental_strategy=add_touched(),
        on_schema_change='fail',
        pre_hook="{{ drop_touched('stg_lead_event', 'lead_id') }}",
        post_hook="{{ mark_built(['stg_lead_event']) }}"
    )
}}

with touched_entities as (
    {{ touched('stg_lead_event', 'lead_id') }}
),

events as (
    {{ entity_events('stg_lead_event', 'lead_id', 'crm.lead.created') }}
),

pseudonymous as (
    select events.*, pseudonym.email_key, pseudonym.phone_key, pseudonym.key_id
    from events
    left join {{ source('raw', 'event_pseudonyms') }} as pseudonym
        on events.source = pseudonym.source and events.event_id = pseudonym.event_id
),

leads as (
    select
        pseudonymous.tenant_id,
        pseudonymous.lead_id,
        {{ last_stated('pseudonymous', 'lead_source') }} as lead_source,
        {{ last_stated('pseudonymous', 'utm_source') }} as utm_source,
        {{ last_stated('pseudonymous', 'utm_medium') }} as utm_medium,
        {{ last_stated('pseudonymous', 'utm_campaign') }} as utm_campaign,
        {{ last_stated('pseudonymous', 'utm_content') }} as utm_content,
        {{ last_stated('pseudonymous', 'utm_term') }} as utm_term,
        {{ last_stated('pseudonymous', 'referrer_user_id') }} as referrer_user_id,
        {{ last_stated('pseudonymous', 'visitor_id') }} as visitor_id,
        {{ last_stated('pseudonymous', 'assigned_to') }} as assigned_to,
        {{ last_stated('pseudonymous', 'company_size') }} as company_size,
        {{ last_stated('pseudonymous', 'industry') }} as industry,
        {{ last_stated('pseudonymous', 'job_title') }} as job_title,
        {{ last_stated('pseudonymous', 'budget') }} as budget,
        {{ last_stated('pseudonymous', 'city') }} as city,
        {{ last_stated('pseudonymous', 'contact_id') }} as contact_id,
        {{ last_stated('pseudonymous', 'account_id') }} as account_id,
        {{ last_stated('pseudonymous', 'deal_id') }} as deal_id,
        {{ last_stated('pseudonymous', 'icp_fit_score') }} as icp_fit_score,
        {{ last_stated('pseudonymous', 'prioritization') }} as prioritization,
        {{ last_stated('pseudonymous', 'budget_confirmed') }} as budget_confirmed,
        {{ last_stated('pseudonymous', 'authority_confirmed') }} as authority_confirmed,
        {{ last_stated('pseudonymous', 'need_confirmed') }} as need_confirmed,
        {{ last_stated('pseudonymous', 'timing_confirmed') }} as timing_confirmed,
        {{ last_stated('pseudonymous', 'email_key') }} as email_key,
        {{ last_stated('pseudonymous', 'phone_key') }} as phone_key,
        {{ last_stated('pseudonymous', 'key_id') }} as key_id,
        {{ last_stated('pseudonymous', 'to_stage') }} as lead_stage,
        max_by(pseudonymous.method, pseudonymous.event_number) filter (
            where pseudonymous.event_type = 'crm.lead.qualified' and pseudonymous.method is not null
        ) as qualification_method,
        max_by(pseudonymous.reason, pseudonymous.event_number) filter (
            where pseudonymous.event_type = 'crm.lead.disqualified' and pseudonymous.reason is not null
        ) as disqualified_reason,
        min(pseudonymous.occurred_at) filter (where pseudonymous.event_type = 'crm.lead.created') as created_at,
        min(pseudonymous.occurred_at) as first_event_at,
        min(pseudonymous.occurred_at) filter (where pseudonymous.assigned_to is not null) as first_assigned_at,
        min(pseudonymous.occurred_at) filter (where pseudonymous.event_type = 'crm.lead.qualified') as qualified_at,
        max(pseudonymous.occurred_at) filter (where pseudonymous.event_type = 'crm.lead.disqualified') as disqualified_at,
        min(pseudonymous.occurred_at) filter (where pseudonymous.event_type = 'crm.lead.converted') as converted_at,
        max(pseudonymous.occurred_at) as last_changed_at,
        max_by(pseudonymous.event_type, pseudonymous.event_number) filter (
            where pseudonymous.event_type in ('crm.lead.qualified', 'crm.lead.disqualified')
        ) as verdict_event_type
    from pseudonymous
    group by pseudonymous.tenant_id, pseudonymous.lead_id
)

select
    leads.tenant_id,
    leads.lead_id,
    case
        when leads.converted_at is not null then 'converted'
        when leads.verdict_event_type = 'crm.lead.disqualified' then 'disqualified'
        when leads.verdict_event_type = 'crm.lead.qualified' then 'qualified'
        else 'open'
    end as lead_status,
    leads.lead_stage,
    leads.lead_source,
    leads.utm_source,
    leads.utm_medium,
    leads.utm_campaign,
    leads.utm_content,
    leads.utm_term,
    leads.referrer_user_id,
    leads.visitor_id,
    leads.assigned_to,
    leads.company_size,
    leads.industry,
    leads.job_title,
    leads.budget,
    leads.city,
    leads.contact_id,
    leads.account_id,
    leads.deal_id,
    leads.icp_fit_score,
    leads.qualification_method,
    leads.prioritization,
    leads.budget_confirmed,
    leads.authority_confirmed,
    leads.need_confirmed,
    leads.timing_confirmed,
    leads.email_key,
    leads.phone_key,
    leads.key_id,
    coalesce(leads.created_at, leads.first_event_at) as created_at,
    leads.first_assigned_at,
    leads.qualified_at,
    leads.disqualified_at,
    leads.disqualified_reason,
    leads.converted_at,
    leads.last_changed_at
from leads
