{{
    config(
        materialized='incremental',
        unique_key=['tenant_id', 'touch_id'],
        incremental_strategy=replace_rows(),
        on_schema_change='fail',
        post_hook="{{ mark_built([
            'stg_session_event', 'stg_email_event', 'stg_engagement_event', 'stg_referral_event'
        ]) }}"
    )
}}

with sessions as (
    select
        event.tenant_id,
        event.source || ':' || event.event_id as touch_id,
        'session' as touch_type,
        event.occurred_at as touched_at,
        event.visitor_id,
        event.lead_id,
        cast(null as string) as contact_id,
        event.user_id,
        -- a visit that no campaign sent: from another page, or from nowhere
        coalesce({{ channel_of('event') }}, case when event.referrer is null then 'direct' else 'organic' end) as channel,
        event.utm_campaign as campaign_id,
        event.utm_source,
        event.utm_medium,
        event.utm_campaign,
        event.utm_content,
        event.utm_term
    from {{ ref('stg_session_event') }} as event
    {{ join_channels('event') }}
    where {{ is_new('stg_session_event') }}
),

others as (
    select
        event.tenant_id,
        event.source,
        event.event_id,
        'campaign_click' as touch_type,
        event.occurred_at,
        cast(null as string) as visitor_id,
        event.lead_id,
        event.contact_id,
        event.user_id,
        'email' as channel,
        event.campaign_id
    from {{ ref('stg_email_event') }} as event
    where event.event_type = 'crm.email.clicked' and {{ is_new('stg_email_event') }}
    union all
    select
        event.tenant_id,
        event.source,
        event.event_id,
        case when event.event_type = 'content.downloaded' then 'download' else 'event_attended' end as touch_type,
        event.occurred_at,
        event.visitor_id,
        event.lead_id,
        event.contact_id,
        event.user_id,
        case when event.event_type = 'content.downloaded' then 'content' else 'event' end as channel,
        cast(null as string) as campaign_id
    from {{ ref('stg_engagement_event') }} as event
    where
        event.event_type in ('content.downloaded', 'club.event.attended')
        and coalesce(event.visitor_id, event.lead_id, event.contact_id, event.user_id) is not null
        and {{ is_new('stg_engagement_event') }}
    union all
    -- A referral touches the one who was referred.
    select
        event.tenant_id,
        event.source,
        event.event_id,
        'referral' as touch_type,
        event.occurred_at,
        cast(null as string) as visitor_id,
        event.lead_id,
        cast(null as string) as contact_id,
        cast(null as string) as user_id,
        'referral' as channel,
        cast(null as string) as campaign_id
    from {{ ref('stg_referral_event') }} as event
    where event.lead_id is not null and {{ is_new('stg_referral_event') }}
),

touches as (
    select
        sessions.*,
        cast(null as string) as built_person_id,
        cast(null as string) as built_account_id
    from sessions
    union all
    select
        others.tenant_id,
        others.source || ':' || others.event_id as touch_id,
        others.touch_type,
        others.occurred_at as touched_at,
        others.visitor_id,
        others.lead_id,
        others.contact_id,
        others.user_id,
        others.channel,
        others.campaign_id,
        cast(null as string) as utm_source,
        cast(null as string) as utm_medium,
        cast(null as string) as utm_campaign,
        cast(null as string) as utm_content,
        cast(null as string) as utm_term,
        cast(null as string) as built_person_id,
        cast(null as string) as built_account_id
    from others
    {% if is_incremental() -%}
    -- A late link, or an account that becomes known, restates earlier touches.
    union all
    select
        built.tenant_id,
        built.touch_id,
        built.touch_type,
        built.touched_at,
        built.visitor_id,
        built.lead_id,
        built.contact_id,
        built.user_id,
        built.channel,
        built.campaign_id,
        built.utm_source,
        built.utm_medium,
        built.utm_campaign,
        built.utm_content,
        built.utm_term,
        built.person_id as built_person_id,
        built.account_id as built_account_id
    from {{ this }} as built
    {%- endif %}
),

keyed as (
    select
        touches.*,
        -- all ids of an event are one person: any of them finds it
        case
            when touches.contact_id is not null then 'contact'
            when touches.lead_id is not null then 'lead'
            when touches.user_id is not null then 'user'
            else 'visitor'
        end as id_kind,
        coalesce(touches.contact_id, touches.lead_id, touches.user_id, touches.visitor_id) as id_value
    from touches
)

select
    keyed.tenant_id,
    keyed.touch_id,
    keyed.touch_type,
    keyed.touched_at,
    keyed.visitor_id,
    keyed.lead_id,
    keyed.contact_id,
    keyed.user_id,
    identity.person_id,
    person_account.account_id,
    keyed.channel,
    keyed.campaign_id,
    keyed.utm_source,
    keyed.utm_medium,
    keyed.utm_campaign,
    keyed.utm_content,
    keyed.utm_term
from keyed
left join {{ ref('fact_identity') }} as identity
    on keyed.tenant_id = identity.tenant_id and keyed.id_kind = identity.id_kind and keyed.id_value = identity.id_value
left join {{ ref('fact_person_account') }} as person_account
    on identity.tenant_id = person_account.tenant_id and identity.person_id = person_account.person_id
where
    keyed.built_person_id is null
    or keyed.built_person_id <> identity.person_id
    or keyed.built_account_id is distinct from person_account.account_id
