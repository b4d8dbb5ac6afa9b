{{
    config(
        materialized='incremental',
        incremental_strategy=add_touched(),
        on_schema_change='fail',
        pre_hook="{{ drop_touched('stg_contact_event', 'contact_id') }}",
        post_hook="{{ mark_built(['stg_contact_event']) }}"
    )
}}

with touched_entities as (
    {{ touched('stg_contact_event', 'contact_id') }}
),

events as (
    {{ entity_events('stg_contact_event', 'contact_id') }}
),

-- Keys and what identifies nobody. E-mail and phone are here as keyed pseudonyms only; names, not at all.
pseudonymous as (
    select events.*, pseudonym.email_key, pseudonym.phone_key, pseudonym.key_id
    from events
    left join {{ source('raw', 'event_pseudonyms') }} as pseudonym
        on events.source = pseudonym.source and events.event_id = pseudonym.event_id
)

select
    pseudonymous.tenant_id,
    pseudonymous.contact_id,
    {{ last_stated('pseudonymous', 'account_id') }} as account_id,
    {{ last_stated('pseudonymous', 'user_id') }} as user_id,
    {{ last_stated('pseudonymous', 'lead_id') }} as lead_id,
    {{ last_stated('pseudonymous', 'role') }} as role,
    {{ last_stated('pseudonymous', 'role_tags') }} as role_tags,
    {{ last_stated('pseudonymous', 'influence_score') }} as influence_score,
    {{ last_stated('pseudonymous', 'lifecycle_stage') }} as lifecycle_stage,
    {{ last_stated('pseudonymous', 'birth_year') }} as birth_year,
    {{ last_stated('pseudonymous', 'city') }} as city,
    {{ last_stated('pseudonymous', 'education') }} as education,
    {{ last_stated('pseudonymous', 'email_key') }} as email_key,
    {{ last_stated('pseudonymous', 'phone_key') }} as phone_key,
    {{ last_stated('pseudonymous', 'key_id') }} as key_id,
    min(pseudonymous.occurred_at) as first_seen_at,
    max(pseudonymous.occurred_at) as last_changed_at
from pseudonymous
group by pseudonymous.tenant_id, pseudonymous.contact_id
