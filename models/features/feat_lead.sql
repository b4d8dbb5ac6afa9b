{{
    config(
        materialized='incremental',
        incremental_strategy=add_touched(),
        on_schema_change='fail',
        pre_hook="{{ drop_changed(feature_stagings('lead')) }}",
        post_hook="{{ mark_built(feature_stagings('lead')) }}"
    )
}}

with events as (
    {{ known_events('stg_lead_event', 'lead_id', 'crm.lead.created') }}
),

in_order_of_knowledge as (
    select
        events.tenant_id,
        events.lead_id,
        events.occurred_at,
        events.known_from_at,
        row_number() over (
            partition by events.tenant_id, events.lead_id
            order by events.known_from_at, events.occurred_at, events.event_id, events.source
        ) as knowledge_number
    from events
),

-- A lead begins with what made it known, which nothing that comes later moves; in all but odd cases that is its creation.
leads as (
    select
        first_known.tenant_id,
        first_known.lead_id,
        first_known.occurred_at as began_at,
        first_known.known_from_at as first_known_at
    from in_order_of_knowledge as first_known
    where first_known.knowledge_number = 1
),

candidates as (
    select
        cutoff.tenant_id,
        cutoff.lead_id,
        cutoff.began_at,
        cutoff.cutoff_at,
        cutoff.cutoff_at as known_by_at,
        false as is_latest
    from (
        select
            leads.tenant_id,
            leads.lead_id,
            leads.began_at,
            leads.first_known_at,
            {{ from_epoch_micros(epoch_micros('leads.began_at') ~ ' + ' ~ micros('age.cutoff_hours')) }} as cutoff_at
        from leads
        -- as many rows as there are ages
        inner join {{ ref('scoring_cutoff') }} as age
            on age.subject = 'lead'
    ) as cutoff
    where
        cutoff.first_known_at <= cutoff.cutoff_at
        and cutoff.cutoff_at < {{ as_of() }}
        and cutoff.cutoff_at >= {{ changed_from(feature_stagings('lead')) }}
    union all
    select
        leads.tenant_id,
        leads.lead_id,
        leads.began_at,
        {{ as_of() }} as cutoff_at,
        cast('9999-12-31' as timestamp) as known_by_at,
        true as is_latest
    from leads
    where leads.began_at > {{ as_of() }} - interval '90' day
),

stated as (
    select
        candidates.tenant_id,
        candidates.lead_id,
        candidates.began_at,
        candidates.cutoff_at,
        candidates.known_by_at,
        candidates.is_latest,
        {{ last_stated('events', 'lead_source') }} as lead_source,
        {{ last_stated('events', 'utm_source') }} as utm_source,
        {{ last_stated('events', 'utm_medium') }} as utm_medium,
        {{ last_stated('events', 'visitor_id') }} as visitor_id,
        {{ last_stated('events', 'company_size') }} as company_size,
        {{ last_stated('events', 'industry') }} as industry,
        {{ last_stated('events', 'job_title') }} as job_title,
        {{ last_stated('events', 'budget') }} as budget,
        {{ last_stated('events', 'icp_fit_score') }} as icp_fit_score,
        {{ last_stated('events', 'prioritization') }} as prioritization,
        {{ last_stated('events', 'budget_confirmed') }} as budget_confirmed,
        {{ last_stated('events', 'authority_confirmed') }} as authority_confirmed,
        {{ last_stated('events', 'need_confirmed') }} as need_confirmed,
        {{ last_stated('events', 'timing_confirmed') }} as timing_confirmed,
        {{ last_stated('events', 'to_stage') }} as lead_stage,
        count(events.company) > 0 as has_company,
        count(events.challenges) > 0 as has_challenges,
        count(events.referrer_user_id) > 0 as is_referred,
        {%- for field in [
            'email', 'phone', 'first_name', 'last_name', 'company', 'company_size', 'industry', 'job_title', 'budget', 'city'
        ] %}
        {{ '+ ' if not loop.first }}case when count(events.{{ field }}) > 0 then 1 else 0 end
        {%- endfor %} as known_field_count,
        count(*) filter (where events.event_type = 'crm.lead.qualified') > 0 as is_qualified,
        count(*) filter (where events.event_type = 'crm.lead.converted') > 0 as is_converted,
        max_by(events.event_type, events.event_number) filter (
            where events.event_type in ('crm.lead.qualified', 'crm.lead.disqualified')
        ) as verdict_event_type
    from candidates
    {{ join_known('events', 'events', 'candidates', 'lead_id') }}
    group by
        candidates.tenant_id, candidates.lead_id, candidates.began_at, candidates.cutoff_at, candidates.known_by_at,
        candidates.is_latest
),

