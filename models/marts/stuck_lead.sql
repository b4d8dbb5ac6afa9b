-- What a person did last of its own accord.
with touched as (
    select touch.tenant_id, touch.person_id, max(touch.touched_at) as acted_at
    from {{ ref('fact_touch') }} as touch
    where touch.touch_type <> 'referral'
    group by touch.tenant_id, touch.person_id
),

used as (
    select usage.tenant_id, identity.person_id, max(usage.last_used_at) as acted_at
    from {{ ref('fact_usage') }} as usage
    inner join {{ ref('fact_identity') }} as identity
        on usage.tenant_id = identity.tenant_id and identity.id_kind = 'user' and usage.user_id = identity.id_value
    group by usage.tenant_id, identity.person_id
),

open_leads as (
    select
        lead.tenant_id,
        lead.lead_id,
        identity.person_id,
        lead.assigned_to,
        lead.lead_source,
        person.first_channel,
        lead.created_at,
        person.signup_at,
        -- greatest() passes over what never happened, and that is meant
        greatest(lead.created_at, person.signup_at, touched.acted_at, used.acted_at) as last_action_at
    from {{ ref('fact_lead') }} as lead
    inner join {{ ref('fact_identity') }} as identity
        on lead.tenant_id = identity.tenant_id and identity.id_kind = 'lead' and lead.lead_id = identity.id_value
    inner join {{ ref('fact_person') }} as person
        on identity.tenant_id = person.tenant_id and identity.person_id = person.person_id
    left join touched
        on identity.tenant_id = touched.tenant_id and identity.person_id = touched.person_id
    left join used
        on identity.tenant_id = used.tenant_id and identity.person_id = used.person_id
    where
        lead.lead_status in ('open', 'qualified')
        and coalesce(lead.lead_stage, 'new') not in ('won', 'lost')
        and person.activated_at is null
        and person.converted_at is null
)

select
    open_leads.tenant_id,
    open_leads.lead_id,
    open_leads.person_id,
    open_leads.assigned_to,
    open_leads.lead_source,
    open_leads.first_channel,
    open_leads.created_at,
    open_leads.last_action_at,
    case when open_leads.signup_at is null then 'no_profile' else 'no_action' end as stuck_reason,
    case
        when open_leads.last_action_at + interval '3' day <= clock.as_of then 'personal'
        else 'nudge'
    end as stuck_level,
    open_leads.last_action_at + interval '1' day as stuck_since_at,
    {{ hours(micros_between('open_leads.last_action_at', 'clock.as_of')) }} as idle_hours
from open_leads
cross join {{ ref('stg_clock') }} as clock
where open_leads.last_action_at + interval '1' day <= clock.as_of
