-- Contacts belong to accounts, and so do leads that were converted. An account that was merged away is the one it went into.
with stated as (
    select contact.tenant_id, 'contact' as id_kind, contact.contact_id as id_value, contact.account_id, contact.last_changed_at
    from {{ ref('dim_contact') }} as contact
    where contact.account_id is not null
    union all
    select lead.tenant_id, 'lead' as id_kind, lead.lead_id as id_value, lead.account_id, lead.last_changed_at
    from {{ ref('fact_lead') }} as lead
    where lead.account_id is not null
),

candidates as (
    select
        stated.tenant_id,
        identity.person_id,
        coalesce(account_merge.merged_into_account_id, stated.account_id) as account_id,
        max(stated.last_changed_at) as last_changed_at
    from stated
    inner join {{ ref('fact_identity') }} as identity
        on stated.tenant_id = identity.tenant_id and stated.id_kind = identity.id_kind and stated.id_value = identity.id_value
    left join {{ ref('fact_account_merge') }} as account_merge
        on stated.tenant_id = account_merge.tenant_id and stated.account_id = account_merge.account_id
    group by stated.tenant_id, identity.person_id, coalesce(account_merge.merged_into_account_id, stated.account_id)
),

ranked as (
    select
        candidates.*,
        row_number() over (
            partition by candidates.tenant_id, candidates.person_id
            order by candidates.last_changed_at desc, candidates.account_id desc
        ) as recency
    from candidates
)

select
    ranked.tenant_id,
    ranked.person_id,
    ranked.account_id
from ranked
where ranked.recency = 1