open_leads as (
    select
        stated.*,
        coalesce({{ channel_of('stated', 'lead_source') }}, '(unknown)') as channel
    from stated
    {{ join_channels('stated', 'lead_source') }}
    where
        not stated.is_converted
        and coalesce(stated.verdict_event_type, '') <> 'crm.lead.disqualified'
        and coalesce(stated.lead_stage, '') not in ('won', 'lost')
),

{{ lead_touches() }},

{{ lead_chats() }},

activity_events as (
    {{ known_events('stg_activity_event', 'lead_id') }}
),

contacts as (
    select
        lead.tenant_id,
        lead.lead_id,
        lead.cutoff_at,
        count(*) as activity_count,
        min(event.occurred_at) filter (where event.activity_type in ('call', 'email', 'meeting')) as answered_at
    from open_leads as lead
    {{ join_known('activity_events', 'event', 'lead', 'lead_id') }}
    group by lead.tenant_id, lead.lead_id, lead.cutoff_at
),

usage_events as (
    {{ known_events('stg_usage_event', 'user_id') }}
),

trials as (
    select
        lead.tenant_id,
        lead.lead_id,
        lead.cutoff_at,
        count(*) filter (where event.event_type = 'lms.trial.started') > 0 as has_trial,
        count(*) filter (where event.event_type = 'app.activated') > 0 as is_activated,
        count(*) filter (where event.event_type in ('app.login', 'app.feature.used')) as product_use_count
    from open_leads as lead
    -- one user, in all but odd cases
    inner join (
        select
            events_of_leads.tenant_id,
            events_of_leads.lead_id,
            events_of_leads.user_id,
            min(events_of_leads.known_from_at) as known_from_at
        from usage_events as events_of_leads
        where events_of_leads.lead_id is not null
        group by events_of_leads.tenant_id, events_of_leads.lead_id, events_of_leads.user_id
    ) as lead_user
        on
            lead.tenant_id = lead_user.tenant_id
            and lead.lead_id = lead_user.lead_id
            and lead_user.known_from_at <= lead.known_by_at
    inner join usage_events as event
        on
            lead.tenant_id = event.tenant_id
            and lead_user.user_id = event.user_id
            and event.known_from_at <= lead.known_by_at
    group by lead.tenant_id, lead.lead_id, lead.cutoff_at
),

-- Every lead is judged when it is 30 days old, whether it converted sooner or not, so that quick ones are not over-represented.
outcomes as (
    select
        judged.tenant_id,
        judged.lead_id,
        judged.known_from_at,
        count(*) filter (where events.event_type = 'crm.lead.converted') > 0 as is_good,
        {{ last_stated('events', 'lead_source') }} as lead_source
    from (
        select
            leads.tenant_id,
            leads.lead_id,
            greatest(leads.began_at + interval '30' day, leads.first_known_at) as known_from_at
        from leads
    ) as judged
    inner join events
        on
            judged.tenant_id = events.tenant_id
            and judged.lead_id = events.lead_id
            and events.known_from_at <= judged.known_from_at
    where judged.known_from_at <= {{ as_of() }}
    group by judged.tenant_id, judged.lead_id, judged.known_from_at
),

tenant_counts as (
    {{ counts_at('outcomes', 'open_leads') }}
),

source_counts as (
    {{ counts_at('outcomes', 'open_leads', 'lead_source') }}
),

rated as (
    select
        lead.*,
        {{ fdiv('tenant_count.good_count + 1', 'tenant_count.decided_count + 2') }} as tenant_conversion_rate_30d,
        source_count.decided_count as source_decided_count,
        source_count.good_count as source_good_count,
        setting.smoothing_count
    from open_leads as lead
    inner join tenant_counts as tenant_count
        on lead.tenant_id = tenant_count.tenant_id and lead.known_by_at = tenant_count.known_by_at
    left join source_counts as source_count
        on
            lead.tenant_id = source_count.tenant_id
            and lead.lead_source = source_count.lead_source
            and lead.known_by_at = source_count.known_by_at
    cross join {{ ref('scoring_setting') }} as setting
)

