{#- Parts of models/features/feat_lead.sql, each a few CTEs: a model of its own would be built and kept for one reader. -#}

{#- Known events that name the lead or its visitor, each once; with these columns of theirs. -#}
{%- macro of_lead_or_visitor(events, columns) -%}
    {%- for key in ['lead_id', 'visitor_id'] %}
    select
        lead.tenant_id,
        lead.lead_id,
        lead.cutoff_at,
        event.event_id,
        event.source,
        event.occurred_at
        {%- for column in columns %},
        event.{{ column }}
        {%- endfor %}
    from open_leads as lead
    {{ join_known(events, 'event', 'lead', key) }}
    {{ 'union' if not loop.last }}
    {%- endfor %}
{%- endmacro -%}

{#- CTEs on `open_leads`: `visits`, `engagements` (downloads and events) and `emails`. -#}
{%- macro lead_touches() -%}
session_events as (
    {{ known_events('stg_session_event', 'event_id') }}
),

visits_of_leads as (
    {{ of_lead_or_visitor('session_events', ['page_views', 'landing_page']) }}
),

visits as (
    select
        visit.tenant_id,
        visit.lead_id,
        visit.cutoff_at,
        count(*) as visit_count,
        count(*) filter (where {{ in_last_days('visit.occurred_at', 'visit.cutoff_at', 7) }}) as visit_count_7d,
        count(*) filter (where {{ in_last_days('visit.occurred_at', 'visit.cutoff_at', 30) }}) as visit_count_30d,
        coalesce(
            cast(sum(visit.page_views) filter (where {{ in_last_days('visit.occurred_at', 'visit.cutoff_at', 7) }}) as bigint), 0
        ) as page_view_count_7d,
        count(*) filter (
            where visit.landing_page like '%pricing%' and {{ in_last_days('visit.occurred_at', 'visit.cutoff_at', 30) }}
        ) as pricing_visit_count_30d,
        max(visit.occurred_at) as last_visit_at,
        {{ decayed('visit.occurred_at', 'visit.cutoff_at', 'true') }} as visit_decayed_count
    from visits_of_leads as visit
    cross join {{ ref('scoring_setting') }} as setting
    group by visit.tenant_id, visit.lead_id, visit.cutoff_at
),

engagement_events as (
    {{ known_events('stg_engagement_event', 'event_id') }}
),

engagements_of_leads as (
    {{ of_lead_or_visitor('engagement_events', ['event_type']) }}
),

engagements as (
    select
        touch.tenant_id,
        touch.lead_id,
        touch.cutoff_at,
        {%- for name, event_type in [('download', 'content.downloaded'), ('event_attended', 'club.event.attended')] %}
        count(*) filter (where touch.event_type = '{{ event_type }}') as {{ name }}_count,
        count(*) filter (
            where touch.event_type = '{{ event_type }}' and {{ in_last_days('touch.occurred_at', 'touch.cutoff_at', 7) }}
        ) as {{ name }}_count_7d,
        count(*) filter (
            where touch.event_type = '{{ event_type }}' and {{ in_last_days('touch.occurred_at', 'touch.cutoff_at', 30) }}
        ) as {{ name }}_count_30d,
        {{ decayed('touch.occurred_at', 'touch.cutoff_at', "touch.event_type = '" ~ event_type ~ "'") }}
            as {{ name }}_decayed_count,
        {%- endfor %}
        count(*) filter (
            where touch.event_type = 'club.event.registered' and {{ in_last_days('touch.occurred_at', 'touch.cutoff_at', 30) }}
        ) as event_registered_count_30d
    from engagements_of_leads as touch
    cross join {{ ref('scoring_setting') }} as setting
    group by touch.tenant_id, touch.lead_id, touch.cutoff_at
),

email_events as (
    {{ known_events('stg_email_event', 'lead_id') }}
),

-- However often a mail is opened or clicked, it counts once, with its first time.
mails as (
    select
        lead.tenant_id,
        lead.lead_id,
        lead.cutoff_at,
        event.event_type,
        event.message_id,
        min(event.occurred_at) as occurred_at
    from open_leads as lead
    {{ join_known('email_events', 'event', 'lead', 'lead_id') }}
    group by lead.tenant_id, lead.lead_id, lead.cutoff_at, event.event_type, event.message_id
),

emails as (
    select
        mails.tenant_id,
        mails.lead_id,
        mails.cutoff_at,
        count(*) filter (where mails.event_type = 'crm.email.delivered') as email_count,
        count(*) filter (
            where mails.event_type = 'crm.email.opened' and {{ in_last_days('mails.occurred_at', 'mails.cutoff_at', 7) }}
        ) as email_open_count_7d,
        count(*) filter (
            where mails.event_type = 'crm.email.opened' and {{ in_last_days('mails.occurred_at', 'mails.cutoff_at', 30) }}
        ) as email_open_count_30d,
        count(*) filter (
            where mails.event_type = 'crm.email.clicked' and {{ in_last_days('mails.occurred_at', 'mails.cutoff_at', 7) }}
        ) as email_click_count_7d,
        count(*) filter (
            where mails.event_type = 'crm.email.clicked' and {{ in_last_days('mails.occurred_at', 'mails.cutoff_at', 30) }}
        ) as email_click_count_30d,
        {{ decayed('mails.occurred_at', 'mails.cutoff_at', "mails.event_type = 'crm.email.opened'") }}
            as email_open_decayed_count,
        {{ decayed('mails.occurred_at', 'mails.cutoff_at', "mails.event_type = 'crm.email.clicked'") }}
            as email_click_decayed_count,
        count(*) filter (where mails.event_type = 'crm.unsubscribe') > 0 as has_unsubscribed,
        count(*) filter (where mails.event_type = 'crm.email.bounced') > 0 as has_bounced
    from mails
    cross join {{ ref('scoring_setting') }} as setting
    group by mails.tenant_id, mails.lead_id, mails.cutoff_at
)
{%- endmacro -%}

{#- CTEs on `open_leads`: `chats`, `moods` of their messages, and `calls` that were asked for. -#}
{%- macro lead_chats() -%}
message_events as (
    {{ known_events('stg_message_event', 'message_id') }}
),

messages as (
    select
        lead.tenant_id,
        lead.lead_id,
        lead.cutoff_at,
        lead.known_by_at,
        event.message_id,
        event.event_type,
        event.sender,
        event.occurred_at
    from open_leads as lead
    {{ join_known('message_events', 'event', 'lead', 'lead_id') }}
    where event.event_type <> 'chat.message.classified'
),

first_human_messages as (
    select messages.tenant_id, messages.lead_id, messages.cutoff_at, min(messages.occurred_at) as human_at
    from messages
    where messages.event_type = 'chat.message.sent' and messages.sender = 'human'
    group by messages.tenant_id, messages.lead_id, messages.cutoff_at
),

chats as (
    select
        messages.tenant_id,
        messages.lead_id,
        messages.cutoff_at,
        count(*) filter (where messages.event_type = 'chat.message.received') as chat_message_count,
        count(*) filter (
            where
            messages.event_type = 'chat.message.received' and {{ in_last_days('messages.occurred_at', 'messages.cutoff_at', 7) }}
        ) as chat_message_count_7d,
        min(human.human_at) as human_at,
        max(messages.occurred_at) filter (
            where messages.event_type = 'chat.message.received' and messages.occurred_at <= human.human_at
        ) as asked_human_at
    from messages
    left join first_human_messages as human
        on
            messages.tenant_id = human.tenant_id
            and messages.lead_id = human.lead_id
            and messages.cutoff_at = human.cutoff_at
    group by messages.tenant_id, messages.lead_id, messages.cutoff_at
),

moods as (
    select
        messages.tenant_id,
        messages.lead_id,
        messages.cutoff_at,
        count(*) filter (where event.sentiment = 'negative') as negative_message_count,
        count(*) filter (where event.sentiment = 'positive') as positive_message_count,
        count(*) filter (where event.intent = 'call_request') > 0 as has_call_intent,
        count(*) filter (where event.intent = 'price') > 0 as has_price_intent
    from messages
    -- a message may be classified again
    {{ join_known('message_events', 'event', 'messages', 'message_id') }}
    where event.event_type = 'chat.message.classified'
    group by messages.tenant_id, messages.lead_id, messages.cutoff_at
),

followup_events as (
    {{ known_events('stg_followup_event', 'lead_id') }}
),

calls as (
    select lead.tenant_id, lead.lead_id, lead.cutoff_at, count(*) as call_request_count
    from open_leads as lead
    {{ join_known('followup_events', 'event', 'lead', 'lead_id') }}
    where event.event_type = 'chat.call.requested'
    group by lead.tenant_id, lead.lead_id, lead.cutoff_at
)
{%- endmacro -%}