select
    lead.tenant_id,
    lead.lead_id,
    lead.cutoff_at,
    lead.is_latest,
    {{ days_since('lead.began_at', 'lead.cutoff_at') }} as lead_age_days,
    lead.lead_source,
    lead.channel,
    lead.is_referred,
    lead.has_company,
    lead.company_size,
    lead.industry,
    lead.job_title,
    lead.budget,
    {{ fdiv('lead.known_field_count', '10') }} as profile_completeness_rate,
    lead.icp_fit_score,
    lead.prioritization,
    lead.budget_confirmed,
    lead.authority_confirmed,
    lead.need_confirmed,
    lead.timing_confirmed,
    lead.has_challenges,
    lead.is_qualified,
    coalesce(visits.visit_count, 0) as visit_count,
    coalesce(visits.visit_count_7d, 0) as visit_count_7d,
    coalesce(visits.visit_count_30d, 0) as visit_count_30d,
    coalesce(visits.page_view_count_7d, 0) as page_view_count_7d,
    coalesce(visits.pricing_visit_count_30d, 0) as pricing_visit_count_30d,
    coalesce(visits.visit_decayed_count, 0) as visit_decayed_count,
    {{ days_since('visits.last_visit_at', 'lead.cutoff_at') }} as days_since_last_visit,
    coalesce(engagements.download_count, 0) as download_count,
    coalesce(engagements.download_count_7d, 0) as download_count_7d,
    coalesce(engagements.download_count_30d, 0) as download_count_30d,
    coalesce(engagements.download_decayed_count, 0) as download_decayed_count,
    coalesce(engagements.event_attended_count, 0) as event_attended_count,
    coalesce(engagements.event_attended_count_7d, 0) as event_attended_count_7d,
    coalesce(engagements.event_attended_count_30d, 0) as event_attended_count_30d,
    coalesce(engagements.event_attended_decayed_count, 0) as event_attended_decayed_count,
    coalesce(engagements.event_registered_count_30d, 0) as event_registered_count_30d,
    coalesce(emails.email_count, 0) as email_count,
    coalesce(emails.email_open_count_7d, 0) as email_open_count_7d,
    coalesce(emails.email_open_count_30d, 0) as email_open_count_30d,
    coalesce(emails.email_open_decayed_count, 0) as email_open_decayed_count,
    coalesce(emails.email_click_count_7d, 0) as email_click_count_7d,
    coalesce(emails.email_click_count_30d, 0) as email_click_count_30d,
    coalesce(emails.email_click_decayed_count, 0) as email_click_decayed_count,
    coalesce(emails.has_unsubscribed, false) as has_unsubscribed,
    coalesce(emails.has_bounced, false) as has_bounced,
    coalesce(chats.chat_message_count, 0) as chat_message_count,
    coalesce(chats.chat_message_count_7d, 0) as chat_message_count_7d,
    coalesce(moods.negative_message_count, 0) as negative_message_count,
    coalesce(moods.positive_message_count, 0) as positive_message_count,
    coalesce(calls.call_request_count > 0, false) or coalesce(moods.has_call_intent, false)
    or coalesce(lead.lead_stage = 'call_requested', false) as asks_for_call,
    coalesce(moods.has_price_intent, false) as asks_for_price,
    coalesce(lead.lead_stage = 'complete_data', false) as has_complete_data,
    coalesce(contacts.activity_count, 0) as activity_count,
    contacts.answered_at is not null or chats.human_at is not null as is_answered,
    {{ hours(micros_between(
        'lead.began_at',
        'least(lead.cutoff_at, coalesce(contacts.answered_at, lead.cutoff_at), coalesce(chats.human_at, lead.cutoff_at))'
    )) }} as response_hours_so_far,
    {{ hours(micros_between('chats.asked_human_at', 'chats.human_at')) }} as human_reply_hours,
    coalesce(trials.has_trial, false) as has_trial,
    coalesce(trials.is_activated, false) as is_activated,
    coalesce(trials.product_use_count, 0) as product_use_count,
    lead.tenant_conversion_rate_30d,
    {{ smoothed(
        'lead.source_good_count', 'lead.source_decided_count', 'lead.tenant_conversion_rate_30d', 'lead.smoothing_count'
    ) }} as source_conversion_rate_30d
from rated as lead
left join visits
    on lead.tenant_id = visits.tenant_id and lead.lead_id = visits.lead_id and lead.cutoff_at = visits.cutoff_at
left join engagements
    on lead.tenant_id = engagements.tenant_id and lead.lead_id = engagements.lead_id and lead.cutoff_at = engagements.cutoff_at
left join emails
    on lead.tenant_id = emails.tenant_id and lead.lead_id = emails.lead_id and lead.cutoff_at = emails.cutoff_at
left join chats
    on lead.tenant_id = chats.tenant_id and lead.lead_id = chats.lead_id and lead.cutoff_at = chats.cutoff_at
left join moods
    on lead.tenant_id = moods.tenant_id and lead.lead_id = moods.lead_id and lead.cutoff_at = moods.cutoff_at
left join calls
    on lead.tenant_id = calls.tenant_id and lead.lead_id = calls.lead_id and lead.cutoff_at = calls.cutoff_at
left join contacts
    on lead.tenant_id = contacts.tenant_id and lead.lead_id = contacts.lead_id and lead.cutoff_at = contacts.cutoff_at
left join trials
    on lead.tenant_id = trials.tenant_id and lead.lead_id = trials.lead_id and lead.cutoff_at = trials.cutoff_at
